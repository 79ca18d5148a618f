/// The checksum of zip and gzip (CRC-32, polynomial 0xEDB88320), eight bytes at a time.
public struct CRC32 {
    private var state: UInt32 = 0xffff_ffff

    /// The checksum of all bytes so far.
    public var value: UInt32 { ~state }

    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        Self.tables.withUnsafeBufferPointer { tables in
            var state = state
            var position = 0
            while bytes.count - position >= 8 {
                let word = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                let mixed = word ^ UInt64(state)
                state = 0
                for i in 0..<8 {
                    state ^= tables[(7 - i) * 256 + Int(truncatingIfNeeded: mixed >> UInt64(8 * i)) & 0xff]
                }
                position += 8
            }
            while position < bytes.count {
                state = tables[Int(UInt8(truncatingIfNeeded: state) ^ bytes[position])] ^ (state >> 8)
                position += 1
            }
            self.state = state
        }
    }

    /// The checksum of bytes.
    public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = CRC32()
        checksum.update(bytes)
        return checksum.value
    }

    /// Table k gives what a byte does to the state when k more zero bytes follow it.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var value = UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
            tables[byte] = value
        }
        for i in 256..<(8 * 256) { tables[i] = tables[Int(tables[i - 256] & 0xff)] ^ (tables[i - 256] >> 8) }
        return tables
    }()
}
