import Mercer

/// Channels as pixels and back: the last step of sub-pixel convolution.
///
/// Source: Shi et al. 2016 (arXiv 1609.05158), eq. 4.
public enum SubPixel {
    /// `[N, H, W, C·r²]` to `[N, H·r, W·r, C]`. See ``Mercer/pixelShuffle(_:by:order:)``.
    public static func shuffle(_ x: Tensor, by r: Int, order: SubPixelOrder = .torch) -> Tensor {
        pixelShuffle(x, by: r, order: order)
    }

    /// `[N, H·r, W·r, C]` to `[N, H, W, C·r²]`: the inverse, which is the adjoint too.
    public static func unshuffle(_ x: Tensor, by r: Int, order: SubPixelOrder = .torch) -> Tensor {
        pixelUnshuffle(x, by: r, order: order)
    }
}
