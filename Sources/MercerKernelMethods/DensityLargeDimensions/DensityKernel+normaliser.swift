import Foundation

extension DensityKernel {
    /// log ∫ K(|u|) du over d dimensions, so that K/∫K is a density (scikit-learn's conventions).
    func logNormaliser(dimension d: Int) -> Double {
        let n = Double(d)
        let volume = logUnitBallVolume(d)
        // The surface of the unit sphere is d V_d.
        let surface = log(n) + volume
        switch self {
        case .gaussian: return n / 2 * log(2 * Double.pi)
        case .tophat: return volume
        case .epanechnikov: return volume + log(2 / (n + 2))
        case .exponential: return surface + lgamma(n)
        case .linear: return volume - log(n + 1)
        case .cosine: return surface + log(Self.radialCosine(n))
        }
    }

    /// ∫₀¹ cos(πu/2) u^(d−1) du by its alternating series, which converges for every d.
    private static func radialCosine(_ d: Double) -> Double {
        let square = Double.pi * Double.pi / 4
        var factor = 1.0
        var sum = 0.0
        for k in 0..<20 {
            sum += factor / (2 * Double(k) + d)
            factor *= -square / Double((2 * k + 1) * (2 * k + 2))
        }
        return sum
    }

    /// The distance of a draw from K/∫K to its centre, at bandwidth 1.
    func radius(dimension d: Int, using generator: inout some RandomNumberGenerator) -> Double {
        let n = Double(d)
        switch self {
        case .gaussian: return generator.chiSquared(n).squareRoot()
        case .tophat: return pow(generator.uniform(), 1 / n)
        case .epanechnikov: return generator.beta(n / 2, 2).squareRoot()
        case .exponential: return generator.gamma(shape: n)
        case .linear: return generator.beta(n, 2)
        case .cosine:
            // cos(πu/2) ≤ π/2 (1 − u): a draw of the linear kernel is kept with probability ≥ 2/π.
            while true {
                let u = generator.beta(n, 2)
                if generator.uniform() * Double.pi / 2 * (1 - u) <= cos(Double.pi / 2 * u) { return u }
            }
        }
    }
}
