import Mercer

/// Circular convolution of pictures of one size with a kernel, by Fourier transforms, with its gradient: y = k ⊗ x.
public struct CircularBlur: Sendable {
    public let height: Int
    public let width: Int
    /// The transfer function's first half, `[1, height, width / 2 + 1, 1]`.
    private let transfer: Tensor
    private let conjugate: Tensor

    /// - Parameter dtype: of the pictures, float32 or float64.
    public init(_ kernel: BlurKernel, height: Int, width: Int, dtype: DType = .float32) {
        self.height = height
        self.width = width
        let half = rfft2(kernel.placed(height, width)).expandedDimensions(axes: [0, 3])
        transfer = half.asType(dtype == .float64 ? .complex128 : .complex64).contiguous()
        conjugate = transfer.conjugate().contiguous()
    }

    /// k ⊗ x for pictures `[N, height, width, C]`.
    public func callAsFunction(_ x: Tensor) -> Tensor { filtered(x, adjoint: false) }

    /// The transposed map: correlation with the kernel.
    public func adjoint(_ x: Tensor) -> Tensor { filtered(x, adjoint: true) }

    private func filtered(_ x: Tensor, adjoint: Bool) -> Tensor {
        precondition(
            x.rank == 4 && x.shape[1] == height && x.shape[2] == width,
            "CircularBlur: a tensor of shape \(x.shape) where [N, \(height), \(width), C] is needed")
        let spectrum: Tensor = rfft2(x.detached, axes: [1, 2]) * (adjoint ? conjugate : transfer)
        let y = irfft2(spectrum, s: [height, width], axes: [1, 2])
        guard x.isTracked else { return y }
        return y.tracked("circularBlur", from: x) { filtered($0.gradient, adjoint: !adjoint) }
    }

    /// Wiener's estimate F⁻¹(K̄·Y / (|K|² + ε)).
    ///
    /// - Parameter noise: ε, the noise's power as a part of the signal's.
    public func wiener(_ y: Tensor, noise: Double) -> Tensor {
        let power: Tensor = (transfer * conjugate).realPart()
        let gain: Tensor = conjugate / complex(power + noise, Tensor.zeros(power.shape, power.dtype))
        return irfft2(rfft2(y, axes: [1, 2]) * gain, s: [height, width], axes: [1, 2])
    }

    /// Richardson's and Lucy's iteration x ← x · kᵀ ⊗ (y / (k ⊗ x)), from the picture itself.
    public func richardsonLucy(
        _ y: Tensor, iterations: Int, step: (Int) throws -> Void = { _ in }
    ) rethrows -> Tensor {
        let least = 1e-6
        let y = clip(y, min: least)
        var x = y
        for iteration in 0..<iterations {
            let ratio: Tensor = y / clip(self(x), min: least)
            x = clip(x * adjoint(ratio), min: 0)
            try step(iteration + 1)
        }
        return x
    }
}

extension CircularBlur {
    /// Values of ε among which Wiener's best is looked for where a reference is known.
    public static let noiseLevels = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1]
}
