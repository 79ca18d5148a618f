import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "Kernel density estimators in large dimensions" (Biroli, Mézard, 2024, arXiv 2408.05807).
public struct DensityExperiment: Experiment {
    public init() {}

    public let slug = "kde-large-d"

    public let claims = [
        Claim(
            "simulation-exact",
            "Simulated divergence and participation follow the exact law of finite n and d",
            bar: .atMost(3), unit: "Monte-Carlo errors", statistic: .median,
            method:
                "d = 20, n = 22 026, 360 queries a repeat, h = 0.5 … 1.2: the largest of the twelve differences "
                + "between simulation and exact law, in errors of the mean over the repeats"),
        Claim(
            "convergence", "The exact law reproduces the finite-size values", bar: .atMost(0.002),
            method:
                "α = ½, |x|² = d = 20, 50, 100, 200: the largest difference of the best bandwidth, Σp²(0.5) and "
                + "Σp²(0.75) from the reference values"),
        Claim(
            "limit", "The best bandwidth tends to h_KL = 0.622 as d grows",
            bar: .within(0.622, tolerance: 0.02),
            method: "minimum of the exact divergence at d = 1 000, α = ½"),
        Claim(
            "gaussian-above", "Above h_CLT fluctuations are Gaussian", bar: .atMost(0.06),
            method:
                "largest Kolmogorov distance from normal of ρ̂ at h = 1.1 and 1.4 over 300 data sets, d = 20, n = 22 026"
        ),
        Claim(
            "stable-below", "At h_CLT and below fluctuations are not Gaussian", bar: .atLeast(0.1),
            method: "smallest Kolmogorov distance from normal at h = 0.5, 0.65, 0.8, 0.92"),
        Claim(
            "hill", "Below h_G the tail of ρ̂ has the index of the finite-size law", bar: .atMost(0.35),
            method:
                "largest relative difference at h = 0.5 and 0.65 of Hill's estimate (40 largest of 300) from "
                + "2h²f(r₁)/F(r₁)"),
        Claim(
            "below-glass", "The best bandwidth lies below h_G", bar: .atMost(0.99999),
            method:
                "largest h_KL/h_G over α = 0.1, 0.25, 0.5, 1, 2 and three spectra (isotropic, 1/j, two values)"
        ),
        Claim(
            "ratio", "For isotropic data at α = ½ h_KL/h_G is 0.954", bar: .within(0.954, tolerance: 0.001),
            method: "theory in the limit of large d"),
        Claim(
            "optimum-participation", "At the best bandwidth a few points carry the estimate",
            bar: .atLeast(0.15),
            method: "mean Σp² at the bandwidth of smallest simulated divergence, d = 20, α = ½"),
        Claim(
            "real-gain", "Leave-one-out beats Silverman's rule on real data", bar: .atLeast(0.1),
            unit: "nats per dimension", statistic: .minimum,
            method: "smallest gain over 4 000 whitened Fashion-MNIST rows of d = 5, 10, 20"),
        Claim(
            "real-participation", "The optimum on real data is in the regime of few points",
            bar: .atLeast(0.5),
            method: "mean Σp² at the leave-one-out optimum, Fashion-MNIST, d = 20"),
        Claim(
            "held-out",
            "Rows that weren't used agree: the leave-one-out bandwidth beats Silverman's in every table",
            bar: .atLeast(0), unit: "nats per dimension", statistic: .minimum,
            method: "smallest gain on rows outside the 4 000, over Fashion-MNIST, magic and satimage, all d"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try convergence(run, &findings)
        try simulation(run, &findings)
        try fluctuations(run, &findings)
        try theory(&findings)
        try await realData(run, &findings)
        try growth(run, &findings)
        return findings
    }
}
