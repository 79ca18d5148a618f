import Foundation
import Mercer
import MercerNN

/// Training of λ-PNN on scenes without ground truth: each step takes a random crop of a random scene.
public struct LambdaTraining: Sendable {
    public var objective: LambdaObjective
    public var learningRate: Double
    /// The official code's decay, which acts on all parameters.
    public var weightDecay: Double
    public var steps: Int
    /// The side of a crop in panchromatic pixels.
    public var crop: Int
    /// Crops a step.
    public var batch: Int
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

    /// The loss of a step.
    public struct Step: Sendable {
        public let step: Int
        public let loss: Double
    }

    /// Trains a network.
    ///
    /// - Parameter report: told of each step; what it throws ends the training.
    public func run(
        _ net: LambdaPNN, _ scenes: [PansharpeningScene], sensor: SatelliteSensor,
        report: (Step) throws -> Void = { _ in }
    ) rethrows {
        precondition(!scenes.isEmpty, "LambdaTraining: no scenes")
        let ratio = scenes[0].ratio
        let reprojection = Reprojection(sensor, ratio: ratio)
        let optimizer = Adam(learningRate: learningRate, weightDecay: weightDecay)
        // Thresholds of whole scenes, cut like the pictures: crops' borders don't enter them.
        let thresholds = scenes.map {
            LambdaObjective.Target.threshold(enlarged: $0.enlarged, pan: $0.pan, sensor: sensor, ratio: ratio)
        }
        var stream = RandomStream(RandomKey(seed).fold(in: "crops"))
        for step in 0..<steps {
            optimizer.learningRate = learningRate * 0.5 * (1 + cos(.pi * Double(step) / Double(steps)))
            var parts: [(x: Tensor, ms: Tensor, threshold: Tensor)] = []
            for _ in 0..<batch {
                let index = Int(stream.uniform() * Double(scenes.count))
                let scene = scenes[index]
                let side = min(crop / ratio, scene.ms.dim(1), scene.ms.dim(2))
                let top = Int(stream.uniform() * Double(scene.ms.dim(1) - side + 1))
                let left = Int(stream.uniform() * Double(scene.ms.dim(2) - side + 1))
                let rows = (top * ratio)..<((top + side) * ratio)
                let columns = (left * ratio)..<((left + side) * ratio)
                parts.append(
                    (
                        concatenated(
                            [scene.enlarged[0..., rows, columns, 0...], scene.pan[0..., rows, columns, 0...]], axis: 3),
                        scene.ms[0..., top..<(top + side), left..<(left + side), 0...],
                        thresholds[index][0..., rows, columns, 0...]
                    ))
            }
            let x = concatenated(parts.map(\.x))
            let target = LambdaObjective.Target(
                ms: concatenated(parts.map(\.ms)), pan: x[0..., 0..., 0..., net.bands..<(net.bands + 1)].contiguous(),
                threshold: concatenated(parts.map(\.threshold)), scale: scenes[0].scale)
            let (loss, gradients) = valueAndGrad(net) { net in
                objective.value(objective.terms(net(x), target, reprojection))
            }
            optimizer.update(net, gradients)
            try report(Step(step: step + 1, loss: loss.doubleValue))
        }
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
