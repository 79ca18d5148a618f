import CKernels
import COpenBLAS

/// The matrix product, as NumPy's `matmul`.
///
/// The last two axes are matrices, `[…, m, k]` · `[…, k, n]`; the leading axes broadcast. A vector on the left is a row,
/// on the right a column, and its axis is missing in the result. Transposed views are read where they lie.
///
/// float32 runs on Mercer's kernels, float64 on OpenBLAS, float16 and bfloat16 through float32. Products of int8 are
/// int32; other integers keep their type and wrap around.
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
        a.rank > 0 && b.rank > 0, "matmul: shapes \(a.shape) and \(b.shape); a scalar has no matrix product")
    precondition(
        a.shape[a.rank - 1] == b.shape[max(0, b.rank - 2)],
        "matmul: shapes \(a.shape) and \(b.shape) don't chain: the left one's last axis meets the right one's last but one"
    )
    if a.dtype != b.dtype {
        let common = a.dtype.promoted(with: b.dtype)
        return matmul(a.asType(common), b.asType(common))
    }
    if a.rank == 1 || b.rank == 1 {
        let left = a.rank == 1 ? a.reshaped([1, a.count]) : a
        let right = b.rank == 1 ? b.reshaped([b.count, 1]) : b
        let product = matmul(left, right)
        var shape = product.shape
        if b.rank == 1 { shape.removeLast() }
        if a.rank == 1 { shape.remove(at: shape.count - (b.rank == 1 ? 1 : 2)) }
        return product.reshaped(shape)
    }
    let y = MatrixProduct.value(a, b)
    guard a.isTracked || b.isTracked else { return y }
    let keptA = b.isTracked ? a : nil
    let keptB = a.isTracked ? b : nil
    let (shapeA, shapeB) = (a.shape, b.shape)
    return y.tracked("matmul", from: [a, b]) { back in
        let gradient = back.gradient
        return [
            back.needs(0)
                ? back.unbroadcast(MatrixProduct.leftGradient(gradient, keptB!), to: shapeA, operand: 0)
                : nil,
            back.needs(1) ? MatrixProduct.rightGradient(keptA!, back, shapeB) : nil,
        ]
    }
}

extension Tensor {
    /// The matrix product. See ``matmul(_:_:)``.
    public func matmul(_ other: Tensor) -> Tensor { Mercer.matmul(self, other) }
}

/// The scalar product of two vectors.
public func dot(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.rank == 1 && b.rank == 1, "dot: shapes \(a.shape) and \(b.shape) aren't two vectors")
    return matmul(a, b)
}

/// The outer product of two vectors: `[m]` and `[n]` make `[m, n]`.
public func outer(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.rank == 1 && b.rank == 1, "outer: shapes \(a.shape) and \(b.shape) aren't two vectors")
    return matmul(a.reshaped([a.count, 1]), b.reshaped([1, b.count]))
}

/// β·c + α·(a · b).
public func addmm(_ c: Tensor, _ a: Tensor, _ b: Tensor, alpha: Double = 1, beta: Double = 1) -> Tensor {
    let product = matmul(a, b)
    let scaled = alpha == 1 ? product : product * Tensor.scalar(alpha, product.dtype)
    return (beta == 1 ? c : c * Tensor.scalar(beta, c.dtype)) + scaled
}

/// The sum of products over the last `axes` axes of `a` and the first of `b`.
public func tensordot(_ a: Tensor, _ b: Tensor, axes: Int = 2) -> Tensor {
    precondition(
        axes >= 0 && axes <= a.rank && axes <= b.rank,
        "tensordot: \(axes) axes of tensors of shapes \(a.shape) and \(b.shape)")
    return tensordot(a, b, axes: (Array((a.rank - axes)..<a.rank), Array(0..<axes)))
}

/// The sum of products over pairs of axes: `axes.0` of `a` with `axes.1` of `b`. The remaining axes of `a` come first.
public func tensordot(_ a: Tensor, _ b: Tensor, axes: ([Int], [Int])) -> Tensor {
    let left = axes.0.map { Shape.axis($0, a.rank, "tensordot") }
    let right = axes.1.map { Shape.axis($0, b.rank, "tensordot") }
    precondition(
        left.count == right.count && zip(left, right).allSatisfy { a.shape[$0] == b.shape[$1] },
        "tensordot: axes \(axes.0) of shape \(a.shape) don't match axes \(axes.1) of shape \(b.shape)")
    let freeA = (0..<a.rank).filter { !left.contains($0) }
    let freeB = (0..<b.rank).filter { !right.contains($0) }
    let depth = left.map { a.shape[$0] }.reduce(1, *)
    let rows = freeA.map { a.shape[$0] }.reduce(1, *)
    let columns = freeB.map { b.shape[$0] }.reduce(1, *)
    return matmul(
        a.transposed(axes: freeA + left).reshaped([rows, depth]),
        b.transposed(axes: right + freeB).reshaped([depth, columns])
    ).reshaped(freeA.map { a.shape[$0] } + freeB.map { b.shape[$0] })
}

/// Values and gradients of stacks of matrix products; both operands have at least two axes and one type.
enum MatrixProduct {
    static func value(_ a: Tensor, _ b: Tensor) -> Tensor {
        let batch = Shape.broadcast(Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)), "matmul")
        let (rows, columns) = (a.shape[a.rank - 2], b.shape[b.rank - 1])
        let shape = batch + [rows, columns]
        switch a.dtype {
        case .float32, .float64:
            let y = Tensor(uninitialized: shape, a.dtype)
            run(a.detached, b.detached, y, batch)
            return y
        case .float16, .bfloat16:
            return value(a.detached.asType(.float32), b.detached.asType(.float32)).asType(a.dtype)
        case .complex64, .complex128:
            return complexProduct(a.detached, b.detached, shape)
        case .int8:
            return value(a.detached.asType(.int32), b.detached.asType(.int32))
        case .uint8: return integerProduct(a.detached, b.detached, batch, UInt8.self)
        case .uint16: return integerProduct(a.detached, b.detached, batch, UInt16.self)
        case .int16: return integerProduct(a.detached, b.detached, batch, Int16.self)
        case .uint32: return integerProduct(a.detached, b.detached, batch, UInt32.self)
        case .int32: return integerProduct(a.detached, b.detached, batch, Int32.self)
        case .uint64: return integerProduct(a.detached, b.detached, batch, UInt64.self)
        case .int64: return integerProduct(a.detached, b.detached, batch, Int64.self)
        case .bool:
            preconditionFailure(
                "matmul: tensors of bool have no product; convert with asType(.int32) or .float32")
        }
    }

    /// The gradient with respect to the left operand, before it is summed over stretched axes: g · bᴴ.
    static func leftGradient(_ gradient: Tensor, _ b: Tensor) -> Tensor { matmul(gradient, adjoint(b)) }

    /// The gradient with respect to the right operand: aᴴ · g, summed over stretched axes.
    static func rightGradient(_ a: Tensor, _ back: Backward, _ shape: [Int]) -> Tensor {
        let gradient = back.gradient
        if shape.count == 2 && a.rank > 2 {
            // One deep product instead of a sum over a stack of them; one for each example where these are wanted.
            let lead = back.perExample(1) ? [a.shape[0], -1] : [-1]
            return matmul(
                adjoint(a.reshaped(lead + [shape[0]])), gradient.reshaped(lead + [shape[1]]))
        }
        if back.perExample(1) && shape.count == 2 {
            // A row for each example.
            return matmul(
                adjoint(a.expandedDimensions(axis: 1)), gradient.expandedDimensions(axis: 1))
        }
        return back.unbroadcast(matmul(adjoint(a), gradient), to: shape, operand: 1)
    }

    private static func adjoint(_ x: Tensor) -> Tensor { x.dtype.isComplex ? x.conjugate().T : x.T }

    // MARK: Stacks

    /// A matrix as the kernels take it: dense along its rows, or along its columns.
    struct Layout {
        let stride: Int
        let isTransposed: Bool
    }

    /// The tensor itself, or a dense copy where its matrices are dense in neither direction.
    private static func prepared(_ x: Tensor) -> (Tensor, Layout) {
        let (rows, columns) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
        let (down, across) = (x.strides[x.rank - 2], x.strides[x.rank - 1])
        if (across == 1 || columns == 1) && (down >= columns || rows == 1) {
            return (x, Layout(stride: rows == 1 ? max(columns, 1) : down, isTransposed: false))
        }
        if (down == 1 || rows == 1) && (across >= rows || columns == 1) {
            return (x, Layout(stride: columns == 1 ? max(rows, 1) : across, isTransposed: true))
        }
        return (x.denseCopy(), Layout(stride: max(columns, 1), isTransposed: false))
    }

    private static func run(_ a: Tensor, _ b: Tensor, _ y: Tensor, _ batch: [Int]) {
        let (rows, columns, depth) = (a.shape[a.rank - 2], b.shape[b.rank - 1], a.shape[a.rank - 1])
        if y.count == 0 { return }
        if b.rank == 2 && a.rank > 2 && rows > 0,
            let strides = Shape.viewStrides(a.shape, a.strides, as: [a.count / max(depth, 1), depth]),
            depth > 0
        {
            // A stack on the left of one matrix is one tall matrix.
            let tall = Tensor(
                storage: a.storage, shape: [a.count / depth, depth], strides: strides, offset: a.offset,
                dtype: a.dtype)
            var flat = y
            flat.shape = [a.count / depth, columns]
            run(tall, b, flat, [])
            return
        }
        let (left, layoutA) = prepared(a)
        let (right, layoutB) = prepared(b)
        let leadA = batchStrides(left, batch)
        let leadB = batchStrides(right, batch)
        let count = Shape.count(batch)
        let single = { (index: Int) in
            let (i, j) = (position(index, batch, leadA), position(index, batch, leadB))
            if a.dtype == .float32 {
                float32(
                    rows, columns, depth, left.pointer(Float.self) + i, layoutA,
                    right.pointer(Float.self) + j,
                    layoutB, y.mutablePointer(Float.self) + index * rows * columns)
            } else {
                float64(
                    rows, columns, depth, left.pointer(Double.self) + i, layoutA,
                    right.pointer(Double.self) + j, layoutB,
                    y.mutablePointer(Double.self) + index * rows * columns)
            }
        }
        let work = rows * columns * max(depth, 1)
        if count >= 8 || work < 1 << 15 {
            Parallel.forRanges(count, grain: max(1, (1 << 17) / max(work, 1))) { for i in $0 { single(i) } }
        } else {
            for i in 0..<count { single(i) }
        }
    }

    private static func batchStrides(_ x: Tensor, _ batch: [Int]) -> [Int] {
        Shape.broadcastStrides(Array(x.shape.dropLast(2)), Array(x.strides.dropLast(2)), to: batch)
    }

    /// The offset of a matrix of a stack.
    private static func position(_ index: Int, _ batch: [Int], _ strides: [Int]) -> Int {
        var (rest, offset) = (index, 0)
        for axis in stride(from: batch.count - 1, through: 0, by: -1) {
            offset += rest % batch[axis] * strides[axis]
            rest /= batch[axis]
        }
        return offset
    }

    // MARK: One product

    /// One single-precision product into a dense result.
    static func float32(
        _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Float>, _ layoutA: Layout,
        _ b: UnsafePointer<Float>, _ layoutB: Layout, _ y: UnsafeMutablePointer<Float>,
        bias: UnsafePointer<Float>? = nil, epilogue: ((Range<Int>, Range<Int>) -> Void)? = nil
    ) {
        if epilogue == nil && depth > 0 {
            if rows == 1 && (!layoutA.isTransposed || layoutA.stride == 1) {
                vectorTimesMatrix(columns, depth, a, b, layoutB, y, bias)
                return
            }
            if columns == 1 && bias == nil && (layoutB.isTransposed || layoutB.stride == 1) {
                let flipped = Layout(stride: layoutA.stride, isTransposed: !layoutA.isTransposed)
                vectorTimesMatrix(rows, depth, b, a, flipped, y, nil)
                return
            }
        }
        let output = OutputRows(base: y, stride: columns)
        switch (layoutA.isTransposed, layoutB.isTransposed) {
        case (false, false):
            Product(
                rows: rows, columns: columns, left: LeftRows(base: a, stride: layoutA.stride, run: depth),
                right: RightRows(base: b, stride: layoutB.stride), output: output, bias: bias,
                epilogue: epilogue)()
        case (false, true):
            Product(
                rows: rows, columns: columns, left: LeftRows(base: a, stride: layoutA.stride, run: depth),
                right: RightColumns(base: b, stride: layoutB.stride, run: depth), output: output, bias: bias,
                epilogue: epilogue)()
        case (true, false):
            Product(
                rows: rows, columns: columns, left: LeftColumns(base: a, stride: layoutA.stride, run: depth),
                right: RightRows(base: b, stride: layoutB.stride), output: output, bias: bias,
                epilogue: epilogue)()
        case (true, true):
            Product(
                rows: rows, columns: columns, left: LeftColumns(base: a, stride: layoutA.stride, run: depth),
                right: RightColumns(base: b, stride: layoutB.stride, run: depth), output: output, bias: bias,
                epilogue: epilogue)()
        }
    }

    private static func vectorTimesMatrix(
        _ columns: Int, _ depth: Int, _ x: UnsafePointer<Float>, _ matrix: UnsafePointer<Float>,
        _ layout: Layout,
        _ y: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>?
    ) {
        let kernels = Kernels.gemm
        if layout.isTransposed {
            Parallel.forRanges(columns, grain: max(16, (1 << 16) / depth)) { range in
                kernels.vector_times_columns(
                    Int64(depth), Int64(range.count), x, matrix + range.lowerBound * layout.stride,
                    Int64(layout.stride), y + range.lowerBound, bias.map { $0 + range.lowerBound })
            }
        } else {
            // Sums go down each column, so the result doesn't depend on the grain; long rows read faster.
            let share = (columns / Parallel.threads + 15) / 16 * 16
            Parallel.forRanges(columns, grain: max(512, share)) { range in
                kernels.vector_times_rows(
                    Int64(depth), Int64(range.count), x, matrix + range.lowerBound, Int64(layout.stride),
                    y + range.lowerBound, bias.map { $0 + range.lowerBound })
            }
        }
    }

    /// OpenBLAS is held to one thread and given blocks of rows or columns whose size depends on the shape alone.
    private static let openBLASOnOneThread: Void = openblas_set_num_threads(1)

    /// One double-precision product into a dense result.
    static func float64(
        _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Double>, _ layoutA: Layout,
        _ b: UnsafePointer<Double>, _ layoutB: Layout, _ y: UnsafeMutablePointer<Double>,
        accumulates: Bool = false
    ) {
        if depth == 0 {
            if !accumulates { y.update(repeating: 0, count: rows * columns) }
            return
        }
        _ = openBLASOnOneThread
        let byRows = rows >= columns
        let length = byRows ? rows : columns
        let grain = max(64, (1 << 18) / max(1, depth * min(rows, columns)) / 8 * 8)
        Parallel.forRanges(length, grain: max(grain, (length + 15) / 16)) { range in
            let (i, j) = byRows ? (range.lowerBound, 0) : (0, range.lowerBound)
            cblas_dgemm(
                Int32(MercerRowMajor),
                Int32(layoutA.isTransposed ? MercerTrans : MercerNoTrans),
                Int32(layoutB.isTransposed ? MercerTrans : MercerNoTrans),
                Int32(byRows ? range.count : rows), Int32(byRows ? columns : range.count), Int32(depth), 1,
                a + (layoutA.isTransposed ? i : i * layoutA.stride), Int32(layoutA.stride),
                b + (layoutB.isTransposed ? j * layoutB.stride : j), Int32(layoutB.stride),
                accumulates ? 1 : 0, y + i * columns + j, Int32(columns))
        }
    }

    // MARK: Other types

    private static func integerProduct<T: FixedWidthInteger & TensorElement>(
        _ a: Tensor, _ b: Tensor, _ batch: [Int], _ type: T.Type
    ) -> Tensor {
        let (rows, columns, depth) = (a.shape[a.rank - 2], b.shape[b.rank - 1], a.shape[a.rank - 1])
        let (left, right) = (a.contiguous(), b.contiguous())
        let y = Tensor.zeros(batch + [rows, columns], T.dtype)
        let (leadA, leadB) = (batchStrides(left, batch), batchStrides(right, batch))
        let grain = max(1, (1 << 16) / max(1, columns * depth))
        Parallel.forRanges(Shape.count(batch) * rows, grain: grain) { range in
            for index in range {
                let (matrix, i) = (index / rows, index % rows)
                let p = left.pointer(T.self) + position(matrix, batch, leadA) + i * depth
                let q = right.pointer(T.self) + position(matrix, batch, leadB)
                let row = y.mutablePointer(T.self) + index * columns
                for k in 0..<depth {
                    let factor = p[k]
                    let other = q + k * columns
                    for j in 0..<columns { row[j] &+= factor &* other[j] }
                }
            }
        }
        return y
    }

    /// Four real products.
    private static func complexProduct(_ a: Tensor, _ b: Tensor, _ shape: [Int]) -> Tensor {
        let y = Tensor(uninitialized: shape, a.dtype)
        let (ar, ai) = (part(a, 0).denseCopy(), part(a, 1).denseCopy())
        let (br, bi) = (part(b, 0).denseCopy(), part(b, 1).denseCopy())
        StridedCopy.copy(from: value(ar, br) - value(ai, bi), to: part(y, 0))
        StridedCopy.copy(from: value(ar, bi) + value(ai, br), to: part(y, 1))
        return y
    }

    /// The real (0) or imaginary (1) parts of a complex tensor, as a view.
    private static func part(_ x: Tensor, _ index: Int) -> Tensor {
        Tensor(
            storage: x.storage, shape: x.shape, strides: x.strides.map { 2 * $0 },
            offset: 2 * x.offset + index,
            dtype: x.dtype.realPart)
    }
}
