import Foundation
import Mercer
import MercerNN

/// How ESPCN, or its baseline on the same patches, is trained.
///
/// The paper: mean squared error, learning rate from 0.01 to 0.0001 as the improvement gets small, the last layer ten
/// times slower, no augmentation, plain gradient descent (it doesn't say). Here Adam, the last layer three times slower,
/// cosine, batches of 32, 8 symmetries: this passes bicubic enlargement within 1500 steps instead of days.
public struct ESPCNTraining: Sendable {
    /// How the learning rate falls.
    public enum Decay: Sendable, Equatable {
        /// Half a cosine to 1e-6.
        case cosine
        /// The paper's: divided by ten, down to a hundredth, whenever the mean loss of an epoch improves by less than a
        /// part `threshold` of it.
        case plateau(threshold: Double)
    }

    public var scale = 3
    public var channels = 1
    public var activation = SubPixelActivation.tanh
    public var steps = 6000
    public var batchSize = 32
    public var learningRate = 3e-3
    /// The last layer's learning rate as a part of the others'.
    public var lastLayer = 1.0 / 3
    public var decay = Decay.cosine
    /// Whether the phases of the last layer start equal (ICNR).
    public var equalPhases = false
    public var seed: UInt64 = 0

    public init(scale: Int = 3) { self.scale = scale }

    /// A network at its start.
    public func network() -> ESPCN {
        let net = ESPCN(scale: scale, channels: channels, activation: activation)
        net.initialize(RandomKey(seed).fold(in: "espcn"))
        if equalPhases { net.equalisePhases() }
        return net
    }

    /// Batches in an order that follows from the seed.
    public func loader(_ patches: SubPixelPatches) -> DataLoader {
        DataLoader(patches, batchSize: min(batchSize, patches.count), dropsLast: true, seed: seed)
    }

    /// A trainer of a network; its loader is ``loader(_:)``.
    public func trainer(_ net: ESPCN, _ options: TrainingOptions, _ loader: DataLoader) -> Trainer<ESPCN> {
        trainer(net, options, loader) { net, batch in [mseLoss(net(batch[0]), batch[1])] }
    }

    /// A trainer of the baseline on the bicubic enlargement of the same patches.
    public func trainer(_ net: SRCNN, _ options: TrainingOptions, _ loader: DataLoader) -> Trainer<SRCNN> {
        let size = SubPixelPatches.size
        let up = Resampler(
            input: size, output: size * scale, rule: .matlab(.bicubic), scale: 1 / Double(scale))
        return trainer(net, options, loader) { net, batch in
            [mseLoss(net(Resample.apply(vertical: up, horizontal: up, to: batch[0])), batch[1])]
        }
    }

    private func trainer<M: Module>(
        _ net: M, _ options: TrainingOptions, _ loader: DataLoader, _ loss: @escaping (M, Batch) -> [Tensor]
    ) -> Trainer<M> {
        let optimizer = Adam(
            learningRate: learningRate,
            groups: [.init(learningRateScale: lastLayer) { key, _ in key.hasPrefix("conv3.") }])
        var options = options
        let steps = options.maximumSteps ?? self.steps
        options.maximumSteps = steps
        options.epochs = (steps + loader.batchCount - 1) / max(1, loader.batchCount)
        switch decay {
        case .cosine:
            return Trainer(
                net, optimizer, schedule: .cosine(learningRate, steps: steps, minimum: 1e-6), options, loss: loss)
        case .plateau(let threshold):
            let plateau = PlateauSchedule(
                learningRate, threshold: threshold, epoch: loader.batchCount,
                interval: options.checkpointInterval,
                file: options.checkpoints?.folder.appending(path: "plateau.json"))
            let trainer = Trainer(net, optimizer, schedule: Schedule { plateau.rate(at: Int($0)) }, options) {
                (net: M, batch: Batch) -> [Tensor] in
                let values = loss(net, batch)
                plateau.add(values[0].doubleValue)
                return values
            }
            trainer.afterStep = { step in try plateau.close(step) }
            return trainer
        }
    }
}

/// A learning rate that is divided by ten when the mean loss of an epoch hardly improves. What it has seen is kept
/// beside the training states, so that a training that goes on has the same rates.
final class PlateauSchedule: @unchecked Sendable {
    private struct Sum: Codable {
        var loss = 0.0
        var steps = 0
    }

    private struct State: Codable {
        /// The mean loss of each finished epoch.
        var means: [Double] = []
        /// What an epoch had at steps from which training may go on.
        var sums: [Int: Sum] = [:]
    }

    private let start: Double
    private let threshold: Double
    private let epoch: Int
    private let interval: Int
    private let file: URL?
    private var state = State()
    private var sum = Sum()
    private var lastStep = 0
    private var pending = 0.0

    /// - Parameters:
    ///   - epoch: its steps.
    ///   - interval: steps between training states.
    init(_ start: Double, threshold: Double, epoch: Int, interval: Int, file: URL?) {
        self.start = start
        self.threshold = threshold
        self.epoch = epoch
        self.interval = interval
        self.file = file
        if let file, let data = try? Data(contentsOf: file),
            let saved = try? JSONDecoder().decode(State.self, from: data)
        {
            state = saved
        }
    }

    /// The rate at a step: a tenth for each epoch before it that improved too little, no less than a hundredth.
    func rate(at step: Int) -> Double {
        let means = state.means.prefix(step / epoch)
        var (best, falls) = (Double.infinity, 0)
        for mean in means {
            if mean > best * (1 - threshold) { falls += 1 }
            best = min(best, mean)
        }
        return start * pow(0.1, Double(min(falls, 2)))
    }

    /// The loss of the step that is being made.
    func add(_ loss: Double) { pending = loss }

    /// Ends a step, and where it is the last of its epoch that too.
    func close(_ step: Int) throws {
        if step != lastStep + 1 { sum = state.sums[step - 1] ?? Sum() }
        lastStep = step
        sum.loss += pending
        sum.steps += 1
        if step % epoch == 0 {
            state.means = state.means.prefix(step / epoch - 1) + [sum.loss / Double(sum.steps)]
            sum = Sum()
        }
        guard let file, step % epoch == 0 || step % interval == 0 || Task.isCancelled else { return }
        state.sums[step] = sum
        for old in state.sums.keys.sorted().dropLast(8) { state.sums[old] = nil }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try AtomicFile.write(Array(try JSONEncoder().encode(state)), to: file.path)
    }
}
