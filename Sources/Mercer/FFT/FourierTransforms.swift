// Discrete Fourier transforms of tensors, of any length along any axes.

/// Which of the two directions of a Fourier transform divides by the number of elements n; as in PyTorch.
public enum FFTNorm: Sendable {
    /// The inverse divides by n, the forward transform by nothing.
    case backward
    /// Both divide by √n.
    case ortho
    /// The forward transform divides by n, the inverse by nothing.
    case forward

    func scale(_ n: Int, inverse: Bool) -> Double {
        switch self {
        case .backward: inverse ? 1 / Double(n) : 1
        case .ortho: 1 / Double(n).squareRoot()
        case .forward: inverse ? 1 : 1 / Double(n)
        }
    }

    /// The norm with which the opposite direction is the adjoint.
    var adjoint: FFTNorm {
        switch self {
        case .backward: .forward
        case .ortho: .ortho
        case .forward: .backward
        }
    }
}

/// y[k] = Σⱼ x[j] exp(-2πi·jk/n) along an axis. Real operands become complex.
///
/// - Parameter n: the length; the axis is cut or extended by zeros to it.
public func fft(_ x: Tensor, n: Int? = nil, axis: Int = -1, norm: FFTNorm = .backward) -> Tensor {
    fftn(x, s: n.map { [$0] }, axes: [axis], norm: norm)
}

/// The inverse of ``fft(_:n:axis:norm:)``.
public func ifft(_ x: Tensor, n: Int? = nil, axis: Int = -1, norm: FFTNorm = .backward) -> Tensor {
    ifftn(x, s: n.map { [$0] }, axes: [axis], norm: norm)
}

/// ``fft(_:n:axis:norm:)`` along two axes.
public func fft2(_ x: Tensor, s: [Int]? = nil, axes: [Int] = [-2, -1], norm: FFTNorm = .backward) -> Tensor {
    fftn(x, s: s, axes: axes, norm: norm)
}

/// The inverse of ``fft2(_:s:axes:norm:)``.
public func ifft2(_ x: Tensor, s: [Int]? = nil, axes: [Int] = [-2, -1], norm: FFTNorm = .backward) -> Tensor {
    ifftn(x, s: s, axes: axes, norm: norm)
}

/// ``fft(_:n:axis:norm:)`` along several axes, all by default.
///
/// - Parameter s: lengths, one for each of `axes` (the last ones where `axes` is nil).
public func fftn(_ x: Tensor, s: [Int]? = nil, axes: [Int]? = nil, norm: FFTNorm = .backward) -> Tensor {
    let (x, axes) = FourierTransform.resized(x, s, axes, "fftn")
    return FourierTransform.complex(FourierTransform.asComplex(x), axes, inverse: false, norm)
}

/// The inverse of ``fftn(_:s:axes:norm:)``.
public func ifftn(_ x: Tensor, s: [Int]? = nil, axes: [Int]? = nil, norm: FFTNorm = .backward) -> Tensor {
    let (x, axes) = FourierTransform.resized(x, s, axes, "ifftn")
    return FourierTransform.complex(FourierTransform.asComplex(x), axes, inverse: true, norm)
}

/// The first n/2 + 1 coefficients of ``fft(_:n:axis:norm:)`` of real numbers; the others are their
/// conjugates.
public func rfft(_ x: Tensor, n: Int? = nil, axis: Int = -1, norm: FFTNorm = .backward) -> Tensor {
    rfftn(x, s: n.map { [$0] }, axes: [axis], norm: norm)
}

/// ``rfft(_:n:axis:norm:)`` along the last of `axes`, ``fft(_:n:axis:norm:)`` along the other one.
public func rfft2(_ x: Tensor, s: [Int]? = nil, axes: [Int] = [-2, -1], norm: FFTNorm = .backward) -> Tensor {
    rfftn(x, s: s, axes: axes, norm: norm)
}

/// ``rfft(_:n:axis:norm:)`` along the last of `axes`, ``fft(_:n:axis:norm:)`` along the others.
public func rfftn(_ x: Tensor, s: [Int]? = nil, axes: [Int]? = nil, norm: FFTNorm = .backward) -> Tensor {
    precondition(!x.dtype.isComplex, "rfftn: expected real numbers, found \(x.dtype)")
    let (x, axes) = FourierTransform.resized(x, s, axes, "rfftn")
    let y = FourierTransform.realToHalf(FourierTransform.asReal(x), axes.last!, norm)
    return axes.count == 1
        ? y : FourierTransform.complex(y, Array(axes.dropLast()), inverse: false, norm, ownsOperand: true)
}

/// The inverse of ``rfft(_:n:axis:norm:)``: real numbers from the first n/2 + 1 coefficients.
///
/// - Parameter n: the length of the result, 2·(m − 1) for m coefficients by default.
public func irfft(_ x: Tensor, n: Int? = nil, axis: Int = -1, norm: FFTNorm = .backward) -> Tensor {
    irfftn(x, s: n.map { [$0] }, axes: [axis], norm: norm)
}

/// The inverse of ``rfft2(_:s:axes:norm:)``.
public func irfft2(_ x: Tensor, s: [Int]? = nil, axes: [Int] = [-2, -1], norm: FFTNorm = .backward) -> Tensor {
    irfftn(x, s: s, axes: axes, norm: norm)
}

/// The inverse of ``rfftn(_:s:axes:norm:)``.
public func irfftn(_ x: Tensor, s: [Int]? = nil, axes: [Int]? = nil, norm: FFTNorm = .backward) -> Tensor {
    let resolved = FourierTransform.axes(x, s, axes, "irfftn")
    let last = resolved.last!
    let n = s?.last ?? 2 * (x.shape[last] - 1)
    precondition(n >= 1, "irfftn: a result of length \(n) from a tensor of shape \(x.shape)")
    let lengths =
        s.map { Array($0.dropLast()) + [n / 2 + 1] } ?? resolved.dropLast().map { x.shape[$0] } + [n / 2 + 1]
    let (z, _) = FourierTransform.resized(x, lengths, resolved, "irfftn")
    var y = FourierTransform.asComplex(z)
    if resolved.count > 1 { y = FourierTransform.complex(y, Array(resolved.dropLast()), inverse: true, norm) }
    return FourierTransform.halfToReal(y, last, n, norm)
}

/// The zero frequency moved to the middle of each axis.
public func fftShift(_ x: Tensor, axes: [Int]? = nil) -> Tensor {
    let axes = axes ?? Array(0..<x.rank)
    return x.rolled(axes.map { x.dim($0) / 2 }, axes: axes)
}

/// The inverse of ``fftShift(_:axes:)``.
public func ifftShift(_ x: Tensor, axes: [Int]? = nil) -> Tensor {
    let axes = axes ?? Array(0..<x.rank)
    return x.rolled(axes.map { -(x.dim($0) / 2) }, axes: axes)
}

/// The frequencies of ``fft(_:n:axis:norm:)``'s coefficients in cycles a unit, for samples `spacing` apart.
public func fftFrequencies(_ n: Int, spacing: Double = 1, _ dtype: DType = .float32) -> Tensor {
    Tensor((0..<n).map { Double($0 < (n + 1) / 2 ? $0 : $0 - n) / (Double(n) * spacing) }).asType(dtype)
}

/// The frequencies of ``rfft(_:n:axis:norm:)``'s coefficients in cycles a unit, for samples `spacing` apart.
public func rfftFrequencies(_ n: Int, spacing: Double = 1, _ dtype: DType = .float32) -> Tensor {
    Tensor((0...n / 2).map { Double($0) / (Double(n) * spacing) }).asType(dtype)
}
