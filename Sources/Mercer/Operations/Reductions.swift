import CKernels

// Sums, means, extremes and products over axes. The order of additions depends on sizes alone, so that results are
// the same for any number of threads.

/// What all reductions share: element types, and what stands for an axis without elements.
private enum Reduced {
    /// The result for float and half types; `axes` stay with length 1.
    static func floating(
        _ operation: mercer_reduction, _ x: Tensor, _ axes: [Int], empty: Double, auxiliary: Tensor? = nil
    ) -> Tensor {
        if x.dtype == .float16 || x.dtype == .bfloat16 {
            let wide = floating(operation, Conversion.convert(x, .float32), axes, empty: empty)
            return Conversion.convert(wide, x.dtype)
        }
        if x.count == 0 { return Tensor.full(keptShape(x.shape, axes), empty, x.dtype) }
        return ReductionLoop.reduce(operation, x, axes, auxiliary: auxiliary)
    }

    static func keptShape(_ shape: [Int], _ axes: [Int]) -> [Int] {
        var kept = shape
        for axis in axes { kept[axis] = 1 }
        return kept
    }

    /// The shape without the reduced axes.
    static func droppedShape(_ shape: [Int], _ axes: [Int]) -> [Int] {
        shape.indices.filter { !axes.contains($0) }.map { shape[$0] }
    }

    /// A result whose axes of length 1 go unless they are to be kept.
    static func finished(_ y: Tensor, _ axes: [Int], _ keepDims: Bool) -> Tensor {
        if keepDims { return y }
        var result = y
        result.shape = droppedShape(y.shape, axes)
        return result
    }
}

extension Tensor {
    // MARK: Sum and mean

    /// The sum over axes, all of them by default. Integers and bool are summed as int64.
    public func sum(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let axes = Shape.axes(axes, rank, "sum")
        let y: Tensor
        switch dtype {
        case .complex64:
            y = ReductionLoop.fold(self, axes, dtype, start: Complex<Float>(0), joined, joined)
        case .complex128:
            y = ReductionLoop.fold(self, axes, dtype, start: Complex<Double>(0), joined, joined)
        case .float16, .bfloat16, .float32, .float64:
            y = Reduced.floating(mercer_reduction_sum, self, axes, empty: 0)
        default:
            let wide = Conversion.convert(self, .int64)
            if axes.isEmpty { return wide }
            y = ReductionLoop.fold(
                wide, axes, .int64, start: 0 as Int64, { (a: Int64, b: Int64) in a &+ b }, { $0 &+ $1 })
        }
        let result = Reduced.finished(y, axes, keepDims)
        guard isTracked else { return result }
        let (whole, kept) = (shape, Reduced.keptShape(shape, axes))
        return result.tracked("sum", from: self) { back in
            back.gradient.reshaped(kept).broadcast(to: whole)
        }
    }

    /// The sum over one axis.
    public func sum(axis: Int, keepDims: Bool = false) -> Tensor { sum(axes: [axis], keepDims: keepDims) }

    /// The mean over axes, all of them by default; NaN of no elements. Integers and bool give float32.
    public func mean(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let checked = Shape.axes(axes, rank, "mean")
        let count = checked.reduce(1) { $0 * shape[$1] }
        if dtype == .float16 || dtype == .bfloat16 {
            return asType(.float32).mean(axes: checked, keepDims: keepDims).asType(dtype)
        }
        return asType(dtype.asFloatingPoint).sum(axes: checked, keepDims: keepDims) / Double(count)
    }

    /// The mean over one axis.
    public func mean(axis: Int, keepDims: Bool = false) -> Tensor { mean(axes: [axis], keepDims: keepDims) }

    // MARK: Variance

    /// The variance over axes: the mean squared deviation, over n - 1 where `unbiased`, over n where not.
    public func variance(axes: [Int]? = nil, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
        let axes = Shape.axes(axes, rank, "variance")
        if dtype != .float32 && dtype != .float64 {
            let wide = asType(.float32).variance(axes: axes, keepDims: keepDims, unbiased: unbiased)
            return dtype.isFloatingPoint ? wide.asType(dtype) : wide
        }
        let count = axes.reduce(1) { $0 * shape[$1] }
        let divisor = Double(count - (unbiased ? 1 : 0))
        let deviations = squaredDeviations(axes)
        // 0/0, NaN as in PyTorch, where there are too few elements.
        let y = Elementwise.binary(mercer_binary_divide, deviations, scalar: Swift.max(divisor, 0))
        let result = Reduced.finished(y, axes, keepDims)
        guard isTracked else { return result }
        let kept = Reduced.keptShape(shape, axes)
        return result.tracked("variance", from: self) { back in
            (self - self.mean(axes: axes, keepDims: true)) * (back.gradient.reshaped(kept) * (2 / divisor))
        }
    }

    /// The variance over one axis.
    public func variance(axis: Int, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
        variance(axes: [axis], keepDims: keepDims, unbiased: unbiased)
    }

    /// The sum of squared deviations from the mean, in two passes; `axes` stay with length 1.
    private func squaredDeviations(_ axes: [Int]) -> Tensor {
        let plain = detached
        if count == 0 || axes.isEmpty { return Tensor.zeros(Reduced.keptShape(shape, axes), dtype) }
        let (_, _, rest) = ReductionShape.lastGroup(shape, axes)
        if !rest.isEmpty {
            // Reduced axes that aren't neighbours are brought together at the end.
            let others = (0..<rank).filter { !axes.contains($0) }
            let moved = plain.transposed(axes: others + axes).contiguous()
            let flat = moved.reshaped(others.map { shape[$0] } + [-1])
            return flat.squaredDeviations([others.count]).reshaped(Reduced.keptShape(shape, axes))
        }
        let mean = plain.mean(axes: axes, keepDims: true)
        return ReductionLoop.reduce(mercer_reduction_squared_deviation, plain, axes, auxiliary: mean)
    }

    /// The standard deviation over axes, the root of ``variance(axes:keepDims:unbiased:)``. Its gradient is 0 where
    /// all elements are equal.
    public func standardDeviation(axes: [Int]? = nil, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
        let squared = variance(axes: axes, keepDims: keepDims, unbiased: unbiased)
        let y = Mercer.sqrt(squared.detached)
        guard squared.isTracked else { return y }
        return y.tracked("standardDeviation", from: squared, keepsOutput: true) { back in
            let y = back.output
            return which(y.detached .== 0, 0, back.gradient / (which(y.detached .== 0, 1, y) * 2))
        }
    }

    /// The standard deviation over one axis.
    public func standardDeviation(axis: Int, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
        standardDeviation(axes: [axis], keepDims: keepDims, unbiased: unbiased)
    }

    // MARK: Extremes

    /// The largest element over axes; NaN where one is. The gradient goes to the first largest element of one axis;
    /// over several axes it is shared among equal ones.
    public func max(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        extreme(mercer_reduction_maximum, mercer_argument_maximum, axes, keepDims, "max")
    }

    /// The largest element over one axis; the gradient goes to the first of equal ones.
    public func max(axis: Int, keepDims: Bool = false) -> Tensor { max(axes: [axis], keepDims: keepDims) }

    /// The smallest element over axes; NaN where one is. Gradients as of ``max(axes:keepDims:)``.
    public func min(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        extreme(mercer_reduction_minimum, mercer_argument_minimum, axes, keepDims, "min")
    }

    /// The smallest element over one axis; the gradient goes to the first of equal ones.
    public func min(axis: Int, keepDims: Bool = false) -> Tensor { min(axes: [axis], keepDims: keepDims) }

    private func extreme(
        _ operation: mercer_reduction, _ argument: mercer_argument_reduction, _ axes: [Int]?,
        _ keepDims: Bool,
        _ name: StaticString
    ) -> Tensor {
        let checked = Shape.axes(axes, rank, name)
        precondition(
            checked.allSatisfy { shape[$0] > 0 },
            "\(name): a tensor of shape \(shape) has no elements to choose from")
        let y: Tensor
        if dtype.isFloatingPoint {
            y = Reduced.floating(operation, self, checked, empty: 0)
        } else {
            precondition(!dtype.isComplex, "\(name): complex numbers have no order")
            y = integerExtreme(operation == mercer_reduction_maximum, checked)
        }
        let result = Reduced.finished(y, checked, keepDims)
        guard isTracked else { return result }
        let kept = Reduced.keptShape(shape, checked)
        if checked.count == 1 {
            let mask = atPositions(
                ReductionLoop.argument(argument, asFloat(), axis: checked[0]), axis: checked[0])
            return result.tracked(name, from: self) { back in
                which(mask, back.gradient.reshaped(kept), 0)
            }
        }
        let mask = (detached .== y).asType(dtype)
        let share = mask / mask.sum(axes: checked, keepDims: true)
        return result.tracked(name, from: self) { $0.gradient.reshaped(kept) * share }
    }

    /// Float32 where a half type is; for kernels.
    private func asFloat() -> Tensor {
        dtype == .float32 || dtype == .float64 ? detached : Conversion.convert(self, .float32)
    }

    /// True where the position along `axis` is the one that `positions` (of length 1 there) names.
    private func atPositions(_ positions: Tensor, axis: Int) -> Tensor {
        var line = [Int](repeating: 1, count: rank)
        line[axis] = shape[axis]
        return Tensor.arange(shape[axis]).reshaped(line) .== positions
    }

    private func integerExtreme(_ largest: Bool, _ axes: [Int]) -> Tensor {
        if axes.isEmpty { return detached }
        // int64 holds all other integers.
        if dtype == .uint64 {
            return largest
                ? ReductionLoop.fold(
                    self, axes, dtype, start: UInt64.min, { Swift.max($0, $1) }, { Swift.max($0, $1) })
                : ReductionLoop.fold(
                    self, axes, dtype, start: UInt64.max, { Swift.min($0, $1) }, { Swift.min($0, $1) })
        }
        let wide = Conversion.convert(self, .int64)
        let y =
            largest
            ? ReductionLoop.fold(
                wide, axes, .int64, start: Int64.min, { Swift.max($0, $1) }, { Swift.max($0, $1) })
            : ReductionLoop.fold(
                wide, axes, .int64, start: Int64.max, { Swift.min($0, $1) }, { Swift.min($0, $1) })
        return Conversion.convert(y, dtype)
    }

    /// The position of the first largest element along an axis (of the flattened tensor by default), int64.
    public func argMax(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
        argument(mercer_argument_maximum, axis, keepDims, "argMax")
    }

    /// The position of the first smallest element along an axis (of the flattened tensor by default), int64.
    public func argMin(axis: Int? = nil, keepDims: Bool = false) -> Tensor {
        argument(mercer_argument_minimum, axis, keepDims, "argMin")
    }

    private func argument(
        _ operation: mercer_argument_reduction, _ axis: Int?, _ keepDims: Bool, _ name: StaticString
    ) -> Tensor {
        guard let axis else {
            let flat = detached.flattened().argument(operation, 0, false, name)
            return keepDims ? flat.reshaped([Int](repeating: 1, count: rank)) : flat
        }
        let checked = Shape.axis(axis, rank, name)
        precondition(shape[checked] > 0, "\(name): a tensor of shape \(shape) has no elements to choose from")
        // Through float64 whole numbers up to 2^53 keep their order.
        let x = dtype.isFloatingPoint ? asFloat() : Conversion.convert(self, .float64)
        let y =
            x.count == 0
            ? Tensor(uninitialized: Reduced.keptShape(shape, [checked]), .int64)
            : ReductionLoop.argument(operation, x, axis: checked)
        return Reduced.finished(y, [checked], keepDims)
    }

    // MARK: Product and logic

    /// The product over axes. Integers and bool are multiplied as int64.
    public func product(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let axes = Shape.axes(axes, rank, "product")
        guard dtype.isFloatingPoint else {
            precondition(!dtype.isComplex, "product of complex tensors")
            let wide = Conversion.convert(self, .int64)
            if axes.isEmpty { return wide }
            let y = ReductionLoop.fold(
                wide, axes, .int64, start: 1 as Int64, { (a: Int64, b: Int64) in a &* b }, { $0 &* $1 })
            return Reduced.finished(y, axes, keepDims)
        }
        let y = Reduced.floating(mercer_reduction_product, self, axes, empty: 1)
        let result = Reduced.finished(y, axes, keepDims)
        guard isTracked else { return result }
        let kept = Reduced.keptShape(shape, axes)
        return result.tracked("product", from: self) { back in
            back.gradient.reshaped(kept) * self.productOfOthers(axes)
        }
    }

    /// The product over one axis.
    public func product(axis: Int, keepDims: Bool = false) -> Tensor {
        product(axes: [axis], keepDims: keepDims)
    }

    /// For each element the product of the others over `axes`: of those before it and those after it, so that
    /// zeros need no division.
    private func productOfOthers(_ axes: [Int]) -> Tensor {
        let others = (0..<rank).filter { !axes.contains($0) }
        let order = others + axes
        let moved = transposed(axes: order)
        let flat = moved.reshaped(others.map { shape[$0] } + [-1])
        let n = flat.shape[flat.rank - 1]
        if n == 0 { return self }
        var edge = flat.shape
        edge[edge.count - 1] = 1
        let one = Tensor.ones(edge, dtype)
        let axis = flat.rank - 1
        let last = [AxisSlice](flat.shape.map { AxisSlice(start: 0, count: $0, step: 1) })
        var head = last
        head[axis].count = n - 1
        var tail = head
        tail[axis].start = 1
        let before = concatenated([one, cumprod(flat.sliced(head), axis: axis)], axis: axis)
        let after = concatenated(
            [cumprod(flat.sliced(tail).flipped(axes: [axis]), axis: axis).flipped(axes: [axis]), one],
            axis: axis)
        var inverse = order
        for (i, axis) in order.enumerated() { inverse[axis] = i }
        return (before * after).reshaped(moved.shape).transposed(axes: inverse)
    }

    /// Whether any element over axes is true (not 0), bool.
    public func any(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let axes = Shape.axes(axes, rank, "any")
        let flags = detached.asType(.bool)
        if axes.isEmpty { return flags }
        let y = ReductionLoop.fold(flags, axes, .bool, start: false, { $0 || $1 }, { $0 || $1 })
        return Reduced.finished(y, axes, keepDims)
    }

    /// Whether all elements over axes are true (not 0), bool.
    public func all(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        let axes = Shape.axes(axes, rank, "all")
        let flags = detached.asType(.bool)
        if axes.isEmpty { return flags }
        let y = ReductionLoop.fold(flags, axes, .bool, start: true, { $0 && $1 }, { $0 && $1 })
        return Reduced.finished(y, axes, keepDims)
    }

    /// Whether any element over one axis is true.
    public func any(axis: Int, keepDims: Bool = false) -> Tensor { any(axes: [axis], keepDims: keepDims) }
    /// Whether all elements over one axis are true.
    public func all(axis: Int, keepDims: Bool = false) -> Tensor { all(axes: [axis], keepDims: keepDims) }
}

private func joined<Part>(_ a: Complex<Part>, _ b: Complex<Part>) -> Complex<Part> {
    Complex(a.real + b.real, a.imaginary + b.imaginary)
}
