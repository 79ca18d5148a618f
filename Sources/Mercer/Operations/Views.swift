// Operations that see the same elements in another arrangement, and their gradients, which arrange back.

extension Tensor {
    private func view(_ shape: [Int], _ strides: [Int], offset: Int? = nil) -> Tensor {
        Tensor(storage: storage, shape: shape, strides: strides, offset: offset ?? self.offset, dtype: dtype)
    }

    /// The same elements in row-major order with another shape. One axis may be -1. A view where strides allow.
    public func reshaped(_ newShape: [Int]) -> Tensor {
        let target = Tensor.resolved(newShape, count: count, "reshaped")
        if target == shape { return self }
        var result: Tensor
        if isContiguous {
            result = Tensor(storage: storage, shape: target, offset: offset, dtype: dtype)
        } else if let strides = Shape.viewStrides(shape, strides, as: target) {
            result = view(target, strides)
        } else {
            result = denseCopy()
            result.shape = target
        }
        guard isTracked else { return result }
        let old = shape
        return result.tracked("reshaped", from: self) { $0.gradient.reshaped(old) }
    }

    /// The same elements in row-major order with another shape.
    public func reshaped(_ newShape: Int...) -> Tensor { reshaped(newShape) }

    /// Axes `from...to` as one.
    public func flattened(from: Int = 0, to: Int = -1) -> Tensor {
        if rank == 0 { return reshaped([1]) }
        let first = Shape.axis(from, rank, "flattened")
        let last = Shape.axis(to, rank, "flattened")
        precondition(first <= last, "flattened: axis \(from) comes after axis \(to)")
        return reshaped(
            Array(shape[..<first]) + [shape[first...last].reduce(1, *)] + Array(shape[(last + 1)...]))
    }

    /// An axis as several: the reverse of ``flattened(from:to:)``. One of `lengths` may be -1.
    public func unflattened(axis: Int, _ lengths: [Int]) -> Tensor {
        let axis = Shape.axis(axis, rank, "unflattened")
        let inner = Tensor.resolved(lengths, count: shape[axis], "unflattened")
        return reshaped(Array(shape[..<axis]) + inner + Array(shape[(axis + 1)...]))
    }

    /// The axes in another order; reversed by default. A view.
    public func transposed(axes: [Int]? = nil) -> Tensor {
        let order = axes?.map { Shape.axis($0, rank, "transposed") } ?? (0..<rank).reversed()
        precondition(
            order.sorted() == Array(0..<rank), "transposed: axes \(order) of a tensor of shape \(shape)")
        if order.elementsEqual(0..<rank) { return self }
        let strides = self.strides
        let result = view(order.map { shape[$0] }, order.map { strides[$0] })
        guard isTracked else { return result }
        var inverse = order
        for (i, axis) in order.enumerated() { inverse[axis] = i }
        return result.tracked("transposed", from: self) { [inverse] in $0.gradient.transposed(axes: inverse) }
    }

    /// The axes in another order. A view.
    public func transposed(_ axes: Int...) -> Tensor { transposed(axes: axes.isEmpty ? nil : axes) }

    /// Two axes exchanged. A view.
    public func swappedAxes(_ a: Int, _ b: Int) -> Tensor {
        var order = Array(0..<rank)
        order.swapAt(Shape.axis(a, rank, "swappedAxes"), Shape.axis(b, rank, "swappedAxes"))
        return transposed(axes: order)
    }

    /// One axis moved to another place, the others in order. A view.
    public func movedAxis(_ source: Int, to destination: Int) -> Tensor {
        var order = Array(0..<rank)
        let axis = order.remove(at: Shape.axis(source, rank, "movedAxis"))
        order.insert(axis, at: Shape.axis(destination, rank, "movedAxis"))
        return transposed(axes: order)
    }

    /// A matrix or a stack of them with the last two axes exchanged. A view.
    public var T: Tensor {
        precondition(rank >= 2, "T: a tensor of shape \(shape) has no two axes to exchange")
        return swappedAxes(-1, -2)
    }

    /// A new axis of length 1 at `axis`, counted in the result. A view.
    public func expandedDimensions(axis: Int) -> Tensor {
        var shape = self.shape
        shape.insert(1, at: Shape.axis(axis, rank + 1, "expandedDimensions"))
        return reshaped(shape)
    }

    /// New axes of length 1, counted in the result. A view.
    public func expandedDimensions(axes: [Int]) -> Tensor {
        let total = rank + axes.count
        var shape = self.shape
        for axis in Shape.axes(axes, total, "expandedDimensions") { shape.insert(1, at: axis) }
        return reshaped(shape)
    }

    /// Without the given axes, or all axes, of length 1. A view.
    public func squeezed(axes: [Int]? = nil) -> Tensor {
        let dropped = axes.map { Shape.axes($0, rank, "squeezed") } ?? (0..<rank).filter { shape[$0] == 1 }
        precondition(
            dropped.allSatisfy { shape[$0] == 1 },
            "squeezed: axes \(dropped) of a tensor of shape \(shape) aren't all of length 1")
        return reshaped(shape.indices.filter { !dropped.contains($0) }.map { shape[$0] })
    }

    /// Without one axis of length 1. A view.
    public func squeezed(axis: Int) -> Tensor { squeezed(axes: [axis]) }

    /// Read as if axes of length 1 were longer, aligned at the last axis. A view; its gradient is a sum.
    public func broadcast(to target: [Int]) -> Tensor {
        if target == shape { return self }
        precondition(
            Shape.broadcast(shape, target, "broadcast") == target,
            "broadcast: a tensor of shape \(shape) doesn't broadcast to \(target)")
        let result = view(target, Shape.broadcastStrides(shape, strides, to: target))
        guard isTracked else { return result }
        let old = shape
        return result.tracked("broadcast", from: self) { unbroadcast($0.gradient, to: old) }
    }

    /// A part with a start, a length and a step on each axis; steps may be negative or zero-free. A view.
    func sliced(_ slices: [AxisSlice]) -> Tensor {
        let strides = self.strides
        var start = offset
        for (slice, stride) in zip(slices, strides) where slice.count > 0 { start += slice.start * stride }
        let result = view(
            slices.map(\.count), zip(slices, strides).map { $0.step * $1 }, offset: start)
        guard isTracked else { return result }
        let whole = shape
        return result.tracked("slice", from: self) { $0.gradient.placed(in: whole, at: slices) }
    }

    /// Zeros of shape `whole` with this tensor as a part of it: the transpose of ``sliced(_:)``.
    func placed(in whole: [Int], at slices: [AxisSlice]) -> Tensor {
        let result = Tensor.zeros(whole, dtype)
        StridedCopy.copy(from: self, to: result.sliced(slices))
        guard isTracked else { return result }
        return result.tracked("placed", from: self) { $0.gradient.sliced(slices) }
    }

    /// This tensor with zeros in a part of it.
    func cleared(at slices: [AxisSlice]) -> Tensor {
        let result = denseCopy()
        let part = result.sliced(slices)
        StridedCopy.copy(from: Tensor.zeros(part.shape, dtype), to: part)
        guard isTracked else { return result }
        return result.tracked("cleared", from: self) { $0.gradient.cleared(at: slices) }
    }

    /// The elements in reverse order along the given axes. A view.
    public func flipped(axes: [Int]) -> Tensor {
        let axes = Shape.axes(axes, rank, "flipped")
        return sliced(
            shape.enumerated().map { axis, n in
                axes.contains(axis)
                    ? AxisSlice(start: n - 1, count: n, step: -1) : AxisSlice(start: 0, count: n, step: 1)
            })
    }
}

/// The part of one axis that a slice takes.
struct AxisSlice: Sendable, Equatable {
    var start: Int
    var count: Int
    var step: Int
}
