import CKernels

// Losses, with PyTorch's meaning.

/// How the losses of examples become one number.
public enum LossReduction: String, Sendable, CaseIterable {
    /// No reduction: a loss for each example.
    case none
    /// The mean; of a weighted cross entropy the weighted mean.
    case mean
    /// The sum.
    case sum

    func callAsFunction(_ losses: Tensor) -> Tensor {
        switch self {
        case .none: losses
        case .mean: losses.mean()
        case .sum: losses.sum()
        }
    }
}

private func checkShapes(_ a: Tensor, _ b: Tensor, _ name: StaticString) {
    precondition(a.shape == b.shape, "\(name): predictions of shape \(a.shape), targets of shape \(b.shape)")
}

// MARK: Classification

/// The cross entropy of class scores and target classes, -ln softmax(x)_t, over the last axis.
///
/// - Parameters:
///   - logits: `[…, classes]`.
///   - targets: integers `[…]`, each a class or `ignoreIndex`; or floating-point probabilities `[…, classes]`.
///   - classWeights: `[classes]`, a factor for each class. The mean is then divided by the sum of the weights.
///   - labelSmoothing: ε: targets become (1 - ε)·target + ε / classes.
///   - ignoreIndex: targets of this value count for nothing, in the mean's divisor neither.
/// - Returns: a scalar, or losses of shape `[…]` where `reduction` is `.none` (0 where ignored).
public func crossEntropy(
    _ logits: Tensor, _ targets: Tensor, classWeights: Tensor? = nil, labelSmoothing: Double = 0,
    ignoreIndex: Int = -100, reduction: LossReduction = .mean
) -> Tensor {
    precondition(logits.rank >= 1, "crossEntropy: logits without axes")
    if targets.dtype.isFloatingPoint {
        checkShapes(logits, targets, "crossEntropy")
        let classes = logits.shape[logits.rank - 1]
        let soft =
            labelSmoothing == 0 ? targets : targets * (1 - labelSmoothing) + labelSmoothing / Double(classes)
        let weighted = classWeights.map { soft * $0 } ?? soft
        let losses = -(weighted * logSoftmax(logits)).sum(axis: -1)
        // PyTorch divides by the number of examples here, weights or not.
        return reduction(losses)
    }
    precondition(
        Array(logits.shape.dropLast()) == targets.shape && targets.dtype.isInteger,
        "crossEntropy: logits of shape \(logits.shape), \(targets.dtype) targets of shape \(targets.shape)")
    let valid = targets .!= ignoreIndex
    let target = ClassTargets(targets, classes: logits.shape[logits.rank - 1], ignoreIndex: ignoreIndex)
    guard classWeights == nil, logits.dtype == .float32 || logits.dtype == .float64 else {
        return weightedCrossEntropy(
            logits, target, valid, classWeights ?? Tensor.ones([target.classes], logits.dtype),
            labelSmoothing,
            reduction)
    }
    let losses = fusedCrossEntropy(logits, target, valid, labelSmoothing)
    guard reduction == .mean else { return reduction(losses) }
    return losses.sum() / Double(target.validCount)
}

/// The negative log likelihood of target classes: -x_t for log probabilities `x`. See
/// ``crossEntropy(_:_:classWeights:labelSmoothing:ignoreIndex:reduction:)`` for the parameters.
public func nllLoss(
    _ logProbabilities: Tensor, _ targets: Tensor, classWeights: Tensor? = nil, ignoreIndex: Int = -100,
    reduction: LossReduction = .mean
) -> Tensor {
    precondition(
        Array(logProbabilities.shape.dropLast()) == targets.shape,
        "nllLoss: log probabilities of shape \(logProbabilities.shape), targets of shape \(targets.shape)")
    let target = ClassTargets(
        targets, classes: logProbabilities.shape[logProbabilities.rank - 1], ignoreIndex: ignoreIndex)
    let weights = target.weights(classWeights ?? Tensor.ones([target.classes], logProbabilities.dtype))
    let losses = -(logProbabilities.takeAlong(target.indices, axis: -1).squeezed(axis: -1) * weights)
    return reduction == .mean ? losses.sum() / weights.sum() : reduction(losses)
}

/// Target classes prepared for indexing: ignored ones name class 0 and have weight 0.
private struct ClassTargets {
    let classes: Int
    /// `[…, 1]`, int64.
    let indices: Tensor
    /// `[…]`, bool.
    let valid: Tensor
    let validCount: Int
    /// The class of each example in row-major order; nil where it is ignored.
    let positions: [Int?]

    init(_ targets: Tensor, classes: Int, ignoreIndex: Int) {
        self.classes = classes
        let values = Conversion.convert(targets, .int64).toArray(Int64.self)
        positions = values.map { value in
            if value == ignoreIndex { return nil }
            precondition(value >= 0 && value < classes, "target class \(value) of \(classes) classes")
            return Int(value)
        }
        indices = Tensor(positions.map { Int64($0 ?? 0) }, targets.shape + [1])
        valid = Tensor(positions.map { $0 != nil }, targets.shape)
        validCount = positions.reduce(0) { $0 + ($1 == nil ? 0 : 1) }
    }

    /// The weight of each example's class; 0 where it is ignored.
    func weights(_ classWeights: Tensor) -> Tensor {
        which(valid, classWeights.take(indices.squeezed(axis: -1)), 0)
    }
}

private func weightedCrossEntropy(
    _ logits: Tensor, _ target: ClassTargets, _ valid: Tensor, _ classWeights: Tensor, _ smoothing: Double,
    _ reduction: LossReduction
) -> Tensor {
    let logProbabilities = logSoftmax(logits)
    let weights = target.weights(classWeights)
    var losses = -(logProbabilities.takeAlong(target.indices, axis: -1).squeezed(axis: -1) * weights)
    if smoothing > 0 {
        let uniform = which(valid, -(logProbabilities * classWeights).sum(axis: -1), 0)
        losses = losses * (1 - smoothing) + uniform * (smoothing / Double(target.classes))
    }
    return reduction == .mean ? losses.sum() / weights.sum() : reduction(losses)
}

/// Losses `[…]` in one pass over the logits, their gradient in another: lse - (1 - ε) x_t - ε mean(x), whose gradient is
/// softmax(x) - (1 - ε) at t - ε / classes.
private func fusedCrossEntropy(
    _ logits: Tensor, _ target: ClassTargets, _ valid: Tensor, _ smoothing: Double
) -> Tensor {
    let lse = logSumExp(logits.detached, axis: -1)
    var losses =
        lse - logits.detached.takeAlong(target.indices, axis: -1).squeezed(axis: -1) * (1 - smoothing)
    if smoothing > 0 { losses = losses - logits.detached.mean(axis: -1) * smoothing }
    losses = which(valid, losses, 0)
    guard logits.isTracked else { return losses }
    return losses.tracked("crossEntropy", from: logits) { back in
        let gradient = which(valid, back.gradient, 0)
        guard Gradients.isRecording else {
            return crossEntropyGradient(logits, lse, gradient, target, smoothing)
        }
        let hot = oneHot(target.indices.squeezed(axis: -1), classes: target.classes, logits.dtype)
        let aim = hot * (1 - smoothing) + smoothing / Double(target.classes)
        return (softmax(logits) - aim) * gradient.expandedDimensions(axis: -1)
    }
}

private func crossEntropyGradient(
    _ logits: Tensor, _ lse: Tensor, _ gradient: Tensor, _ target: ClassTargets, _ smoothing: Double
) -> Tensor {
    let dense = logits.isContiguous ? logits.detached : logits.denseCopy()
    let result = Tensor(uninitialized: logits.shape, logits.dtype)
    let rows = lse.count
    let columns = target.classes
    if result.count == 0 { return result }
    let flat = gradient.reshaped([rows]).contiguous()
    let shift = flat * (smoothing / Double(columns))
    let loop = mercer_shifted_softmax_function(kernelISA, logits.dtype == .float64 ? 1 : 0)
    let size = logits.dtype.size
    nonisolated(unsafe) let from = dense.rawPointer
    nonisolated(unsafe) let to = result.rawPointer
    let chunk = max(1, 8192 / columns)
    // Parameters of a chunk of rows, side by side as the kernel reads them.
    let parameters = stacked([lse.reshaped([rows]).contiguous(), flat, shift])
    Parallel.forRanges(rows, grain: chunk) { range in
        let some = parameters[.all, range].contiguous()
        loop(
            from + range.lowerBound * columns * size, some.rawPointer, range.count, columns,
            to + range.lowerBound * columns * size)
        withExtendedLifetime(some) {}
    }
    func subtractAtTargets<T: BinaryFloatingPoint>(_ type: T.Type) {
        let (y, g) = (result.mutablePointer(T.self), flat.pointer(T.self))
        for (row, position) in target.positions.enumerated() {
            if let position { y[row * columns + position] -= g[row] * T(1 - smoothing) }
        }
    }
    if logits.dtype == .float64 { subtractAtTargets(Double.self) } else { subtractAtTargets(Float.self) }
    withExtendedLifetime((dense, flat)) {}
    return result
}

/// The binary cross entropy of logits and targets in [0, 1]: softplus(x) - x·t, without overflow.
///
/// - Parameters:
///   - weights: a factor for each element, broadcast.
///   - positiveWeight: a factor for the positive part, broadcast.
public func binaryCrossEntropy(
    logits: Tensor, _ targets: Tensor, weights: Tensor? = nil, positiveWeight: Tensor? = nil,
    reduction: LossReduction = .mean
) -> Tensor {
    checkShapes(logits, targets, "binaryCrossEntropy")
    var losses: Tensor
    if let positiveWeight {
        // (1 - t) x + (1 + (p - 1) t) softplus(-x)
        losses = (1 - targets) * logits - ((positiveWeight - 1) * targets + 1) * logSigmoid(logits)
    } else {
        losses = (1 - targets) * logits - logSigmoid(logits)
    }
    if let weights { losses = losses * weights }
    return reduction(losses)
}

/// The binary cross entropy of probabilities and targets in [0, 1]; logarithms are held above -100.
public func binaryCrossEntropy(
    probabilities: Tensor, _ targets: Tensor, weights: Tensor? = nil, reduction: LossReduction = .mean
) -> Tensor {
    checkShapes(probabilities, targets, "binaryCrossEntropy")
    let positive = clip(log(probabilities), min: -100)
    let negative = clip(log1p(-probabilities), min: -100)
    var losses = -(targets * positive + (1 - targets) * negative)
    if let weights { losses = losses * weights }
    return reduction(losses)
}

/// The Kullback-Leibler divergence Σ t (ln t - x) of log probabilities `x` from probabilities `t` (their logarithms
/// where `logTargets`). PyTorch's `batchmean` is the sum divided by the first axis's length.
public func klDivergence(
    _ logProbabilities: Tensor, _ targets: Tensor, logTargets: Bool = false, reduction: LossReduction = .mean
) -> Tensor {
    checkShapes(logProbabilities, targets, "klDivergence")
    if logTargets { return reduction(exp(targets) * (targets - logProbabilities)) }
    let entropy = which(targets.detached .> 0, targets * log(which(targets.detached .> 0, targets, 1)), 0)
    return reduction(entropy - targets * logProbabilities)
}

// MARK: Regression

/// The squared error.
public func mseLoss(_ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean) -> Tensor {
    checkShapes(predictions, targets, "mseLoss")
    return reduction(square(predictions - targets))
}

/// The absolute error.
public func l1Loss(_ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean) -> Tensor {
    checkShapes(predictions, targets, "l1Loss")
    return reduction(abs(predictions - targets))
}

/// d²/2β where |d| < β, |d| - β/2 elsewhere. With β = 0 the absolute error.
public func smoothL1Loss(
    _ predictions: Tensor, _ targets: Tensor, beta: Double = 1, reduction: LossReduction = .mean
) -> Tensor {
    checkShapes(predictions, targets, "smoothL1Loss")
    if beta == 0 { return l1Loss(predictions, targets, reduction: reduction) }
    let distance = abs(predictions - targets)
    return reduction(
        which(distance.detached .< beta, square(distance) * (0.5 / beta), distance - beta * 0.5))
}

/// d²/2 where |d| ≤ δ, δ (|d| - δ/2) elsewhere.
public func huberLoss(
    _ predictions: Tensor, _ targets: Tensor, delta: Double = 1, reduction: LossReduction = .mean
) -> Tensor {
    checkShapes(predictions, targets, "huberLoss")
    let distance = abs(predictions - targets)
    return reduction(
        which(distance.detached .<= delta, square(distance) * 0.5, (distance - delta * 0.5) * delta))
}
