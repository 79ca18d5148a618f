import Mercer

/// A loss with its options, as a function of predictions and targets.
///
/// ```swift
/// let loss: any Loss = CrossEntropyLoss(labelSmoothing: 0.1)
/// let value = loss(net(images), labels)
/// ```
public protocol Loss: Sendable {
    func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor
}

/// Cross entropy of logits `[batch, …, classes]` with class numbers or shares. See
/// ``crossEntropy(_:_:classWeights:labelSmoothing:ignoreIndex:reduction:)``.
public struct CrossEntropyLoss: Loss {
    public var classWeights: Tensor?
    public var labelSmoothing: Double
    public var ignoreIndex: Int
    public var reduction: LossReduction

    public init(
        classWeights: Tensor? = nil, labelSmoothing: Double = 0, ignoreIndex: Int = -100,
        reduction: LossReduction = .mean
    ) {
        self.classWeights = classWeights
        self.labelSmoothing = labelSmoothing
        self.ignoreIndex = ignoreIndex
        self.reduction = reduction
    }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        crossEntropy(
            predictions, targets, classWeights: classWeights, labelSmoothing: labelSmoothing,
            ignoreIndex: ignoreIndex, reduction: reduction)
    }
}

/// Binary cross entropy of logits. See ``binaryCrossEntropy(logits:_:weights:positiveWeight:reduction:)``.
public struct BinaryCrossEntropyLoss: Loss {
    public var positiveWeight: Tensor?
    public var reduction: LossReduction

    public init(positiveWeight: Tensor? = nil, reduction: LossReduction = .mean) {
        self.positiveWeight = positiveWeight
        self.reduction = reduction
    }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        binaryCrossEntropy(
            logits: predictions, targets, positiveWeight: positiveWeight, reduction: reduction)
    }
}

/// Squared difference. See ``mseLoss(_:_:reduction:)``.
public struct MSELoss: Loss {
    public var reduction: LossReduction

    public init(reduction: LossReduction = .mean) { self.reduction = reduction }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        mseLoss(predictions, targets, reduction: reduction)
    }
}

/// Absolute difference. See ``l1Loss(_:_:reduction:)``.
public struct L1Loss: Loss {
    public var reduction: LossReduction

    public init(reduction: LossReduction = .mean) { self.reduction = reduction }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        l1Loss(predictions, targets, reduction: reduction)
    }
}

/// Square below β, absolute above. See ``smoothL1Loss(_:_:beta:reduction:)``.
public struct SmoothL1Loss: Loss {
    public var beta: Double
    public var reduction: LossReduction

    public init(beta: Double = 1, reduction: LossReduction = .mean) {
        self.beta = beta
        self.reduction = reduction
    }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        smoothL1Loss(predictions, targets, beta: beta, reduction: reduction)
    }
}

/// Square below δ, absolute above, scaled by δ. See ``huberLoss(_:_:delta:reduction:)``.
public struct HuberLoss: Loss {
    public var delta: Double
    public var reduction: LossReduction

    public init(delta: Double = 1, reduction: LossReduction = .mean) {
        self.delta = delta
        self.reduction = reduction
    }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        huberLoss(predictions, targets, delta: delta, reduction: reduction)
    }
}

/// Kullback-Leibler divergence of log probabilities from targets. PyTorch's `batchmean` is the sum divided by the
/// batch. See ``klDivergence(_:_:logTargets:reduction:)``.
public struct KLDivergenceLoss: Loss {
    public var logTargets: Bool
    public var reduction: LossReduction

    public init(logTargets: Bool = false, reduction: LossReduction = .mean) {
        self.logTargets = logTargets
        self.reduction = reduction
    }

    public func callAsFunction(_ predictions: Tensor, _ targets: Tensor) -> Tensor {
        klDivergence(predictions, targets, logTargets: logTargets, reduction: reduction)
    }
}
