import Foundation
import Mercer

/// How close two pictures are, as the image papers measure it: range 255, float64.
public enum ImageMetrics {
    /// Luma 16 + (65.481 R + 128.553 G + 24.966 B) / 255 of byte RGB, not rounded.
    ///
    /// - Parameter rgb: `[height, width, 3]`, uint8.
    /// - Returns: `[height, width]`, float64.
    public static func luma(_ rgb: Tensor) -> Tensor {
        precondition(
            rgb.rank == 3 && rgb.shape[2] == 3 && rgb.dtype == .uint8,
            "luma: a \(rgb.dtype) tensor of shape \(rgb.shape) where [height, width, 3] of uint8 is needed")
        let samples = rgb.toArray(UInt8.self)
        return Tensor([rgb.shape[0], rgb.shape[1]], of: Double.self) { out in
            for i in 0..<out.count {
                let (r, g, b) = (samples[3 * i], samples[3 * i + 1], samples[3 * i + 2])
                out[i] = 16 + (65.481 * Double(r) + 128.553 * Double(g) + 24.966 * Double(b)) / 255
            }
        }
    }

    /// Pillow's grey of byte RGB: ⌊(19595 R + 38470 G + 7471 B + 32768) / 65536⌋.
    ///
    /// - Parameter rgb: `[height, width, 3]`, uint8; a grey picture `[height, width, 1]` stays.
    /// - Returns: `[height, width, 1]`, uint8.
    public static func grey(_ rgb: Tensor) -> Tensor {
        if rgb.shape[2] == 1 { return rgb }
        precondition(rgb.shape[2] == 3 && rgb.dtype == .uint8, "grey: shape \(rgb.shape), \(rgb.dtype)")
        let samples = rgb.toArray(UInt8.self)
        return Tensor([rgb.shape[0], rgb.shape[1], 1], of: UInt8.self) { out in
            for i in 0..<out.count {
                let sum = 19_595 * Int(samples[3 * i]) + 38_470 * Int(samples[3 * i + 1])
                out[i] = UInt8((sum + 7_471 * Int(samples[3 * i + 2]) + 32_768) >> 16)
            }
        }
    }

    /// 10 log₁₀(255² / mean squared difference), in dB; infinite where the pictures are equal.
    ///
    /// - Parameter border: how many pixels on each side don't count.
    public static func psnr(_ a: Tensor, _ b: Tensor, border: Int = 0) -> Double {
        let (x, y) = compared(a, b, border)
        let difference: Tensor = x - y
        let error = (difference * difference).mean().doubleValue
        return error == 0 ? .infinity : 10 * log10(255 * 255 / error)
    }

    /// The structural similarity of Wang et al. 2004: an 11×11 Gaussian window of σ 1.5 at valid positions, population
    /// moments, C₁ = (0.01·255)², C₂ = (0.03·255)²; of colours the mean over the channels.
    public static func ssim(_ a: Tensor, _ b: Tensor, border: Int = 0) -> Double {
        let (x, y) = compared(a, b, border)
        precondition(
            x.shape[0] >= 11 && x.shape[1] >= 11,
            "ssim: pictures of \(x.shape) are smaller than the 11x11 window")
        let (c1, c2): (Double, Double) = ((0.01 * 255) * (0.01 * 255), (0.03 * 255) * (0.03 * 255))
        func smooth(_ t: Tensor) -> Tensor {
            Resample.apply(vertical: window(t.shape[0]), horizontal: window(t.shape[1]), to: t)
        }
        let mx: Tensor = smooth(x)
        let my: Tensor = smooth(y)
        let xx: Tensor = smooth(x * x) - mx * mx
        let yy: Tensor = smooth(y * y) - my * my
        let xy: Tensor = smooth(x * y) - mx * my
        let likeness: Tensor = (mx * my * 2.0 + c1) * (xy * 2.0 + c2)
        let size: Tensor = (mx * mx + my * my + c1) * (xx + yy + c2)
        return (likeness / size).mean().doubleValue
    }

    /// The window at valid positions along one axis.
    private static func window(_ length: Int) -> Resampler {
        let taps = Resampler.gaussian(kernel: 11, sigma: 1.5)
        return Resampler(input: length, rows: (0..<(length - 10)).map { ($0, taps) })
    }

    /// Both in float64, `[height, width, channels]`, without the border.
    private static func compared(_ a: Tensor, _ b: Tensor, _ border: Int) -> (Tensor, Tensor) {
        precondition(a.shape == b.shape, "pictures of \(a.shape) and \(b.shape) can't be compared")
        func prepared(_ t: Tensor) -> Tensor {
            let picture = t.rank == 2 ? t.expandedDimensions(axis: 2) : t
            precondition(picture.rank == 3, "a picture of shape \(t.shape)")
            let inner = picture[
                border..<(picture.shape[0] - border), border..<(picture.shape[1] - border), 0...]
            return inner.asType(.float64).contiguous()
        }
        return (prepared(a), prepared(b))
    }
}
