import Mercer

/// The 23-tap interpolation by two that pansharpening calls EXP: circular borders, float64.
public enum Interpolation23 {
    /// The taps from the middle outwards.
    private static let half: [Double] = [
        0.5, 0.305334091185, 0, -0.072698593239, 0, 0.021809577942, 0, -0.005192756653, 0, 0.000807762146, 0,
        -0.000060081482,
    ].map { 2 * $0 }

    /// All 23 taps. Those at even places sum to 1 and give the value half way between two samples.
    static let taps: [Double] = half.dropFirst().reversed() + half

    /// Pictures enlarged by a power of two: a coarse pixel (i, j) comes to stand at (R·i + R/2, R·j + R/2), since
    /// samples are put at odd places in the first doubling, at even ones in the others.
    ///
    /// - Parameter x: `[N, H, W, C]`.
    /// - Returns: `[N, ratio·H, ratio·W, C]` of the same type, computed in float64.
    public static func enlarged(_ x: Tensor, ratio: Int) -> Tensor {
        precondition(
            ratio > 1 && ratio & (ratio - 1) == 0, "Interpolation23: a ratio of \(ratio) is no power of two")
        var y = x.detached.asType(.float64)
        var factor = ratio
        while factor > 1 {
            for axis in [1, 2] { y = doubled(y, axis: axis, odd: factor == ratio) }
            factor /= 2
        }
        return y.asType(x.dtype)
    }

    /// Along one axis: the samples themselves, and between them the sum over twelve neighbours.
    private static func doubled(_ x: Tensor, axis: Int, odd: Bool) -> Tensor {
        var between = Tensor.zeros(x.shape, .float64)
        for tap in Swift.stride(from: 0, to: taps.count, by: 2) {
            // With samples at odd places, place 2i lies between samples i − 1 and i; else 2i + 1 between i and i + 1.
            let shift = (tap - (odd ? 10 : 12)) / 2
            between = between + x.rolled([shift], axes: [axis]) * taps[tap]
        }
        var shape = x.shape
        shape[axis] *= 2
        return stacked(odd ? [between, x] : [x, between], axis: axis + 1).reshaped(shape)
    }
}
