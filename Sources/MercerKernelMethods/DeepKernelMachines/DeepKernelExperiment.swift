import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "A theory of representation learning gives a deep generalisation of kernel methods" (Yang et al.,
/// 2023, arXiv 2108.13097).
public struct DeepKernelExperiment: Experiment {
    public init() {}

    public let slug = "deep-kernel-machine"

    public let claims = [
        Claim(
            "finite-width", "Wide deep Gaussian processes converge to the deep kernel machine", bar: .atMost(0.05),
            method:
                "P = 6, two layers, ν = 1, width 256, 2 000 HMC iterations: the larger relative distance of the posterior mean "
                + "Gram matrices from the machine's"),
        Claim(
            "finite-width-ratio", "They converge to it, not to the process without representation learning",
            bar: .atLeast(6), unit: "×",
            method: "the same chain: distance from the NNGP over distance from the machine, the smaller of two layers"),
        Claim(
            "geodesic", "A linear machine's Gram matrices lie on the geodesic", bar: .atMost(1e-6),
            method: "largest difference between optimum and closed form, three layers, P = 5, random ends"),
        Claim(
            "concrete-error", "Representation learning lowers the error: concrete", bar: .atMost(5.4), unit: "MPa",
            method: "L = 2, ν = 10, 60 inducing points, 1 000 steps, 90 % splits: RMSE"),
        Claim(
            "concrete-gain", "It beats the process of the same depth: concrete", bar: .atLeast(0.6), unit: "MPa",
            method: "RMSE of the NNGP minus that of the machine, same splits"),
        Claim(
            "boston-error", "Representation learning lowers the error: Boston", bar: .atMost(2.75),
            unit: "1 000 $", method: "L = 2, ν = 30: RMSE"),
        Claim(
            "boston-gain", "It beats the process of the same depth: Boston", bar: .atLeast(0.15), unit: "1 000 $",
            method: "RMSE of the NNGP minus that of the machine, same splits"),
        Claim(
            "mpg", "It isn't worse on Auto MPG", bar: .atMost(0.02), unit: "mpg",
            method: "L = 2, ν = 30: RMSE minus that of the NNGP"),
        Claim(
            "objective", "It raises the objective in every table", bar: .atLeast(0), unit: "nats per row",
            statistic: .minimum,
            method: "objective per row at ν = 30 minus that of the NNGP, mean over splits; the smallest of three tables"
        ),
        Claim(
            "nu-divergence", "The learned divergence falls as ν grows", bar: .exactly(1),
            method: "1 where each layer's KL falls over ν = 1, 10, 100, 1 000, ∞ (Boston, full batch, one split)"),
        Claim(
            "nu-limit", "At ν = 10⁶ it predicts as the process does", bar: .atMost(0.02),
            unit: "target deviations",
            method:
                "root mean squared difference of the predictions of Boston's test rows after 1 000 steps that start at the "
                + "NNGP (the parameters of the best objective stay)"),
        Claim(
            "gaussian", "Features of wide processes are Gaussian", bar: .atMost(4), unit: "standard errors",
            method:
                "width 256: the largest third and fourth normalised cumulant of eight random projections of F₂ over posterior "
                + "samples, in standard errors"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try finiteWidth(run, &findings)
        try geodesic(run, &findings)
        try await tables(run, &findings)
        try await strength(run, &findings)
        return findings
    }
}
