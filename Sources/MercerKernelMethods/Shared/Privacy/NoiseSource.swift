import Foundation
import Mercer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the randomness of a private release comes from.
public enum NoiseSource: Sendable, Equatable {
    /// The operating system's cryptographic generator.
    case system
    /// A seed, for experiments that have to be repeatable: what comes out is not private, and says so.
    case experiment(seed: UInt64)

    /// Whether what is released keeps its guarantee.
    public var isPrivate: Bool { self == .system }

    /// A generator of its random bits; `stream` keeps the parts of one release apart under a seed.
    public func generator(stream: Int = 0) -> NoiseGenerator {
        switch self {
        case .system: NoiseGenerator(nil)
        case .experiment(let seed): NoiseGenerator(RandomStream(RandomKey(seed)[stream]))
        }
    }
}

/// Random bits of a ``NoiseSource``.
public struct NoiseGenerator: RandomNumberGenerator {
    private var seeded: RandomStream?
    /// Bytes of the system's generator, fetched by the kilobyte.
    private var buffer: [UInt64] = []

    init(_ seeded: RandomStream?) { self.seeded = seeded }

    public mutating func next() -> UInt64 {
        if seeded != nil { return seeded!.next() }
        if buffer.isEmpty { refill() }
        return buffer.removeLast()
    }

    /// The kernel's generator, the source of `SystemRandomNumberGenerator` too, which asks it for each number alone.
    private static let device = open("/dev/urandom", O_RDONLY | O_CLOEXEC)

    private mutating func refill() {
        buffer = [UInt64](unsafeUninitializedCapacity: 512) { words, initialised in
            var filled = 0
            while filled < 4096 {
                let count = read(
                    Self.device, UnsafeMutableRawPointer(words.baseAddress!) + filled, 4096 - filled)
                if count < 0 && errno == EINTR { continue }
                precondition(count > 0, "/dev/urandom, the system's cryptographic generator, can't be read")
                filled += count
            }
            initialised = 512
        }
    }
}
