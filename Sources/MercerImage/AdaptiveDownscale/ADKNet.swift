// Pise, Ghosh: Learned Adaptive Kernels for High-Fidelity Image Downscaling (ADK-Net). 2025, arXiv 2511.01620.
// Sizes beyond its abstract are reconstructed from Sun, Chen: Learned Image Downscaling for Upscaling using Content
// Adaptive Resampler (CAR). TIP 2020, arXiv 1907.12904.

import Mercer
import MercerNN

/// How a network's numbers become a kernel.
public enum KernelNormalisation: String, Sendable, CaseIterable {
    /// Not negative, sums to 1: can't sharpen.
    case softmax
    /// CAR's: clamped to [1e-6, 1], divided by the sum.
    case sum
    /// As they are: kernels may sharpen.
    case none
}

/// Sizes of an ``ADKNet``.
public struct ADKSize: Sendable, Hashable {
    /// C.
    public var channels: Int
    /// B, residual blocks of the extractor.
    public var blocks: Int
    /// T, residual blocks of a generator's trunk.
    public var trunk: Int
    /// R, residual blocks of a generator's branch.
    public var branch: Int

    public init(channels: Int, blocks: Int, trunk: Int, branch: Int) {
        self.channels = channels
        self.blocks = blocks
        self.trunk = trunk
        self.branch = branch
    }

    /// For training on a CPU.
    public static let small = ADKSize(channels: 16, blocks: 2, trunk: 1, branch: 1)
    public static let base = ADKSize(channels: 64, blocks: 5, trunk: 3, branch: 2)
    public static let car = ADKSize(channels: 128, blocks: 5, trunk: 3, branch: 2)

    /// The published sizes by name.
    public static let named: [(name: String, size: ADKSize)] = [("small", .small), ("base", .base), ("car", .car)]
}

/// A network that looks at a picture and predicts, for every pixel of the smaller picture and each colour, the k×k
/// kernel with which that pixel is resampled.
///
/// ```swift
/// let net = ADKNet(scale: 2, kernel: 8)
/// let small = net(x)                    // [N, H, W, 3] to [N, H/2, W/2, 3], numbers in [0, 1]
/// let kernels = net.kernels(x)          // [N, H/2, W/2, 3, 64]
/// ```
///
/// Parameters are named as in the reconstruction in PyTorch: `head.1`, `down`, `body.i.conv1.1`,
/// `generators.c.trunk.i.conv1.1`, `generators.c.project.1`, and `offsets.…` where taps move.
public final class ADKNet: Module {
    let head: Sequential
    let down: Conv2d
    let body: [ADKBlock]
    /// One for each colour, or one for all.
    let generators: [KernelGenerator]
    /// Where taps go, for all colours: CAR's variant.
    let offsets: KernelGenerator?

    /// s.
    public let scale: Int
    /// k.
    public let kernel: Int
    public let size: ADKSize
    public let normalisation: KernelNormalisation
    /// Whether all colours share one kernel: the paper's comparison.
    public let sharesKernels: Bool
    /// What is added to `gain` times the projection before the normalisation, `[3, k²]`: where training starts from.
    /// ``fold()`` turns it into the projection's bias.
    var start: Tensor?
    var gain = 1.0

    /// The mean of the colours that is subtracted (CAR's).
    static let mean: [Float] = [0.4488, 0.4371, 0.4040]

    public init(
        scale: Int, kernel: Int, size: ADKSize = .small, normalisation: KernelNormalisation = .none,
        sharesKernels: Bool = false, movesTaps: Bool = false
    ) {
        precondition(scale > 1 && kernel >= scale, "ADKNet: kernels of \(kernel) pixels a side for scale \(scale)")
        self.scale = scale
        self.kernel = kernel
        self.size = size
        self.normalisation = normalisation
        self.sharesKernels = sharesKernels
        let c = size.channels
        head = Sequential(ReflectionPadding(2), Conv2d(3, c, kernelSize: 5), LeakyReLU(0.2))
        down = Conv2d(c * scale * scale, c, kernelSize: 1)
        body = (0..<size.blocks).map { _ in ADKBlock(c) }
        generators = (0..<(sharesKernels ? 1 : 3)).map { _ in KernelGenerator(size, outputs: kernel * kernel) }
        offsets = movesTaps ? KernelGenerator(size, outputs: 2 * kernel * kernel) : nil
    }

    /// Whether taps move by offsets of their own, as in CAR.
    public var movesTaps: Bool { offsets != nil }

    /// What kernels and offsets are made from, `[N, H/s, W/s, channels]`.
    private func features(_ x: Tensor) -> Tensor {
        precondition(
            x.rank == 4 && x.shape[3] == 3 && x.shape[1] % scale == 0 && x.shape[2] % scale == 0,
            "ADKNet: shape \(x.shape) isn't [N, H, W, 3] with H and W multiples of \(scale)")
        let centred: Tensor = x - Tensor(Self.mean)
        let first = down(pixelUnshuffle(head(centred), by: scale))
        return first + body.reduce(first) { $1($0) }
    }

    /// The kernels of a picture `[N, H, W, 3]` whose sides are multiples of s: `[N, H/s, W/s, 3, k²]`.
    public func kernels(_ x: Tensor) -> Tensor { kernels(of: features(x)) }

    private func kernels(of features: Tensor) -> Tensor {
        let made = generators.map { $0(features) }
        let shape = Array(features.shape[..<3]) + [1, kernel * kernel]
        var kernels = concatenated((0..<3).map { made[sharesKernels ? 0 : $0].reshaped(shape) }, axis: 3)
        if let start { kernels = kernels * gain + start }
        switch normalisation {
        case .none: return kernels
        case .softmax: return softmax(kernels)
        case .sum:
            let positive = clip(kernels, min: 1e-6, max: 1)
            return positive / positive.sum(axes: [-1], keepDims: true)
        }
    }

    /// How far each tap is moved, `[N, H/s, W/s, 2, k²]` in pixels of x, down and across, at most s; nil for a network
    /// whose taps don't move.
    public func offsets(_ x: Tensor) -> Tensor? { offsets(of: features(x)) }

    private func offsets(of features: Tensor) -> Tensor? {
        guard let offsets else { return nil }
        // Bounded, so that tiles overlap by enough.
        let moved: Tensor = tanh(offsets(features)) * Double(scale)
        return moved.reshaped(Array(features.shape[..<3]) + [2, kernel * kernel])
    }

    /// The smaller picture.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        let features = features(x)
        guard let offsets = offsets(of: features) else {
            return AdaptiveResample.apply(x, kernels: kernels(of: features), scale: scale)
        }
        return AdaptiveResample.apply(x, kernels: kernels(of: features), offsets: offsets, scale: scale)
    }

    /// Pixels of the picture that a pixel of the result depends on, on each side of it: what tiles overlap by.
    public var reach: Int {
        let low = 2 * (size.blocks + size.trunk + size.branch) + 1
        return low * scale + 2 + kernel + (movesTaps ? scale + 1 : 0)
    }

    /// Starts training at given kernels `[3, k²]`: K = K⁰ + 0.1 · projection.
    public func begin(at kernels: Tensor) {
        precondition(kernels.shape == [3, kernel * kernel], "ADKNet: kernels of shape \(kernels.shape) to start at")
        start = kernels.asType(.float32)
        gain = 0.1
        for generator in generators { generator.quieten() }
    }

    /// Starts training with taps that don't move.
    public func keepTaps() { offsets?.silence() }

    /// Makes what training started from a part of the projection, so that the network is its parameters alone.
    public func fold() {
        guard let start else { return }
        for (index, generator) in generators.enumerated() {
            generator.fold(start: sharesKernels ? start.mean(axes: [0]) : start[index], gain: gain)
        }
        self.start = nil
        gain = 1
    }

    /// The box kernel, 1/s² over the s×s pixels of the output: `[3, k²]`.
    public static func box(kernel: Int, scale: Int) -> Tensor {
        let margin = AdaptiveResample.margin(kernel: kernel, scale: scale)
        return Tensor([3, kernel * kernel], of: Float.self) { out in
            for i in 0..<out.count {
                let (u, v) = (i % (kernel * kernel) / kernel - margin, i % kernel - margin)
                let inside = (0..<scale).contains(u) && (0..<scale).contains(v)
                out[i] = inside ? 1 / Float(scale * scale) : 0
            }
        }
    }
}

/// x + conv(leaky(conv(x))), with mirrored borders.
final class ADKBlock: Module, UnaryLayer {
    let conv1: Sequential
    let conv2: Sequential

    init(_ channels: Int) {
        conv1 = Self.convolution(channels, channels)
        conv2 = Self.convolution(channels, channels)
    }

    static func convolution(_ inputs: Int, _ outputs: Int) -> Sequential {
        Sequential(ReflectionPadding(1), Conv2d(inputs, outputs, kernelSize: 3))
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + conv2(leakyRelu(conv1(x), negativeSlope: 0.2)) }
}

/// From features to the kernels of one colour.
final class KernelGenerator: Module, UnaryLayer {
    let trunk: [ADKBlock]
    let branch: [ADKBlock]
    let project: Sequential

    init(_ size: ADKSize, outputs: Int) {
        trunk = (0..<size.trunk).map { _ in ADKBlock(size.channels) }
        branch = (0..<size.branch).map { _ in ADKBlock(size.channels) }
        project = ADKBlock.convolution(size.channels, outputs)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let deep = x + trunk.reduce(x) { $1($0) }
        return project(branch.reduce(deep) { $1($0) })
    }

    private var projection: Conv2d { project.layers[1] as! Conv2d }

    /// A tenth of the projection's weights and no bias: else the first kernels are noise beside what they start from.
    func quieten() {
        projection.weight = projection.weight.detached * 0.1
        projection.bias = Tensor.zeros(projection.bias!.shape)
    }

    /// Weights and biases of 0: the first results are 0.
    func silence() {
        projection.weight = Tensor.zeros(projection.weight.shape)
        projection.bias = Tensor.zeros(projection.bias!.shape)
    }

    func fold(start: Tensor, gain: Double) {
        projection.weight = projection.weight.detached * gain
        projection.bias = projection.bias!.detached * gain + start
    }
}
