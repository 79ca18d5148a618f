import Foundation
import Mercer
import MercerPapers

extension OptimalSamplingExperiment {
    private typealias Sampled = (name: String, make: (Int) -> DesignSampler)

    private static func samplers(_ m: Int) -> [Sampled] {
        [
            ("repeated DPP", { .repeatedDPP(times: $0 / m) }), ("volume", { .volume(count: $0) }),
            ("independent", { .iid(count: $0) }),
        ]
    }

    /// n = m: interpolation.
    func interpolation(_ run: RunContext, _ findings: inout Findings) throws {
        let draws = run.quick ? 300 : 1000
        run.stage("n = m")
        let problem = try runge()
        let m = problem.space.count
        var rows: [[Table.Cell]] = []
        for (s, sampler) in Self.samplers(m).enumerated() {
            let ratios = try (0..<draws).map { draw in
                problem.ratio(
                    try problem.space.sample(sampler.make(m), key: RandomKey(run.seed).fold(in: s).fold(in: draw)))
            }
            let summary = SampleSummary(ratios)
            if s == 0 {
                findings.measure(
                    "interpolation", abs(summary.mean - Double(m + 1)) / summary.standardError,
                    note: "mean \(Format.number(summary.mean)) over \(draws) draws, theory \(m + 1)")
            }
            rows.append([
                .text(sampler.name), .measured(summary.mean), .measured(summary.quantile(0.5)),
            ])
        }
        let nine = try Self.nineRows(seed: run.seed)
        let (space, values) = nine
        let enumeration = FiniteEnumeration(space, values: values)
        let weights = (0..<space.rows).map { 1 / space.optimalDensity($0) }
        let best = space.project(values).squaredError
        let exact = enumeration.repeatedDPP(times: 1, weights: weights, delta: 0.5).errorSquared
        findings.measure("identity", abs(exact / best / Double(space.count + 1) - 1))
        let inverse = enumeration.independent(
            count: 5, weights: weights, delta: 0.5, rescaledByVolume: true
        ).inverseGram
        let largest = try LinearAlgebra.eigvalsh(Tensor(inverse, [space.count, space.count])).toArray(Double.self).last!
        findings.measure("inverse-gram", largest * Double(5 - space.count + 1) / 5)
        findings.section("As many points as dimensions")
        findings.table(
            Table("error²/best², n = m = \(m), \(draws) draws", columns: ["points", "mean", "median"], rows: rows))
    }

    /// A random set of nine rows with three features.
    static func nineRows(seed: UInt64) throws -> (RowSpace, [Double]) {
        var stream = RandomStream(RandomKey(seed).fold(in: 99))
        let raw = Tensor((0..<27).map { $0 % 3 == 0 ? 1 : stream.normal() }, [9, 3])
        let measure = (0..<9).map { _ in 0.2 + stream.uniform() }
        return (try RowSpace(features: raw, measure: measure), (0..<9).map { _ in stream.normal() })
    }

    /// λ_min and errors at n = 2m … 8m.
    func stabilityAndError(_ run: RunContext, _ findings: inout Findings) throws {
        let draws = run.quick ? 300 : 1000
        let problem = try runge()
        let m = problem.space.count
        let multiples = [2, 3, 4, 6, 8]
        run.stage("stability", steps: multiples.count)
        var stable: [[Double]] = []
        var errors: [[SampleSummary]] = []
        var conditioned: [[Double]] = []
        var smallest: [[Double]] = []
        for (step, multiple) in multiples.enumerated() {
            try run.checkCancellation()
            var (row, errorRow, conditionedRow): ([Double], [SampleSummary], [Double]) = ([], [], [])
            for (s, sampler) in Self.samplers(m).enumerated() {
                let designs = try (0..<draws).map { draw in
                    try problem.space.sample(
                        sampler.make(multiple * m),
                        key: RandomKey(run.seed).fold(in: 1000 * multiple + s).fold(in: draw))
                }
                let lambda = try designs.map { try $0.extremes().smallest }
                let ratios = designs.map(problem.ratio)
                row.append(Double(lambda.count { $0 >= 0.5 }) / Double(draws))
                errorRow.append(SampleSummary(ratios))
                let kept = zip(lambda, ratios).filter { $0.0 >= 0.5 }.map(\.1)
                conditionedRow.append(kept.isEmpty ? .nan : SampleSummary(kept).mean)
                if multiple == 3 { smallest.append(lambda.sorted()) }
            }
            stable.append(row)
            errors.append(errorRow)
            conditioned.append(conditionedRow)
            run.step(step + 1)
        }
        let disorder = stable.count { !($0[0] > $0[1] && $0[1] >= $0[2]) }
        findings.measure("stable-3m", stable[1][0])
        findings.measure("stable-6m", stable[3][0])
        findings.measure("iid-6m", stable[3][2])
        findings.measure("order", Double(disorder))
        findings.measure("error-2m", errors[0][0].mean)
        findings.measure("error-3m", errors[1][0].mean)
        findings.measure("conditioned", conditioned[1].max()!, note: "of \(draws) draws, those with λ_min ≥ ½")
        findings.section("Stability")
        var rows: [[Table.Cell]] = []
        for (k, multiple) in multiples.enumerated() {
            rows.append(
                [.text("\(multiple)m")] + stable[k].map { .number($0, decimals: 3) }
                    + errors[k].map { .measured($0.mean) }
                    + conditioned[k].map { $0.isNaN ? .empty : .number($0, decimals: 2) })
        }
        let names = Self.samplers(m).map(\.name)
        findings.table(
            Table(
                "P(λ_min ≥ ½), mean error²/best², and the same given λ_min ≥ ½",
                columns: ["n"] + names.map { "P, \($0)" } + names.map { "error, \($0)" } + names.map { "given, \($0)" },
                rows: rows))
        let levels = (0...60).map { Double($0) / 60 }
        findings.chart(
            Chart(
                "stability", "Distribution of λ_min at n = 3m", x: .linear("λ_min", 0...1), y: .linear("share", 0...1),
                series: zip(names, smallest).map { name, sorted in
                    .line(
                        name, x: levels,
                        y: levels.map { level in Double(sorted.count { $0 <= level }) / Double(sorted.count) })
                }))
    }

    /// Hermite polynomials and two dimensions at 2m and 3m.
    func otherSpaces(_ run: RunContext, _ findings: inout Findings) throws {
        let draws = run.quick ? 100 : 500
        run.stage("other spaces")
        let hermite = Self.problem(
            try PolynomialSpace(.hermite, index: .totalDegree(9, dimension: 1)), nodes: 60
        ) { exp(0.5 * $0[0]) }
        let plane = Self.problem(
            try PolynomialSpace(.legendre, index: .totalDegree(5, dimension: 2)), nodes: 60
        ) { 1 / (1 + 2.5 * ($0[0] * $0[0] + $0[1] * $0[1])) }
        var rows: [[Table.Cell]] = []
        for (claim, problem) in [("hermite", hermite), ("two-dimensions", plane)] {
            let m = problem.space.count
            for multiple in [2, 3] {
                var row: [Table.Cell] = [.text(claim), .text("\(multiple)m")]
                for (s, sampler) in Self.samplers(m).enumerated() {
                    try run.checkCancellation()
                    let key = RandomKey(run.seed).fold(in: 7000 + 10 * m + multiple).fold(in: s)
                    let summary = SampleSummary(
                        try (0..<draws).map {
                            problem.ratio(try problem.space.sample(sampler.make(multiple * m), key: key.fold(in: $0)))
                        })
                    row.append(.measured(summary.mean))
                    if multiple == 2, s == 0 { findings.measure(claim, summary.mean) }
                }
                rows.append(row)
            }
        }
        findings.section("Hermite polynomials, two dimensions")
        findings.table(
            Table(
                "Mean error²/best²", columns: ["space", "n"] + Self.samplers(1).map(\.name), rows: rows))
        let grid = try plane.space.sample(.repeatedDPP(times: 2), key: RandomKey(run.seed))
        let independent = try plane.space.sample(.iid(count: grid.count), key: RandomKey(run.seed))
        findings.chart(
            Chart(
                "points", "42 points for total degree 5", x: .linear("x", -1...1), y: .linear("y", -1...1),
                series: [
                    .points("repeated DPP", x: grid.points.map { $0[0] }, y: grid.points.map { $0[1] }),
                    .points("independent", x: independent.points.map { $0[0] }, y: independent.points.map { $0[1] }),
                ]))
    }

    /// Two samplers of one process.
    func samplers(_ run: RunContext, _ findings: inout Findings) throws {
        let draws = run.quick ? 2000 : 10_000
        run.stage("chain rule and tridiagonal matrix")
        let space = try PolynomialSpace(.legendre, index: .totalDegree(5, dimension: 1))
        var deviations: [Double] = []
        var notes: [String] = []
        var pairs = [[Double]](repeating: [Double](repeating: 0, count: 40), count: 2)
        for (s, name) in ["tridiagonal", "chain rule"].enumerated() {
            var sums: [Double] = []
            for draw in 0..<draws {
                var stream = RandomStream(RandomKey(run.seed).fold(in: 50 + s).fold(in: draw))
                let points =
                    s == 0
                    ? space.drawProjectionDPP(using: &stream) : space.drawByChainRule(using: &stream)
                sums.append(points.reduce(0) { $0 + $1[0] * $1[0] })
                for i in points.indices {
                    for j in points.indices where j != i {
                        // Around the centre only, where the density is nearly flat.
                        guard abs(points[i][0]) < 0.3 else { continue }
                        let gap = abs(points[i][0] - points[j][0])
                        if gap < 1 { pairs[s][min(39, Int(gap * 40))] += 1 }
                    }
                }
            }
            let summary = SampleSummary(sums)
            let squares = SampleSummary(sums.map { ($0 - 2.979021) * ($0 - 2.979021) })
            deviations.append(abs(summary.mean - 2.979021) / summary.standardError)
            deviations.append(abs(squares.mean - 0.126833) / squares.standardError)
            notes.append(
                "\(name): mean \(Format.fixed(summary.mean, decimals: 4)), variance "
                    + Format.fixed(squares.mean, decimals: 4))
        }
        findings.measure(
            "samplers", deviations.max()!, note: notes.joined(separator: "; ") + "; \(draws) draws each")
        let gaps = (0..<40).map { (Double($0) + 0.5) / 40 }
        let normalised = pairs.map { counts in counts.map { $0 / Double(draws) } }
        findings.section("Repulsion")
        findings.chart(
            Chart(
                "pairs", "Pairs by distance, m = 6, around the centre", x: .linear("distance"),
                y: .linear("pairs a draw"),
                series: [
                    .line("tridiagonal", x: gaps, y: normalised[0]),
                    .line("chain rule", x: gaps, y: normalised[1], dashed: true),
                ]))
    }

    /// The mean of volume-sampled coefficients.
    func unbiasedness(_ run: RunContext, _ findings: inout Findings) throws {
        let draws = run.quick ? 2000 : 20_000
        run.stage("unbiasedness", steps: 10)
        let problem = try runge()
        let (m, n) = (problem.space.count, 15)
        var sums = [Double](repeating: 0, count: m)
        var squares = sums
        var inverse = Tensor.zeros([m, m], .float64)
        for draw in 0..<draws {
            let design = try problem.space.sample(
                .volume(count: n), key: RandomKey(run.seed).fold(in: 77).fold(in: draw))
            let fit = try WeightedLeastSquares(problem.space, design).fit(design.points.map(problem.f))
            for k in 0..<m {
                sums[k] += fit.coefficients[k]
                squares[k] += fit.coefficients[k] * fit.coefficients[k]
            }
            if draw < draws / 4 { inverse = inverse + (try LinearAlgebra.inverse(design.gram)) }
            if draw % (draws / 10) == 0 {
                try run.checkCancellation()
                run.step(draw / (draws / 10) + 1)
            }
        }
        let count = Double(draws)
        let deviations = (0..<m).map { k -> Double in
            let mean = sums[k] / count
            let error = ((squares[k] / count - mean * mean) / count).squareRoot()
            return abs(mean - problem.best[k]) / error
        }
        let largest = try LinearAlgebra.eigvalsh(inverse / Double(draws / 4)).toArray(Double.self).last!
        findings.measure(
            "unbiased", deviations.max()!,
            note: "\(draws) draws; λ_max of the mean inverse Gram matrix \(Format.number(largest)), bound "
                + Format.number(Double(n) / Double(n - m + 1)))
    }

    /// How the time of a sample grows.
    func growth(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("growth")
        let scale = run.quick ? 1 : 2
        let polynomial = [50, 100, 200].map { $0 * scale }
        var spaces: [Int: PolynomialSpace] = [:]
        for m in polynomial { spaces[m] = try PolynomialSpace(.legendre, index: .totalDegree(m - 1, dimension: 1)) }
        var stream = RandomStream(RandomKey(run.seed).fold(in: 3))
        let tridiagonal = Growth(polynomial) { _ = spaces[$0]!.drawProjectionDPP(using: &stream) }
        let chain = Growth(polynomial) { _ = spaces[$0]!.drawByChainRule(using: &stream) }
        let rows = [1000, 4000, 16_000]
        var tables: [Int: RowSpace] = [:]
        for n in rows {
            tables[n] = try RowSpace(features: Random.normal([n, 50], dtype: .float64, key: RandomKey(run.seed)))
        }
        let finite = Growth(rows) { _ = tables[$0]!.drawProjectionDPP(using: &stream) }
        findings.section("Time of a sample")
        findings.text("Legendre polynomials by their number m, rows of a table by their number with m = 50.")
        findings.table(tridiagonal.table("Tridiagonal matrix", size: "m"))
        findings.table(chain.table("Chain rule", size: "m"))
        findings.table(finite.table("Rows", size: "rows"))
    }
}
