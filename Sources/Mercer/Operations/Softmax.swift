import CKernels

// Softmax and its relatives. Kernels work on the last axis; another axis is brought there and back.

/// e^x / Σ e^x along an axis, computed from the differences to the largest element.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    alongLastAxis(x, axis, "softmax") { x in
        let y = mapped(mercer_row_map_softmax, x, nil)
        guard x.isTracked else { return y }
        return y.tracked("softmax", from: x, keepsOutput: true) { back in
            let (g, y) = (back.gradient, back.output)
            if Gradients.isRecording { return y * (g - (g * y).sum(axis: -1, keepDims: true)) }
            return mapped(mercer_row_map_softmax_gradient, y, g)
        }
    }
}

/// x - ln Σ e^x along an axis: the logarithm of ``softmax(_:axis:)``.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    alongLastAxis(x, axis, "logSoftmax") { x in
        let y = mapped(mercer_row_map_log_softmax, x, nil)
        guard x.isTracked else { return y }
        return y.tracked("logSoftmax", from: x, keepsOutput: true) { back in
            let (g, y) = (back.gradient, back.output)
            if Gradients.isRecording { return g - exp(y) * g.sum(axis: -1, keepDims: true) }
            return mapped(mercer_row_map_log_softmax_gradient, y, g)
        }
    }
}

/// ln Σ e^x over axes (all by default), without overflow; -∞ where all elements are.
public func logSumExp(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    let axes = Shape.axes(axes, x.rank, "logSumExp")
    precondition(!x.dtype.isComplex, "logSumExp of complex tensors")
    if x.dtype != .float32 && x.dtype != .float64 {
        let wide = logSumExp(x.asType(.float32), axes: axes, keepDims: keepDims)
        return x.dtype.isFloatingPoint ? wide.asType(x.dtype) : wide
    }
    let kept = logSumExpKept(x.detached, axes)
    var y = kept
    if !keepDims { y.shape = x.shape.indices.filter { !axes.contains($0) }.map { x.shape[$0] } }
    guard x.isTracked else { return y }
    return y.tracked("logSumExp", from: x, keepsOutput: true) { back in
        let shape = kept.shape
        let output = back.output.reshaped(shape)
        // Rows of -∞ get no gradient rather than NaN.
        let safe = which(output.detached .== -Double.infinity, 0, output)
        return exp(x - safe) * back.gradient.reshaped(shape)
    }
}

/// ln Σ e^x over one axis, without overflow.
public func logSumExp(_ x: Tensor, axis: Int, keepDims: Bool = false) -> Tensor {
    logSumExp(x, axes: [axis], keepDims: keepDims)
}

private func logSumExpKept(_ x: Tensor, _ axes: [Int]) -> Tensor {
    if x.count == 0 { return log(x.sum(axes: axes, keepDims: true)) }
    if axes.isEmpty { return x }
    let (_, _, rest) = ReductionShape.lastGroup(x.shape, axes)
    if !rest.isEmpty {
        let inner = logSumExpKept(x, axes.filter { !rest.contains($0) })
        return logSumExpKept(inner, rest)
    }
    var top = ReductionLoop.reduce(mercer_reduction_maximum, x, axes)
    top = which(
        isFinite(top) .|| isNaN(top), top, which(top .== Double.infinity, top, Tensor.zeros(like: top)))
    let total = ReductionLoop.reduce(mercer_reduction_exponential, x, axes, auxiliary: top)
    let y = log(total) + top
    return which(top .== Double.infinity, top, y)
}

/// A function of float32 or float64 rows applied along an axis of any floating-point tensor.
private func alongLastAxis(
    _ x: Tensor, _ axis: Int, _ name: StaticString, _ body: (Tensor) -> Tensor
) -> Tensor {
    let axis = Shape.axis(axis, x.rank, name)
    precondition(!x.dtype.isComplex, "\(name) of complex tensors")
    if x.rank == 0 {
        return body(x.asType(x.dtype == .float64 ? .float64 : .float32).reshaped([1])).reshaped([])
    }
    if x.dtype != .float32 && x.dtype != .float64 {
        let wide = alongLastAxis(x.asType(.float32), axis, name, body)
        return x.dtype.isFloatingPoint ? wide.asType(x.dtype) : wide
    }
    if axis == x.rank - 1 { return body(x) }
    return body(x.movedAxis(axis, to: -1)).movedAxis(-1, to: axis)
}

private func mapped(_ operation: mercer_row_map, _ x: Tensor, _ other: Tensor?) -> Tensor {
    let dense = x.isContiguous ? x : x.denseCopy()
    let auxiliary = other.map { $0.isContiguous ? $0 : $0.denseCopy() }
    let y = Tensor(uninitialized: x.shape, x.dtype)
    let columns = x.shape[x.rank - 1]
    if x.count == 0 { return y }
    let loop = mercer_row_map_function(kernelISA, x.dtype == .float64 ? 1 : 0, operation)
    let step = columns * x.dtype.size
    nonisolated(unsafe) let from = dense.rawPointer
    nonisolated(unsafe) let extra = auxiliary?.rawPointer
    nonisolated(unsafe) let to = y.rawPointer
    Parallel.forRanges(x.count / columns, grain: max(1, 8192 / columns)) { range in
        let start = range.lowerBound * step
        loop(from + start, extra.map { $0 + start }, range.count, columns, to + start)
    }
    withExtendedLifetime((dense, auxiliary)) {}
    return y
}
