import Foundation
import Mercer
import MercerPapers

extension DensityExperiment {
    /// What one table of real data shows.
    private struct Outcome {
        let name: String
        let dimension: Int
        let best: Double
        let silverman: Double
        let gain: Double
        let participation: Double
        let heldOutGain: Double
    }

    /// Leave-one-out against Silverman's rule on whitened real data.
    func realData(_ run: RunContext, _ findings: inout Findings) async throws {
        let rows = 4000
        let note: @Sendable (String) -> Void = { run.note($0) }
        let pictures = try await PublicDataSets.fashionMNIST(training: false, cache: run.data, note: note)
        let magic = try await PublicDataSets.magic(cache: run.data, note: note)
        let satimage = try await PublicDataSets.satimage(cache: run.data, note: note)
        let sets: [(name: String, rows: Tensor, dimensions: [Int])] = [
            ("Fashion-MNIST", pictures.scaled(0..<6000), [5, 10, 20, 40]),
            ("magic", try shuffled(magic), [5, 10]), ("satimage", try shuffled(satimage), [5, 10, 20]),
        ]
        run.stage("real data", steps: sets.reduce(0) { $0 + $1.dimensions.count })
        var outcomes: [Outcome] = []
        for set in sets {
            for d in set.dimensions {
                try run.checkCancellation()
                outcomes.append(try outcome(set.name, set.rows, dimension: d, count: rows))
                run.step(outcomes.count)
            }
        }
        let fashion = outcomes.filter { $0.name == "Fashion-MNIST" }
        findings.measure("real-gain", fashion.filter { $0.dimension <= 20 }.map(\.gain).min()!)
        findings.measure("real-participation", fashion.first { $0.dimension == 20 }!.participation)
        findings.measure("held-out", outcomes.map(\.heldOutGain).min()!)
        findings.section("Real data")
        findings.text(
            "The first \(rows) rows, whitened to their leading principal components. Gains are in nats per dimension; the "
                + "last column is the gain on rows outside these.")
        findings.table(
            Table(
                "Leave-one-out and Silverman's rule",
                columns: ["data", "d", "best h", "Silverman", "gain", "Σp² at the optimum", "held-out gain"],
                rows: outcomes.map { outcome in
                    [
                        .text(outcome.name), .number(Double(outcome.dimension)),
                        .number(outcome.best, decimals: 3),
                        .number(outcome.silverman, decimals: 3), .number(outcome.gain, decimals: 3),
                        .number(outcome.participation, decimals: 2),
                        .number(outcome.heldOutGain, decimals: 3),
                    ]
                }))
    }

    /// The columns but the class, in the rows' agreed permutation.
    private func shuffled(_ table: DataTable) throws -> Tensor {
        try table.dropping("-1").rows(SplitMix64.permutation(table.rowCount, seed: 0)).matrix()
    }

    private func outcome(
        _ name: String, _ data: Tensor, dimension d: Int, count: Int
    ) throws -> Outcome {
        let train = data[0..<count]
        let components = try PrincipalComponents(fitting: train, components: d)
        let (x, held) = (
            components.apply(train), components.apply(data[count..<min(data.shape[0], count + 2000)])
        )
        let kde = try KernelDensity(x, bandwidth: .leaveOneOut)
        let silverman = try KernelDensity(x, bandwidth: .silverman)
        let points = try kde.leaveOneOut([kde.bandwidth, silverman.bandwidth])
        func mean(_ kde: KernelDensity) -> Double {
            let values = kde.logDensity(held).toArray(Double.self)
            return values.reduce(0, +) / Double(values.count * d)
        }
        return Outcome(
            name: name, dimension: d, best: kde.bandwidth, silverman: silverman.bandwidth,
            gain: (points[0].meanLogDensity - points[1].meanLogDensity) / Double(d),
            participation: points[0].participation, heldOutGain: mean(kde) - mean(silverman))
    }
}
