import Mercer

/// What sub-pixel convolution rests on: a convolution to r² channels and the shuffle together are a convolution with a
/// stride of 1/r, that is a transposed one, whose kernel of (k·r)×(k·r) has the r² filters as its phases.
public enum SubPixelEquivalence {
    /// The transposed convolution that equals `shuffle(conv2d(x, weight, padding: k/2), by: r)`.
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, maps]`.
    ///   - weight: `[r², k, k, maps]`, k odd, in the order of the phases.
    /// - Returns: `[N, r·H, r·W, 1]`.
    public static func transposed(_ x: Tensor, _ weight: Tensor, scale r: Int) -> Tensor {
        let k = weight.shape[1]
        let padding = k / 2 * r
        return convTransposed2d(x, kernel(weight, scale: r), stride: .init(r), padding: .init(padding))
    }

    /// The kernel `[1, k·r, k·r, maps]` of the transposed convolution.
    ///
    /// Output r·m + p reads input m + t − k/2 with tap t of phase p. In the transposed convolution input i reaches output
    /// r·i + q − padding with tap q, so that q = p + r·(k − 1 − t) with a padding of r·⌊k/2⌋.
    public static func kernel(_ weight: Tensor, scale r: Int) -> Tensor {
        let (k, maps) = (weight.shape[1], weight.shape[3])
        let numbers = weight.contiguous().toArray(Float.self)
        return Tensor([1, k * r, k * r, maps], of: Float.self) { out in
            for phase in 0..<(r * r) {
                let (py, px) = (phase / r, phase % r)
                for ty in 0..<k {
                    for tx in 0..<k {
                        let (qy, qx) = (py + r * (k - 1 - ty), px + r * (k - 1 - tx))
                        for map in 0..<maps {
                            out[(qy * k * r + qx) * maps + map] = numbers[((phase * k + ty) * k + tx) * maps + map]
                        }
                    }
                }
            }
        }
    }
}
