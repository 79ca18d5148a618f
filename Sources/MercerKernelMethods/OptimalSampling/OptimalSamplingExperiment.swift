import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "Weighted least-squares approximation with determinantal point processes and generalized volume
/// sampling" (Nouy, Michel, 2023, arXiv 2312.14057).
public struct OptimalSamplingExperiment: Experiment {
    public init() {}

    public let slug = "dpp-least-squares"

    public let claims = [
        Claim(
            "interpolation", "With as many points as dimensions the expected error is m + 1 times the best",
            bar: .atMost(3), unit: "standard errors",
            method: "distance of the mean of ‖f − P̂f‖²/‖f − Pf‖² from 11 over determinantal draws, f = 1/(1 + 5x²), "
                + "Legendre, m = 10"),
        Claim(
            "identity", "On a finite set that is exact", bar: .atMost(1e-10),
            method: "relative difference from m + 1 by enumeration of all subsets of a set of nine"),
        Claim(
            "stable-3m", "Three determinantal samples together are stable about half of the time",
            bar: .atLeast(0.45), method: "share of draws with λ_min(G) ≥ ½ at n = 3m, m = 10"),
        Claim(
            "stable-6m", "Six of them nearly always", bar: .atLeast(0.9), method: "the same at n = 6m"),
        Claim(
            "iid-6m", "Independent points of the optimal density are not", bar: .atMost(0.4),
            method: "the same for independent points"),
        Claim(
            "order", "Determinantal beats volume sampling beats independent points", bar: .exactly(0),
            method: "sizes among 2m, 3m, 4m, 6m, 8m at which P(λ_min ≥ ½) is in another order"),
        Claim(
            "error-2m", "At n = 2m the error is close to the best", bar: .atMost(2.2),
            method: "mean of error²/best² of repeated determinantal sampling, the same f"),
        Claim(
            "error-3m", "And closer at n = 3m", bar: .atMost(1.5), method: "the same at 3m"),
        Claim(
            "conditioned", "Conditioned on λ_min ≥ ½ every sampler is within 1.3 of the best at n = 3m",
            bar: .atMost(1.3), statistic: .maximum,
            method: "largest mean of error²/best² of three samplers"),
        Claim(
            "hermite", "It holds for Hermite polynomials", bar: .atMost(2.2),
            method: "mean error²/best² at n = 2m, m = 10, f = e^(x/2)"),
        Claim(
            "two-dimensions", "And in two dimensions", bar: .atMost(2.2),
            method: "the same, total degree 5 (m = 21), f = 1/(1 + 5(x² + y²)/2)"),
        Claim(
            "labels-best", "All labels of concrete give the known best fit", bar: .within(5.436, tolerance: 1e-3),
            unit: "MPa", method: "root mean square error of the quadratic features on the 992 distinct rows"),
        Claim(
            "labels-2m", "Ninety chosen labels come close to it", bar: .atMost(2.1),
            method: "mean error²/best² over all rows, determinantal at n = 2m = 90"),
        Claim(
            "labels-tail", "And seldom miss", bar: .atMost(2.6), method: "their 90 % quantile"),
        Claim(
            "labels-fewer", "They beat 135 labels of rows picked uniformly", bar: .atMost(1),
            method: "mean error² of 90 determinantal labels over that of 135 uniform ones"),
        Claim(
            "unbiased", "Volume sampling is unbiased", bar: .atMost(4), unit: "standard errors",
            statistic: .maximum,
            method: "largest difference of a mean coefficient from the best one, n = 15, m = 10"),
        Claim(
            "inverse-gram", "The expected inverse Gram matrix is bounded by n/(n − m + 1)", bar: .atMost(1 + 1e-9),
            method: "λ_max(E[G⁻¹])(n − m + 1)/n by enumeration, a set of nine, m = 3, n = 5"),
        Claim(
            "samplers", "Chain rule and tridiagonal matrix draw the same process", bar: .atMost(3),
            unit: "standard errors", statistic: .maximum,
            method: "mean and variance of Σx² from 2.979021 and 0.126833, Legendre, m = 6"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try interpolation(run, &findings)
        try stabilityAndError(run, &findings)
        try otherSpaces(run, &findings)
        try samplers(run, &findings)
        try unbiasedness(run, &findings)
        try await labels(run, &findings)
        try growth(run, &findings)
        return findings
    }

    /// The space of Legendre polynomials of degree below 10 and a function with its best approximation.
    struct Problem<Space: ApproximationSpace>: Sendable {
        let space: Space
        let f: @Sendable (Space.Point) -> Double
        let best: [Double]
        let bestSquared: Double

        /// error²/best² of a fit to a design; infinite where the design determines none.
        func ratio(_ design: Design<Space.Point>) -> Double {
            guard let system = try? WeightedLeastSquares(space, design),
                let fit = try? system.fit(design.points.map(f))
            else { return .infinity }
            return ApproximationError.squared(fit.coefficients, best: best, bestSquared: bestSquared) / bestSquared
        }
    }

    static func problem(
        _ space: PolynomialSpace, nodes: Int, _ f: @escaping @Sendable ([Double]) -> Double
    ) -> Problem<PolynomialSpace> {
        let projection = space.project(nodes: nodes, f)
        let square = projection.squaredNorm - projection.coefficients.reduce(0) { $0 + $1 * $1 }
        return Problem(space: space, f: f, best: projection.coefficients, bestSquared: square)
    }

    func runge() throws -> Problem<PolynomialSpace> {
        Self.problem(
            try PolynomialSpace(.legendre, index: .totalDegree(9, dimension: 1)), nodes: 200
        ) { 1 / (1 + 5 * $0[0] * $0[0]) }
    }
}

/// Mean, standard error and quantiles of a sample.
struct SampleSummary {
    let sorted: [Double]
    let mean: Double
    let standardError: Double

    init(_ values: [Double]) {
        sorted = values.sorted()
        let n = Double(values.count)
        mean = values.reduce(0, +) / n
        let mean = mean
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / max(1, n - 1)
        standardError = (variance / n).squareRoot()
    }

    func quantile(_ p: Double) -> Double {
        let place = p * Double(sorted.count - 1)
        let low = Int(place)
        let high = min(sorted.count - 1, low + 1)
        if sorted[low] == sorted[high] { return sorted[low] }
        return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
    }
}

extension Table.Cell {
    /// A number with decimals, or ∞ where some draw determined no fit.
    static func measured(_ value: Double, decimals: Int = 2) -> Table.Cell {
        value.isFinite ? .number(value, decimals: decimals) : .text("∞")
    }
}
