import Mercer

/// Mixtures of the examples of a batch with each other: `[images, labels]` to images and the classes' shares.
///
/// Labels are class numbers `[batch]`, or shares `[batch, classes]`. Give it to a ``DataLoader`` as the transform
/// of whole batches.
///
/// ```swift
/// let loader = DataLoader(data, batchSize: 64, transform: Mixing(mixUp: 0.8, cutMix: 1, classes: 47).batch)
/// ```
public struct Mixing: Sendable {
    /// α of mixup (Zhang et al. 2018): the share is drawn from Beta(α, α). 0 for none.
    public let mixUp: Double
    /// α of cutmix (Yun et al. 2019). 0 for none.
    public let cutMix: Double
    /// The probability of cutmix where both are there.
    public let cutMixProbability: Double
    /// The probability that a batch is mixed at all.
    public let p: Double
    public let classes: Int
    /// The share that all classes get together (label smoothing).
    public let smoothing: Double

    public init(
        mixUp: Double = 0, cutMix: Double = 0, cutMixProbability: Double = 0.5, p: Double = 1, classes: Int,
        smoothing: Double = 0
    ) {
        precondition(mixUp >= 0 && cutMix >= 0, "Mixing: α of \(mixUp) and \(cutMix)")
        self.mixUp = mixUp
        self.cutMix = cutMix
        self.cutMixProbability = cutMixProbability
        self.p = p
        self.classes = classes
        self.smoothing = smoothing
    }

    /// The batch mixed with itself in reverse order.
    @Sendable public func batch(_ tensors: [Tensor], key: RandomKey) -> [Tensor] {
        var stream = RandomStream(key)
        var images = tensors[0]
        let labels = shares(tensors[1])
        guard stream.uniform() < p, mixUp > 0 || cutMix > 0 else { return [images, labels] + tensors[2...] }
        let cuts = cutMix > 0 && (mixUp == 0 || stream.uniform() < cutMixProbability)
        let alpha = cuts ? cutMix : mixUp
        var share = stream.beta(alpha, alpha)
        let others = images.flipped(axes: [0])
        if cuts {
            (images, share) = pasted(images, others, share, &stream)
        } else {
            images = images * share + others * (1 - share)
        }
        return [images, labels * share + labels.flipped(axes: [0]) * (1 - share)] + tensors[2...]
    }

    /// A rectangle of about 1 - `share` of the area from the other pictures; the share that is really left.
    private func pasted(
        _ images: Tensor, _ others: Tensor, _ share: Double, _ stream: inout RandomStream
    ) -> (Tensor, Double) {
        let (height, width) = (images.shape[1], images.shape[2])
        let side = (1 - share).squareRoot()
        let (h, w) = (Int(Double(height) * side), Int(Double(width) * side))
        let (y, x) = (stream.integer(0...(height - 1)), stream.integer(0...(width - 1)))
        let (top, bottom) = (max(0, y - h / 2), min(height, y + h / 2))
        let (left, right) = (max(0, x - w / 2), min(width, x + w / 2))
        guard top < bottom && left < right else { return (images, 1) }
        var result = images
        result[0..., top..<bottom, left..<right] = others[0..., top..<bottom, left..<right]
        return (result, 1 - Double((bottom - top) * (right - left)) / Double(height * width))
    }

    /// Labels as shares `[batch, classes]`, smoothed.
    private func shares(_ labels: Tensor) -> Tensor {
        let exact = labels.rank == 2 ? labels : oneHot(labels, classes: classes)
        return smoothing == 0 ? exact : exact * (1 - smoothing) + smoothing / Double(classes)
    }
}
