import CKernels

// A chain of convolutions each of which reads the input and all earlier results (a dense block, Huang et al. 2017), in
// one buffer: each convolution reads a prefix of every pixel's channels and writes the next ones, so that nothing is
// put together by copying. All products run on strided pixels.

/// The sizes of a dense chain on `[batch, height, width, channels]`, 3×3 kernels with zeros around the image.
struct DenseConvolutionProduct {
    let batch: Int
    let height: Int
    let width: Int
    /// Channels of the input.
    let inputs: Int
    /// Channels that each convolution but the last adds.
    let growth: [Int]
    /// Channels of the last convolution.
    let outputs: Int

    /// Channels of the buffer: the input and all grown ones.
    var total: Int { inputs + growth.reduce(0, +) }
    var pixels: Int { batch * height * width }
    var layers: Int { growth.count + 1 }

    /// Channels that a convolution reads.
    func depth(_ layer: Int) -> Int { inputs + growth[..<layer].reduce(0, +) }
    /// Channels that a convolution writes.
    func columns(_ layer: Int) -> Int { layer < growth.count ? growth[layer] : outputs }

    private static let offsets = [-1, 0, 1]

    private func phases(_ offsets: [Int]) -> [AxisPhase] {
        let line = AxisTaps(step: 1, taps: [0], offsets: [0])
        let taps = AxisTaps(step: 1, taps: Array(offsets.indices), offsets: offsets)
        return [
            AxisPhase(start: 0, step: 1, count: 1, reading: line),
            AxisPhase(start: 0, step: 1, count: height, reading: taps),
            AxisPhase(start: 0, step: 1, count: width, reading: taps),
        ]
    }

    private func image(
        _ base: UnsafePointer<Float>, stride: Int, channels: Int, offsets: [Int] = Self.offsets,
        zeros: UnsafePointer<Float>
    ) -> ImagePixels {
        ImagePixels(
            base: base, pixelStride: stride, channels: channels, source: [1, height, width],
            phases: phases(offsets), zeros: zeros)
    }

    /// A convolution of `channels` channels by tiles, where that is quicker.
    private func tiles(
        _ base: UnsafePointer<Float>, stride: Int, channels: Int, outputs: Int
    ) -> WinogradConvolution? {
        let tiles = WinogradConvolution(
            batch: batch,
            source: PixelPlane(base: base, pixelStride: stride, height: height, width: width, channels: channels),
            top: 1, left: 1, height: height, width: width)
        return tiles.isWorthwhile(outputs: outputs) ? tiles : nil
    }

    private func withZeros(_ body: (UnsafePointer<Float>) -> Void) {
        let count = max(total, outputs)
        withScratch(count) { zeros in
            zeros.update(repeating: 0, count: count)
            body(zeros)
        }
    }

    // MARK: Forward

    /// Fills the grown channels of `maps`, whose first channels are the input, and the result.
    ///
    /// - Parameters:
    ///   - maps: `[pixels, total]`.
    ///   - y: `[pixels, outputs]`.
    func forward(
        _ maps: UnsafeMutablePointer<Float>, weights: [UnsafePointer<Float>], biases: [UnsafePointer<Float>],
        slope: Float, _ y: UnsafeMutablePointer<Float>
    ) {
        let total = total
        withZeros { zeros in
            for layer in 0..<layers {
                let depth = depth(layer)
                let columns = columns(layer)
                let isLast = layer == growth.count
                let target = isLast ? y : maps + depth
                let stride = isLast ? outputs : total
                let right = RightColumns(base: weights[layer], stride: 9 * depth, run: depth)
                if let tiles = tiles(UnsafePointer(maps), stride: total, channels: depth, outputs: columns) {
                    tiles(
                        right,
                        to: PixelPlane(
                            base: target, pixelStride: stride, height: height, width: width, channels: columns),
                        bias: biases[layer],
                        finish: isLast
                            ? nil
                            : { pixels, count in
                                for pixel in 0..<count { leaky(pixels + pixel * stride, columns, slope) }
                            })
                    continue
                }
                var product = Product(
                    rows: pixels, columns: columns,
                    left: image(UnsafePointer(maps), stride: total, channels: depth, zeros: zeros),
                    right: right, output: OutputRows(base: target, stride: stride), bias: biases[layer])
                if !isLast {
                    product.epilogue = { rows, block in
                        for row in rows { leaky(target + row * stride + block.lowerBound, block.count, slope) }
                    }
                }
                product()
            }
        }
    }

    // MARK: Backward

    /// The gradients of everything from that of the result.
    ///
    /// - Parameters:
    ///   - maps: as ``forward(_:weights:biases:slope:_:)`` left them.
    ///   - gradients: `[pixels, total + outputs]`, the result's gradient in the last channels; the others are written,
    ///     and the input's gradient is left in the first ones.
    ///   - weightGradients: one for each convolution, of its weight's shape; nil where none is wanted.
    func backward(
        _ maps: UnsafePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, weights: [UnsafePointer<Float>],
        slope: Float, weightGradients: [UnsafeMutablePointer<Float>]?, biasGradients: [UnsafeMutablePointer<Float>]?
    ) {
        let stride = total + outputs
        withZeros { zeros in
            for layer in (0..<layers).reversed() {
                let depth = depth(layer)
                let columns = columns(layer)
                let own = gradients + depth
                if layer < growth.count { throughActivation(maps + depth, own, columns, stride, slope) }
                // Taps meet the gradient's pixels in reverse.
                let right = TapRows(
                    base: weights[layer], outputStride: 9 * depth, channels: depth, taps: (0..<9).reversed())
                if let tiles = tiles(UnsafePointer(own), stride: stride, channels: columns, outputs: depth) {
                    tiles(
                        right,
                        to: PixelPlane(
                            base: gradients, pixelStride: stride, height: height, width: width, channels: depth),
                        accumulates: layer < growth.count)
                    continue
                }
                var product = Product(
                    rows: pixels, columns: depth,
                    left: image(UnsafePointer(own), stride: stride, channels: columns, zeros: zeros),
                    right: right, output: OutputRows(base: gradients, stride: stride))
                product.accumulates = layer < growth.count
                product()
            }
            if let weightGradients { self.weightGradients(maps, gradients, zeros, weightGradients) }
            if let biasGradients { self.biasGradients(gradients, biasGradients) }
        }
    }

    /// The gradient of grown channels times the slope of the activation, which the sign of its result gives away.
    private func throughActivation(
        _ maps: UnsafePointer<Float>, _ gradients: UnsafeMutablePointer<Float>, _ columns: Int, _ stride: Int,
        _ slope: Float
    ) {
        let (from, to) = (UInt(bitPattern: maps), UInt(bitPattern: gradients))
        let total = total
        Parallel.forRanges(pixels, grain: max(1, (1 << 14) / columns)) { range in
            let values = UnsafePointer<Float>(bitPattern: from)!
            let results = UnsafeMutablePointer<Float>(bitPattern: to)!
            for pixel in range {
                let value = values + pixel * total
                let result = results + pixel * stride
                for c in 0..<columns { result[c] = value[c] > 0 ? result[c] : slope * result[c] }
            }
        }
    }

    /// The weight gradients, by parts of the input channels: each part is multiplied once with the gradients of all
    /// convolutions that read it.
    private func weightGradients(
        _ maps: UnsafePointer<Float>, _ gradients: UnsafePointer<Float>, _ zeros: UnsafePointer<Float>,
        _ results: [UnsafeMutablePointer<Float>]
    ) {
        let stride = total + outputs
        var first = 0
        for part in 0..<layers {
            let channels = part == 0 ? inputs : growth[part - 1]
            // The convolutions from `part` on read these channels.
            let rows = stride - depth(part)
            withScratch(rows * 9 * channels) { together in
                let taps = TapProducts(
                    outputs: rows, gradientStride: stride, run: channels, pixelStride: total,
                    source: [1, height, width], phases: phases(Self.offsets))
                if let tiles = tiles(maps + first, stride: total, channels: channels, outputs: rows) {
                    tiles.weightGradient(
                        PixelPlane(
                            base: gradients + depth(part), pixelStride: stride, height: height, width: width,
                            channels: rows), together)
                } else if taps.isWorthwhile {
                    taps(maps + first, gradients + depth(part), positions: pixels, together)
                } else {
                    Product(
                        rows: rows, columns: 9 * channels,
                        left: LeftColumns(base: gradients + depth(part), stride: stride, run: pixels),
                        right: ImagePatches(
                            pixels: image(maps + first, stride: total, channels: channels, zeros: zeros), first: 0),
                        output: OutputRows(base: together, stride: 9 * channels)
                    ).runLocally()
                }
                var row = 0
                for layer in part..<layers {
                    let depth = depth(layer)
                    for output in 0..<columns(layer) {
                        for tap in 0..<9 {
                            (results[layer] + (output * 9 + tap) * depth + first).update(
                                from: together + (row * 9 + tap) * channels, count: channels)
                        }
                        row += 1
                    }
                }
            }
            first += channels
        }
    }

    /// Sums of the gradients over all pixels, in parts of fixed size that are added in order.
    private func biasGradients(_ gradients: UnsafePointer<Float>, _ results: [UnsafeMutablePointer<Float>]) {
        let stride = total + outputs
        let width = stride - inputs
        let grain = 2048
        let parts = (pixels + grain - 1) / grain
        let source = UInt(bitPattern: gradients)
        withScratch(parts * width) { partial in
            let target = UInt(bitPattern: partial)
            Parallel.forRanges(pixels, grain: grain) { range in
                let values = UnsafePointer<Float>(bitPattern: source)! + inputs
                let sums = UnsafeMutablePointer<Float>(bitPattern: target)! + range.lowerBound / grain * width
                sums.update(repeating: 0, count: width)
                for pixel in range {
                    let value = values + pixel * stride
                    for c in 0..<width { sums[c] += value[c] }
                }
            }
            var first = 0
            for layer in 0..<layers {
                for c in 0..<columns(layer) {
                    var sum: Float = 0
                    for part in 0..<parts { sum += partial[part * width + first + c] }
                    results[layer][c] = sum
                }
                first += columns(layer)
            }
        }
    }
}

@inline(__always)
private func leaky(_ values: UnsafeMutablePointer<Float>, _ count: Int, _ slope: Float) {
    for c in 0..<count { values[c] = values[c] > 0 ? values[c] : slope * values[c] }
}
