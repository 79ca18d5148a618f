/// A linear layer: y = x · weightᵀ + bias.
///
/// - Parameters:
///   - x: `[…, in]`.
///   - weight: `[out, in]`.
///   - bias: `[out]`, or nil.
/// - Returns: `[…, out]`. `x` is kept for the gradient only where the weight is a variable.
public func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
    precondition(
        x.rank >= 1 && weight.rank == 2 && x.shape[x.rank - 1] == weight.shape[1],
        "linear: input of shape \(x.shape) and weight of shape \(weight.shape), which should be [out, in]")
    precondition(
        bias == nil || bias!.shape == [weight.shape[0]],
        "linear: bias of shape \(bias?.shape ?? []) and weight of shape \(weight.shape)")
    let common = x.dtype.promoted(with: weight.dtype)
    if x.dtype != weight.dtype || (bias != nil && bias!.dtype != common) {
        return linear(x.asType(common), weight.asType(common), bias: bias?.asType(common))
    }
    let y = LinearProduct.value(x, weight, bias)
    guard x.isTracked || weight.isTracked || bias?.isTracked == true else { return y }
    let keptX = weight.isTracked ? x : nil
    let keptWeight = x.isTracked ? weight : nil
    let hasBias = bias != nil
    return y.tracked("linear", from: [x, weight] + (bias.map { [$0] } ?? [])) { back in
        let gradient = back.gradient
        var results: [Tensor?] = [
            back.needs(0) ? matmul(gradient, keptWeight!) : nil,
            back.needs(1)
                ? LinearProduct.weightGradient(keptX!, gradient, perExample: back.perExample(1)) : nil,
        ]
        if hasBias {
            results.append(
                back.needs(2) ? LinearProduct.biasGradient(gradient, perExample: back.perExample(2)) : nil)
        }
        return results
    }
}

enum LinearProduct {
    static func value(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        let (input, matrix) = (x.detached, weight.detached)
        guard x.dtype == .float32, let bias = bias?.detached.contiguous() else {
            let product = MatrixProduct.value(rows(input), matrix.T)
            let y = bias.map { product + $0.detached } ?? product
            return y.reshaped(x.shape.dropLast() + [weight.shape[0]])
        }
        let y = Tensor(uninitialized: x.shape.dropLast() + [weight.shape[0]], .float32)
        let (out, depth) = (weight.shape[0], weight.shape[1])
        let (flat, packed) = (rows(input).contiguous(), matrix.contiguous())
        MatrixProduct.float32(
            flat.shape[0], out, depth, flat.pointer(Float.self), .init(stride: max(depth, 1), isTransposed: false),
            packed.pointer(Float.self), .init(stride: max(depth, 1), isTransposed: true),
            y.mutablePointer(Float.self), bias: bias.pointer(Float.self))
        return y
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
