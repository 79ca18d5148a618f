import CKernels

// Comparisons, logic, bits and selection. Results of comparisons are bool tensors without gradient.

infix operator .&& : LogicalConjunctionPrecedence
infix operator .|| : LogicalDisjunctionPrecedence

private func compared(
    _ operation: mercer_comparison, _ a: Tensor, _ b: Tensor, _ name: StaticString
) -> Tensor {
    let (a, b) = Arithmetic.promoted(a.detached, b.detached)
    if a.dtype.isFloatingPoint { return Elementwise.compare(operation, a, b, name) }
    if a.dtype.isComplex {
        switch operation {
        case mercer_comparison_equal: return ComplexLoops.isEqual(a, b, name)
        case mercer_comparison_not_equal: return .!ComplexLoops.isEqual(a, b, name)
        default: preconditionFailure("\(name): complex numbers have no order")
        }
    }
    return IntegerLoops.compare(operation, a, b, name)
}

extension Tensor {
    /// Where elements are equal.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { compared(mercer_comparison_equal, a, b, ".==") }
    /// Where elements differ.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor {
        compared(mercer_comparison_not_equal, a, b, ".!=")
    }
    /// Where `a` is less than `b`.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { compared(mercer_comparison_less, a, b, ".<") }
    /// Where `a` is at most `b`.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor {
        compared(mercer_comparison_less_equal, a, b, ".<=")
    }
    /// Where `a` is greater than `b`.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { compared(mercer_comparison_less, b, a, ".>") }
    /// Where `a` is at least `b`.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor {
        compared(mercer_comparison_less_equal, b, a, ".>=")
    }

    /// Where elements equal a number.
    public static func .== <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .== s.scalarTensor(beside: a.dtype)
    }
    /// Where elements differ from a number.
    public static func .!= <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .!= s.scalarTensor(beside: a.dtype)
    }
    /// Where elements are less than a number.
    public static func .< <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .< s.scalarTensor(beside: a.dtype)
    }
    /// Where elements are at most a number.
    public static func .<= <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .<= s.scalarTensor(beside: a.dtype)
    }
    /// Where elements are greater than a number.
    public static func .> <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .> s.scalarTensor(beside: a.dtype)
    }
    /// Where elements are at least a number.
    public static func .>= <S: TensorScalar>(a: Tensor, s: S) -> Tensor {
        a .>= s.scalarTensor(beside: a.dtype)
    }

    // MARK: Logic and bits

    /// Where both are true (not 0).
    public static func .&& (a: Tensor, b: Tensor) -> Tensor {
        IntegerLoops.bitwise(mercer_integer_bit_and, a.asType(.bool), b.asType(.bool), ".&&")
    }
    /// Where at least one is true (not 0).
    public static func .|| (a: Tensor, b: Tensor) -> Tensor {
        IntegerLoops.bitwise(mercer_integer_bit_or, a.asType(.bool), b.asType(.bool), ".||")
    }
    /// Where an element is false (0).
    public static prefix func .! (a: Tensor) -> Tensor {
        let flags = a.asType(.bool)
        return Elementwise.map(flags, .bool) { (x: Bool) in !x }
    }

    /// The bits that both have; of bool tensors "and".
    public static func .& (a: Tensor, b: Tensor) -> Tensor { bits(mercer_integer_bit_and, a, b, ".&") }
    /// The bits that at least one has; of bool tensors "or".
    public static func .| (a: Tensor, b: Tensor) -> Tensor { bits(mercer_integer_bit_or, a, b, ".|") }
    /// The bits in which they differ; of bool tensors "either, not both".
    public static func .^ (a: Tensor, b: Tensor) -> Tensor { bits(mercer_integer_bit_xor, a, b, ".^") }

    private static func bits(
        _ operation: mercer_integer, _ a: Tensor, _ b: Tensor, _ name: StaticString
    ) -> Tensor {
        let (a, b) = Arithmetic.promoted(a, b)
        return IntegerLoops.bitwise(operation, a, b, name)
    }
}

/// Bits moved toward the higher end.
public func leftShift(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    return IntegerLoops.bitwise(mercer_integer_shift_left, a, b, "leftShift")
}

/// Bits moved toward the lower end; signed numbers keep their sign.
public func rightShift(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    return IntegerLoops.bitwise(mercer_integer_shift_right, a, b, "rightShift")
}

/// `a` where the condition is true, `b` elsewhere; all three broadcast. The `where` of NumPy and PyTorch.
public func which(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    let condition = condition.asType(.bool)
    let y: Tensor
    switch a.dtype.size {
    case 4, 8: y = Elementwise.ternary(mercer_ternary_select, condition, a, b, "which")
    case 1: y = selected(condition, a, b, UInt8.self)
    case 2: y = selected(condition, a, b, UInt16.self)
    default: y = selected(condition, a, b, SIMD2<UInt64>.self)
    }
    guard a.isTracked || b.isTracked else { return y }
    let (left, right) = (a.shape, b.shape)
    return y.tracked("which", from: [a, b]) { back in
        [
            back.needs(0) ? unbroadcast(which(condition, back.gradient, 0), to: left) : nil,
            back.needs(1) ? unbroadcast(which(condition, 0, back.gradient), to: right) : nil,
        ]
    }
}

/// `a` where the condition is true, a number elsewhere.
public func which<S: TensorScalar>(_ condition: Tensor, _ a: Tensor, _ s: S) -> Tensor {
    which(condition, a, s.scalarTensor(beside: a.dtype))
}

/// A number where the condition is true, `b` elsewhere.
public func which<S: TensorScalar>(_ condition: Tensor, _ s: S, _ b: Tensor) -> Tensor {
    which(condition, s.scalarTensor(beside: b.dtype), b)
}

private func selected<T: BitwiseCopyable>(
    _ condition: Tensor, _ a: Tensor, _ b: Tensor, _ type: T.Type
) -> Tensor {
    let shape = Shape.broadcast(Shape.broadcast(condition.shape, a.shape, "which"), b.shape, "which")
    let y = Tensor(uninitialized: shape, a.dtype)
    let plan = LoopPlan(shape, condition, a, b)
    nonisolated(unsafe) let flags = plan.operands[0].pointer(Bool.self)
    nonisolated(unsafe) let left = plan.operands[1].pointer(T.self)
    nonisolated(unsafe) let right = plan.operands[2].pointer(T.self)
    nonisolated(unsafe) let to = y.mutablePointer(T.self)
    let steps = plan.innerSteps
    plan.forEachRun(grain: Elementwise.grain) { output, offsets, n in
        let (f, p, q) = (flags + offsets[0], left + offsets[1], right + offsets[2])
        for i in 0..<n { to[output + i] = f[i * steps[0]] ? p[i * steps[1]] : q[i * steps[2]] }
    }
    withExtendedLifetime(plan) {}
    return y
}

/// Where elements are NaN.
public func isNaN(_ x: Tensor) -> Tensor {
    x.dtype.isComplex ? isNaN(x.realPart()) .|| isNaN(x.imaginaryPart()) : x .!= x
}

/// Where elements are +∞ or -∞.
public func isInf(_ x: Tensor) -> Tensor {
    guard x.dtype.isFloatingPoint else { return Tensor.zeros(x.shape, .bool) }
    return Elementwise.unary(mercer_unary_absolute, x) .== Double.infinity
}

/// Where elements are neither infinite nor NaN.
public func isFinite(_ x: Tensor) -> Tensor {
    guard x.dtype.isFloatingPoint else { return Tensor.ones(x.shape, .bool) }
    return Elementwise.unary(mercer_unary_absolute, x) .< Double.infinity
}

/// Where |a - b| ≤ `atol` + `rtol`·|b|. NaN is close to nothing, unless `equalNaN` makes it close to NaN.
public func isClose(
    _ a: Tensor, _ b: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
) -> Tensor {
    let dtype = a.dtype.promoted(with: b.dtype)
    let wide: DType = dtype.isComplex ? .complex128 : .float64
    let (x, y) = (a.detached.asType(wide), b.detached.asType(wide))
    var result = (x .== y) .|| (abs(x - y) .<= abs(y) * rtol + atol .&& isFinite(abs(y)))
    if equalNaN { result = result .|| (isNaN(x) .&& isNaN(y)) }
    return result
}

/// Whether all elements are close to each other. See ``isClose(_:_:rtol:atol:equalNaN:)``.
public func allClose(
    _ a: Tensor, _ b: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false
) -> Bool {
    isClose(a, b, rtol: rtol, atol: atol, equalNaN: equalNaN).all().item(Bool.self)
}
