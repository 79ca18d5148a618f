import Foundation
import Mercer
import MercerPapers

extension DensityExperiment {
    /// The finite-size values at α = ½: where the divergence is smallest, Σp² at h = 0.5 and 0.75.
    private static let reference: [(d: Int, best: Double, half: Double, threeQuarters: Double)] = [
        (20, 0.738, 0.570, 0.179), (50, 0.687, 0.497, 0.060), (100, 0.663, 0.462, 0.017),
        (200, 0.647, 0.441, 0.002),
    ]

    /// The exact law at growing d.
    func convergence(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("exact law at growing d", steps: 5)
        var worst = 0.0
        var rows: [[Table.Cell]] = []
        var curves: [Chart.Series] = []
        let grid = (0...28).map { 0.45 + 0.025 * Double($0) }
        for (step, item) in Self.reference.enumerated() {
            try run.checkCancellation()
            let law = try FiniteSizeDensity(
                dimension: item.d, logCount: 0.5 * Double(item.d), squaredNorm: Double(item.d))
            let best = law.optimalBandwidth(in: 0.55...0.85)
            let (half, threeQuarters) = (law.values(0.5).participation, law.values(0.75).participation)
            for (found, expected) in [
                (best, item.best), (half, item.half), (threeQuarters, item.threeQuarters),
            ] {
                worst = max(worst, abs(found - expected))
            }
            rows.append([
                .number(Double(item.d)), .number(best, decimals: 4), .number(half, decimals: 4),
                .number(threeQuarters, decimals: 4), .number(law.tailIndex(0.5), decimals: 3),
            ])
            curves.append(
                .line("d = \(item.d)", x: grid, y: grid.map { law.values($0).divergencePerDimension }))
            run.step(step + 1)
        }
        let large = try FiniteSizeDensity(dimension: 1000, logCount: 500, squaredNorm: 1000)
        let best = large.optimalBandwidth(in: 0.58...0.68, tolerance: 1e-4)
        let limit = try DensityRegimes(variances: [1], alpha: 0.5)
        rows.append([
            1000, .number(best, decimals: 4), .number(large.values(0.5).participation, decimals: 4),
            .number(large.values(0.75).participation, decimals: 4),
            .number(large.tailIndex(0.5), decimals: 3),
        ])
        rows.append([
            "∞", .number(limit.optimalBandwidth, decimals: 4), .number(limit.participation(0.5), decimals: 4),
            .number(limit.participation(0.75), decimals: 4), .number(limit.stableIndex(0.5), decimals: 3),
        ])
        run.step(5)
        findings.measure("convergence", worst)
        findings.measure("limit", best)
        findings.section("From finite d to the limit")
        findings.text(
            "The law of ΣK over n = e^(d/2) points is known exactly at any d by one-dimensional integrals. Corrections "
                + "to the limit fall like log d / d.")
        findings.table(
            Table(
                "Exact law at α = ½, |x|² = d",
                columns: ["d", "best h", "Σp²(0.5)", "Σp²(0.75)", "tail index (0.5)"],
                rows: rows, emphasis: [rows.count - 1]))
        curves.append(
            .line("limit", x: grid, y: grid.map(limit.divergencePerDimension), dashed: true))
        findings.chart(
            Chart(
                "divergence", "Divergence per dimension against the bandwidth", x: .linear("h"),
                y: .linear("KL divergence / d"), series: curves,
                guides: [
                    .vertical(limit.optimalBandwidth, "h_KL"), .vertical(limit.glassBandwidth, "h_G"),
                    .vertical(limit.cltBandwidth, "h_CLT"),
                ]))
    }

    /// The phase diagram, and where h_KL lies in it for three spectra.
    func theory(_ findings: inout Findings) throws {
        let spectra: [(name: String, variances: [Double])] = [
            ("isotropic", [Double](repeating: 1, count: 50)), ("1/j", (1...40).map { 1 / Double($0) }),
            ("two values", [Double](repeating: 4, count: 20) + [Double](repeating: 0.25, count: 20)),
        ]
        let alphas = [0.1, 0.25, 0.5, 1, 2]
        var worst = 0.0
        var rows: [[Table.Cell]] = []
        for spectrum in spectra {
            for alpha in alphas {
                let regimes = try DensityRegimes(variances: spectrum.variances, alpha: alpha)
                let ratio = regimes.optimalBandwidth / regimes.glassBandwidth
                worst = max(worst, ratio)
                rows.append([
                    .text(spectrum.name), .number(alpha), .number(regimes.cltBandwidth, decimals: 4),
                    .number(regimes.glassBandwidth, decimals: 4),
                    .number(regimes.optimalBandwidth, decimals: 4),
                    .number(ratio, decimals: 4),
                ])
            }
        }
        let isotropic = try DensityRegimes(variances: [1], alpha: 0.5)
        findings.measure("below-glass", worst)
        findings.measure("ratio", isotropic.optimalBandwidth / isotropic.glassBandwidth)
        findings.section("Where the best bandwidth lies")
        let grid = (0...60).map { 0.05 * pow(60, Double($0) / 60) }
        let regimes = try grid.map { try DensityRegimes(variances: [1], alpha: $0) }
        findings.chart(
            Chart(
                "phases", "Three regimes of the bandwidth (isotropic data)", x: .log("α = log n / d"),
                y: .log("h"),
                series: [
                    .line("h_CLT", x: grid, y: regimes.map(\.cltBandwidth)),
                    .line("h_G", x: grid, y: regimes.map(\.glassBandwidth)),
                    .line("h_KL", x: grid, y: regimes.map(\.optimalBandwidth), dashed: true),
                ],
                caption:
                    "Above h_CLT errors are Gaussian, between the lines heavy-tailed; below h_G a few nearest "
                    + "points carry the estimate, and there the divergence is smallest."))
        findings.table(
            Table(
                "Thresholds", columns: ["spectrum", "α", "h_CLT", "h_G", "h_KL", "h_KL/h_G"], rows: rows))
    }
}
