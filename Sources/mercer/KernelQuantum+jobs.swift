import ArgumentParser
import Foundation
import Mercer
import MercerImageIO
import MercerKernelMethods
import MercerPapers

/// A share with the interval of Wilson at 95 %.
struct MeasuredShare: Encodable {
    let value: Double
    let low: Double
    let high: Double
    let rows: Int

    init(right: Int, of rows: Int) {
        let (n, z) = (Double(max(1, rows)), 1.959963984540054)
        let p = Double(right) / n
        let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        let half = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
        (value, low, high, self.rows) = (p, max(0, centre - half), min(1, centre + half), rows)
    }

    init(_ predicted: [Int], _ labels: [Int]) {
        self.init(right: zip(predicted, labels).count { $0.0 == $0.1 }, of: labels.count)
    }

    var text: String {
        "\(Format.fixed(value, decimals: 4)) [\(Format.fixed(low, decimals: 3)), \(Format.fixed(high, decimals: 3))]"
    }
}

extension KernelQuantumCommand {
    private struct Output: Encodable {
        let accuracy: MeasuredShare
        let gaussian: MeasuredShare?
        let qubits: Int
        let components: Double?
        let bandwidth: Double
        let C: Double
        let crossValidated: Double?
        let supportVectors: Int
        let converged: Bool
        let smallestEigenvalue: Double?
        let alignmentBefore: Double?
        let alignmentAfter: Double?
        let closestGaussian: Double
        let closestGaussianCorrelation: Double
        let kernel: KernelFacts
    }

    private struct Split {
        let train: [Int]
        let test: [Int]

        init(_ count: Int, share: Double, seed: UInt64) {
            let order = SplitMix64.permutation(count, seed: seed)
            let cut = min(count - 1, max(1, Int(((1 - share) * Double(count)).rounded(.down))))
            (train, test) = (Array(order[..<cut]), Array(order[cut...]))
        }
    }

    /// The quantum kernel on held-out rows, beside the Gaussian one.
    func runKernel(_ rows: Tensor, _ labels: [Int], _ classes: [String]) throws {
        let split = Split(labels.count, share: testShare, seed: seed)
        let settings = try settings()
        let (x, z) = (rows.take(Tensor(split.train), axis: 0), rows.take(Tensor(split.test), axis: 0))
        let (y, w) = (split.train.map { labels[$0] }, split.test.map { labels[$0] })
        let model = try QuantumModel(fitting: x, labels: y, classes: classes, settings)
        warnOfWraps(model.encoding, model.points)
        let predicted = try model.predict(z)
        var gaussian: MeasuredShare?
        if compare == "rbf" {
            // The same points, without bandwidth.
            let encoding = try QuantumEncoding(fitting: x, features: settings.map.features, raw: raw)
            gaussian = MeasuredShare(
                try GaussianBaseline.predict(try encoding.apply(x), y, try encoding.apply(z)), w)
        }
        let closest = KernelConcentration.closestGaussian(model.kernel!, model.points)
        let output = Output(
            accuracy: MeasuredShare(predicted, w), gaussian: gaussian, qubits: settings.map.qubits,
            components: model.encoding.componentShare, bandwidth: model.encoding.bandwidth, C: model.C,
            crossValidated: model.searched, supportVectors: model.supportVectors.count, converged: model.converged,
            smallestEigenvalue: model.smallestEigenvalue, alignmentBefore: model.alignment?.before,
            alignmentAfter: model.alignment?.after, closestGaussian: closest.gamma,
            closestGaussianCorrelation: closest.correlation, kernel: KernelFacts(model.kernel!))
        if let save { try model.save(to: save) }
        if let picture { try draw(model, y, to: picture) }
        if let out { try AtomicFile.write(csv(["class"], predicted.lazy.map { [classes[$0]] }), to: out) }
        if !model.converged {
            Console.remark(
                "warning: the machines stopped at the limit of iterations; a smaller --C or more shots would help")
        }
        if json { return try Console.print(json: output) }
        show(output, rows: rows.shape, map: settings.map)
    }

    private func show(_ output: Output, rows: [Int], map: any FeatureMap) {
        if let share = output.components {
            Console.print(
                "\(rows[1]) columns became \(map.features) principal components "
                    + "(\(Format.fixed(100 * share, decimals: 1)) % of the variance)")
        }
        var table = TextTable(("", .left), ("accuracy [95 %]", .right), ("", .left))
        table.add(
            "quantum kernel", .init(output.accuracy.text, .bold),
            .init(
                "\(map.qubits) qubits, c = \(Format.number(output.bandwidth)), C = \(Format.number(output.C)), "
                    + "\(output.supportVectors) support vectors"))
        if let gaussian = output.gaussian {
            table.add("Gaussian kernel", .init(gaussian.text), "γ and C chosen the same way")
        }
        Console.print(table.text())
        Console.print("on \(output.accuracy.rows) rows held out of \(rows[0])")
        for line in output.kernel.lines { Console.print(line) }
        Console.print(
            "closest Gaussian kernel: γ = \(Format.number(output.closestGaussian)), correlation "
                + Format.fixed(output.closestGaussianCorrelation, decimals: 3))
        if let smallest = output.smallestEigenvalue {
            Console.print(
                "smallest eigenvalue of the measured kernel: \(Format.number(smallest))"
                    + (smallest < 0 ? " (projected to 0)" : ""))
        }
        if let before = output.alignmentBefore, let after = output.alignmentAfter {
            Console.print(
                "alignment with the classes: \(Format.fixed(before, decimals: 3)) before training, "
                    + "\(Format.fixed(after, decimals: 3)) after")
        }
    }

    private func draw(_ model: QuantumModel, _ labels: [Int], to path: String) throws {
        guard model.settings.map.features == 2 else {
            throw KernelMethodError.option(
                "--picture with \(model.settings.map.features) features", found: "'\(path)'",
                expected: "a map of two features")
        }
        let values = model.points.toArray(Double.self)
        let largest = values.reduce(0) { max($0, abs($1)) } * 1.05
        let range = raw ? 0...2 * Double.pi : -largest...largest
        let decision = try model.decision(atEncoded: DecisionMap.grid(side: 100, range: range))
        let first = labels.min()!
        let pixels = DecisionMap(decision, side: 100, range: range).pixels(
            points: model.points, labels: labels.map { $0 == first ? 1 : -1 }, ringed: model.supportVectors)
        try AtomicFile.write(try Bitmap(pixels: pixels).encoded(as: .png), to: path)
    }

    /// Classes of a table's rows by a stored model.
    func applyModel(_ path: String) throws {
        let model = try QuantumModel(contentsOf: path)
        let (inputs, targets) = try options.read(table!, apart: target.map { [$0] } ?? [])
        let rows = try inputs.matrix()
        let predicted = try onRows(of: table!) { try model.predict(rows) }.map { model.classes[$0] }
        var accuracy: MeasuredShare?
        if let target {
            let (labels, classes) = try targets.labels(target)
            accuracy = MeasuredShare(
                right: zip(predicted, labels).count { $0.0 == classes[$0.1] }, of: labels.count)
        }
        try show(predicted, accuracy)
    }

    private struct Predictions: Encodable {
        let classes: [String]
        let accuracy: MeasuredShare?
    }

    private func show(_ predicted: [String], _ accuracy: MeasuredShare?) throws {
        let text = csv(["class"], predicted.lazy.map { [$0] })
        if let out { try AtomicFile.write(text, to: out) }
        if json { return try Console.print(json: Predictions(classes: predicted, accuracy: accuracy)) }
        if out == nil { Console.output.write(text) }
        if let accuracy { Console.remark("accuracy \(accuracy.text)") }
    }

    /// A kernel that somebody else computed.
    func runPrecomputed(_ path: String) throws {
        let (labels, classes) = try DataTable(contentsOf: table!).selecting([target!]).handlingMissing(.refuse)
            .labels(target!)
        let kernel = try PrecomputedKernel.square(Npy.read(contentsOf: path), rows: labels.count, name: path)
        let costs = try settings().C.map { [$0] } ?? QuantumSettings.costs
        let search = try KernelSearch(1, labels: labels, C: costs, folds: StratifiedFolds(labels, seed: seed)) {
            _ in kernel
        }
        Console.remark(
            "5-fold cross-validated accuracy \(Format.fixed(search.accuracy, decimals: 4)), C = \(Format.number(search.C))"
        )
        let machine = try SupportVectorClassifier(kernel: kernel, labels: labels, C: search.C)
        let rows = try precomputedTest.map {
            try PrecomputedKernel.rows(Npy.read(contentsOf: $0), columns: labels.count, name: $0)
        }
        try show(
            machine.predict(rows ?? kernel).map { classes[$0] },
            rows == nil ? MeasuredShare(machine.predict(kernel), labels) : nil)
    }

    /// The variational classifier on held-out rows.
    func runVariational(_ rows: Tensor, _ labels: [Int], _ classes: [String]) throws {
        guard classes.count == 2 else {
            throw KernelMethodError.option(
                "the number of classes", found: "\(classes.count)",
                expected: "2, since a parity is measured; --classifier svm takes any number")
        }
        let split = Split(labels.count, share: testShare, seed: seed)
        let settings = try settings()
        let x = rows.take(Tensor(split.train), axis: 0)
        let encoding = try QuantumEncoding(
            fitting: x, features: settings.map.features, bandwidth: settings.bandwidth ?? 1, raw: raw)
        let points = try encoding.apply(x)
        warnOfWraps(encoding, points)
        let (result, accuracy) = try trained(
            settings.map, points, split.train.map { labels[$0] == 0 ? 1 : -1 },
            try encoding.apply(rows.take(Tensor(split.test), axis: 0)), split.test.map { labels[$0] == 0 ? 1 : -1 })
        try show(result, [accuracy])
    }

    private struct VariationalOutput: Encodable {
        let accuracy: [MeasuredShare]
        let cost: Double
        let depth: Int
        let curve: [Double]
    }

    private func show(_ result: VariationalTraining.Result, _ accuracy: [MeasuredShare]) throws {
        if json {
            return try Console.print(
                json: VariationalOutput(
                    accuracy: accuracy, cost: result.cost, depth: depth, curve: result.curve))
        }
        for one in accuracy { Console.print("accuracy \(one.text) on \(one.rows) rows") }
        Console.print(
            "depth \(depth), cost \(Format.number(result.curve.first ?? result.cost)) → \(Format.number(result.cost))")
    }

    private func trained(
        _ map: any FeatureMap, _ x: Tensor, _ labels: [Int], _ test: Tensor, _ testLabels: [Int]
    ) throws -> (VariationalTraining.Result, MeasuredShare) {
        var training = VariationalTraining()
        training.method = optimizer
        training.iterations = iterations
        training.shots = shots == nil ? 2000 : try shotCount()
        training.restarts = restarts
        training.seed = seed
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        bar.begin("training", steps: iterations * restarts)
        let result = try training.fit(map, depth: depth, x: x, labels: labels, checkpoint: checkpoint) { restart, k in
            bar.step(restart * iterations + k)
            try Task.checkCancellation()
        }
        let predicted = result.classifier.labels(result.classifier.positiveProbabilities(test))
        return (result, MeasuredShare(predicted, testLabels))
    }

    // MARK: Artificial data

    private struct ArtificialOutput: Encodable {
        let accuracy: [MeasuredShare]
        let gaussian: [MeasuredShare]
        let mean: Double
        let gaussianMean: Double?
    }

    /// The paper's own experiment.
    func runArtificial() throws {
        var settings = try settings()
        settings.raw = true
        settings.C = settings.C ?? 1e6
        var (accuracy, gaussian): ([MeasuredShare], [MeasuredShare]) = ([], [])
        for set in 0..<sets {
            let keys = RandomKey(seed &+ UInt64(set)).split(3)
            let data = AdHocData(settings.map, gap: gap, key: keys[0])
            let (x, y) = try data.sample(perClass: train, key: keys[1])
            let (z, w) = try data.sample(perClass: test, key: keys[2])
            if classifier == "variational" {
                accuracy.append(try trained(settings.map, x, y, z, w).1)
            } else {
                let model = try QuantumModel(
                    fitting: x, labels: y.map { $0 > 0 ? 0 : 1 }, classes: ["1", "-1"], settings)
                accuracy.append(MeasuredShare(try model.predict(z), w.map { $0 > 0 ? 0 : 1 }))
                if set == 0, let picture { try draw(model, y.map { $0 > 0 ? 0 : 1 }, to: picture) }
            }
            if compare == "rbf" {
                let classes = (y.map { $0 > 0 ? 0 : 1 }, w.map { $0 > 0 ? 0 : 1 })
                gaussian.append(MeasuredShare(try GaussianBaseline.predict(x, classes.0, z), classes.1))
            }
        }
        func mean(_ list: [MeasuredShare]) -> Double { list.reduce(0) { $0 + $1.value } / Double(max(1, list.count)) }
        let output = ArtificialOutput(
            accuracy: accuracy, gaussian: gaussian, mean: mean(accuracy),
            gaussianMean: gaussian.isEmpty ? nil : mean(gaussian))
        if json { return try Console.print(json: output) }
        var table = TextTable(
            ("set", .right), (classifier == "svm" ? "quantum" : "variational", .right), ("Gaussian", .right))
        for set in 0..<sets {
            table.add(
                .init("\(set)"), .init(accuracy[set].text), .init(gaussian.isEmpty ? "-" : gaussian[set].text))
        }
        table.add(
            "mean", .init(Format.fixed(output.mean, decimals: 4), .bold),
            .init(output.gaussianMean.map { Format.fixed($0, decimals: 4) } ?? "-"))
        Console.print(table.text())
    }
}
