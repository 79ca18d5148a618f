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
        if let kernel = kernel(x.dtype, dtype) { return run(kernel, x, dtype) }
        switch x.dtype {
        case .bool, .uint8: return fromInteger(x, dtype, UInt8.self)
        case .int8: return fromInteger(x, dtype, Int8.self)
        case .uint16: return fromInteger(x, dtype, UInt16.self)
        case .int16: return fromInteger(x, dtype, Int16.self)
        case .uint32: return fromInteger(x, dtype, UInt32.self)
        case .int32: return fromInteger(x, dtype, Int32.self)
        case .uint64: return fromInteger(x, dtype, UInt64.self)
        case .int64: return fromInteger(x, dtype, Int64.self)
        case .float32: return fromFloatingPoint(x, dtype, Float.self)
        case .float64: return fromFloatingPoint(x, dtype, Double.self)
        case .float16, .bfloat16: return convert(convert(x, .float32), dtype)
        case .complex64: return fromComplex(x, dtype, Float.self)
        case .complex128: return fromComplex(x, dtype, Double.self)
        }
    }

    private static func kernel(_ from: DType, _ to: DType) -> mercer_conversion? {
        switch (from, to) {
        case (.float16, .float32): mercer_conversion_float16_to_float32
        case (.float32, .float16): mercer_conversion_float32_to_float16
        case (.bfloat16, .float32): mercer_conversion_bfloat16_to_float32
        case (.float32, .bfloat16): mercer_conversion_float32_to_bfloat16
        case (.float64, .float32): mercer_conversion_float64_to_float32
        case (.float32, .float64): mercer_conversion_float32_to_float64
        case (.uint8, .float32): mercer_conversion_uint8_to_float32
        default: nil
        }
    }

    private static func run(_ conversion: mercer_conversion, _ x: Tensor, _ dtype: DType) -> Tensor {
        let dense = x.isContiguous ? x : x.denseCopy()
        let y = Tensor(uninitialized: x.shape, dtype)
        let loop = mercer_convert_function(kernelISA, conversion)
        let size = x.dtype.size
        nonisolated(unsafe) let from = dense.rawPointer
        nonisolated(unsafe) let to = y.rawPointer
        Streaming.forRanges(x.count, grain: Elementwise.grain, size: dtype.size, to: to, fresh: true) {
            start, n, to in
            loop(from + start * size, to, n)
        }
        withExtendedLifetime(dense) {}
        return y
    }

    private static func fromInteger<T: FixedWidthInteger>(_ x: Tensor, _ dtype: DType, _ type: T.Type) -> Tensor {
        switch dtype {
        case .bool: Elementwise.map(x, dtype) { (v: T) in v != 0 }
        case .uint8: Elementwise.map(x, dtype) { (v: T) in UInt8(truncatingIfNeeded: v) }
        case .int8: Elementwise.map(x, dtype) { (v: T) in Int8(truncatingIfNeeded: v) }
        case .uint16: Elementwise.map(x, dtype) { (v: T) in UInt16(truncatingIfNeeded: v) }
        case .int16: Elementwise.map(x, dtype) { (v: T) in Int16(truncatingIfNeeded: v) }
        case .uint32: Elementwise.map(x, dtype) { (v: T) in UInt32(truncatingIfNeeded: v) }
        case .int32: Elementwise.map(x, dtype) { (v: T) in Int32(truncatingIfNeeded: v) }
        case .uint64: Elementwise.map(x, dtype) { (v: T) in UInt64(truncatingIfNeeded: v) }
        case .int64: Elementwise.map(x, dtype) { (v: T) in Int64(truncatingIfNeeded: v) }
        case .float32: Elementwise.map(x, dtype) { (v: T) in Float(v) }
        case .float64: Elementwise.map(x, dtype) { (v: T) in Double(v) }
        case .float16, .bfloat16: convert(convert(x, .float32), dtype)
        case .complex64: Elementwise.map(x, dtype) { (v: T) in Complex(Float(v)) }
        case .complex128: Elementwise.map(x, dtype) { (v: T) in Complex(Double(v)) }
        }
    }

    private static func fromFloatingPoint<T: BinaryFloatingPoint>(
        _ x: Tensor, _ dtype: DType, _ type: T.Type
    ) -> Tensor {
        switch dtype {
        case .bool: Elementwise.map(x, dtype) { (v: T) in v != 0 }
        case .uint8: Elementwise.map(x, dtype) { (v: T) in cut(v, UInt8.self) }
        case .int8: Elementwise.map(x, dtype) { (v: T) in cut(v, Int8.self) }
        case .uint16: Elementwise.map(x, dtype) { (v: T) in cut(v, UInt16.self) }
        case .int16: Elementwise.map(x, dtype) { (v: T) in cut(v, Int16.self) }
        case .uint32: Elementwise.map(x, dtype) { (v: T) in cut(v, UInt32.self) }
        case .int32: Elementwise.map(x, dtype) { (v: T) in cut(v, Int32.self) }
        case .uint64: Elementwise.map(x, dtype) { (v: T) in cut(v, UInt64.self) }
        case .int64: Elementwise.map(x, dtype) { (v: T) in cut(v, Int64.self) }
        case .float32: Elementwise.map(x, dtype) { (v: T) in Float(v) }
        case .float64: Elementwise.map(x, dtype) { (v: T) in Double(v) }
        case .float16, .bfloat16: convert(convert(x, .float32), dtype)
        case .complex64: Elementwise.map(x, dtype) { (v: T) in Complex(Float(v)) }
        case .complex128: Elementwise.map(x, dtype) { (v: T) in Complex(Double(v)) }
        }
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

    /// A number cut toward zero to an integer type.
    @inline(__always)
    private static func cut<T: BinaryFloatingPoint, I: FixedWidthInteger>(_ v: T, _ type: I.Type) -> I {
        if v.isNaN { return 0 }
        if v <= T(I.min) { return I.min }
        if v >= T(I.max) { return I.max }
        return I(v)
    }
}
