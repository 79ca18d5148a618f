import Mercer
import MercerNN

/// The small network inside an invertible block: five 3×3 convolutions, the first four of which grow the channels by
/// `growth` each with leaky rectifiers (0.2), each reading the input and all grown maps (Xiao et al. 2020, IRN).
///
/// The first four start from Xavier's normal distribution × 0.1 and the last from zero, so that a new block does
/// nothing.
public final class DenseSubnet: Module {
    public let conv1: Conv2d
    public let conv2: Conv2d
    public let conv3: Conv2d
    public let conv4: Conv2d
    public let conv5: Conv2d
    /// The slope of the rectifiers below 0.
    public static let negativeSlope = 0.2

    /// - Parameters:
    ///   - context: further channels of the input that say where and at which scale a position lies.
    public init(_ inputs: Int, _ outputs: Int, growth: Int = 32, context: Int = 0) {
        func conv(_ index: Int, _ outputs: Int, _ weight: Initializer) -> Conv2d {
            Conv2d(
                inputs + context + index * growth, outputs, kernelSize: 3, padding: 1, bias: true, weight: weight, bias: .zeros)
        }
        conv1 = conv(0, growth, .xavierNormal(gain: 0.1))
        conv2 = conv(1, growth, .xavierNormal(gain: 0.1))
        conv3 = conv(2, growth, .xavierNormal(gain: 0.1))
        conv4 = conv(3, growth, .xavierNormal(gain: 0.1))
        conv5 = conv(4, outputs, .zeros)
    }

    private var convolutions: [Conv2d] { [conv1, conv2, conv3, conv4, conv5] }

    /// All weights, then all biases.
    var variables: [Tensor] { convolutions.map(\.weight) + convolutions.map { $0.bias! } }

    /// The weights as values.
    var values: DenseConvolution.Weights {
        DenseConvolution.Weights(
            weights: convolutions.map(\.weight), biases: convolutions.map { $0.bias! },
            negativeSlope: Self.negativeSlope)
    }

    /// `[N, H, W, inputs]` to `[N, H, W, outputs]`.
    ///
    /// - Parameter context: `[1 or N, H, W, context]`.
    public func callAsFunction(_ x: Tensor, context: Tensor? = nil) -> Tensor {
        denseConvolution(
            [x] + (context.map { [$0] } ?? []), weights: convolutions.map(\.weight),
            biases: convolutions.map { $0.bias! }, negativeSlope: Self.negativeSlope)
    }
}
