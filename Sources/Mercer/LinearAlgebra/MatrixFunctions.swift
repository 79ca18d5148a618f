import Foundation

extension LinearAlgebra {
    /// e^A for square matrices: scaling, Padé approximation of order 13, squaring (N. J. Higham, "The scaling
    /// and squaring method for the matrix exponential revisited", 2005).
    public static func matrixExponential(_ a: Tensor) -> Tensor {
        requireMatrices(a, "matrixExponential", square: true)
        return inDouble(a) { a in
            let size = abs(a.detached).sum(axes: [-2]).max().doubleValue
            precondition(size.isFinite, "matrixExponential: the matrix has elements that are not finite")
            let squarings = max(0, Int(log2(max(size, 1e-300) / 5.371920351148152).rounded(.up)))
            let x = a * pow(2, -Double(squarings))
            // Coefficients of the numerator; the denominator has those of −x.
            let order = 13
            var b = [1.0]
            for j in 0..<order {
                b.append(b[j] * Double(order - j) / Double((2 * order - j) * (j + 1)))
            }
            let identity = Tensor.eye(a.shape[a.rank - 1], nil, .float64)
            let x2 = matmul(x, x)
            let x4 = matmul(x2, x2)
            let x6 = matmul(x4, x2)
            func combined(_ c1: Double, _ c3: Double, _ c5: Double, _ c7: Double) -> Tensor {
                x6 * c7 + x4 * c5 + x2 * c3 + identity * c1
            }
            let odd = matmul(
                x, matmul(x6, combined(0, b[9], b[11], b[13])) + combined(b[1], b[3], b[5], b[7]))
            let even = matmul(x6, combined(0, b[8], b[10], b[12])) + combined(b[0], b[2], b[4], b[6])
            var y = try! solve(even - odd, even + odd)
            for _ in 0..<squarings { y = matmul(y, y) }
            return y
        }
    }

    /// The X with A X + X A = C for a symmetric A whose eigenvalues have no two that sum to zero (Lyapunov's
    /// equation).
    ///
    /// - Throws: ``LinearAlgebraError/notConverged(operation:shape:matrix:)``.
    public static func lyapunov(_ a: Tensor, _ c: Tensor) throws -> Tensor {
        requireMatrices(a, "lyapunov", square: true)
        precondition(a.shape == c.shape, "lyapunov: matrices of shapes \(a.shape) and \(c.shape)")
        let (values, v) = try eigh(a)
        let sums = values.expandedDimensions(axis: -1) + values.expandedDimensions(axis: -2)
        let inner = matmul(matmul(v.matrixTransposed, c), v) / sums
        return matmul(matmul(v, inner), v.matrixTransposed)
    }
}

/// Extreme eigenvalues of a large symmetric matrix that is known by its products with vectors (C. Lanczos,
/// 1950), with every new vector made orthogonal to all before.
public enum Lanczos {
    /// Eigenpairs, and how well they fit.
    public struct Result: Sendable {
        /// Descending.
        public let values: [Double]
        /// One unit vector for each value.
        public let vectors: [[Double]]
        /// A bound of each value's error.
        public let residuals: [Double]
        /// Products with the matrix.
        public let products: Int
    }

    /// The `count` largest eigenvalues.
    ///
    /// - Parameters:
    ///   - dimension: the order of the matrix.
    ///   - tolerance: error relative to the largest magnitude among the eigenvalues found.
    ///   - maxProducts: stop after as many, whatever the residuals; the order of the matrix by default.
    ///   - key: of the random start.
    ///   - multiply: the product of the matrix with a vector.
    public static func largest(
        _ count: Int, dimension n: Int, tolerance: Double = 1e-10, maxProducts: Int? = nil,
        key: RandomKey = RandomKey(0), multiply: ([Double]) throws -> [Double]
    ) rethrows -> Result {
        precondition(
            count >= 1 && count <= n, "Lanczos.largest: \(count) eigenvalues of a matrix of order \(n)")
        let limit = max(count, min(n, maxProducts ?? n))
        var random = RandomStream(key)
        var basis: [[Double]] = []
        var (diagonal, offDiagonal): ([Double], [Double]) = ([], [])
        var scale = 0.0

        /// A unit vector orthogonal to the basis in the direction of `v`, and what was left of its length.
        func orthonormal(_ v: [Double]) -> ([Double], Double) {
            var v = v
            for _ in 0..<2 {
                for b in basis {
                    var projection = 0.0
                    for i in 0..<n { projection += b[i] * v[i] }
                    for i in 0..<n { v[i] -= projection * b[i] }
                }
            }
            let length = v.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return (length > 0 ? v.map { $0 / length } : v, length)
        }
        func ritz() -> (values: [Double], vectors: [[Double]]) {
            Tridiagonal.eigenvectors(
                diagonal: diagonal, offDiagonal: Array(offDiagonal.prefix(diagonal.count - 1)))
        }

        var next = orthonormal((0..<n).map { _ in random.normal() }).0
        while true {
            basis.append(next)
            let product = try multiply(next)
            precondition(
                product.count == n, "Lanczos.largest: a product of length \(product.count), expected \(n)")
            diagonal.append(zip(product, next).reduce(0) { $0 + $1.0 * $1.1 })
            scale = max(scale, product.reduce(0) { $0 + $1 * $1 }.squareRoot())
            let (direction, length) = orthonormal(product)
            let isInvariant = length <= 1e-14 * max(scale, .leastNormalMagnitude)
            offDiagonal.append(isInvariant ? 0 : length)
            let steps = basis.count
            let isLast = steps >= limit
            if isLast || (steps >= count && !isInvariant && steps % 5 == 0) {
                let (values, vectors) = ritz()
                let top = (0..<count).map { steps - 1 - $0 }
                let residuals = top.map { abs(offDiagonal[steps - 1] * vectors[$0][steps - 1]) }
                let bound = tolerance * max(abs(values[0]), abs(values[steps - 1]))
                if isLast || residuals.allSatisfy({ $0 <= bound }) {
                    let full = top.map { index in
                        var v = [Double](repeating: 0, count: n)
                        for (b, weight) in zip(basis, vectors[index]) {
                            for i in 0..<n { v[i] += weight * b[i] }
                        }
                        return v
                    }
                    return Result(
                        values: top.map { values[$0] }, vectors: full, residuals: residuals, products: steps)
                }
            }
            // An invariant subspace was exhausted: go on in a random direction outside it.
            next = isInvariant ? orthonormal((0..<n).map { _ in random.normal() }).0 : direction
        }
    }
}
