/// NumPy's `.npz` files: arrays by name in a zip archive, stored or compressed, read when they are asked for.
///
/// ```swift
/// let file = try Npz(contentsOf: "data.npz")
/// let x = try file.tensor("x")
/// try Npz.write(["x": x], to: "copy.npz")
/// ```
public struct Npz: Sendable {
    /// The names of the arrays, in the order of the archive.
    public let names: [String]
    private let archive: ZipArchive

    /// Opens a file.
    public init(contentsOf path: String) throws { try self.init(ZipArchive(contentsOf: path)) }

    /// Opens an archive. Members that aren't arrays are passed over.
    public init(_ archive: ZipArchive) {
        self.archive = archive
        names = archive.names.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    }

    /// An array. One that is stored lies over the mapped file unless `copied` asks for memory of its own.
    public func tensor(_ name: String, copied: Bool = false) throws -> Tensor {
        guard names.contains(name) else {
            throw TensorFileError.missing(path: archive.contents.path, name: name, available: names)
        }
        return try Npy.read(archive.contents(of: name + ".npy"), copied: copied)
    }

    /// All arrays.
    public func tensors(copied: Bool = false) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for name in names { result[name] = try tensor(name, copied: copied) }
        return result
    }

    /// Writes arrays by name, uncompressed, beside the destination first; the same arrays give the same bytes.
    ///
    /// - Throws: for bfloat16, which NumPy doesn't have.
    public static func write(_ tensors: [String: Tensor], to path: String) throws {
        let items = tensors.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let headers = try items.map { try Npy.header(of: $0.value, path, .entry($0.key)) }
        try AtomicFile.write(to: path) { file in
            var archive = ZipWriter(file)
            for (item, header) in zip(items, headers) {
                try item.value.withUnsafeBytes { data in
                    try header.withUnsafeBytes { try archive.add(item.key + ".npy", [$0, data]) }
                }
            }
            try archive.finish()
        }
    }
}
