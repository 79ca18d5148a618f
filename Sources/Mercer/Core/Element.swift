/// A Swift type that can be an element of a tensor.
public protocol TensorElement: Sendable, BitwiseCopyable {
    /// The tensor type whose bytes are this type's.
    static var dtype: DType { get }
}

extension Bool: TensorElement { public static var dtype: DType { .bool } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }
extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension UInt16: TensorElement { public static var dtype: DType { .uint16 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension UInt32: TensorElement { public static var dtype: DType { .uint32 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension UInt64: TensorElement { public static var dtype: DType { .uint64 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension Float: TensorElement { public static var dtype: DType { .float32 } }
extension Double: TensorElement { public static var dtype: DType { .float64 } }
#if !(os(macOS) && arch(x86_64))
    extension Float16: TensorElement { public static var dtype: DType { .float16 } }
#endif

/// A brain floating-point number: the upper 16 bits of a float32.
public struct BFloat16: TensorElement, Hashable {
    public var bitPattern: UInt16
    public static var dtype: DType { .bfloat16 }

    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// Rounds to nearest, ties to even; NaN stays NaN.
    public init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7fff &+ ((bits >> 16) & 1)) >> 16)
        }
    }

    /// The same value in single precision; exact.
    public var float: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
}

/// A complex number in Cartesian form, laid out as in C and NumPy.
public struct Complex<Part: BinaryFloatingPoint & TensorElement>: Hashable, Sendable, BitwiseCopyable {
    public var real: Part
    public var imaginary: Part

    public init(_ real: Part, _ imaginary: Part = 0) {
        self.real = real
        self.imaginary = imaginary
    }
}

extension Complex: TensorElement {
    public static var dtype: DType { Part.dtype == .float64 ? .complex128 : .complex64 }
}
