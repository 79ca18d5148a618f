import Foundation
import Mercer
import MercerPapers

extension DensityExperiment {
    /// Simulation beside the exact law, d = 20, α = ½.
    func simulation(_ run: RunContext, _ findings: inout Findings) throws {
        let (d, n, queries) = (20, 22026, 360)
        let bandwidths = [0.5, 0.6, 0.7, 0.8, 0.9, 1.2]
        let repeats = run.quick ? 6 : 30
        let seeds = run.seeds(3)
        run.stage("simulation beside the exact law", steps: seeds.count * repeats)
        let exact = try bandwidths.map {
            try FiniteSizeDensity.averaged(dimension: d, logCount: log(Double(n)), bandwidth: $0)
        }
        var worst: [Double] = []
        var participations: [Double] = []
        var shown: [[Table.Cell]] = []
        var points: [Chart.Series] = []
        for (s, seed) in seeds.enumerated() {
            var divergence = [[Double]](repeating: [], count: bandwidths.count)
            var participation = divergence
            for k in 0..<repeats {
                try run.checkCancellation()
                let keys = RandomKey(seed).fold(in: k).split(2)
                let data = Random.normal([n, d], dtype: .float64, key: keys[0])
                let query = Random.normal([queries, d], dtype: .float64, key: keys[1])
                let logTrue = (query * query).sum(axis: 1).toArray(Double.self)
                    .map { -0.5 * $0 - Double(d) / 2 * log(2 * Double.pi) }
                for (j, h) in bandwidths.enumerated() {
                    let estimates = try KernelDensity(data, bandwidth: .fixed(h)).estimate(query)
                    let gap = zip(logTrue, estimates).reduce(0) { $0 + $1.0 - $1.1.logDensity }
                    divergence[j].append(gap / Double(queries * d))
                    participation[j].append(estimates.reduce(0) { $0 + $1.participation } / Double(queries))
                }
                run.step(s * repeats + k + 1)
            }
            let (a, b) = (divergence.map(Summary.init), participation.map(Summary.init))
            worst.append(
                bandwidths.indices.reduce(0) { largest, j in
                    max(
                        largest, abs(a[j].mean - exact[j].divergencePerDimension) / a[j].error,
                        abs(b[j].mean - exact[j].participation) / b[j].error)
                })
            participations.append(Self.atMinimum(bandwidths, a.map(\.mean), b.map(\.mean)))
            if s == 0 {
                points = [("KL divergence / d", a), ("mean Σp²", b)].enumerated().map { colour, item in
                    .points(
                        "\(item.0), simulated", x: bandwidths, y: item.1.map(\.mean),
                        low: item.1.map { $0.mean - 3 * $0.error },
                        high: item.1.map { $0.mean + 3 * $0.error },
                        colour: colour)
                }
                shown = bandwidths.indices.map { j in
                    [
                        .number(bandwidths[j]), .number(a[j].mean, decimals: 4),
                        .number(exact[j].divergencePerDimension, decimals: 4),
                        .number(a[j].error, decimals: 4),
                        .number(b[j].mean, decimals: 4), .number(exact[j].participation, decimals: 4),
                        .number(b[j].error, decimals: 4),
                    ]
                }
            }
        }
        findings.measure("simulation-exact", worst, seeds: seeds)
        findings.measure("optimum-participation", participations, seeds: seeds)
        findings.section("Simulation and exact law")
        findings.table(
            Table(
                "d = 20, n = 22 026, \(queries) queries, \(repeats) repeats",
                columns: ["h", "KL/d", "exact", "error", "Σp²", "exact", "error"], rows: shown))
        let grid = (0...14).map { 0.5 + 0.05 * Double($0) }
        let curve = try grid.map {
            try FiniteSizeDensity.averaged(dimension: d, logCount: log(Double(n)), bandwidth: $0, nodes: 12)
        }
        findings.chart(
            Chart(
                "simulation", "Simulation on the exact law", x: .linear("h"), y: .linear(""),
                series: [
                    .line("KL divergence / d", x: grid, y: curve.map(\.divergencePerDimension), colour: 0),
                    .line("mean Σp²", x: grid, y: curve.map(\.participation), colour: 1),
                ] + points, caption: "d = 20, n = 22 026; bars are three errors of the mean."))
    }

    /// The participation at the minimum of the parabola through the smallest divergence and its neighbours.
    private static func atMinimum(_ h: [Double], _ divergence: [Double], _ participation: [Double]) -> Double {
        let lowest = divergence.indices.min { divergence[$0] < divergence[$1] }!
        let k = min(max(lowest, 1), h.count - 2)
        let (left, right) = (h[k] - h[k - 1], h[k + 1] - h[k])
        let (down, up) = (
            (divergence[k] - divergence[k - 1]) / left, (divergence[k + 1] - divergence[k]) / right
        )
        let curvature = 2 * (up - down) / (left + right)
        let slope = (down * right + up * left) / (left + right)
        let best = h[k] - slope / curvature
        let (near, far) = best < h[k] ? (k - 1, k) : (k, k + 1)
        let share = (best - h[near]) / (h[far] - h[near])
        return exp((1 - share) * log(participation[near]) + share * log(participation[far]))
    }

    /// Fluctuations of ρ̂ over data sets at a fixed query; only r = |x − y|² need be drawn.
    func fluctuations(_ run: RunContext, _ findings: inout Findings) throws {
        let (d, n, sets) = (20, 22026, 300)
        let bandwidths = [0.5, 0.65, 0.8, 0.92, 1.1, 1.4]
        // One sample of 300 sets says little: a quick run takes three as well.
        let seeds = run.quick ? (0..<3).map { run.seed &+ $0 } : run.seeds(10)
        run.stage("fluctuations over data sets", steps: seeds.count)
        let law = try FiniteSizeDensity(dimension: d, logCount: log(Double(n)), squaredNorm: Double(d))
        let indices = bandwidths.map { law.tailIndex($0) }
        let window = bandwidths.map { law.tailIndex($0, share: 40 / Double(sets)) }
        let limit = try DensityRegimes(variances: [1], alpha: log(Double(n)) / Double(d))
        var (above, below, hill): ([Double], [Double], [Double]) = ([], [], [])
        var shown: [[Table.Cell]] = []
        for (s, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let logs = logDensities(sets, n: n, dimension: d, bandwidths, key: RandomKey(seed).fold(in: 77))
            let values = logs.map { list in list.map { exp($0 - list.max()!) } }
            let distances = values.map(DensityStatistics.distanceFromNormal)
            let estimates = logs.map { DensityStatistics.hillIndex(logValues: $0, count: 40) }
            above.append(distances[4...].max()!)
            below.append(distances[..<4].min()!)
            hill.append((0..<2).map { abs(estimates[$0] / indices[$0] - 1) }.max()!)
            if s == 0 {
                shown = bandwidths.indices.map { j in
                    [
                        .number(bandwidths[j]), .text(limit.regime(bandwidths[j]).rawValue),
                        .number(distances[j], decimals: 3),
                        .number(DensityStatistics.skewness(values[j]), decimals: 2),
                        .number(estimates[j], decimals: 2), .number(indices[j], decimals: 2),
                        .number(window[j], decimals: 2),
                        .number(limit.stableIndex(bandwidths[j]), decimals: 2),
                    ]
                }
            }
            run.step(s + 1)
        }
        findings.measure("gaussian-above", above, seeds: seeds)
        findings.measure("stable-below", below, seeds: seeds)
        findings.measure("hill", hill, seeds: seeds)
        findings.section("Fluctuations")
        findings.table(
            Table(
                "300 data sets, d = 20, n = 22 026, |x|² = 20",
                columns: [
                    "h", "regime", "distance from normal", "skewness", "Hill", "finite-size index",
                    "at Hill's place", "limit index",
                ],
                rows: shown,
                caption:
                    "One sample of 300 sets; over samples of this size Hill's estimate scatters by a sixth. The finite-size "
                    + "index is that of the typical maximum, F(r₁) = 1/n; Hill's estimate looks at the 40 largest of 300, further "
                    + "out, where the index is larger ('at Hill's place'), and sums of several points bias it upward."
            ))
    }

    /// The time of leave-one-out against the number of rows.
    func growth(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("growth")
        let growth = try Growth([2000, 4000, 8000]) { n in
            let data = Random.normal([n, 20], dtype: .float64, key: RandomKey(run.seed))
            let bandwidths = (0..<10).map { exp2(-Double($0) / 2) }
            withExtendedLifetime(try KernelDensity(data, bandwidth: .fixed(1)).leaveOneOut(bandwidths)) {}
        }
        findings.section("Growth")
        findings.table(growth.table("Leave-one-out at ten bandwidths, d = 20", size: "rows"))
    }

    /// log Σ K of each data set at each bandwidth, `[bandwidths][sets]`.
    private func logDensities(_ sets: Int, n: Int, dimension d: Int, _ bandwidths: [Double], key: RandomKey)
        -> [[Double]]
    {
        var result = [Double](repeating: 0, count: bandwidths.count * sets)
        result.withUnsafeMutableBufferPointer { result in
            let target = UncheckedAddress(result.baseAddress)
            Parallel.forEach(sets) { set in
                var stream = RandomStream(key.fold(in: set))
                let norm = Double(d).squareRoot()
                let r = (0..<n).map { _ in
                    let along = stream.normal() + norm
                    return along * along + 2 * stream.gamma(Double(d - 1) / 2)
                }
                let nearest = r.min()!
                for (j, h) in bandwidths.enumerated() {
                    var sum = KernelSum()
                    r.withUnsafeBufferPointer {
                        sum.add(.gaussian, $0.baseAddress!, count: n, nearest: nearest, bandwidth: h)
                    }
                    target.pointer[j * sets + set] = sum.logSum(.gaussian, bandwidth: h)
                }
            }
        }
        return bandwidths.indices.map { Array(result[$0 * sets..<($0 + 1) * sets]) }
    }

    /// Mean and error of the mean.
    private struct Summary {
        let mean: Double
        let error: Double

        init(_ values: [Double]) {
            let n = Double(values.count)
            let mean = values.reduce(0, +) / n
            self.mean = mean
            error = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1) / n).squareRoot()
        }
    }
}
