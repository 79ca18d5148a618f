/// The type of a tensor's elements.
public enum DType: UInt8, Sendable, CaseIterable, Hashable {
    case bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64
    case float16, bfloat16, float32, float64
    case complex64, complex128

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .uint16, .int16, .float16, .bfloat16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .complex64: 8
        case .complex128: 16
        }
    }

    /// float16, bfloat16, float32 or float64.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        default: false
        }
    }

    /// complex64 or complex128.
    public var isComplex: Bool { self == .complex64 || self == .complex128 }

    /// A signed or unsigned integer; `bool` is not one.
    public var isInteger: Bool { !isFloatingPoint && !isComplex && self != .bool }

    /// The type of a complex number's parts; any other type itself.
    public var realPart: DType {
        switch self {
        case .complex64: .float32
        case .complex128: .float64
        default: self
        }
    }
}

extension DType: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bool: "bool"
        case .uint8: "uint8"
        case .int8: "int8"
        case .uint16: "uint16"
        case .int16: "int16"
        case .uint32: "uint32"
        case .int32: "int32"
        case .uint64: "uint64"
        case .int64: "int64"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .float32: "float32"
        case .float64: "float64"
        case .complex64: "complex64"
        case .complex128: "complex128"
        }
    }
}
