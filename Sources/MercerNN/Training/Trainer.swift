import Foundation
import Mercer

/// How a ``Trainer`` goes about it.
public struct TrainingOptions: Sendable {
    public var epochs: Int
    /// Seeds dropout and the like; data has the loader's own seed.
    public var seed: UInt64 = 0
    /// Batches whose gradients are averaged for one step.
    public var accumulation = 1
    /// The most that the gradients' common norm may be.
    public var clipNorm: Double?
    /// The decay of a moving average of the weights; nil for none.
    public var averageDecay: Double?
    /// Where states are kept; nil for nowhere.
    public var checkpoints: Checkpoints?
    /// Steps between states; one is also written at the end and when the task is cancelled.
    public var checkpointInterval = 1000
    /// Stops after this many steps, before the epochs are over.
    public var maximumSteps: Int?

    public init(epochs: Int) { self.epochs = epochs }
}

/// Where training is, told after each step.
public struct TrainingProgress: Sendable {
    /// Steps done, from 1.
    public let step: Int
    public let totalSteps: Int
    public let epoch: Int
    /// The step's loss and what else the loss function returned.
    public let values: [Double]
    /// The mean loss of the epoch so far.
    public let meanLoss: Double
    public let learningRate: Double
    /// Of the gradients before clipping; nil where it isn't needed.
    public let gradientNorm: Double?
    public let secondsPerStep: Double
}

/// Trains a model: batches, gradients, clipping, optimiser, schedule, moving average, states to resume from.
///
/// ```swift
/// var options = TrainingOptions(epochs: 10)
/// options.checkpoints = Checkpoints(URL(filePath: "run"))
/// let trainer = Trainer(net, AdamW(), schedule: .cosine(1e-3, steps: 5000), options) { net, batch in
///     [crossEntropy(net(batch[0]), batch[1])]
/// }
/// try trainer.fit(DataLoader(data, batchSize: 64)) { print($0.step, $0.meanLoss) }
/// ```
///
/// Training that was stopped, or killed at any moment, goes on from the newest state when ``fit(_:progress:)`` is
/// called again, and ends with the same bits as if it had never stopped.
public final class Trainer<M: Module> {
    public let model: M
    public let optimizer: Optimizer
    public let schedule: Schedule
    public let options: TrainingOptions
    /// The moving average of the weights, where the options ask for one.
    public private(set) var average: ExponentialMovingAverage?
    /// Called after each step, before a state is written.
    public var afterStep: ((Int) throws -> Void)?
    private let loss: (M, Batch) throws -> [Tensor]
    private var state = TrainingState()

    /// - Parameter loss: of a batch: the loss as a scalar first, and what else is to be reported, scalars too.
    public init(
        _ model: M, _ optimizer: Optimizer, schedule: Schedule, _ options: TrainingOptions,
        loss: @escaping (M, Batch) throws -> [Tensor]
    ) {
        precondition(options.accumulation > 0, "Trainer: accumulation over \(options.accumulation) batches")
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.options = options
        self.loss = loss
        average = options.averageDecay.map { ExponentialMovingAverage(of: model, decay: $0) }
    }

    /// Steps done so far.
    public var step: Int { state.step }

    /// Trains to the end of the last epoch, from the newest state where there is one.
    ///
    /// - Throws: what the loader or the loss throws; `CancellationError` when the task is cancelled, after the state
    ///   was written; ``CheckpointError``.
    public func fit(_ loader: DataLoader, progress: (TrainingProgress) -> Void = { _ in }) throws {
        let stepsPerEpoch = loader.batchCount / options.accumulation
        let total = min(options.maximumSteps ?? .max, stepsPerEpoch * options.epochs)
        precondition(
            stepsPerEpoch > 0,
            "Trainer: \(loader.batchCount) batches an epoch make no step of \(options.accumulation)")
        try resume(stepsPerEpoch)
        model.train()
        while state.step < total {
            let epoch = state.step / stepsPerEpoch
            let batches = loader.batches(
                epoch: epoch, from: state.step % stepsPerEpoch * options.accumulation)
            let end = min(total, (epoch + 1) * stepsPerEpoch)
            if state.step % stepsPerEpoch == 0 { state.epochLoss = MeanMetric() }
            while state.step < end {
                let made = try makeStep(batches)
                progress(
                    TrainingProgress(
                        step: state.step, totalSteps: total, epoch: epoch, values: made.values,
                        meanLoss: state.epochLoss.value, learningRate: optimizer.learningRate,
                        gradientNorm: made.norm, secondsPerStep: made.seconds))
                try afterStep?(state.step)
                let isCancelled = Task.isCancelled
                if isCancelled || state.step == total || state.step % options.checkpointInterval == 0 {
                    try save(stepsPerEpoch)
                }
                if isCancelled { throw CancellationError() }
            }
        }
    }

    private func makeStep(
        _ batches: BatchIterator
    ) throws -> (values: [Double], norm: Double?, seconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        let key = RandomKey(options.seed).fold(in: "step")[state.step]
        var sum: ModuleParameters?
        var values: [Double] = []
        for part in 0..<options.accumulation {
            guard let batch = try batches.next() else { break }
            model.seed(key[part])
            let (results, gradients) = try valueAndGrad(model) { model in try loss(model, batch) }
            let numbers = results.map(\.doubleValue)
            values = values.isEmpty ? numbers : zip(values, numbers).map(+)
            if sum == nil {
                sum = gradients
            } else {
                sum!.add(gradients)
            }
        }
        guard let sum else { return ([], nil, 0) }
        let share = 1 / Double(options.accumulation)
        let norm = options.clipNorm.map { _ in globalNorm(sum) * share }
        let scale = norm.map { clipScale(options.clipNorm!, norm: $0) } ?? 1
        optimizer.learningRate = schedule(state.step)
        optimizer.update(model, sum, gradientScale: scale * share)
        average?.update(from: model)
        state.step += 1
        values = values.map { $0 * share }
        state.epochLoss.add(values.first ?? .nan)
        return (values, norm, (clock.now - start) / .seconds(1))
    }

    // MARK: States

    private func save(_ stepsPerEpoch: Int) throws {
        guard let checkpoints = options.checkpoints else { return }
        state.seed = options.seed
        state.stepsPerEpoch = stepsPerEpoch
        state.accumulation = options.accumulation
        state.averageUpdates = average?.updateCount ?? 0
        try checkpoints.save(step: state.step) { folder in
            try model.save(to: folder.appending(path: "model.safetensors").path, layout: .mercer)
            try saveTensors(
                optimizer.state.dictionary, to: folder.appending(path: "optimizer.safetensors").path)
            if let average {
                try saveTensors(
                    average.averages.dictionary, to: folder.appending(path: "average.safetensors").path)
            }
            try JSONEncoder().encode(state).write(to: folder.appending(path: "state.json"))
        }
    }

    private func resume(_ stepsPerEpoch: Int) throws {
        guard let checkpoints = options.checkpoints, let newest = checkpoints.steps().last,
            newest > state.step
        else { return }
        let folder = checkpoints.url(step: newest)
        let saved: TrainingState
        do {
            saved = try JSONDecoder().decode(
                TrainingState.self, from: Data(contentsOf: folder.appending(path: "state.json")))
        } catch {
            throw CheckpointError.unreadable(path: folder.path, reason: "\(error)")
        }
        let found = (saved.seed, saved.stepsPerEpoch, saved.accumulation)
        let expected = (options.seed, stepsPerEpoch, options.accumulation)
        guard found == expected else {
            func text(_ facts: (UInt64, Int, Int)) -> String {
                "seed \(facts.0), \(facts.1) steps an epoch, accumulation \(facts.2)"
            }
            throw CheckpointError.mismatch(path: folder.path, found: text(found), expected: text(expected))
        }
        try model.load(contentsOf: folder.appending(path: "model.safetensors").path)
        try optimizer.restore(
            ModuleParameters(try loadTensors(folder.appending(path: "optimizer.safetensors").path)))
        if let average {
            let values = try loadTensors(folder.appending(path: "average.safetensors").path)
            let averages = average.averages.keys.compactMap { key in values[key].map { (key, $0) } }
            guard averages.count == average.averages.count else {
                throw CheckpointError.unreadable(
                    path: folder.path, reason: "average.safetensors lacks tensors")
            }
            average.restore(ModuleParameters(averages), updateCount: saved.averageUpdates)
        }
        state = saved
    }
}

/// What a state keeps besides tensors.
struct TrainingState: Codable {
    var step = 0
    var epochLoss = MeanMetric()
    var seed: UInt64 = 0
    var stepsPerEpoch = 0
    var accumulation = 1
    var averageUpdates = 0
}

/// Runs `body` with every batch of a loader, in evaluation mode, and returns the means of what it returns, weighted
/// by the number of examples.
public func evaluate<M: Module>(
    _ model: M, _ loader: DataLoader, _ body: (M, Batch) throws -> [Double]
) throws -> [Double] {
    try model.evaluating {
        var means: [MeanMetric] = []
        let batches = loader.batches()
        while let batch = try batches.next() {
            try Task.checkCancellation()
            let values = try body(model, batch)
            if means.isEmpty { means = values.map { _ in MeanMetric() } }
            for (index, value) in values.enumerated() {
                means[index].add(value, weight: Double(batch.count))
            }
        }
        return means.map(\.value)
    }
}
