/// Philox4x32-10, a counter-based random function: a bijection of 128-bit counters for each 64-bit key.
///
/// J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC
/// 2011. The fills of tensors run the same function many blocks at a time.
public enum Philox {
    /// The 128 random bits of one counter.
    @inline(__always)
    public static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (x0, x1, x2, x3) = (counter.x, counter.y, counter.z, counter.w)
        var (k0, k1) = (key.x, key.y)
        for _ in 0..<10 {
            let p0 = UInt64(x0) &* 0xD251_1F53
            let p1 = UInt64(x2) &* 0xCD9E_8D57
            x0 = UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0
            x1 = UInt32(truncatingIfNeeded: p1)
            x2 = UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1
            x3 = UInt32(truncatingIfNeeded: p0)
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return SIMD4(x0, x1, x2, x3)
    }

    /// The 128 random bits of a counter of two 64-bit words.
    @inline(__always)
    static func block(_ low: UInt64, _ high: UInt64, key: UInt64) -> (UInt64, UInt64) {
        let out = block(
            counter: SIMD4(
                UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32),
                UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high >> 32)),
            key: SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32)))
        return (UInt64(out.x) | UInt64(out.y) << 32, UInt64(out.z) | UInt64(out.w) << 32)
    }
}
