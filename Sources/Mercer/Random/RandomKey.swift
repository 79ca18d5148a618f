/// What random numbers are made of: the same key gives the same numbers, on any number of threads and any
/// instruction set. A key is used once; further ones are derived from it.
///
/// ```swift
/// let key = RandomKey(42)
/// let keys = key.split(2)
/// let noise = Random.normal([1024], key: keys[0])
/// let mask = Random.bernoulli(0.9, [64], key: keys[1][epoch][sampleIndex])     // keyed by epoch and sample
/// ```
public struct RandomKey: Hashable, Sendable {
    /// The key of the Philox function.
    let key: UInt64
    /// The upper half of its counter; the lower one counts blocks.
    let stream: UInt64

    /// The root of a family of keys.
    public init(_ seed: UInt64) {
        key = seed
        stream = 0
    }

    private init(key: UInt64, stream: UInt64) {
        self.key = key
        self.stream = stream
    }

    /// `count` keys that are independent of each other, of this one and of what ``fold(in:)`` gives.
    public func split(_ count: Int = 2) -> [RandomKey] {
        (0..<count).map { derived(UInt64($0), 0x6A09_E667_F3BC_C908) }
    }

    /// The key of a whole number: of a step, a layer, a sample, a position.
    public func fold(in data: Int) -> RandomKey {
        derived(UInt64(bitPattern: Int64(data)), 0xBB67_AE85_84CA_A73B)
    }

    /// The same as ``fold(in:)``: `key[sample][position]`.
    public subscript(_ data: Int) -> RandomKey { fold(in: data) }

    /// A block of this stream under another key, which separates derived keys from numbers.
    private func derived(_ data: UInt64, _ domain: UInt64) -> RandomKey {
        let (key, stream) = Philox.block(data, stream, key: key ^ domain)
        return RandomKey(key: key, stream: stream)
    }
}
