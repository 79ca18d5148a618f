import CKernels

// Weight gradients of convolutions without patches: both the gradient's pixels and those that a tap reads are taken
// where they lie, line by line. Packing patches costs as much as multiplying them where there are few outputs; here
// nothing is packed, and what is left is the products' own work.

/// The weight gradient of one group of a convolution: for each output o and tap t the sum over all positions of
/// gradient[position, o] · source[pixel that t reads there], `[outputs, taps · run]`.
struct TapProducts {
    /// Output channels of the group.
    let outputs: Int
    /// Elements between neighbouring positions of the gradient.
    let gradientStride: Int
    /// Elements that a tap reads, and between neighbouring pixels of the source.
    let run: Int
    let pixelStride: Int
    /// Sizes of a source image, and of the grid of positions.
    private let source: (Int, Int, Int)
    private let grid: (Int, Int, Int)
    private let taps: (AxisTaps, AxisTaps, AxisTaps)
    /// Elements of a row of the result.
    let width: Int

    init(outputs: Int, gradientStride: Int, run: Int, pixelStride: Int, source: [Int], phases: [AxisPhase]) {
        self.outputs = outputs
        self.gradientStride = gradientStride
        self.run = run
        self.pixelStride = pixelStride
        self.source = (source[0], source[1], source[2])
        grid = (phases[0].count, phases[1].count, phases[2].count)
        taps = (phases[0].reading, phases[1].reading, phases[2].reading)
        width = run * phases.reduce(1) { $0 * $1.reading.offsets.count }
    }

    /// For a convolution whose kernel reads single pixels, where positions are just counted.
    init(outputs: Int, gradientStride: Int, run: Int, pixelStride: Int, positions: Int) {
        let single = AxisPhase(start: 0, step: 1, count: 1, reading: AxisTaps(step: 1, taps: [0], offsets: [0]))
        let all = AxisPhase(start: 0, step: 1, count: positions, reading: single.reading)
        self.init(
            outputs: outputs, gradientStride: gradientStride, run: run, pixelStride: pixelStride,
            source: [1, 1, positions], phases: [single, single, all])
    }

    /// Whether this is faster than the product with packed patches: a tap fills vectors, or there are so few outputs
    /// that packing would cost more; lines are long enough to keep sums in registers; the sums of all slices stay in
    /// the cache.
    var isWorthwhile: Bool {
        let isFull = 4 * run >= 3 * ((run + 7) / 8 * 8)
        return (isFull || (run >= 3 && outputs <= 32)) && grid.2 >= 8 && outputs * width <= 1 << 16
    }

    /// Positions that are multiplied in one go, so that both operands stay in the first-level cache.
    private static let most = 512

    /// Sets `result`, `[outputs, width]`, to the sum over `count` positions from the first on. The positions are cut
    /// into a number of slices that depends on their count alone, and the slices are added in order.
    func callAsFunction(
        _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, positions count: Int,
        _ result: UnsafeMutablePointer<Float>
    ) {
        let size = outputs * width
        let slices = max(1, min(8, count / 1024))
        guard slices > 1 else {
            result.update(repeating: 0, count: size)
            add(0..<count, x, gradient, to: result)
            return
        }
        withScratch(slices * size) { sums in
            Parallel.forEach(slices) { slice in
                let sum = sums + slice * size
                sum.update(repeating: 0, count: size)
                add((count * slice / slices)..<(count * (slice + 1) / slices), x, gradient, to: sum)
            }
            for i in 0..<size {
                var sum = sums[i]
                for slice in 1..<slices { sum += sums[slice * size + i] }
                result[i] = sum
            }
        }
    }

    private func add(
        _ positions: Range<Int>, _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
        to result: UnsafeMutablePointer<Float>
    ) {
        var position = positions.lowerBound
        while position < positions.upperBound {
            let line = position / grid.2
            let first = position - line * grid.2
            let count = min(grid.2 - first, positions.upperBound - position, Self.most)
            addLine(line, first..<(first + count), x, gradient + position * gradientStride, result)
            position += count
        }
    }

    /// Positions `columns` of a line; `gradient` points to the first of them.
    private func addLine(
        _ line: Int, _ columns: Range<Int>, _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
        _ result: UnsafeMutablePointer<Float>
    ) {
        let y = line % grid.1 * taps.1.step
        let z = line / grid.1 % grid.0 * taps.0.step
        let image = line / grid.1 / grid.0 * source.0
        let step = taps.2.step
        var target = result
        for dz in taps.0.offsets {
            for dy in taps.1.offsets {
                let inside = z + dz >= 0 && z + dz < source.0 && y + dy >= 0 && y + dy < source.1
                let row = ((image + z + dz) * source.1 + y + dy) * source.2
                for dx in taps.2.offsets {
                    defer { target += run }
                    // Positions whose pixel lies inside: 0 <= position · step + dx < source.2.
                    let lowest = max(columns.lowerBound, dx < 0 ? (step - 1 - dx) / step : 0)
                    let highest = min(columns.upperBound, dx < source.2 ? (source.2 - 1 - dx) / step + 1 : 0)
                    guard inside && lowest < highest else { continue }
                    Kernels.gemm.outer(
                        Int64(outputs), Int64(run), Int64(highest - lowest),
                        gradient + (lowest - columns.lowerBound) * gradientStride, Int64(gradientStride),
                        x + (row + lowest * step + dx) * pixelStride, Int64(step * pixelStride), target, Int64(width))
                }
            }
        }
    }
}
