// Type promotion: the one place that says which type a mixed operation has.
//
// - Categories are ordered bool < integer < floating point < complex. Between categories the higher one decides, and
//   its own width counts: int64 + float16 is float16 (as in PyTorch).
// - Within floats: float16 with bfloat16 is float32; otherwise the wider one.
// - Within integers: the wider; signed with unsigned of the same or larger width is the next wider signed type
//   (uint8 + int8 = int16); uint64 with a signed type is float32, since no integer holds both.
// - A complex type with a float64 is complex128.
// - A Swift number beside a tensor takes the tensor's type, unless its category is higher: a floating-point
//   number beside an integer tensor makes float32.

extension DType {
    /// The type of an operation on `self` and `other`.
    public func promoted(with other: DType) -> DType {
        if self == other { return self }
        if isComplex || other.isComplex {
            let wide = [self, other].contains { $0 == .complex128 || $0 == .float64 }
            return wide ? .complex128 : .complex64
        }
        switch (isFloatingPoint, other.isFloatingPoint) {
        case (true, false): return self
        case (false, true): return other
        case (true, true):
            if size == other.size { return .float32 }
            return size > other.size ? self : other
        case (false, false): break
        }
        if self == .bool { return other }
        if other == .bool { return self }
        let (a, b) = (self, other)
        if a.isSigned == b.isSigned { return a.size >= b.size ? a : b }
        let (signed, unsigned) = a.isSigned ? (a, b) : (b, a)
        if signed.size > unsigned.size { return signed }
        switch unsigned {
        case .uint8: return .int16
        case .uint16: return .int32
        case .uint32: return .int64
        default: return .float32
        }
    }

    /// The type of results that are never whole numbers (`exp`, `mean`, a quotient): itself for floating point and
    /// complex, float32 for the rest.
    public var asFloatingPoint: DType { isFloatingPoint || isComplex ? self : .float32 }

    private var isSigned: Bool {
        switch self {
        case .int8, .int16, .int32, .int64: true
        default: false
        }
    }
}
