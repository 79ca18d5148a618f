import Foundation
import Mercer

/// The middle of a picture; smaller pictures are padded with zeros.
public struct CenterCrop: Augmentation {
    public let size: PerAxis

    public init(_ size: PerAxis) { self.size = size }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        let wanted = size.spread(2)
        let image = atLeast(wanted, image)
        return cropped(
            image, top: (image.shape[0] - wanted[0]) / 2, left: (image.shape[1] - wanted[1]) / 2,
            height: wanted[0], width: wanted[1])
    }
}

/// A part of a picture at a random place, after padding.
public struct RandomCrop: Augmentation {
    public let size: PerAxis
    public let padding: Int
    public let mode: PaddingMode

    public init(_ size: PerAxis, padding: Int = 0, mode: PaddingMode = .constant) {
        self.size = size
        self.padding = padding
        self.mode = mode
    }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        let wanted = size.spread(2)
        let margin = (before: padding, after: padding)
        let image = atLeast(
            wanted, padding == 0 ? image : padded(image, [margin, margin, (0, 0)], mode: mode))
        var stream = RandomStream(key)
        return cropped(
            image, top: stream.integer(0...(image.shape[0] - wanted[0])),
            left: stream.integer(0...(image.shape[1] - wanted[1])), height: wanted[0], width: wanted[1])
    }
}

/// A part of random area and proportions, resized (Szegedy et al. 2015; torchvision's `RandomResizedCrop`).
public struct RandomResizedCrop: Augmentation {
    public let size: PerAxis
    /// Of the picture's area.
    public let scale: ClosedRange<Double>
    /// Width over height; drawn on a logarithmic scale.
    public let ratio: ClosedRange<Double>
    public let mode: InterpolationMode

    public init(
        _ size: PerAxis, scale: ClosedRange<Double> = 0.08...1,
        ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
        mode: InterpolationMode = .bilinear
    ) {
        self.size = size
        self.scale = scale
        self.ratio = ratio
        self.mode = mode
    }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        var stream = RandomStream(key)
        let part = box(image.shape[0], image.shape[1], &stream)
        let crop = cropped(image, top: part.top, left: part.left, height: part.height, width: part.width)
        let smooth = mode == .bilinear || mode == .bicubic
        return interpolate(
            crop.expandedDimensions(axis: 0), size: size.spread(2), mode: mode, antialias: smooth
        ).squeezed(axis: 0)
    }

    typealias Box = (top: Int, left: Int, height: Int, width: Int)

    /// Ten draws; then the largest part in the middle that has allowed proportions.
    func box(_ height: Int, _ width: Int, _ stream: inout RandomStream) -> Box {
        for _ in 0..<10 {
            let area = Double(height * width) * stream.uniform(scale)
            let proportion = exp(stream.uniform(log(ratio.lowerBound)...log(ratio.upperBound)))
            let w = Int((area * proportion).squareRoot().rounded())
            let h = Int((area / proportion).squareRoot().rounded())
            if (1...width).contains(w) && (1...height).contains(h) {
                return (stream.integer(0...(height - h)), stream.integer(0...(width - w)), h, w)
            }
        }
        let proportion = Double(width) / Double(height)
        var (h, w) = (height, width)
        if proportion < ratio.lowerBound {
            h = min(height, Int((Double(width) / ratio.lowerBound).rounded()))
        } else if proportion > ratio.upperBound {
            w = min(width, Int((Double(height) * ratio.upperBound).rounded()))
        }
        return ((height - h) / 2, (width - w) / 2, h, w)
    }
}

/// A rectangle of a picture.
private func cropped(_ image: Tensor, top: Int, left: Int, height: Int, width: Int) -> Tensor {
    image[top..<(top + height), left..<(left + width)].contiguous()
}

/// A picture with zeros around it where it is smaller than a size.
private func atLeast(_ size: [Int], _ image: Tensor) -> Tensor {
    let missing = (0..<2).map { max(0, size[$0] - image.shape[$0]) }
    if missing == [0, 0] { return image }
    return padded(image, missing.map { ($0 / 2, $0 - $0 / 2) } + [(0, 0)])
}
