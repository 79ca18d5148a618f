/// The tensors of a PyTorch checkpoint (`.pth`, `.pt`, as `torch.save` has written them since version 1.6).
///
/// Such a file is a zip archive of a pickle, which is a program, and of raw storages. Nothing of the program is run: an
/// interpreter of its own knows containers, numbers, text and the few functions that rebuild tensors, and refuses
/// everything else by name. Tensors lie over the mapped file with the strides they were saved with.
///
/// Nested containers are flattened: `{"model": {"w": …}, "steps": […]}` gives `model.w`, `steps.0`, …; a state
/// dictionary keeps its names. What isn't a tensor is left out; a single tensor has the empty name.
public struct PyTorchCheckpoint: Sendable {
    /// The names of the tensors, in the order of the file.
    public let names: [String]
    /// The tensors by name.
    public let tensors: [String: Tensor]

    /// Opens a file.
    public init(contentsOf path: String) throws { try self.init(FileContents(mapping: path)) }

    /// Opens bytes that are mapped or in memory already.
    public init(_ contents: FileContents) throws {
        let path = contents.path
        guard ZipArchive.isZip(contents) else {
            throw TensorFileError.unsupported(
                path: path, place: .file,
                found: "a checkpoint that isn't a zip archive (older than PyTorch 1.6?)",
                supported: "what torch.save writes since then; save it again")
        }
        let archive = try ZipArchive(contents)
        guard let pickle = archive.names.first(where: { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") })
        else {
            throw TensorFileError.malformed(
                path: path, place: .file, found: "a zip archive without data.pkl",
                expected: "a PyTorch checkpoint")
        }
        let folder = String(pickle.dropLast("data.pkl".count))
        if archive.names.contains(folder + "byteorder") {
            let order = try archive.contents(of: folder + "byteorder")
            guard order.withUnsafeBytes({ $0.elementsEqual("little".utf8) }) else {
                throw TensorFileError.unsupported(
                    path: path, place: .entry(folder + "byteorder"), found: "a big-endian checkpoint",
                    supported: "little-endian ones")
            }
        }
        let program = try archive.contents(of: pickle)
        let list = try program.withUnsafeBytes { bytes -> [(String, Tensor)] in
            var unpickler = Unpickler(bytes, path: program.path) { key in
                try archive.contents(of: "\(folder)data/\(key)")
            }
            defer { unpickler.breakCycles() }
            return try unpickler.tensors()
        }
        names = list.map(\.0)
        tensors = try list.reduce(into: [:]) { tensors, item in
            if tensors.updateValue(item.1, forKey: item.0) != nil {
                throw TensorFileError.malformed(
                    path: path, place: .entry(item.0), found: "the name twice", expected: "each name once")
            }
        }
    }
}
