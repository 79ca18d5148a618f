/// What the transforms of tensors are made of, with gradients. A transform is linear, so that its gradient is
/// its adjoint: the transform in the other direction.
enum FourierTransform {
    /// Checked axes from 0 in the order given.
    static func axes(_ x: Tensor, _ s: [Int]?, _ axes: [Int]?, _ operation: StaticString) -> [Int] {
        let count = axes?.count ?? s?.count ?? x.rank
        precondition(
            count >= 1 && count <= x.rank, "\(operation): \(count) axes of a tensor of shape \(x.shape)")
        precondition(
            s == nil || s!.count == count, "\(operation): lengths \(s ?? []) for \(count) axes")
        let result = axes?.map { Shape.axis($0, x.rank, operation) } ?? Array(x.rank - count..<x.rank)
        precondition(Set(result).count == count, "\(operation): axes \(result) name one axis twice")
        return result
    }

    /// The tensor cut or extended by zeros to the lengths `s` along the axes.
    static func resized(
        _ x: Tensor, _ s: [Int]?, _ axes: [Int]?, _ operation: StaticString
    ) -> (Tensor, [Int]) {
        let axes = self.axes(x, s, axes, operation)
        var widths = [(before: Int, after: Int)](repeating: (0, 0), count: x.rank)
        for (axis, n) in zip(axes, s ?? axes.map { x.shape[$0] }) {
            precondition(
                n >= 1, "\(operation): length \(n) along axis \(axis) of a tensor of shape \(x.shape)")
            widths[axis].after = n - x.shape[axis]
        }
        return (widths.allSatisfy { $0.after == 0 } ? x : padded(x, widths), axes)
    }

    static func asComplex(_ x: Tensor) -> Tensor {
        if x.dtype.isComplex { return x }
        return x.asType(x.dtype == .float64 ? .complex128 : .complex64)
    }

    static func asReal(_ x: Tensor) -> Tensor { x.dtype == .float64 ? x : x.asType(.float32) }

    /// Complex to complex.
    ///
    /// - Parameter ownsOperand: whether nobody else needs `x`, so that its memory can take the result.
    static func complex(
        _ x: Tensor, _ axes: [Int], inverse: Bool, _ norm: FFTNorm, ownsOperand: Bool = false
    ) -> Tensor {
        let source = x.detached.contiguous()
        let y = ownsOperand ? source : Tensor(uninitialized: x.shape, x.dtype)
        let scale = norm.scale(axes.reduce(1) { $0 * x.shape[$1] }, inverse: inverse)
        if x.dtype == .complex64 {
            run(Float.self, source, y, axes, inverse, scale)
        } else {
            run(Double.self, source, y, axes, inverse, scale)
        }
        guard x.isTracked else { return y }
        return y.tracked(inverse ? "ifftn" : "fftn", from: x) { back in
            complex(back.gradient, axes, inverse: !inverse, norm.adjoint)
        }
    }

    private static func run<R: TransformNumber>(
        _ type: R.Type, _ x: Tensor, _ y: Tensor, _ axes: [Int], _ inverse: Bool, _ scale: Double
    ) {
        if x.count == 0 { return }
        // From the last axis, which lies densely; the scale goes with the first transform.
        var source = UnsafePointer(x.pointer(R.self))
        let target = y.mutablePointer(R.self)
        for (index, axis) in axes.sorted(by: >).enumerated() {
            AxisTransform<R>(x.shape, axis: axis, inverse: inverse, scale: index == 0 ? scale : 1)
                .complex(source, target)
            source = UnsafePointer(target)
        }
    }

    /// Real numbers to half of their coefficients.
    static func realToHalf(_ x: Tensor, _ axis: Int, _ norm: FFTNorm) -> Tensor {
        let source = x.detached.contiguous()
        let n = x.shape[axis]
        var shape = x.shape
        shape[axis] = n / 2 + 1
        let y = Tensor(uninitialized: shape, x.dtype == .float64 ? .complex128 : .complex64)
        let scale = norm.scale(n, inverse: false)
        if x.count > 0 {
            if x.dtype == .float64 {
                AxisTransform<Double>(x.shape, axis: axis, inverse: false, scale: scale)
                    .realToHalf(source.pointer(Double.self), y.mutablePointer(Double.self))
            } else {
                AxisTransform<Float>(x.shape, axis: axis, inverse: false, scale: scale)
                    .realToHalf(source.pointer(Float.self), y.mutablePointer(Float.self))
            }
        }
        guard x.isTracked else { return y }
        return y.tracked("rfft", from: x) { back in
            halfToReal(weighted(back.gradient, axis, n, 0.5), axis, n, norm.adjoint)
        }
    }

    /// Half of the coefficients to n real numbers.
    static func halfToReal(_ x: Tensor, _ axis: Int, _ n: Int, _ norm: FFTNorm) -> Tensor {
        let source = x.detached.contiguous()
        var shape = x.shape
        shape[axis] = n
        let y = Tensor(uninitialized: shape, x.dtype.realPart)
        let scale = norm.scale(n, inverse: true)
        if y.count > 0 {
            if x.dtype == .complex128 {
                AxisTransform<Double>(x.shape, axis: axis, n: n, inverse: true, scale: scale)
                    .halfToReal(source.pointer(Double.self), y.mutablePointer(Double.self))
            } else {
                AxisTransform<Float>(x.shape, axis: axis, n: n, inverse: true, scale: scale)
                    .halfToReal(source.pointer(Float.self), y.mutablePointer(Float.self))
            }
        }
        guard x.isTracked else { return y }
        return y.tracked("irfft", from: x) { back in
            weighted(realToHalf(back.gradient, axis, norm.adjoint), axis, n, 2)
        }
    }

    /// Coefficients that stand for a conjugate pair, all but the first and the middle one, times a factor.
    private static func weighted(_ x: Tensor, _ axis: Int, _ n: Int, _ factor: Double) -> Tensor {
        let half = n / 2 + 1
        var shape = [Int](repeating: 1, count: x.rank)
        shape[axis] = half
        let factors = (0..<half).map { $0 == 0 || 2 * $0 == n ? 1 : factor }
        return x * Tensor(factors, shape).asType(x.dtype)
    }
}
