import Foundation
import Mercer
import MercerImageIO
import MercerPapers

extension QuantumExperiment {
    /// Exact kernels on artificial data beside classical ones.
    func separation(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = sets(run, 20)
        run.stage("artificial data", steps: seeds.count)
        var (quantum, gaussian, product): ([Double], [Double], [Double]) = ([], [], [])
        var pictures: [Picture] = []
        for (k, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let set = try ArtificialSet(seed)
            let kernel = QuantumKernel(set.data.map)
            let train = try kernel.matrix(set.x)
            quantum.append(try set.accuracy(train, try kernel.matrix(set.test, set.x)))
            gaussian.append(try Self.gaussianAccuracy(set.x, set.classes, set.test, set.testClasses))
            let plain = QuantumKernel(ZZFeatureMap(qubits: 2, pairs: .none))
            product.append(try set.accuracy(plain.matrix(set.x), plain.matrix(set.test, set.x)))
            if k < 2 { pictures += self.pictures(set, train, "set\(k)", run) }
            run.step(k + 1)
        }
        findings.measure("separation", quantum, seeds: seeds)
        findings.measure("separation-worst", quantum, seeds: seeds)
        findings.measure("classical", gaussian, seeds: seeds)
        findings.section("Artificial data")
        let names = ["quantum", "Gaussian", "Z map"]
        let all = [quantum, gaussian, product]
        findings.chart(
            .bars(
                "accuracy", "Test accuracy on the artificial data, n = 2", categories: names,
                values: .linear("accuracy", 0...1),
                series: [
                    .bars(
                        "mean over \(seeds.count) V", all.map { $0.reduce(0, +) / Double($0.count) },
                        low: all.map { $0.min()! }, high: all.map { $0.max()! })
                ], guides: [.horizontal(0.5, "chance")], caption: "Whiskers reach from the worst to the best set."))
        if !pictures.isEmpty {
            findings.text(
                "Left the expectation that labels come from, right the decision function of the machine; squares are "
                    + "training points (white: +1, black: −1), rings support vectors.")
            findings.pictures(pictures)
        }
        try threeQubits(run, &findings)
    }

    private func threeQubits(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = sets(run, 5)
        run.stage("three qubits", steps: seeds.count)
        var few: [Double] = []
        var many: [Double] = []
        for (k, seed) in seeds.enumerated() {
            for train in [20, 60] {
                let set = try ArtificialSet(seed, qubits: 3, train: train)
                let kernel = QuantumKernel(set.data.map)
                let accuracy = try set.accuracy(kernel.matrix(set.x), kernel.matrix(set.test, set.x))
                if train == 20 { few.append(accuracy) } else { many.append(accuracy) }
            }
            run.step(k + 1)
        }
        findings.measure("three-qubits-20", few, seeds: seeds)
        findings.measure("three-qubits-60", many, seeds: seeds)
    }

    /// Test accuracy of a Gaussian kernel whose γ and C are chosen by cross-validation.
    static func gaussianAccuracy(_ x: Tensor, _ labels: [Int], _ test: Tensor, _ testLabels: [Int]) throws -> Double {
        let predicted = try GaussianBaseline.predict(x, labels, test)
        return Double(zip(predicted, testLabels).count { $0.0 == $0.1 }) / Double(testLabels.count)
    }

    private func pictures(_ set: ArtificialSet, _ train: Tensor, _ name: String, _ run: RunContext) -> [Picture] {
        do {
            let side = 100
            let grid = DecisionMap.grid(side: side)
            let machine = try SupportVectorMachine(kernel: train, labels: set.labels, C: 1e6)
            let decision = machine.decision(try QuantumKernel(set.data.map).matrix(grid, set.x))
            return try [
                ("expectation", "⟨V†(ΠZ)V⟩", set.data.expectation(grid), [Int]()),
                ("decision", "decision function", decision, machine.supportVectors),
            ].map { part, caption, values, ringed in
                let pixels = DecisionMap(values, side: side).pixels(
                    points: set.x, labels: set.labels, ringed: ringed)
                return Picture(
                    "\(name)-\(part)", caption: caption,
                    png: Data(try Bitmap(pixels: pixels).encoded(as: .png)))
            }
        } catch {
            run.note("no pictures: \(error)")
            return []
        }
    }

    /// Sampled kernels.
    func shots(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = sets(run, 20)
        let shots = [100, 1000, 5000, 50_000]
        run.stage("shots", steps: seeds.count)
        var exact: [Double] = []
        var accuracy = [[Double]](repeating: [], count: shots.count)
        var error = accuracy
        var lowest = accuracy
        for (k, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let set = try ArtificialSet(seed)
            let kernel = QuantumKernel(set.data.map)
            let (train, test) = (try kernel.matrix(set.x), try kernel.matrix(set.test, set.x))
            exact.append(try set.accuracy(train, test))
            for (j, r) in shots.enumerated() {
                let keys = RandomKey(seed).fold(in: r).split(2)
                let sampled = MeasuredKernel.sample(train, shots: r, isSymmetric: true, key: keys[0])
                let sampledTest = MeasuredKernel.sample(test, shots: r, isSymmetric: false, key: keys[1])
                let (projected, eigenvalues) = try MeasuredKernel.projected(sampled)
                error[j].append(abs(sampled - train).max().doubleValue)
                lowest[j].append(eigenvalues.min()!)
                accuracy[j].append(try set.accuracy(projected, sampledTest))
            }
            run.step(k + 1)
        }
        let mean = Claim.Statistic.mean.callAsFunction
        findings.measure("shots-error", mean(error[3]))
        findings.measure("shots-accuracy", abs(mean(accuracy[3]) - mean(exact)))
        let slope = Self.line(shots.map { log(Double($0)) }, error.map { log(mean($0)) }).slope
        findings.measure("shots-slope", slope)
        findings.section("Shots")
        findings.table(
            Table(
                "Sampled kernels, \(seeds.count) sets",
                columns: ["shots", "accuracy", "largest error", "smallest eigenvalue"],
                rows: shots.indices.map { j in
                    [
                        .number(Double(shots[j])), .number(mean(accuracy[j]), decimals: 4),
                        .number(mean(error[j]), decimals: 4), .number(mean(lowest[j]), decimals: 4),
                    ]
                }, caption: "Exact kernel: accuracy \(Format.fixed(mean(exact), decimals: 4))."))
        findings.chart(
            Chart(
                "shots", "Largest error of the kernel", x: .log("shots"), y: .log("error"),
                series: [
                    .points(
                        "measured", x: shots.map(Double.init), y: error.map(mean), low: error.map { $0.min()! },
                        high: error.map { $0.max()! }, colour: 0),
                    .line(
                        "R^(−1/2)", x: [100, 50_000],
                        y: [mean(error[0]), mean(error[0]) * (100 / 50_000.0).squareRoot()], dashed: true,
                        colour: 1),
                ]))
    }

    /// The line of least squares, and the share of the variance that it explains.
    static func line(_ x: [Double], _ y: [Double]) -> (slope: Double, explained: Double) {
        let n = Double(x.count)
        let (mx, my) = (x.reduce(0, +) / n, y.reduce(0, +) / n)
        let xy = zip(x, y).reduce(0) { $0 + ($1.0 - mx) * ($1.1 - my) }
        let xx = x.reduce(0) { $0 + ($1 - mx) * ($1 - mx) }
        let yy = y.reduce(0) { $0 + ($1 - my) * ($1 - my) }
        return (xy / xx, xy * xy / (xx * yy))
    }
}
