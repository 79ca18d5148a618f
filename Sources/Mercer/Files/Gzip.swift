/// Reading of gzip files (RFC 1952).
public enum Gzip {
    /// Bytes that are unpacked unless the caller allows more: 16 GiB.
    public static let defaultLimit = 1 << 34

    /// Whether the bytes begin like a gzip file.
    public static func isGzip(_ contents: FileContents) -> Bool {
        contents.withUnsafeBytes { $0.count >= 2 && $0[0] == 0x1f && $0[1] == 0x8b }
    }

    /// The unpacked bytes of a gzip file, of all its members one after the other.
    ///
    /// Memory grows with what really comes out; checksums and lengths are verified.
    ///
    /// - Parameter limit: more bytes than this are an error.
    public static func unpacked(_ contents: FileContents, limit: Int = defaultLimit) throws -> FileContents {
        try contents.withUnsafeBytes { bytes in
            var output = GrowingBytes(forPacked: bytes.count, limit: limit)
            var reader = ByteReader(bytes, path: contents.path)
            repeat {
                try skipHeader(&reader)
                let start = reader.position
                let before = output.count
                reader.position += try Inflate.stream(
                    UnsafeRawBufferPointer(rebasing: bytes[start...]), into: &output, path: contents.path,
                    place: { .byte(start + $0) })
                let member = output.bytes(from: before)
                let checksum = try reader.number(UInt32.self, "a checksum")
                let length = try reader.number(UInt32.self, "a length")
                guard checksum == CRC32.of(member) else {
                    throw reader.failure(
                        "a checksum that doesn't fit the data", "the data's", at: reader.position - 8)
                }
                guard length == UInt32(truncatingIfNeeded: member.count) else {
                    throw reader.failure("a length of \(length)", "\(member.count)", at: reader.position - 4)
                }
            } while reader.remaining > 0
            return FileContents(output.storage, 0..<output.count, name: contents.path)
        }
    }

    /// Reads a file, unpacked where it is gzip.
    public static func contents(of path: String, limit: Int = defaultLimit) throws -> FileContents {
        let contents = try FileContents(mapping: path)
        return isGzip(contents) ? try unpacked(contents, limit: limit) : contents
    }

    private static func skipHeader(_ reader: inout ByteReader) throws {
        let start = reader.position
        guard try reader.number(UInt16.self, "a gzip header") == 0x8b1f else {
            throw reader.failure("no gzip signature", "1f 8b", at: start)
        }
        let method = try reader.number(UInt8.self, "a gzip header")
        guard method == 8 else {
            throw reader.failure("compression method \(method)", "8 (deflate)", at: start + 2)
        }
        let flags = try reader.number(UInt8.self, "a gzip header")
        guard flags & 0xe0 == 0 else { throw reader.failure("reserved flags", "none", at: start + 3) }
        _ = try reader.take(6, "a gzip header")
        if flags & 4 != 0 {
            let length = try reader.number(UInt16.self, "an extra field")
            _ = try reader.take(UInt64(length), "an extra field")
        }
        for flag in [8, 16] as [UInt8] where flags & flag != 0 {
            while try reader.number(UInt8.self, "the end of a name or comment") != 0 {}
        }
        if flags & 2 != 0 { _ = try reader.number(UInt16.self, "a header checksum") }
    }
}
