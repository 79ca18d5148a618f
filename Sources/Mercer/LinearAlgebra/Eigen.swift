extension LinearAlgebra {
    /// Ascending eigenvalues `[…, n]` of symmetric matrices, from their lower triangles.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func eigvalsh(_ a: Tensor) throws -> Tensor {
        requireMatrices(a, "eigvalsh", square: true)
        if a.isTracked { return try eigh(a).values }
        return try inDouble(a) { try symmetric($0, vectors: false, "eigvalsh").values }
    }

    /// Ascending eigenvalues `[…, n]` and orthonormal eigenvectors (columns of `[…, n, n]`) of symmetric
    /// matrices, A V = V diag(λ), from their lower triangles. The sign of a vector is arbitrary.
    ///
    /// The gradient through the vectors exists where the eigenvalues are distinct.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func eigh(_ a: Tensor) throws -> (values: Tensor, vectors: Tensor) {
        requireMatrices(a, "eigh", square: true)
        let dtype = a.dtype.asFloatingPoint
        let wide = a.asType(.float64)
        var (values, vectors) = try symmetric(wide, vectors: true, "eigh")
        if wide.isTracked {
            vectors = vectors.tracked("eigenvectors", from: wide, keepsOutput: true) { back in
                // ½ V (M + Mᵀ) Vᵀ with M = (Vᵀ V̄) / E, Eᵢⱼ = λⱼ − λᵢ and zero on the diagonal; the
                // eigenvalues as functions of A and V, so that the rule has derivatives of its own.
                let v = back.output
                let n = wide.shape[wide.rank - 1]
                let whole = tril(wide) + tril(wide, k: -1).matrixTransposed
                let lambda = (v * matmul(whole, v)).sum(axes: [-2])
                let identity = Tensor.eye(n, nil, .float64)
                let gaps =
                    lambda.expandedDimensions(axis: -2) - lambda.expandedDimensions(axis: -1) + identity
                let inner = matmul(v.matrixTransposed, back.gradient) * (1 - identity) / gaps
                return matmul(matmul(v, (inner + inner.matrixTransposed) * 0.5), v.matrixTransposed)
            }
            let tracked = vectors
            values = values.tracked("eigenvalues", from: wide) { back in
                matmul(tracked * back.gradient.expandedDimensions(axis: -2), tracked.matrixTransposed)
            }
        }
        return (values.asType(dtype), vectors.asType(dtype))
    }

    private static func symmetric(_ a: Tensor, vectors: Bool, _ operation: String) throws -> (
        values: Tensor, vectors: Tensor
    ) {
        let matrices = Matrices(a, copied: true)
        let n = matrices.rows
        let values = Tensor(uninitialized: Array(a.shape.dropLast()), .float64)
        let failure = Matrices.forEach(matrices.count) { index in
            LAPACK.syevd(
                n, matrices.mutablePointer(index), values.mutablePointer(Double.self) + index * n,
                vectors: vectors)
        }
        if let failure {
            throw LinearAlgebraError.notConverged(
                operation: operation, shape: a.shape, matrix: failure.matrix)
        }
        return (values, vectors ? matrices.tensor.matrixTransposed.denseCopy() : matrices.tensor)
    }

    /// Eigenvalues `[…, n]` and right eigenvectors (columns of `[…, n, n]`, of length 1) of general matrices,
    /// both complex128, in no particular order. Without gradient.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func eig(_ a: Tensor) throws -> (values: Tensor, vectors: Tensor) {
        requireMatrices(a, "eig", square: true)
        let matrices = Matrices(a.detached.asType(.float64).matrixTransposed, copied: true)
        let n = matrices.rows
        let values = Tensor(uninitialized: Array(a.shape.dropLast()), .complex128)
        let vectors = Tensor(uninitialized: a.shape, .complex128)
        let failure = Matrices.forEach(matrices.count) { index in
            var real = [Double](repeating: 0, count: max(1, n))
            var imaginary = real
            var columns = [Double](repeating: 0, count: max(1, n * n))
            let info = LAPACK.geev(n, matrices.mutablePointer(index), &real, &imaginary, &columns)
            let lambda = values.mutablePointer(Complex<Double>.self) + index * n
            let v = vectors.mutablePointer(Complex<Double>.self) + index * n * n
            for j in 0..<n {
                lambda[j] = Complex(real[j], imaginary[j])
                // A conjugate pair shares two columns: real part, imaginary part.
                let first = imaginary[j] < 0 ? j - 1 : j
                for i in 0..<n {
                    let part = imaginary[j] == 0 ? 0 : columns[(first + 1) * n + i]
                    v[i * n + j] = Complex(columns[first * n + i], imaginary[j] < 0 ? -part : part)
                }
            }
            return info
        }
        if let failure {
            throw LinearAlgebraError.notConverged(operation: "eig", shape: a.shape, matrix: failure.matrix)
        }
        return (values, vectors)
    }
}

/// Symmetric tridiagonal matrices.
public enum Tridiagonal {
    /// Ascending eigenvalues.
    ///
    /// - Parameter offDiagonal: one element less than `diagonal`.
    public static func eigenvalues(diagonal: [Double], offDiagonal: [Double]) -> [Double] {
        check(diagonal, offDiagonal)
        var (d, e) = (diagonal, offDiagonal + [0])
        let info = LAPACK.stevd(d.count, &d, &e, vectors: nil)
        precondition(info == 0, "Tridiagonal.eigenvalues: no convergence; is there a NaN among the elements?")
        return d
    }

    /// Ascending eigenvalues and their orthonormal eigenvectors.
    public static func eigenvectors(diagonal: [Double], offDiagonal: [Double]) -> (
        values: [Double], vectors: [[Double]]
    ) {
        check(diagonal, offDiagonal)
        let n = diagonal.count
        var (d, e) = (diagonal, offDiagonal + [0])
        var z = [Double](repeating: 0, count: max(1, n * n))
        let info = LAPACK.stevd(n, &d, &e, vectors: &z)
        precondition(
            info == 0, "Tridiagonal.eigenvectors: no convergence; is there a NaN among the elements?")
        return (d, (0..<n).map { Array(z[$0 * n..<($0 + 1) * n]) })
    }

    private static func check(_ diagonal: [Double], _ offDiagonal: [Double]) {
        precondition(
            offDiagonal.count == max(0, diagonal.count - 1),
            "Tridiagonal: \(diagonal.count) numbers on the diagonal, \(offDiagonal.count) beside it")
    }
}
