import Foundation
import Mercer
import MercerPapers

extension OptimalSamplingExperiment {
    /// Which rows of concrete to label.
    func labels(_ run: RunContext, _ findings: inout Findings) async throws {
        let table = try await PublicDataSets.concrete(cache: run.data) { run.note($0) }
        let draws = run.quick ? 30 : 60
        let problem = try Self.concrete(table)
        let m = problem.space.count
        findings.measure("labels-best", problem.bestSquared.squareRoot())
        let sizes = [m, 2 * m, 3 * m, 4 * m]
        run.stage("choosing rows", steps: sizes.count)
        let samplers: [(name: String, make: (Int) -> DesignSampler)] = [
            ("uniform", { .uniform(count: $0) }), ("leverage", { .iid(count: $0) }),
            ("determinantal", { .repeatedDPP(times: $0 / m) }),
        ]
        var results: [[SampleSummary]] = []
        for (step, n) in sizes.enumerated() {
            results.append(
                try samplers.enumerated().map { s, sampler in
                    try run.checkCancellation()
                    return SampleSummary(
                        try (0..<draws).map { draw in
                            problem.ratio(
                                try problem.space.sample(
                                    sampler.make(n), key: RandomKey(run.seed).fold(in: 500 + n + s).fold(in: draw)))
                        })
                })
            run.step(step + 1)
        }
        findings.measure("labels-2m", results[1][2].mean)
        findings.measure("labels-tail", results[1][2].quantile(0.9))
        findings.measure("labels-fewer", results[1][2].mean / results[2][0].mean)
        findings.section("Which rows to label")
        findings.text(
            "Concrete: 992 distinct rows, eight columns (log of the age), standardised, all quadratic features, m = \(m); "
                + "error over all rows against that of a fit to all labels, \(draws) draws.")
        findings.table(
            Table(
                "error²/best²: mean, median and 90 % quantile",
                columns: ["labels"] + samplers.flatMap { ["\($0.name), mean", "median", "90 %"] },
                rows: sizes.indices.map { k in
                    [.text("\(sizes[k])")]
                        + results[k].flatMap { summary -> [Table.Cell] in
                            [
                                .measured(summary.mean), .measured(summary.quantile(0.5)),
                                .measured(summary.quantile(0.9)),
                            ]
                        }
                }))
    }

    /// The quadratic fit of concrete's distinct rows.
    static func concrete(_ table: DataTable) throws -> Problem<RowSpace> {
        let target = "compressive_strength"
        let inputs = try table.dropping(target)
        let raw = try inputs.matrix().toArray(Double.self)
        let d = inputs.columns.count
        var seen: Set<[Double]> = []
        let rows = (0..<table.rowCount).filter { seen.insert(Array(raw[$0 * d..<($0 + 1) * d])).inserted }
        let distinct = DataTable(
            name: table.name,
            columns: inputs.rows(rows).columns.map { column in
                guard column.name == "age", case .numbers(let ages) = column.values else { return column }
                return DataTable.Column("log_age", .numbers(ages.map { log($0) }))
            })
        let features = try TableFeatures(.quadratic, fitting: distinct)
        let space = try RowSpace(features: try features.matrix(distinct), names: features.names)
        let all = try table.numbers(target)
        let values = rows.map { all[$0] }
        let best = space.project(values)
        return Problem(
            space: space, f: { values[$0] }, best: best.coefficients, bestSquared: best.squaredError)
    }
}
