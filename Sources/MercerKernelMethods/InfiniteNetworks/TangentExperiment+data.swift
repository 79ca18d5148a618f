import Foundation
import Mercer
import MercerPapers

extension TangentExperiment {
    /// Figure 3: convergence along the second principal component of the kernel.
    func components(_ run: RunContext, _ findings: inout Findings) async throws {
        let table = try await PublicDataSets.mnist5k(cache: run.data) { run.note($0) }
        let rows = Array(SplitMix64.permutation(table.rowCount, seed: 0).prefix(256))
        let raw = try table.dropping("785").rows(rows).matrix()
        let x = raw / sqrt((raw * raw).sum(axes: [1], keepDims: true)) * 28.0
        let net = try Self.dense(4)
        let n = x.shape[0]
        let (values, vectors) = try LinearAlgebra.eigh(try net.kernels(x).ntk)
        let lambda = values.toArray(Double.self)[n - 2] / Double(n)
        // A component of root mean square 1, as under the law of the inputs.
        let component = vectors[0..<n, (n - 2)..<(n - 1)] * Double(n).squareRoot()
        let folding = Int((1 / lambda).rounded(.down))
        let checkpoints = [folding / 4, folding / 2, folding]
        let prediction = checkpoints.map { exp(-lambda * Double($0)) }
        let widths = run.quick ? [64, 256] : [64, 256, 1024]
        run.stage("principal components", steps: widths.count)
        var (drifts, along): ([Double], [[Double]]) = ([], [])
        for (step, width) in widths.enumerated() {
            let nets = run.quick ? 1 : (width > 256 ? 2 : 4)
            var (drift, path) = (0.0, [Double](repeating: 0, count: checkpoints.count))
            for index in 0..<nets {
                try run.checkCancellation()
                var finite = try FiniteNetwork(
                    net, widths: [784, width, width, width, 1],
                    key: RandomKey(run.seed).fold(in: 90_000 + width).fold(in: index), dtype: .float32)
                let (input, start) = (x.asType(.float32), finite(x.asType(.float32)))
                let target = start + (component * 0.5).asType(.float32)
                var done = 0
                for (place, checkpoint) in checkpoints.enumerated() {
                    finite.train(input, target, rate: 1, steps: checkpoint - done)
                    done = checkpoint
                    let rest = (target - finite(input)).asType(.float64)
                    let share = (rest * component).sum().item(Double.self) / (0.5 * Double(n))
                    path[place] += share / Double(nets)
                    if place == checkpoints.count - 1 {
                        let across = rest - component * (0.5 * share)
                        drift +=
                            ((across * across).sum().item(Double.self) / Double(n)).squareRoot() / 0.5 / Double(nets)
                    }
                }
            }
            drifts.append(drift)
            along.append(path)
            run.step(step + 1)
        }
        findings.measure("drift", zip(drifts, drifts.dropFirst()).map { $0 / $1 }.min()!)
        findings.measure("along", zip(along.last!, prediction).map { abs($0 - $1) }.max()!)
        findings.measure("across", drifts.last!, note: "width \(widths.last!)")
        findings.section("Principal components")
        findings.text(
            "256 digits; λ₂ = \(Format.fixed(lambda, decimals: 5)) N. The share of the error along the second component "
                + "that is left, and what has moved across it, in units of the target's change.")
        func cells(_ name: String, _ values: [Double], _ across: Double) -> [Table.Cell] {
            var row: [Table.Cell] = [.text(name)]
            for value in values + [across] { row.append(.number(value, decimals: 3)) }
            return row
        }
        var rowsOfTable = [cells("limit", prediction, 0)]
        for k in widths.indices { rowsOfTable.append(cells("\(widths[k])", along[k], drifts[k])) }
        findings.table(
            Table(
                "Along and across", columns: ["width"] + checkpoints.map { "step \($0)" } + ["across"],
                rows: rowsOfTable))
    }

    // MARK: Pictures

    /// Digits by dense and by convolutional kernels.
    func pictures(_ run: RunContext, _ findings: inout Findings) async throws {
        let digits = try await PublicDataSets.digits(cache: run.data) { run.note($0) }
        let mnist = try await PublicDataSets.mnist5k(cache: run.data) { run.note($0) }
        let seeds: [UInt64] = [0, 1, 2]
        run.stage("pictures", steps: seeds.count + 2)
        let (w, b) = (2.0.squareRoot(), 0.1)
        let networks: [(String, InfiniteNetwork)] = [
            ("dense", try InfiniteNetwork(spec: "mlp:4", wStd: w, bStd: b)),
            ("convolutions, flatten", try InfiniteNetwork(spec: "cnn:3", wStd: w, bStd: b)),
            ("convolutions, global pooling", try InfiniteNetwork(spec: "cnn-gap:3", wStd: w, bStd: b)),
        ]
        let test = run.quick ? 40 : 300
        var scores = [[Double]](repeating: [], count: networks.count)
        for (step, seed) in seeds.enumerated() {
            let order = SplitMix64.permutation(digits.rowCount, seed: seed)
            let all = try digits.dropping("65").matrix() / 16.0
            let labels = try digits.labels("65").labels
            let (trainRows, testRows) = (Array(order.prefix(50)), Array(order[50..<50 + test]))
            for (k, (_, network)) in networks.enumerated() {
                try run.checkCancellation()
                func inputs(_ rows: [Int]) -> Tensor {
                    let x = all.take(Tensor(rows), axis: 0)
                    return network.takesPictures ? x.reshaped([rows.count, 8, 8, 1]) : x
                }
                scores[k].append(
                    try Self.accuracy(
                        try network.kernels(inputs(trainRows)).ntk,
                        try network.kernels(inputs(testRows), inputs(trainRows)).ntk,
                        trainRows.map { labels[$0] }, testRows.map { labels[$0] }, classes: 10, ridge: 1e-6))
            }
            run.step(step + 1)
        }
        let gains = zip(scores[2], scores[0]).map { $0 - $1 }
        findings.measure("pooling", gains, seeds: seeds, note: "\(test) test pictures")
        findings.section("Pictures")
        findings.table(
            Table(
                "Accuracy with 50 pictures of 8 × 8", columns: ["network"] + seeds.map { "seed \($0)" },
                rows: networks.indices.map { k in
                    [.text(networks[k].0)] + scores[k].map { .number($0, decimals: 3) }
                }))
        try largeDigits(run, mnist, &findings)
    }

    private func largeDigits(_ run: RunContext, _ table: DataTable, _ findings: inout Findings) throws {
        let train = run.quick ? 1000 : 2000
        let seeds: [UInt64] = [0, 1]
        let network = try InfiniteNetwork(spec: "mlp:3")
        let all = try table.dropping("785").matrix() / 255.0
        let labels = try table.labels("785").labels
        var scores: [Double] = []
        for (step, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let order = SplitMix64.permutation(table.rowCount, seed: seed)
            let (trainRows, testRows) = (Array(order.prefix(train)), Array(order.suffix(1000)))
            let mean = all.take(Tensor(trainRows), axis: 0).mean(axes: [0], keepDims: true)
            let x = (all.take(Tensor(trainRows), axis: 0) - mean) * 2.0
            let z = (all.take(Tensor(testRows), axis: 0) - mean) * 2.0
            scores.append(
                try Self.accuracy(
                    try network.kernels(x).ntk, try network.kernels(z, x).ntk, trainRows.map { labels[$0] },
                    testRows.map { labels[$0] }, classes: 10, ridge: 1e-3))
            run.step(4 + step)
        }
        findings.measure("digits", scores, seeds: seeds, note: "\(train) training pictures")
    }

    static func accuracy(
        _ kernel: Tensor, _ cross: Tensor, _ train: [Int], _ test: [Int], classes: Int, ridge: Double
    ) throws -> Double {
        let fit = try KernelRegression(kernel, targets: ClassTargets.encode(train, classes: classes), ridge: ridge)
        let labels = ClassTargets.decode(fit.mean(cross))
        return Double(zip(labels, test).count { $0 == $1 }) / Double(test.count)
    }

    // MARK: Tables

    private static let sets: [(name: String, sha256: String)] = [
        ("australian", "ccc64bf31674bc1c"), ("bands", "135075dced1bd33b"), ("bupa", "62f04d8e65dcea73"),
        ("contraceptive", "ad2a49da55df24b0"), ("heart", "0a9bffc81e612f8c"), ("ionosphere", "3364c4a0d45072f1"),
        ("led7digit", "826599d0c5926832"), ("mammographic", "7fc6e6c0c63cb59e"), ("monk-2", "40b79d5d6668fd7d"),
        ("movement_libras", "9177ab9c73040960"), ("pima", "8c47d6392aa12d15"), ("sonar", "3db22f5ece13d019"),
        ("tae", "e83ec0a1000f4d2a"), ("vehicle", "0b3d1659ded56bda"), ("vowel", "f2fb56d217deb2f7"),
        ("wdbc", "f47612e4ffcd253d"), ("wine", "33ff747cf181064e"), ("wisconsin", "42ccec1ae31ba83d"),
    ]

    /// A family of kernels of training rows and between test and training rows.
    private typealias Family = (Tensor, Tensor?) throws -> Tensor

    private static func families() throws -> [(name: String, members: [Family])] {
        var networks: [InfiniteNetwork] = []
        for hidden in 1...4 {
            for bias in [0, 0.1, 1] { networks.append(try dense(hidden + 1, w: 2.0.squareRoot(), b: bias)) }
        }
        func distances(_ x: Tensor, _ z: Tensor?) -> Tensor {
            let y = z ?? x
            let (left, right) = (x, z == nil ? x : y)
            let a = (left * left).sum(axes: [1], keepDims: true)
            let b = (right * right).sum(axes: [1], keepDims: true).transposed()
            let dots: Tensor = matmul(left, right.transposed()) * 2.0
            let squares: Tensor = a + b - dots
            return maximum(squares, squares * 0.0)
        }
        func tangent(_ net: InfiniteNetwork) -> Family { { x, z in try net.kernels(x, z).ntk } }
        func process(_ net: InfiniteNetwork) -> Family { { x, z in try net.kernels(x, z).nngp } }
        func gaussian(_ scale: Double) -> Family {
            { x, z in exp(distances(x, z) * (-0.5 * scale / Double(x.shape[1]))) }
        }
        func laplace(_ scale: Double) -> Family {
            { x, z in
                let rate = (scale / Double(x.shape[1])).squareRoot()
                return exp(sqrt(distances(x, z)) * -rate)
            }
        }
        let linear: Family = { x, z in matmul(x, (z ?? x).transposed()) / Double(x.shape[1]) + 1.0 }
        let scales: [Double] = [0.25, 0.5, 1, 2, 4]
        return [
            ("tangent", networks.map(tangent)), ("NNGP", networks.map(process)),
            ("Gaussian", scales.map(gaussian)), ("Laplace", scales.map(laplace)), ("linear", [linear]),
        ]
    }

    /// Small tables.
    func tables(_ run: RunContext, _ findings: inout Findings) async throws {
        let sets = run.quick ? Self.sets.filter { ["heart", "sonar", "tae", "wine"].contains($0.name) } : Self.sets
        let seeds: [UInt64] = run.quick ? [0] : [0, 1, 2]
        run.stage("small tables", steps: sets.count)
        let families = try Self.families()
        var means: [[Double]] = []
        for (step, set) in sets.enumerated() {
            let table = try await PublicDataSets.keel(set.name, sha256: set.sha256, cache: run.data) { run.note($0) }
            let raw = try table.dropping("-1").matrix()
            let (labels, names) = try table.labels("-1")
            var row = [Double](repeating: 0, count: families.count)
            for seed in seeds {
                let order = SplitMix64.permutation(table.rowCount, seed: seed)
                let cut = Int((0.9 * Double(order.count)).rounded(.down))
                let (trainRows, testRows) = (Array(order[..<cut]), Array(order[cut...]))
                let standardizer = Standardizer(fitting: raw.take(Tensor(trainRows), axis: 0))
                let x = standardizer.apply(raw.take(Tensor(trainRows), axis: 0))
                let z = standardizer.apply(raw.take(Tensor(testRows), axis: 0))
                let train = trainRows.map { labels[$0] }
                let targets = ClassTargets.encode(train, classes: names.count)
                for (f, family) in families.enumerated() {
                    try run.checkCancellation()
                    var best: (loss: Double, member: Int, ridge: Double, kernel: Tensor)?
                    for (m, member) in family.members.enumerated() {
                        let kernel = try member(x, nil)
                        let search = try RidgeSearch(kernel, targets: targets, isClassification: true)
                        if best == nil || search.loss < best!.loss {
                            best = (search.loss, m, search.ridge, kernel)
                        }
                    }
                    let cross = try family.members[best!.member](z, x)
                    row[f] +=
                        try Self.accuracy(
                            best!.kernel, cross, train, testRows.map { labels[$0] }, classes: names.count,
                            ridge: best!.ridge) / Double(seeds.count)
                }
            }
            means.append(row)
            run.step(step + 1)
        }
        let average = families.indices.map { f in means.reduce(0) { $0 + $1[f] } / Double(means.count) }
        findings.measure("tables-rbf", average[0] - average[2], note: "\(sets.count) sets, \(seeds.count) splits")
        findings.measure("tables-linear", average[0] - average[4])
        var rows: [[Table.Cell]] = []
        for (k, set) in sets.enumerated() {
            var row: [Table.Cell] = [.text(set.name)]
            for mean in means[k] { row.append(.number(mean, decimals: 3)) }
            rows.append(row)
        }
        var last: [Table.Cell] = [.text("mean")]
        for mean in average { last.append(.number(mean, decimals: 4)) }
        rows.append(last)
        findings.section("Small tables")
        findings.text(
            "Depth, bias, bandwidth and ridge are chosen by four-fold cross-validation. No kernel wins by much.")
        findings.table(
            Table(
                "Accuracy, mean of \(seeds.count) splits", columns: ["set"] + families.map(\.name),
                rows: rows, emphasis: [sets.count]))
    }
}
