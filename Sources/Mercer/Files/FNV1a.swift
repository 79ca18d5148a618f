/// A 64-bit hash that is the same in every run and on every machine (Fowler, Noll and Vo, variant 1a): it tells jobs
/// and names apart, and is no protection against anybody.
public struct FNV1a {
    /// The hash of all bytes so far.
    public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    /// Adds bytes.
    public mutating func update(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    }

    /// Adds a tensor's elements as they lie in memory, in the order of their indices.
    public mutating func update(_ tensor: Tensor) { tensor.contiguous().withUnsafeBytes { update($0) } }
}
