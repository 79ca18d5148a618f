extension LinearAlgebra {
    /// Q with orthonormal columns and upper triangular R with A = Q R; for A `[…, m, n]` Q is `[…, m, min(m,
    /// n)]`.
    ///
    /// The gradient exists where the first min(m, n) columns of A are independent.
    public static func qr(_ a: Tensor) -> (q: Tensor, r: Tensor) {
        requireMatrices(a, "qr")
        let dtype = a.dtype.asFloatingPoint
        let wide = a.asType(.float64)
        guard wide.isTracked else {
            let (q, r, _) = factors(wide, pivoted: false)
            return (q.asType(dtype), r.asType(dtype))
        }
        let (m, n) = (a.shape[a.rank - 2], a.shape[a.rank - 1])
        let square = m < n ? wide[.ellipsis, 0..<m] : wide
        let q = factors(square, pivoted: false).q.tracked("qr", from: square, keepsOutput: true) { back in
            // Ā = (Q̄ + Q copyltu(M)) R⁻ᵀ with M = −Q̄ᵀ Q, the part of R left to R = Qᵀ A below.
            let q = back.output
            let r = triu(matmul(q.matrixTransposed, square))
            let m = -matmul(back.gradient.matrixTransposed, q)
            let below = tril(m, k: -1)
            let symmetric = below + below.matrixTransposed + diagonalMatrix(m.diagonal())
            let total = back.gradient + matmul(q, symmetric)
            return triangularSolve(r, total.matrixTransposed, lower: false).matrixTransposed
        }
        return (q.asType(dtype), triu(matmul(q.matrixTransposed, wide)).asType(dtype))
    }

    /// QR with column pivots: A[:, permutation] = Q R with the diagonal of R falling in magnitude. Without
    /// gradient.
    ///
    /// - Returns: `permutation` `[…, n]` as int64.
    public static func pivotedQR(_ a: Tensor) -> (q: Tensor, r: Tensor, permutation: Tensor) {
        requireMatrices(a, "pivotedQR")
        let (q, r, permutation) = factors(a.detached.asType(.float64), pivoted: true)
        let dtype = a.dtype.asFloatingPoint
        return (q.asType(dtype), r.asType(dtype), permutation!)
    }

    private static func factors(_ a: Tensor, pivoted: Bool) -> (q: Tensor, r: Tensor, permutation: Tensor?) {
        let packed = Matrices(a.detached.matrixTransposed, copied: true)
        let (m, n) = (packed.columns, packed.rows)
        let k = min(m, n)
        let batch = Array(a.shape.dropLast(2))
        let q = Matrices(uninitialized: batch, k, m)
        let r = Tensor.zeros(batch + [k, n], .float64)
        let permutation = pivoted ? Tensor(uninitialized: batch + [n], .int64) : nil
        _ = Matrices.forEach(packed.count) { index in
            let source = packed.mutablePointer(index)
            let tau = UnsafeMutablePointer<Double>.allocate(capacity: max(1, k))
            defer { tau.deallocate() }
            if let permutation {
                var pivots = [Int32](repeating: 0, count: max(1, n))
                LAPACK.geqrf(m, n, source, tau, pivots: &pivots)
                let out = permutation.mutablePointer(Int64.self) + index * n
                for j in 0..<n { out[j] = Int64(pivots[j]) - 1 }
            } else {
                LAPACK.geqrf(m, n, source, tau)
            }
            let upper = r.mutablePointer(Double.self) + index * k * n
            for i in 0..<k { for j in i..<n { upper[i * n + j] = source[j * m + i] } }
            q.mutablePointer(index).update(from: source, count: k * m)
            LAPACK.orgqr(m, k, k, q.mutablePointer(index), tau)
            return 0
        }
        return (q.tensor.matrixTransposed.denseCopy(), r, permutation)
    }
}
