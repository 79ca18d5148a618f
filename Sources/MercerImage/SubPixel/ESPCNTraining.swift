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
                learningRate, minimum: learningRate / 100, threshold: threshold, epoch: loader.batchCount, options)
            return plateau.trainer(net, optimizer, options, loss)
        }
    }
}
