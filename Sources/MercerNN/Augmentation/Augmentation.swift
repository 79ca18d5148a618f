import Mercer

/// A change of one picture, `[height, width, channels]`, float32 in [0, 1], drawn from a key.
///
/// The same key gives the same change; a ``DataLoader`` gives each example one that follows from seed, epoch and
/// number.
///
/// ```swift
/// let augment: [any Augmentation] = [RandomResizedCrop([224, 224]), RandomHorizontalFlip(), RandAugment()]
/// let data = pictures.map { example, key in [augment.applied(to: example[0], key: key), example[1]] }
/// ```
public protocol Augmentation: Sendable {
    func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor
}

extension Array where Element == any Augmentation {
    /// The picture after all augmentations in turn, each with a key of its own.
    public func applied(to image: Tensor, key: RandomKey) -> Tensor {
        enumerated().reduce(image) { image, step in step.element(image, key: key[step.offset]) }
    }
}

/// Mirrored left to right with probability `p`.
public struct RandomHorizontalFlip: Augmentation {
    public let p: Double

    public init(_ p: Double = 0.5) { self.p = p }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        RandomStream(key).chance(p) ? image.flipped(axes: [1]).contiguous() : image
    }
}

/// Mirrored top to bottom with probability `p`.
public struct RandomVerticalFlip: Augmentation {
    public let p: Double

    public init(_ p: Double = 0.5) { self.p = p }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        RandomStream(key).chance(p) ? image.flipped(axes: [0]).contiguous() : image
    }
}

/// (x - mean) / std of each channel.
public struct Normalize: Augmentation {
    public let mean: [Float]
    public let std: [Float]

    public init(mean: [Float], std: [Float]) {
        self.mean = mean
        self.std = std
    }

    /// The channels of ImageNet.
    public static let imageNet = Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        (image - Tensor(mean)) / Tensor(std)
    }
}

extension RandomStream {
    /// True with probability `p`; for a stream that is used once.
    func chance(_ p: Double) -> Bool {
        var stream = self
        return stream.uniform() < p
    }

    /// Uniform in a range.
    mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    }

    /// A whole number in a range.
    mutating func integer(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(integer(below: UInt64(range.upperBound - range.lowerBound + 1)))
    }
}
