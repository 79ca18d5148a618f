import CKernels

/// Elementwise arithmetic on integers, which wraps around on overflow, and on bool, where a sum is "or" and a product
/// "and".
enum IntegerLoops {
    static func binary(_ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        switch a.dtype {
        case .uint8: binary(operation, a, b, name, UInt8.self)
        case .int8: binary(operation, a, b, name, Int8.self)
        case .uint16: binary(operation, a, b, name, UInt16.self)
        case .int16: binary(operation, a, b, name, Int16.self)
        case .uint32: binary(operation, a, b, name, UInt32.self)
        case .int32: binary(operation, a, b, name, Int32.self)
        case .uint64: binary(operation, a, b, name, UInt64.self)
        case .int64: binary(operation, a, b, name, Int64.self)
        case .bool: bool(operation, a, b, name)
        default: fatalError("\(name): \(a.dtype) is not an integer type")
        }
    }

    private static func bool(
        _ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString
    ) -> Tensor {
        switch operation {
        case mercer_binary_add, mercer_binary_maximum:
            Elementwise.map(a, b, .bool, name) { (x: Bool, y: Bool) in x || y }
        case mercer_binary_multiply, mercer_binary_minimum:
            Elementwise.map(a, b, .bool, name) { (x: Bool, y: Bool) in x && y }
        default:
            preconditionFailure("\(name) of bool tensors; convert with asType, or use .!, .&&, .||, .!=")
        }
    }

    private static func binary<T: FixedWidthInteger & TensorElement>(
        _ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ type: T.Type
    ) -> Tensor {
        switch operation {
        case mercer_binary_add: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x &+ y }
        case mercer_binary_subtract: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x &- y }
        case mercer_binary_multiply: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x &* y }
        case mercer_binary_maximum: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x > y ? x : y }
        case mercer_binary_minimum: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x < y ? x : y }
        case mercer_binary_remainder: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in remainder(x, y) }
        case mercer_binary_floor_divide:
            Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in floorDivide(x, y) }
        case mercer_binary_power: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in power(x, y) }
        default: preconditionFailure("\(name) of \(a.dtype) tensors; convert with asType first")
        }
    }

    /// 0 where the divisor is 0.
    @inline(__always)
    private static func remainder<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        if y == 0 { return 0 }
        let r = x.remainderReportingOverflow(dividingBy: y).partialValue
        return r != 0 && (r < 0) != (y < 0) ? r &+ y : r
    }

    /// 0 where the divisor is 0.
    @inline(__always)
    private static func floorDivide<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        if y == 0 { return 0 }
        let quotient = x.dividedReportingOverflow(by: y).partialValue
        let r = x.remainderReportingOverflow(dividingBy: y).partialValue
        return r != 0 && (r < 0) != (y < 0) ? quotient &- 1 : quotient
    }

    /// By repeated squaring; with a negative exponent 0, except for ±1.
    @inline(__always)
    private static func power<T: FixedWidthInteger>(_ x: T, _ y: T) -> T {
        if y < 0 {
            if x == 1 { return 1 }
            if T.isSigned && x == (0 as T) &- 1 { return y & 1 == 0 ? 1 : x }
            return 0
        }
        var (result, base, exponent) = (1 as T, x, y)
        while exponent > 0 {
            if exponent & 1 == 1 { result = result &* base }
            base = base &* base
            exponent >>= 1
        }
        return result
    }

    // MARK: Comparison and bits

    static func compare(_ operation: mercer_comparison, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        switch a.dtype {
        case .uint8, .bool: compare(operation, a, b, name, UInt8.self)
        case .int8: compare(operation, a, b, name, Int8.self)
        case .uint16: compare(operation, a, b, name, UInt16.self)
        case .int16: compare(operation, a, b, name, Int16.self)
        case .uint32: compare(operation, a, b, name, UInt32.self)
        case .int32: compare(operation, a, b, name, Int32.self)
        case .uint64: compare(operation, a, b, name, UInt64.self)
        case .int64: compare(operation, a, b, name, Int64.self)
        default: fatalError("\(name): \(a.dtype) is not an integer type")
        }
    }

    private static func compare<T: FixedWidthInteger>(
        _ operation: mercer_comparison, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ type: T.Type
    ) -> Tensor {
        switch operation {
        case mercer_comparison_equal: Elementwise.map(a, b, .bool, name) { (x: T, y: T) in x == y }
        case mercer_comparison_not_equal: Elementwise.map(a, b, .bool, name) { (x: T, y: T) in x != y }
        case mercer_comparison_less: Elementwise.map(a, b, .bool, name) { (x: T, y: T) in x < y }
        default: Elementwise.map(a, b, .bool, name) { (x: T, y: T) in x <= y }
        }
    }

    enum Bitwise { case and, or, xor, shiftLeft, shiftRight }

    /// Integers of one type, or bool (without shifts).
    static func bitwise(_ operation: Bitwise, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        switch a.dtype {
        case .uint8, .bool: bitwise(operation, a, b, name, UInt8.self)
        case .int8: bitwise(operation, a, b, name, Int8.self)
        case .uint16: bitwise(operation, a, b, name, UInt16.self)
        case .int16: bitwise(operation, a, b, name, Int16.self)
        case .uint32: bitwise(operation, a, b, name, UInt32.self)
        case .int32: bitwise(operation, a, b, name, Int32.self)
        case .uint64: bitwise(operation, a, b, name, UInt64.self)
        case .int64: bitwise(operation, a, b, name, Int64.self)
        default: preconditionFailure("\(name): \(a.dtype) elements have no bits to combine")
        }
    }

    private static func bitwise<T: FixedWidthInteger>(
        _ operation: Bitwise, _ a: Tensor, _ b: Tensor, _ name: StaticString, _ type: T.Type
    ) -> Tensor {
        switch operation {
        case .and: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x & y }
        case .or: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x | y }
        case .xor: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x ^ y }
        case .shiftLeft: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x << y }
        case .shiftRight: Elementwise.map(a, b, a.dtype, name) { (x: T, y: T) in x >> y }
        }
    }
}
