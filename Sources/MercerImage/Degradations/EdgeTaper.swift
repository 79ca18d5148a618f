import Foundation
import Mercer

/// A real photograph made fit for the circular model: it isn't blurred around its edges, so it is mirrored outwards by
/// twice the kernel's reach, and the margin fades into its own circular blur.
public struct EdgeTaper: Sendable {
    public let rows: Int
    public let columns: Int

    public init(_ kernel: BlurKernel) {
        rows = 2 * kernel.reach.rows
        columns = 2 * kernel.reach.columns
    }

    /// The larger picture of `[N, H, W, C]`.
    public func applied(to x: Tensor, _ kernel: BlurKernel) -> Tensor {
        let large = padded(x, [(0, 0), (rows, rows), (columns, columns), (0, 0)], mode: .symmetric)
        let blurred = CircularBlur(kernel, height: large.shape[1], width: large.shape[2], dtype: x.dtype)(large)
        let weight =
            Self.ramp(large.shape[1], rows).expandedDimensions(axis: 1)
            * Self.ramp(large.shape[2], columns).expandedDimensions(axis: 0)
        let share = weight.asType(x.dtype).expandedDimensions(axes: [0, 3])
        return large * share + blurred * (1 - share)
    }

    /// The picture's own pixels of the larger one.
    public func cropped(_ x: Tensor) -> Tensor {
        x[0..., rows..<(x.shape[1] - rows), columns..<(x.shape[2] - columns), 0...].contiguous()
    }

    /// 1 inside, falling to 0 over the margin by a raised cosine.
    private static func ramp(_ count: Int, _ margin: Int) -> Tensor {
        Tensor(
            (0..<count).map { i in
                let depth = min(i, count - 1 - i)
                return depth >= margin ? 1 : 0.5 - 0.5 * cos(.pi * (Double(depth) + 0.5) / Double(margin))
            })
    }
}
