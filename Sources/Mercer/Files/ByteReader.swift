/// Reads little-endian numbers and pieces from bytes, each checked against the end.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    let path: String
    var position: Int

    init(_ bytes: UnsafeRawBufferPointer, path: String, at position: Int = 0) {
        self.bytes = bytes
        self.path = path
        self.position = position
    }

    var remaining: Int { bytes.count - position }

    func failure(_ found: String, _ expected: String, at position: Int? = nil) -> TensorFileError {
        .malformed(path: path, place: .byte(position ?? self.position), found: found, expected: expected)
    }

    /// A number. `what` names it where the bytes end before.
    mutating func number<T: FixedWidthInteger>(_ type: T.Type, _ what: @autoclosure () -> String) throws -> T {
        let size = MemoryLayout<T>.size
        guard size <= remaining else { throw failure("the end of the file", what()) }
        defer { position += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
    }

    /// The next `count` bytes.
    mutating func take(_ count: UInt64, _ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
        guard count <= UInt64(remaining) else {
            throw failure("\(remaining) bytes to the end", "\(what()) of \(count) bytes")
        }
        defer { position += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<(position + Int(count))])
    }
}
