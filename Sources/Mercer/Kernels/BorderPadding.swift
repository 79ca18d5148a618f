/// Pictures `[N, H, W, C]` extended by their own pixels (mirrored, repeated or from the other side), in one pass over
/// rows. The gradient is folded back by the transposed pass.
struct BorderPadding {
    private let shape: [Int]
    private let rows: [Int]
    private let columns: [Int]
    /// Where the picture's own columns begin.
    private let left: Int

    private var height: Int { shape[1] }
    private var width: Int { shape[2] }
    private var channels: Int { shape[3] }

    init(
        _ shape: [Int], rows: (before: Int, after: Int), columns: (before: Int, after: Int), _ mode: PaddingMode
    ) {
        self.shape = shape
        self.rows = (-rows.before..<(shape[1] + rows.after)).map { borderIndex($0, shape[1], mode) }
        self.columns = (-columns.before..<(shape[2] + columns.after)).map { borderIndex($0, shape[2], mode) }
        left = columns.before
    }

    private var paddedShape: [Int] { [shape[0], rows.count, columns.count, channels] }

    /// The larger picture, with its gradient.
    func pad(_ x: Tensor) -> Tensor {
        let source = x.detached.contiguous()
        let y = Tensor(uninitialized: paddedShape, x.dtype)
        if x.dtype == .float64 {
            pad(source.pointer(Double.self), y.mutablePointer(Double.self))
        } else {
            pad(source.pointer(Float.self), y.mutablePointer(Float.self))
        }
        guard x.isTracked else { return y }
        return y.tracked("padded", from: x) { self.fold($0.gradient) }
    }

    /// The transposed map: each pixel gets the sum of what stands for it in the larger picture.
    private func fold(_ gradient: Tensor) -> Tensor {
        let source = gradient.detached.contiguous()
        let y = Tensor(uninitialized: shape, gradient.dtype)
        if gradient.dtype == .float64 {
            fold(source.pointer(Double.self), y.mutablePointer(Double.self))
        } else {
            fold(source.pointer(Float.self), y.mutablePointer(Float.self))
        }
        guard gradient.isTracked else { return y }
        return y.tracked("paddedGradient", from: gradient) { self.pad($0.gradient) }
    }

    /// The columns of the border, which are copied one by one.
    private var borderColumns: [Int] { Array(0..<left) + Array((left + width)..<columns.count) }

    private func pad<Number>(_ x: UnsafePointer<Number>, _ y: UnsafeMutablePointer<Number>) {
        let line = columns.count * channels
        let border = borderColumns
        Parallel.forRanges(shape[0] * rows.count, grain: Swift.max(1, 32_768 / Swift.max(1, line))) { range in
            for row in range {
                let source = x + (row / rows.count * height + rows[row % rows.count]) * width * channels
                let target = y + row * line
                (target + left * channels).update(from: source, count: width * channels)
                for column in border {
                    (target + column * channels).update(from: source + columns[column] * channels, count: channels)
                }
            }
        }
    }

    private func fold<Number: FloatingPoint>(_ x: UnsafePointer<Number>, _ y: UnsafeMutablePointer<Number>) {
        let line = columns.count * channels
        let border = borderColumns
        var sources = [[Int]](repeating: [], count: height)
        for (row, source) in rows.enumerated() { sources[source].append(row) }
        Parallel.forRanges(shape[0] * height, grain: Swift.max(1, 32_768 / Swift.max(1, line))) { range in
            for row in range {
                let target = y + row * width * channels
                for (index, place) in sources[row % height].enumerated() {
                    let source = x + (row / height * rows.count + place) * line
                    let own = source + left * channels
                    if index == 0 {
                        target.update(from: own, count: width * channels)
                    } else {
                        Self.add(own, to: target, width * channels)
                    }
                    for column in border {
                        Self.add(source + column * channels, to: target + columns[column] * channels, channels)
                    }
                }
            }
        }
    }

    private static func add<Number: FloatingPoint>(
        _ x: UnsafePointer<Number>, to y: UnsafeMutablePointer<Number>, _ count: Int
    ) {
        for i in 0..<count { y[i] += x[i] }
    }
}
