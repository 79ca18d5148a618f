// Transposed convolutions: the input gradient of a convolution as an operation of its own.

/// A transposed convolution of sequences: `[batch, length, channels]` with a weight `[output, kernel, channels / groups]`.
/// See ``convTransposed2d(_:_:bias:stride:padding:outputPadding:dilation:groups:)``.
public func convTransposed1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    dilation: Int = 1, groups: Int = 1
) -> Tensor {
    convolutionTransposed(
        "convTransposed1d", 1, x, weight, bias, PerAxis(stride), PerAxis(padding), PerAxis(outputPadding),
        PerAxis(dilation), groups)
}

/// A transposed convolution of images, which undoes the shape of a convolution with the same options.
///
/// - Parameters:
///   - x: `[batch, height, width, channels]`.
///   - weight: `[output, height, width, channels / groups]`.
///   - padding: what the convolution would pad: so much is cut off each side of the result.
///   - outputPadding: how much larger the result is at the end of each axis; less than the stride or the dilation.
/// - Returns: `[batch, height, width, output]`, each axis (n - 1)·stride - 2·padding + dilation·(kernel - 1) +
///   outputPadding + 1 long.
public func convTransposed2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: IntOrPair = 1, padding: IntOrPair = 0,
    outputPadding: IntOrPair = 0, dilation: IntOrPair = 1, groups: Int = 1
) -> Tensor {
    convolutionTransposed(
        "convTransposed2d", 2, x, weight, bias, stride, padding, outputPadding, dilation, groups)
}

/// A transposed convolution of volumes. See
/// ``convTransposed2d(_:_:bias:stride:padding:outputPadding:dilation:groups:)``.
public func convTransposed3d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: IntOrTriple = 1, padding: IntOrTriple = 0,
    outputPadding: IntOrTriple = 0, dilation: IntOrTriple = 1, groups: Int = 1
) -> Tensor {
    convolutionTransposed(
        "convTransposed3d", 3, x, weight, bias, stride, padding, outputPadding, dilation, groups)
}

private func convolutionTransposed(
    _ operation: StaticString, _ axes: Int, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: PerAxis,
    _ padding: PerAxis, _ outputPadding: PerAxis, _ dilation: PerAxis, _ groups: Int
) -> Tensor {
    precondition(
        x.rank == axes + 2 && weight.rank == axes + 2,
        "\(operation): input of shape \(x.shape) and weight of shape \(weight.shape); expected [batch, …, channels] and [output, …, channels / groups] with \(axes) spatial axes"
    )
    let (channels, outputs) = (x.shape[axes + 1], weight.shape[0])
    precondition(
        groups > 0 && channels % groups == 0 && outputs % groups == 0 && weight.shape[axes + 1] == channels / groups,
        "\(operation): input of shape \(x.shape) and weight of shape \(weight.shape) don't fit with \(groups) groups")
    precondition(
        bias == nil || bias!.shape == [outputs],
        "\(operation): bias of shape \(bias?.shape ?? []) and weight of shape \(weight.shape)")
    let kernel = Array(weight.shape[1...axes])
    let strides = stride.expanded(to: axes, operation, "stride")
    let paddings = padding.expanded(to: axes, operation, "padding")
    let extra = outputPadding.expanded(to: axes, operation, "outputPadding")
    let dilations = dilation.expanded(to: axes, operation, "dilation")
    precondition(
        (0..<axes).allSatisfy { extra[$0] >= 0 && extra[$0] < max(strides[$0], dilations[$0]) },
        "\(operation): outputPadding \(extra) must be smaller than stride \(strides) or dilation \(dilations)")
    let input = Array(x.shape[1...axes])
    let output = (0..<axes).map { axis -> Int in
        let span = dilations[axis] * (kernel[axis] - 1) + 1
        return (input[axis] - 1) * strides[axis] - 2 * paddings[axis] + span + extra[axis]
    }
    precondition(
        output.allSatisfy { $0 >= 0 }, "\(operation): input of shape \(x.shape) with padding \(paddings) leaves nothing")
    let geometry = ConvolutionGeometry(
        axes: axes, batch: x.shape[0], input: output, inputChannels: outputs, output: input, outputChannels: channels,
        kernel: kernel, stride: strides, dilation: dilations, padding: paddings, groups: groups)
    let common = x.dtype.promoted(with: weight.dtype)
    let type = common == .float64 ? DType.float64 : .float32
    let y = Convolution.inputGradient(
        geometry, x.asType(type), exchanged(weight.asType(type), axes, groups), operation)
    return (bias.map { y + $0.asType(type) } ?? y).asType(common)
}

/// `[output, …, input / groups]` as `[input, …, output / groups]`.
private func exchanged(_ weight: Tensor, _ axes: Int, _ groups: Int) -> Tensor {
    if groups == 1 { return weight.swappedAxes(0, axes + 1) }
    let split = weight.unflattened(axis: 0, [groups, weight.shape[0] / groups])
    let spatial = Array(2..<(axes + 2))
    return split.transposed(axes: [0, axes + 2] + spatial + [1]).flattened(from: 0, to: 1)
}
