import Foundation
import Mercer

/// Calibrations of Gaussian noise for an ℓ2 sensitivity of 1.
public enum GaussianMechanism {
    /// The smallest σ that is (ε, δ)-private: Φ(1/2σ − εσ) − e^ε Φ(−1/2σ − εσ) = δ (Balle, Wang, "Improving the Gaussian
    /// mechanism for differential privacy", 2018).
    public static func deviation(epsilon: Double, delta: Double) -> Double {
        precondition(epsilon > 0 && delta > 0 && delta < 1, "GaussianMechanism: ε = \(epsilon), δ = \(delta)")
        func excess(_ logSigma: Double) -> Double {
            self.delta(deviation: exp(logSigma), epsilon: epsilon) - delta
        }
        var (low, high) = (-1.0, 1.0)
        while excess(low) < 0 { low -= 2 }
        while excess(high) > 0 { high += 2 }
        return exp(root(between: low, high, tolerance: 1e-15, excess))
    }

    /// The δ of a deviation at ε.
    public static func delta(deviation sigma: Double, epsilon: Double) -> Double {
        let a = 1 / (2 * sigma)
        let b = epsilon * sigma
        return Special.normalCDF(a - b) - exp(epsilon + Special.logNormalCDF(-a - b))
    }

    /// √(2 ln(1.25/δ))/ε: for comparison only, since it isn't private for ε > 1 and is loose below.
    public static func classicDeviation(epsilon: Double, delta: Double) -> Double {
        (2 * log(1.25 / delta)).squareRoot() / epsilon
    }
}
