import Foundation

// Operations on complex tensors. A gradient g with respect to z = x + iy is ∂L/∂x + i ∂L/∂y, as in PyTorch.

extension Tensor {
    /// The complex conjugate; itself for real tensors.
    public func conjugate() -> Tensor {
        guard dtype.isComplex else { return self }
        let y = ComplexLoops.map(self) { Complex($0.real, -$0.imaginary) }
        guard isTracked else { return y }
        return y.tracked("conjugate", from: self) { $0.gradient.conjugate() }
    }

    /// The real parts; itself for real tensors.
    public func realPart() -> Tensor {
        guard dtype.isComplex else { return self }
        let y = ComplexLoops.mapToReal(self) { $0.real }
        guard isTracked else { return y }
        return y.tracked("realPart", from: self) { complex($0.gradient, Tensor.zeros(like: $0.gradient)) }
    }

    /// The imaginary parts; zeros for real tensors.
    public func imaginaryPart() -> Tensor {
        guard dtype.isComplex else { return Tensor.zeros(like: self) }
        let y = ComplexLoops.mapToReal(self) { $0.imaginary }
        guard isTracked else { return y }
        return y.tracked("imaginaryPart", from: self) {
            complex(Tensor.zeros(like: $0.gradient), $0.gradient)
        }
    }
}

/// Complex numbers from their parts, float32 or float64, of one shape.
public func complex(_ real: Tensor, _ imaginary: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(real, imaginary)
    precondition(
        a.dtype == .float32 || a.dtype == .float64,
        "complex: parts of type \(a.dtype) are neither float32 nor float64")
    let y =
        a.dtype == .float64
        ? Elementwise.map(a, b, .complex128, "complex") { (x: Double, y: Double) in Complex(x, y) }
        : Elementwise.map(a, b, .complex64, "complex") { (x: Float, y: Float) in Complex(x, y) }
    guard a.isTracked || b.isTracked else { return y }
    return y.tracked("complex", from: [a, b]) { back in
        [
            back.needs(0) ? unbroadcast(back.gradient.realPart(), to: a.shape) : nil,
            back.needs(1) ? unbroadcast(back.gradient.imaginaryPart(), to: b.shape) : nil,
        ]
    }
}

/// |z|, real.
func modulus(_ z: Tensor) -> Tensor {
    let y = ComplexLoops.mapToReal(z) { hypot($0.real, $0.imaginary) }
    guard z.isTracked else { return y }
    return y.tracked("abs", from: z, keepsOutput: true) { back in
        // g z / |z|, 0 at 0.
        let length = back.output
        let scaled = which(length .== 0, 0, back.gradient / which(length .== 0, 1, length))
        return z * complex(scaled, Tensor.zeros(like: scaled))
    }
}

/// e^z.
func complexExp(_ z: Tensor) -> Tensor {
    let y = ComplexLoops.map(z) { z in
        let size = Foundation.exp(z.real)
        return Complex(size * Foundation.cos(z.imaginary), size * Foundation.sin(z.imaginary))
    }
    guard z.isTracked else { return y }
    return y.tracked("exp", from: z, keepsOutput: true) { $0.gradient * $0.output.conjugate() }
}
