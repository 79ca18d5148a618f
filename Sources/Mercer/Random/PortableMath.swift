/// Elementary functions made of single IEEE operations, so that random numbers are the same bits on every
/// machine, whatever its mathematical library does. Accurate to about two units in the last place.
enum PortableMath {
    /// ln x for x > 0: x = 2^e·m with m in [√½, √2), ln m = 2·artanh((m − 1)/(m + 1)).
    static func log(_ x: Double) -> Double {
        let scaled = x < 0x1p-1000 ? x * 0x1p54 : x
        let bits = scaled.bitPattern
        let exponent = Int64(bitPattern: bits &- 0x3FE6_A09E_667F_3BCD) >> 52
        let m = Double(bitPattern: bits &- UInt64(bitPattern: exponent << 52))
        let e = Double(exponent) - (x < 0x1p-1000 ? 54 : 0)
        let s = (m - 1) / (m + 1)
        let z = s * s
        var p = 1.0 / 23
        for k in stride(from: 21.0, through: 3.0, by: -2.0) { p = p * z + 1 / k }
        return e * 0x1.62e42feep-1 + ((s + s * z * p) * 2 + e * 0x1.a39ef35793c76p-33)
    }

    /// e^x: x = k·ln 2 + r, a Taylor polynomial in r.
    static func exp(_ x: Double) -> Double {
        if x > 709.78 { return .infinity }
        if x < -745.2 { return 0 }
        let k = (x * 1.4426950408889634).rounded()
        let r = (x - k * 0x1.62e42feep-1) - k * 0x1.a39ef35793c76p-33
        var p = 1.0
        for n in stride(from: 14.0, through: 1.0, by: -1.0) { p = p * r / n + 1 }
        // In two steps, since 2^k alone may overflow or be subnormal where the product is neither.
        let half = Int(k) / 2
        return p * power(half) * power(Int(k) - half)
    }

    /// ln |x|; −∞ at 0.
    static func logOfAbsolute(_ x: Double) -> Double {
        x == 0 ? -.infinity : x.isFinite ? log(abs(x)) : abs(x)
    }

    private static func power(_ k: Int) -> Double { Double(sign: .plus, exponent: k, significand: 1) }

    /// The cosine and the sine of `turn`·2^-64 whole turns.
    static func cosineAndSine(turn: UInt64) -> (Double, Double) {
        let shifted = turn &+ 0x2000_0000_0000_0000
        let quarter = shifted >> 62
        let part = Double((shifted & 0x3FFF_FFFF_FFFF_FFFF) >> 10) - 0x1p51
        let t = part * 0x1.921fb54442d18p-52
        let z = t * t
        var s = 1.0
        for n in stride(from: 17.0, through: 3.0, by: -2.0) { s = 1 - s * z / (n * (n - 1)) }
        var c = 1.0
        for n in stride(from: 18.0, through: 2.0, by: -2.0) { c = 1 - c * z / (n * (n - 1)) }
        s *= t
        return switch quarter {
        case 0: (c, s)
        case 1: (-s, c)
        case 2: (-c, -s)
        default: (s, -c)
        }
    }
}
