/// The output function of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA
/// 2014) and the permutations that data sets are split by: the same everywhere, without the state of a generator.
public enum SplitMix64 {
    /// A bijection that spreads every bit of its argument.
    public static func mix(_ x: UInt64) -> UInt64 {
        var z = x &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    /// The permutation of `0..<count` of a seed: row numbers sorted by `mix(seed << 32 + i)`. Splits of data sets
    /// are its first part and the rest, so that they are the same everywhere.
    public static func permutation(_ count: Int, seed: UInt64) -> [Int] {
        let keys = (0..<count).map { mix((seed << 32) &+ UInt64($0)) }
        return (0..<count).sorted { (keys[$0], $0) < (keys[$1], $1) }
    }
}
