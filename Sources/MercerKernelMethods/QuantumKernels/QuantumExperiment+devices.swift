import Foundation
import Mercer
import MercerPapers

extension QuantumExperiment {
    /// The variational classifier at depths 0 … 4.
    func depth(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = sets(run, 12)
        let depths = Array(0...4)
        run.stage("variational classifiers", steps: seeds.count)
        var accuracy = [[Double]](repeating: [], count: depths.count)
        var curves = [[[Double]]](repeating: [], count: depths.count)
        var restarted: [Double] = []
        for (k, seed) in seeds.enumerated() {
            let set = try ArtificialSet(seed)
            func trained(_ depth: Int, restarts: Int) throws -> (VariationalTraining.Result, Double) {
                var training = VariationalTraining()
                training.seed = seed
                training.restarts = restarts
                let result = try training.fit(set.data.map, depth: depth, x: set.x, labels: set.labels) { _, _ in
                    try run.checkCancellation()
                }
                let p = frequencies(
                    result.classifier.positiveProbabilities(set.test), 10_000, RandomKey(seed).fold(in: 99))
                let right = zip(result.classifier.labels(p), set.testLabels).count { $0.0 == $0.1 }
                return (result, Double(right) / Double(set.testLabels.count))
            }
            for (j, depth) in depths.enumerated() {
                let (result, share) = try trained(depth, restarts: 1)
                accuracy[j].append(share)
                curves[j].append(result.curve)
            }
            restarted.append(try trained(4, restarts: 3).1)
            run.step(k + 1)
        }
        findings.measure("depth-0", accuracy[0], seeds: seeds)
        findings.measure("depth-3", accuracy[3], seeds: seeds)
        findings.measure("depth-4", accuracy[4], seeds: seeds)
        let free = Double(restarted.count { $0 > 0.9 })
        findings.measure(
            "restarts", free * 12 / Double(restarted.count),
            note: restarted.count == 12 ? nil : "\(Int(free)) of \(restarted.count) sets in this run, scaled to 12")
        findings.section("Variational classifier")
        let median = Claim.Statistic.median
        findings.table(
            Table(
                "Test accuracy, \(seeds.count) sets, 250 SPSA iterations, 2 000 shots",
                columns: ["depth l", "median", "worst", "best"],
                rows: depths.map { l in
                    [
                        .number(Double(l)), .number(median(accuracy[l]), decimals: 3),
                        .number(accuracy[l].min()!, decimals: 3), .number(accuracy[l].max()!, decimals: 3),
                    ]
                },
                caption:
                    "With three restarts at l = 4: median \(Format.fixed(median(restarted), decimals: 3)), worst "
                    + "\(Format.fixed(restarted.min()!, decimals: 3))."))
        findings.chart(
            Chart(
                "cost", "Cost in training", x: .linear("iteration"), y: .linear("empirical risk"),
                series: depths.map { l in
                    let length = curves[l][0].count
                    let mean = (0..<length).map { t in
                        curves[l].reduce(0) { $0 + $1[t] } / Double(curves[l].count)
                    }
                    return .line("l = \(l)", x: (1...length).map(Double.init), y: mean)
                }, caption: "Mean over the sets of the measured cost."))
    }

    /// Depolarising noise and its extrapolation.
    func noise(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("noise")
        let x = Random.uniform(0..<2 * Double.pi, [12, 2], dtype: .float64, key: RandomKey(run.seed).fold(in: 4))
        let map = ZZFeatureMap(qubits: 2)
        let exact = try QuantumKernel(map).matrix(x)
        func error(_ kernel: Tensor) -> Double {
            // Entries off the diagonal: those on it are known.
            abs(kernel - exact).sum().doubleValue / Double(12 * 11)
        }
        var rows: [[Table.Cell]] = []
        for (claim, p) in [("noise-weak", (0.001, 0.01)), ("noise-strong", (0.002, 0.03))] {
            let noisy = try NoisyKernel(map, oneQubit: p.0, twoQubit: p.1)
            let (first, second) = (noisy.matrix(x), try noisy.stretched(1.5).matrix(x))
            let mitigated = NoisyKernel.extrapolated(first, at: 1, second, at: 1.5)
            findings.measure(claim, error(first) / error(mitigated))
            rows.append([
                .number(p.0), .number(p.1), .number(error(first)), .number(error(mitigated)),
                .number(error(first) / error(mitigated), decimals: 1),
            ])
        }
        findings.section("Noise")
        findings.table(
            Table(
                "Mean error of the kernel's off-diagonal entries, 12 points",
                columns: ["p₁", "p₂", "raw", "extrapolated", "ratio"], rows: rows))
    }

    /// Off-diagonal entries against the number of qubits.
    func concentration(_ run: RunContext, _ findings: inout Findings) throws {
        let qubits = [2, 4, 6, 8, 10, 12, 14, 16]
        run.stage("concentration", steps: qubits.count)
        var found: [KernelConcentration] = []
        for (k, n) in qubits.enumerated() {
            try run.checkCancellation()
            let x = Random.uniform(
                0..<2 * Double.pi, [100, n], dtype: .float64, key: RandomKey(run.seed).fold(in: 1000 + n))
            found.append(KernelConcentration(try QuantumKernel(ZZFeatureMap(qubits: n)).matrix(x)))
            run.step(k + 1)
        }
        let factors = zip(qubits, found).map { n, one in
            let ratio = one.mean * pow(2, Double(n))
            return max(ratio, 1 / ratio)
        }
        findings.measure("concentration-mean", factors.max()!)
        findings.measure(
            "concentration-variance", Self.line(qubits.map(Double.init), found.map { log($0.variance) }).explained)
        findings.section("Concentration")
        findings.table(
            Table(
                "100 uniform points", columns: ["qubits", "mean", "2⁻ⁿ", "variance", "shots to resolve"],
                rows: zip(qubits, found).map { n, one in
                    [
                        .number(Double(n)), .number(one.mean), .number(pow(2, -Double(n))), .number(one.variance),
                        .number(one.shots, decimals: 0),
                    ]
                }))
        let x = qubits.map(Double.init)
        findings.chart(
            Chart(
                "concentration", "Off-diagonal entries of the kernel", x: .linear("qubits"), y: .log(""),
                series: [
                    .points("mean", x: x, y: found.map(\.mean), colour: 0),
                    .line("2⁻ⁿ", x: x, y: qubits.map { pow(2, -Double($0)) }, dashed: true, colour: 0),
                    .points("variance", x: x, y: found.map(\.variance), colour: 1),
                ]))
    }

    /// Accuracies on one split of a table.
    private struct Outcome {
        var plain: [Double] = []
        var tuned: [Double] = []
        var gaussian: [Double] = []
        var chosen: [Double] = []
    }

    /// Quantum and Gaussian kernels on real tables.
    func tables(_ run: RunContext, _ findings: inout Findings) async throws {
        let sources = [
            ("wdbc", "f47612e4ffcd253d"), ("heart", "0a9bffc81e612f8c"), ("ionosphere", "3364c4a0d45072f1"),
            ("sonar", "3db22f5ece13d019"),
        ]
        let seeds = run.seeds(3)
        let qubits = run.quick ? [2, 4] : [2, 4, 8]
        run.stage("real tables", steps: sources.count * qubits.count * seeds.count)
        var rows: [[Table.Cell]] = []
        var done = 0
        for (name, digest) in sources {
            let table = try await PublicDataSets.keel(name, sha256: digest, cache: run.data) { run.note($0) }
            let (labels, _) = try table.labels("-1")
            let matrix = try table.dropping("-1").matrix()
            for n in qubits {
                var outcome = Outcome()
                for seed in seeds {
                    try run.checkCancellation()
                    try measure(matrix, labels, qubits: n, seed: seed, &outcome)
                    done += 1
                    run.step(done)
                }
                let mean = Claim.Statistic.mean.callAsFunction
                if name == "wdbc" && n < 8 {
                    findings.measure(
                        "wdbc-\(n)", zip(outcome.tuned, outcome.gaussian).map { $0 - $1 }, seeds: seeds)
                }
                rows.append([
                    .text(name), .number(Double(n)), .number(mean(outcome.plain), decimals: 3),
                    .number(mean(outcome.tuned), decimals: 3), .number(mean(outcome.gaussian), decimals: 3),
                    .text(outcome.chosen.map { Format.number($0) }.joined(separator: ", ")),
                ])
            }
        }
        findings.section("Real tables")
        findings.table(
            Table(
                "Test accuracy, mean of \(seeds.count) splits",
                columns: ["table", "qubits", "c = 1", "tuned", "Gaussian", "chosen c"], rows: rows,
                caption:
                    "Principal components of unit variance, full ZZ map. At c = 1 the phases wrap and the kernel says next to "
                    + "nothing; small bandwidths make it almost classical. No advantage is claimed."))
    }

    private func measure(
        _ matrix: Tensor, _ labels: [Int], qubits n: Int, seed: UInt64, _ outcome: inout Outcome
    ) throws {
        let order = SplitMix64.permutation(labels.count, seed: seed)
        let cut = labels.count * 9 / 10
        let (train, test) = (Array(order[..<cut]), Array(order[cut...]))
        let scaling = Standardizer(fitting: matrix.take(Tensor(train), axis: 0))
        let components = try PrincipalComponents(
            fitting: scaling.apply(matrix.take(Tensor(train), axis: 0)), components: n)
        let x = components.apply(scaling.apply(matrix.take(Tensor(train), axis: 0)))
        let z = components.apply(scaling.apply(matrix.take(Tensor(test), axis: 0)))
        let (y, w) = (train.map { labels[$0] }, test.map { labels[$0] })
        let kernel = QuantumKernel(ZZFeatureMap(qubits: n))
        let folds = StratifiedFolds(y)
        func accuracy(_ bandwidths: [Double]) throws -> (accuracy: Double, bandwidth: Double) {
            let search = try KernelSearch(bandwidths.count, labels: y, C: QuantumSettings.costs, folds: folds) {
                try kernel.matrix(x * bandwidths[$0])
            }
            let c = bandwidths[search.kernel]
            let machine = try SupportVectorClassifier(kernel: kernel.matrix(x * c), labels: y, C: search.C)
            return (machine.accuracy(try kernel.matrix(z * c, x * c), labels: w), c)
        }
        outcome.plain.append(try accuracy([1]).accuracy)
        let tuned = try accuracy(QuantumSettings.bandwidths)
        outcome.tuned.append(tuned.accuracy)
        outcome.chosen.append(tuned.bandwidth)
        outcome.gaussian.append(try Self.gaussianAccuracy(x, y, z, w))
    }

    /// The time of a kernel matrix against the number of points and of basis states.
    func growth(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("growth")
        func points(_ n: Int, _ count: Int) -> Tensor {
            Random.uniform(0..<2 * Double.pi, [count, n], dtype: .float64, key: RandomKey(run.seed))
        }
        let states = Growth([10, 12, 14]) { n in
            withExtendedLifetime(StateVectors(ZZFeatureMap(qubits: n), points(n, 64))) {}
        }
        let matrices = try Growth([250, 500, 1000]) { count in
            withExtendedLifetime(try QuantumKernel(ZZFeatureMap(qubits: 8)).matrix(points(8, count))) {}
        }
        let rate = Self.line(
            states.sizes.map { Double($0) * log(2) }, states.seconds.map { log($0) }
        ).slope
        findings.section("Growth")
        findings.table(
            Table(
                "States of 64 points: time grows as (2ⁿ)^\(Format.fixed(rate, decimals: 2))",
                columns: ["qubits", "seconds"],
                rows: zip(states.sizes, states.seconds).map { [.number(Double($0)), .number($1)] }))
        findings.table(matrices.table("Kernel matrix of 8 qubits", size: "points"))
    }
}
