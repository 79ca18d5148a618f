// Operations that put tensors together, take them apart, or repeat them.

/// Tensors put one after another along an axis; the other axes must agree.
public func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    precondition(!tensors.isEmpty, "concatenated: no tensors")
    let first = tensors[0]
    if tensors.count == 1 { return first }
    let axis = Shape.axis(axis, first.rank, "concatenated")
    var shape = first.shape
    shape[axis] = 0
    var dtype = first.dtype
    for tensor in tensors {
        var other = tensor.shape
        precondition(
            other.count == shape.count,
            "concatenated: shapes \(tensors.map(\.shape)) have different numbers of axes")
        shape[axis] += other[axis]
        other[axis] = shape[axis]
        precondition(
            other == shape,
            "concatenated along axis \(axis): shapes \(tensors.map(\.shape)) differ on another axis")
        dtype = dtype.promoted(with: tensor.dtype)
    }
    let parts = tensors.map { $0.asType(dtype) }
    let result = Tensor(uninitialized: shape, dtype)
    let slices = partSlices(parts.map { $0.shape[axis] }, axis: axis, of: shape)
    for (part, slice) in zip(parts, slices) { StridedCopy.copy(from: part, to: result.sliced(slice)) }
    guard parts.contains(where: \.isTracked) else { return result }
    return result.tracked("concatenated", from: parts) { back in
        slices.enumerated().map { back.needs($0.offset) ? back.gradient.sliced($0.element) : nil }
    }
}

/// The slices of a whole that cut it along an axis into parts of given lengths.
private func partSlices(_ lengths: [Int], axis: Int, of shape: [Int]) -> [[AxisSlice]] {
    var start = 0
    return lengths.map { length in
        defer { start += length }
        return shape.indices.map {
            AxisSlice(start: $0 == axis ? start : 0, count: $0 == axis ? length : shape[$0], step: 1)
        }
    }
}

/// Tensors of one shape as the entries of a new axis.
public func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    concatenated(tensors.map { $0.expandedDimensions(axis: axis) }, axis: axis)
}

extension Tensor {
    /// The tensor cut along an axis into parts of given lengths, which must add up to the axis. Views.
    public func split(lengths: [Int], axis: Int = 0) -> [Tensor] {
        let axis = Shape.axis(axis, rank, "split")
        precondition(
            lengths.reduce(0, +) == shape[axis],
            "split: lengths \(lengths) of axis \(axis) of a tensor of shape \(shape)")
        return partSlices(lengths, axis: axis, of: shape).map { sliced($0) }
    }

    /// The tensor cut along an axis into `parts` equal parts. Views.
    public func split(parts: Int, axis: Int = 0) -> [Tensor] {
        let length = shape[Shape.axis(axis, rank, "split")]
        precondition(length % parts == 0, "split: an axis of length \(length) into \(parts) equal parts")
        return split(lengths: [Int](repeating: length / parts, count: parts), axis: axis)
    }

    /// Each element `count` times along an axis: a a b b c c.
    public func repeated(_ count: Int, axis: Int) -> Tensor {
        let axis = Shape.axis(axis, rank, "repeated")
        var wide = shape
        wide.insert(count, at: axis + 1)
        return expandedDimensions(axis: axis + 1).broadcast(to: wide).flattened(from: axis, to: axis + 1)
    }

    /// The whole `counts` times along each axis, aligned at the last axis: a b c a b c.
    public func tiled(_ counts: [Int]) -> Tensor {
        let rank = Swift.max(rank, counts.count)
        let lengths = [Int](repeating: 1, count: rank - shape.count) + shape
        let counts = [Int](repeating: 1, count: rank - counts.count) + counts
        return reshaped(lengths.flatMap { [1, $0] })
            .broadcast(to: zip(counts, lengths).flatMap { [$0, $1] })
            .reshaped(zip(counts, lengths).map { $0 * $1 })
    }

    /// The elements moved along axes, those that fall off one end coming in at the other.
    public func rolled(_ shifts: [Int], axes: [Int]) -> Tensor {
        precondition(shifts.count == axes.count, "rolled: \(shifts.count) shifts for \(axes.count) axes")
        var result = self
        for (shift, axis) in zip(shifts, axes) {
            let axis = Shape.axis(axis, rank, "rolled")
            let n = shape[axis]
            if n == 0 { continue }
            let cut = ((-shift % n) + n) % n
            if cut == 0 { continue }
            let parts = result.split(lengths: [cut, n - cut], axis: axis)
            result = concatenated([parts[1], parts[0]], axis: axis)
        }
        return result
    }
}
