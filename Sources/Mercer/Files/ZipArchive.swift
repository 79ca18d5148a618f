/// A zip archive: members by name, unpacked when they are asked for. Stored and deflated members, zip64.
///
/// Opening checks the directory: members inside the file that don't overlap (as in a zip bomb that uses the same data
/// many times), sizes that the method can't have, names that occur twice. Unpacking checks length and checksum, and
/// takes memory only for bytes that really come out.
public struct ZipArchive: Sendable {
    /// The names of the members, in the order of the directory.
    public let names: [String]
    let contents: FileContents
    private let members: [String: Member]

    private struct Member: Sendable {
        var method: UInt16
        var checksum: UInt32
        /// Bytes when unpacked.
        var size: Int
        var header: Int
        /// Packed bytes, as offsets in the file.
        var data: Range<Int>
    }

    /// A deflated byte needs at least one bit for each 258, and a little more for the block: it can't grow further.
    private static let largestExpansion = 1032

    /// Opens a file.
    public init(contentsOf path: String) throws { try self.init(FileContents(mapping: path)) }

    /// Opens bytes that are mapped or in memory already.
    public init(_ contents: FileContents) throws {
        self.contents = contents
        (names, members) = try contents.withUnsafeBytes { try Self.directory($0, contents.path) }
    }

    /// Whether the bytes begin like a zip archive.
    public static func isZip(_ contents: FileContents) -> Bool {
        contents.withUnsafeBytes { bytes in
            bytes.count >= 4 && bytes[0] == 0x50 && bytes[1] == 0x4b
                && (bytes[2] == 3 && bytes[3] == 4 || bytes[2] == 5 && bytes[3] == 6)
        }
    }

    /// The unpacked size of a member.
    public func size(of name: String) throws -> Int { try member(name).size }

    /// The bytes of a member: of the file itself where it is stored, unpacked where it is deflated.
    ///
    /// - Throws: where data, length or checksum are wrong.
    public func contents(of name: String) throws -> FileContents {
        let member = try member(name)
        let path = contents.path
        let result: FileContents
        if member.method == 0 {
            result = contents.part(member.data, name: "\(path)/\(name)")
        } else {
            result = try contents.withUnsafeBytes { bytes in
                var output = GrowingBytes(forPacked: member.data.count, limit: member.size)
                let consumed = try Inflate.stream(
                    UnsafeRawBufferPointer(rebasing: bytes[member.data]), into: &output, path: path,
                    place: { .byteOfEntry($0, name) })
                guard output.count == member.size, consumed == member.data.count else {
                    throw TensorFileError.malformed(
                        path: path, place: .entry(name),
                        found: "\(output.count) bytes in \(consumed) packed ones",
                        expected: "\(member.size) in \(member.data.count)")
                }
                return FileContents(output.storage, 0..<output.count, name: "\(path)/\(name)")
            }
        }
        guard result.withUnsafeBytes({ CRC32.of($0) }) == member.checksum else {
            throw TensorFileError.malformed(
                path: path, place: .entry(name), found: "a checksum that doesn't fit the data",
                expected: "the data's")
        }
        return result
    }

    private func member(_ name: String) throws -> Member {
        if let member = members[name] { return member }
        throw TensorFileError.missing(path: contents.path, name: name, available: names)
    }
}

// MARK: The directory

extension ZipArchive {
    private static func directory(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> (
        [String], [String: Member]
    ) {
        let (range, count) = try locateDirectory(bytes, path)
        var reader = ByteReader(
            UnsafeRawBufferPointer(rebasing: bytes[..<range.upperBound]), path: path, at: range.lowerBound)
        var names: [String] = []
        var members: [String: Member] = [:]
        while reader.remaining > 0 {
            let (name, member) = try readMember(&reader, directoryStart: range.lowerBound)
            guard members.updateValue(member, forKey: name) == nil else {
                throw TensorFileError.malformed(
                    path: path, place: .entry(name), found: "the name twice", expected: "each name once")
            }
            names.append(name)
        }
        guard UInt64(names.count) == count else {
            throw reader.failure("\(names.count) members", "the \(count) that the archive announces")
        }
        var end = 0
        for name in names.sorted(by: { members[$0]!.header < members[$1]!.header }) {
            let member = members[name]!
            guard member.header >= end else {
                throw TensorFileError.malformed(
                    path: path, place: .entry(name),
                    found: "data at byte \(member.header) that another member uses too",
                    expected: "byte \(end) or later")
            }
            end = member.data.upperBound
        }
        return (names, members)
    }

    /// Finds the end record (and its zip64 form), which lies before a comment at the end of the file.
    private static func locateDirectory(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> (
        Range<Int>, UInt64
    ) {
        let earliest = max(0, bytes.count - 22 - 0xffff)
        var start = bytes.count - 22
        while start >= earliest {
            let isRecord =
                bytes.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian == 0x0605_4b50
                && Int(bytes.loadUnaligned(fromByteOffset: start + 20, as: UInt16.self).littleEndian)
                    == bytes.count - start - 22
            if isRecord { break }
            start -= 1
        }
        guard start >= earliest else {
            throw TensorFileError.malformed(
                path: path, place: .file, found: "no end record in \(bytes.count) bytes",
                expected: "a zip archive (it may be cut off)")
        }
        var reader = ByteReader(bytes, path: path, at: start + 4)
        let disk = try reader.number(UInt16.self, "a disk number")
        let directoryDisk = try reader.number(UInt16.self, "a disk number")
        _ = try reader.number(UInt16.self, "a member count")
        var count = UInt64(try reader.number(UInt16.self, "a member count"))
        var size = UInt64(try reader.number(UInt32.self, "the directory's size"))
        var offset = UInt64(try reader.number(UInt32.self, "the directory's offset"))
        var end = start
        if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff, start >= 20 {
            var locator = ByteReader(bytes, path: path, at: start - 20)
            if try locator.number(UInt32.self, "a locator") == 0x0706_4b50 {
                _ = try locator.number(UInt32.self, "a disk number")
                let position = try locator.number(UInt64.self, "the zip64 record's offset")
                guard position <= UInt64(start - 20) else {
                    throw locator.failure("a zip64 record at byte \(position)", "one before its locator")
                }
                var record = ByteReader(bytes, path: path, at: Int(position))
                guard try record.number(UInt32.self, "a zip64 record") == 0x0606_4b50 else {
                    throw record.failure("no zip64 record", "one", at: Int(position))
                }
                _ = try record.take(28, "a zip64 record")
                count = try record.number(UInt64.self, "a member count")
                size = try record.number(UInt64.self, "the directory's size")
                offset = try record.number(UInt64.self, "the directory's offset")
                end = Int(position)
            }
        } else if disk != 0 || directoryDisk != 0 {
            throw TensorFileError.unsupported(
                path: path, place: .byte(start), found: "an archive in several parts", supported: "one file")
        }
        let (directoryEnd, overflow) = offset.addingReportingOverflow(size)
        guard !overflow, directoryEnd <= UInt64(end) else {
            throw TensorFileError.malformed(
                path: path, place: .byte(start), found: "a directory of \(size) bytes at byte \(offset)",
                expected: "one before byte \(end)")
        }
        return (Int(offset)..<Int(directoryEnd), count)
    }

    private static func readMember(_ reader: inout ByteReader, directoryStart: Int) throws -> (String, Member) {
        let path = reader.path
        let start = reader.position
        guard try reader.number(UInt32.self, "a directory record") == 0x0201_4b50 else {
            throw reader.failure("no directory record", "one", at: start)
        }
        _ = try reader.take(4, "versions")
        let flags = try reader.number(UInt16.self, "flags")
        let method = try reader.number(UInt16.self, "a method")
        _ = try reader.take(4, "a date")
        let checksum = try reader.number(UInt32.self, "a checksum")
        var packed = UInt64(try reader.number(UInt32.self, "a packed size"))
        var size = UInt64(try reader.number(UInt32.self, "a size"))
        let nameLength = try reader.number(UInt16.self, "a name length")
        let extraLength = try reader.number(UInt16.self, "a length")
        let commentLength = try reader.number(UInt16.self, "a length")
        _ = try reader.take(8, "attributes")
        var offset = UInt64(try reader.number(UInt32.self, "an offset"))
        let name = text(try reader.take(UInt64(nameLength), "a name"))
        var extra = ByteReader(try reader.take(UInt64(extraLength), "extra fields"), path: path)
        _ = try reader.take(UInt64(commentLength), "a comment")
        while extra.remaining >= 4 {
            let kind = try extra.number(UInt16.self, "a field")
            var field = ByteReader(
                try extra.take(UInt64(try extra.number(UInt16.self, "a field")), "a field"), path: path)
            guard kind == 1 else { continue }
            if size == 0xffff_ffff { size = try field.number(UInt64.self, "a zip64 size") }
            if packed == 0xffff_ffff { packed = try field.number(UInt64.self, "a zip64 packed size") }
            if offset == 0xffff_ffff { offset = try field.number(UInt64.self, "a zip64 offset") }
        }
        func failure(_ found: String, _ expected: String) -> TensorFileError {
            .malformed(path: path, place: .entry(name), found: found, expected: expected)
        }
        guard flags & 1 == 0 else {
            throw TensorFileError.unsupported(
                path: path, place: .entry(name), found: "an encrypted member", supported: "plain ones")
        }
        guard method == 0 || method == 8 else {
            throw TensorFileError.unsupported(
                path: path, place: .entry(name), found: "compression method \(method)",
                supported: "0 (stored), 8 (deflated)")
        }
        guard offset < UInt64(directoryStart) else {
            throw failure("a header at byte \(offset)", "one before the directory at byte \(directoryStart)")
        }
        var local = ByteReader(
            UnsafeRawBufferPointer(rebasing: reader.bytes[..<directoryStart]), path: path, at: Int(offset))
        guard try local.number(UInt32.self, "a member's header") == 0x0403_4b50 else {
            throw failure("no header at byte \(offset)", "a member's")
        }
        _ = try local.take(22, "a member's header")
        let localName = try local.number(UInt16.self, "a name length")
        let localExtra = try local.number(UInt16.self, "a length")
        _ = try local.take(UInt64(localName), "a name")
        _ = try local.take(UInt64(localExtra), "extra fields")
        guard packed <= UInt64(local.remaining) else {
            throw failure("\(packed) packed bytes", "at most \(local.remaining) before the directory")
        }
        guard method == 0 ? size == packed : size / UInt64(largestExpansion) <= packed else {
            throw failure("a size of \(size) bytes", "one that \(packed) packed bytes can have")
        }
        let member = Member(
            method: method, checksum: checksum, size: Int(size), header: Int(offset),
            data: local.position..<(local.position + Int(packed)))
        return (name, member)
    }

    /// A name: UTF-8, or Latin-1 where it isn't that.
    private static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        String(validating: bytes, as: UTF8.self)
            ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
