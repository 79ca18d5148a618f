import CKernels

/// Elementwise arithmetic on integers, which wraps around on overflow, and on bool, where a sum is "or" and a product
/// "and".
enum IntegerLoops {
    static func binary(_ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        let isBool = a.dtype == .bool
        let integer: mercer_integer? =
            switch operation {
            case mercer_binary_add: isBool ? mercer_integer_bit_or : mercer_integer_add
            case mercer_binary_multiply: isBool ? mercer_integer_bit_and : mercer_integer_multiply
            case mercer_binary_maximum: mercer_integer_maximum
            case mercer_binary_minimum: mercer_integer_minimum
            case mercer_binary_subtract: isBool ? nil : mercer_integer_subtract
            case mercer_binary_remainder: isBool ? nil : mercer_integer_remainder
            case mercer_binary_floor_divide: isBool ? nil : mercer_integer_floor_divide
            case mercer_binary_power: isBool ? nil : mercer_integer_power
            default: nil
            }
        guard let integer else {
            preconditionFailure("\(name) of \(a.dtype) tensors; convert them with asType first")
        }
        return run(integer, a, b, a.dtype, name)
    }

    static func compare(_ operation: mercer_comparison, _ a: Tensor, _ b: Tensor, _ name: StaticString)
        -> Tensor
    {
        let integer =
            switch operation {
            case mercer_comparison_equal: mercer_integer_equal
            case mercer_comparison_not_equal: mercer_integer_not_equal
            case mercer_comparison_less: mercer_integer_less
            default: mercer_integer_less_equal
            }
        return run(integer, a, b, .bool, name)
    }

    /// Operations on bits of integers, or of bool without shifts.
    static func bitwise(_ operation: mercer_integer, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        run(operation, a, b, a.dtype, name)
    }

    private static func run(
        _ operation: mercer_integer, _ a: Tensor, _ b: Tensor, _ result: DType, _ name: StaticString
    ) -> Tensor {
        guard let type = a.dtype.kernelType, type.rawValue < mercer_integer_type_count.rawValue else {
            preconditionFailure("\(name): \(a.dtype) is not an integer type")
        }
        let loop = mercer_integer_function(type, operation)
        if a.shape == b.shape && a.isContiguous && b.isContiguous {
            let y = Tensor(uninitialized: a.shape, result)
            Elementwise.dense(loop, a, b, y, 0, 0)
            return y
        }
        let y = Tensor(uninitialized: Shape.broadcast(a.shape, b.shape, name), result)
        Elementwise.broadcast(loop, a, b, y, 0, 0)
        return y
    }
}

extension DType {
    /// The row of the tables of plain C types; bool is read as bytes.
    var kernelType: mercer_type? {
        switch self {
        case .bool, .uint8: mercer_type_uint8
        case .int8: mercer_type_int8
        case .uint16: mercer_type_uint16
        case .int16: mercer_type_int16
        case .uint32: mercer_type_uint32
        case .int32: mercer_type_int32
        case .uint64: mercer_type_uint64
        case .int64: mercer_type_int64
        case .float32: mercer_type_float32
        case .float64: mercer_type_float64
        case .float16, .bfloat16, .complex64, .complex128: nil
        }
    }
}
