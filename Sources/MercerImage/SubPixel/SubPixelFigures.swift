import Foundation
import Mercer
import MercerImageIO

/// What a sub-pixel network has learnt, as pictures: the paper's figures of its filters.
public enum SubPixelFigures {
    /// Filters beside each other, each stretched so that its largest magnitude is black or white and zero is grey.
    ///
    /// - Parameters:
    ///   - filters: `[count, height, width]`.
    ///   - columns: filters in a row.
    ///   - zoom: pixels a side for each weight.
    public static func sheet(_ filters: Tensor, columns: Int, zoom: Int = 8) -> Bitmap {
        let (count, h, w) = (filters.shape[0], filters.shape[1], filters.shape[2])
        let rows = (count + columns - 1) / columns
        let gap = 2
        let (height, width) = (rows * (h * zoom + gap) + gap, columns * (w * zoom + gap) + gap)
        let numbers = filters.asType(.float32).toArray(Float.self)
        let pixels = Tensor([height, width, 1], of: UInt8.self) { out in
            out.update(repeating: 255)
            for f in 0..<count {
                let own = numbers[(f * h * w)..<((f + 1) * h * w)]
                let largest = max(own.lazy.map(abs).max() ?? 0, 1e-12)
                let top = f / columns * (h * zoom + gap) + gap
                let left = f % columns * (w * zoom + gap) + gap
                for y in 0..<(h * zoom) {
                    for x in 0..<(w * zoom) {
                        let weight = own[own.startIndex + y / zoom * w + x / zoom]
                        out[(top + y) * width + left + x] = UInt8(127.5 + 127 * weight / largest)
                    }
                }
            }
        }
        return Bitmap(pixels: pixels, hasAlpha: false)
    }

    /// The first layer's filters (the paper's figure 4): of the first channel.
    public static func firstLayer(_ net: ESPCN) -> Bitmap {
        sheet(net.conv1.weight.detached[0..., 0..., 0..., 0], columns: 8)
    }

    /// The r² filters of the last layer for one feature map (figure 5), in the order of the pixels that they make.
    public static func lastLayer(_ net: ESPCN, map: Int = 0) -> Bitmap {
        let r = net.scale
        let index = (0..<(r * r)).map { Int64(net.order == .torch ? $0 : $0 * net.channels) }
        let filters = net.conv3.weight.detached.take(Tensor(index), axis: 0)
        return sheet(filters[0..., 0..., 0..., map], columns: r, zoom: 16)
    }
}
