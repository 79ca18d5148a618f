import COpenBLAS

/// Factorisations, solutions and spectra of matrices or stacks of them (`[…, rows, columns]`), on LAPACK in
/// double precision: float32 operands are widened and the results rounded. Matrices of a stack run in
/// parallel; a result doesn't depend on the number of threads.
///
/// Gradients are written with tensor operations, so that those of any order exist. The gradient with respect
/// to a matrix that is taken to be symmetric is symmetric.
///
/// ```swift
/// let l = try LinearAlgebra.cholesky(covariance)
/// let z = LinearAlgebra.triangularSolve(l, residual)
/// let logLikelihood = (z * z).sum() * -0.5 - log(l.diagonal()).sum()
/// ```
public enum LinearAlgebra {
    /// The lower triangular L with A = L Lᵀ, from the lower triangle of a symmetric positive definite matrix.
    ///
    /// - Throws: ``LinearAlgebraError/notPositiveDefinite(operation:shape:matrix:leadingMinor:)``.
    public static func cholesky(_ a: Tensor) throws -> Tensor {
        requireMatrices(a, "cholesky", square: true)
        return try inDouble(a) { a in
            let matrices = Matrices(a, copied: true)
            let n = matrices.rows
            let failure = Matrices.forEach(matrices.count) { index in
                let l = matrices.mutablePointer(index)
                let info = LAPACK.potrf(n, l)
                for i in 0..<n { for j in i + 1..<max(n, i + 1) { l[i * n + j] = 0 } }
                return info
            }
            if let failure {
                throw LinearAlgebraError.notPositiveDefinite(
                    operation: "cholesky", shape: a.shape, matrix: failure.matrix, leadingMinor: failure.info)
            }
            guard a.isTracked else { return matrices.tensor }
            return matrices.tensor.tracked("cholesky", from: a, keepsOutput: true) { back in
                // Ā = ½ L⁻ᵀ (Φ(Lᵀ L̄) + Φ(Lᵀ L̄)ᵀ) L⁻¹, where Φ takes the lower triangle and half the
                // diagonal (I. Murray, "Differentiation of the Cholesky decomposition", 2016).
                let l = back.output
                let inner = tril(matmul(l.matrixTransposed, back.gradient))
                let phi = inner - diagonalMatrix(inner.diagonal() * 0.5)
                let left = triangularSolve(l, phi + phi.matrixTransposed, transposed: true)
                return triangularSolve(l, left.matrixTransposed, transposed: true) * 0.5
            }
        }
    }

    /// The X with A X = B for a symmetric positive definite A = L Lᵀ, given L.
    public static func choleskySolve(_ l: Tensor, _ b: Tensor) -> Tensor {
        triangularSolve(l, triangularSolve(l, b), transposed: true)
    }

    /// The X with A X = B, or Aᵀ X = B, for a triangular A.
    ///
    /// - Parameters:
    ///   - a: `[…, n, n]`; the other triangle is not read.
    ///   - b: `[…, n, columns]`, or `[n]` for one right-hand side.
    ///   - lower: which triangle A is.
    ///   - transposed: solves with Aᵀ.
    ///   - unitDiagonal: takes the diagonal to be ones and doesn't read it. A zero on it otherwise gives
    ///     infinities, as a division by zero does.
    public static func triangularSolve(
        _ a: Tensor, _ b: Tensor, lower: Bool = true, transposed: Bool = false, unitDiagonal: Bool = false
    ) -> Tensor {
        requireMatrices(a, "triangularSolve", square: true)
        return solved(a, b, "triangularSolve") { a, b in
            let result = Matrices(b, copied: true)
            let matrices = Matrices(a)
            let (n, columns) = (Int32(result.rows), Int32(result.columns))
            _ = Matrices.forEach(result.count) { index in
                cblas_dtrsm(
                    Int32(MercerRowMajor), Int32(MercerLeft), Int32(lower ? MercerLower : MercerUpper),
                    Int32(transposed ? MercerTrans : MercerNoTrans),
                    Int32(unitDiagonal ? MercerUnit : MercerNonUnit), n, columns, 1, matrices.pointer(index),
                    max(1, n), result.mutablePointer(index), max(1, columns))
                return 0
            }
            guard a.isTracked || b.isTracked else { return result.tensor }
            return result.tensor.tracked("triangularSolve", from: [a, b], keepsOutput: true) { back in
                let g = triangularSolve(
                    a, back.gradient, lower: lower, transposed: !transposed, unitDiagonal: unitDiagonal)
                guard back.needs(0) else { return [nil, g] }
                let x = back.output
                let full = transposed ? matmul(x, g.matrixTransposed) : matmul(g, x.matrixTransposed)
                let skip = unitDiagonal ? 1 : 0
                return [-(lower ? tril(full, k: -skip) : triu(full, k: skip)), back.needs(1) ? g : nil]
            }
        }
    }

    /// Brings operands of a linear system to double precision, matrices and a common batch; and the result
    /// back.
    static func solved(
        _ a: Tensor, _ b: Tensor, _ operation: StaticString, _ body: (Tensor, Tensor) throws -> Tensor
    ) rethrows -> Tensor {
        precondition(
            b.rank >= 1 && b.shape[max(0, b.rank - 2)] == a.shape[a.rank - 2],
            "\(operation): matrix of shape \(a.shape), right-hand side of shape \(b.shape)")
        if b.rank == 1 {
            return try solved(a, b.expandedDimensions(axis: 1), operation, body).squeezed(axis: -1)
        }
        return try inDouble(a, b) { a, b in
            let (a, b) = withCommonBatch(a, b, operation)
            return try body(a, b)
        }
    }
}
