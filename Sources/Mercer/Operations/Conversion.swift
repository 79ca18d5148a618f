import CKernels

extension Tensor {
    /// The same numbers in another type. From floating point to integers they are cut toward zero (NaN becomes 0, what
    /// is out of range the nearest end); to `bool` everything but 0 is true; from complex the real part is taken.
    ///
    /// The gradient is converted back.
    public func asType(_ dtype: DType) -> Tensor {
        if dtype == self.dtype { return self }
        let y = Conversion.convert(self, dtype)
        guard isTracked, dtype.isFloatingPoint || dtype.isComplex else { return y }
        let source = self.dtype
        return y.tracked("asType", from: self) { $0.gradient.asType(source) }
    }
}

/// Conversions between element types, without gradients.
enum Conversion {
    static func convert(_ x: Tensor, _ dtype: DType) -> Tensor {
        if x.dtype == dtype { return x.detached }
        if let loop = loop(x.dtype, dtype) { return run(loop, x, dtype) }
        switch (x.dtype, dtype) {
        case (.complex64, _): return fromComplex(x, dtype, Float.self)
        case (.complex128, _): return fromComplex(x, dtype, Double.self)
        case (_, .complex64):
            return Elementwise.map(convert(x, .float32), dtype) { (v: Float) in Complex(v) }
        case (_, .complex128):
            return Elementwise.map(convert(x, .float64), dtype) { (v: Double) in Complex(v) }
        default:
            // A half type on either side, or both.
            return convert(convert(x, .float32), dtype)
        }
    }

    private static func loop(_ from: DType, _ to: DType) -> mercer_convert_loop? {
        let conversion: mercer_conversion
        switch (from, to) {
        case (.float16, .float32): conversion = mercer_conversion_float16_to_float32
        case (.float32, .float16): conversion = mercer_conversion_float32_to_float16
        case (.bfloat16, .float32): conversion = mercer_conversion_bfloat16_to_float32
        case (.float32, .bfloat16): conversion = mercer_conversion_float32_to_bfloat16
        case (.float64, .float32): conversion = mercer_conversion_float64_to_float32
        case (.float32, .float64): conversion = mercer_conversion_float32_to_float64
        case (.uint8, .float32): conversion = mercer_conversion_uint8_to_float32
        default:
            guard let source = from.kernelType, let target = to.kernelType else { return nil }
            return to == .bool ? mercer_type_flags(source) : mercer_type_conversion(source, target)
        }
        return mercer_convert_function(kernelISA, conversion)
    }

    private static func run(_ loop: mercer_convert_loop, _ x: Tensor, _ dtype: DType) -> Tensor {
        let dense = x.isContiguous ? x : x.denseCopy()
        let y = Tensor(uninitialized: x.shape, dtype)
        let size = x.dtype.size
        nonisolated(unsafe) let from = dense.rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        Elementwise.forRanges(x.count, grain: Elementwise.grain, size: dtype.size, to: to) {
            start, n, to in
            loop(from + start * size, to, n)
        }
        withExtendedLifetime(dense) {}
        return y
    }

    private static func fromComplex<Part: BinaryFloatingPoint & TensorElement>(
        _ x: Tensor, _ dtype: DType, _ type: Part.Type
    ) -> Tensor {
        switch dtype {
        case .complex64:
            Elementwise.map(x, dtype) { (v: Complex<Part>) in Complex(Float(v.real), Float(v.imaginary)) }
        case .complex128:
            Elementwise.map(x, dtype) { (v: Complex<Part>) in Complex(Double(v.real), Double(v.imaginary)) }
        case .bool:
            Elementwise.map(x, dtype) { (v: Complex<Part>) in v.real != 0 || v.imaginary != 0 }
        default:
            convert(Elementwise.map(x, Part.dtype) { (v: Complex<Part>) in v.real }, dtype)
        }
    }
}
