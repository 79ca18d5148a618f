/// The tensors of a file by name, whatever its format: safetensors, the index of a sharded model (`….index.json`), NumPy's
/// `.npz`, a PyTorch checkpoint, or the plain tensors of a GGUF file. The contents decide, not the extension.
///
/// - Parameter mapped: whether the tensors lie over the mapped file where its layout allows, which costs no memory until it
///   is touched, rather than in memory of their own.
/// - Throws: ``TensorFileError`` for what is wrong with the file, with the place.
public func loadTensors(_ path: String, mapped: Bool = false) throws -> [String: Tensor] {
    if path.hasSuffix(".index.json") {
        return try ShardedSafetensors(contentsOf: path).tensors(copied: !mapped)
    }
    let contents = try FileContents(mapping: path)
    let isGGUF = contents.withUnsafeBytes { $0.starts(with: "GGUF".utf8) }
    if isGGUF {
        let file = try GGUF(contents)
        let plain = try file.names.filter { try file.type(of: $0).dtype != nil }
        return try Dictionary(uniqueKeysWithValues: plain.map { ($0, try file.tensor($0, copied: !mapped)) })
    }
    guard ZipArchive.isZip(contents) else { return try Safetensors(contents).tensors(copied: !mapped) }
    let archive = try ZipArchive(contents)
    guard archive.names.contains(where: { $0.hasSuffix("data.pkl") }) else {
        return try Npz(archive).tensors(copied: !mapped)
    }
    let tensors = try PyTorchCheckpoint(contents).tensors
    return mapped ? tensors : tensors.mapValues { $0.denseCopy() }
}

/// Writes tensors as a safetensors file; the same tensors give the same bytes. See ``Safetensors/write(_:to:metadata:)``.
public func saveTensors(_ tensors: [String: Tensor], to path: String, metadata: [String: String] = [:]) throws {
    try Safetensors.write(tensors, to: path, metadata: metadata)
}
