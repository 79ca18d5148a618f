import Mercer

extension BenchmarkCase {
    /// Convolutions of 3×3 and 1×1, forward and each gradient alone.
    static let convolutions: [BenchmarkCase] = [
        // kernel, stride, channels in and out, side, batch
        dense(3, 1, 64, 64, 56, 1), dense(3, 1, 64, 64, 112, 1), dense(3, 1, 128, 128, 28, 1),
        dense(3, 1, 256, 256, 14, 1), dense(3, 1, 64, 64, 56, 8), dense(3, 1, 256, 256, 14, 8),
        dense(3, 2, 64, 128, 56, 1), dense(3, 2, 128, 256, 28, 8), dense(3, 2, 256, 256, 14, 1),
        dense(1, 1, 64, 256, 56, 1), dense(1, 1, 256, 64, 56, 8), dense(1, 1, 256, 256, 14, 8),
        dense(1, 2, 128, 256, 28, 1), dense(3, 1, 3, 64, 112, 1),
    ].flatMap { $0.benchmarks }

    /// Depthwise convolutions, forward and each gradient alone: square kernels, bands, dilated ones.
    static let depthwise: [BenchmarkCase] = squares + bands + dilated

    private static let layers = [(channels: 96, side: 56), (channels: 384, side: 14)]

    private static let squares: [BenchmarkCase] = [3, 5, 7, 13, 31].flatMap { (k: Int) -> [BenchmarkCase] in
        layers.flatMap {
            depthwise(k, k, 1, $0.channels, $0.side, goals: k >= 13 ? (15, 5) : (1.3, 1.3)).benchmarks
        }
    }

    private static let bands: [BenchmarkCase] = layers.flatMap { (layer) -> [BenchmarkCase] in
        depthwise(1, 11, 1, layer.channels, layer.side, goals: (3, 1.3)).benchmarks
            + depthwise(11, 1, 1, layer.channels, layer.side, goals: (3, 1.3)).benchmarks
    }

    private static let dilated: [BenchmarkCase] = [(3, 2), (3, 5), (5, 3), (7, 2)].flatMap {
        depthwise($0, $0, $1, 96, 56, goals: (2, 2)).benchmarks
    }

    private static func dense(
        _ kernel: Int, _ stride: Int, _ inputs: Int, _ outputs: Int, _ side: Int, _ batch: Int
    ) -> ConvolutionCase {
        ConvolutionCase(
            kind: "convolution", batch: batch, side: side, inputs: inputs, outputs: outputs, groups: 1,
            height: kernel, width: kernel, stride: stride, dilation: 1, goals: (1.1, 1.1))
    }

    private static func depthwise(
        _ height: Int, _ width: Int, _ dilation: Int, _ channels: Int, _ side: Int,
        goals: (forward: Double, gradient: Double)
    ) -> ConvolutionCase {
        ConvolutionCase(
            kind: "depthwise", batch: 4, side: side, inputs: channels, outputs: channels, groups: channels,
            height: height, width: width, stride: 1, dilation: dilation, goals: goals)
    }
}

/// A convolution whose forward pass and gradients are measured one by one.
private struct ConvolutionCase {
    let kind: String
    let batch: Int
    let side: Int
    let inputs: Int
    let outputs: Int
    let groups: Int
    let height: Int
    let width: Int
    let stride: Int
    let dilation: Int
    let goals: (forward: Double, gradient: Double)

    private var size: String {
        var text = "\(height)x\(width)"
        if stride > 1 { text += "s\(stride)" }
        if dilation > 1 { text += "d\(dilation)" }
        let channels = inputs == outputs ? "\(inputs)" : "\(inputs)-\(outputs)"
        return "\(text)-\(channels)@\(side)-batch\(batch)"
    }

    private var parameters: [String: Int] {
        [
            "batch": batch, "side": side, "inputs": inputs, "outputs": outputs, "groups": groups,
            "kernelHeight": height, "kernelWidth": width, "stride": stride, "dilation": dilation,
        ]
    }

    /// Multiplications and additions with pixels of the image: zeros around it aren't counted.
    private var operations: Double {
        func taps(_ kernel: Int) -> Int {
            let padding = (kernel - 1) * dilation / 2
            let output = (side + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
            return (0..<output).reduce(0) { sum, i in
                sum + (0..<kernel).count { (0..<side).contains(i * stride + $0 * dilation - padding) }
            }
        }
        return 2 * Double(batch * taps(height) * taps(width)) * Double(inputs / groups * outputs)
    }

    private var bytes: (input: Double, output: Double) {
        let pixels = Double(batch * side * side)
        return (4 * pixels * Double(inputs), 4 * pixels * Double(outputs) / Double(stride * stride))
    }

    var benchmarks: [BenchmarkCase] {
        let (x, y) = bytes
        return [
            benchmark("", goals.forward, read: x, written: y) { x, weight, _, g in
                Convolution.forward(g, x, weight)
            },
            benchmark("-input-gradient", goals.gradient, read: y, written: x) { _, weight, gradient, g in
                Convolution.inputGradient(g, gradient, weight)
            },
            benchmark("-weight-gradient", goals.gradient, read: x + y, written: 0) { x, _, gradient, g in
                Convolution.weightGradient(g, x, gradient)
            },
        ]
    }

    private func benchmark(
        _ direction: String, _ goal: Double, read: Double, written: Double,
        _ compute: @escaping @Sendable (Tensor, Tensor, Tensor, ConvolutionGeometry) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(
            "\(kind)\(direction)/\(size)", parameters,
            work: .init(operations: operations, bytes: read, written: written),
            peers: [.init("torch", goal: goal)],
            compute: { [self] _ in
                let x = BenchmarkInput.tensor([batch, side, side, inputs], seed: 1)
                let weight = BenchmarkInput.tensor([outputs, height, width, inputs / groups], seed: 2)
                let geometry = ConvolutionGeometry(
                    "benchmark", axes: 2, input: x.shape, weight: weight.shape, stride: PerAxis(stride),
                    padding: ConvolutionPadding([(height - 1) * dilation / 2, (width - 1) * dilation / 2]),
                    dilation: PerAxis(dilation), groups: groups)
                let gradient = BenchmarkInput.tensor(geometry.outputShape, seed: 3)
                return { [compute(x, weight, gradient, geometry)] }
            })
    }
}
