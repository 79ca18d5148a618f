import Foundation
import Mercer

/// The inverse and ln det of a symmetric positive definite matrix, with a gradient of three products.
///
/// - Throws: ``LinearAlgebraError/notPositiveDefinite(operation:shape:matrix:leadingMinor:)``.
func inverseAndLogDeterminant(_ a: Tensor) throws -> (inverse: Tensor, logDeterminant: Tensor) {
    let plain = a.detached
    let l = try LinearAlgebra.cholesky(plain)
    let results = customOperation([a], name: "inverseAndLogDeterminant") { _ in
        let root = LinearAlgebra.triangularSolve(l, Tensor.eye(plain.shape[0], nil, .float64))
        return [matmul(root.transposed(), root), Mercer.log(l.diagonal()).sum() * 2]
    } backward: { _, results, gradients in
        let inverse = results[0]
        let g = (gradients[0] + gradients[0].transposed()) * 0.5
        return [gradients[1] * inverse - matmul(matmul(inverse, g), inverse)]
    }
    return (results[0], results[1])
}

/// kᵢᵀ S kᵢ for the rows of K, `[T, P]`, and a symmetric S, `[P, P]`.
func quadraticForms(_ k: Tensor, _ s: Tensor) -> Tensor {
    customOperation([k, s], name: "quadraticForms") { inputs in
        let product = matmul(inputs[0], inputs[1])
        return [(product * inputs[0]).sum(axis: 1), product]
    } backward: { inputs, results, gradients in
        let g = gradients[0].expandedDimensions(axis: 1)
        return [results[1] * g * 2, matmul(inputs[0].transposed(), inputs[0] * g)]
    }[0]
}

/// KL(N(0, G) ‖ N(0, K)) = ½[tr(K⁻¹G) − ln det(K⁻¹G) − P].
///
/// - Throws: ``LinearAlgebraError`` where one of them isn't positive definite.
public func gramDivergence(_ g: Tensor, _ k: Tensor) throws -> Tensor {
    let (inverse, log) = try inverseAndLogDeterminant(k)
    return try gramDivergence(g, inverse: inverse, logDeterminant: log)
}

/// The same, with K⁻¹ and ln det K at hand.
func gramDivergence(_ g: Tensor, inverse: Tensor, logDeterminant: Tensor) throws -> Tensor {
    // tr(K⁻¹G) of symmetric matrices is the sum of products of entries.
    let trace = (inverse * g).sum()
    let logG = try inverseAndLogDeterminant(g).logDeterminant
    return (trace + logDeterminant - logG - Double(g.shape[0])) * 0.5
}
