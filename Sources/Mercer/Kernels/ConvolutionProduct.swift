import CKernels

// Convolutions as matrix products without copies of the image: the left operand's rows are pointers to the pixels that
// a tap reads, or to zeros outside the image.

/// The pixels that the taps of a grid of positions read: `[batch · grid, taps · channels]`.
struct ImagePixels: LeftOperand {
    let base: UnsafePointer<Float>
    /// Elements between neighbouring pixels.
    let pixelStride: Int
    let source: (Int, Int, Int)
    let grid: (Int, Int, Int)
    let steps: (Int, Int, Int)
    /// Source offset of each tap along each axis, and as a number of elements.
    let tapOffsets: [(Int, Int, Int)]
    let tapElements: [Int]
    let phases: [AxisPhase]
    let lowest: (Int, Int, Int)
    let highest: (Int, Int, Int)
    /// As many zeros as a run is long.
    let zeros: UnsafePointer<Float>
    let run: Int
    var segments: Int { tapOffsets.count }
    /// Pixels that lie 2 KiB apart share too few sets of the first-level cache.
    var isPacked: Bool { pixelStride * steps.2 % 512 == 0 }

    init(
        base: UnsafePointer<Float>, pixelStride: Int, channels: Int, source: [Int], phases: [AxisPhase],
        zeros: UnsafePointer<Float>
    ) {
        self.base = base
        self.pixelStride = pixelStride
        self.source = (source[0], source[1], source[2])
        self.phases = phases
        grid = (phases[0].count, phases[1].count, phases[2].count)
        steps = (phases[0].reading.step, phases[1].reading.step, phases[2].reading.step)
        self.zeros = zeros
        run = channels
        var offsets: [(Int, Int, Int)] = []
        for z in phases[0].reading.offsets {
            for y in phases[1].reading.offsets {
                for x in phases[2].reading.offsets { offsets.append((z, y, x)) }
            }
        }
        tapOffsets = offsets
        tapElements = offsets.map { (($0.0 * source[1] + $0.1) * source[2] + $0.2) * pixelStride }
        func bounds(_ axis: Int) -> (Int, Int) {
            (phases[axis].reading.offsets.min() ?? 0, phases[axis].reading.offsets.max() ?? 0)
        }
        lowest = (bounds(0).0, bounds(1).0, bounds(2).0)
        highest = (bounds(0).1, bounds(1).1, bounds(2).1)
    }

    /// The number of rows for a batch.
    func rows(_ batch: Int) -> Int { batch * grid.0 * grid.1 * grid.2 }

    /// Calls `body` with the source position that each row's taps count from.
    @inline(__always)
    private func forEachPosition(
        _ rows: Range<Int>, _ body: (_ index: Int, _ n: Int, _ z: Int, _ y: Int, _ x: Int) -> Void
    ) {
        var x = rows.lowerBound % grid.2
        var rest = rows.lowerBound / grid.2
        var y = rest % grid.1
        rest /= grid.1
        var z = rest % grid.0
        var n = rest / grid.0
        for index in 0..<rows.count {
            body(index, n, z &* steps.0, y &* steps.1, x &* steps.2)
            x &+= 1
            if x < grid.2 { continue }
            x = 0
            y &+= 1
            if y < grid.1 { continue }
            y = 0
            z &+= 1
            if z < grid.0 { continue }
            z = 0
            n &+= 1
        }
    }

    @inline(__always)
    private func fill(
        _ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers, rowStep: Int, segmentStep: Int
    ) {
        tapOffsets.withUnsafeBufferPointer { offsets in
            tapElements.withUnsafeBufferPointer { elements in
                forEachPosition(rows) { index, n, z, y, x in
                    let pixel = ((n &* source.0 &+ z) &* source.1 &+ y) &* source.2 &+ x
                    let from = base + pixel &* pixelStride
                    var target = to + index &* rowStep
                    let inside =
                        z &+ lowest.0 >= 0 && z &+ highest.0 < source.0 && y &+ lowest.1 >= 0
                        && y &+ highest.1 < source.1 && x &+ lowest.2 >= 0 && x &+ highest.2 < source.2
                    if inside {
                        for s in segments {
                            target.pointee = from + elements[s]
                            target += segmentStep
                        }
                    } else {
                        for s in segments {
                            let (dz, dy, dx) = offsets[s]
                            let valid =
                                UInt(bitPattern: z &+ dz) < UInt(bitPattern: source.0)
                                && UInt(bitPattern: y &+ dy) < UInt(bitPattern: source.1)
                                && UInt(bitPattern: x &+ dx) < UInt(bitPattern: source.2)
                            target.pointee = valid ? from + elements[s] : zeros
                            target += segmentStep
                        }
                    }
                }
            }
        }
    }

    /// The source pixel of the first of some rows where all of them lie in one line and all their taps inside the
    /// image, so that pointers are a step apart.
    @inline(__always)
    private func insideLine(_ rows: Range<Int>) -> UnsafePointer<Float>? {
        let line = rows.lowerBound / grid.2
        let first = rows.lowerBound &- line &* grid.2
        guard first &+ rows.count <= grid.2 else { return nil }
        let image = line / grid.1
        let (x, y) = (first &* steps.2, (line &- image &* grid.1) &* steps.1)
        let (n, z) = (image / grid.0, image % grid.0 &* steps.0)
        let last = x &+ (rows.count &- 1) &* steps.2
        guard
            z &+ lowest.0 >= 0 && z &+ highest.0 < source.0 && y &+ lowest.1 >= 0 && y &+ highest.1 < source.1
                && x &+ lowest.2 >= 0 && last &+ highest.2 < source.2
        else { return nil }
        return base + (((n &* source.0 &+ z) &* source.1 &+ y) &* source.2 &+ x) &* pixelStride
    }

    @inline(__always)
    func pointers(_ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers) {
        guard let from = insideLine(rows) else {
            fill(rows, segments, to, rowStep: 1, segmentStep: rows.count)
            return
        }
        let step = steps.2 &* pixelStride
        var target = to
        tapElements.withUnsafeBufferPointer { elements in
            for s in segments {
                var pixel = from + elements[s]
                for _ in 0..<rows.count {
                    target.pointee = pixel
                    target += 1
                    pixel += step
                }
            }
        }
    }

    /// Pointers in the order `[rows, segments]`.
    @inline(__always)
    func rowPointers(_ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers) {
        fill(rows, segments, to, rowStep: segments.count, segmentStep: 1)
    }
}

/// The pixels that taps read as the right operand of a weight gradient: `[positions, taps · channels]`.
struct ImagePatches: RightOperand {
    let pixels: ImagePixels
    /// The position that depth 0 stands for.
    let first: Int

    @inline(__always)
    func pack(
        _ segments: Range<Int>, _ run: Range<Int>, _ columns: Range<Int>, _ panelDepth: Int,
        _ to: UnsafeMutablePointer<Float>
    ) {
        let channels = pixels.run
        let taps = (columns.lowerBound / channels)..<((columns.upperBound - 1) / channels + 1)
        let positions = (first + run.lowerBound)..<(first + run.upperBound)
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: run.count * taps.count) {
            pointers in
            pixels.rowPointers(positions, taps, pointers.baseAddress!)
            Kernels.gemm.pack_right_segments(
                Int64(run.count), Int64(taps.count), Int64(channels), pointers.baseAddress!,
                Int64(columns.lowerBound - taps.lowerBound * channels), Int64(columns.count),
                Int64(panelDepth), to)
        }
    }
}

/// The weights of some taps as the right operand of an input gradient: row (tap t, output o) at
/// `base + o · outputStride + taps[t] · channels`.
struct TapRows: RightOperand {
    let base: UnsafePointer<Float>
    let outputStride: Int
    let channels: Int
    /// Indices into the kernel.
    let taps: [Int]

    func pack(
        _ segments: Range<Int>, _ run: Range<Int>, _ columns: Range<Int>, _ panelDepth: Int,
        _ to: UnsafeMutablePointer<Float>
    ) {
        let width = Int(Kernels.gemm.panel_columns)
        for (index, segment) in segments.enumerated() {
            Kernels.gemm.pack_right_rows(
                Int64(run.count), Int64(columns.count),
                base + run.lowerBound * outputStride + taps[segment] * channels + columns.lowerBound,
                Int64(outputStride), Int64(panelDepth), to + index * run.count * width)
        }
    }
}

/// Pixels of an image at every `step`-th position, as the rows of a result.
struct OutputPixels: ProductOutput {
    let base: UnsafeMutablePointer<Float>
    let pixelStride: Int
    let image: (Int, Int, Int)
    let grid: (Int, Int, Int)
    let start: (Int, Int, Int)
    let step: (Int, Int, Int)

    init(base: UnsafeMutablePointer<Float>, pixelStride: Int, image: [Int], phases: [AxisPhase]) {
        self.base = base
        self.pixelStride = pixelStride
        self.image = (image[0], image[1], image[2])
        grid = (phases[0].count, phases[1].count, phases[2].count)
        start = (phases[0].start, phases[1].start, phases[2].start)
        step = (phases[0].step, phases[1].step, phases[2].step)
    }

    @inline(__always)
    func pointers(_ rows: Range<Int>, _ to: UnsafeMutablePointer<UnsafeMutablePointer<Float>>) {
        for (index, row) in rows.enumerated() {
            let x = row % grid.2
            let rest = row / grid.2
            let y = rest % grid.1
            let z = rest / grid.1 % grid.0
            let n = rest / grid.1 / grid.0
            let pixel =
                ((n &* image.0 &+ z &* step.0 &+ start.0) &* image.1 &+ y &* step.1 &+ start.1) &* image.2
                &+ x &* step.2 &+ start.2
            to[index] = base + pixel &* pixelStride
        }
    }
}

/// The three forms of a convolution in single precision, by matrix products.
enum ConvolutionProduct {
    private static func withZeros<R>(_ count: Int, _ body: (UnsafePointer<Float>) -> R) -> R {
        withScratch(count) { zeros in
            zeros.update(repeating: 0, count: count)
            return body(zeros)
        }
    }

    /// The convolution by tiles, where that is quicker.
    private static func tiles(_ g: ConvolutionGeometry, _ x: UnsafePointer<Float>) -> WinogradConvolution? {
        guard g.isPlainThree else { return nil }
        let tiles = WinogradConvolution(
            batch: g.batch * g.input[0],
            source: PixelPlane(
                base: x, pixelStride: g.inputChannels, height: g.input[1], width: g.input[2],
                channels: g.inputChannels), top: g.padding[1], left: g.padding[2], height: g.output[1],
            width: g.output[2])
        return tiles.isWorthwhile(outputs: g.outputChannels) ? tiles : nil
    }

    static func forward(
        _ g: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ bias: UnsafePointer<Float>?, _ y: UnsafeMutablePointer<Float>
    ) {
        let depth = g.taps * g.groupInputs
        if g.isPointwise && g.groups == 1 {
            MatrixProduct.float32(
                g.batch * g.outputPixels, g.outputChannels, depth, x,
                .init(stride: max(depth, 1), isTransposed: false), weight,
                .init(stride: max(depth, 1), isTransposed: true), y, bias: bias)
            return
        }
        if let narrow = NarrowImage(g) {
            narrow.forward(x, weight, bias, y)
            return
        }
        let target = PixelPlane(
            base: y, pixelStride: g.outputChannels, height: g.output[1], width: g.output[2],
            channels: g.outputChannels)
        if let tiles = tiles(g, x) {
            tiles(RightColumns(base: weight, stride: depth, run: g.inputChannels), to: target, bias: bias)
            return
        }
        let phases = (0..<3).map { g.forwardPhase($0) }
        withZeros(g.groupInputs) { zeros in
            for group in 0..<g.groups {
                let pixels = ImagePixels(
                    base: x + group * g.groupInputs, pixelStride: g.inputChannels, channels: g.groupInputs,
                    source: g.input, phases: phases, zeros: zeros)
                Product(
                    rows: g.batch * g.outputPixels, columns: g.groupOutputs, left: pixels,
                    right: RightColumns(
                        base: weight + group * g.groupOutputs * depth, stride: depth, run: g.groupInputs),
                    output: OutputRows(base: y + group * g.groupOutputs, stride: g.outputChannels),
                    bias: bias.map { $0 + group * g.groupOutputs })()
            }
        }
    }

    static func inputGradient(
        _ g: ConvolutionGeometry, _ gradient: UnsafePointer<Float>, _ weight: UnsafePointer<Float>,
        _ result: UnsafeMutablePointer<Float>
    ) {
        let depth = g.taps * g.groupInputs
        if g.isPointwise && g.groups == 1 {
            MatrixProduct.float32(
                g.batch * g.outputPixels, g.inputChannels, g.outputChannels, gradient,
                .init(stride: g.outputChannels, isTransposed: false), weight,
                .init(stride: g.inputChannels, isTransposed: false), result)
            return
        }
        if g.isPlainThree {
            let tiles = WinogradConvolution(
                batch: g.batch * g.output[0],
                source: PixelPlane(
                    base: gradient, pixelStride: g.outputChannels, height: g.output[1], width: g.output[2],
                    channels: g.outputChannels), top: 2 - g.padding[1], left: 2 - g.padding[2],
                height: g.input[1], width: g.input[2])
            if tiles.isWorthwhile(outputs: g.inputChannels) {
                tiles(
                    TapRows(
                        base: weight, outputStride: depth, channels: g.inputChannels, taps: (0..<9).reversed()),
                    to: PixelPlane(
                        base: result, pixelStride: g.inputChannels, height: g.input[1], width: g.input[2],
                        channels: g.inputChannels))
                return
            }
        }
        withZeros(g.groupOutputs) { zeros in
            for z in g.backwardPhases(0) {
                for y in g.backwardPhases(1) {
                    for x in g.backwardPhases(2) {
                        let taps = z.reading.taps.flatMap { tz in
                            y.reading.taps.flatMap { ty in
                                x.reading.taps.map { (tz * g.kernel[1] + ty) * g.kernel[2] + $0 }
                            }
                        }
                        for group in 0..<g.groups {
                            let pixels = ImagePixels(
                                base: gradient + group * g.groupOutputs, pixelStride: g.outputChannels,
                                channels: g.groupOutputs, source: g.output, phases: [z, y, x], zeros: zeros)
                            Product(
                                rows: pixels.rows(g.batch), columns: g.groupInputs, left: pixels,
                                right: TapRows(
                                    base: weight + group * g.groupOutputs * depth, outputStride: depth,
                                    channels: g.groupInputs, taps: taps),
                                output: OutputPixels(
                                    base: result + group * g.groupInputs, pixelStride: g.inputChannels,
                                    image: g.input, phases: [z, y, x]))()
                        }
                    }
                }
            }
        }
    }

    /// The weight gradient of the examples together, or of each: `result` is `[examples or 1, weight's shape]`.
    static func weightGradient(
        _ g: ConvolutionGeometry, _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
        perExample: Bool,
        _ result: UnsafeMutablePointer<Float>
    ) {
        if !g.isPointwise, let narrow = NarrowImage(g) {
            narrow.weightGradient(x, gradient, perExample: perExample, result)
            return
        }
        if !perExample, let tiles = tiles(g, x) {
            tiles.weightGradient(
                PixelPlane(
                    base: gradient, pixelStride: g.outputChannels, height: g.output[1], width: g.output[2],
                    channels: g.outputChannels), result)
            return
        }
        let depth = g.taps * g.groupInputs
        let pieces = perExample ? g.batch : 1
        let positions = (perExample ? 1 : g.batch) * g.outputPixels
        let phases = (0..<3).map { g.forwardPhase($0) }
        withZeros(g.groupInputs) { zeros in
            let single = { (index: Int) in
                let (piece, group) = (index / g.groups, index % g.groups)
                let left = LeftColumns(
                    base: gradient + piece * positions * g.outputChannels + group * g.groupOutputs,
                    stride: g.outputChannels, run: positions)
                let target = result + (piece * g.outputChannels + group * g.groupOutputs) * depth
                let output = OutputRows(base: target, stride: depth)
                let taps =
                    g.isPointwise
                    ? TapProducts(
                        outputs: g.groupOutputs, gradientStride: g.outputChannels, run: g.groupInputs,
                        pixelStride: g.inputChannels, positions: positions)
                    : TapProducts(
                        outputs: g.groupOutputs, gradientStride: g.outputChannels, run: g.groupInputs,
                        pixelStride: g.inputChannels, source: g.input, phases: phases)
                if taps.isWorthwhile {
                    let pixels = piece * (perExample ? g.inputPixels : 0) * g.inputChannels
                    taps(x + pixels + group * g.groupInputs, left.base, positions: positions, target)
                    return
                }
                if g.isPointwise {
                    Product(
                        rows: g.groupOutputs, columns: depth, left: left,
                        right: RightRows(
                            base: x + piece * positions * g.inputChannels + group * g.groupInputs,
                            stride: g.inputChannels), output: output
                    ).runLocally()
                    return
                }
                let pixels = ImagePixels(
                    base: x + group * g.groupInputs, pixelStride: g.inputChannels, channels: g.groupInputs,
                    source: g.input, phases: phases, zeros: zeros)
                Product(
                    rows: g.groupOutputs, columns: depth, left: left,
                    right: ImagePatches(pixels: pixels, first: piece * positions), output: output
                ).runLocally()
            }
            if pieces * g.groups >= 4 {
                Parallel.forEach(pieces * g.groups, single)
            } else {
                for index in 0..<(pieces * g.groups) { single(index) }
            }
        }
    }
}

/// A convolution of an image with few channels, by kernel rows: with zeros around the image, the taps of a kernel row
/// read neighbouring elements, so that a row is one run.
struct NarrowImage {
    let geometry: ConvolutionGeometry
    let padded: [Int]

    /// Nil where it isn't worthwhile.
    init?(_ g: ConvolutionGeometry) {
        guard g.groups == 1 && g.inputChannels < 12 && g.kernel[2] > 1 && g.dilation[2] == 1 && g.taps > 0,
            g.batch > 0 && g.outputPixels > 0
        else { return nil }
        geometry = g
        padded = (0..<3).map {
            max(g.padding[$0], 0)
                + max(
                    g.input[$0],
                    (g.output[$0] - 1) * g.stride[$0] + g.dilation[$0] * (g.kernel[$0] - 1) + 1
                        - g.padding[$0])
        }
        guard g.padding.allSatisfy({ $0 >= 0 }) else { return nil }
    }

    func forward(
        _ x: UnsafePointer<Float>, _ weight: UnsafePointer<Float>, _ bias: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        withPixels(x) { pixels in
            Product(
                rows: g.batch * g.outputPixels, columns: g.outputChannels, left: pixels,
                right: RightColumns(base: weight, stride: g.taps * g.inputChannels, run: pixels.run),
                output: OutputRows(base: y, stride: g.outputChannels), bias: bias)()
        }
    }

    /// The weight gradient of the examples together, or of each.
    func weightGradient(
        _ x: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>, perExample: Bool,
        _ result: UnsafeMutablePointer<Float>
    ) {
        let g = geometry
        let depth = g.taps * g.inputChannels
        let pieces = perExample ? g.batch : 1
        let positions = (perExample ? 1 : g.batch) * g.outputPixels
        withPixels(x) { pixels in
            let taps = TapProducts(
                outputs: g.outputChannels, gradientStride: g.outputChannels, run: pixels.run,
                pixelStride: g.inputChannels, source: padded, phases: pixels.phases)
            let single = { (piece: Int) in
                if taps.isWorthwhile {
                    let image = piece * (perExample ? padded.reduce(1, *) : 0) * g.inputChannels
                    taps(
                        pixels.base + image, gradient + piece * positions * g.outputChannels, positions: positions,
                        result + piece * g.outputChannels * depth)
                    return
                }
                Product(
                    rows: g.outputChannels, columns: depth,
                    left: LeftColumns(
                        base: gradient + piece * positions * g.outputChannels, stride: g.outputChannels,
                        run: positions),
                    right: ImagePatches(pixels: pixels, first: piece * positions),
                    output: OutputRows(base: result + piece * g.outputChannels * depth, stride: depth)
                ).runLocally()
            }
            if pieces >= 4 {
                Parallel.forEach(pieces, single)
            } else {
                for piece in 0..<pieces { single(piece) }
            }
        }
    }

    /// Calls `body` with the runs of kernel rows in the image with zeros around it.
    private func withPixels(_ x: UnsafePointer<Float>, _ body: (ImagePixels) -> Void) {
        let g = geometry
        let channels = g.inputChannels
        let rowLength = padded[2] * channels
        let rows = g.batch * padded[0] * padded[1]
        withScratch(rows * rowLength) { image in
            Parallel.forRanges(rows, grain: max(1, (1 << 15) / rowLength)) { range in
                for row in range { copyRow(row, x, image + row * rowLength) }
            }
            var phases = (0..<3).map { g.forwardPhase($0) }
            for axis in 0..<3 {
                let phase = phases[axis]
                phases[axis] = AxisPhase(
                    start: 0, step: 1, count: phase.count,
                    reading: AxisTaps(
                        step: phase.reading.step, taps: phase.reading.taps,
                        offsets: axis == 2 ? [0] : phase.reading.taps.map { $0 * g.dilation[axis] }))
            }
            body(
                ImagePixels(
                    base: image, pixelStride: channels, channels: g.kernel[2] * channels, source: padded,
                    phases: phases, zeros: image))
        }
    }

    private func copyRow(_ row: Int, _ x: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>) {
        let g = geometry
        let length = padded[2] * g.inputChannels
        let yy = row % padded[1] - g.padding[1]
        let zz = row / padded[1] % padded[0] - g.padding[0]
        let n = row / padded[1] / padded[0]
        guard yy >= 0 && yy < g.input[1] && zz >= 0 && zz < g.input[0] else {
            to.update(repeating: 0, count: length)
            return
        }
        let before = g.padding[2] * g.inputChannels
        let inner = g.input[2] * g.inputChannels
        to.update(repeating: 0, count: before)
        (to + before).update(from: x + ((n * g.input[0] + zz) * g.input[1] + yy) * inner, count: inner)
        (to + before + inner).update(repeating: 0, count: length - before - inner)
    }
}
