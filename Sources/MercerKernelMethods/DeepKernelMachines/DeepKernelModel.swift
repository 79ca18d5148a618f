import Foundation
import Mercer
import MercerNN

/// A deep kernel machine of a table: standardised inputs and targets around a sparse or full machine.
///
/// ```swift
/// let model = try DeepKernelModel(fitting: rows, targets: .numbers(prices), DeepKernelSettings())
/// let (mean, deviation) = try model.predict(newRows)      // in the target's own units
/// ```
public struct DeepKernelModel: Sendable {
    public let settings: DeepKernelSettings
    public internal(set) var machine: DeepKernelMachine
    let inputs: Standardizer
    /// Names of the columns, in order.
    public let columns: [String]
    let targetMean: Double
    let targetDeviation: Double
    /// Names of the classes; empty for regression.
    public let classes: [String]
    /// The objective per row at the end.
    public let objective: Double
    public let history: [Double]
    /// Raised jitters, halved rates, fewer inducing points: in words.
    public let notes: [String]

    /// What is predicted.
    public enum Targets: Sendable {
        case numbers([Double])
        case labels([Int], classes: [String])
    }

    /// - Parameters:
    ///   - process: a trained model of the same rows, layers and points, from which a sparse regression starts.
    ///   - checkpoints: where states of the training are kept; one that was stopped goes on from the newest, and ends with
    ///     the same bits.
    /// - Throws: ``KernelMethodError`` for columns that don't vary and classes of one row, ``DeepKernelError``.
    public init(
        fitting rows: Tensor, targets: Targets, columns: [String]? = nil, _ settings: DeepKernelSettings,
        startingAt process: DeepKernelModel? = nil, checkpoints: Checkpoints? = nil,
        progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws {
        let names = columns ?? (1...max(1, rows.shape[1])).map(String.init)
        let inputs = Standardizer(fitting: rows)
        if let constant = inputs.deviations.firstIndex(of: 0) {
            throw KernelMethodError.constantColumn(names[constant])
        }
        guard settings.nu > 0 else {
            throw KernelMethodError.option("nu", found: "\(settings.nu)", expected: "a positive number or inf")
        }
        let x = inputs.apply(rows)
        let n = rows.shape[0]
        var notes: [String] = []
        var training = settings.training
        training.checkpoints = checkpoints
        var count = settings.inducing
        if count > n {
            notes.append("there are \(n) rows: the inducing points are \(n) instead of \(count)")
            count = n
        }
        switch targets {
        case .numbers(let values):
            let mean = values.reduce(0, +) / Double(n)
            let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)).squareRoot()
            guard deviation > 1e-12 * abs(mean) else { throw KernelMethodError.constantColumn("of the target") }
            (targetMean, targetDeviation, classes) = (mean, deviation, [])
            let y = Tensor(values.map { ($0 - mean) / deviation })
            if settings.isFull {
                var full = try FullDeepKernelMachine(
                    x, y, kernel: settings.kernels[0], nus: [Double](repeating: settings.nu, count: settings.layers),
                    jitter: settings.jitter)
                try full.fit(trainsKernels: true, maxIterations: settings.steps, checkpoints: checkpoints) {
                    try progress($0, .nan)
                }
                machine = full.machine
                objective = full.objective / Double(n)
                history = []
                notes += full.notes
            } else {
                machine = try DeepKernelMachine(
                    layers: settings.layers(output: .gaussianOutput),
                    inducing: Inducing(x, count: count, seed: settings.seed), jitter: settings.jitter)
                if let process { try machine.start(at: process.machine) }
                let found = try machine.fit(x, y, training, progress: progress)
                history = found.objective
                objective = (settings.batch == nil ? found.objective.max() : found.objective.last) ?? .nan
                notes += found.notes
            }
        case .labels(let labels, let classes):
            for (label, name) in classes.enumerated() where labels.count(where: { $0 == label }) < 2 {
                throw KernelMethodError.tooFew(
                    "class \(name)", found: labels.count { $0 == label }, needed: 2)
            }
            (targetMean, targetDeviation, self.classes) = (0, 1, classes)
            machine = try DeepKernelMachine(
                layers: settings.layers(output: .categoricalOutput(classes: classes.count)),
                inducing: Inducing(x, count: count, seed: settings.seed), jitter: settings.jitter)
            let found = try machine.fit(x, labels: labels, training, progress: progress)
            history = found.objective
            objective = found.objective.last ?? .nan
            notes += found.notes
        }
        self.settings = settings
        self.inputs = inputs
        self.columns = names
        self.notes = notes
    }

    init(
        settings: DeepKernelSettings, machine: DeepKernelMachine, inputs: Standardizer, columns: [String],
        targetMean: Double, targetDeviation: Double, classes: [String], objective: Double
    ) {
        self.settings = settings
        self.machine = machine
        self.inputs = inputs
        self.columns = columns
        self.targetMean = targetMean
        self.targetDeviation = targetDeviation
        self.classes = classes
        self.objective = objective
        history = []
        notes = []
    }

    private func scaled(_ rows: Tensor) throws -> Tensor {
        guard rows.rank == 2, rows.shape[1] == inputs.means.count else {
            throw KernelMethodError.width(
                found: rows.shape.last ?? 0, expected: inputs.means.count, what: "the rows")
        }
        return inputs.apply(rows)
    }

    /// Predictive means and standard deviations (noise included) in the target's units.
    public func predict(_ rows: Tensor) throws -> (mean: [Double], deviation: [Double]) {
        let (mean, variance) = try machine.predict(try scaled(rows))
        let noise = machine.noiseVariance
        return (
            mean.toArray(Double.self).map { $0 * targetDeviation + targetMean },
            variance.toArray(Double.self).map { ($0 + noise).squareRoot() * targetDeviation }
        )
    }

    /// Log probabilities of the classes, `[rows, classes]`, from 1 000 samples.
    public func logProbabilities(_ rows: Tensor) throws -> Tensor {
        let x = try scaled(rows)
        let parts = try Swift.stride(from: 0, to: x.shape[0], by: 256).map { start -> Tensor in
            let (mean, variance) = try machine.predict(x[start..<min(x.shape[0], start + 256)])
            let noise = Random.normal(
                [1000, mean.shape[0], classes.count], dtype: .float64, key: RandomKey(settings.seed).fold(in: start))
            return DeepKernelMachine.predictiveLogProbabilities(mean: mean, variance: variance, noise: noise)
        }
        return concatenated(parts)
    }

    /// Root mean squared error and mean log density of targets in their own units.
    public func score(_ rows: Tensor, _ targets: [Double]) throws -> (error: Double, logLikelihood: Double) {
        let (mean, deviation) = try predict(rows)
        var (squares, logs) = (0.0, 0.0)
        for ((m, s), y) in zip(zip(mean, deviation), targets) {
            squares += (y - m) * (y - m)
            logs -= (y - m) * (y - m) / (2 * s * s) + log(s) + 0.5 * log(2 * Double.pi)
        }
        let n = Double(max(1, targets.count))
        return ((squares / n).squareRoot(), logs / n)
    }

    /// Accuracy and mean log probability of the true classes.
    public func score(_ rows: Tensor, labels: [Int]) throws -> (accuracy: Double, logLikelihood: Double) {
        let values = try logProbabilities(rows).toArray(Double.self)
        let (c, n) = (classes.count, Double(max(1, labels.count)))
        var (right, sum) = (0.0, 0.0)
        for (row, label) in labels.enumerated() {
            let line = values[row * c..<(row + 1) * c]
            if line.firstIndex(of: line.max()!)! - row * c == label { right += 1 }
            sum += values[row * c + label]
        }
        return (right / n, sum / n)
    }

    /// The Gram matrix behind a layer, and the first one for number 0, with the inducing points in the order of `by`
    /// (their own order where it is nil).
    public func gram(_ layer: Int, sortedBy order: [Int]? = nil) throws -> Tensor {
        let pass = try machine.forward(machine.parameters["0.X"]![0..<1], withTerms: false)
        let numbers = pass.grams.keys.sorted()
        guard (1...max(1, numbers.count)).contains(layer), !numbers.isEmpty else {
            throw KernelMethodError.option(
                "the layer", found: "\(layer)",
                expected: numbers.isEmpty
                    ? "a model with Gram layers" : "a number from 1 to \(numbers.count)")
        }
        let g = pass.grams[numbers[layer - 1]]!.inducing
        guard let order else { return g }
        return g.take(Tensor(order), axis: 0).take(Tensor(order), axis: 1)
    }
}

/// What a deep kernel machine of a table is made of.
public struct DeepKernelSettings: Sendable, Codable {
    public var layers = 2
    /// ν of every Gram layer; infinity for none learned.
    public var nu = 30.0
    public var inducing = 100
    public var kernels: [GramKernel] = [.squaredExponential]
    /// Nil for none, else whether it is each point's own.
    public var normalisesLocally: Bool?
    public var steps = 2000
    public var rate = 0.01
    public var batch: Int?
    /// See ``DeepKernelTraining/collapsesOutput``.
    public var collapsesOutput = false
    public var isFull = false
    public var jitter = 1e-6
    public var seed: UInt64 = 0

    public init() {}

    var training: DeepKernelTraining {
        var training = DeepKernelTraining()
        training.steps = steps
        training.rate = rate
        training.batch = batch
        training.collapsesOutput = collapsesOutput
        training.seed = seed
        return training
    }

    func layers(output: DeepKernelMachine.Layer) -> [DeepKernelMachine.Layer] {
        DeepKernelMachine.layers(
            layers, kernel: kernels, nu: nu, normalisation: normalisesLocally, output: output)
    }

    /// ν of least error in 3-fold cross-validation over 3, 10, 30, 100 and infinity, with a quarter of the steps.
    ///
    /// - Parameter progress: called with the number of trainings done of fifteen.
    public static func chooseNu(
        _ rows: Tensor, _ targets: DeepKernelModel.Targets, _ settings: DeepKernelSettings,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> Double {
        let n = rows.shape[0]
        let order = SplitMix64.permutation(n, seed: settings.seed)
        var best = (nu: settings.nu, loss: Double.infinity)
        var done = 0
        for nu in [3, 10, 30, 100, .infinity] {
            var loss = 0.0
            for fold in 0..<3 {
                let (test, train) = (
                    order.enumerated().filter { $0.offset % 3 == fold }.map(\.element),
                    order.enumerated().filter { $0.offset % 3 != fold }.map(\.element)
                )
                var one = settings
                one.nu = nu
                one.steps = max(1, settings.steps / 4)
                let (x, z) = (rows.take(Tensor(train), axis: 0), rows.take(Tensor(test), axis: 0))
                switch targets {
                case .numbers(let y):
                    let model = try DeepKernelModel(fitting: x, targets: .numbers(train.map { y[$0] }), one)
                    loss -= try model.score(z, test.map { y[$0] }).logLikelihood
                case .labels(let y, let classes):
                    let model = try DeepKernelModel(
                        fitting: x, targets: .labels(train.map { y[$0] }, classes: classes), one)
                    loss -= try model.score(z, labels: test.map { y[$0] }).logLikelihood
                }
                done += 1
                try progress(done)
            }
            if loss < best.loss { best = (nu, loss) }
        }
        return best.nu
    }
}
