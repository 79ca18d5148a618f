import CKernels
import Mercer

/// Random bits of the operating system's cryptographic generator, stretched by ChaCha20 (D. J. Bernstein, "ChaCha, a
/// variant of Salsa20", 2008), which is what that generator is made of too: it costs a call for each number, this a call
/// for each generator.
///
/// Keys are erased fast (Bernstein, 2017): each buffer starts with the key of the next one, so that nothing in memory
/// tells what was drawn from earlier buffers.
public struct ChaCha20: RandomNumberGenerator, Sendable {
    private static let kernels = mercer_random(Int32(InstructionSet.current.rawValue)).pointee
    /// 64 blocks a buffer, 4 KiB.
    private static let groups = 4
    /// The key of the next buffer, half of it a word.
    private static let keyWords = 4

    private var buffer: [UInt64]
    private var position: Int

    /// A generator under a key of 256 bits that the operating system draws.
    public init() {
        var system = SystemRandomNumberGenerator()
        self.init(key: (0..<Self.keyWords).map { _ in system.next() })
    }

    /// A generator under a key of four words.
    public init(key: [UInt64]) {
        precondition(key.count == Self.keyWords, "ChaCha20: a key of \(key.count) words, 4 are expected")
        position = Self.groups * 128
        buffer = key + [UInt64](repeating: 0, count: position - Self.keyWords)
    }

    /// 64 random bits.
    public mutating func next() -> UInt64 {
        if position == buffer.count { refill() }
        defer { position += 1 }
        return buffer[position]
    }

    private mutating func refill() {
        buffer.withUnsafeMutableBytes { bytes in
            let words = bytes.bindMemory(to: UInt32.self)
            let key = Array(words[..<(2 * Self.keyWords)])
            Self.kernels.chacha20(words.baseAddress!, Self.groups, key, 0)
        }
        position = Self.keyWords
    }

    /// Sixteen words of the key stream: the block of a counter, nonce 0.
    public static func block(key: [UInt32], counter: UInt64) -> [UInt32] {
        precondition(key.count == 8, "ChaCha20: a key of \(key.count) words, 8 are expected")
        let group = [UInt32](unsafeUninitializedCapacity: 256) { words, initialised in
            kernels.chacha20(words.baseAddress!, 1, key, counter / 16)
            initialised = 256
        }
        return (0..<16).map { group[16 * $0 + Int(counter % 16)] }
    }
}
