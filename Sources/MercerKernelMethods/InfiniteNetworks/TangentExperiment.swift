import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "Neural Tangent Kernel: Convergence and Generalization in Neural Networks" (Jacot, Gabriel,
/// Hongler, 2018, arXiv 1806.07572).
public struct TangentExperiment: Experiment {
    public init() {}

    public let slug = "ntk"

    public let claims = [
        Claim(
            "convergence", "The kernel at the start approaches its limit as one over the root of the width",
            bar: .within(-0.5, tolerance: 0.12),
            method: "log-log slope of the relative root mean square deviation over widths 64 … 4 096, four layers, "
                + "ReLU, β = 0.1, 65 points of the circle"),
        Claim(
            "freezing", "Training changes it less, the wider the network", bar: .atMost(-0.7),
            method: "log-log slope of the relative change in 200 steps of gradient descent, widths 64, 256, 1 024"),
        Claim(
            "gaussian-mean", "Trained networks have the predicted mean", bar: .atMost(1.6),
            unit: "Monte-Carlo errors",
            method: "root mean square difference over the circle, width 512, 24 nets, four training points"),
        Claim(
            "gaussian-sd", "And the predicted spread", bar: .within(1, tolerance: 0.2),
            method: "root mean square standard deviation over the prediction's"),
        Claim(
            "drift", "Networks move along principal components, the more so the wider they are", bar: .atLeast(1.5),
            statistic: .minimum,
            method: "factor by which the drift across the second component falls for four times the width, 64 → 256 → "
                + "1 024, 256 digits"),
        Claim(
            "along", "At width 1 024 they move along as predicted", bar: .atMost(0.1), statistic: .maximum,
            method: "largest difference from e^(−tλ₂/N) at a quarter, half and one folding time"),
        Claim(
            "across", "And hardly across", bar: .atMost(0.09), method: "drift at one folding time"),
        Claim(
            "tables-rbf", "On small tables the tangent kernel is as good as a Gaussian kernel", bar: .atLeast(-0.01),
            unit: "accuracy",
            method: "mean over 18 sets, 90 % splits, depth and bias by cross-validation, minus the Gaussian kernel's"),
        Claim(
            "tables-linear", "And better than linear regression", bar: .atLeast(0.05), unit: "accuracy",
            method: "the same minus the linear kernel's"),
        Claim(
            "digits", "It reads digits", bar: .atLeast(0.93), unit: "accuracy",
            method: "MNIST, 2 000 training and 1 000 test pictures, two hidden layers"),
        Claim(
            "pooling", "With few pictures global pooling beats dense layers", bar: .atLeast(0.02), unit: "accuracy",
            method: "8 × 8 digits, 50 training and 300 test pictures, three convolutions, minus three dense layers"),
        Claim(
            "definite", "The kernel of distinct unit vectors is positive definite", bar: .atLeast(1e-7),
            statistic: .minimum,
            method: "smallest λ_min/λ_max over ReLU and erf, depth 2 … 4, 30 points in three dimensions"),
        Claim(
            "rank", "That of a linear network has rank inputs + 1", bar: .exactly(4),
            method: "eigenvalues above 1e−10 of the largest"),
        Claim(
            "diagonal", "With W² = 2 and no bias Θ(x, x) = 2L|x|²/n₀", bar: .atMost(1e-12),
            statistic: .maximum, method: "largest relative difference over ten depths"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try definiteness(run, &findings)
        try convergence(run, &findings)
        try gaussianity(run, &findings)
        try await components(run, &findings)
        try await pictures(run, &findings)
        try await tables(run, &findings)
        try growth(run, &findings)
        return findings
    }

    /// Dense layers with an activation between.
    static func dense(
        _ depth: Int, _ activation: KernelActivation = .relu, w: Double = 1, b: Double = 0.1
    ) throws -> InfiniteNetwork {
        try InfiniteNetwork(
            layers: (0..<depth).flatMap { l -> [InfiniteLayer] in
                l < depth - 1
                    ? [.dense(wStd: w, bStd: b), .activation(activation)] : [.dense(wStd: w, bStd: b)]
            })
    }

    /// Least-squares slope of log y against log x.
    static func slope(_ x: [Double], _ y: [Double]) -> Double {
        let (a, b) = (x.map { log($0) }, y.map { log($0) })
        let n = Double(a.count)
        let (meanA, meanB) = (a.reduce(0, +) / n, b.reduce(0, +) / n)
        let above = zip(a, b).reduce(0) { $0 + ($1.0 - meanA) * ($1.1 - meanB) }
        return above / a.reduce(0) { $0 + ($1 - meanA) * ($1 - meanA) }
    }

    static func circle(_ angles: [Double]) -> Tensor {
        Tensor(angles.flatMap { [cos($0), sin($0)] }, [angles.count, 2])
    }
}
