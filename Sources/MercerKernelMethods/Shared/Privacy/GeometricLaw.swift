/// Whole numbers P(m) ∝ q^m with q = e^(−p/b), exactly: m is how many of the thresholds q, q², q³, … lie above a uniform
/// number U, whose binary digits are random bits.
///
/// 63 bits of U decide nearly always, by comparison with the thresholds' first 63; where these are too close, more bits
/// are drawn and more digits of the threshold computed until one is larger.
struct GeometricLaw: Sendable {
    private let p: UInt64
    private let b: UInt64
    /// The first 63 bits of q^(j + 1), rounded down, perhaps one less; then a zero.
    private let thresholds: [UInt64]
    /// For each value of U's first bits, how many thresholds lie above all such U.
    private let guide: [UInt16]
    private static let guideBits: UInt64 = 10

    /// - Parameters:
    ///   - p: q = e^(−p/b), 1 ≤ p ≤ 2⁴⁰.
    ///   - b: 1 ≤ b ≤ 2⁴¹ and b/p below 2¹².
    init(_ p: UInt64, over b: UInt64) {
        precondition(
            p >= 1 && p <= 1 << 40 && b >= 1 && b <= 1 << 41 && b >> 12 <= p, "GeometricLaw: e^(−\(p)/\(b))")
        self.p = p
        self.b = b
        // Up to q^count ≈ e^(−8); what lies below starts anew.
        let count = Int(8 * b / p) + 1
        let words = ExponentialDigits.fraction(p, over: b, words: 2)
        // Rounded down here and at each product, so that q^j is at most 5j above, of 2¹²⁸.
        let ratio = max(1, UInt128(words[0]) << 64 | UInt128(words[1])) - 1
        var power = ratio
        var thresholds: [UInt64] = []
        thresholds.reserveCapacity(count + 1)
        for _ in 0..<count {
            thresholds.append(UInt64(power >> 65))
            power = power.multipliedFullWidth(by: ratio).high
        }
        var guide: [UInt16] = []
        var above = count
        for bucket in 0..<(1 << Self.guideBits) as Range<UInt64> {
            let last = (bucket + 1) << (63 - Self.guideBits) - 1
            while above > 0 && thresholds[above - 1] <= last { above -= 1 }
            guide.append(UInt16(above))
        }
        self.guide = guide
        self.thresholds = thresholds + [0]
    }

    /// A number and a fair coin beside it.
    @inline(__always)
    func draw(using generator: inout some RandomNumberGenerator) -> (number: Int, coin: Bool) {
        var start = 0
        while true {
            let word = generator.next()
            let u = word >> 1
            var above = Int(guide[Int(u >> (63 - Self.guideBits))])
            while u < thresholds[above] { above += 1 }
            if above < thresholds.count - 1 {
                if u <= thresholds[above] + 1 { above = settle(u, above, using: &generator) }
                if above < thresholds.count - 1 { return (start + above, word & 1 == 1) }
            }
            // U lies below the last threshold: the number beyond it has the same law.
            start += above
        }
    }

    /// How many thresholds lie above a U that starts with 63 given bits and lies below the first `above`.
    @inline(never)
    private func settle(_ u: UInt64, _ above: Int, using generator: inout some RandomNumberGenerator) -> Int {
        var digits = [u << 1 | generator.next() >> 63]
        var above = above
        while above < thresholds.count - 1, isBelow(&digits, UInt64(above + 1), using: &generator) { above += 1 }
        return above
    }

    /// U < q^j, with as many digits of both as it takes.
    private func isBelow(
        _ digits: inout [UInt64], _ j: UInt64, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        var words = digits.count
        while true {
            let power = ExponentialDigits.fraction(j * p, over: b, words: words)
            if let isBelow = Self.order(digits, power) { return isBelow }
            words += 1
            digits.append(generator.next())
        }
    }

    /// x < y where they differ by more than one in the last word, else nil.
    private static func order(_ x: [UInt64], _ y: [UInt64]) -> Bool? {
        let isLess = x.lexicographicallyPrecedes(y)
        var small = isLess ? x : y
        let large = isLess ? y : x
        for _ in 0..<2 {
            if small == large { return nil }
            for k in small.indices.reversed() {
                small[k] &+= 1
                if small[k] != 0 { break }
            }
        }
        return isLess
    }
}
