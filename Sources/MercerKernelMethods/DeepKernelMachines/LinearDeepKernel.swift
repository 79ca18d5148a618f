import Foundation
import Mercer

/// Deep kernel machines of linear kernels between a fixed first and a fixed last Gram matrix: the maximiser of
/// −Σ_{ℓ=1}^{L+1} ν_ℓ KL(N(0, G_ℓ) ‖ N(0, G_{ℓ−1})).
public enum LinearDeepKernel {
    /// For equal ν the Gram matrices lie evenly on the geodesic between the ends,
    /// G_ℓ = G_0^½ (G_0^−½ G_{L+1} G_0^−½)^{ℓ/(L+1)} G_0^½.
    public static func geodesic(from first: Tensor, to last: Tensor, layers: Int) throws -> [Tensor] {
        let (root, inverseRoot) = (try power(first, 0.5), try power(first, -0.5))
        let middle = matmul(matmul(inverseRoot, last), inverseRoot)
        return try (1...layers).map { layer in
            let part = try power((middle + middle.transposed()) * 0.5, Double(layer) / Double(layers + 1))
            return matmul(matmul(root, part), root)
        }
    }

    /// The Gram matrices by optimisation, for any ν.
    ///
    /// - Parameter nus: ν_1 … ν_{L+1}, the last for the fixed Gram matrix.
    public static func optimum(from first: Tensor, to last: Tensor, nus: [Double]) throws -> [Tensor] {
        precondition(nus.count >= 2, "LinearDeepKernel: \(nus.count) ν, two or more are expected")
        let (p, layers) = (first.shape[0], nus.count - 1)
        let start = try LinearAlgebra.cholesky(first)
        // In coordinates where the first matrix is the identity.
        let inverse = LinearAlgebra.triangularSolve(start, Tensor.eye(p, nil, .float64))
        let end = matmul(matmul(inverse, last), inverse.transposed())
        let value: ([Tensor]) throws -> Tensor = { roots in
            let grams = roots.map { matmul($0, $0.transposed()) } + [end]
            var below = Tensor.eye(p, nil, .float64)
            var sum = Tensor.zeros([], .float64)
            for (gram, nu) in zip(grams, nus) {
                sum = sum + (try gramDivergence(gram, below)) * nu
                below = gram
            }
            return sum
        }
        let both = valueAndGrad(value)
        let identity = Tensor.eye(p, nil, .float64).toArray(Double.self)
        let result = LBFGS(memory: 20, maxIterations: 3000, gradientTolerance: 1e-11).minimize(
            from: (0..<layers).flatMap { _ in identity }
        ) { flat in
            let roots = (0..<layers).map { Tensor(Array(flat[$0 * p * p..<($0 + 1) * p * p]), [p, p]) }
            guard let (value, gradients) = try? both(roots) else { return (.infinity, flat.map { _ in 0 }) }
            return (value.doubleValue, gradients.flatMap { $0.toArray(Double.self) })
        }
        return (0..<layers).map { layer in
            let v = matmul(start, Tensor(Array(result.point[layer * p * p..<(layer + 1) * p * p]), [p, p]))
            return matmul(v, v.transposed())
        }
    }

    /// A symmetric positive definite matrix to a power.
    private static func power(_ a: Tensor, _ exponent: Double) throws -> Tensor {
        let (values, vectors) = try LinearAlgebra.eigh(a)
        let powers = Tensor(values.toArray(Double.self).map { Foundation.pow($0, exponent) })
        return matmul(vectors * powers.expandedDimensions(axis: 0), vectors.transposed())
    }
}
