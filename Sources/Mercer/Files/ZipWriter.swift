/// Writes a zip archive of stored members, with zip64 records where sizes or offsets need them. The data of each member
/// starts at a multiple of 64 bytes, so that it can be used in place when the archive is mapped.
struct ZipWriter {
    private let file: AtomicFile
    private var directory: [UInt8] = []
    private var count = 0

    /// Sizes from here on go to zip64 fields.
    private static let limit32 = 0xffff_ffff
    /// The extra field in which Android's zipalign pads.
    private static let paddingField: UInt16 = 0xd935
    /// 1 January 1980, the format's first day: the same members give the same bytes.
    private static let date: UInt32 = 0x0021_0000

    init(_ file: AtomicFile) { self.file = file }

    /// Appends a member made of pieces.
    mutating func add(_ name: String, _ pieces: [UnsafeRawBufferPointer]) throws {
        let size = pieces.reduce(0) { $0 + $1.count }
        var checksum = CRC32()
        for piece in pieces { checksum.update(piece) }
        let offset = file.position
        let utf8 = Array(name.utf8)
        guard utf8.count <= 0xffff - 64 else {
            throw TensorFileError.unsupported(
                path: file.path, place: .entry(name), found: "a name of \(utf8.count) bytes in a zip archive",
                supported: "names below 64 KiB")
        }

        var extra: [UInt8] = []
        if size >= Self.limit32 { extra.appendNumbers(UInt16(1), UInt16(16), UInt64(size), UInt64(size)) }
        let unpadded = offset + 30 + utf8.count + extra.count + 4
        let padding = (64 - unpadded % 64) % 64
        extra.appendNumbers(Self.paddingField, UInt16(padding))
        extra += [UInt8](repeating: 0, count: padding)

        let size32 = UInt32(min(size, Self.limit32))
        var header: [UInt8] = []
        header.appendNumbers(UInt32(0x0403_4b50), UInt16(45), UInt16(0x800), UInt16(0), Self.date)
        header.appendNumbers(checksum.value, size32, size32, UInt16(utf8.count), UInt16(extra.count))
        try file.write(header + utf8 + extra)
        for piece in pieces { try file.write(piece) }

        var fields: [UInt64] = size >= Self.limit32 ? [UInt64(size), UInt64(size)] : []
        if offset >= Self.limit32 { fields.append(UInt64(offset)) }
        var large: [UInt8] = []
        if !fields.isEmpty {
            large.appendNumbers(UInt16(1), UInt16(8 * fields.count))
            for field in fields { large.appendNumbers(field) }
        }
        directory.appendNumbers(
            UInt32(0x0201_4b50), UInt16(45), UInt16(45), UInt16(0x800), UInt16(0), Self.date)
        directory.appendNumbers(
            checksum.value, size32, size32, UInt16(utf8.count), UInt16(large.count), UInt16(0))
        directory.appendNumbers(UInt16(0), UInt16(0), UInt32(0), UInt32(min(offset, Self.limit32)))
        directory += utf8 + large
        count += 1
    }

    /// Appends the directory.
    mutating func finish() throws {
        let start = file.position
        var end: [UInt8] = []
        if start >= Self.limit32 || directory.count >= Self.limit32 || count >= 0xffff {
            end.appendNumbers(UInt32(0x0606_4b50), UInt64(44), UInt16(45), UInt16(45), UInt32(0), UInt32(0))
            end.appendNumbers(UInt64(count), UInt64(count), UInt64(directory.count), UInt64(start))
            end.appendNumbers(UInt32(0x0706_4b50), UInt32(0), UInt64(start + directory.count), UInt32(1))
        }
        let members = UInt16(min(count, 0xffff))
        end.appendNumbers(UInt32(0x0605_4b50), UInt16(0), UInt16(0), members, members)
        end.appendNumbers(
            UInt32(min(directory.count, Self.limit32)), UInt32(min(start, Self.limit32)), UInt16(0))
        try file.write(directory)
        try file.write(end)
    }
}

extension [UInt8] {
    /// Appends numbers, the lowest byte of each first.
    fileprivate mutating func appendNumbers(_ numbers: any FixedWidthInteger...) {
        for number in numbers { append(littleEndian: number) }
    }

    private mutating func append<T: FixedWidthInteger>(littleEndian number: T) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }
}
