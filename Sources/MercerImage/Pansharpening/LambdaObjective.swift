import Foundation
import Mercer

/// The loss of λ-PNN: L = α·L_ERGAS + β·L_λ + γ·L_S (Ciotola et al. 2023, section III-B). Nothing but the two given
/// pictures is needed.
public struct LambdaObjective: Sendable {
    public var alpha: Double
    public var beta: Double
    public var gamma: Double
    /// What passes through the rounding of L_λ: the official code's gradient is 0 there.
    public var rounding: HypercomplexQuality.Rounding

    public init(
        alpha: Double = 0.075, beta: Double = 1.5, gamma: Double = 4,
        rounding: HypercomplexQuality.Rounding = .straightThrough
    ) {
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.rounding = rounding
    }

    /// The published weights for pre-training.
    public static func training(_ sensor: SatelliteSensor) -> LambdaObjective {
        switch sensor.name {
        case "WV3": LambdaObjective(alpha: 0.05, beta: 1.25, gamma: 3.75)
        case "WV2": LambdaObjective(alpha: 0.05, beta: 1, gamma: 4.25)
        default: LambdaObjective(alpha: 0.075, beta: 1.5, gamma: 4)
        }
    }

    /// The published weights for adaptation, and the step size.
    public static func adaptation(_ sensor: SatelliteSensor) -> (objective: LambdaObjective, learningRate: Double) {
        var objective = training(sensor)
        switch sensor.name {
        case "WV3":
            objective.gamma = 5
            return (objective, 4e-5)
        case "WV2":
            objective.gamma = 6
            return (objective, 3.5e-5)
        default:
            objective.gamma = 7
            return (objective, 5e-5)
        }
    }

    /// The three terms, scalars.
    public struct Terms: Sendable {
        public let ergas: Tensor
        public let lambda: Tensor?
        public let structure: Tensor
        /// Mean of 1 − ρ over all pixels, without threshold.
        public let correlation: Tensor
    }

    /// What doesn't change while a network learns: the picture's parts and the threshold.
    public struct Target: Sendable {
        /// M, `[N, h, w, bands]`.
        public let ms: Tensor
        public let pan: Tensor
        /// T, how unlike the panchromatic picture seen coarsely the enlarged bands are.
        public let threshold: Tensor
        let scale: Double
        let known: (ms: Tensor, pan: Tensor)?

        /// - Parameters:
        ///   - ms: `[N, h, w, bands]`.
        ///   - enlarged: `[N, H, W, bands]`.
        ///   - pan: `[N, H, W, 1]`.
        public init(
            ms: Tensor, enlarged: Tensor, pan: Tensor, sensor: SatelliteSensor, ratio: Int, scale: Double,
            known: (ms: Tensor, pan: Tensor)? = nil
        ) {
            self.ms = ms
            self.pan = pan
            self.scale = scale
            self.known = known
            threshold = Self.threshold(enlarged: enlarged, pan: pan, sensor: sensor, ratio: ratio)
        }

        /// T = 1 − ρ(pan through the first band's kernel with mirrored borders, EXP), windows of half-width 8.
        public static func threshold(
            enlarged: Tensor, pan: Tensor, sensor: SatelliteSensor, ratio: Int
        ) -> Tensor {
            let kernel = sensor.kernels(ratio: ratio)[0].asType(.float32).expandedDimensions(axes: [0, 3])
            let reach = SatelliteSensor.kernelSide / 2
            let seen = conv2d(
                padded(pan, [(0, 0), (reach, reach), (reach, reach), (0, 0)], mode: .reflect), kernel.contiguous())
            return 1.0 - LocalCorrelation.map(enlarged, seen, halfWidth: 8)
        }
    }

    /// The terms for a fused picture.
    ///
    /// - Parameter withLambda: whether L_λ is computed; it needs coarse pictures of at least 32×32.
    public func terms(_ fused: Tensor, _ target: Target, _ reprojection: Reprojection) -> Terms {
        let coarse = reprojection(fused)
        let difference: Tensor = square(coarse - target.ms)
        let mean: Tensor = square(target.ms.mean(axes: [1, 2]))
        let error: Tensor
        if let known = target.known {
            error = (difference * known.ms).sum(axes: [1, 2]) / clip(known.ms.sum(axes: [1, 2]), min: 1)
        } else {
            error = difference.mean(axes: [1, 2])
        }
        let ergas: Tensor = sqrt((error / mean).mean(axes: [1])).mean() * (100 / Double(reprojection.ratio))
        let fits = target.ms.dim(1) >= 32 && target.ms.dim(2) >= 32
        let lambda: Tensor? =
            beta == 0 || !fits
            ? nil
            : 1.0
                - HypercomplexQuality.q2n(
                    reference: target.ms * target.scale, output: coarse * target.scale, rounding: rounding)
        let rho = clip(LocalCorrelation.map(fused, target.pan, halfWidth: 2), min: -1)
        let unlike: Tensor = 1.0 - rho
        var counts = (unlike.detached .> target.threshold).asType(unlike.dtype)
        if let known = target.known { counts = counts * known.pan }
        return Terms(
            ergas: ergas, lambda: lambda, structure: (unlike * counts).mean(), correlation: unlike.detached.mean())
    }

    /// L.
    public func value(_ terms: Terms) -> Tensor {
        var loss: Tensor = terms.ergas * alpha + terms.structure * gamma
        if let lambda = terms.lambda { loss = loss + lambda.asType(loss.dtype) * beta }
        return loss
    }
}
