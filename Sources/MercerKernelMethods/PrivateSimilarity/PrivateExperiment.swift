import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "Efficiently computing similarities to private datasets" (Backurs et al., 2024,
/// arXiv 2403.08917). Bandwidths that are medians of the data are public by fiat here.
public struct PrivateExperiment: Experiment {
    public init() {}

    public let slug = "dp-kde"

    public let claims = [
        Claim(
            "tree-flat",
            "At ε = 0.1 the tree of distances errs less than half as much as a flat noisy histogram",
            bar: .atMost(0.5),
            method: "ratio of mean relative errors, 100 000 Beta(2, 5) values, 2¹⁷ cells, 30 queries, "
                + "40 releases, α = 0.5 with midpoint weights"),
        Claim(
            "tree-bracket", "Without noise the answers lie between 1 and 1 + α times the truth",
            bar: .exactly(0),
            method: "answers outside, over 30 queries and α = 0.1, 0.5, 1 with upper weights"),
        Claim(
            "projection-error", "After projection of 784 columns to 256 the error stays small at ε = 1",
            bar: .atMost(0.025),
            method: "mean absolute error of a Gaussian density, Fashion-MNIST, 20 000 rows, 300 queries, "
                + "2 048 features, mean of the draws"),
        Claim(
            "projection-bias", "A projection's bias is the closed form's", bar: .atMost(3),
            unit: "Monte-Carlo errors",
            statistic: .median,
            method:
                "largest difference of the mean of e^(−|Πz|²/σ²) over 400 projections from (1 + 2r/k)^(−k/2), "
                + "k = 64, eight distances, in errors of the mean"),
        Claim(
            "projection-speed", "Queries after projection to 64 take half the time", bar: .atMost(0.5),
            statistic: .median,
            method: "ratio of times, 8 192 features, 300 queries, with and without projection, interleaved"),
        Claim(
            "exponential-sums", "Sums of exponentials reach their accuracy", bar: .atMost(1),
            method: "largest error over α for α = 10⁻¹ … 10⁻⁸ on [1, 10¹²]"),
        Claim(
            "exponential-terms", "They have the number of terms that the paper's bound gives",
            bar: .exactly(0),
            method: "sum of differences from 4, 8, 12, 18 terms at α = 10⁻¹ … 10⁻⁴"),
        Claim(
            "cauchy", "A private Cauchy density is close to the exact one", bar: .atMost(0.02),
            method: "mean absolute error at ε = 1, the same data"),
        Claim(
            "classify", "Private classification by average similarity at ε = ½", bar: .atLeast(0.82),
            unit: "accuracy",
            method:
                "Fashion-MNIST, 20 000 rows, gradient histograms whitened to 100 by public pictures, δ = 1e−5"
        ),
        Claim(
            "classify-gap", "It is close to private gradient descent", bar: .atMost(0.04), unit: "accuracy",
            statistic: .median,
            method: "largest shortfall from the best of a grid of steps and rates at ε = 0.5, 1, 3"),
        Claim(
            "classify-speed", "And much faster", bar: .atLeast(50), statistic: .median,
            method: "time of 100 steps of private gradient descent over that of building the classifier"),
        Claim(
            "classify-large", "With 60 000 rows privacy costs nothing to speak of", bar: .atLeast(0.83),
            unit: "accuracy",
            method: "the same with all training rows at ε = ½"),
        Claim(
            "classify-cost", "With 60 000 rows it is within 0.005 of no privacy", bar: .atMost(0.005),
            unit: "accuracy",
            method: "accuracy without noise minus accuracy at ε = ½"),
        Claim(
            "sensitivity", "No neighbouring pair changes a sketch by more than declared", bar: .atMost(1),
            statistic: .maximum,
            method: "largest observed over declared change, 1 000 pairs of features, trees, class sums"),
        Claim(
            "sensitivity-tight", "And the declared sensitivity isn't idle", bar: .atLeast(0.5),
            statistic: .minimum,
            method: "smallest of the three ratios"),
        Claim(
            "epsilon", "The empirical ε never exceeds the stated one", bar: .atMost(1),
            statistic: .maximum,
            method: "95 % lower bound over stated ε = 1, one node, 10⁵ releases on either neighbour"),
        Claim(
            "epsilon-tight", "And the audit finds more than half of it", bar: .atLeast(0.5),
            statistic: .minimum,
            method: "the same ratio"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        findings.text(
            "Bandwidths that are medians of the data are public by fiat: this is an experiment. The noise comes from seeds, "
                + "so nothing here is private.")
        try trees(run, &findings)
        try exponentialSums(&findings)
        try privacy(run, &findings)
        let train = try await PublicDataSets.fashionMNIST(training: true, cache: run.data) { run.note($0) }
        let test = try await PublicDataSets.fashionMNIST(training: false, cache: run.data) { run.note($0) }
        try densities(run, train, test, &findings)
        try classification(run, train, test, &findings)
        try growth(run, &findings)
        return findings
    }
}
