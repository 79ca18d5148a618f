import Foundation
import Mercer
import Testing

@Suite struct LinearAlgebraTests {
    private func largest(_ x: Tensor) -> Double { abs(x).max().doubleValue }

    /// Symmetric matrices, positive definite with smallest eigenvalues around 1/2.
    private func positive(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
        let b = samples(shape, seed: seed)
        let n = shape.last!
        return matmul(b, b.swappedAxes(-1, -2)) + Tensor.eye(n, nil, .float64) * 0.5
    }

    private func symmetric(_ a: Tensor) -> Tensor { (a + a.swappedAxes(-1, -2)) * 0.5 }

    // MARK: Residuals

    @Test func choleskyFactorMultipliesBack() throws {
        for shape in [[1, 1], [7, 7], [3, 2, 20, 20]] {
            let a = positive(shape)
            let l = try LinearAlgebra.cholesky(a)
            #expect(largest(matmul(l, l.swappedAxes(-1, -2)) - a) < 1e-12)
            #expect(largest(triu(l, k: 1)) == 0)
            let b = samples(Array(shape.dropLast()) + [3])
            #expect(largest(matmul(a, LinearAlgebra.choleskySolve(l, b)) - b) < 1e-11)
        }
    }

    @Test(arguments: [true, false], [true, false]) func triangularSolutionsFit(
        _ lower: Bool, _ transposed: Bool
    ) {
        let full = samples([2, 6, 6]) + Tensor.eye(6, nil, .float64) * 4
        let b = samples([6, 3], seed: 2)
        let triangle = lower ? tril(full) : triu(full)
        let x = LinearAlgebra.triangularSolve(full, b, lower: lower, transposed: transposed)
        #expect(x.shape == [2, 6, 3])
        #expect(largest(matmul(transposed ? triangle.swappedAxes(-1, -2) : triangle, x) - b) < 1e-12)
        let identity = Tensor.eye(6, nil, .float64)
        let unit = lower ? tril(full, k: -1) + identity : triu(full, k: 1) + identity
        let y = LinearAlgebra.triangularSolve(
            full, b, lower: lower, transposed: transposed, unitDiagonal: true)
        #expect(largest(matmul(transposed ? unit.swappedAxes(-1, -2) : unit, y) - b) < 1e-9)
    }

    @Test func solutionsAndInversesFit() throws {
        let a = samples([4, 9, 9])
        let b = samples([4, 9, 2], seed: 2)
        let x = try LinearAlgebra.solve(a, b)
        #expect(largest(matmul(a, x) - b) < 1e-11)
        let one = try LinearAlgebra.solve(a[0], b[0, .all, 0])
        #expect(one.shape == [9])
        #expect(largest(one - x[0, .all, 0]) < 1e-12)
        let inverse = try LinearAlgebra.inverse(a)
        #expect(largest(matmul(a, inverse) - Tensor.eye(9, nil, .float64)) < 1e-11)
        let (p, l, u) = LinearAlgebra.lu(samples([2, 5, 8]))
        #expect(largest(matmul(matmul(p, l), u) - samples([2, 5, 8])) < 1e-13)
        #expect(largest(l.diagonal() - 1) == 0)
    }

    @Test func determinantsAreProductsOfEigenvalues() throws {
        let a = positive([3, 5, 5])
        let eigenvalues = try LinearAlgebra.eigvalsh(a)
        let determinant = LinearAlgebra.determinant(a)
        #expect(largest(determinant / eigenvalues.product(axis: -1) - 1) < 1e-12)
        #expect(largest(LinearAlgebra.logDeterminant(a) - log(determinant)) < 1e-12)
        // Exchanging two rows changes the sign.
        let rows = a[0].take(Tensor([1, 0, 2, 3, 4]))
        #expect(LinearAlgebra.signAndLogDeterminant(rows).sign.item(Double.self) == -1)
        let singular = Tensor([1, 2, 2, 4] as [Double], [2, 2])
        #expect(LinearAlgebra.determinant(singular).item(Double.self) == 0)
        #expect(LinearAlgebra.logDeterminant(singular).item(Double.self) == -.infinity)
    }

    @Test func orthogonalFactorsMultiplyBack() {
        for shape in [[5, 5], [2, 9, 4], [2, 4, 9], [40, 1]] {
            let a = samples(shape)
            let (q, r) = LinearAlgebra.qr(a)
            #expect(largest(matmul(q, r) - a) < 1e-13)
            let k = min(shape[shape.count - 1], shape[shape.count - 2])
            #expect(largest(matmul(q.swappedAxes(-1, -2), q) - Tensor.eye(k, nil, .float64)) < 1e-13)
            #expect(largest(tril(r, k: -1)) == 0)
        }
        let a = samples([6, 8]) * Tensor([1, 0.1, 5, 3, 0.2, 8, 2, 1] as [Double])
        let (q, r, order) = LinearAlgebra.pivotedQR(a)
        #expect(largest(matmul(q, r) - a.take(order, axis: 1)) < 1e-13)
        let diagonal = abs(r.diagonal()).toArray(Double.self)
        #expect(diagonal == diagonal.sorted(by: >))
    }

    @Test func eigenvectorsDiagonalise() throws {
        let a = symmetric(samples([3, 12, 12]))
        let (values, v) = try LinearAlgebra.eigh(a)
        #expect(largest(matmul(a, v) - v * values.expandedDimensions(axis: -2)) < 1e-12)
        #expect(largest(matmul(v.swappedAxes(-1, -2), v) - Tensor.eye(12, nil, .float64)) < 1e-12)
        for row in 0..<3 {
            #expect(values[row].toArray(Double.self) == values[row].toArray(Double.self).sorted())
        }
        let only = try LinearAlgebra.eigvalsh(a)
        #expect(largest(only - values) < 1e-12)
    }

    @Test func generalEigenvectorsAreComplex() throws {
        let a = samples([2, 7, 7])
        let (values, v) = try LinearAlgebra.eig(a)
        let product = matmul(a.asType(.complex128), v)
        #expect(largest(product - v * values.expandedDimensions(axis: -2)) < 1e-12)
        let rotation = Tensor([0, -1, 1, 0] as [Double], [2, 2])
        let turns = try LinearAlgebra.eig(rotation).values.toArray(Complex<Double>.self)
        #expect(Set(turns.map { ($0.imaginary * 1e6).rounded() }) == [-1e6, 1e6])
    }

    @Test func singularVectorsMultiplyBack() throws {
        for shape in [[6, 6], [2, 9, 4], [2, 4, 9]] {
            let a = samples(shape)
            let (u, s, vt) = try LinearAlgebra.singularValueDecomposition(a)
            #expect(largest(matmul(u * s.expandedDimensions(axis: -2), vt) - a) < 1e-13)
            let k = min(shape[shape.count - 1], shape[shape.count - 2])
            #expect(largest(matmul(u.swappedAxes(-1, -2), u) - Tensor.eye(k, nil, .float64)) < 1e-13)
            #expect(largest(matmul(vt, vt.swappedAxes(-1, -2)) - Tensor.eye(k, nil, .float64)) < 1e-13)
            let values = try LinearAlgebra.singularValues(a)
            #expect(largest(values - s) < 1e-13)
        }
    }

    @Test func pseudoInverseHasPenrosesProperties() throws {
        // Rank 2 of 4.
        let a = matmul(samples([6, 2]), samples([2, 4], seed: 2))
        let p = try LinearAlgebra.pseudoInverse(a)
        #expect(largest(matmul(matmul(a, p), a) - a) < 1e-12)
        #expect(largest(matmul(matmul(p, a), p) - p) < 1e-12)
        #expect(largest(matmul(a, p) - matmul(a, p).transposed()) < 1e-12)
        #expect(largest(matmul(p, a) - matmul(p, a).transposed()) < 1e-12)
        #expect(try LinearAlgebra.matrixRank(a).item(Int64.self) == 2)
        // The residual of least squares is orthogonal to the columns.
        let b = samples([6], seed: 3)
        let x = try LinearAlgebra.leastSquares(a, b)
        let residual = matmul(a, x.expandedDimensions(axis: 1)).squeezed(axis: 1) - b
        #expect(largest(matmul(a.transposed(), residual.expandedDimensions(axis: 1))) < 1e-12)
    }

    @Test func normsAndConditionOfADiagonal() throws {
        let a = diagonalMatrix(Tensor([3, -4, 0.5] as [Double]))
        func norm(_ kind: LinearAlgebra.MatrixNorm) throws -> Double {
            try LinearAlgebra.norm(a, kind).item(Double.self)
        }
        #expect(abs(try norm(.frobenius) - 25.25.squareRoot()) < 1e-14)
        #expect(abs(try norm(.nuclear) - 7.5) < 1e-14)
        #expect(abs(try norm(.spectral) - 4) < 1e-14)
        #expect(try norm(.one) == 4 && norm(.infinity) == 4)
        #expect(abs(try LinearAlgebra.conditionNumber(a).item(Double.self) - 8) < 1e-13)
    }

    @Test func exponentialOfAMatrixIsThatOfItsEigenvalues() throws {
        for scale in [0.01, 1, 30] {
            let a = symmetric(samples([2, 6, 6])) * scale
            let (values, v) = try LinearAlgebra.eigh(a)
            let expected = matmul(v * exp(values).expandedDimensions(axis: -2), v.swappedAxes(-1, -2))
            let y = LinearAlgebra.matrixExponential(a)
            #expect(largest(y - expected) < 1e-12 * max(1, largest(expected)))
        }
        let nilpotent = Tensor([0, 1, 0, 0] as [Double], [2, 2])
        #expect(LinearAlgebra.matrixExponential(nilpotent).toArray(Double.self) == [1, 1, 0, 1])
    }

    @Test func lyapunovEquationIsSolved() throws {
        let (a, c) = (positive([5, 5]), samples([5, 5], seed: 4))
        let x = try LinearAlgebra.lyapunov(a, c)
        #expect(largest(matmul(a, x) + matmul(x, a) - c) < 1e-12)
    }

    @Test func trianglesDiagonalsAndKroneckerProducts() {
        let a = Tensor([1, 2, 3, 4, 5, 6] as [Int32], [2, 3])
        #expect(tril(a).toArray(Int32.self) == [1, 0, 0, 4, 5, 0])
        #expect(triu(a, k: 1).toArray(Int32.self) == [0, 2, 3, 0, 0, 6])
        #expect(tril(a, k: -1).toArray(Int32.self) == [0, 0, 0, 4, 0, 0])
        #expect(
            a.diagonal().toArray(Int32.self) == [1, 5] && a.diagonal(offset: 1).toArray(Int32.self) == [2, 6])
        #expect(a.diagonal(offset: -1).toArray(Int32.self) == [4] && a.diagonal(offset: 3).count == 0)
        let trace = samples([3, 4, 4]).trace()
        #expect(trace.shape == [3])
        let d = diagonalMatrix(Tensor([7, 8] as [Int32]), offset: -1)
        #expect(d.toArray(Int32.self) == [0, 0, 0, 7, 0, 0, 0, 8, 0])
        let k = kronecker(Tensor([1, 2] as [Double], [1, 2]), Tensor([3, 4] as [Double], [2, 1]))
        #expect(k.shape == [2, 2] && k.toArray(Double.self) == [3, 6, 4, 8])
    }

    @Test func largestEigenvaluesComeFromProductsAlone() throws {
        let n = 300
        let b = samples([n, n])
        let a = symmetric(b)
        let expected = try LinearAlgebra.eigvalsh(a).toArray(Double.self).reversed().prefix(6)
        let result = Lanczos.largest(6, dimension: n) { v in
            matmul(a, Tensor(v, [n, 1])).toArray(Double.self)
        }
        for (value, e) in zip(result.values, expected) { #expect(abs(value - e) < 1e-8) }
        for (value, vector) in zip(result.values, result.vectors) {
            let v = Tensor(vector, [n, 1])
            #expect(largest(matmul(a, v) - v * value) < 1e-6)
        }
        #expect(result.products < n)
        // A multiple eigenvalue, and a subspace that ends early.
        let flat = Lanczos.largest(3, dimension: 10) { v in
            v.enumerated().map { $0.offset < 2 ? 5 * $0.element : $0.element }
        }
        #expect(
            abs(flat.values[0] - 5) < 1e-10 && abs(flat.values[1] - 5) < 1e-10
                && abs(flat.values[2] - 1) < 1e-10)
    }

    @Test func tridiagonalMatrixOfTheChainHasItsCosines() {
        let n = 30
        let (values, vectors) = Tridiagonal.eigenvectors(
            diagonal: [Double](repeating: 2, count: n), offDiagonal: [Double](repeating: -1, count: n - 1))
        for (i, value) in values.enumerated() {
            let expected = 2 - 2 * cos(Double.pi * Double(i + 1) / Double(n + 1))
            #expect(abs(value - expected) < 1e-13)
            #expect(abs(vectors[i].reduce(0) { $0 + $1 * $1 } - 1) < 1e-13)
        }
    }

    // MARK: Errors, types, threads

    @Test func badMatricesAreThrownErrors() {
        let indefinite = Tensor([4, 2, 0, 2, 1, 0, 0, 0, 3] as [Double], [3, 3])
        let both = stacked([Tensor.eye(3, nil, .float64), indefinite])
        #expect(
            throws: LinearAlgebraError.notPositiveDefinite(
                operation: "cholesky", shape: [2, 3, 3], matrix: 1, leadingMinor: 2)
        ) { try LinearAlgebra.cholesky(both) }
        #expect(throws: LinearAlgebraError.singular(operation: "solve", shape: [3, 3], matrix: 0, pivot: 2)) {
            try LinearAlgebra.solve(indefinite, Tensor.ones([3], .float64))
        }
        #expect(throws: LinearAlgebraError.self) { try LinearAlgebra.inverse(indefinite) }
        let message = "\(LinearAlgebraError.singular(operation: "solve", shape: [3, 3], matrix: 0, pivot: 2))"
        #expect(message == "solve: matrix 0 of a tensor of shape [3, 3] is singular, pivot 2 is zero")
    }

    @Test func singlePrecisionIsComputedInDouble() throws {
        let a = positive([6, 6]).asType(.float32)
        let l = try LinearAlgebra.cholesky(a)
        #expect(l.dtype == .float32)
        let wide = try LinearAlgebra.cholesky(a.asType(.float64))
        #expect(l.toArray(Float.self) == wide.asType(.float32).toArray(Float.self))
        let gradient = grad { (a: Tensor) in LinearAlgebra.logDeterminant(a) }(a)
        #expect(gradient.dtype == .float32)
    }

    @Test func sameBitsForAnyNumberOfThreads() throws {
        let a = positive([6, 30, 30])
        func results() throws -> [[Double]] {
            [
                try LinearAlgebra.cholesky(a), try LinearAlgebra.eigh(a).vectors,
                try LinearAlgebra.inverse(a),
                LinearAlgebra.qr(a).r, try LinearAlgebra.singularValueDecomposition(a).u,
            ].map { $0.toArray(Double.self) }
        }
        let one = try Parallel.withThreads(1, results)
        let three = try Parallel.withThreads(3, results)
        #expect(one == three)
    }

    // MARK: Gradients, first and second order

    @Test func gradientsOfFactorisations() {
        let a = positive([2, 4, 4])
        expectGradients(at: [a]) { try! LinearAlgebra.cholesky(symmetric($0[0])) }
        for shape in [[4, 4], [5, 3], [2, 3, 5]] {
            expectGradients(at: [samples(shape)]) { LinearAlgebra.qr($0[0]).q }
            expectGradients(at: [samples(shape)]) { LinearAlgebra.qr($0[0]).r }
        }
    }

    @Test func gradientOfASymmetricMatrixIsSymmetric() {
        let a = positive([4, 4])
        let gradients = [
            grad { (a: Tensor) in (try! LinearAlgebra.cholesky(a) * samples([4, 4], seed: 8)).sum() }(a),
            grad { (a: Tensor) in (try! LinearAlgebra.eigh(a).vectors * samples([4, 4], seed: 8)).sum() }(a),
            grad { (a: Tensor) in (try! LinearAlgebra.eigvalsh(a) * samples([4], seed: 8)).sum() }(a),
        ]
        for g in gradients { #expect(largest(g - g.transposed()) < 1e-12) }
    }

    @Test func gradientsOfSolutions() {
        let a = samples([2, 4, 4]) + Tensor.eye(4, nil, .float64) * 3
        let b = samples([2, 4, 2], seed: 2)
        expectGradients(at: [a, b]) { try! LinearAlgebra.solve($0[0], $0[1]) }
        expectGradients(at: [a]) { try! LinearAlgebra.inverse($0[0]) }
        expectGradients(at: [a, b[0]]) { try! LinearAlgebra.solve($0[0], $0[1]) }
        for lower in [true, false] {
            for transposed in [true, false] {
                for unit in [true, false] {
                    expectGradients(at: [a, b]) {
                        LinearAlgebra.triangularSolve(
                            $0[0], $0[1], lower: lower, transposed: transposed, unitDiagonal: unit)
                    }
                }
            }
        }
    }

    @Test func gradientsOfDeterminants() {
        let a = samples([2, 4, 4])
        expectGradients(at: [a]) { LinearAlgebra.determinant($0[0]) }
        expectGradients(at: [a]) { LinearAlgebra.logDeterminant($0[0]) }
        // Rank n − 1: the cofactors remain.
        let singular = matmul(samples([3, 2]), samples([2, 3], seed: 2))
        expectGradients(at: [singular], secondOrder: false) { LinearAlgebra.determinant($0[0]) }
    }

    @Test func gradientsOfEigenvaluesAndVectors() {
        let a = symmetric(samples([2, 4, 4]))
        expectGradients(at: [a]) { try! LinearAlgebra.eigvalsh(symmetric($0[0])) }
        expectGradients(at: [a]) { square(try! LinearAlgebra.eigh(symmetric($0[0])).vectors) }
        expectGradients(at: [a]) {
            let (values, v) = try! LinearAlgebra.eigh(symmetric($0[0]))
            return matmul(v * exp(values).expandedDimensions(axis: -2), v.swappedAxes(-1, -2))
        }
    }

    @Test func gradientsOfSingularValuesAndVectors() {
        for shape in [[4, 4], [2, 5, 3], [3, 5]] {
            expectGradients(at: [samples(shape)]) { try! LinearAlgebra.singularValues($0[0]) }
            // Of what doesn't depend on the common sign of a pair of vectors.
            expectGradients(at: [samples(shape)]) {
                let (u, s, vt) = try! LinearAlgebra.singularValueDecomposition($0[0])
                return matmul(u * (s * s).expandedDimensions(axis: -2), vt)
            }
            expectGradients(at: [samples(shape)]) {
                square(try! LinearAlgebra.singularValueDecomposition($0[0]).u)
            }
            expectGradients(at: [samples(shape)]) {
                square(try! LinearAlgebra.singularValueDecomposition($0[0]).vt)
            }
        }
    }

    @Test func gradientsOfPseudoInversesAndFunctions() {
        for shape in [[5, 3], [3, 5], [2, 3, 3]] {
            expectGradients(at: [samples(shape)]) { try! LinearAlgebra.pseudoInverse($0[0]) }
        }
        expectGradients(at: [samples([5, 3]), samples([5], seed: 2)]) {
            try! LinearAlgebra.leastSquares($0[0], $0[1])
        }
        expectGradients(at: [samples([3, 3])]) { LinearAlgebra.matrixExponential($0[0]) }
        expectGradients(at: [positive([3, 3]), samples([3, 3])]) {
            try! LinearAlgebra.lyapunov(symmetric($0[0]), $0[1])
        }
    }

    @Test func gradientsOfPartsOfMatrices() {
        let a = samples([2, 3, 4])
        expectGradients(at: [a]) { square(tril($0[0], k: 1)) + square(triu($0[0], k: -1)) }
        expectGradients(at: [a]) { square($0[0].diagonal(offset: 1)) }
        expectGradients(at: [samples([2, 3])]) { square(diagonalMatrix($0[0], offset: -1)) }
        expectGradients(at: [samples([2, 3]), samples([3, 2])]) { kronecker($0[0], $0[1]) }
    }
}
