import Mercer

/// What the transposed convolution layers share: sizes, parameters and shapes.
public class ConvolutionTransposedLayer: Module {
    /// `[outputs, kernel…, inputs / groups]`.
    @ParameterInfo public var weight: Tensor
    @ParameterInfo public var bias: Tensor?
    public let stride: PerAxis
    public let padding: PerAxis
    public let outputPadding: PerAxis
    public let dilation: PerAxis
    public let groups: Int

    fileprivate init(
        _ inputs: Int, _ outputs: Int, _ kernel: [Int], _ stride: PerAxis, _ padding: PerAxis,
        _ outputPadding: PerAxis, _ dilation: PerAxis, _ groups: Int, _ hasBias: Bool, _ weight: Initializer,
        _ bias: Initializer?
    ) {
        precondition(
            groups > 0 && inputs % groups == 0 && outputs % groups == 0,
            "transposed convolution: \(inputs) input and \(outputs) output channels in \(groups) groups")
        // PyTorch counts the second axis of its layout [inputs, outputs / groups, …] as the inputs.
        let taps = kernel.reduce(1, *)
        let fans = Fans(input: outputs / groups * taps, output: inputs * taps)
        _weight = ParameterInfo(
            Parameter(
                [outputs] + kernel + [inputs / groups], initializer: weight,
                layout: .transposedConvolution(groups: groups), fans: fans))
        _bias = ParameterInfo(hasBias ? .bias(outputs, bias, fanIn: fans.input) : nil)
        self.stride = stride
        self.padding = padding
        self.outputPadding = outputPadding
        self.dilation = dilation
        self.groups = groups
    }

    /// The output's shape and cost, by the engine's rule.
    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let weight = $weight.parameter!.shape
        precondition(
            shape.count == weight.count && shape.last! == weight.last! * groups,
            "\(type(of: self)): input of shape \(shape), weight of \(weight) in \(groups) groups")
        let axes = shape.count - 2
        let (strides, paddings) = (stride.spread(axes), padding.spread(axes))
        let (extra, dilations) = (outputPadding.spread(axes), dilation.spread(axes))
        let lengths = (0..<axes).map { axis -> Int in
            let spread = (shape[axis + 1] - 1) * strides[axis] + 1
            let extent = dilations[axis] * (weight[axis + 1] - 1)
            return spread + extent + extra[axis] - 2 * paddings[axis]
        }
        let output = [shape[0]] + lengths + [weight[0]]
        // Each input pixel meets each tap of its group's outputs once.
        let taps = weight.dropFirst().dropLast().reduce(1, *)
        cost.record(self, output: output, multiplyAdds: shape.reduce(1, *) * taps * weight[0] / groups)
        return output
    }
}

/// A transposed convolution of sequences, `[batch, length, channels]`. See ``ConvTransposed2d``.
public final class ConvTransposed1d: ConvolutionTransposedLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: Int = 0,
        outputPadding: Int = 0, dilation: Int = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, [kernelSize], PerAxis(stride), PerAxis(padding), PerAxis(outputPadding),
            PerAxis(dilation), groups, hasBias, weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convTransposed1d(
            x, weight, bias: bias, stride: stride.values[0], padding: padding.values[0],
            outputPadding: outputPadding.values[0], dilation: dilation.values[0], groups: groups)
    }
}

/// A transposed convolution of images, `[batch, height, width, channels]`.
///
/// `weight` is `[outputs, height, width, inputs / groups]` (PyTorch files: `[inputs, outputs / groups, height,
/// width]`, converted when loading and saving).
public final class ConvTransposed2d: ConvolutionTransposedLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: PerAxis, stride: PerAxis = 1, padding: PerAxis = 0,
        outputPadding: PerAxis = 0, dilation: PerAxis = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, kernelSize.spread(2), stride, padding, outputPadding, dilation, groups, hasBias,
            weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convTransposed2d(
            x, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
            dilation: dilation, groups: groups)
    }
}

/// A transposed convolution of volumes, `[batch, depth, height, width, channels]`. See ``ConvTransposed2d``.
public final class ConvTransposed3d: ConvolutionTransposedLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: PerAxis, stride: PerAxis = 1, padding: PerAxis = 0,
        outputPadding: PerAxis = 0, dilation: PerAxis = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, kernelSize.spread(3), stride, padding, outputPadding, dilation, groups, hasBias,
            weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        convTransposed3d(
            x, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding,
            dilation: dilation, groups: groups)
    }
}
