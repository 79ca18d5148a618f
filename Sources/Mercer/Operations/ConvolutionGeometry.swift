/// A number for each spatial axis, or one for all: `2`, `[2, 1]`.
public struct PerAxis: ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, Sendable, Hashable {
    /// One number for all axes, or as many as there are axes.
    public let values: [Int]

    public init(_ value: Int) { values = [value] }
    public init(_ values: [Int]) { self.values = values }
    public init(integerLiteral value: Int) { values = [value] }
    public init(arrayLiteral elements: Int...) { values = elements }

    func expanded(to axes: Int, _ operation: StaticString, _ what: StaticString) -> [Int] {
        precondition(
            values.count == 1 || values.count == axes,
            "\(operation): \(what) \(values) for \(axes) spatial axes; give one number or one for each axis")
        return values.count == 1 ? [Int](repeating: values[0], count: axes) : values
    }
}

/// One or two numbers, as MLX Swift calls them.
public typealias IntOrPair = PerAxis
/// One or three numbers, as MLX Swift calls them.
public typealias IntOrTriple = PerAxis

/// Zeros around the input of a convolution or a pooling window.
public enum ConvolutionPadding: ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, Sendable, Hashable {
    /// As many on both sides of an axis: one number for all axes, or one for each.
    case symmetric(PerAxis)
    /// Before and after: for each axis.
    case asymmetric(before: [Int], after: [Int])
    /// So many that with a stride of 1 the output is as large as the input, as PyTorch's `"same"`: the odd one comes
    /// after.
    case same

    public init(_ value: Int) { self = .symmetric(PerAxis(value)) }
    public init(_ values: [Int]) { self = .symmetric(PerAxis(values)) }
    public init(integerLiteral value: Int) { self = .symmetric(PerAxis(value)) }
    public init(arrayLiteral elements: Int...) { self = .symmetric(PerAxis(elements)) }

    func resolved(kernel: [Int], dilation: [Int], _ operation: StaticString) -> (before: [Int], after: [Int]) {
        switch self {
        case .symmetric(let padding):
            let both = padding.expanded(to: kernel.count, operation, "padding")
            return (both, both)
        case .asymmetric(let before, let after):
            precondition(
                before.count == kernel.count && after.count == kernel.count,
                "\(operation): padding \(before), \(after) for \(kernel.count) spatial axes")
            return (before, after)
        case .same:
            let total = zip(kernel, dilation).map { ($0 - 1) * $1 }
            return (total.map { $0 / 2 }, total.map { $0 - $0 / 2 })
        }
    }
}

/// The sizes of a convolution on `[batch, depth, height, width, channels]`. Convolutions with fewer spatial axes have
/// leading ones of length 1.
package struct ConvolutionGeometry: Hashable {
    var batch: Int
    /// Spatial sizes of the input.
    var input: [Int]
    var inputChannels: Int
    /// Spatial sizes of the output.
    var output: [Int]
    var outputChannels: Int
    var kernel: [Int]
    var stride: [Int]
    var dilation: [Int]
    /// Zeros before the first element of each axis.
    var padding: [Int]
    var groups: Int
    /// How many spatial axes the caller's tensors have.
    var axes: Int

    var inputShape: [Int] { [batch] + input.suffix(axes) + [inputChannels] }
    package var outputShape: [Int] { [batch] + output.suffix(axes) + [outputChannels] }
    var weightShape: [Int] { [outputChannels] + kernel.suffix(axes) + [inputChannels / groups] }

    var inputPixels: Int { input.reduce(1, *) }
    var outputPixels: Int { output.reduce(1, *) }
    var taps: Int { kernel.reduce(1, *) }
    var groupInputs: Int { inputChannels / groups }
    var groupOutputs: Int { outputChannels / groups }

    /// One input channel for each output channel.
    var isDepthwise: Bool { groupInputs == 1 && groups > 1 }
    /// Each output is a linear function of one input pixel, in the same order.
    var isPointwise: Bool {
        kernel.allSatisfy { $0 == 1 } && stride.allSatisfy { $0 == 1 } && padding.allSatisfy { $0 == 0 }
            && input == output
    }

    /// The geometry of a convolution, checked.
    package init(
        _ operation: StaticString, axes: Int, input shape: [Int], weight: [Int], stride: PerAxis,
        padding: ConvolutionPadding, dilation: PerAxis, groups: Int
    ) {
        precondition(
            shape.count == axes + 2 && weight.count == axes + 2,
            "\(operation): input of shape \(shape) and weight of shape \(weight); expected [batch, …, channels] and [output, …, input / groups] with \(axes) spatial axes"
        )
        let channels = shape[axes + 1]
        precondition(
            groups > 0 && channels % groups == 0 && weight[0] % groups == 0
                && weight[axes + 1] == channels / groups,
            "\(operation): input of shape \(shape) and weight of shape \(weight) don't fit with \(groups) groups: the weight's last axis is the number of input channels over the groups"
        )
        let kernel = Array(weight[1...axes])
        let strides = stride.expanded(to: axes, operation, "stride")
        let dilations = dilation.expanded(to: axes, operation, "dilation")
        precondition(
            strides.allSatisfy { $0 > 0 } && dilations.allSatisfy { $0 > 0 },
            "\(operation): stride \(strides) and dilation \(dilations) must be positive")
        let (before, after) = padding.resolved(kernel: kernel, dilation: dilations, operation)
        if case .same = padding {
            precondition(strides.allSatisfy { $0 == 1 }, "\(operation): padding .same needs a stride of 1")
        }
        let input = Array(shape[1...axes])
        let output = (0..<axes).map { axis in
            let span = input[axis] + before[axis] + after[axis] - dilations[axis] * (kernel[axis] - 1) - 1
            precondition(
                span >= 0,
                "\(operation): kernel \(kernel) with dilation \(dilations) is larger than the input of shape \(shape) padded by \(before), \(after)"
            )
            return span / strides[axis] + 1
        }
        self.init(
            axes: axes, batch: shape[0], input: input, inputChannels: channels, output: output,
            outputChannels: weight[0], kernel: kernel, stride: strides, dilation: dilations, padding: before,
            groups: groups)
    }

    /// The geometry from sizes that are known to fit; spatial ones as many as `axes`.
    init(
        axes: Int, batch: Int, input: [Int], inputChannels: Int, output: [Int], outputChannels: Int,
        kernel: [Int],
        stride: [Int], dilation: [Int], padding: [Int], groups: Int
    ) {
        func filled(_ values: [Int], _ filler: Int) -> [Int] {
            [Int](repeating: filler, count: 3 - axes) + values
        }
        self.axes = axes
        self.batch = batch
        self.input = filled(input, 1)
        self.inputChannels = inputChannels
        self.output = filled(output, 1)
        self.outputChannels = outputChannels
        self.kernel = filled(kernel, 1)
        self.stride = filled(stride, 1)
        self.dilation = filled(dilation, 1)
        self.padding = filled(padding, 0)
        self.groups = groups
    }
}

/// How the positions of a grid meet the positions of a source along one axis: tap t of grid position i reads the
/// source at `i · step + offsets[t]`, if that lies inside.
struct AxisTaps {
    let step: Int
    /// Taps that take part, as indices into the kernel's axis.
    let taps: [Int]
    let offsets: [Int]
}

/// Positions along one axis that are computed together: `start`, `start + step`, … (`count` of them).
struct AxisPhase {
    let start: Int
    let step: Int
    let count: Int
    let reading: AxisTaps
}

extension ConvolutionGeometry {
    /// The forward pass along an axis: all outputs at once.
    func forwardPhase(_ axis: Int) -> AxisPhase {
        AxisPhase(
            start: 0, step: 1, count: output[axis],
            reading: AxisTaps(
                step: stride[axis], taps: Array(0..<kernel[axis]),
                offsets: (0..<kernel[axis]).map { $0 * dilation[axis] - padding[axis] }))
    }

    /// The input gradient along an axis: input positions that are alike modulo the stride meet the same taps, and read
    /// the output's gradient at neighbouring places. Taps come in the order of the places that they read.
    func backwardPhases(_ axis: Int) -> [AxisPhase] {
        let (s, d, p) = (stride[axis], dilation[axis], padding[axis])
        return (0..<min(s, input[axis])).map { start in
            let taps = (0..<kernel[axis]).reversed().filter { (start + p - $0 * d) % s == 0 }
            return AxisPhase(
                start: start, step: s, count: (input[axis] - start + s - 1) / s,
                reading: AxisTaps(step: 1, taps: Array(taps), offsets: taps.map { (start + p - $0 * d) / s }))
        }
    }
}
