import Mercer

/// Brightness, contrast, saturation and hue changed by random amounts, in random order (torchvision's
/// `ColorJitter`).
public struct ColorJitter: Augmentation {
    public let brightness: Double
    public let contrast: Double
    public let saturation: Double
    public let hue: Double

    /// - Parameters:
    ///   - brightness: the factor is uniform in 1 ± this, at least 0; likewise contrast and saturation.
    ///   - hue: the turn is uniform in ± this, in whole turns; at most ½.
    public init(brightness: Double = 0, contrast: Double = 0, saturation: Double = 0, hue: Double = 0) {
        precondition(hue >= 0 && hue <= 0.5, "ColorJitter: a hue of \(hue) is outside 0...0.5")
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        var stream = RandomStream(key)
        func factor(_ spread: Double) -> Double { stream.uniform(max(0, 1 - spread)...(1 + spread)) }
        let (bright, contrasted) = (factor(brightness), factor(contrast))
        let (saturated, turn) = (factor(saturation), stream.uniform(-hue...hue))
        var result = image
        for step in [0, 1, 2, 3].shuffled(using: &stream) {
            switch step {
            case 0 where brightness > 0: result = Colour.brightness(result, bright)
            case 1 where contrast > 0: result = Colour.contrast(result, contrasted)
            case 2 where saturation > 0: result = Colour.saturation(result, saturated)
            case 3 where hue > 0: result = Colour.hue(result, turn)
            default: break
            }
        }
        return result
    }
}

/// Grey in all channels with probability `p`.
public struct RandomGrayscale: Augmentation {
    public let p: Double

    public init(_ p: Double = 0.1) { self.p = p }

    public func callAsFunction(_ image: Tensor, key: RandomKey) -> Tensor {
        RandomStream(key).chance(p) ? Colour.grey(image).broadcast(to: image.shape).contiguous() : image
    }
}

/// Changes of colour, as torchvision has them: pictures `[height, width, channels]` in [0, 1].
enum Colour {
    /// Rec. 601 luma, `[height, width, 1]`.
    static func grey(_ image: Tensor) -> Tensor {
        guard image.shape[2] == 3 else { return image.mean(axes: [2], keepDims: true) }
        return (image * Tensor([0.2989, 0.587, 0.114] as [Float])).sum(axes: [2], keepDims: true)
    }

    /// f · image + (1 - f) · other, in [0, 1].
    private static func blend(_ image: Tensor, _ other: Tensor, _ factor: Double) -> Tensor {
        clip(image * factor + other * (1 - factor), min: 0, max: 1)
    }

    static func brightness(_ image: Tensor, _ factor: Double) -> Tensor {
        clip(image * factor, min: 0, max: 1)
    }

    static func contrast(_ image: Tensor, _ factor: Double) -> Tensor {
        blend(image, grey(image).mean(), factor)
    }

    static func saturation(_ image: Tensor, _ factor: Double) -> Tensor { blend(image, grey(image), factor) }

    /// Sharper or, below 1, smoother; the border stays.
    static func sharpness(_ image: Tensor, _ factor: Double) -> Tensor {
        let (height, width) = (image.shape[0], image.shape[1])
        guard height > 2 && width > 2 else { return image }
        func part(_ top: Int, _ left: Int) -> Tensor {
            image[top..<(top + height - 2), left..<(left + width - 2)]
        }
        var sum = part(1, 1) * 5.0
        for (top, left) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)] {
            sum += part(top, left)
        }
        var smooth = image
        smooth[1..<(height - 1), 1..<(width - 1)] = sum / 13.0
        return blend(image, smooth, factor)
    }

    /// The hue turned by a part of a whole turn; grey pictures stay.
    static func hue(_ image: Tensor, _ turn: Double) -> Tensor {
        guard image.shape[2] == 3 else { return image }
        return image.mapPixels { pixel in
            let (r, g, b) = (pixel[0], pixel[1], pixel[2])
            let (high, low) = (max(r, g, b), min(r, g, b))
            let range = high - low
            guard range > 0 else { return }
            var hue: Float
            if high == r {
                hue = (g - b) / range
            } else if high == g {
                hue = 2 + (b - r) / range
            } else {
                hue = 4 + (r - g) / range
            }
            hue = (hue / 6 + Float(turn)).truncatingRemainder(dividingBy: 1)
            if hue < 0 { hue += 1 }
            let sector = hue * 6
            // Each channel falls off from its own hue: red 0, green 2, blue 4 of six.
            for (channel, shift) in [(0, Float(5)), (1, Float(3)), (2, Float(1))] {
                let place = (shift + sector).truncatingRemainder(dividingBy: 6)
                pixel[channel] = high - range * max(0, min(place, 4 - place, 1))
            }
        }
    }

    /// Only the upper bits of eight.
    static func posterize(_ image: Tensor, bits: Int) -> Tensor {
        let mask = UInt8(truncatingIfNeeded: 0xff << (8 - bits))
        return image.mapElements { Float(byte($0) & mask) / 255 }
    }

    /// Elements from `threshold` on inverted.
    static func solarize(_ image: Tensor, threshold: Float) -> Tensor {
        image.mapElements { $0 >= threshold ? 1 - $0 : $0 }
    }

    /// Each channel stretched to [0, 1].
    static func autoContrast(_ image: Tensor) -> Tensor {
        let low = image.min(axes: [0, 1], keepDims: true)
        let range = image.max(axes: [0, 1], keepDims: true) - low
        return which(range .> 0, (image - low) / which(range .> 0, range, 1.0), image)
    }

    /// Each channel's histogram of 256 levels made even (as Pillow's).
    static func equalize(_ image: Tensor) -> Tensor {
        let channels = image.shape[2]
        var counts = [[Int]](repeating: [Int](repeating: 0, count: 256), count: channels)
        image.withUnsafeBuffer(of: Float.self) { elements in
            for (index, element) in elements.enumerated() {
                counts[index % channels][Int(byte(element))] += 1
            }
        }
        let tables = counts.map { histogram -> [Float]? in
            let last = histogram.last { $0 > 0 } ?? 0
            let step = (histogram.reduce(0, +) - last) / 255
            guard step > 0 else { return nil }
            var sum = step / 2
            return histogram.map { count in
                defer { sum += count }
                return Float(min(sum / step, 255)) / 255
            }
        }
        return image.mapPixels { pixel in
            for channel in 0..<channels {
                if let table = tables[channel] { pixel[channel] = table[Int(byte(pixel[channel]))] }
            }
        }
    }

    private static func byte(_ element: Float) -> UInt8 { UInt8(max(0, min(255, element * 255 + 0.5))) }
}

extension Tensor {
    /// A picture with each pixel's channels changed.
    func mapPixels(_ change: (UnsafeMutablePointer<Float>) -> Void) -> Tensor {
        var result = detached
        let channels = shape[2]
        result.withUnsafeMutableBuffer(of: Float.self) { elements in
            for pixel in 0..<(elements.count / channels) {
                change(elements.baseAddress! + pixel * channels)
            }
        }
        return result
    }

    /// A picture with each element changed.
    func mapElements(_ change: (Float) -> Float) -> Tensor {
        var result = detached
        result.withUnsafeMutableBuffer(of: Float.self) { elements in
            for index in elements.indices { elements[index] = change(elements[index]) }
        }
        return result
    }
}
