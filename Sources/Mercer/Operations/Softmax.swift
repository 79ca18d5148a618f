import CKernels

// Softmax and its relatives, along rows for the last axis and along columns for another.

/// e^x / Σ e^x along an axis, computed from the differences to the largest element.
public func softmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    alongAxis(x, axis, "softmax") { x, axis in
        let y = mapped(mercer_row_map_softmax, x, nil, axis)
        guard x.isTracked else { return y }
        return y.tracked("softmax", from: x, keepsOutput: true) { back in
            let (g, y) = (back.gradient, back.output)
            if Gradients.isRecording { return y * (g - (g * y).sum(axis: axis, keepDims: true)) }
            return mapped(mercer_row_map_softmax_gradient, y, g, axis)
        }
    }
}

/// x - ln Σ e^x along an axis: the logarithm of ``softmax(_:axis:)``.
public func logSoftmax(_ x: Tensor, axis: Int = -1) -> Tensor {
    alongAxis(x, axis, "logSoftmax") { x, axis in
        let y = mapped(mercer_row_map_log_softmax, x, nil, axis)
        guard x.isTracked else { return y }
        return y.tracked("logSoftmax", from: x, keepsOutput: true) { back in
            let (g, y) = (back.gradient, back.output)
            if Gradients.isRecording { return g - exp(y) * g.sum(axis: axis, keepDims: true) }
            return mapped(mercer_row_map_log_softmax_gradient, y, g, axis)
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

/// A function along an axis of float32 or float64 tensors, applied to any floating-point tensor.
private func alongAxis(
    _ x: Tensor, _ axis: Int, _ name: StaticString, _ body: (Tensor, Int) -> Tensor
) -> Tensor {
    let axis = Shape.axis(axis, x.rank, name)
    precondition(!x.dtype.isComplex, "\(name) of complex tensors")
    if x.rank == 0 {
        return body(x.asType(x.dtype == .float64 ? .float64 : .float32).reshaped([1]), 0).reshaped([])
    }
    if x.dtype != .float32 && x.dtype != .float64 {
        let wide = alongAxis(x.asType(.float32), axis, name, body)
        return x.dtype.isFloatingPoint ? wide.asType(x.dtype) : wide
    }
    return body(x, axis)
}

private func mapped(_ operation: mercer_row_map, _ x: Tensor, _ other: Tensor?, _ axis: Int) -> Tensor {
    let inner = Shape.count(Array(x.shape[(axis + 1)...]))
    if inner > 1 && inner < 8 {
        // Too few columns for a vector: they are made rows.
        return mapped(
            operation, x.movedAxis(axis, to: -1), other?.movedAxis(axis, to: -1), x.rank - 1
        ).movedAxis(-1, to: axis)
    }
    let dense = x.isContiguous ? x : x.denseCopy()
    let auxiliary = other.map { $0.isContiguous ? $0 : $0.denseCopy() }
    let y = Tensor(uninitialized: x.shape, x.dtype)
    if x.count == 0 { return y }
    let type: Int32 = x.dtype == .float64 ? 1 : 0
    let size = x.dtype.size
    let length = x.shape[axis]
    nonisolated(unsafe) let from = dense.rawPointer
    nonisolated(unsafe) let extra = auxiliary?.rawPointer
    nonisolated(unsafe) let to = y.rawPointer
    if inner == 1 {
        let loop = mercer_row_map_function(kernelISA, type, operation)
        let step = length * size
        Parallel.forRanges(x.count / length, grain: max(1, 8192 / length)) { range in
            let start = range.lowerBound * step
            loop(from + start, extra.map { $0 + start }, range.count, length, to + start)
        }
    } else {
        let loop = mercer_column_map_function(kernelISA, type, operation)
        // As many columns as the kernel takes side by side, a few times over.
        let width = 256
        let blocks = (inner + width - 1) / width
        Parallel.forRanges(x.count / (length * inner) * blocks, grain: max(1, 8192 / (length * min(inner, width)))) {
            for chunk in $0 {
                let (outer, block) = chunk.quotientAndRemainder(dividingBy: blocks)
                let start = (outer * length * inner + block * width) * size
                loop(
                    from + start, extra.map { $0 + start }, length, min(width, inner - block * width), inner,
                    to + start)
            }
        }
    }
    withExtendedLifetime((dense, auxiliary)) {}
    return y
}
