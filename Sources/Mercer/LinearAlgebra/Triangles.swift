// Parts of matrices: triangles, diagonals, traces; and Kronecker products.

/// The lower triangle of matrices, zero above diagonal `k` (0 the main one, positive above it).
public func tril(_ x: Tensor, k: Int = 0) -> Tensor {
    let y = triangle(x, "tril") { row, columns in 0..<max(0, min(columns, row + k + 1)) }
    guard x.isTracked else { return y }
    return y.tracked("tril", from: x) { tril($0.gradient, k: k) }
}

/// The upper triangle of matrices, zero below diagonal `k` (0 the main one, positive above it).
public func triu(_ x: Tensor, k: Int = 0) -> Tensor {
    let y = triangle(x, "triu") { row, columns in max(0, min(columns, row + k))..<columns }
    guard x.isTracked else { return y }
    return y.tracked("triu", from: x) { triu($0.gradient, k: k) }
}

private func triangle(_ x: Tensor, _ operation: StaticString, _ kept: (Int, Int) -> Range<Int>) -> Tensor {
    precondition(x.rank >= 2, "\(operation): expected matrices, found shape \(x.shape)")
    let source = x.detached.contiguous()
    let result = Tensor.zeros(x.shape, x.dtype)
    let (rows, columns, size) = (x.shape[x.rank - 2], x.shape[x.rank - 1], x.dtype.size)
    let (from, to) = (source.rawPointer, result.rawPointer)
    let lines = columns == 0 ? 0 : x.count / columns
    for line in 0..<lines {
        let range = kept(line % rows, columns)
        let start = (line * columns + range.lowerBound) * size
        (to + start).copyMemory(from: from + start, byteCount: range.count * size)
    }
    return result
}

extension Tensor {
    /// A diagonal of matrices: `[…, length]`; `offset` 0 is the main one, positive above it. A view.
    public func diagonal(offset k: Int = 0) -> Tensor {
        precondition(rank >= 2, "diagonal: expected matrices, found shape \(shape)")
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let length = Swift.max(0, Swift.min(rows + Swift.min(k, 0), columns - Swift.max(k, 0)))
        var steps = strides
        let (rowStep, columnStep) = (steps[rank - 2], steps[rank - 1])
        steps.removeLast(2)
        let first = length == 0 ? 0 : Swift.max(0, -k) * rowStep + Swift.max(0, k) * columnStep
        let result = Tensor(
            storage: storage, shape: shape.dropLast(2) + [length], strides: steps + [rowStep + columnStep],
            offset: self.offset + first, dtype: dtype)
        guard isTracked else { return result }
        return result.tracked("diagonal", from: self) { back in
            diagonalMatrix(back.gradient, offset: k, rows: rows, columns: columns)
        }
    }

    /// The sum of the main diagonal of matrices.
    public func trace() -> Tensor { diagonal().sum(axes: [-1]) }
}

/// Matrices with the last axis of `x` on a diagonal and zeros elsewhere.
///
/// - Parameters:
///   - k: which diagonal; 0 is the main one, positive above it.
///   - rows, columns: the shape of the matrices; the smallest square one by default.
public func diagonalMatrix(_ x: Tensor, offset k: Int = 0, rows: Int? = nil, columns: Int? = nil) -> Tensor {
    precondition(x.rank >= 1, "diagonalMatrix: a scalar")
    let n = x.shape[x.rank - 1]
    let (rows, columns) = (rows ?? n + abs(k), columns ?? n + abs(k))
    precondition(
        n == Swift.max(0, Swift.min(rows + min(k, 0), columns - max(k, 0))),
        "diagonalMatrix: \(n) numbers for diagonal \(k) of a matrix of shape [\(rows), \(columns)]")
    let result = Tensor.zeros(x.shape.dropLast() + [rows, columns], x.dtype)
    StridedCopy.copy(from: x.detached, to: result.diagonal(offset: k))
    guard x.isTracked else { return result }
    return result.tracked("diagonalMatrix", from: x) { $0.gradient.diagonal(offset: k) }
}

/// The Kronecker product of two matrices: blocks aᵢⱼ·b.
public func kronecker(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
        a.rank == 2 && b.rank == 2, "kronecker: expected two matrices, found shapes \(a.shape) and \(b.shape)"
    )
    let product = a.reshaped([a.shape[0], 1, a.shape[1], 1]) * b.reshaped([1, b.shape[0], 1, b.shape[1]])
    return product.reshaped([a.shape[0] * b.shape[0], a.shape[1] * b.shape[1]])
}
