import CKernels

/// An activation that a linear layer can apply while its sums are still in the cache.
public enum FusedActivation: Sendable, CaseIterable {
    case relu, gelu, geluApproximate, silu

    /// The activation as an operation of its own.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .relu: Mercer.relu(x)
        case .gelu: Mercer.gelu(x)
        case .geluApproximate: Mercer.geluApproximate(x)
        case .silu: Mercer.silu(x)
        }
    }

    fileprivate var kernel: mercer_unary {
        switch self {
        case .relu: mercer_unary_relu
        case .gelu: mercer_unary_gelu
        case .geluApproximate: mercer_unary_gelu_tanh
        case .silu: mercer_unary_silu
        }
    }

    fileprivate var gradientKernel: mercer_binary {
        switch self {
        case .relu: mercer_binary_relu_gradient
        case .gelu: mercer_binary_gelu_gradient
        case .geluApproximate: mercer_binary_gelu_tanh_gradient
        case .silu: mercer_binary_silu_gradient
        }
    }
}

/// A linear layer: y = activation(x · weightᵀ + bias).
///
/// - Parameters:
///   - x: `[…, in]`.
///   - weight: `[out, in]`.
///   - bias: `[out]`, or nil.
///   - activation: applied to the sums in the pass that makes them.
/// - Returns: `[…, out]`. `x` is kept for the gradient only where the weight is a variable.
public func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, activation: FusedActivation? = nil) -> Tensor {
    precondition(
        x.rank >= 1 && weight.rank == 2 && x.shape[x.rank - 1] == weight.shape[1],
        "linear: input of shape \(x.shape) and weight of shape \(weight.shape), which should be [out, in]")
    precondition(
        bias == nil || bias!.shape == [weight.shape[0]],
        "linear: bias of shape \(bias?.shape ?? []) and weight of shape \(weight.shape)")
    let common = x.dtype.promoted(with: weight.dtype)
    if x.dtype != weight.dtype || (bias != nil && bias!.dtype != common) {
        return linear(x.asType(common), weight.asType(common), bias: bias?.asType(common), activation: activation)
    }
    let isTracked = x.isTracked || weight.isTracked || bias?.isTracked == true
    if let activation, x.dtype == .float32 {
        let (sums, y) = LinearProduct.activated(x, weight, bias, activation, keepsSums: isTracked)
        guard isTracked else { return y }
        let kept = LinearProduct.tracked(sums, x, weight, bias)
        return y.tracked("linearActivation", from: kept) { back in
            if Gradients.isRecording {
                return vjp({ [activation($0[0])] }, primals: [kept], cotangents: [back.gradient]).gradients[0]
            }
            return Elementwise.binary(activation.gradientKernel, back.gradient, kept.detached, "linear")
        }
    }
    var y = LinearProduct.value(x, weight, bias)
    if isTracked { y = LinearProduct.tracked(y, x, weight, bias) }
    return activation.map { $0(y) } ?? y
}

enum LinearProduct {
    /// Records that `y` is the linear layer's sums.
    static func tracked(_ y: Tensor, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        let keptX = weight.isTracked ? x : nil
        let keptWeight = x.isTracked ? weight : nil
        let hasBias = bias != nil
        return y.tracked("linear", from: [x, weight] + (bias.map { [$0] } ?? [])) { back in
            let gradient = back.gradient
            var results: [Tensor?] = [
                back.needs(0) ? matmul(gradient, keptWeight!) : nil,
                back.needs(1) ? weightGradient(keptX!, gradient, perExample: back.perExample(1)) : nil,
            ]
            if hasBias {
                results.append(back.needs(2) ? biasGradient(gradient, perExample: back.perExample(2)) : nil)
            }
            return results
        }
    }

    static func value(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        guard x.dtype == .float32 else {
            let product = MatrixProduct.value(rows(x.detached), weight.detached.T)
            let y = bias.map { product + $0.detached } ?? product
            return y.reshaped(x.shape.dropLast() + [weight.shape[0]])
        }
        let y = Tensor(uninitialized: x.shape.dropLast() + [weight.shape[0]], .float32)
        multiply(x, weight, bias, y, nil)
        return y
    }

    /// The activation of the sums, and the sums themselves where they are kept.
    static func activated(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ activation: FusedActivation, keepsSums: Bool
    ) -> (sums: Tensor, y: Tensor) {
        let out = weight.shape[0]
        let y = Tensor(uninitialized: x.shape.dropLast() + [out], .float32)
        let sums = keepsSums ? Tensor(uninitialized: y.shape, .float32) : y
        let loop = mercer_unary_function(Int32(InstructionSet.current.rawValue), 0, activation.kernel)
        let (from, to) = (sums.pointer(Float.self), y.mutablePointer(Float.self))
        multiply(x, weight, bias, sums) { rows, columns in
            for row in rows {
                let at = row * out + columns.lowerBound
                loop(from + at, to + at, columns.count, 0, 0)
            }
        }
        return (sums, y)
    }

    private static func multiply(
        _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ y: Tensor, _ epilogue: ((Range<Int>, Range<Int>) -> Void)?
    ) {
        let (out, depth) = (weight.shape[0], weight.shape[1])
        let (flat, matrix) = (rows(x.detached).contiguous(), weight.detached.contiguous())
        let addend = bias?.detached.contiguous()
        let layout = MatrixProduct.Layout(stride: max(depth, 1), isTransposed: false)
        let transposed = MatrixProduct.Layout(stride: max(depth, 1), isTransposed: true)
        MatrixProduct.float32(
            flat.shape[0], out, depth, flat.pointer(Float.self), layout, matrix.pointer(Float.self), transposed,
            y.mutablePointer(Float.self), bias: addend?.pointer(Float.self), epilogue: epilogue)
        withExtendedLifetime((flat, matrix, addend)) {}
    }

    /// The gradient with respect to the weight: g·ᵀx, `[out, in]`, or for each example of the first axis,
    /// `[examples, out, in]`.
    static func weightGradient(_ x: Tensor, _ gradient: Tensor, perExample: Bool) -> Tensor {
        guard perExample else { return matmul(rows(gradient).T, rows(x)) }
        let examples = x.shape[0]
        let each = [examples, x.count / max(1, examples * x.shape[x.rank - 1])]
        return matmul(
            gradient.reshaped(each + [gradient.shape[gradient.rank - 1]]).T,
            x.reshaped(each + [x.shape[x.rank - 1]]))
    }

    /// The gradient with respect to the bias: the sum over all positions, or over those of each example.
    static func biasGradient(_ gradient: Tensor, perExample: Bool) -> Tensor {
        gradient.sum(axes: Array((perExample ? 1 : 0)..<(gradient.rank - 1)))
    }

    /// All leading axes as one.
    static func rows(_ x: Tensor) -> Tensor {
        let width = x.shape[x.rank - 1]
        return x.rank == 2 ? x : x.reshaped([x.shape.dropLast().reduce(1, *), width])
    }
}
