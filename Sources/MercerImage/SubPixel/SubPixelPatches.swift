import Mercer
import MercerNN

/// Pairs of patches to train on: 17×17 pixels of a picture that was made smaller by the bicubic filter, and the r times
/// larger patch of the picture itself, both as luma in [0, 1] (or red, green and blue).
///
/// Patches begin at multiples of 17 − Σ (f mod 2) = 14 low-resolution pixels, the paper's stride, by which every pixel is
/// the centre of a receptive field once. Patches whose luma varies by less than 3 levels are left out. An example is
/// turned and mirrored by its key where `symmetries` says so.
public struct SubPixelPatches: Dataset {
    /// Low-resolution pixels a side.
    public static let size = 17
    /// 17 − (5 mod 2 + 3 mod 2 + 3 mod 2).
    public static let stride = 14

    public let scale: Int
    public let symmetries: Bool
    /// Whether the large patches are handed out.
    private let pictures: [(low: Tensor, high: Tensor)]
    private let places: [(picture: Int, y: Int, x: Int)]

    public var count: Int { places.count }

    /// The least side of a picture that gives a patch.
    public static func leastSide(scale: Int) -> Int { size * scale }

    /// - Parameters:
    ///   - pictures: `[height, width, 3]`, uint8; those that are too small for a patch are passed over.
    ///   - channels: 1 for luma, 3 for colours.
    public init(_ pictures: [Tensor], scale: Int, channels: Int = 1, symmetries: Bool = true) {
        precondition(scale > 1 && (channels == 1 || channels == 3), "SubPixelPatches: \(channels) channels by \(scale)")
        self.scale = scale
        self.symmetries = symmetries
        var pairs: [(low: Tensor, high: Tensor)] = []
        var places: [(picture: Int, y: Int, x: Int)] = []
        for picture in pictures {
            let (h, w) = (picture.shape[0] / scale, picture.shape[1] / scale)
            if h < Self.size || w < Self.size { continue }
            let whole = picture[0..<(h * scale), 0..<(w * scale), 0...].contiguous()
            let small = Resample.imresize(whole, by: 1 / Double(scale))
            let high = Self.numbers(whole, channels)
            let luma = channels == 1 ? high : Self.numbers(whole, 1)
            for y in Swift.stride(from: 0, through: h - Self.size, by: Self.stride) {
                for x in Swift.stride(from: 0, through: w - Self.size, by: Self.stride)
                where Self.deviation(luma, y * scale, x * scale, Self.size * scale) >= 3.0 / 255 {
                    places.append((pairs.count, y, x))
                }
            }
            pairs.append((Self.numbers(small, channels), high))
        }
        self.pictures = pairs
        self.places = places
    }

    /// A pair `[17, 17, C]`, `[17r, 17r, C]`.
    public func example(_ index: Int, key: RandomKey) -> [Tensor] {
        let place = places[index]
        let pair = pictures[place.picture]
        func patch(_ picture: Tensor, _ scale: Int) -> Tensor {
            let (y, x, size) = (place.y * scale, place.x * scale, Self.size * scale)
            return picture[y..<(y + size), x..<(x + size), 0...].contiguous()
        }
        let both = [patch(pair.low, 1), patch(pair.high, scale)]
        guard symmetries else { return both }
        var random = RandomStream(key)
        let symmetry = Int(random.integer(below: 8))
        return both.map { PatchSampler.turned($0, symmetry) }
    }

    /// Luma, `[height, width, 1]`, or colours, `[height, width, 3]`, of bytes in [0, 1].
    static func numbers(_ rgb: Tensor, _ channels: Int) -> Tensor {
        if channels == 3 { return rgb.asType(.float32) / 255.0 }
        let (h, w) = (rgb.shape[0], rgb.shape[1])
        return rgb.contiguous().withUnsafeBuffer(of: UInt8.self) { samples in
            Tensor([h, w, 1], of: Float.self) { out in
                for i in 0..<(h * w) {
                    let (r, g, b) = (Float(samples[3 * i]), Float(samples[3 * i + 1]), Float(samples[3 * i + 2]))
                    out[i] = (16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255) / 255
                }
            }
        }
    }

    private static func deviation(_ plane: Tensor, _ y: Int, _ x: Int, _ size: Int) -> Float {
        let width = plane.shape[1]
        return plane.withUnsafeBuffer(of: Float.self) { numbers in
            var (sum, squares): (Float, Float) = (0, 0)
            for row in y..<(y + size) {
                for column in x..<(x + size) {
                    let value = numbers[row * width + column] - 0.5
                    sum += value
                    squares += value * value
                }
            }
            let mean = sum / Float(size * size)
            return max(0, squares / Float(size * size) - mean * mean).squareRoot()
        }
    }
}
