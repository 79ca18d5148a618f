import Foundation
import Mercer

/// The exact law of Σ K over n points from N(0, 1) in d dimensions at any finite n and d, for a query at a given
/// |x|². Only one-dimensional quadratures, all in logarithms, so n = e^(5000) is no problem.
public struct FiniteSizeDensity: Sendable {
    public let dimension: Int
    /// log n.
    public let logCount: Double
    /// |x|² of the query.
    public let squaredNorm: Double

    /// - Throws: ``KernelMethodError/option(_:found:expected:)``.
    public init(dimension: Int, logCount: Double, squaredNorm: Double) throws {
        guard dimension >= 1 else {
            throw KernelMethodError.option(
                "the number of dimensions", found: "\(dimension)", expected: "1 or more")
        }
        guard logCount > 0, logCount.isFinite else {
            throw KernelMethodError.option("log n", found: "\(logCount)", expected: "a positive number")
        }
        guard squaredNorm >= 0, squaredNorm.isFinite else {
            throw KernelMethodError.option("|x|²", found: "\(squaredNorm)", expected: "0 or more")
        }
        self.dimension = dimension
        self.logCount = logCount
        self.squaredNorm = squaredNorm
    }

    /// What the exact law says at one bandwidth.
    public struct Values: Sendable {
        /// (1/d) E log ρ̂.
        public let logDensityPerDimension: Double
        /// E Σ p².
        public let participation: Double

        /// The divergence per dimension from N(0, 1), for queries whose |x|² averages d.
        public var divergencePerDimension: Double { -0.5 * log(2 * Double.pi * M_E) - logDensityPerDimension }
    }

    /// E log ρ̂ and E Σ p² at a bandwidth.
    public func values(_ h: Double) -> Values {
        let nodes = quadrature(resolving: h)
        // A tilt e^τ at which the product over all points is about ½, by bisection of n q(τ) = log 2.
        let centre = root(between: -logCount - 5, 1 + nodes.last!.r / (2 * h * h), tolerance: 1e-10) { tau in
            logCount + logHit(tau, nodes, h) - log(log(2))
        }
        // E log ΣK = −τ₀ + ∫ [exp(−e^(τ−τ₀)) − (1−q)ⁿ] dτ and E Σp² = n ∫ e^2τ E[K² exp(−e^τ K)] (1−q)ⁿ dτ.
        // The integrands are analytic for |Im τ| < π/2, so the trapezoid's error is e^(−π²/step).
        let step = 0.2
        var logMean = 0.0
        var participation = 0.0
        for direction in [1.0, -1.0] {
            var k = direction > 0 ? 0 : 1
            while k < 20_000 {
                let offset = direction * Double(k) * step
                let (survival, square) = tilted(centre + offset, nodes, h)
                let reference = exp(-exp(offset))
                logMean += (reference - survival) * step
                participation += square * step
                let isDone = direction > 0 ? survival < 1e-16 : 1 - survival < 1e-13 && square < 1e-13
                if isDone && abs(reference - survival) < 1e-13 { break }
                k += 1
            }
        }
        let logSum = -centre + logMean
        let d = Double(dimension)
        return Values(
            logDensityPerDimension: (logSum - logCount) / d - 0.5 * log(2 * Double.pi * h * h),
            participation: participation)
    }

    /// 2h² f(r₁)/F(r₁) where F(r₁) = 1/n: the local exponent of the upper tail of K at its typical maximum.
    ///
    /// - Parameter share: F(r₁) n; below 1 for maxima that only this share of data sets reach.
    public func tailIndex(_ h: Double, share: Double = 1) -> Double {
        let nodes = quadrature(resolving: h)
        let (low, high) = (log(nodes.first!.r), log(nodes.last!.r))
        let place = root(between: low + 1e-3 * (high - low), high, tolerance: 1e-12) { u in
            logDistribution(u, from: low) + logCount - log(share)
        }
        let r = exp(place)
        return 2 * h * h * exp(logDensity(ofSquaredDistance: r) + logCount - log(share))
    }

    /// log of the density of r = |x − y|²: noncentral χ² with d degrees of freedom.
    public func logDensity(ofSquaredDistance r: Double) -> Double {
        let half = Double(dimension) / 2
        if squaredNorm == 0 { return (half - 1) * log(r) - r / 2 - half * log(2) - lgamma(half) }
        let order = half - 1
        // For d = 1 the order is −½, where the Bessel function is a hyperbolic cosine.
        if dimension == 1 {
            let z = (squaredNorm * r).squareRoot()
            let logCosh = z + log1p(exp(-2 * z)) - log(2)
            return -0.5 * log(2 * Double.pi * r) - (r + squaredNorm) / 2 + logCosh
        }
        return -log(2) - (r + squaredNorm) / 2 + order / 2 * log(r / squaredNorm)
            + logBesselI(order, (squaredNorm * r).squareRoot())
    }

    /// A node of the quadrature over r: the logarithm of f(r) dr.
    private struct Node {
        let r: Double
        let logWeight: Double
    }

    /// A trapezoid in log r from where F falls below e^(−log n − 35) to where 1 − F does the same at e^(−40), fine
    /// enough for e^(−r/2h²).
    private func quadrature(resolving h: Double) -> [Node] {
        let mean = Double(dimension) + squaredNorm
        let deviation = (2 * Double(dimension) + 4 * squaredNorm).squareRoot()
        func logMass(_ u: Double) -> Double { logDensity(ofSquaredDistance: exp(u)) + u }
        let centre = log(mean)
        var low = centre
        while logMass(low) > -logCount - 40 { low -= 0.05 }
        var high = centre
        while logMass(high) > -45 { high += 0.02 }
        // The narrowest feature: the kernel's change over r ≈ 2h², and the width of the law of r itself.
        let width = min(2 * h * h / mean, deviation / mean)
        let count = max(400, Int(((high - low) / (0.25 * width)).rounded(.up)))
        let step = (high - low) / Double(count)
        return (0...count).map { i in
            let u = low + Double(i) * step
            return Node(r: exp(u), logWeight: logMass(u) + log(step))
        }
    }

    /// log q(τ) = log E[1 − exp(−e^τ K)].
    private func logHit(_ tau: Double, _ nodes: [Node], _ h: Double) -> Double {
        let c = 1 / (2 * h * h)
        var sum = LogSumExp()
        for node in nodes {
            let t = tau - node.r * c
            guard sum.notices(node.logWeight + min(t, 0)) else { continue }
            sum.add(node.logWeight + (t < -20 ? t - exp(t) / 2 : t > 4 ? 0 : log(-expm1(-exp(t)))))
        }
        return sum.value
    }

    /// (1 − q(τ))ⁿ, and n e^2τ E[K² exp(−e^τ K)] (1 − q)ⁿ.
    private func tilted(_ tau: Double, _ nodes: [Node], _ h: Double) -> (Double, Double) {
        let c = 1 / (2 * h * h)
        let logQ = logHit(tau, nodes, h)
        let logSurvival = logQ < log(1e-8) ? -exp(logCount + logQ) : exp(logCount) * log1p(-min(exp(logQ), 1))
        if logSurvival < -700 { return (0, 0) }
        var sum = LogSumExp()
        for node in nodes {
            let t = tau - node.r * c
            guard t < 7, sum.notices(node.logWeight + 2 * t) else { continue }
            sum.add(node.logWeight + 2 * t - exp(t))
        }
        return (exp(logSurvival), exp(logCount + sum.value + logSurvival))
    }

    /// log F(e^u) by Simpson's rule.
    private func logDistribution(_ u: Double, from low: Double) -> Double {
        let count = 600
        let step = (u - low) / Double(count)
        if step <= 0 { return -.infinity }
        var sum = LogSumExp()
        for i in 0...count {
            let v = low + Double(i) * step
            let factor = i == 0 || i == count ? 1.0 : i % 2 == 1 ? 4 : 2
            sum.add(logDensity(ofSquaredDistance: exp(v)) + v + log(factor * step / 3))
        }
        return sum.value
    }
}

extension FiniteSizeDensity {
    /// The exact values averaged over typical queries, whose |x|² is χ²_d.
    public static func averaged(dimension: Int, logCount: Double, bandwidth h: Double, nodes: Int = 24) throws
        -> Values
    {
        let d = Double(dimension)
        let law = try FiniteSizeDensity(dimension: dimension, logCount: logCount, squaredNorm: 0)
        let width = 6 * (2 / d).squareRoot()
        var (total, density, participation) = (0.0, 0.0, 0.0)
        for i in 0..<nodes {
            let u = log(d) + width * (2 * (Double(i) + 0.5) / Double(nodes) - 1)
            let weight = exp(law.logDensity(ofSquaredDistance: exp(u)) + u)
            if weight < 1e-12 { continue }
            let values = try FiniteSizeDensity(dimension: dimension, logCount: logCount, squaredNorm: exp(u))
                .values(h)
            total += weight
            density += weight * values.logDensityPerDimension
            participation += weight * values.participation
        }
        return Values(logDensityPerDimension: density / total, participation: participation / total)
    }

    /// The bandwidth in a range where the divergence is smallest.
    public func optimalBandwidth(in range: ClosedRange<Double>, tolerance: Double = 1e-5) -> Double {
        Brent.minimum(range.lowerBound, range.upperBound, tolerance: tolerance) {
            -values($0).logDensityPerDimension
        }.x
    }
}
