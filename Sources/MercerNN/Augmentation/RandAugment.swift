import Mercer

/// Some of fourteen operations, drawn at random, at one strength (Cubuk et al. 2020, arXiv:1909.13719; the
/// operations and their ranges are torchvision's).
public struct RandAugment: Augmentation {
    /// How many operations a picture gets.
    public let operations: Int
    /// Strength from 0 to 30.
    public let magnitude: Int
    /// Whether turned pictures are bilinear or take the nearest pixel.
    public let smooth: Bool
    /// What comes in from outside of the picture.
    public let fill: Float

    public init(operations: Int = 2, magnitude: Int = 9, smooth: Bool = false, fill: Float = 0) {
        precondition(
            (0...30).contains(magnitude), "RandAugment: the magnitude \(magnitude) is outside 0...30")
        self.operations = operations
        self.magnitude = magnitude
        self.smooth = smooth
        self.fill = fill
    }

    enum Operation: CaseIterable {
        case identity, shearX, shearY, translateX, translateY, rotate, brightness, saturation, contrast
        case sharpness, posterize, solarize, autoContrast, equalize
    }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        var stream = RandomStream(key)
        var result = image
        for _ in 0..<operations {
            let operation = Operation.allCases[stream.integer(0...(Operation.allCases.count - 1))]
            let sign = stream.uniform() < 0.5 ? -1.0 : 1.0
            result = apply(operation, to: result, sign: sign)
        }
        return result
    }

    func apply(_ operation: Operation, to image: Tensor, sign: Double) -> Tensor {
        let strength = Double(magnitude) / 30
        let signed = sign * strength
        // The largest shift is 150 of 331 pixels.
        let shift = 150.0 / 331 * signed
        switch operation {
        case .identity: return image
        case .shearX: return warp(image, .shear(x: 0.3 * signed))
        case .shearY: return warp(image, .shear(y: 0.3 * signed))
        case .translateX:
            return warp(image, .translation(x: (shift * Double(image.shape[1])).rounded(.towardZero)))
        case .translateY:
            return warp(image, .translation(y: (shift * Double(image.shape[0])).rounded(.towardZero)))
        case .rotate: return warp(image, .rotation(degrees: 30 * signed))
        case .brightness: return Colour.brightness(image, 1 + 0.9 * signed)
        case .saturation: return Colour.saturation(image, 1 + 0.9 * signed)
        case .contrast: return Colour.contrast(image, 1 + 0.9 * signed)
        case .sharpness: return Colour.sharpness(image, 1 + 0.9 * signed)
        case .posterize: return Colour.posterize(image, bits: 8 - Int((Double(magnitude) / 7.5).rounded()))
        case .solarize: return Colour.solarize(image, threshold: Float(1 - strength))
        case .autoContrast: return Colour.autoContrast(image)
        case .equalize: return Colour.equalize(image)
        }
    }

    private func warp(_ image: Tensor, _ map: AffineWarp) -> Tensor { map(image, smooth: smooth, fill: fill) }
}
