import Foundation

/// Whole-number noise P(z) ∝ e^(−z²/2σ²) (Canonne, Kamath, Steinke, 2020, algorithm 3): discrete Laplace draws that are
/// kept with probability e^(−(|z| − σ²/t)²/2σ²), whose exponent is rounded up to a multiple of 2⁻⁴⁰.
public struct DiscreteGaussian: Sendable {
    /// σ.
    public let deviation: Double
    private let proposal: DiscreteLaplace

    /// - Parameter deviation: σ > 0, up to 2³⁹.
    public init(deviation: Double) {
        precondition(deviation > 0 && deviation <= 0x1p39, "DiscreteGaussian: the deviation is \(deviation)")
        self.deviation = deviation
        proposal = DiscreteLaplace(scale: deviation.rounded(.down) + 1)
    }

    public func draw(using generator: inout some RandomNumberGenerator) -> Int {
        while true {
            let z = proposal.draw(using: &generator)
            let miss = (abs(Double(z)) - deviation * deviation / proposal.scale) / deviation
            if Self.accepts(miss * miss / 2, using: &generator) { return z }
        }
    }

    /// True with probability e^(−x): whole steps of e^(−1), then the rest.
    private static func accepts(_ x: Double, using generator: inout some RandomNumberGenerator) -> Bool {
        if x > 64 { return false }
        let fixed = UInt64((x * 0x1p40).rounded(.up))
        for _ in 0..<(fixed >> 40)
        where !DiscreteLaplace.bernoulliExponential(1, 1, using: &generator) { return false }
        return DiscreteLaplace.bernoulliExponential(fixed & (1 << 40 - 1), 1 << 40, using: &generator)
    }
}
