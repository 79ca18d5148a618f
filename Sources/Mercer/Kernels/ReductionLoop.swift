import CKernels

/// A tensor seen as `[outer, reduced, inner]`: one group of neighbouring axes is reduced.
struct ReductionShape {
    var outer: Int
    var reduced: Int
    var inner: Int

    /// The last group of neighbouring axes among `axes` (sorted; axes of length 1 count as neighbours of both), and
    /// the axes that remain to be reduced after it.
    static func lastGroup(_ shape: [Int], _ axes: [Int]) -> (ReductionShape, group: Range<Int>, rest: [Int]) {
        var rest = axes
        let last = rest.removeLast()
        var first = last
        var axis = last - 1
        while axis >= 0 {
            if rest.last == axis {
                first = axis
                rest.removeLast()
            } else if shape[axis] != 1 {
                break
            }
            axis -= 1
        }
        let group = first..<(last + 1)
        let counts = ReductionShape(
            outer: Shape.count(Array(shape[..<first])), reduced: Shape.count(Array(shape[group])),
            inner: Shape.count(Array(shape[(last + 1)...])))
        return (counts, group, rest)
    }
}

/// Reductions on the pool in an order that depends on sizes alone: blocks first, then the blocks' results.
enum ReductionLoop {
    /// Elements of a row that one kernel call takes.
    private static let rowPiece = 32768
    /// Columns that one kernel call takes.
    private static let columnPiece = 1024

    /// The reduction of a float32 or float64 tensor over `axes`, which stay with length 1. Every axis has elements.
    ///
    /// - Parameter auxiliary: for operations that have one, an element for each result, dense.
    static func reduce(
        _ operation: mercer_reduction, _ x: Tensor, _ axes: [Int], auxiliary: Tensor? = nil
    ) -> Tensor {
        if axes.isEmpty { return x }
        let dense = x.isContiguous ? x.detached : x.detached.denseCopy()
        let (counts, group, rest) = ReductionShape.lastGroup(x.shape, axes)
        precondition(rest.isEmpty || auxiliary == nil, "a reduction with parameters takes one group of axes")
        var result = reduce(operation, dense, counts, auxiliary)
        var shape = x.shape
        for axis in group { shape[axis] = 1 }
        result.shape = shape
        if rest.isEmpty { return result }
        return reduce(joining(operation), result, rest)
    }

    /// How partial results of an operation are joined.
    private static func joining(_ operation: mercer_reduction) -> mercer_reduction {
        switch operation {
        case mercer_reduction_squared_deviation, mercer_reduction_exponential: mercer_reduction_sum
        default: operation
        }
    }

    /// The same for a dense tensor seen as `[outer, reduced, inner]`; the result is `[outer, inner]`.
    static func reduce(
        _ operation: mercer_reduction, _ x: Tensor, _ counts: ReductionShape, _ auxiliary: Tensor?
    ) -> Tensor {
        if counts.inner == 1 { return rows(operation, x, counts.outer, counts.reduced, auxiliary) }
        if let (folded, copies) = folding(counts) {
            // A few columns, an image's channels for instance: several rows side by side fill a vector.
            let wide = auxiliary.map {
                $0.reshaped([counts.outer, 1, counts.inner])
                    .broadcast(to: [counts.outer, copies, counts.inner]).denseCopy()
            }
            let partial = columns(operation, x, folded, wide)
            return columns(
                joining(operation), partial,
                ReductionShape(outer: counts.outer, reduced: copies, inner: counts.inner), nil)
        }
        return columns(operation, x, counts, auxiliary)
    }

    private static func folding(_ counts: ReductionShape) -> (ReductionShape, copies: Int)? {
        guard counts.inner < 16, counts.reduced >= 64 else { return nil }
        var copies = 1
        while copies * counts.inner < 64, counts.reduced % (copies * 2) == 0 { copies *= 2 }
        if copies == 1 { return nil }
        return (
            ReductionShape(
                outer: counts.outer, reduced: counts.reduced / copies, inner: counts.inner * copies), copies
        )
    }

    private static func rows(
        _ operation: mercer_reduction, _ x: Tensor, _ rows: Int, _ length: Int, _ auxiliary: Tensor?
    ) -> Tensor {
        let type: Int32 = x.dtype == .float64 ? 1 : 0
        let size = x.dtype.size
        let loop = mercer_row_reduction(kernelISA, type, operation)
        nonisolated(unsafe) let from = x.rawPointer
        nonisolated(unsafe) let extra = auxiliary?.rawPointer
        if length > rowPiece {
            let pieces = (length + rowPiece - 1) / rowPiece
            let partial = Tensor(uninitialized: [rows, pieces], x.dtype)
            nonisolated(unsafe) let to = partial.rawPointer
            Parallel.forEach(rows * pieces) { chunk in
                let (row, piece) = chunk.quotientAndRemainder(dividingBy: pieces)
                let start = piece * rowPiece
                loop(
                    from + (row * length + start) * size, 1, min(rowPiece, length - start), length,
                    extra.map { $0 + row * size }, to + chunk * size)
            }
            return Self.rows(joining(operation), partial, rows, pieces, nil)
        }
        let y = Tensor(uninitialized: [rows], x.dtype)
        nonisolated(unsafe) let to = y.rawPointer
        Parallel.forRanges(rows, grain: max(1, rowPiece / max(1, length))) { range in
            let first = range.lowerBound
            loop(
                from + first * length * size, range.count, length, length, extra.map { $0 + first * size },
                to + first * size)
        }
        return y
    }

    private static func columns(
        _ operation: mercer_reduction, _ x: Tensor, _ counts: ReductionShape, _ auxiliary: Tensor?
    ) -> Tensor {
        let (outer, reduced, inner) = (counts.outer, counts.reduced, counts.inner)
        let type: Int32 = x.dtype == .float64 ? 1 : 0
        let size = x.dtype.size
        let loop = mercer_column_reduction(kernelISA, type, operation)
        let width = min(inner, columnPiece)
        let blocks = (inner + width - 1) / width
        var height = max(64, 65536 / width)
        if reduced <= 2 * height { height = reduced }
        let pieces = (reduced + height - 1) / height
        let partial = Tensor(uninitialized: [outer, pieces, inner], x.dtype)
        nonisolated(unsafe) let from = x.rawPointer
        nonisolated(unsafe) let to = partial.rawPointer
        nonisolated(unsafe) let extra = auxiliary?.rawPointer
        Parallel.forRanges(outer * pieces * blocks, grain: max(1, 16384 / (height * width))) { range in
            for chunk in range {
                let (rest, block) = chunk.quotientAndRemainder(dividingBy: blocks)
                let (o, piece) = rest.quotientAndRemainder(dividingBy: pieces)
                let (top, left) = (piece * height, block * width)
                loop(
                    from + ((o * reduced + top) * inner + left) * size, min(height, reduced - top),
                    min(width, inner - left), inner, extra.map { $0 + (o * inner + left) * size },
                    to + ((o * pieces + piece) * inner + left) * size)
            }
        }
        if pieces == 1 { return partial }
        return columns(
            joining(operation), partial, ReductionShape(outer: outer, reduced: pieces, inner: inner), nil)
    }

    /// The position of the first extreme element along one axis, int64, which stays with length 1.
    static func argument(_ operation: mercer_argument_reduction, _ x: Tensor, axis: Int) -> Tensor {
        let dense = x.isContiguous ? x : x.denseCopy()
        let (counts, _, _) = ReductionShape.lastGroup(x.shape, [axis])
        var shape = x.shape
        shape[axis] = 1
        let y = Tensor(uninitialized: shape, .int64)
        let type: Int32 = x.dtype == .float64 ? 1 : 0
        let size = x.dtype.size
        let (reduced, inner) = (counts.reduced, counts.inner)
        nonisolated(unsafe) let from = dense.rawPointer
        nonisolated(unsafe) let to = y.mutablePointer(Int64.self)
        if inner == 1 {
            let loop = mercer_argument_of_rows(kernelISA, type, operation)
            Parallel.forRanges(counts.outer, grain: max(1, 32768 / reduced)) { range in
                loop(
                    from + range.lowerBound * reduced * size, range.count, reduced, reduced,
                    to + range.lowerBound)
            }
        } else {
            let loop = mercer_argument_of_columns(kernelISA, type, operation)
            let width = min(inner, 256)
            let blocks = (inner + width - 1) / width
            Parallel.forRanges(counts.outer * blocks, grain: max(1, 16384 / (reduced * width))) { range in
                for chunk in range {
                    let (o, block) = chunk.quotientAndRemainder(dividingBy: blocks)
                    let left = block * width
                    loop(
                        from + (o * reduced * inner + left) * size, reduced, min(width, inner - left), inner,
                        to + o * inner + left)
                }
            }
        }
        withExtendedLifetime(dense) {}
        return y
    }

    /// A fold of any element type over `axes`, which stay with length 1, in row-major order.
    @inline(__always)
    static func fold<T, R>(
        _ x: Tensor, _ axes: [Int], _ result: DType, start: R, _ join: (R, T) -> R, _ merge: (R, R) -> R
    ) -> Tensor {
        let dense = x.isContiguous ? x.detached : x.detached.denseCopy()
        let (counts, group, rest) = ReductionShape.lastGroup(x.shape, axes)
        var shape = x.shape
        for axis in group { shape[axis] = 1 }
        var y = Tensor(uninitialized: shape, result)
        let (reduced, inner) = (counts.reduced, counts.inner)
        nonisolated(unsafe) let from = dense.pointer(T.self)
        nonisolated(unsafe) let to = y.mutablePointer(R.self)
        Parallel.forRanges(counts.outer * inner, grain: max(1, 32768 / max(1, reduced))) { range in
            for i in range {
                let (o, column) = i.quotientAndRemainder(dividingBy: inner)
                var value = start
                var element = o * reduced * inner + column
                for _ in 0..<reduced {
                    value = join(value, from[element])
                    element += inner
                }
                to[i] = value
            }
        }
        withExtendedLifetime(dense) {}
        if !rest.isEmpty {
            // The remaining groups, one element of the partial result at a time.
            for axis in rest.reversed() { y = foldAgain(y, axis, start: start, merge) }
        }
        return y
    }

    @inline(__always)
    private static func foldAgain<R>(_ x: Tensor, _ axis: Int, start: R, _ merge: (R, R) -> R) -> Tensor {
        var shape = x.shape
        shape[axis] = 1
        let y = Tensor(uninitialized: shape, x.dtype)
        let inner = Shape.count(Array(x.shape[(axis + 1)...]))
        let reduced = x.shape[axis]
        let (from, to) = (x.pointer(R.self), y.mutablePointer(R.self))
        for i in 0..<y.count {
            let (o, column) = i.quotientAndRemainder(dividingBy: inner)
            var value = start
            for r in 0..<reduced { value = merge(value, from[(o * reduced + r) * inner + column]) }
            to[i] = value
        }
        return y
    }
}
