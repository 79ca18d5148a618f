import CKernels

// Convolutions of 3×3 kernels by minimal filtering: a quarter of the multiplications of the direct form.
//
// Source: Lavin and Gray, CVPR 2016 (arXiv 1509.09308), F(4×4, 3×3).

/// Pictures in memory: `[batch, height, width]` pixels of some channels.
struct PixelPlane<Pointer> {
    let base: Pointer
    /// Elements between neighbouring pixels.
    let pixelStride: Int
    let height: Int
    let width: Int
    let channels: Int
}

/// A 3×3 convolution with a stride of 1 in tiles of 4×4 results.
///
/// Each number of the result is a sum over channels in a fixed order, whatever tiles go together; so the result is the
/// same for any number of threads.
struct WinogradConvolution {
    let batch: Int
    let source: PixelPlane<UnsafePointer<Float>>
    /// Rows and columns of zeros before the first pixel.
    let top: Int
    let left: Int
    /// Sizes of the result.
    let height: Int
    let width: Int

    private static let frequencies = 36

    /// Elements between frequencies of `count` elements each: a whole number of pages and a cache line, so that the 36
    /// places of a number fall in different sets of the caches.
    private static func step(_ count: Int) -> Int { (count + 1023) / 1024 * 1024 + 16 }

    private var tilesDown: Int { (height + 3) / 4 }
    private var tilesAcross: Int { (width + 3) / 4 }
    private var tiles: Int { batch * tilesDown * tilesAcross }

    /// Whether the transforms cost less than they save.
    func isWorthwhile(outputs: Int) -> Bool {
        let lanes = Int(Kernels.gemm.panel_columns) / 2
        guard source.channels >= lanes / 2 && outputs >= lanes / 2 && tiles >= 4 else { return false }
        let (vectors, results) = ((source.channels + lanes - 1) / lanes, (outputs + lanes - 1) / lanes)
        let direct = 9 * batch * height * width * source.channels * results
        let products = 36 * tiles * source.channels * results
        let transforms = tiles * (300 * vectors + 250 * results) + 150 * source.channels * results
        return 5 * (products + transforms) < 4 * direct
    }

    // MARK: Results

    /// - Parameters:
    ///   - right: nine segments of as many rows as the source has channels: the taps in the order in which they meet
    ///     the pixels.
    ///   - bias: added to each pixel, or nil.
    ///   - accumulates: whether the result is added to what the target holds.
    ///   - finish: is given each finished run of pixels of the target and their number.
    func callAsFunction<Right: RightOperand>(
        _ right: Right, to target: PixelPlane<UnsafeMutablePointer<Float>>, bias: UnsafePointer<Float>? = nil,
        accumulates: Bool = false, finish: ((_ pixels: UnsafeMutablePointer<Float>, _ count: Int) -> Void)? = nil
    ) {
        let width = Int(Kernels.gemm.panel_columns)
        let panels = (target.channels + width - 1) / width
        let size = Self.step(panels * source.channels * width)
        let block = Block(source.channels, target.channels)
        withScratch(Self.frequencies * size) { weights in
            transformWeights(right, target.channels, weights, size)
            // Weights that fit beside a block in the second-level cache are read again for each block, by one thread
            // at a time; larger ones once for as many tiles as the third level holds.
            let few = block.fewTiles
            if Self.frequencies * size * 4 <= 768 << 10 && tiles >= 4 * few {
                Parallel.forRanges(tiles, grain: few) { range in
                    withScratch(block.count(range.count)) { memory in
                        let place = block.places(memory, range.count)
                        transform(range, place.values)
                        for f in 0..<Self.frequencies {
                            multiply(place, f, 0..<range.count, weights + f * size, target.channels)
                        }
                        finishTiles(range, place.products, target, bias, accumulates, finish)
                    }
                }
                return
            }
            let many = max(56, block.tiles(within: 6 << 20) / 14 * 14)
            let pieces = (tiles + many - 1) / many
            withScratch(block.count((tiles + pieces - 1) / pieces)) { memory in
                for piece in 0..<pieces {
                    let range = (tiles * piece / pieces)..<(tiles * (piece + 1) / pieces)
                    let place = block.places(memory, range.count)
                    let grain = max(1, (1 << 14) / (36 * source.channels))
                    Parallel.forRanges(range.count, grain: grain) { part in
                        let some = (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound)
                        transform(some, place.values.advanced(part.lowerBound))
                    }
                    let halves = range.count >= 112 ? (range.count + 111) / 112 : 1
                    Parallel.forEach(Self.frequencies * halves) { task in
                        let (f, half) = (task / halves, task % halves)
                        let rows = (range.count * half / halves)..<(range.count * (half + 1) / halves)
                        multiply(place, f, rows, weights + f * size, target.channels)
                    }
                    Parallel.forRanges(range.count, grain: max(1, (1 << 14) / (36 * target.channels))) { part in
                        let some = (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound)
                        finishTiles(
                            some, place.products.advanced(part.lowerBound), target, bias, accumulates, finish)
                    }
                }
            }
        }
    }

    /// The taps of the packed operand as frequencies, each a packed operand of its own.
    private func transformWeights<Right: RightOperand>(
        _ right: Right, _ outputs: Int, _ weights: UnsafeMutablePointer<Float>, _ step: Int
    ) {
        let width = Int(Kernels.gemm.panel_columns)
        let depth = source.channels
        let panels = (outputs + width - 1) / width
        Parallel.forRanges(panels, grain: max(1, (1 << 12) / (width * depth))) { range in
            withScratch(9 * depth * width) { taps in
                for panel in range {
                    let columns = (panel * width)..<min((panel + 1) * width, outputs)
                    right.pack(0..<9, 0..<depth, columns, 9 * depth, taps)
                    Kernels.winograd.taps(
                        Int64(depth), taps, Int64(depth * width), weights + panel * depth * width,
                        Int64(step))
                }
            }
        }
    }

    /// The frequencies of some tiles' pixels.
    private func transform(_ range: Range<Int>, _ values: Frequencies) {
        let end = source.base + (batch * source.height * source.width - 1) * source.pixelStride + source.channels
        forEachTile(range) { index, image, y, x in
            var tile = tileOf(
                UnsafeMutablePointer(mutating: source.base), source.pixelStride, source.height, source.width, image,
                y - top, x - left, 6)
            var to = values.advanced(index).raw
            Kernels.winograd.input(Int64(source.channels), &tile, end, &to)
        }
    }

    /// One frequency of some tiles times the weights.
    private func multiply(
        _ place: Block.Places, _ frequency: Int, _ rows: Range<Int>, _ weights: UnsafePointer<Float>, _ outputs: Int
    ) {
        let kernels = Kernels.gemm
        let most = Int(kernels.panel_rows)
        let count = (rows.count + most - 1) / most
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: most) { from in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: most) { to in
                for piece in 0..<count {
                    let first = rows.lowerBound + rows.count * piece / count
                    let some = rows.lowerBound + rows.count * (piece + 1) / count - first
                    for i in 0..<some {
                        from[i] = UnsafePointer(place.values.row(frequency, first + i))
                        to[i] = place.products.row(frequency, first + i)
                    }
                    kernels.panel(
                        Int64(some), Int64(outputs), 1, Int64(source.channels), nil, from.baseAddress!, 0, weights,
                        to.baseAddress!, 0, nil, false)
                }
            }
        }
    }

    private func finishTiles(
        _ range: Range<Int>, _ products: Frequencies, _ target: PixelPlane<UnsafeMutablePointer<Float>>,
        _ bias: UnsafePointer<Float>?, _ accumulates: Bool,
        _ finish: ((_ pixels: UnsafeMutablePointer<Float>, _ count: Int) -> Void)?
    ) {
        forEachTile(range) { index, image, y, x in
            var tile = tileOf(target.base, target.pixelStride, height, width, image, y, x, 4)
            var from = products.advanced(index).raw
            Kernels.winograd.output(Int64(target.channels), &from, &tile, bias, accumulates)
            guard let finish else { return }
            for row in tile.top..<tile.bottom {
                finish(tile.origin + Int(row * tile.row_step), Int(tile.right))
            }
        }
    }

    // MARK: Gradients of weights

    /// The weights' gradient.
    ///
    /// - Parameters:
    ///   - gradient: with respect to the result: as many pixels.
    ///   - result: `[outputs, 3, 3, channels]`.
    func weightGradient(
        _ gradient: PixelPlane<UnsafePointer<Float>>, _ result: UnsafeMutablePointer<Float>
    ) {
        // A frequency's sums are [outputs, row].
        let width = Int(Kernels.gemm.panel_columns)
        let (inputs, outputs) = (source.channels, gradient.channels)
        let row = (inputs + width - 1) / width * width
        let size = Self.step(outputs * row)
        let isSmall = Self.frequencies * size * 4 <= 192 << 10
        let runs = isSmall ? max(1, min(4, tiles / 112)) : 1
        withScratch(runs * Self.frequencies * size) { sums in
            if isSmall {
                sumRuns(gradient, sums, runs, size, row)
            } else {
                sumBlocks(gradient, sums, size, row)
            }
            Parallel.forRanges(outputs, grain: max(1, (1 << 14) / (36 * inputs))) { range in
                for output in range {
                    Kernels.winograd.weights(
                        Int64(inputs), sums + output * row, Int64(size), result + output * 9 * inputs,
                        Int64(inputs))
                }
            }
        }
    }

    /// The frequencies of some tiles' gradients.
    private func transform(
        gradient: PixelPlane<UnsafePointer<Float>>, _ range: Range<Int>, _ products: Frequencies
    ) {
        let last = gradient.base + (batch * height * width - 1) * gradient.pixelStride
        forEachTile(range) { index, image, y, x in
            var tile = tileOf(
                UnsafeMutablePointer(mutating: gradient.base), gradient.pixelStride, height, width, image, y, x, 4)
            var to = products.advanced(index).raw
            Kernels.winograd.gradient(Int64(gradient.channels), &tile, last + gradient.channels, &to)
        }
    }

    /// Few sums: a few runs of tiles, whose number depends on sizes only, have sums of their own, in the second-level
    /// cache beside a block of tiles; threads don't wait for each other between blocks.
    private func sumRuns(
        _ gradient: PixelPlane<UnsafePointer<Float>>, _ sums: UnsafeMutablePointer<Float>, _ runs: Int, _ size: Int,
        _ row: Int
    ) {
        let (inputs, outputs) = (source.channels, gradient.channels)
        let all = Self.frequencies * size
        let block = Block(inputs, outputs)
        let few = block.fewTiles
        Parallel.forEach(runs) { run in
            let own = sums + run * all
            own.update(repeating: 0, count: all)
            let end = tiles * (run + 1) / runs
            withScratch(block.count(few)) { memory in
                for start in stride(from: tiles * run / runs, to: end, by: few) {
                    let range = start..<min(start + few, end)
                    let place = block.places(memory, range.count)
                    transform(range, place.values)
                    transform(gradient: gradient, range, place.products)
                    for f in 0..<Self.frequencies {
                        Kernels.gemm.outer(
                            Int64(outputs), Int64(inputs), Int64(range.count), place.products.row(f, 0),
                            Int64(place.products.pitch), place.values.row(f, 0), Int64(place.values.pitch),
                            own + f * size, Int64(row))
                    }
                }
            }
        }
        for run in stride(from: 1, to: runs, by: 1) {
            let more = sums + run * all
            for i in 0..<all { sums[i] += more[i] }
        }
    }

    /// Many sums: blocks of tiles as large as the third-level cache holds, whose frequencies are shared by the threads.
    private func sumBlocks(
        _ gradient: PixelPlane<UnsafePointer<Float>>, _ sums: UnsafeMutablePointer<Float>, _ size: Int, _ row: Int
    ) {
        // Frequencies of the pixels: [36, panels, tiles, channels of a panel], of the gradient: [36, tiles, outputs].
        let width = Int(Kernels.gemm.panel_columns)
        let (inputs, outputs) = (source.channels, gradient.channels)
        let block = Block(row, outputs)
        let many = max(28, min(392, block.tiles(within: 6 << 20)))
        let pieces = (tiles + many - 1) / many
        withScratch(block.count((tiles + pieces - 1) / pieces)) { memory in
            for piece in 0..<pieces {
                let range = (tiles * piece / pieces)..<(tiles * (piece + 1) / pieces)
                let place = block.places(memory, range.count)
                let values = Frequencies(
                    base: place.values.base, step: place.values.step, pitch: width, panel: width,
                    panelStep: range.count * width)
                let grain = max(1, (1 << 14) / (36 * (inputs + outputs)))
                Parallel.forRanges(range.count, grain: grain) { part in
                    let some = (range.lowerBound + part.lowerBound)..<(range.lowerBound + part.upperBound)
                    transform(some, values.advanced(part.lowerBound))
                    transform(gradient: gradient, some, place.products.advanced(part.lowerBound))
                }
                Parallel.forEach(Self.frequencies) { f in
                    addProduct(
                        UnsafePointer(place.products.row(f, 0)), place.products.pitch, range.count,
                        UnsafePointer(values.base + f * values.step), sums + f * size, outputs, inputs,
                        adds: piece > 0)
                }
            }
        }
    }

    /// sums[outputs, channels] (+)= gradientᵀ · pixels of one frequency.
    private func addProduct(
        _ gradient: UnsafePointer<Float>, _ pitch: Int, _ depth: Int, _ pixels: UnsafePointer<Float>,
        _ sums: UnsafeMutablePointer<Float>, _ outputs: Int, _ inputs: Int, adds: Bool
    ) {
        let kernels = Kernels.gemm
        let width = Int(kernels.panel_columns)
        let row = (inputs + width - 1) / width * width
        let most = Int(kernels.panel_rows)
        let count = (outputs + most - 1) / most
        withScratch(depth * most + 16) { packed in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: most) { to in
                for piece in 0..<count {
                    let first = outputs * piece / count
                    let some = outputs * (piece + 1) / count - first
                    for i in 0..<some { to[i] = sums + (first + i) * row }
                    kernels.pack_left_columns(Int64(some), Int64(depth), gradient + first, Int64(pitch), packed)
                    kernels.panel(
                        Int64(some), Int64(inputs), 1, Int64(depth), packed, nil, 0, pixels, to.baseAddress!, 0, nil,
                        adds)
                }
            }
        }
    }

    // MARK: Tiles

    @inline(__always)
    private func forEachTile(_ range: Range<Int>, _ body: (_ index: Int, _ image: Int, _ y: Int, _ x: Int) -> Void) {
        for (index, tile) in range.enumerated() {
            let (rest, x) = tile.quotientAndRemainder(dividingBy: tilesAcross)
            let (image, y) = rest.quotientAndRemainder(dividingBy: tilesDown)
            body(index, image, 4 * y, 4 * x)
        }
    }

    /// The tile of `side` pixels a side whose first pixel is (y, x), which may lie outside the picture.
    @inline(__always)
    private func tileOf(
        _ base: UnsafeMutablePointer<Float>, _ pixelStride: Int, _ height: Int, _ width: Int, _ image: Int, _ y: Int,
        _ x: Int, _ side: Int
    ) -> mercer_winograd_tile {
        mercer_winograd_tile(
            origin: base + ((image * height + y) * width + x) * pixelStride, row_step: Int64(width * pixelStride),
            pixel_step: Int64(pixelStride), top: Int64(max(0, -y)), bottom: Int64(max(0, min(side, height - y))),
            left: Int64(max(0, -x)), right: Int64(max(0, min(side, width - x))))
    }

    /// Numbers of 36 frequencies, one row a tile.
    struct Frequencies {
        let base: UnsafeMutablePointer<Float>
        /// Elements between frequencies, and between tiles.
        let step: Int
        let pitch: Int
        /// Channels that lie together, and elements from one such panel to the next.
        let panel: Int
        let panelStep: Int

        @inline(__always)
        func advanced(_ tiles: Int) -> Frequencies {
            Frequencies(base: base + tiles * pitch, step: step, pitch: pitch, panel: panel, panelStep: panelStep)
        }

        @inline(__always)
        func row(_ frequency: Int, _ tile: Int) -> UnsafeMutablePointer<Float> {
            base + frequency * step + tile * pitch
        }

        var raw: mercer_winograd_frequencies {
            mercer_winograd_frequencies(
                origin: base, step: Int64(step), panel: Int64(panel), panel_step: Int64(panelStep))
        }
    }

    /// Memory for the frequencies of some tiles before and after the products.
    private struct Block {
        /// Elements between tiles: whole vectors, and where those of many tiles would meet in few sets of the
        /// first-level cache an odd number of cache lines.
        let before: Int
        let after: Int

        struct Places {
            let values: Frequencies
            let products: Frequencies
        }

        init(_ inputs: Int, _ outputs: Int) {
            func pitch(_ channels: Int) -> Int {
                let lanes = Int(Kernels.gemm.panel_columns) / 2
                let whole = (channels + lanes - 1) / lanes * lanes
                return whole < 128 ? whole : (whole + 15) / 16 * 16 | 16
            }
            before = pitch(inputs)
            after = pitch(outputs)
        }

        /// As many tiles as the second-level cache holds beside their weights or sums.
        var fewTiles: Int { max(14, tiles(within: 256 << 10) / 14 * 14) }
        func count(_ tiles: Int) -> Int { frequencies * (step(tiles * before) + step(tiles * after)) }
        func tiles(within bytes: Int) -> Int { bytes / (4 * frequencies * (before + after)) }

        func places(_ memory: UnsafeMutablePointer<Float>, _ tiles: Int) -> Places {
            func frequencies(_ base: UnsafeMutablePointer<Float>, _ pitch: Int) -> Frequencies {
                Frequencies(base: base, step: step(tiles * pitch), pitch: pitch, panel: pitch, panelStep: pitch)
            }
            return Places(
                values: frequencies(memory, before),
                products: frequencies(memory + WinogradConvolution.frequencies * step(tiles * before), after))
        }
    }
}

extension ConvolutionGeometry {
    /// Whether the kernel is 3×3 on the last two axes, with a stride and dilation of 1, of all channels.
    var isPlainThree: Bool {
        kernel == [1, 3, 3] && stride == [1, 1, 1] && dilation == [1, 1, 1] && padding[0] == 0 && groups == 1
            && input[0] == output[0]
    }
}
