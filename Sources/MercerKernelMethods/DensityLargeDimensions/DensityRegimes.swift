import Foundation
import Mercer

/// The three regimes of a Gaussian-kernel estimate with n = e^(αd) points in d → ∞ dimensions.
///
/// ```swift
/// let theory = try DensityRegimes(variances: [Double](repeating: 1, count: 20), alpha: 0.5)
/// theory.cltBandwidth      // 0.922: above it, Gaussian fluctuations of order 1/√n
/// theory.glassBandwidth    // 0.652: below it, a few nearest points carry the estimate
/// theory.optimalBandwidth  // 0.622: where the divergence from the true density is smallest
/// ```
public struct DensityRegimes: Sendable {
    /// σ_j², the variances of the data's coordinates.
    public let variances: [Double]
    /// x_j², of the place where the density is estimated.
    public let squares: [Double]
    /// α = log n / d.
    public let alpha: Double
    /// λ_G, where I(λ_G) = α.
    public let criticalPrecision: Double

    /// - Parameters:
    ///   - variances: the spectrum of the data's covariance.
    ///   - squares: squared coordinates of the query; typical ones, x_j² = σ_j², by default.
    ///   - alpha: log n / d.
    /// - Throws: ``KernelMethodError/option(_:found:expected:)``.
    public init(variances: [Double], squares: [Double]? = nil, alpha: Double) throws {
        guard !variances.isEmpty else {
            throw KernelMethodError.option("the number of dimensions", found: "0", expected: "1 or more")
        }
        if let bad = variances.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
            throw KernelMethodError.option(
                "variance \(bad + 1) of the spectrum", found: "\(variances[bad])",
                expected: "a positive number")
        }
        guard alpha > 0, alpha.isFinite else {
            throw KernelMethodError.option(
                "alpha = log n / d", found: "\(alpha)", expected: "a positive number (n of 2 or more)")
        }
        if let squares {
            guard squares.count == variances.count else {
                throw KernelMethodError.length("squares", found: squares.count, expected: variances.count)
            }
            if let bad = squares.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
                throw KernelMethodError.option(
                    "square \(bad + 1) of the query", found: "\(squares[bad])", expected: "0 or more")
            }
        }
        self.variances = variances
        self.squares = squares ?? variances
        self.alpha = alpha
        criticalPrecision = Self.precision(variances, self.squares, rate: alpha)
    }

    /// The regimes of standardised data from their own spectrum.
    init(points: PointSet<Double>, count: Double) throws {
        try self.init(
            variances: try Self.spectrum(points), alpha: log(count) / Double(points.dimension))
    }

    /// The eigenvalues of the covariance of centred points; those that rounding alone could have left are taken as
    /// the smallest that is not.
    private static func spectrum(_ points: PointSet<Double>) throws -> [Double] {
        let d = points.dimension
        let covariance = Whitening.covariance(
            points.values, count: points.count, dimension: d, weights: points.weights,
            mean: [Double](repeating: 0, count: d), diagonalOnly: false)
        let values = try LinearAlgebra.eigvalsh(Tensor(covariance, [d, d])).toArray(Double.self)
        let floor = values.last! * 1e-12
        let smallest = values.first { $0 > floor } ?? floor
        return values.map { max($0, smallest) }
    }

    /// g(λ) = (1/d) log E exp(−λ|x − y|²/2).
    public func cumulant(_ lambda: Double) -> Double { Self.cumulant(variances, squares, lambda) }

    /// s(λ) = −g′(λ), the energy per dimension of the points that count at precision λ.
    public func energy(_ lambda: Double) -> Double { Self.energy(variances, squares, lambda) }

    /// I(λ) = −g(λ) − λ s(λ), the rate function at s(λ).
    public func rate(_ lambda: Double) -> Double { -cumulant(lambda) - lambda * energy(lambda) }

    /// h_G = λ_G^(−1/2).
    public var glassBandwidth: Double { 1 / criticalPrecision.squareRoot() }

    /// h_CLT = √2 h_G.
    public var cltBandwidth: Double { 2.0.squareRoot() * glassBandwidth }

    /// h_KL = √(2 s(λ_G)), in the regime of few points.
    public var optimalBandwidth: Double { (2 * energy(criticalPrecision)).squareRoot() }

    /// lim Σ p²: 1 − (h/h_G)² below h_G, 0 above.
    public func participation(_ h: Double) -> Double {
        max(0, 1 - (h / glassBandwidth) * (h / glassBandwidth))
    }

    /// μ = (h/h_G)², the index of the stable law of ρ̂'s fluctuations; 2 and more mean Gaussian.
    public func stableIndex(_ h: Double) -> Double { (h / glassBandwidth) * (h / glassBandwidth) }

    /// φ(h) = lim (1/d) E log ρ̂.
    public func logDensityPerDimension(_ h: Double) -> Double {
        let normaliser = -0.5 * log(2 * Double.pi * h * h)
        if h >= glassBandwidth { return normaliser + cumulant(1 / (h * h)) }
        return -alpha + normaliser - energy(criticalPrecision) / (h * h)
    }

    /// D(h), the Kullback-Leibler divergence per dimension of ρ̂ from the data's normal law.
    public func divergencePerDimension(_ h: Double) -> Double {
        let entropy = variances.reduce(0) { $0 + log($1) } / (2 * Double(variances.count))
        return -0.5 * log(2 * Double.pi * M_E) - entropy - logDensityPerDimension(h)
    }

    /// The regime of a bandwidth.
    public func regime(_ h: Double) -> DensityRegime {
        h < glassBandwidth ? .fewPoints : h < cltBandwidth ? .stable : .gaussian
    }

    private static func cumulant(_ variances: [Double], _ squares: [Double], _ lambda: Double) -> Double {
        var sum = 0.0
        for (v, x) in zip(variances, squares) { sum += log1p(lambda * v) + lambda * x / (1 + lambda * v) }
        return -sum / (2 * Double(variances.count))
    }

    private static func energy(_ variances: [Double], _ squares: [Double], _ lambda: Double) -> Double {
        var sum = 0.0
        for (v, x) in zip(variances, squares) {
            let a = 1 / (1 + lambda * v)
            sum += v * a + x * a * a
        }
        return sum / (2 * Double(variances.count))
    }

    /// The λ at which I(λ) reaches a rate; I grows from 0 like log λ / 2.
    private static func precision(_ variances: [Double], _ squares: [Double], rate: Double) -> Double {
        func excess(_ logLambda: Double) -> Double {
            let lambda = exp(logLambda)
            return -cumulant(variances, squares, lambda) - lambda * energy(variances, squares, lambda) - rate
        }
        let scale = -log(variances.reduce(0, +) / Double(variances.count))
        var (low, high) = (scale - 1, scale + 1)
        while excess(low) > 0 { low -= 4 }
        while excess(high) < 0 { high += 4 }
        return exp(root(between: low, high, excess))
    }
}

/// What the fluctuations of an estimate are like.
public enum DensityRegime: String, Sendable, Codable, CaseIterable {
    /// h > h_CLT.
    case gaussian
    /// h_G < h < h_CLT.
    case stable
    /// h < h_G.
    case fewPoints = "few-points"

    /// The regime in a sentence.
    public var explanation: String {
        switch self {
        case .gaussian: "many points carry each estimate and its error is Gaussian"
        case .stable: "estimates are right on average, but rare points make their errors heavy-tailed"
        case .fewPoints: "a few nearest points carry each estimate"
        }
    }
}
