extension LinearAlgebra {
    /// Descending singular values `[…, min(m, n)]`.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func singularValues(_ a: Tensor) throws -> Tensor {
        requireMatrices(a, "singularValues")
        if a.isTracked { return try singularValueDecomposition(a).s }
        return try inDouble(a) { try thin($0, vectors: false, "singularValues").s }
    }

    /// The thin singular value decomposition A = U diag(s) Vᵀ: U `[…, m, k]`, s descending `[…, k]`, Vᵀ `[…,
    /// k, n]`, k = min(m, n). The common sign of a pair of vectors is arbitrary.
    ///
    /// The gradient through the vectors exists where the singular values are distinct and not zero; a
    /// function of U and V has a meaningful one if it doesn't depend on their signs.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func singularValueDecomposition(_ a: Tensor) throws -> (u: Tensor, s: Tensor, vt: Tensor) {
        requireMatrices(a, "singularValueDecomposition")
        let dtype = a.dtype.asFloatingPoint
        let wide = a.asType(.float64)
        var (u, s, vt) = try thin(wide, vectors: true, "singularValueDecomposition")
        if wide.isTracked {
            u = u.tracked("leftSingularVectors", from: wide, keepsOutput: true) { back in
                leftVectorGradient(wide, back.output, back.gradient)
            }
            vt = vt.tracked("rightSingularVectors", from: wide, keepsOutput: true) { back in
                leftVectorGradient(
                    wide.matrixTransposed, back.output.matrixTransposed, back.gradient.matrixTransposed
                ).matrixTransposed
            }
            let (left, right) = (u, vt)
            s = s.tracked("singularValues", from: wide) { back in
                matmul(left * back.gradient.expandedDimensions(axis: -2), right)
            }
        }
        return (u.asType(dtype), s.asType(dtype), vt.asType(dtype))
    }

    /// The gradient with respect to A of what depends on its left singular vectors U (J. Townsend,
    /// "Differentiating the singular value decomposition", 2016): U (K / E) S Vᵀ + (1 − U Uᵀ) Ū S⁻¹ Vᵀ with K
    /// = Uᵀ Ū − Ūᵀ U, Eᵢⱼ = sⱼ² − sᵢ². S and V as functions of A and U, Aᵀ U = V S, so that the rule has
    /// derivatives of its own.
    private static func leftVectorGradient(_ a: Tensor, _ u: Tensor, _ gradient: Tensor) -> Tensor {
        let scaled = matmul(a.matrixTransposed, u)
        let squares = (scaled * scaled).sum(axes: [-2])
        let s = sqrt(squares).expandedDimensions(axis: -2)
        let vt = (scaled / s).matrixTransposed
        let k = squares.shape[squares.rank - 1]
        let identity = Tensor.eye(k, nil, .float64)
        let gaps = squares.expandedDimensions(axis: -2) - squares.expandedDimensions(axis: -1) + identity
        let product = matmul(u.matrixTransposed, gradient)
        var left = matmul(u, (product - product.matrixTransposed) / gaps * s)
        if u.shape[u.rank - 2] > k { left = left + (gradient - matmul(u, product)) / s }
        return matmul(left, vt)
    }

    private static func thin(_ a: Tensor, vectors: Bool, _ operation: String) throws -> (
        u: Tensor, s: Tensor, vt: Tensor
    ) {
        let matrices = Matrices(a, copied: true)
        let (m, n) = (matrices.rows, matrices.columns)
        let k = min(m, n)
        let batch = Array(a.shape.dropLast(2))
        // LAPACK sees Aᵀ = V S Uᵀ by columns: what it calls u is Vᵀ by rows, and its vt is U by rows.
        let u = Matrices(uninitialized: batch, vectors ? m : 0, k)
        let vt = Matrices(uninitialized: batch, vectors ? k : 0, n)
        let s = Tensor(uninitialized: batch + [k], .float64)
        let failure = Matrices.forEach(matrices.count) { index in
            LAPACK.gesdd(
                n, m, matrices.mutablePointer(index), s.mutablePointer(Double.self) + index * k,
                vectors ? vt.mutablePointer(index) : nil, vectors ? u.mutablePointer(index) : nil)
        }
        if let failure {
            throw LinearAlgebraError.notConverged(
                operation: operation, shape: a.shape, matrix: failure.matrix)
        }
        return (u.tensor, s, vt.tensor)
    }

    /// The Moore-Penrose inverse A⁺, `[…, n, m]`. Singular values below `relativeTolerance` times the largest
    /// count as zero; by default max(m, n) units in the last place.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func pseudoInverse(_ a: Tensor, relativeTolerance: Double? = nil) throws -> Tensor {
        requireMatrices(a, "pseudoInverse")
        let unit = a.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let tolerance = relativeTolerance ?? unit * Double(max(a.shape[a.rank - 1], a.shape[a.rank - 2]))
        return try inDouble(a) { a in
            let (u, s, vt) = try thin(a, vectors: true, "pseudoInverse")
            let k = s.shape[s.rank - 1]
            var values = s.toArray(Double.self)
            for start in stride(from: 0, to: values.count, by: max(1, k)) {
                let cut = tolerance * values[start]
                for i in start..<start + k { values[i] = values[i] > cut ? 1 / values[i] : 0 }
            }
            let reciprocals = Tensor(values, s.shape)
            let p = matmul(vt.matrixTransposed * reciprocals.expandedDimensions(axis: -2), u.matrixTransposed)
            guard a.isTracked else { return p }
            return p.tracked("pseudoInverse", from: a, keepsOutput: true) { back in
                // Golub, Pereyra, "The differentiation of pseudo-inverses and nonlinear least squares
                // problems", 1973.
                let (p, g) = (back.output, back.gradient)
                let (pt, gt) = (p.matrixTransposed, g.matrixTransposed)
                let ppt = matmul(p, pt)
                let ptp = matmul(pt, p)
                let outside = gt - matmul(a, matmul(p, gt))
                let inside = matmul(ptp, gt)
                return matmul(outside, ppt) + inside - matmul(matmul(inside, p), a)
                    - matmul(matmul(pt, g), pt)
            }
        }
    }

    /// The x of least ‖x‖ among those of least ‖A x − b‖, for A `[…, m, n]` of any rank.
    ///
    /// - Parameters:
    ///   - b: `[…, m, columns]`, or `[m]`.
    ///   - relativeTolerance: see ``pseudoInverse(_:relativeTolerance:)``.
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func leastSquares(_ a: Tensor, _ b: Tensor, relativeTolerance: Double? = nil) throws
        -> Tensor
    {
        requireMatrices(a, "leastSquares")
        return try solved(a, b, "leastSquares") { a, b in
            matmul(try pseudoInverse(a, relativeTolerance: relativeTolerance), b)
        }
    }

    /// A norm of a matrix.
    public enum MatrixNorm: Sendable {
        /// The root of the sum of squares.
        case frobenius
        /// The sum of the singular values.
        case nuclear
        /// The largest singular value.
        case spectral
        /// The largest column sum of magnitudes.
        case one
        /// The largest row sum of magnitudes.
        case infinity
    }

    /// A norm of each matrix.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)`` for the nuclear and the
    ///   spectral norm.
    public static func norm(_ a: Tensor, _ kind: MatrixNorm = .frobenius) throws -> Tensor {
        requireMatrices(a, "norm")
        switch kind {
        case .frobenius: return sqrt((a * a).sum(axes: [-1, -2]))
        case .nuclear: return try singularValues(a).sum(axes: [-1])
        case .spectral: return try singularValues(a)[.ellipsis, 0]
        case .one: return abs(a).sum(axes: [-2]).max(axes: [-1])
        case .infinity: return abs(a).sum(axes: [-1]).max(axes: [-1])
        }
    }

    /// The ratio of the largest to the smallest singular value.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func conditionNumber(_ a: Tensor) throws -> Tensor {
        let s = try singularValues(a)
        return s[.ellipsis, 0] / s[.ellipsis, -1]
    }

    /// The rank of each matrix, as int64: singular values above `relativeTolerance` times the largest.
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func matrixRank(_ a: Tensor, relativeTolerance: Double? = nil) throws -> Tensor {
        let unit = a.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let tolerance = relativeTolerance ?? unit * Double(max(a.shape[a.rank - 1], a.shape[a.rank - 2]))
        let s = try singularValues(a.detached.asType(.float64))
        let k = max(1, s.shape[s.rank - 1])
        let values = s.toArray(Double.self)
        let ranks = stride(from: 0, to: values.count, by: k).map { start in
            Int64(values[start..<start + k].count { $0 > tolerance * values[start] })
        }
        return Tensor(ranks, Array(s.shape.dropLast()))
    }
}
