import Foundation
import Mercer

/// Where the randomness of a private release comes from.
public enum NoiseSource: Sendable, Equatable {
    /// The operating system's cryptographic generator, stretched by ``ChaCha20``.
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
    private var secure: ChaCha20?

    init(_ seeded: RandomStream?) {
        self.seeded = seeded
        secure = seeded == nil ? ChaCha20() : nil
    }

    public mutating func next() -> UInt64 { seeded?.next() ?? secure!.next() }
}
