extension LinearAlgebra {
    /// LU factors of general square matrices, kept to solve with and for determinants.
    private struct Factors {
        /// LU of the transposes, as LAPACK leaves it.
        let lu: Matrices
        let pivots: [Int32]
        let failure: (matrix: Int, info: Int)?

        init(_ a: Tensor) {
            let lu = Matrices(a, copied: true)
            let n = lu.rows
            var pivots = [Int32](repeating: 0, count: max(1, lu.count * n))
            failure = pivots.withUnsafeMutableBufferPointer { pivots in
                let base = pivots.baseAddress!
                return Matrices.forEach(lu.count) { LAPACK.getrf(n, n, lu.mutablePointer($0), base + $0 * n) }
            }
            self.lu = lu
            self.pivots = pivots
        }
    }

    /// The X with A X = B for general square A.
    ///
    /// - Parameter b: `[…, n, columns]`, or `[n]` for one right-hand side.
    /// - Throws: ``LinearAlgebraError/singular(operation:shape:matrix:pivot:)``.
    public static func solve(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        requireMatrices(a, "solve", square: true)
        return try solved(a, b, "solve") { a, b in
            let x = try factorSolve(a, b, "solve")
            guard a.isTracked || b.isTracked else { return x }
            return x.tracked("solve", from: [a, b], keepsOutput: true) { back in
                let g = try! solve(a.matrixTransposed, back.gradient)
                return [
                    back.needs(0) ? -matmul(g, back.output.matrixTransposed) : nil, back.needs(1) ? g : nil,
                ]
            }
        }
    }

    private static func factorSolve(_ a: Tensor, _ b: Tensor, _ operation: String) throws -> Tensor {
        let factors = Factors(a)
        if let failure = factors.failure {
            throw LinearAlgebraError.singular(
                operation: operation, shape: a.shape, matrix: failure.matrix, pivot: failure.info)
        }
        // Columns of B one after the other.
        let columns = Matrices(b.detached.matrixTransposed, copied: true)
        let n = factors.lu.rows
        _ = factors.pivots.withUnsafeBufferPointer { pivots in
            let base = pivots.baseAddress!
            return Matrices.forEach(columns.count) { index in
                LAPACK.getrsTransposed(
                    n, columns.rows, factors.lu.pointer(index), base + index * n,
                    columns.mutablePointer(index))
                return 0
            }
        }
        return columns.tensor.matrixTransposed.denseCopy()
    }

    /// A⁻¹. To solve a system use ``solve(_:_:)``, which is faster and more accurate.
    ///
    /// - Throws: ``LinearAlgebraError/singular(operation:shape:matrix:pivot:)``.
    public static func inverse(_ a: Tensor) throws -> Tensor {
        requireMatrices(a, "inverse", square: true)
        return try inDouble(a) { a in
            let n = a.shape[a.rank - 1]
            let identity = Tensor.eye(n, nil, .float64).broadcast(to: a.shape)
            let y = try factorSolve(a, identity, "inverse")
            guard a.isTracked else { return y }
            return y.tracked("inverse", from: a, keepsOutput: true) { back in
                let transposed = back.output.matrixTransposed
                return -matmul(matmul(transposed, back.gradient), transposed)
            }
        }
    }

    /// The sign of det A (−1, 0 or 1) and ln |det A|, which is −∞ for a singular matrix.
    public static func signAndLogDeterminant(_ a: Tensor) -> (sign: Tensor, logAbsolute: Tensor) {
        requireMatrices(a, "signAndLogDeterminant", square: true)
        let wide = a.asType(.float64)
        let factors = Factors(wide)
        let (n, count) = (factors.lu.rows, factors.lu.count)
        var signs = [Double](repeating: 1, count: count)
        var logs = [Double](repeating: 0, count: count)
        for index in 0..<count {
            let lu = factors.lu.pointer(index)
            for i in 0..<n {
                let pivot = lu[i * n + i]
                if factors.pivots[index * n + i] != Int32(i + 1) { signs[index].negate() }
                signs[index] *= pivot > 0 ? 1 : pivot < 0 ? -1 : pivot.isNaN ? .nan : 0
                logs[index] += PortableMath.logOfAbsolute(pivot)
            }
        }
        let batch = Array(a.shape.dropLast(2))
        let dtype = a.dtype.asFloatingPoint
        var log = Tensor(logs, batch)
        if wide.isTracked {
            log = log.tracked("logDeterminant", from: wide) { back in
                // A singular matrix has no gradient here: the inverse says so with infinities.
                let inverse = (try? inverse(wide)) ?? Tensor.full(wide.shape, .infinity, .float64)
                return back.gradient.expandedDimensions(axes: [-1, -2]) * inverse.matrixTransposed
            }
        }
        return (Tensor(signs, batch).asType(dtype), log.asType(dtype))
    }

    /// ln |det A|.
    public static func logDeterminant(_ a: Tensor) -> Tensor { signAndLogDeterminant(a).logAbsolute }

    /// det A. The gradient is defined for singular matrices too.
    public static func determinant(_ a: Tensor) -> Tensor {
        requireMatrices(a, "determinant", square: true)
        return inDouble(a) { a in
            let (sign, log) = signAndLogDeterminant(a.detached)
            let y = sign * exp(log)
            guard a.isTracked else { return y }
            return y.tracked("determinant", from: a) { back in
                back.gradient.expandedDimensions(axes: [-1, -2]) * cofactors(a)
            }
        }
    }

    /// The gradient of the determinant: det A · A⁻ᵀ, or for singular matrices what that tends to.
    private static func cofactors(_ a: Tensor) -> Tensor {
        if let inverse = try? inverse(a) {
            return determinant(a).expandedDimensions(axes: [-1, -2]) * inverse.matrixTransposed
        }
        // With A = U S Vᵀ: det(U Vᵀ) U diag(Π_{j≠i} sⱼ) Vᵀ; second derivatives are left to non-singular
        // matrices.
        let (u, s, vt) = try! singularValueDecomposition(a.detached)
        let n = s.shape[s.rank - 1]
        let values = s.toArray(Double.self)
        var products = [Double](repeating: 1, count: values.count)
        for start in stride(from: 0, to: values.count, by: max(n, 1)) {
            for i in 0..<n { for j in 0..<n where j != i { products[start + i] *= values[start + j] } }
        }
        let orientation = determinant(matmul(u, vt)).expandedDimensions(axes: [-1, -2])
        return matmul(u * Tensor(products, s.shape).expandedDimensions(axis: -2), vt) * orientation
    }

    /// P, L and U with A = P L U: row permutation as a matrix, unit lower and upper triangle. Without
    /// gradient.
    public static func lu(_ a: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) {
        requireMatrices(a, "lu")
        let matrices = Matrices(a.detached.asType(.float64).matrixTransposed, copied: true)
        let (m, n) = (matrices.columns, matrices.rows)
        let k = min(m, n)
        var pivots = [Int32](repeating: 0, count: max(1, matrices.count * k))
        pivots.withUnsafeMutableBufferPointer { pivots in
            let base = pivots.baseAddress!
            _ = Matrices.forEach(matrices.count) { index in
                _ = LAPACK.getrf(m, n, matrices.mutablePointer(index), base + index * k)
                return 0
            }
        }
        let batch = Array(a.shape.dropLast(2))
        let packed = matrices.tensor.matrixTransposed
        let l = tril(packed[.ellipsis, 0..<k], k: -1) + Tensor.eye(m, k, .float64)
        let u = triu(packed[.ellipsis, 0..<k, .all])
        let p = Tensor.zeros(batch + [m, m], .float64)
        for index in 0..<matrices.count {
            var order = Array(0..<m)
            for i in 0..<k { order.swapAt(i, Int(pivots[index * k + i]) - 1) }
            for (i, row) in order.enumerated() {
                p.mutablePointer(Double.self)[(index * m + row) * m + i] = 1
            }
        }
        let dtype = a.dtype.asFloatingPoint
        return (p.asType(dtype), l.asType(dtype), u.asType(dtype))
    }
}
