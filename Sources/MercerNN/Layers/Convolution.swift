import Mercer

/// What the convolution layers share: sizes, parameters and shapes.
public class ConvolutionLayer: Module {
    /// `[outputs, kernel…, inputs / groups]`.
    @ParameterInfo public var weight: Tensor
    @ParameterInfo public var bias: Tensor?
    public let stride: PerAxis
    public let padding: ConvolutionPadding
    public let dilation: PerAxis
    public let groups: Int

    fileprivate init(
        _ inputs: Int, _ outputs: Int, _ kernel: [Int], _ stride: PerAxis, _ padding: ConvolutionPadding,
        _ dilation: PerAxis, _ groups: Int, _ hasBias: Bool, _ weight: Initializer, _ bias: Initializer?
    ) {
        precondition(
            groups > 0 && inputs % groups == 0 && outputs % groups == 0,
            "convolution: \(inputs) input and \(outputs) output channels in \(groups) groups")
        let shape = [outputs] + kernel + [inputs / groups]
        _weight = ParameterInfo(Parameter(shape, initializer: weight, layout: .convolution))
        _bias = ParameterInfo(hasBias ? .bias(outputs, bias, fanIn: Fans(shape).input) : nil)
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// The output's shape and cost, by the engine's rule.
    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let weight = $weight.parameter!.shape
        precondition(
            shape.count == weight.count && shape.last! == weight.last! * groups,
            "\(type(of: self)): input of shape \(shape), weight of \(weight) in \(groups) groups")
        let window = SlidingWindow(
            kernel: Array(weight.dropFirst().dropLast()), stride: stride, padding: padding, dilation: dilation
        )
        let output = [shape[0]] + window.positions(on: Array(shape.dropFirst().dropLast())) + [weight[0]]
        cost.record(
            self, output: output,
            multiplyAdds: output.reduce(1, *) * weight.dropFirst().reduce(1, *))
        return output
    }
}

/// A convolution of sequences, `[batch, length, channels]`.
///
/// `weight` is `[outputs, kernel, inputs / groups]` (PyTorch files: `[outputs, inputs / groups, kernel]`, converted
/// when loading and saving). Weight and bias start uniform in ±1/√fan-in, as PyTorch's.
public final class Conv1d: ConvolutionLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: Int, stride: Int = 1, padding: ConvolutionPadding = 0,
        dilation: Int = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, [kernelSize], PerAxis(stride), padding, PerAxis(dilation), groups, hasBias,
            weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        conv1d(
            x, weight, bias: bias, stride: stride.values[0], padding: padding, dilation: dilation.values[0],
            groups: groups)
    }
}

/// A convolution of images, `[batch, height, width, channels]`.
///
/// ```swift
/// let conv = Conv2d(64, 64, kernelSize: 7, padding: 3, groups: 64)       // depthwise
/// ```
///
/// `weight` is `[outputs, height, width, inputs / groups]` (PyTorch files: `[outputs, inputs / groups, height,
/// width]`, converted when loading and saving). Weight and bias start uniform in ±1/√fan-in, as PyTorch's.
public final class Conv2d: ConvolutionLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: PerAxis, stride: PerAxis = 1,
        padding: ConvolutionPadding = 0, dilation: PerAxis = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, kernelSize.spread(2), stride, padding, dilation, groups, hasBias, weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        conv2d(
            x, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}

/// A convolution of volumes, `[batch, depth, height, width, channels]`.
///
/// `weight` is `[outputs, depth, height, width, inputs / groups]`, converted from PyTorch's layout as for
/// ``Conv2d``.
public final class Conv3d: ConvolutionLayer, UnaryLayer {
    public init(
        _ inputs: Int, _ outputs: Int, kernelSize: PerAxis, stride: PerAxis = 1,
        padding: ConvolutionPadding = 0, dilation: PerAxis = 1, groups: Int = 1, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        super.init(
            inputs, outputs, kernelSize.spread(3), stride, padding, dilation, groups, hasBias, weight, bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        conv3d(
            x, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
}
