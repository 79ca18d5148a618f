import Mercer
import MercerNN

/// Mirrors an image at its borders, without repeating the edge.
///
/// The same as ``Mercer/padded(_:_:mode:value:)`` with `.reflect`, line by line in one pass each way: a network of
/// sixteen maps would spend a tenth of its time on borders otherwise.
final class ReflectionPadding: Module, UnaryLayer {
    let width: Int

    init(_ width: Int) { self.width = width }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let size = Size(x.shape, width)
        return customOperation(
            [x], name: "reflectionPadding", forward: { [size.mirrored($0[0])] },
            backward: { _, _, gradients in [size.folded(gradients[0])] })[0]
    }

    private struct Size {
        let batch: Int
        let height: Int
        let width: Int
        let channels: Int
        /// The line and the column of the image that each one of the larger shows.
        let lines: [Int]
        let columns: [Int]
        let border: Int

        init(_ shape: [Int], _ border: Int) {
            precondition(shape.count == 4, "ReflectionPadding: shape \(shape) is not [N, H, W, C]")
            let (h, w) = (shape[1], shape[2])
            (batch, height, width, channels) = (shape[0], h, w, shape[3])
            self.border = border
            lines = (-border..<(h + border)).map { borderIndex($0, h, .reflect) }
            columns = (-border..<(w + border)).map { borderIndex($0, w, .reflect) }
        }

        /// Columns outside the image.
        private var edges: [Int] { Array(0..<border) + Array((width + border)..<columns.count) }
        private var grain: Int { max(1, (1 << 15) / max(1, columns.count * channels)) }

        func mirrored(_ x: Tensor) -> Tensor {
            let source = x.asType(.float32).contiguous()
            return source.withUnsafeBuffer(of: Float.self) { source in
                Tensor([batch, lines.count, columns.count, channels], of: Float.self) { out in
                    let (from, to) = (source.baseAddress!, UInt(bitPattern: out.baseAddress!))
                    let edges = edges
                    Parallel.forRanges(batch * lines.count, grain: grain) { range in
                        for row in range {
                            let (n, y) = row.quotientAndRemainder(dividingBy: lines.count)
                            let line = from + (n * height + lines[y]) * width * channels
                            let target = UnsafeMutablePointer<Float>(bitPattern: to)! + row * columns.count * channels
                            (target + border * channels).update(from: line, count: width * channels)
                            for x in edges {
                                (target + x * channels).update(from: line + columns[x] * channels, count: channels)
                            }
                        }
                    }
                }
            }
        }

        func folded(_ gradient: Tensor) -> Tensor {
            // The lines that show each line of the image, in order.
            var shown = [[Int]](repeating: [], count: height)
            for (y, line) in lines.enumerated() { shown[line].append(y) }
            let source = gradient.asType(.float32).contiguous()
            return source.withUnsafeBuffer(of: Float.self) { source in
                Tensor([batch, height, width, channels], of: Float.self) { out in
                    let (from, to) = (source.baseAddress!, UInt(bitPattern: out.baseAddress!))
                    let edges = edges
                    Parallel.forRanges(batch * height, grain: grain) { range in
                        for row in range {
                            let (n, y) = row.quotientAndRemainder(dividingBy: height)
                            let target = UnsafeMutablePointer<Float>(bitPattern: to)! + row * width * channels
                            for (index, line) in shown[y].enumerated() {
                                let line = from + (n * lines.count + line) * columns.count * channels
                                let inner = line + border * channels
                                if index == 0 {
                                    target.update(from: inner, count: width * channels)
                                } else {
                                    for i in 0..<(width * channels) { target[i] += inner[i] }
                                }
                                for x in edges {
                                    for c in 0..<channels {
                                        target[columns[x] * channels + c] += line[x * channels + c]
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
