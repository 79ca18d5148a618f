// Convolutions (cross-correlations, as in every deep-learning library) and their gradients.
//
// A convolution y = w ∗ x has three forms that close under differentiation: the forward one (from x and w), the input
// gradient (from gy and w), and the weight gradient (from x and gy). Each is bilinear, and its derivatives are the
// other two; so gradients of any order come from three kernels.

/// A convolution of sequences: y[n, l, o] = bias[o] + Σ x[n, l·stride + t·dilation - padding, i] · weight[o, t, i].
///
/// - Parameters:
///   - x: `[batch, length, channels]`.
///   - weight: `[output, kernel, channels / groups]`.
///   - bias: `[output]`.
/// - Returns: `[batch, (length + padding - dilation·(kernel - 1) - 1) / stride + 1, output]`.
public func conv1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: ConvolutionPadding = 0,
    dilation: Int = 1, groups: Int = 1
) -> Tensor {
    convolution(
        "conv1d", 1, x, weight, bias, PerAxis(stride), padding, PerAxis(dilation), groups)
}

/// A convolution of images.
///
/// With as many groups as channels it is depthwise and runs on kernels of its own, for any kernel size. Kernels of 3×3
/// with a stride of 1 go by minimal filtering in single precision where that is quicker, gradients too (Lavin and Gray,
/// arXiv 1509.09308): the largest error is about twice that of the direct sum, 10⁻⁵ of a result's standard deviation.
///
/// - Parameters:
///   - x: `[batch, height, width, channels]`.
///   - weight: `[output, height, width, channels / groups]`.
///   - bias: `[output]`.
///   - padding: zeros around the image: one number, one for each axis, before and after each axis, or `.same`.
/// - Returns: `[batch, height, width, output]`, as large as PyTorch's.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: IntOrPair = 1,
    padding: ConvolutionPadding = 0,
    dilation: IntOrPair = 1, groups: Int = 1
) -> Tensor {
    convolution("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)
}

/// A convolution of volumes: `[batch, depth, height, width, channels]` with
/// `[output, depth, height, width, channels / groups]`.
public func conv3d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: IntOrTriple = 1,
    padding: ConvolutionPadding = 0,
    dilation: IntOrTriple = 1, groups: Int = 1
) -> Tensor {
    convolution("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)
}

private func convolution(
    _ operation: StaticString, _ axes: Int, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: PerAxis,
    _ padding: ConvolutionPadding, _ dilation: PerAxis, _ groups: Int
) -> Tensor {
    let geometry = ConvolutionGeometry(
        operation, axes: axes, input: x.shape, weight: weight.shape, stride: stride, padding: padding,
        dilation: dilation, groups: groups)
    precondition(
        bias == nil || bias!.shape == [weight.shape[0]],
        "\(operation): bias of shape \(bias?.shape ?? []) and weight of shape \(weight.shape)")
    let common = x.dtype.promoted(with: weight.dtype)
    let type = common == .float64 ? DType.float64 : .float32
    let y = Convolution.forward(
        geometry, x.asType(type), weight.asType(type), bias?.asType(type), operation)
    return y.asType(common)
}

/// The three forms of a convolution as operations on float32 or float64 tensors.
package enum Convolution {
    /// y from x and the weight.
    package static func forward(
        _ g: ConvolutionGeometry, _ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil,
        _ name: StaticString = "convolution"
    ) -> Tensor {
        let y = forwardValue(
            g, x.detached.contiguous(), weight.detached.contiguous(), bias?.detached.contiguous())
        guard x.isTracked || weight.isTracked || bias?.isTracked == true else { return y }
        let keptX = weight.isTracked ? x : nil
        let keptWeight = x.isTracked ? weight : nil
        let hasBias = bias != nil
        return y.tracked(name, from: [x, weight] + (bias.map { [$0] } ?? [])) { back in
            var results: [Tensor?] = [
                back.needs(0) ? inputGradient(g, back.gradient, keptWeight!) : nil,
                back.needs(1)
                    ? weightGradient(g, keptX!, back.gradient, perExample: back.perExample(1)) : nil,
            ]
            if hasBias {
                results.append(
                    back.needs(2)
                        ? LinearProduct.biasGradient(back.gradient, perExample: back.perExample(2)) : nil)
            }
            return results
        }
    }

    /// The gradient with respect to x from that with respect to y, and the weight.
    package static func inputGradient(
        _ g: ConvolutionGeometry, _ gradient: Tensor, _ weight: Tensor,
        _ name: StaticString = "convolutionInputGradient"
    ) -> Tensor {
        let result = inputGradientValue(g, gradient.detached.contiguous(), weight.detached.contiguous())
        guard gradient.isTracked || weight.isTracked else { return result }
        let keptGradient = weight.isTracked ? gradient : nil
        let keptWeight = gradient.isTracked ? weight : nil
        return result.tracked(name, from: [gradient, weight]) { back in
            [
                back.needs(0) ? forward(g, back.gradient, keptWeight!) : nil,
                back.needs(1)
                    ? weightGradient(g, back.gradient, keptGradient!, perExample: back.perExample(1)) : nil,
            ]
        }
    }

    /// The gradient with respect to the weight from x and the gradient with respect to y; for each example apart,
    /// `[examples, weight's shape]`, if asked.
    package static func weightGradient(
        _ g: ConvolutionGeometry, _ x: Tensor, _ gradient: Tensor, perExample: Bool = false
    )
        -> Tensor
    {
        let result = weightGradientValue(
            g, x.detached.contiguous(), gradient.detached.contiguous(), perExample)
        guard x.isTracked || gradient.isTracked else { return result }
        let keptX = gradient.isTracked ? x : nil
        let keptGradient = x.isTracked ? gradient : nil
        return result.tracked("convolutionWeightGradient", from: [x, gradient]) { back in
            guard perExample else {
                return [
                    back.needs(0) ? inputGradient(g, keptGradient!, back.gradient) : nil,
                    back.needs(1) ? forward(g, keptX!, back.gradient) : nil,
                ]
            }
            var single = g
            single.batch = 1
            let each = 0..<g.batch
            return [
                back.needs(0)
                    ? concatenated(
                        each.map { inputGradient(single, example(keptGradient!, $0), back.gradient[$0]) })
                    : nil,
                back.needs(1)
                    ? concatenated(each.map { forward(single, example(keptX!, $0), back.gradient[$0]) })
                    : nil,
            ]
        }
    }

    private static func example(_ x: Tensor, _ index: Int) -> Tensor { x[index].expandedDimensions(axis: 0) }

    // MARK: Values

    private static func forwardValue(_ g: ConvolutionGeometry, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?)
        -> Tensor
    {
        let y = Tensor(uninitialized: g.outputShape, x.dtype)
        if y.count == 0 { return y }
        if x.dtype == .float64 {
            PatchConvolution.forward(
                g, x.pointer(Double.self), weight.pointer(Double.self), bias?.pointer(Double.self),
                y.mutablePointer(Double.self))
            return y
        }
        let (p, q, b) = (x.pointer(Float.self), weight.pointer(Float.self), bias?.pointer(Float.self))
        if g.isDepthwise {
            DepthwiseConvolution(g).forward(p, q, b, y.mutablePointer(Float.self))
        } else {
            ConvolutionProduct.forward(g, p, q, b, y.mutablePointer(Float.self))
        }
        return y
    }

    private static func inputGradientValue(_ g: ConvolutionGeometry, _ gradient: Tensor, _ weight: Tensor)
        -> Tensor
    {
        if g.batch * g.outputPixels * g.outputChannels == 0 { return .zeros(g.inputShape, gradient.dtype) }
        if gradient.dtype == .float64 {
            let result = Tensor(uninitialized: g.inputShape, .float64)
            PatchConvolution.inputGradient(
                g, gradient.pointer(Double.self), weight.pointer(Double.self),
                result.mutablePointer(Double.self))
            return result
        }
        let (p, q) = (gradient.pointer(Float.self), weight.pointer(Float.self))
        if g.isDepthwise && g.groupOutputs > 1 {
            let each = Tensor(uninitialized: g.inputShape + [g.groupOutputs], .float32)
            DepthwiseConvolution(g).inputGradient(p, q, each.mutablePointer(Float.self))
            return each.sum(axes: [-1])
        }
        let result = Tensor(uninitialized: g.inputShape, .float32)
        if g.isDepthwise {
            DepthwiseConvolution(g).inputGradient(p, q, result.mutablePointer(Float.self))
        } else {
            ConvolutionProduct.inputGradient(g, p, q, result.mutablePointer(Float.self))
        }
        return result
    }

    private static func weightGradientValue(
        _ g: ConvolutionGeometry, _ x: Tensor, _ gradient: Tensor, _ perExample: Bool
    ) -> Tensor {
        let shape = (perExample ? [g.batch] : []) + g.weightShape
        if g.batch * g.outputPixels == 0 { return .zeros(shape, x.dtype) }
        let result = Tensor(uninitialized: shape, x.dtype)
        if x.dtype == .float64 {
            PatchConvolution.weightGradient(
                g, x.pointer(Double.self), gradient.pointer(Double.self), perExample: perExample,
                result.mutablePointer(Double.self))
            return result
        }
        let (p, q) = (x.pointer(Float.self), gradient.pointer(Float.self))
        if g.isDepthwise {
            DepthwiseConvolution(g).weightGradient(
                p, q, perExample: perExample, result.mutablePointer(Float.self))
        } else {
            ConvolutionProduct.weightGradient(
                g, p, q, perExample: perExample, result.mutablePointer(Float.self))
        }
        return result
    }
}
