import CKernels
import Foundation

// Functions of one number: roots, exponentials, logarithms, rounding, special functions. Integers are taken as
// float32, half types are worked out in float32. The methods of the same names are in `TensorMethods.swift`.

/// y = f(x) with its gradient from the argument.
@inline(__always)
private func elementary(
    _ operation: mercer_unary, _ name: StaticString, _ x: Tensor,
    _ gradient: @escaping (_ gradient: Tensor, _ x: Tensor) -> Tensor
) -> Tensor {
    precondition(!x.dtype.isComplex, "\(name) of complex tensors")
    let y = Elementwise.unary(operation, x)
    guard x.isTracked else { return y }
    return y.tracked(name, from: x) { gradient($0.gradient, x) }
}

/// y = f(x) with its gradient from the result.
@inline(__always)
private func elementaryFromOutput(
    _ operation: mercer_unary, _ name: StaticString, _ x: Tensor,
    _ gradient: @escaping (_ gradient: Tensor, _ y: Tensor) -> Tensor
) -> Tensor {
    precondition(!x.dtype.isComplex, "\(name) of complex tensors")
    let y = Elementwise.unary(operation, x)
    guard x.isTracked else { return y }
    return y.tracked(name, from: x, keepsOutput: true) { gradient($0.gradient, $0.output) }
}

// MARK: Powers and roots

/// x².
public func square(_ x: Tensor) -> Tensor {
    guard x.dtype.isFloatingPoint else { return x * x }
    return elementary(mercer_unary_square, "square", x) { $0 * $1 * 2 }
}

/// √x; NaN below 0.
public func sqrt(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_square_root, "sqrt", x) { $0 / ($1 * 2) }
}

/// 1/√x.
public func rsqrt(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_reciprocal_root, "rsqrt", x) { $0 * ($1 * $1 * $1) * -0.5 }
}

/// 1/x.
public func reciprocal(_ x: Tensor) -> Tensor {
    if x.dtype.isComplex { return 1 / x }
    return elementaryFromOutput(mercer_unary_reciprocal, "reciprocal", x) { -($0 * ($1 * $1)) }
}

/// a to the power b. The gradient with respect to b is 0 where a is 0.
public func power(_ a: Tensor, _ b: Tensor) -> Tensor {
    let (a, b) = Arithmetic.promoted(a, b)
    let y = Arithmetic.binary(mercer_binary_power, a, b, "power")
    guard a.isTracked || b.isTracked else { return y }
    return y.tracked("power", from: [a, b], keepsOutput: b.isTracked) { back in
        let g = back.gradient
        return [
            back.needs(0) ? unbroadcast(which(b .== 0, 0, g * (b * power(a, b - 1))), to: a.shape) : nil,
            back.needs(1)
                ? unbroadcast(which(a .== 0 .&& b .>= 0, 0, g * back.output * log(a)), to: b.shape) : nil,
        ]
    }
}

/// x to the power of a number. Squares, cubes, roots and reciprocals are computed as such.
public func power<S: TensorScalar>(_ x: Tensor, _ exponent: S) -> Tensor {
    let p = exponent.scalarValue
    guard x.dtype.isFloatingPoint else { return power(x, exponent.scalarTensor(beside: x.dtype)) }
    switch p {
    case 0: return Tensor.ones(x.shape, x.dtype)
    case 1: return x
    case 2: return square(x)
    case 3: return x * x * x
    case 0.5: return sqrt(x)
    case -0.5: return rsqrt(x)
    case -1: return reciprocal(x)
    default: break
    }
    let y = Elementwise.binary(mercer_binary_power, x, scalar: p)
    guard x.isTracked else { return y }
    return y.tracked("power", from: x) { $0.gradient * (power(x, p - 1) * p) }
}

/// A number to the power of each element.
public func power<S: TensorScalar>(_ base: S, _ x: Tensor) -> Tensor {
    power(base.scalarTensor(beside: x.dtype), x)
}

// MARK: Exponentials and logarithms

/// eˣ, for complex numbers too.
public func exp(_ x: Tensor) -> Tensor {
    if x.dtype.isComplex { return complexExp(x) }
    return elementaryFromOutput(mercer_unary_exp, "exp", x) { $0 * $1 }
}

/// 2ˣ.
public func exp2(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_exp2, "exp2", x) { $0 * $1 * Foundation.log(2.0) }
}

/// eˣ - 1, accurate near 0.
public func expm1(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_expm1, "expm1", x) { $0 * ($1 + 1) }
}

/// The natural logarithm; -∞ at 0, NaN below.
public func log(_ x: Tensor) -> Tensor { elementary(mercer_unary_log, "log", x) { $0 / $1 } }

/// The logarithm to the base 2.
public func log2(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_log2, "log2", x) { $0 / ($1 * Foundation.log(2.0)) }
}

/// The logarithm to the base 10.
public func log10(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_log10, "log10", x) { $0 / ($1 * Foundation.log(10.0)) }
}

/// ln(1 + x), accurate near 0.
public func log1p(_ x: Tensor) -> Tensor { elementary(mercer_unary_log1p, "log1p", x) { $0 / ($1 + 1) } }

// MARK: Circular and hyperbolic functions

/// The sine.
public func sin(_ x: Tensor) -> Tensor { elementary(mercer_unary_sin, "sin", x) { $0 * cos($1) } }

/// The cosine.
public func cos(_ x: Tensor) -> Tensor { elementary(mercer_unary_cos, "cos", x) { -($0 * sin($1)) } }

/// The tangent.
public func tan(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_tan, "tan", x) { $0 * ($1 * $1 + 1) }
}

/// The inverse sine.
public func asin(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_asin, "asin", x) { $0 * rsqrt(1 - square($1)) }
}

/// The inverse cosine.
public func acos(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_acos, "acos", x) { -($0 * rsqrt(1 - square($1))) }
}

/// The inverse tangent.
public func atan(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_atan, "atan", x) { $0 / (square($1) + 1) }
}

/// The angle of the point (x, y), in (-π, π].
public func atan2(_ y: Tensor, _ x: Tensor) -> Tensor {
    var (y, x) = Arithmetic.promoted(y, x)
    (y, x) = (y.asType(y.dtype.asFloatingPoint), x.asType(x.dtype.asFloatingPoint))
    let angle = Arithmetic.binary(mercer_binary_atan2, y, x, "atan2")
    guard y.isTracked || x.isTracked else { return angle }
    return angle.tracked("atan2", from: [y, x]) { [y, x] back in
        let scaled = back.gradient / (square(x) + square(y))
        return [
            back.needs(0) ? unbroadcast(scaled * x, to: y.shape) : nil,
            back.needs(1) ? unbroadcast(-(scaled * y), to: x.shape) : nil,
        ]
    }
}

/// The hyperbolic sine.
public func sinh(_ x: Tensor) -> Tensor { elementary(mercer_unary_sinh, "sinh", x) { $0 * cosh($1) } }

/// The hyperbolic cosine.
public func cosh(_ x: Tensor) -> Tensor { elementary(mercer_unary_cosh, "cosh", x) { $0 * sinh($1) } }

/// The hyperbolic tangent.
public func tanh(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_tanh, "tanh", x) { g, y in
        Gradients.isRecording
            ? g * (1 - y * y) : Elementwise.binary(mercer_binary_tanh_gradient_from_output, g, y, "tanh")
    }
}

/// The inverse hyperbolic sine.
public func asinh(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_asinh, "asinh", x) { $0 * rsqrt(square($1) + 1) }
}

/// The inverse hyperbolic cosine.
public func acosh(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_acosh, "acosh", x) { $0 * rsqrt(square($1) - 1) }
}

/// The inverse hyperbolic tangent.
public func atanh(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_atanh, "atanh", x) { $0 / (1 - square($1)) }
}

// MARK: Special functions

/// The error function, 2/√π ∫₀ˣ e^(-t²) dt.
public func erf(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_erf, "erf", x) { $0 * (exp(-square($1)) * (2 / Double.pi.squareRoot())) }
}

/// 1 - erf x, accurate where that is small.
public func erfc(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_erfc, "erfc", x) { $0 * (exp(-square($1)) * (-2 / Double.pi.squareRoot())) }
}

/// The inverse of ``erf(_:)`` on [-1, 1].
public func erfInverse(_ x: Tensor) -> Tensor {
    elementaryFromOutput(mercer_unary_erf_inverse, "erfInverse", x) {
        $0 * (exp(square($1)) * (Double.pi.squareRoot() / 2))
    }
}

/// ln |Γ(x)|.
public func logGamma(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_log_gamma, "logGamma", x) { $0 * digamma($1) }
}

/// The derivative of ln Γ(x). It has no gradient.
public func digamma(_ x: Tensor) -> Tensor {
    elementary(mercer_unary_digamma, "digamma", x) { $0 * polygamma(1, $1) }
}

// MARK: Sign, magnitude, rounding

/// |x|; of complex numbers the modulus, which is real. The gradient at 0 is 0.
public func abs(_ x: Tensor) -> Tensor {
    if x.dtype.isComplex { return modulus(x) }
    guard x.dtype.isFloatingPoint else { return x.dtype == .bool ? x : maximum(x, -x) }
    return elementary(mercer_unary_absolute, "abs", x) { $0 * sign($1) }
}

/// -1, 0 or 1; NaN of NaN. Its gradient is 0.
public func sign(_ x: Tensor) -> Tensor {
    if x.dtype.isFloatingPoint { return Elementwise.unary(mercer_unary_sign, x) }
    return (x .> 0).asType(x.dtype) - (x .< 0).asType(x.dtype)
}

/// The next whole number below. Its gradient is 0.
public func floor(_ x: Tensor) -> Tensor { rounded(mercer_unary_floor, x) }

/// The next whole number above. Its gradient is 0.
public func ceil(_ x: Tensor) -> Tensor { rounded(mercer_unary_ceil, x) }

/// The nearest whole number, halves to the even one. Its gradient is 0.
public func round(_ x: Tensor) -> Tensor { rounded(mercer_unary_round, x) }

/// The whole number next to x toward 0. Its gradient is 0.
public func trunc(_ x: Tensor) -> Tensor { rounded(mercer_unary_truncate, x) }

private func rounded(_ operation: mercer_unary, _ x: Tensor) -> Tensor {
    x.dtype.isFloatingPoint ? Elementwise.unary(operation, x) : x.detached
}

/// x held within [min, max]; either end may be open. NaN stays. The gradient is 1 within, ends included, 0 outside.
public func clip(_ x: Tensor, min: Double? = nil, max: Double? = nil) -> Tensor {
    guard x.dtype.isFloatingPoint else {
        var y = x
        if let min { y = maximum(y, .scalar(min, x.dtype)) }
        if let max { y = minimum(y, .scalar(max, x.dtype)) }
        return y
    }
    let (low, high) = (min ?? -.infinity, max ?? .infinity)
    let y = Elementwise.unary(mercer_unary_clamp, x, low, high)
    guard x.isTracked else { return y }
    let argument = x.detached
    return y.tracked("clip", from: x) { back in
        if Gradients.isRecording {
            return which(argument .>= low .&& argument .<= high, back.gradient, 0)
        }
        return Elementwise.binary(mercer_binary_clamp_gradient, back.gradient, argument, "clip", low, high)
    }
}

/// x held within tensors of ends, broadcast.
public func clip(_ x: Tensor, min: Tensor, max: Tensor) -> Tensor { minimum(maximum(x, min), max) }
