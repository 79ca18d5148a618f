// Normalisations over the last axis (layer, RMS) and over all others (batch, group, instance; channels last).
// Computed by fused kernels in float32 and float64; where derivatives of the gradient are wanted it comes
// from the definition written in tensor operations.

/// (x − mean)/√(variance + eps)·weight + bias over the last axis, with the biased variance.
///
/// - Parameters:
///   - x: `[…, n]`.
///   - weight, bias: `[n]`; 1 and 0 where nil.
public func layerNorm(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
    rowNorm(x, weight, bias, eps: eps, centered: true, "layerNorm")
}

/// x/√(mean of x² + eps)·weight over the last axis (B. Zhang, R. Sennrich, "Root mean square layer
/// normalization", 2019).
///
/// - Parameters:
///   - x: `[…, n]`.
///   - weight: `[n]`; 1 where nil.
public func rmsNorm(_ x: Tensor, weight: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
    rowNorm(x, weight, nil, eps: eps, centered: false, "rmsNorm")
}

private func rowNorm(
    _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, eps: Double, centered: Bool, _ name: StaticString
) -> Tensor {
    precondition(x.rank >= 1, "\(name): a scalar")
    let n = x.shape[x.rank - 1]
    return NormOperands.withFullPrecision(x, weight, bias, channels: n, name) { x, weight, bias in
        let rows = n == 0 ? 0 : x.count / n
        return x.dtype == .float64
            ? rowNorm(RowNorm<Double>(rows: rows, n: n, centered: centered), x, weight, bias, eps, name)
            : rowNorm(RowNorm<Float>(rows: rows, n: n, centered: centered), x, weight, bias, eps, name)
    }
}

private func rowNorm<R: NormNumber>(
    _ norm: RowNorm<R>, _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ eps: Double, _ name: StaticString
) -> Tensor {
    let dense = x.detached.contiguous()
    let w = weight?.detached.contiguous() ?? .ones([norm.n], R.dtype)
    let b = bias?.detached.contiguous() ?? .zeros([norm.n], R.dtype)
    let (y, statistics) = norm.forward(dense, w, b, eps: eps)
    let operands = NormOperands(x, weight, bias)
    guard operands.isTracked else { return y }
    return y.tracked(name, from: operands.tensors) { back in
        if Gradients.isRecording {
            return operands.gradients(back) { x, weight, bias in
                let center = norm.centered ? x - x.mean(axes: [-1], keepDims: true) : x
                let variance = (center * center).mean(axes: [-1], keepDims: true)
                return operands.scaled(center * rsqrt(variance + eps), weight, bias)
            }
        }
        let (dx, dw, db) = norm.backward(dense, back.gradient.contiguous(), w, statistics)
        return operands.gradients(dx, dw, db)
    }
}

/// Normalisation of each channel over batch and places by the batch's own statistics (training) or by given
/// ones.
///
/// - Parameters:
///   - x: `[…, channels]`.
///   - weight, bias: `[channels]`; 1 and 0 where nil.
///   - runningMean, runningVariance: `[channels]`. Used where not `training`; updated where it is.
///   - momentum: the part of the batch's statistics in the updated ones; the variance enters unbiased.
/// - Returns: the output, and the running statistics after this batch, which carry no gradient.
public func batchNorm(
    _ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, runningMean: Tensor, runningVariance: Tensor,
    training: Bool, momentum: Double = 0.1, eps: Double = 1e-5
) -> (output: Tensor, runningMean: Tensor, runningVariance: Tensor) {
    precondition(x.rank >= 2, "batchNorm: expected a batch, found shape \(x.shape)")
    let channels = x.shape[x.rank - 1]
    precondition(
        runningMean.shape == [channels] && runningVariance.shape == [channels],
        "batchNorm: running statistics of shapes \(runningMean.shape) and \(runningVariance.shape) for \(channels) channels"
    )
    var updated = (runningMean.detached, runningVariance.detached)
    let output = NormOperands.withFullPrecision(x, weight, bias, channels: channels, "batchNorm") {
        x, weight, bias in
        if training {
            let (y, mean, variance, count) = columnNorm(
                x, weight, bias, samples: 1, groups: channels, eps, "batchNorm")
            let unbiased = variance.map { $0 * Double(count) / Double(max(1, count - 1)) }
            func moved(_ old: Tensor, _ new: [Double]) -> Tensor {
                let values = old.asType(.float64).toArray(Double.self)
                return Tensor(zip(values, new).map { (1 - momentum) * $0 + momentum * $1 }).asType(old.dtype)
            }
            updated = (moved(updated.0, mean), moved(updated.1, unbiased))
            return y
        }
        return x.dtype == .float64
            ? fixedNorm(Double.self, x, weight, bias, runningMean, runningVariance, eps)
            : fixedNorm(Float.self, x, weight, bias, runningMean, runningVariance, eps)
    }
    return (output, updated.0, updated.1)
}

/// Normalisation of each sample over its places and the channels of each of `groups` groups (Y. Wu, K. He,
/// 2018).
///
/// - Parameters:
///   - x: `[batch, …, channels]`.
///   - weight, bias: `[channels]`; 1 and 0 where nil.
public func groupNorm(
    _ x: Tensor, groups: Int, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
) -> Tensor {
    precondition(x.rank >= 2, "groupNorm: expected a batch, found shape \(x.shape)")
    let channels = x.shape[x.rank - 1]
    precondition(
        groups >= 1 && channels % groups == 0,
        "groupNorm: \(channels) channels don't split into \(groups) groups")
    return NormOperands.withFullPrecision(x, weight, bias, channels: channels, "groupNorm") {
        x, weight, bias in
        columnNorm(x, weight, bias, samples: x.shape[0], groups: groups, eps, "groupNorm").output
    }
}

/// Normalisation of each channel of each sample over its places.
///
/// - Parameters:
///   - x: `[batch, …, channels]`.
///   - weight, bias: `[channels]`; 1 and 0 where nil.
public func instanceNorm(_ x: Tensor, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5)
    -> Tensor
{
    precondition(x.rank >= 3, "instanceNorm: expected a batch with places, found shape \(x.shape)")
    return groupNorm(x, groups: x.shape[x.rank - 1], weight: weight, bias: bias, eps: eps)
}

private typealias ColumnNormResult = (output: Tensor, mean: [Double], variance: [Double], count: Int)

private func columnNorm(
    _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, samples: Int, groups: Int, _ eps: Double,
    _ name: StaticString
) -> ColumnNormResult {
    x.dtype == .float64
        ? columnNorm(Double.self, x, weight, bias, samples, groups, eps, name)
        : columnNorm(Float.self, x, weight, bias, samples, groups, eps, name)
}

private func columnNorm<R: NormNumber>(
    _ type: R.Type, _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ samples: Int, _ groups: Int,
    _ eps: Double,
    _ name: StaticString
) -> ColumnNormResult {
    let channels = x.shape[x.rank - 1]
    let rows = samples * channels == 0 ? 0 : x.count / (samples * channels)
    precondition(rows > 0, "\(name): nothing to normalise in shape \(x.shape)")
    let norm = ColumnNorm<R>(samples: samples, rows: rows, channels: channels, groups: groups)
    let dense = x.detached.contiguous()
    let w = NormOperands.numbers(weight, or: 1, channels)
    let (mean, variance) = norm.statistics(dense)
    let rstd = variance.map { 1 / ($0 + eps).squareRoot() }
    let y = norm.normalized(
        dense, mean: mean, rstd: rstd, weight: w, bias: NormOperands.numbers(bias, or: 0, channels))
    let operands = NormOperands(x, weight, bias)
    guard operands.isTracked else { return (y, mean, variance, norm.population) }
    let tracked = y.tracked(name, from: operands.tensors) { back in
        if Gradients.isRecording {
            return operands.gradients(back) { x, weight, bias in
                let grouped = x.reshaped([samples, rows, groups, channels / groups])
                let center = grouped - grouped.mean(axes: [1, 3], keepDims: true)
                let variance = (center * center).mean(axes: [1, 3], keepDims: true)
                return operands.scaled((center * rsqrt(variance + eps)).reshaped(x.shape), weight, bias)
            }
        }
        let (dx, dw, db) = norm.backward(
            dense, back.gradient.contiguous(), mean: mean, rstd: rstd, weight: w, needsX: operands.needsX)
        return operands.gradients(dx, Tensor(dw.map { R($0) }), Tensor(db.map { R($0) }))
    }
    return (tracked, mean, variance, norm.population)
}

/// Normalisation by statistics that are constants.
private func fixedNorm<R: NormNumber>(
    _ type: R.Type, _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, _ runningMean: Tensor,
    _ runningVariance: Tensor,
    _ eps: Double
) -> Tensor {
    let channels = x.shape[x.rank - 1]
    let norm = ColumnNorm<R>(
        samples: 1, rows: x.count / max(1, channels), channels: channels, groups: channels)
    let dense = x.detached.contiguous()
    let w = NormOperands.numbers(weight, or: 1, channels)
    let mean = NormOperands.numbers(runningMean, or: 0, channels)
    let rstd = NormOperands.numbers(runningVariance, or: 1, channels).map { 1 / ($0 + eps).squareRoot() }
    let y = norm.normalized(
        dense, mean: mean, rstd: rstd, weight: w, bias: NormOperands.numbers(bias, or: 0, channels))
    let operands = NormOperands(x, weight, bias)
    guard operands.isTracked else { return y }
    return y.tracked("batchNorm", from: operands.tensors) { back in
        if Gradients.isRecording {
            return operands.gradients(back) { x, weight, bias in
                let hat = (x - Tensor(mean.map { R($0) })) * Tensor(rstd.map { R($0) })
                return operands.scaled(hat, weight, bias)
            }
        }
        let (dx, dw, db) = norm.backward(
            dense, back.gradient.contiguous(), mean: mean, rstd: rstd, weight: w, fixed: true,
            needsX: operands.needsX)
        return operands.gradients(dx, Tensor(dw.map { R($0) }), Tensor(db.map { R($0) }))
    }
}

/// The operands of a normalisation, of which weight and bias may be missing.
private struct NormOperands {
    let x: Tensor
    let weight: Tensor?
    let bias: Tensor?

    init(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?) {
        self.x = x
        self.weight = weight
        self.bias = bias
    }

    var tensors: [Tensor] { [x, weight, bias].compactMap { $0 } }
    var isTracked: Bool { tensors.contains(where: \.isTracked) }
    var needsX: Bool { x.node != nil }

    /// Gradients in the order of ``tensors``.
    func gradients(_ dx: Tensor?, _ dw: Tensor, _ db: Tensor) -> [Tensor?] {
        var result = [dx]
        if weight != nil { result.append(dw) }
        if bias != nil { result.append(db) }
        return result
    }

    /// Gradients by the definition, to be differentiated again.
    func gradients(_ back: Backward, _ definition: (Tensor, Tensor?, Tensor?) -> Tensor) -> [Tensor?] {
        vjp(
            { operands in
                let w = weight == nil ? nil : operands[1]
                return [definition(operands[0], w, bias == nil ? nil : operands[operands.count - 1])]
            }, primals: tensors, cotangents: [back.gradient]
        ).gradients
    }

    func scaled(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?) -> Tensor {
        let y = weight.map { x * $0 } ?? x
        return bias.map { y + $0 } ?? y
    }

    /// A vector as numbers; `value` everywhere where there is none.
    static func numbers(_ x: Tensor?, or value: Double, _ count: Int) -> [Double] {
        x?.detached.asType(.float64).toArray(Double.self) ?? [Double](repeating: value, count: count)
    }

    /// Checks shapes, and computes 16-bit operands in float32.
    static func withFullPrecision(
        _ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, channels: Int, _ name: StaticString,
        _ body: (Tensor, Tensor?, Tensor?) -> Tensor
    ) -> Tensor {
        precondition(!x.dtype.isComplex, "\(name): not defined for \(x.dtype)")
        for vector in [weight, bias].compactMap({ $0 }) {
            precondition(
                vector.shape == [channels],
                "\(name): weight or bias of shape \(vector.shape), expected [\(channels)] for an input of shape \(x.shape)"
            )
        }
        let dtype: DType = x.dtype == .float64 ? .float64 : .float32
        let y = body(x.asType(dtype), weight?.asType(dtype), bias?.asType(dtype))
        return y.asType(x.dtype.asFloatingPoint)
    }
}
