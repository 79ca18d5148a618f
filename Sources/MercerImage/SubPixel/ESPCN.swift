// Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert, Wang: Real-Time Single Image and Video Super-Resolution Using
// an Efficient Sub-Pixel Convolutional Neural Network. CVPR 2016, arXiv 1609.05158.

import Mercer
import MercerNN

/// φ of the first two layers.
public enum SubPixelActivation: String, Sendable, CaseIterable {
    /// The paper's best.
    case tanh
    /// The paper's comparison.
    case relu

    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch self {
        case .tanh: Mercer.tanh(x)
        case .relu: Mercer.relu(x)
        }
    }
}

/// The efficient sub-pixel network: every convolution runs at the low resolution; the last one makes r² channels that
/// become an image r times larger.
///
/// f¹ = φ(W¹ ∗ x + b¹), f² = φ(W² ∗ f¹ + b²), y = PS(W³ ∗ f² + b³) with kernels of 5, 3 and 3 pixels, 64 and 32 maps
/// (eqs. 1-4), zeros around each image. Parameters carry the names of the PyTorch ports: `conv1.weight` …
/// `conv3.bias`.
///
/// ```swift
/// let net = ESPCN(scale: 3, channels: 1, activation: .tanh)
/// let large = net(luma)                 // [N, H, W, 1] to [N, 3H, 3W, 1], numbers in [0, 1]
/// ```
///
/// ``fast`` computes the same for whole pictures in a fraction of the memory and time.
public final class ESPCN: Module, UnaryLayer {
    public let conv1: Conv2d
    public let conv2: Conv2d
    public let conv3: Conv2d
    private let shuffle: PixelShuffle

    /// r.
    public let scale: Int
    /// C: 1 for luma, 3 for RGB.
    public let channels: Int
    public let activation: SubPixelActivation
    public let order: SubPixelOrder

    /// The scales that the paper and its ports use.
    public static let scales = [2, 3, 4, 8]
    /// Low-resolution pixels on each side of a pixel that its result depends on: 2 + 1 + 1.
    public static let reach = 4

    /// - Parameters:
    ///   - maps: of the two hidden layers.
    ///   - order: of the last layer's channels; PyTorch's for checkpoints of its ports, the paper's otherwise.
    public init(
        scale: Int, channels: Int = 1, activation: SubPixelActivation = .tanh, maps: (Int, Int) = (64, 32),
        order: SubPixelOrder = .torch
    ) {
        precondition(scale > 1 && channels > 0, "ESPCN: by \(scale) with \(channels) channels")
        self.scale = scale
        self.channels = channels
        self.activation = activation
        self.order = order
        // N(0, 1 / fan-in), zero biases: the paper doesn't say.
        let weight = Initializer.kaimingNormal(.linear)
        conv1 = Conv2d(channels, maps.0, kernelSize: 5, padding: 2, bias: true, weight: weight, bias: .zeros)
        conv2 = Conv2d(maps.0, maps.1, kernelSize: 3, padding: 1, bias: true, weight: weight, bias: .zeros)
        conv3 = Conv2d(
            maps.1, channels * scale * scale, kernelSize: 3, padding: 1, bias: true, weight: weight, bias: .zeros)
        shuffle = PixelShuffle(scale, order: order)
    }

    /// `[N, H, W, C]` to `[N, r·H, r·W, C]`.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        shuffle(conv3(activation(conv2(activation(conv1(x))))))
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let low = conv3.trace(conv2.trace(conv1.trace(shape, &cost), &cost), &cost)
        return shuffle.trace(low, &cost)
    }

    /// Makes all r² phases of the last layer's filters equal, as the initialisation ICNR has it (Aitken et al. 2017,
    /// arXiv 1707.02937): the first outputs show no checkerboard.
    public func equalisePhases() {
        let phases = scale * scale
        let weight = conv3.weight.detached
        let first = (0..<channels).map { order == .torch ? $0 * phases : $0 }
        let index = (0..<(channels * phases)).map { channel in
            Int64(order == .torch ? first[channel / phases] : first[channel % channels])
        }
        conv3.weight = weight.take(Tensor(index), axis: 0)
    }

    /// The network for whole pictures: line by line, without whole feature maps.
    public var fast: SubPixelEnlarger {
        SubPixelEnlarger(
            StreamedConvolutions([(conv1, activation), (conv2, activation), (conv3, nil)]), scale: scale,
            channels: channels, order: order)
    }

    /// Multiply-adds for each pixel of the result.
    public var multiplyAddsPerPixel: Double {
        Double(describe(inputShape: [1, 1, 1, channels]).multiplyAdds) / Double(scale * scale)
    }
}
