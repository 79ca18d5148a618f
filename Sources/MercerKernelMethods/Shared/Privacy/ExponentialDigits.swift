/// Binary digits of e^(−p/b) for whole p and b, as many as are asked for, by whole-number arithmetic alone.
///
/// Numbers are words of 64 bits, the most significant first: a whole part, then the fraction.
enum ExponentialDigits {
    /// The first `words` words of the fraction of e^(−p/b); in error by less than one in the last.
    ///
    /// - Parameters:
    ///   - p: at least 1, at most 2⁵⁶.
    ///   - b: at least 1, at most 2⁵⁶.
    static func fraction(_ p: UInt64, over b: UInt64, words: Int) -> [UInt64] {
        precondition(
            p >= 1 && b >= 1 && max(p, b) <= 1 << 56, "ExponentialDigits: e^(−\(p)/\(b)) is out of range")
        // A whole part and a word that takes the rounding of all steps.
        let count = words + 2
        let (whole, rest) = p.quotientAndRemainder(dividingBy: b)
        var result = series(rest, over: b, count: count)
        var (square, left) = (series(1, over: 1, count: count), whole)
        while left > 0 {
            if left & 1 == 1 { result = product(result, square) }
            square = product(square, square)
            left >>= 1
        }
        return Array(result[1...words])
    }

    /// Σ (−y)^i / i! with y = p/b ≤ 1, until terms vanish.
    private static func series(_ p: UInt64, over b: UInt64, count: Int) -> [UInt64] {
        var term = [1] + [UInt64](repeating: 0, count: count - 1)
        var sum = term
        var i: UInt64 = 1
        while term.contains(where: { $0 != 0 }) {
            term = scaled(term, by: p, over: b * i)
            var carry = false
            for k in sum.indices.reversed() {
                let (value, first) = add(sum[k], term[k], subtracting: i & 1 == 1)
                let (result, second) = add(value, carry ? 1 : 0, subtracting: i & 1 == 1)
                sum[k] = result
                carry = first || second
            }
            i += 1
        }
        return sum
    }

    private static func add(_ a: UInt64, _ b: UInt64, subtracting: Bool) -> (UInt64, Bool) {
        let result = subtracting ? a.subtractingReportingOverflow(b) : a.addingReportingOverflow(b)
        return (result.partialValue, result.overflow)
    }

    /// x · factor / divisor, rounded down; factor ≤ divisor.
    private static func scaled(_ x: [UInt64], by factor: UInt64, over divisor: UInt64) -> [UInt64] {
        var product = [UInt64](repeating: 0, count: x.count + 1)
        for k in x.indices.reversed() {
            let (high, low) = x[k].multipliedFullWidth(by: factor)
            let (sum, overflows) = product[k + 1].addingReportingOverflow(low)
            product[k + 1] = sum
            product[k] = high + (overflows ? 1 : 0)
        }
        var remainder: UInt64 = 0
        for k in product.indices {
            (product[k], remainder) = divisor.dividingFullWidth((remainder, product[k]))
        }
        return Array(product[1...])
    }

    /// x y for numbers of at most 1, rounded down.
    private static func product(_ x: [UInt64], _ y: [UInt64]) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: 2 * x.count)
        for i in x.indices.reversed() {
            var carry: UInt64 = 0
            for j in y.indices.reversed() {
                let (high, low) = x[i].multipliedFullWidth(by: y[j])
                let (first, overflows) = result[i + j + 1].addingReportingOverflow(low)
                let (second, overflowsAgain) = first.addingReportingOverflow(carry)
                result[i + j + 1] = second
                carry = high + (overflows ? 1 : 0) + (overflowsAgain ? 1 : 0)
            }
            result[i] = carry
        }
        // The product has two whole words, of which the first is 0.
        return Array(result[1...x.count])
    }
}
