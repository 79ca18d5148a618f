/// A model that is spread over several safetensors files, opened through its index (`model.safetensors.index.json`:
/// `{"metadata": …, "weight_map": {"tensor": "file", …}}`). The files lie in the folder of the index.
public struct ShardedSafetensors: Sendable {
    /// The names of the tensors, in the order of the index.
    public let names: [String]
    private let path: String
    private let files: [String: Safetensors]
    private let fileOfName: [String: String]

    /// Opens an index and its shards.
    ///
    /// - Throws: where a shard is missing or broken, lies outside the folder, or lacks a tensor that it should have.
    public init(contentsOf path: String) throws {
        let contents = try FileContents(mapping: path)
        var names: [String] = []
        var fileOfName: [String: String] = [:]
        var hasMap = false
        try contents.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes, path: path)
            try scanner.object { scanner, key in
                guard key == "weight_map" else { return try scanner.skipValue() }
                if hasMap { throw scanner.failure("a second weight_map", "one") }
                hasMap = true
                try scanner.object { scanner, name in
                    let file = try scanner.string()
                    guard !file.isEmpty, file != "..", !file.contains("/"), !file.contains("\0") else {
                        throw scanner.failure(
                            "the file name \(TensorFileError.quoted(file))",
                            "a file in the folder of the index")
                    }
                    guard fileOfName.updateValue(file, forKey: name) == nil else {
                        throw scanner.failure("the name \(TensorFileError.quoted(name)) twice", "it once")
                    }
                    names.append(name)
                }
            }
            try scanner.expectEnd()
        }
        guard hasMap else {
            throw TensorFileError.malformed(
                path: path, place: .file, found: "no weight_map",
                expected: "the index of a sharded safetensors model")
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var files: [String: Safetensors] = [:]
        for file in Set(fileOfName.values) { files[file] = try Safetensors(contentsOf: folder + file) }
        for name in names { _ = try files[fileOfName[name]!]!.shape(of: name) }
        self.path = path
        self.names = names
        self.files = files
        self.fileOfName = fileOfName
    }

    /// The length of each axis of a tensor.
    public func shape(of name: String) throws -> [Int] { try file(of: name).shape(of: name) }

    /// A tensor, over its mapped file or in memory of its own.
    public func tensor(_ name: String, copied: Bool = false) throws -> Tensor {
        try file(of: name).tensor(name, copied: copied)
    }

    /// All tensors.
    public func tensors(copied: Bool = false) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for name in names { result[name] = try tensor(name, copied: copied) }
        return result
    }

    private func file(of name: String) throws -> Safetensors {
        guard let file = fileOfName[name] else {
            throw TensorFileError.missing(path: path, name: name, available: names)
        }
        return files[file]!
    }
}
