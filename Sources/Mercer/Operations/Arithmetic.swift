import CKernels

// Sums, products and their relatives. Operands are broadcast and promoted (see `TypePromotion.swift`); a stretched
// operand's gradient is summed over the axes along which it was stretched.

/// The operators of ``Tensor`` on every element type, without gradients.
enum Arithmetic {
    /// Both operands in their common type.
    @inline(__always)
    static func promoted(_ a: Tensor, _ b: Tensor) -> (Tensor, Tensor) {
        if a.dtype == b.dtype { return (a, b) }
        let dtype = a.dtype.promoted(with: b.dtype)
        return (a.asType(dtype), b.asType(dtype))
    }

    /// f(a, b) for operands of one type.
    static func binary(_ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
        if a.dtype.isFloatingPoint { return Elementwise.binary(operation, a, b, name) }
        if a.dtype.isComplex { return ComplexLoops.binary(operation, a, b, name) }
        return IntegerLoops.binary(operation, a, b, name)
    }

    /// f(x, s), or f(s, x) where the number comes first.
    @inline(__always)
    static func binary<S: TensorScalar>(
        _ operation: mercer_binary, _ x: Tensor, _ s: S, scalarFirst: Bool = false, _ name: StaticString
    ) -> Tensor {
        if x.dtype.isFloatingPoint {
            return Elementwise.binary(operation, x, scalar: s.scalarValue, scalarFirst: scalarFirst)
        }
        let (x, s) = promoted(x.detached, s.scalarTensor(beside: x.dtype))
        return scalarFirst ? binary(operation, s, x, name) : binary(operation, x, s, name)
    }

    /// a = f(a, b) in place; false where `a` is shared, recorded, or would change its shape or type.
    static func inPlace(_ operation: mercer_binary, _ a: inout Tensor, _ b: Tensor) -> Bool {
        guard a.dtype == b.dtype, a.dtype == .float32 || a.dtype == .float64, !b.isTracked,
            a.canWriteInPlace(), b.shape == a.shape || stretches(b.shape, a.shape)
        else { return false }
        let loop = mercer_binary_function(kernelISA, a.dtype == .float64 ? 1 : 0, operation)
        if a.shape == b.shape && b.isContiguous {
            Elementwise.dense(loop, a, b, a, 0, 0)
        } else {
            Elementwise.broadcast(loop, a, b, a, 0, 0)
        }
        return true
    }

    /// x = f(x, s) in place; false where that isn't possible.
    static func inPlace<S: TensorScalar>(_ operation: mercer_binary, _ x: inout Tensor, _ s: S) -> Bool {
        guard x.dtype == .float32 || x.dtype == .float64, x.canWriteInPlace() else { return false }
        Elementwise.binary(operation, x, scalar: s.scalarValue, scalarFirst: false, into: x)
        return true
    }

    /// Whether `shape` broadcasts to `target` without changing it.
    private static func stretches(_ shape: [Int], _ target: [Int]) -> Bool {
        shape.count <= target.count
            && zip(shape.reversed(), target.reversed()).allSatisfy { $0 == $1 || $0 == 1 }
    }
}

extension Tensor {
    /// Element-wise sum.
    public static func + (a: Tensor, b: Tensor) -> Tensor {
        let (a, b) = Arithmetic.promoted(a, b)
        let y = Arithmetic.binary(mercer_binary_add, a, b, "+")
        guard a.isTracked || b.isTracked else { return y }
        let (left, right) = (a.shape, b.shape)
        return y.tracked("add", from: [a, b]) { back in
            [
                back.needs(0) ? unbroadcast(back.gradient, to: left) : nil,
                back.needs(1) ? unbroadcast(back.gradient, to: right) : nil,
            ]
        }
    }

    /// Element-wise difference.
    public static func - (a: Tensor, b: Tensor) -> Tensor {
        let (a, b) = Arithmetic.promoted(a, b)
        let y = Arithmetic.binary(mercer_binary_subtract, a, b, "-")
        guard a.isTracked || b.isTracked else { return y }
        let (left, right) = (a.shape, b.shape)
        return y.tracked("subtract", from: [a, b]) { back in
            [
                back.needs(0) ? unbroadcast(back.gradient, to: left) : nil,
                back.needs(1) ? -unbroadcast(back.gradient, to: right) : nil,
            ]
        }
    }

    /// Element-wise product.
    public static func * (a: Tensor, b: Tensor) -> Tensor {
        let (a, b) = Arithmetic.promoted(a, b)
        let y = Arithmetic.binary(mercer_binary_multiply, a, b, "*")
        guard a.isTracked || b.isTracked else { return y }
        let (left, right) = (a.shape, b.shape)
        let keptA = b.isTracked ? a : nil
        let keptB = a.isTracked ? b : nil
        return y.tracked("multiply", from: [a, b]) { back in
            [
                back.needs(0) ? unbroadcast(back.gradient * keptB!.conjugate(), to: left) : nil,
                back.needs(1) ? unbroadcast(back.gradient * keptA!.conjugate(), to: right) : nil,
            ]
        }
    }

    /// Element-wise quotient; of integers a float32.
    public static func / (a: Tensor, b: Tensor) -> Tensor {
        var (a, b) = Arithmetic.promoted(a, b)
        let dtype = a.dtype.asFloatingPoint
        if dtype != a.dtype { (a, b) = (a.asType(dtype), b.asType(dtype)) }
        let y = Arithmetic.binary(mercer_binary_divide, a, b, "/")
        guard a.isTracked || b.isTracked else { return y }
        let (left, right) = (a.shape, b.shape)
        let divisor = b
        return y.tracked("divide", from: [a, b], keepsOutput: b.isTracked) { back in
            let gradient = back.gradient / divisor.conjugate()
            return [
                back.needs(0) ? unbroadcast(gradient, to: left) : nil,
                back.needs(1) ? -unbroadcast(gradient * back.output.conjugate(), to: right) : nil,
            ]
        }
    }

    /// The remainder with the divisor's sign, as in Python. See ``remainder(_:_:)``.
    public static func % (a: Tensor, b: Tensor) -> Tensor { remainder(a, b) }

    /// Each element negated.
    public static prefix func - (x: Tensor) -> Tensor {
        let y: Tensor
        if x.dtype.isFloatingPoint {
            y = Elementwise.unary(mercer_unary_negate, x)
        } else {
            y = Arithmetic.binary(mercer_binary_subtract, .scalar(0, x.dtype), x, "-")
        }
        guard x.isTracked else { return y }
        return y.tracked("negate", from: x) { -$0.gradient }
    }

    // MARK: With numbers

    /// Each element plus a number.
    public static func + <S: TensorScalar>(x: Tensor, s: S) -> Tensor {
        let y = Arithmetic.binary(mercer_binary_add, x, s, "+")
        guard x.isTracked else { return y }
        return y.tracked("add", from: x) { $0.gradient }
    }

    /// A number plus each element.
    public static func + <S: TensorScalar>(s: S, x: Tensor) -> Tensor { x + s }

    /// Each element minus a number.
    public static func - <S: TensorScalar>(x: Tensor, s: S) -> Tensor {
        let y = Arithmetic.binary(mercer_binary_subtract, x, s, "-")
        guard x.isTracked else { return y }
        return y.tracked("subtract", from: x) { $0.gradient }
    }

    /// A number minus each element.
    public static func - <S: TensorScalar>(s: S, x: Tensor) -> Tensor {
        let y = Arithmetic.binary(mercer_binary_subtract, x, s, scalarFirst: true, "-")
        guard x.isTracked else { return y }
        return y.tracked("subtract", from: x) { -$0.gradient }
    }

    /// Each element times a number.
    public static func * <S: TensorScalar>(x: Tensor, s: S) -> Tensor {
        let y = Arithmetic.binary(mercer_binary_multiply, x, s, "*")
        guard x.isTracked else { return y }
        return y.tracked("multiply", from: x) { $0.gradient * s }
    }

    /// A number times each element.
    public static func * <S: TensorScalar>(s: S, x: Tensor) -> Tensor { x * s }

    /// Each element divided by a number; of integers a float32.
    public static func / <S: TensorScalar>(x: Tensor, s: S) -> Tensor {
        let x = x.asType(x.dtype.asFloatingPoint)
        let y = Arithmetic.binary(mercer_binary_divide, x, s, "/")
        guard x.isTracked else { return y }
        return y.tracked("divide", from: x) { $0.gradient / s }
    }

    /// A number divided by each element; of integers a float32.
    public static func / <S: TensorScalar>(s: S, x: Tensor) -> Tensor {
        let x = x.asType(x.dtype.asFloatingPoint)
        let y = Arithmetic.binary(mercer_binary_divide, x, s, scalarFirst: true, "/")
        guard x.isTracked else { return y }
        return y.tracked("divide", from: x, keepsOutput: true) { back in
            -(back.gradient * (back.output / x).conjugate())
        }
    }

    /// The remainder with the divisor's sign, as in Python.
    public static func % <S: TensorScalar>(x: Tensor, s: S) -> Tensor {
        remainder(x, s.scalarTensor(beside: x.dtype))
    }

    // MARK: In place

    /// Adds in place where nobody else holds the elements, else into new storage.
    public static func += (a: inout Tensor, b: Tensor) {
        if !Arithmetic.inPlace(mercer_binary_add, &a, b) { a = a + b }
    }

    /// Subtracts in place where nobody else holds the elements, else into new storage.
    public static func -= (a: inout Tensor, b: Tensor) {
        if !Arithmetic.inPlace(mercer_binary_subtract, &a, b) { a = a - b }
    }

    /// Multiplies in place where nobody else holds the elements, else into new storage.
    public static func *= (a: inout Tensor, b: Tensor) {
        if !Arithmetic.inPlace(mercer_binary_multiply, &a, b) { a = a * b }
    }

    /// Divides in place where nobody else holds the elements, else into new storage.
    public static func /= (a: inout Tensor, b: Tensor) {
        if !Arithmetic.inPlace(mercer_binary_divide, &a, b) { a = a / b }
    }

    /// Adds a number in place where nobody else holds the elements, else into new storage.
    public static func += <S: TensorScalar>(x: inout Tensor, s: S) {
        if !Arithmetic.inPlace(mercer_binary_add, &x, s) { x = x + s }
    }

    /// Subtracts a number in place where nobody else holds the elements, else into new storage.
    public static func -= <S: TensorScalar>(x: inout Tensor, s: S) {
        if !Arithmetic.inPlace(mercer_binary_subtract, &x, s) { x = x - s }
    }

    /// Multiplies by a number in place where nobody else holds the elements, else into new storage.
    public static func *= <S: TensorScalar>(x: inout Tensor, s: S) {
        if !Arithmetic.inPlace(mercer_binary_multiply, &x, s) { x = x * s }
    }

    /// Divides by a number in place where nobody else holds the elements, else into new storage.
    public static func /= <S: TensorScalar>(x: inout Tensor, s: S) {
        if !Arithmetic.inPlace(mercer_binary_divide, &x, s) { x = x / s }
    }
}

/// The remainder of a / b with the sign of b, as in Python; what remains after ``floorDivide(_:_:)``.
public func remainder(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    let y = Arithmetic.binary(mercer_binary_remainder, a, b, "remainder")
    guard a.isTracked || b.isTracked else { return y }
    let (left, right) = (a.shape, b.shape)
    let quotient = b.isTracked ? floorDivide(a, b) : nil
    return y.tracked("remainder", from: [a, b]) { back in
        [
            back.needs(0) ? unbroadcast(back.gradient, to: left) : nil,
            back.needs(1) ? -unbroadcast(back.gradient * quotient!, to: right) : nil,
        ]
    }
}

/// The quotient a / b rounded down to a whole number, in the operands' type. Its gradient is 0.
public func floorDivide(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    return Arithmetic.binary(mercer_binary_floor_divide, a, b, "floorDivide")
}

/// The larger of two elements; NaN where either is. Where they are equal each gets half of the gradient.
public func maximum(_ a: Tensor, _ b: Tensor) -> Tensor { extremum(mercer_binary_maximum, a, b, "maximum") }

/// The smaller of two elements; NaN where either is. Where they are equal each gets half of the gradient.
public func minimum(_ a: Tensor, _ b: Tensor) -> Tensor { extremum(mercer_binary_minimum, a, b, "minimum") }

private func extremum(_ operation: mercer_binary, _ a: Tensor, _ b: Tensor, _ name: StaticString) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    let y = Arithmetic.binary(operation, a, b, name)
    guard a.isTracked || b.isTracked else { return y }
    let (left, right) = (a.detached, b.detached)
    return y.tracked(name, from: [a, b]) { back in
        let first = operation == mercer_binary_maximum ? left .> right : left .< right
        let share = which(left .== right, 0.5, first.asType(back.gradient.dtype))
        return [
            back.needs(0) ? unbroadcast(back.gradient * share, to: left.shape) : nil,
            back.needs(1) ? unbroadcast(back.gradient * (1 - share), to: right.shape) : nil,
        ]
    }
}

/// a · b + c in one pass; float32 and float64 round once where the processor can.
public func multiplyAdd(_ a: Tensor, _ b: Tensor, _ c: Tensor) -> Tensor {
    guard a.dtype == b.dtype, b.dtype == c.dtype, a.dtype == .float32 || a.dtype == .float64 else {
        return a * b + c
    }
    let y = Elementwise.ternary(mercer_ternary_multiply_add, a, b, c, "multiplyAdd")
    guard a.isTracked || b.isTracked || c.isTracked else { return y }
    let shapes = [a.shape, b.shape, c.shape]
    let keptA = b.isTracked ? a : nil
    let keptB = a.isTracked ? b : nil
    return y.tracked("multiplyAdd", from: [a, b, c]) { back in
        [
            back.needs(0) ? unbroadcast(back.gradient * keptB!, to: shapes[0]) : nil,
            back.needs(1) ? unbroadcast(back.gradient * keptA!, to: shapes[1]) : nil,
            back.needs(2) ? unbroadcast(back.gradient, to: shapes[2]) : nil,
        ]
    }
}
