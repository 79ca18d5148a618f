import Foundation
import Mercer

/// Kernels that are an average of cosines: those of Rahimi and Recht's random features (Backurs et al. 2024).
public enum FeatureKernel: String, Sendable, CaseIterable, Codable {
    /// exp(−|x − y|²/σ²).
    case gaussian
    /// exp(−|x − y|/σ).
    case exponential
    /// exp(−|x − y|₁/σ).
    case laplace

    /// Its value at a distance: squared ℓ2, ℓ2 and ℓ1 respectively.
    func value(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>, bandwidth: Double) -> Double {
        switch self {
        case .gaussian:
            exp(-zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / (bandwidth * bandwidth))
        case .exponential:
            exp(-zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot() / bandwidth)
        case .laplace: exp(-zip(x, y).reduce(0) { $0 + abs($1.0 - $1.1) } / bandwidth)
        }
    }

    /// ω = g/(|g₀|σ), multivariate Cauchy, from normal numbers.
    public static func exponentialFrequencies(_ g: [Double], _ g0: Double, bandwidth: Double) -> [Double] {
        let scale = abs(g0) * bandwidth
        return g.map { $0 / scale }
    }

    /// Frequencies ω of one feature.
    func frequencies(_ d: Int, bandwidth: Double, using stream: inout RandomStream) -> [Double] {
        switch self {
        case .gaussian:
            return (0..<d).map { _ in 2.0.squareRoot() / bandwidth * stream.normal() }
        case .exponential:
            let divisor = stream.normal()
            return Self.exponentialFrequencies(
                (0..<d).map { _ in stream.normal() }, divisor, bandwidth: bandwidth)
        case .laplace:
            return (0..<d).map { _ in tan(Double.pi * (stream.uniform() - 0.5)) / bandwidth }
        }
    }
}
