// Dong, Loy, He, Tang: Image Super-Resolution Using Deep Convolutional Networks. TPAMI 2016, arXiv 1501.00092.

import Mercer
import MercerNN

/// The baseline of the ESPCN paper: three convolutions on the bicubic enlargement, at the high resolution.
///
/// Kernels 9-1-5 or 9-5-5 with 64 and 32 maps, relu between, zeros around each image.
public final class SRCNN: Module, UnaryLayer {
    public let conv1: Conv2d
    public let conv2: Conv2d
    public let conv3: Conv2d
    public let channels: Int

    /// - Parameter middle: the side of the second kernel, 1 or 5.
    public init(middle: Int, channels: Int = 1, maps: (Int, Int) = (64, 32)) {
        precondition(middle % 2 == 1, "SRCNN: a kernel of \(middle)")
        self.channels = channels
        let weight = Initializer.kaimingNormal(.linear)
        conv1 = Conv2d(channels, maps.0, kernelSize: 9, padding: 4, bias: true, weight: weight, bias: .zeros)
        conv2 = Conv2d(
            maps.0, maps.1, kernelSize: PerAxis(middle), padding: .init(middle / 2), bias: true, weight: weight,
            bias: .zeros)
        conv3 = Conv2d(maps.1, channels, kernelSize: 5, padding: 2, bias: true, weight: weight, bias: .zeros)
    }

    /// `[N, H, W, C]`, already enlarged, to the same shape.
    public func callAsFunction(_ x: Tensor) -> Tensor { conv3(relu(conv2(relu(conv1(x))))) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        conv3.trace(conv2.trace(conv1.trace(shape, &cost), &cost), &cost)
    }

    /// The network for whole pictures: line by line, without whole feature maps.
    public var fast: SubPixelEnlarger {
        SubPixelEnlarger(
            StreamedConvolutions([(conv1, .relu), (conv2, .relu), (conv3, nil)]), scale: 1, channels: channels,
            order: .torch)
    }

    /// Multiply-adds for each pixel of the result; as many as there are weights.
    public var multiplyAddsPerPixel: Int { describe(inputShape: [1, 1, 1, channels]).multiplyAdds }
}
