import Mercer

/// Where each pixel of a large picture lies in the pixel of the small one that covers it, and how the sizes compare
/// (Pan et al., WACV 2023, arXiv 2209.13055: position-aware scale encoding; the layout of the channels follows the
/// abstract).
public enum ScaleEncoding: String, Sendable, CaseIterable, Codable {
    /// Nothing is said: zeros.
    case none
    /// The ratios of the sizes alone.
    case ratios
    /// Offsets and ratios.
    case full

    /// Channels of an encoding.
    public static let channels = 4

    /// `[height, width, 4]`: the vertical and horizontal offsets e = c − ⌊c⌋ − ½ with c = (i + ½)·h/H, in [−½, ½), and
    /// the ratios h/H and w/W.
    ///
    /// - Parameters:
    ///   - size: of the large picture, (H, W).
    ///   - small: of the small one, (h, w), after rounding.
    public func callAsFunction(
        _ size: (height: Int, width: Int), to small: (height: Int, width: Int)
    ) -> Tensor {
        let vertical = (Double(small.height), Double(size.height))
        let horizontal = (Double(small.width), Double(size.width))
        func offset(_ i: Int, _ lengths: (Double, Double)) -> Float {
            let centre = (Double(i) + 0.5) * lengths.0 / lengths.1
            return Float(centre - centre.rounded(.down) - 0.5)
        }
        let ratios = (Float(vertical.0 / vertical.1), Float(horizontal.0 / horizontal.1))
        let columns = (0..<size.width).map { offset($0, horizontal) }
        return Tensor([size.height, size.width, Self.channels], of: Float.self) { out in
            for y in 0..<size.height {
                let row = offset(y, vertical)
                for x in 0..<size.width {
                    let place = (y * size.width + x) * Self.channels
                    let isFull = self == .full
                    out[place] = isFull ? row : 0
                    out[place + 1] = isFull ? columns[x] : 0
                    out[place + 2] = self == .none ? 0 : ratios.0
                    out[place + 3] = self == .none ? 0 : ratios.1
                }
            }
        }
    }

    /// An encoding `[height, width, 4]` for pictures that `levels` Haar transforms have halved, `[1, …, …, 4]`: means
    /// over 2×2 pixels for each.
    public static func averaged(_ encoding: Tensor, levels: Int) -> Tensor {
        var result = encoding.expandedDimensions(axis: 0)
        for _ in 0..<levels {
            // The first of Haar's bands is the mean.
            result = Haar.forward(result)[0..., 0..., 0..., 0..<channels].contiguous()
        }
        return result
    }
}
