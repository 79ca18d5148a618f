import Mercer

// Matrices of pairs with gradients: the terms that kernels are functions of.

/// Σ_k (x_k − z_k)²/l_k² for the rows of two matrices, with gradients to the points and the length scales.
///
/// - Parameter lengthScale: a scalar, or one number a column (automatic relevance determination).
func scaledSquaredDistances(_ x: Tensor, _ z: Tensor, _ lengthScale: Tensor) -> Tensor {
    let scale = lengthScale.asType(x.dtype)
    let (a, b) = (x / scale, z / scale)
    if !a.isTracked && !b.isTracked { return squaredDistances(a, b) }
    let products = matmul(a, b.transposed())
    let norms = (a * a).sum(axis: 1, keepDims: true) + (b * b).sum(axis: 1).expandedDimensions(axis: 0)
    return clip(norms - products * 2, min: 0)
}

/// The root of squared distances whose gradient at coinciding points is 0 rather than infinite.
func safeRoot(_ squares: Tensor) -> Tensor {
    let isZero = squares .<= 0.0
    return which(isZero, 0.0, sqrt(which(isZero, 1.0, squares)))
}

/// Σ_k |x_k − z_k|/l_k, `[n, m]`; a column at a time, so memory stays that of the result.
func scaledAbsoluteDistances(_ x: Tensor, _ z: Tensor, _ lengthScale: Tensor) -> Tensor {
    let scale = lengthScale.asType(x.dtype)
    let (a, b) = (x / scale, z / scale)
    let columns = (0..<x.shape[1]).map { k in
        abs(a[0..., k].expandedDimensions(axis: 1) - b[0..., k].expandedDimensions(axis: 0))
    }
    return columns.dropFirst().reduce(columns[0], +)
}
