import Foundation
import Mercer
import MercerNN

/// Training of λ-PNN on scenes without ground truth: each step takes a random crop of a random scene.
public struct LambdaTraining: Sendable {
    /// How the learning rate falls.
    public enum Decay: Sendable, Hashable {
        /// Half a cosine to 0.
        case cosine
        /// The paper's: divided by ten, down to 1e-7, when the mean loss of an epoch (as many crops as cover the
        /// scenes once) hasn't improved for a tenth of all epochs; a fiftieth of them after a fall doesn't count.
        case plateau
    }

    public var objective: LambdaObjective
    public var learningRate: Double
    /// The official code's decay, which acts on all parameters.
    public var weightDecay: Double
    public var steps: Int
    /// The side of a crop in panchromatic pixels.
    public var crop: Int
    /// Crops a step.
    public var batch: Int
    public var decay = Decay.cosine
    public var seed: UInt64

    /// The recipe that suits scenes of a few hundred pixels: crops of 64, Adam falling by a cosine. L_λ needs crops of
    /// 32 coarse pixels and is left out.
    public init(steps: Int = 300, crop: Int = 64, batch: Int = 1, learningRate: Double = 4e-4, seed: UInt64 = 0) {
        objective = LambdaObjective(beta: 0)
        self.learningRate = learningRate
        weightDecay = 1e-4
        self.steps = steps
        self.crop = crop
        self.batch = batch
        self.seed = seed
    }

    /// The paper's pre-training (section IV-A): crops of 512, four a step, the published weights and step size of the
    /// sensor, 500 epochs with a rate that falls on plateaus. Meant for many scenes of its size and days of a processor.
    public static func paper(
        _ sensor: SatelliteSensor, _ scenes: [PansharpeningScene], crop: Int = 512, batch: Int = 4,
        epochs: Int = 500, seed: UInt64 = 0
    ) -> LambdaTraining {
        let rate = ["WV3": 2e-4, "WV2": 1.5e-4][sensor.name] ?? 1e-4
        var training = LambdaTraining(crop: crop, batch: batch, learningRate: rate, seed: seed)
        training.objective = .training(sensor)
        training.decay = .plateau
        training.steps = epochs * training.stepsPerEpoch(scenes)
        return training
    }

    /// Steps whose crops have as many pixels as the scenes together, at least one.
    public func stepsPerEpoch(_ scenes: [PansharpeningScene]) -> Int {
        let pixels = scenes.reduce(0) { $0 + $1.pan.dim(1) * $1.pan.dim(2) }
        return max(1, (pixels + batch * crop * crop - 1) / (batch * crop * crop))
    }

    /// The crops of all steps, in order.
    public func loader(_ scenes: [PansharpeningScene], sensor: SatelliteSensor) -> DataLoader {
        DataLoader(SceneCrops(self, scenes, sensor), batchSize: batch, shuffles: false, seed: seed)
    }

    /// A trainer; its loader is ``loader(_:sensor:)``.
    ///
    /// - Parameter options: checkpoints and the like; seed and steps are this training's.
    public func trainer(
        _ net: LambdaPNN, _ scenes: [PansharpeningScene], sensor: SatelliteSensor,
        _ options: TrainingOptions = TrainingOptions(epochs: 1)
    ) -> Trainer<LambdaPNN> {
        precondition(!scenes.isEmpty, "LambdaTraining: no scenes")
        var options = options
        options.seed = seed
        options.maximumSteps = steps
        let (objective, scale) = (objective, scenes[0].scale)
        let reprojection = Reprojection(sensor, ratio: scenes[0].ratio)
        let optimizer = Adam(learningRate: learningRate, weightDecay: weightDecay)
        let loss: (LambdaPNN, Batch) -> [Tensor] = { net, batch in
            let x = batch[0]
            let target = LambdaObjective.Target(
                ms: batch[1], pan: x[0..., 0..., 0..., net.bands..<(net.bands + 1)].contiguous(), threshold: batch[2],
                scale: scale)
            return [objective.value(objective.terms(net(x), target, reprojection))]
        }
        switch decay {
        case .cosine:
            return Trainer(
                net, optimizer, schedule: .cosine(learningRate, steps: steps), options, loss: loss)
        case .plateau:
            let epoch = stepsPerEpoch(scenes)
            let epochs = max(1, steps / epoch)
            let plateau = PlateauSchedule(
                learningRate, minimum: 1e-7, threshold: 1e-4, patience: epochs / 10, cooldown: epochs / 50,
                epoch: epoch, options)
            return plateau.trainer(net, optimizer, options, loss)
        }
    }
}

/// Random crops of random scenes: the network's input, the bands at their own size, and the threshold of L_S.
struct SceneCrops: Dataset {
    private let scenes: [PansharpeningScene]
    /// Thresholds of whole scenes, cut like the pictures: crops' borders don't enter them.
    private let thresholds: [Tensor]
    private let places: [(scene: Int, top: Int, left: Int)]
    /// Coarse pixels a side.
    private let side: Int

    var count: Int { places.count }

    init(_ training: LambdaTraining, _ scenes: [PansharpeningScene], _ sensor: SatelliteSensor) {
        let ratio = scenes[0].ratio
        let side = scenes.reduce(training.crop / ratio) { min($0, $1.ms.dim(1), $1.ms.dim(2)) }
        self.scenes = scenes
        self.side = side
        thresholds = scenes.map {
            LambdaObjective.Target.threshold(enlarged: $0.enlarged, pan: $0.pan, sensor: sensor, ratio: ratio)
        }
        var stream = RandomStream(RandomKey(training.seed).fold(in: "crops"))
        places = (0..<(training.steps * training.batch)).map { _ in
            let index = Int(stream.uniform() * Double(scenes.count))
            let ms = scenes[index].ms
            let top = Int(stream.uniform() * Double(ms.dim(1) - side + 1))
            return (index, top, Int(stream.uniform() * Double(ms.dim(2) - side + 1)))
        }
    }

    func example(_ index: Int, key: RandomKey) -> [Tensor] {
        let (place, ratio) = (places[index], scenes[0].ratio)
        let scene = scenes[place.scene]
        let rows = (place.top * ratio)..<((place.top + side) * ratio)
        let columns = (place.left * ratio)..<((place.left + side) * ratio)
        return [
            concatenated([scene.enlarged[0, rows, columns, 0...], scene.pan[0, rows, columns, 0...]], axis: 2),
            scene.ms[0, place.top..<(place.top + side), place.left..<(place.left + side), 0...],
            thresholds[place.scene][0, rows, columns, 0...],
        ]
    }
}

extension LambdaObjective.Target {
    /// With a threshold that is known.
    init(ms: Tensor, pan: Tensor, threshold: Tensor, scale: Double) {
        self.ms = ms
        self.pan = pan
        self.threshold = threshold
        self.scale = scale
        known = nil
    }
}
