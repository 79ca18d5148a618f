import Foundation

/// How a blur goes on beyond the border of a picture.
public enum BlurBorder: String, Sendable, CaseIterable, Hashable {
    /// With zeros.
    case zero
    /// Mirrored, the edge not repeated.
    case reflect
    /// The edge goes on.
    case replicate
}

extension Resampler {
    /// The taps of a Gaussian: exp(-t² / 2σ²) for t = -r…r, r = ⌊k / 2⌋, normalised.
    public static func gaussian(kernel: Int, sigma: Double) -> [Double] {
        let radius = kernel / 2
        let taps = (-radius...radius).map { exp(-Double($0 * $0) / (2 * sigma * sigma)) }
        let sum = taps.reduce(0, +)
        return taps.map { $0 / sum }
    }

    /// A Gaussian blur of a line.
    ///
    /// - Parameters:
    ///   - kernel: the number of taps, odd.
    ///   - sigma: the standard deviation σ in pixels.
    public static func gaussianBlur(length: Int, kernel: Int, sigma: Double, border: BlurBorder) -> Resampler {
        precondition(kernel >= 1 && kernel % 2 == 1 && sigma > 0, "gaussianBlur: \(kernel) taps, σ = \(sigma)")
        let mode: PaddingMode =
            switch border {
            case .zero: .constant
            case .reflect: .reflect
            case .replicate: .replicate
            }
        return convolution(length: length, taps: gaussian(kernel: kernel, sigma: sigma), border: mode)
    }

    /// A centred correlation of a line with an odd number of taps. ``PaddingMode/constant`` means zeros.
    public static func convolution(length: Int, taps: [Double], border: PaddingMode) -> Resampler {
        let radius = taps.count / 2
        return Resampler(
            input: length,
            rows: (0..<length).map { i in
                if i >= radius && i + radius < length { return (i - radius, taps) }
                var weights: [Int: Double] = [:]
                for (k, tap) in taps.enumerated() {
                    let j = borderIndex(i + k - radius, length, border)
                    if (0..<length).contains(j) { weights[j, default: 0] += tap }
                }
                let low = weights.keys.min()!
                let high = weights.keys.max()!
                return (low, (low...high).map { weights[$0] ?? 0 })
            })
    }

    /// Means of `window` neighbours without overlap. The padding is shared between both ends, the smaller half
    /// first, and doesn't count in the means (TensorFlow's `SAME`).
    public static func averagePool(length: Int, window: Int) -> Resampler {
        let count = (length + window - 1) / window
        let before = (count * window - length) / 2
        return Resampler(
            input: length,
            rows: (0..<count).map { i in
                let start = max(0, i * window - before)
                let end = min(length, (i + 1) * window - before)
                return (start, [Double](repeating: 1 / Double(end - start), count: end - start))
            })
    }

    /// Means of `factor` neighbours from the start; the last mean is over what is left.
    public static func reduction(length: Int, factor: Int) -> Resampler {
        Resampler(
            input: length,
            rows: stride(from: 0, to: length, by: factor).map { start in
                let end = min(length, start + factor)
                return (start, [Double](repeating: 1 / Double(end - start), count: end - start))
            })
    }
}
