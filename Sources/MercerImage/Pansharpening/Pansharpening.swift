import Foundation
import Mercer
import MercerNN

/// λ-PNN on one scene: adaptation of the weights to it, then fusion (Ciotola et al. 2023, section III-C).
///
/// ```swift
/// let scene = try PansharpeningScene(ms: ms, pan: pan)
/// try Pansharpening.adapt(net, scene, sensor: .geoEye1)
/// let fused = scene.digital(try net.tiled(scene.input))
/// ```
public enum Pansharpening {
    /// How a network is adapted.
    public struct Options: Sendable {
        public var objective: LambdaObjective
        public var learningRate: Double
        public var weightDecay = 1e-4
        /// Steps, each over all patches at once.
        public var epochs = 100
        /// How many patches, and their side in panchromatic pixels.
        public var patches = 16
        public var patchSize = 256

        public init(_ sensor: SatelliteSensor) {
            (objective, learningRate) = LambdaObjective.adaptation(sensor)
        }
    }

    /// A step's loss and its terms.
    public struct Step: Sendable {
        public let step: Int
        public let loss: Double
        public let ergas: Double
        public let lambda: Double?
        public let structure: Double
    }

    /// Adapts a network to a scene. The network keeps the weights after the step whose loss was the lowest, as the
    /// official code does (the loss is that of the weights before the step).
    ///
    /// - Parameters:
    ///   - shifts: of the bands in half pixels (``CoRegistration``).
    ///   - report: told of each step; what it throws ends the adaptation, and the network has its best weights.
    public static func adapt(
        _ net: LambdaPNN, _ scene: PansharpeningScene, sensor: SatelliteSensor, options: Options? = nil,
        shifts: [(rows: Int, columns: Int)]? = nil, report: (Step) throws -> Void = { _ in }
    ) rethrows {
        let options = options ?? Options(sensor)
        let reprojection = Reprojection(sensor, ratio: scene.ratio, shifts: shifts)
        let (x, target) = patches(scene, sensor, options)
        let optimizer = Adam(learningRate: options.learningRate, weightDecay: options.weightDecay)
        var best = (loss: Double.infinity, state: net.state())
        defer { net.update(parameters: best.state) }
        for step in 0..<options.epochs {
            let objective = options.objective
            let (out, gradients) = valueAndGrad(net) { net -> [Tensor] in
                let terms = objective.terms(net(x), target, reprojection)
                return [objective.value(terms), terms.ergas, terms.structure] + [terms.lambda].compactMap { $0 }
            }
            optimizer.update(net, gradients)
            let loss = out[0].doubleValue
            // The optimiser writes into the parameters' memory: the best ones are a copy.
            if loss < best.loss { best = (loss, net.state().mapValues { $0 + 0.0 }) }
            try report(
                Step(
                    step: step + 1, loss: loss, ergas: out[1].doubleValue,
                    lambda: out.count > 3 ? out[3].doubleValue : nil, structure: out[2].doubleValue))
        }
    }

    /// The patches that a network is adapted on, as one batch; the whole scene where it has no more pixels.
    private static func patches(
        _ scene: PansharpeningScene, _ sensor: SatelliteSensor, _ options: Options
    ) -> (Tensor, LambdaObjective.Target) {
        let side = options.patchSize / scene.ratio * scene.ratio
        let (height, width) = (scene.pan.dim(1), scene.pan.dim(2))
        let fits = side > 0 && height >= side && width >= side
        guard fits, height * width > options.patches * side * side else {
            return (
                scene.input,
                LambdaObjective.Target(
                    ms: scene.ms, enlarged: scene.enlarged, pan: scene.pan, sensor: sensor, ratio: scene.ratio,
                    scale: scene.scale, known: scene.known)
            )
        }
        let places = PatchChoice.places(scene, side: side, count: options.patches)
        func cut(_ x: Tensor, _ ratio: Int) -> Tensor {
            concatenated(
                places.map { place in
                    x[
                        0..., (place.top / ratio)..<((place.top + side) / ratio),
                        (place.left / ratio)..<((place.left + side) / ratio), 0...]
                })
        }
        let (enlarged, pan) = (cut(scene.enlarged, 1), cut(scene.pan, 1))
        let known = scene.known.map { (ms: cut($0.ms, scene.ratio), pan: cut($0.pan, 1)) }
        let target = LambdaObjective.Target(
            ms: cut(scene.ms, scene.ratio), enlarged: enlarged, pan: pan, sensor: sensor, ratio: scene.ratio,
            scale: scene.scale, known: known)
        return (concatenated([enlarged, pan], axis: 3), target)
    }
}
