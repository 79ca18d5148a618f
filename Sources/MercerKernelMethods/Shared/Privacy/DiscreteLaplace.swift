import Foundation

/// Whole-number noise P(z) ∝ e^(−|z|/t), drawn with integer arithmetic alone (Canonne, Kamath, Steinke, "The discrete
/// Gaussian for differential privacy", 2020, algorithms 1 and 2), so that no low bits of floating-point numbers tell
/// anything. The scale is a fraction `numerator / 2^shift`, rounded up from the one asked for.
public struct DiscreteLaplace: Sendable {
    private let numerator: UInt64
    private let shift: UInt64

    /// - Parameter scale: t > 0, up to 2⁴⁰.
    public init(scale: Double) {
        precondition(scale > 0 && scale <= 0x1p40, "DiscreteLaplace: the scale is \(scale)")
        shift = scale < 0x1p20 ? 20 : 0
        numerator = UInt64((scale * Double(1 << shift)).rounded(.up))
    }

    /// The scale in force, at least the one asked for.
    public var scale: Double { Double(numerator) / Double(1 << shift) }

    /// P(z) at a scale.
    public static func probability(_ z: Int, scale: Double) -> Double {
        let q = exp(-1 / scale)
        return (1 - q) / (1 + q) * exp(-abs(Double(z)) / scale)
    }

    /// The variance, 2q/(1 − q)² with q = e^(−1/t).
    public var variance: Double {
        let q = exp(-1 / scale)
        return 2 * q / ((1 - q) * (1 - q))
    }

    public func draw(using generator: inout some RandomNumberGenerator) -> Int {
        while true {
            let u = UInt64.random(in: 0..<numerator, using: &generator)
            guard Self.bernoulliExponential(u, numerator, using: &generator) else { continue }
            var whole: UInt64 = 0
            while Self.bernoulliExponential(1, 1, using: &generator) { whole += 1 }
            let magnitude = (u + numerator * whole) >> shift
            let isNegative = generator.next() >> 63 == 1
            if isNegative && magnitude == 0 { continue }
            return isNegative ? -Int(magnitude) : Int(magnitude)
        }
    }

    /// True with probability e^(−a/b), 0 ≤ a ≤ b: the series of alternating Bernoulli draws of a/(b k).
    static func bernoulliExponential(
        _ a: UInt64, _ b: UInt64, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        // The first factor of e^(−1) is 1.
        var k: UInt64 = a == b ? 2 : 1
        while UInt64.random(in: 0..<b * k, using: &generator) < a { k += 1 }
        return k % 2 == 1
    }
}
