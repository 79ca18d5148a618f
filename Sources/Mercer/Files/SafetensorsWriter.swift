extension Safetensors {
    /// Writes tensors as a safetensors file, beside the destination first.
    ///
    /// The same tensors give the same bytes: they lie by descending element size, then by name, so that each is
    /// aligned for its type when the file is mapped; the header is padded with blanks to a multiple of 8.
    ///
    /// - Parameter metadata: strings that the file says about itself.
    /// - Throws: for types that the format doesn't have (complex128) and for what the system refuses.
    public static func write(
        _ tensors: [String: Tensor], to path: String, metadata: [String: String] = [:]
    ) throws {
        let items = try tensors.map { name, tensor in
            guard name != "__metadata__" else {
                throw TensorFileError.unsupported(
                    path: path, place: .entry(name), found: "a tensor of this name",
                    supported: "any other name")
            }
            guard let type = typeNames[tensor.dtype] else {
                throw TensorFileError.unsupported(
                    path: path, place: .entry(name), found: "a \(tensor.dtype) tensor in a safetensors file",
                    supported: dtypes.values.map(\.description).sorted().joined(separator: ", "))
            }
            return (name: name, type: type, tensor: tensor)
        }
        .sorted { a, b in
            let (m, n) = (a.tensor.dtype.size, b.tensor.dtype.size)
            return m == n ? a.name.utf8.lexicographicallyPrecedes(b.name.utf8) : m > n
        }
        let header = header(items, metadata)
        try AtomicFile.write(to: path) { file in
            try withUnsafeBytes(of: UInt64(header.count).littleEndian) { try file.write($0) }
            try file.write(header)
            for item in items { try item.tensor.withUnsafeBytes { try file.write($0) } }
        }
    }

    private static let typeNames = Dictionary(uniqueKeysWithValues: dtypes.map { ($1, $0) })

    private static func header(
        _ items: [(name: String, type: String, tensor: Tensor)], _ metadata: [String: String]
    ) -> [UInt8] {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { JSONScanner.encoded($0) + ":" + JSONScanner.encoded($1) }
            members.append("\"__metadata__\":{" + pairs.joined(separator: ",") + "}")
        }
        var offset = 0
        for item in items {
            let shape = item.tensor.shape.map(String.init).joined(separator: ",")
            let end = offset + item.tensor.byteCount
            members.append(
                JSONScanner.encoded(item.name)
                    + ":{\"dtype\":\"\(item.type)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
            )
            offset = end
        }
        var text = Array(("{" + members.joined(separator: ",") + "}").utf8)
        while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
        return text
    }
}
