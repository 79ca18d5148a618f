import CKernels

// Activation functions. Each has one fused kernel for its value and one for its gradient; where a gradient of the
// gradient is wanted, the rule is written with tensor operations instead.

/// y = f(x; p, q); the gradient by a kernel, or by `rule` where it will be differentiated in turn.
private func activation(
    _ function: mercer_unary, _ gradient: mercer_binary, _ name: StaticString, _ x: Tensor, _ p: Double = 0,
    _ q: Double = 0, _ rule: @escaping (_ gradient: Tensor, _ x: Tensor) -> Tensor
) -> Tensor {
    precondition(!x.dtype.isComplex, "\(name) of complex tensors")
    let y = Elementwise.unary(function, x, p, q)
    guard x.isTracked else { return y }
    return y.tracked(name, from: x) { back in
        if Gradients.isRecording { return rule(back.gradient, x) }
        return Elementwise.binary(gradient, back.gradient, x, name, p, q)
    }
}

/// 1 where the condition holds, 0 elsewhere, in the type of `x`.
private func indicator(_ condition: Tensor, _ x: Tensor) -> Tensor { condition.asType(x.dtype) }

/// max(0, x).
public func relu(_ x: Tensor) -> Tensor {
    activation(mercer_unary_relu, mercer_binary_relu_gradient, "relu", x) { g, x in g * indicator(x .> 0, x) }
}

/// max(0, min(6, x)).
public func relu6(_ x: Tensor) -> Tensor {
    // PyTorch passes no gradient at the ends.
    which(x.detached .== 6 .|| x.detached .== 0, clip(x, min: 0, max: 6).detached, clip(x, min: 0, max: 6))
}

/// x above 0, `negativeSlope`·x below.
public func leakyRelu(_ x: Tensor, negativeSlope: Double = 0.01) -> Tensor {
    activation(mercer_unary_leaky_relu, mercer_binary_leaky_relu_gradient, "leakyRelu", x, negativeSlope) {
        g, x in which(x .> 0, g, g * negativeSlope)
    }
}

/// x above 0, slope·x below, with a slope for each channel (the last axis) or one for all.
public func prelu(_ x: Tensor, _ slope: Tensor) -> Tensor { which(x.detached .> 0, x, x * slope) }

/// x above 0, α(eˣ - 1) below.
public func elu(_ x: Tensor, alpha: Double = 1) -> Tensor {
    activation(mercer_unary_elu, mercer_binary_elu_gradient, "elu", x, alpha, 1) { g, x in
        g * which(x .> 0, 1, exp(minimum(x, .scalar(0, x.dtype))) * alpha)
    }
}

/// The self-normalising form of ``elu(_:alpha:)``. Source: Klambauer et al. 2017 (arXiv 1706.02515).
public func selu(_ x: Tensor) -> Tensor {
    let (alpha, scale) = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)
    return activation(mercer_unary_elu, mercer_binary_elu_gradient, "selu", x, alpha, scale) { g, x in
        g * which(x .> 0, 1, exp(minimum(x, .scalar(0, x.dtype))) * alpha) * scale
    }
}

/// x above 0, α(e^(x/α) - 1) below.
public func celu(_ x: Tensor, alpha: Double = 1) -> Tensor { elu(x / alpha, alpha: 1) * alpha }

/// 1 / (1 + e⁻ˣ).
public func sigmoid(_ x: Tensor) -> Tensor {
    precondition(!x.dtype.isComplex, "sigmoid of complex tensors")
    let y = Elementwise.unary(mercer_unary_sigmoid, x)
    guard x.isTracked else { return y }
    return y.tracked("sigmoid", from: x, keepsOutput: true) { back in
        let (g, y) = (back.gradient, back.output)
        if Gradients.isRecording { return g * (y * (1 - y)) }
        return Elementwise.binary(mercer_binary_sigmoid_gradient_from_output, g, y, "sigmoid")
    }
}

/// ln sigmoid(x), without overflow.
public func logSigmoid(_ x: Tensor) -> Tensor {
    activation(mercer_unary_log_sigmoid, mercer_binary_log_sigmoid_gradient, "logSigmoid", x) { g, x in
        g * sigmoid(-x)
    }
}

/// ln(1 + e^(βx)) / β; x itself where βx exceeds `threshold`.
public func softplus(_ x: Tensor, beta: Double = 1, threshold: Double = 20) -> Tensor {
    activation(mercer_unary_softplus, mercer_binary_softplus_gradient, "softplus", x, beta, threshold) {
        g, x in
        which(x * beta .> threshold, g, g * sigmoid(x * beta))
    }
}

/// x / (1 + |x|).
public func softsign(_ x: Tensor) -> Tensor { x / (abs(x) + 1) }

/// x Φ(x) with the standard normal distribution function Φ, exactly: x (1 + erf(x/√2)) / 2.
public func gelu(_ x: Tensor) -> Tensor {
    activation(mercer_unary_gelu, mercer_binary_gelu_gradient, "gelu", x) { g, x in
        let cumulative = (erf(x * 0.5.squareRoot()) + 1) * 0.5
        let density = exp(square(x) * -0.5) * (1 / (2 * Double.pi).squareRoot())
        return g * (cumulative + x * density)
    }
}

/// The approximation of ``gelu(_:)`` by a hyperbolic tangent: x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2.
public func geluApproximate(_ x: Tensor) -> Tensor {
    activation(mercer_unary_gelu_tanh, mercer_binary_gelu_tanh_gradient, "geluApproximate", x) { g, x in
        let scale = (2 / Double.pi).squareRoot()
        let t = tanh((x + x * x * x * 0.044715) * scale)
        let slope = (square(x) * (3 * 0.044715) + 1) * scale
        return g * ((t + 1) + x * (1 - t * t) * slope) * 0.5
    }
}

/// The approximation of ``gelu(_:)`` by a sigmoid: x sigmoid(1.702 x).
public func geluFastApproximate(_ x: Tensor) -> Tensor { x * sigmoid(x * 1.702) }

/// x sigmoid(x), also called swish.
public func silu(_ x: Tensor) -> Tensor {
    activation(mercer_unary_silu, mercer_binary_silu_gradient, "silu", x) { g, x in
        let s = sigmoid(x)
        return g * (s * (x * (1 - s) + 1))
    }
}

/// x tanh(softplus(x)).
public func mish(_ x: Tensor) -> Tensor {
    activation(mercer_unary_mish, mercer_binary_mish_gradient, "mish", x) { g, x in
        let t = tanh(softplus(x))
        return g * (t + x * sigmoid(x) * (1 - t * t))
    }
}

/// max(0, min(1, (x + 3) / 6)).
public func hardSigmoid(_ x: Tensor) -> Tensor {
    activation(mercer_unary_hard_sigmoid, mercer_binary_hard_sigmoid_gradient, "hardSigmoid", x) { g, x in
        g * indicator(x .> -3 .&& x .< 3, x) / 6
    }
}

/// x hardSigmoid(x).
public func hardSwish(_ x: Tensor) -> Tensor {
    activation(mercer_unary_hard_swish, mercer_binary_hard_swish_gradient, "hardSwish", x) { g, x in
        which(x .< -3, 0, which(x .<= 3, g * (x / 3 + 0.5), g))
    }
}

/// -1 below -1, 1 above 1, x between.
public func hardTanh(_ x: Tensor) -> Tensor { clip(x, min: -1, max: 1) }

/// The first half along an axis times the sigmoid of the second.
public func glu(_ x: Tensor, axis: Int = -1) -> Tensor {
    let halves = x.split(parts: 2, axis: axis)
    return halves[0] * sigmoid(halves[1])
}
