// Orthonormal transforms of real numbers: discrete cosines and Walsh-Hadamard.

/// The orthonormal discrete cosine transform of type II along an axis,
/// y[k] = cₖ Σⱼ x[j] cos(π·k·(2j + 1)/2n), c₀ = √(1/n), cₖ = √(2/n).
public func dct(_ x: Tensor, axis: Int = -1) -> Tensor { cosineTransform(x, axis, inverse: false) }

/// The inverse of ``dct(_:axis:)``: the orthonormal transform of type III.
public func idct(_ x: Tensor, axis: Int = -1) -> Tensor { cosineTransform(x, axis, inverse: true) }

/// ``dct(_:axis:)`` along several axes.
public func dctn(_ x: Tensor, axes: [Int]) -> Tensor { axes.reduce(x) { dct($0, axis: $1) } }

/// The inverse of ``dctn(_:axes:)``.
public func idctn(_ x: Tensor, axes: [Int]) -> Tensor { axes.reduce(x) { idct($0, axis: $1) } }

private func cosineTransform(_ x: Tensor, _ axis: Int, inverse: Bool) -> Tensor {
    precondition(!x.dtype.isComplex, "dct: expected real numbers, found \(x.dtype)")
    let x = FourierTransform.asReal(x)
    let axis = Shape.axis(axis, x.rank, "dct")
    let source = x.detached.contiguous()
    let y = Tensor(uninitialized: x.shape, x.dtype)
    if x.count > 0 {
        if x.dtype == .float64 {
            AxisTransform<Double>(x.shape, axis: axis, inverse: inverse, scale: 1)
                .cosine(source.pointer(Double.self), y.mutablePointer(Double.self))
        } else {
            AxisTransform<Float>(x.shape, axis: axis, inverse: inverse, scale: 1)
                .cosine(source.pointer(Float.self), y.mutablePointer(Float.self))
        }
    }
    guard x.isTracked else { return y }
    // Orthonormal: the adjoint is the inverse.
    return y.tracked(inverse ? "idct" : "dct", from: x) {
        cosineTransform($0.gradient, axis, inverse: !inverse)
    }
}

/// The Walsh-Hadamard transform along the last axis, whose length is a power of two, in natural order: H₁ =
/// 1, H₂ₙ = [[Hₙ, Hₙ], [Hₙ, −Hₙ]].
///
/// - Parameter orthonormal: divides by √n, which makes the transform its own inverse.
public func walshHadamard(_ x: Tensor, orthonormal: Bool = true) -> Tensor {
    precondition(!x.dtype.isComplex, "walshHadamard: expected real numbers, found \(x.dtype)")
    let n = x.dim(-1)
    precondition(
        n > 0 && n & (n - 1) == 0, "walshHadamard: length \(n) of shape \(x.shape) is not a power of two")
    let x = FourierTransform.asReal(x)
    let y = x.detached.denseCopy()
    let scale = orthonormal ? 1 / Double(n).squareRoot() : 1
    Parallel.forRanges(x.count / n, grain: max(1, 16384 / n)) { rows in
        for row in rows {
            if x.dtype == .float64 {
                Double.hadamard(y.mutablePointer(Double.self) + row * n, n, scale: scale)
            } else {
                Float.hadamard(y.mutablePointer(Float.self) + row * n, n, scale: Float(scale))
            }
        }
    }
    guard x.isTracked else { return y }
    return y.tracked("walshHadamard", from: x) { walshHadamard($0.gradient, orthonormal: orthonormal) }
}
