import Mercer
import MercerImageIO

/// How well pictures come back, as the rescaling papers measure it: small pictures as bytes, restored ones as bytes,
/// PSNR and SSIM on luma without a border.
public struct RescaleQuality: Sendable {
    /// Of the restored picture, in dB.
    public var psnr: Double
    public var ssim: Double
    /// Of the small picture against MATLAB's bicubic one (both bytes), in dB.
    public var lowPSNR: Double

    /// The mean over pictures.
    public static func mean(_ all: [RescaleQuality]) -> RescaleQuality {
        let count = Double(all.count)
        return RescaleQuality(
            psnr: all.reduce(0) { $0 + $1.psnr } / count, ssim: all.reduce(0) { $0 + $1.ssim } / count,
            lowPSNR: all.reduce(0) { $0 + $1.lowPSNR } / count)
    }

    /// Bytes `[height, width, 3]` as numbers in [0, 1], `[1, height, width, 3]`.
    public static func numbers(_ bytes: Tensor) -> Tensor {
        (bytes.asType(.float32) / 255.0).expandedDimensions(axis: 0)
    }

    /// Numbers `[1, height, width, 3]` as bytes `[height, width, 3]`: clipped, rounded half up.
    public static func bytes(_ x: Tensor) -> Tensor {
        let levels: Tensor = clip(x[0], min: 0, max: 1) * 255.0 + 0.5
        return floor(levels).asType(.uint8)
    }

    /// - Parameters:
    ///   - picture: bytes `[height, width, 3]`.
    ///   - border: pixels on each side that don't count.
    ///   - down: the small picture in [0, 1] of the picture in [0, 1], both `[1, …, …, 3]`.
    ///   - up: back.
    public init(_ picture: Tensor, border: Int, down: (Tensor) -> Tensor, up: (Tensor) -> Tensor) {
        let x = Self.numbers(picture)
        // What is kept is a file of bytes.
        let low = Self.bytes(down(x))
        let restored = Self.bytes(up(Self.numbers(low)))
        let (truth, luma) = (ImageMetrics.luma(picture), ImageMetrics.luma(restored))
        let reference = Resample.resize(picture, to: (low.shape[0], low.shape[1]), .matlab(.bicubic))
        self.init(
            psnr: ImageMetrics.psnr(truth, luma, border: border),
            ssim: ImageMetrics.ssim(truth, luma, border: border),
            lowPSNR: ImageMetrics.psnr(ImageMetrics.luma(reference), ImageMetrics.luma(low)))
    }

    init(psnr: Double, ssim: Double, lowPSNR: Double) {
        self.psnr = psnr
        self.ssim = ssim
        self.lowPSNR = lowPSNR
    }

    /// Bicubic down and bicubic up of the same sizes.
    public static func bicubic(
        _ picture: Tensor, to size: (height: Int, width: Int), border: Int
    ) -> RescaleQuality {
        let whole = (picture.shape[0], picture.shape[1])
        return RescaleQuality(
            picture, border: border, down: { Resample.resize($0, to: size, .matlab(.bicubic)) },
            up: { Resample.resize($0, to: whole, .matlab(.bicubic)) })
    }
}

extension RescaleQuality {
    /// Of a restored picture and the small one that it came from; transparency doesn't count.
    ///
    /// - Parameter border: pixels on each side that don't count.
    public init(of restored: Bitmap, _ small: Bitmap, against picture: Bitmap, border: Int = 2) {
        func colours(_ bitmap: Bitmap) -> Tensor {
            let bytes = bitmap.depth == 8 ? bitmap.pixels : Bitmap(bitmap.tensor(), depth: 8).pixels
            let colours = bitmap.channels - (bitmap.hasAlpha ? 1 : 0)
            if colours >= 3 { return bytes[0..., 0..., 0..<3].contiguous() }
            let grey = bytes[0..., 0..., 0..<1]
            return concatenated([grey, grey, grey], axis: 2)
        }
        let truth = colours(picture)
        let low = colours(small)
        let reference = Resample.resize(truth, to: (low.shape[0], low.shape[1]), .matlab(.bicubic))
        let (a, b) = (ImageMetrics.luma(truth), ImageMetrics.luma(colours(restored)))
        let isTiny = min(a.shape[0], a.shape[1]) < 11 + 2 * border
        self.init(
            psnr: ImageMetrics.psnr(a, b, border: isTiny ? 0 : border),
            ssim: isTiny ? .nan : ImageMetrics.ssim(a, b, border: border),
            lowPSNR: ImageMetrics.psnr(ImageMetrics.luma(reference), ImageMetrics.luma(low)))
    }
}
