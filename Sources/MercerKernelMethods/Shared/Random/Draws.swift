import Foundation

// Draws of the distributions that kernel methods need, from any source of random bits.

extension RandomNumberGenerator {
    /// Uniform on the open interval (0, 1), a multiple of 2^-53 plus 2^-54.
    mutating func uniform() -> Double { (Double(next() >> 11) + 0.5) * 0x1p-53 }

    /// Two independent standard normal numbers (Box and Muller).
    mutating func normalPair() -> (Double, Double) {
        let radius = (-2 * log(uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        return (radius * cos(angle), radius * sin(angle))
    }

    /// A standard normal number.
    mutating func normal() -> Double { normalPair().0 }

    /// `count` independent standard normal numbers.
    mutating func normals(_ count: Int) -> [Double] {
        var values = [Double](repeating: 0, count: count)
        var i = 0
        while i < count {
            let pair = normalPair()
            values[i] = pair.0
            if i + 1 < count { values[i + 1] = pair.1 }
            i += 2
        }
        return values
    }

    /// Gamma of this shape and scale 1 (Marsaglia and Tsang, "A simple method for generating gamma variables",
    /// 2000).
    mutating func gamma(shape: Double) -> Double {
        precondition(shape > 0, "gamma: the shape is \(shape)")
        if shape < 1 { return gamma(shape: shape + 1) * pow(uniform(), 1 / shape) }
        let d = shape - 1 / 3.0
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = 1 + c * x
            if v <= 0 { continue }
            let v3 = v * v * v
            if log(uniform()) < 0.5 * x * x + d - d * v3 + d * log(v3) { return d * v3 }
        }
    }

    /// χ² with this many degrees of freedom.
    mutating func chiSquared(_ degrees: Double) -> Double { 2 * gamma(shape: degrees / 2) }

    /// Beta(a, b) on (0, 1).
    mutating func beta(_ a: Double, _ b: Double) -> Double {
        let x = gamma(shape: a)
        return x / (x + gamma(shape: b))
    }

    /// Standard Cauchy.
    mutating func cauchy() -> Double { tan(Double.pi * (uniform() - 0.5)) }
}
