import Mercer

/// The Haar transform of images, one level: each 2×2 cell (a b / c d) becomes its mean and three differences.
///
/// LL = (a + b + c + d)/4, band 1 = (a − b + c − d)/4, band 2 = (a + b − c − d)/4, band 3 = (a − b − c + d)/4. The
/// channels come as LL of all C channels, then band 1 of all, band 2, band 3, as in Xiao et al. 2020 (IRN).
public enum Haar {
    /// log |det| of ``forward(_:)`` for each element of an image: a quarter of log(1/16).
    public static let logDeterminantPerElement = 0.25 * -2.772_588_722_239_781_3

    /// `[N, H, W, C]`, H and W even, to `[N, H/2, W/2, 4·C]`.
    public static func forward(_ x: Tensor) -> Tensor { transformed(x, factor: 0.25) }

    /// `[N, H, W, 4·C]` to `[N, 2·H, 2·W, C]`: the reverse of ``forward(_:)``.
    public static func inverse(_ x: Tensor) -> Tensor { restored(x, factor: 1) }

    // The matrix S of the signs is symmetric with S² = 4, so that forward is S/4, its transpose S/4 and its inverse S.

    private static func transformed(_ x: Tensor, factor: Float) -> Tensor {
        precondition(
            x.rank == 4 && x.dtype == .float32 && x.shape[1] % 2 == 0 && x.shape[2] % 2 == 0,
            "Haar.forward: a \(x.dtype) tensor of shape \(x.shape); float32 [N, H, W, C] with even H and W is needed")
        let (n, h, w, c) = (x.shape[0], x.shape[1] / 2, x.shape[2] / 2, x.shape[3])
        let y = Tensor([n, h, w, 4 * c], of: Float.self) { out in
            x.detached.withUnsafeBuffer(of: Float.self) { values in
                forEachRow(values, out, rows: n * h) { row, from, to in
                    let upper = from + row * 4 * w * c
                    let lower = upper + 2 * w * c
                    let target = to + row * w * 4 * c
                    for x in 0..<w {
                        for channel in 0..<c {
                            let place = 2 * x * c + channel
                            let (a, b) = (upper[place], upper[place + c])
                            let (d, e) = (lower[place], lower[place + c])
                            let cell = target + x * 4 * c + channel
                            cell[0] = factor * ((a + b) + (d + e))
                            cell[c] = factor * ((a - b) + (d - e))
                            cell[2 * c] = factor * ((a + b) - (d + e))
                            cell[3 * c] = factor * ((a - b) - (d - e))
                        }
                    }
                }
            }
        }
        guard x.isTracked else { return y }
        return y.tracked("haar", from: x) { restored($0.gradient, factor: factor) }
    }

    private static func restored(_ x: Tensor, factor: Float) -> Tensor {
        precondition(
            x.rank == 4 && x.dtype == .float32 && x.shape[3] % 4 == 0,
            "Haar.inverse: a \(x.dtype) tensor of shape \(x.shape); float32 [N, H, W, 4·C] is needed")
        let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3] / 4)
        let y = Tensor([n, 2 * h, 2 * w, c], of: Float.self) { out in
            x.detached.withUnsafeBuffer(of: Float.self) { values in
                forEachRow(values, out, rows: n * h) { row, from, to in
                    let upper = to + row * 4 * w * c
                    let lower = upper + 2 * w * c
                    let source = from + row * w * 4 * c
                    for x in 0..<w {
                        for channel in 0..<c {
                            let cell = source + x * 4 * c + channel
                            let (mean, first) = (factor * cell[0], factor * cell[c])
                            let (second, third) = (factor * cell[2 * c], factor * cell[3 * c])
                            let place = 2 * x * c + channel
                            upper[place] = (mean + first) + (second + third)
                            upper[place + c] = (mean - first) + (second - third)
                            lower[place] = (mean + first) - (second + third)
                            lower[place + c] = (mean - first) - (second - third)
                        }
                    }
                }
            }
        }
        guard x.isTracked else { return y }
        return y.tracked("haarInverse", from: x) { transformed($0.gradient, factor: factor) }
    }

    private static func forEachRow(
        _ from: UnsafeBufferPointer<Float>, _ to: UnsafeMutableBufferPointer<Float>, rows: Int,
        _ body: (Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
    ) {
        guard let from = from.baseAddress, let to = to.baseAddress, rows > 0 else { return }
        let (source, target) = (UInt(bitPattern: from), UInt(bitPattern: to))
        Parallel.forRanges(rows, grain: 16) { range in
            for row in range {
                body(row, UnsafePointer(bitPattern: source)!, UnsafeMutablePointer(bitPattern: target)!)
            }
        }
    }
}
