import Mercer
import MercerPapers

/// A made-up camera that takes a picture and a smaller one of it: what stands in for real pairs, which no package has.
///
/// (a) Gaussian blur, σ 1.1, 0.8 and 1.4 pixels for red, green and blue, as a lens is soft beside its axis; (b) means of
/// s×s pixels; (c) sharpening that leaves small differences alone and overshoots to a limit; (d) noise; (e) bytes. No
/// fixed kernel does what (c) does.
public enum CameraPairs {
    /// σ of the lens for red, green and blue.
    public static let lens = [1.1, 0.8, 1.4]
    /// What sharpening leaves alone, and how far it goes, in [0, 1].
    static let core = 3.0 / 255
    static let limit = 12.0 / 255
    static let strength = 2.0
    /// The standard deviation of the noise.
    static let noise = 0.5 / 255

    /// The camera's small picture.
    ///
    /// - Parameters:
    ///   - large: `[H, W, 3]`, uint8; sides are cropped to multiples of s.
    /// - Returns: `[H/s, W/s, 3]`, uint8.
    public static func small(_ large: Tensor, scale: Int, key: RandomKey) -> Tensor {
        let (h, w) = (large.shape[0] / scale * scale, large.shape[1] / scale * scale)
        let x = large[0..<h, 0..<w, 0...].asType(.float32) / 255.0
        let channels = (0..<3).map { c -> Tensor in
            let plane = x[0..., 0..., c..<(c + 1)].contiguous()
            let taps = taps(lens[c])
            let vertical = Resampler.reduction(length: h, factor: scale).composed(
                after: .convolution(length: h, taps: taps, border: .symmetric))
            let horizontal = Resampler.reduction(length: w, factor: scale).composed(
                after: .convolution(length: w, taps: taps, border: .symmetric))
            return Resample.apply(vertical: vertical, horizontal: horizontal, to: plane)
        }
        let y = concatenated(channels, axis: 2)
        let blur = taps(1)
        let smooth = Resample.apply(
            vertical: .convolution(length: h / scale, taps: blur, border: .symmetric),
            horizontal: .convolution(length: w / scale, taps: blur, border: .symmetric), to: y)
        let d: Tensor = y - smooth
        let amount: Tensor = clip((d.abs() - core) * strength, min: 0, max: limit)
        let grain: Tensor = Random.normal(y.shape, scale: noise, key: key)
        let sharp: Tensor = y + sign(d) * amount + grain
        return bytes(sharp)
    }

    /// Numbers in [0, 1] as bytes: clipped, rounded half up.
    static func bytes(_ x: Tensor) -> Tensor {
        let levels: Tensor = clip(x, min: 0, max: 1) * 255.0 + 0.5
        return levels.floor().asType(.uint8)
    }

    /// SciPy's Gaussian: taps to ⌊4σ + ½⌋.
    private static func taps(_ sigma: Double) -> [Double] {
        Resampler.gaussian(kernel: 2 * Int(4 * sigma + 0.5) + 1, sigma: sigma)
    }

    /// Pairs of the 24 training photographs, made as sharp as the test photographs: those of 2000 pixels or more are
    /// reduced by 4, the others by 2.
    ///
    /// - Parameter reduction: a factor for all instead.
    public static func training(
        scale: Int, reduction: Int? = nil, from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> [PicturePair] {
        var pairs: [PicturePair] = []
        for (index, photograph) in Photograph.train24.enumerated() {
            let picture = try await photograph.pixels(from: cache, note: note)
            // `pixels` has already halved the large ones.
            let large = Photograph.reduced(picture, by: reduction == 1 ? 1 : 2)
            pairs.append(
                PicturePair(photograph.name, large, scale: scale, key: RandomKey(UInt64(index)).fold(in: "camera")))
        }
        return pairs
    }

    /// Pairs of the ten test photographs: the first 288×288 pixels.
    public static func test(
        scale: Int, from cache: DataCache, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> [PicturePair] {
        var pairs: [PicturePair] = []
        for (index, photograph) in Photograph.test10.enumerated() {
            let picture = try await photograph.testPixels(from: cache, note: note)
            let large = picture[0..<min(288, picture.shape[0]), 0..<min(288, picture.shape[1]), 0...].contiguous()
            pairs.append(
                PicturePair(photograph.name, large, scale: scale, key: RandomKey(UInt64(index)).fold(in: "camera test"))
            )
        }
        return pairs
    }
}

/// A picture and the same smaller: `[s·h, s·w, 3]` and `[h, w, 3]`, uint8.
public struct PicturePair: Sendable {
    public let name: String
    public let large: Tensor
    public let small: Tensor

    public init(_ name: String, large: Tensor, small: Tensor) {
        self.name = name
        self.large = large
        self.small = small
    }

    /// A pair that the made-up camera takes.
    public init(_ name: String, _ picture: Tensor, scale: Int, key: RandomKey) {
        let (h, w) = (picture.shape[0] / scale * scale, picture.shape[1] / scale * scale)
        self.init(
            name, large: picture[0..<h, 0..<w, 0...].contiguous(),
            small: CameraPairs.small(picture, scale: scale, key: key))
    }
}
