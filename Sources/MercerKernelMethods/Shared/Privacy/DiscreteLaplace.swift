import Foundation

/// Whole-number noise P(z) ∝ e^(−|z|/t), drawn with integer arithmetic alone, so that no low bits of floating-point
/// numbers tell anything. The scale is a fraction `numerator / 2^shift`, rounded up from the one asked for.
///
/// A magnitude is 2^k h + l, whose parts are independent: h follows the geometric law of scale t/2^k, which is below 256
/// and read off a table; l < 2^k is uniform and kept with probability e^(−l/t) (Canonne, Kamath, Steinke, "The discrete
/// Gaussian for differential privacy", 2020, algorithm 1). Most draws at scales below 256 take one random word.
public struct DiscreteLaplace: Sendable {
    private let numerator: UInt64
    private let shift: UInt64
    /// k.
    private let lowBits: UInt64
    private let highPart: GeometricLaw

    /// - Parameter scale: t > 0, up to 2⁴⁰.
    public init(scale: Double) {
        precondition(scale > 0 && scale <= 0x1p40, "DiscreteLaplace: the scale is \(scale)")
        shift = scale < 0x1p20 ? 20 : 0
        numerator = UInt64((scale * Double(1 << shift)).rounded(.up))
        let bits = UInt64(numerator.bitWidth - numerator.leadingZeroBitCount)
        lowBits = bits > shift + 8 ? bits - shift - 8 : 0
        highPart = GeometricLaw(1 << (shift + lowBits), over: numerator)
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
            let (high, isNegative) = highPart.draw(using: &generator)
            let magnitude = high << Int(lowBits) | lowPart(using: &generator)
            if isNegative && magnitude == 0 { continue }
            return isNegative ? -magnitude : magnitude
        }
    }

    private func lowPart(using generator: inout some RandomNumberGenerator) -> Int {
        if lowBits == 0 { return 0 }
        while true {
            let low = generator.next() >> (64 - lowBits)
            if Self.bernoulliExponential(low << shift, numerator, using: &generator) { return Int(low) }
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
