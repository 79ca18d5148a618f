/// Convolutions in double precision: patches copied into a matrix, and products by OpenBLAS. One group at a time.
enum PatchConvolution {
    static func forward(
        _ g: ConvolutionGeometry, _ x: UnsafePointer<Double>, _ weight: UnsafePointer<Double>,
        _ bias: UnsafePointer<Double>?, _ y: UnsafeMutablePointer<Double>
    ) {
        let depth = g.taps * g.groupInputs
        let rows = g.outputPixels
        forEachGroup(g) { n, group in
            let patches = self.patches(g, x, n, group)
            let product = Tensor(uninitialized: [rows, g.groupOutputs], .float64)
            withExtendedLifetime((patches, product)) {
                multiply(
                    rows, g.groupOutputs, depth, patches.pointer(Double.self), depth, false,
                    weight + group * g.groupOutputs * depth, depth, true, product)
                let from = product.pointer(Double.self)
                for p in 0..<rows {
                    let to = y + (n * rows + p) * g.outputChannels + group * g.groupOutputs
                    for o in 0..<g.groupOutputs {
                        to[o] = from[p * g.groupOutputs + o] + (bias?[group * g.groupOutputs + o] ?? 0)
                    }
                }
            }
        }
    }

    static func inputGradient(
        _ g: ConvolutionGeometry, _ gradient: UnsafePointer<Double>, _ weight: UnsafePointer<Double>,
        _ result: UnsafeMutablePointer<Double>
    ) {
        let depth = g.taps * g.groupInputs
        let rows = g.outputPixels
        forEachGroup(g) { n, group in
            let image = result + n * g.inputPixels * g.inputChannels + group * g.groupInputs
            for p in 0..<g.inputPixels {
                for c in 0..<g.groupInputs { image[p * g.inputChannels + c] = 0 }
            }
            let patches = Tensor(uninitialized: [rows, depth], .float64)
            multiply(
                rows, depth, g.groupOutputs, gradient + n * rows * g.outputChannels + group * g.groupOutputs,
                g.outputChannels, false, weight + group * g.groupOutputs * depth, depth, false, patches)
            withExtendedLifetime(patches) {
                let from = patches.pointer(Double.self)
                forEachTap(g) { position, tap, pixel in
                    guard let pixel else { return }
                    let piece = from + position * depth + tap * g.groupInputs
                    for c in 0..<g.groupInputs { image[pixel * g.inputChannels + c] += piece[c] }
                }
            }
        }
    }

    static func weightGradient(
        _ g: ConvolutionGeometry, _ x: UnsafePointer<Double>, _ gradient: UnsafePointer<Double>, perExample: Bool,
        _ result: UnsafeMutablePointer<Double>
    ) {
        let depth = g.taps * g.groupInputs
        let rows = g.outputPixels
        let size = g.outputChannels * depth
        if !perExample { result.update(repeating: 0, count: size) }
        Parallel.forEach(g.groups) { group in
            let product = Tensor(uninitialized: [g.groupOutputs, depth], .float64)
            for n in 0..<g.batch {
                let patches = self.patches(g, x, n, group)
                withExtendedLifetime((patches, product)) {
                    multiply(
                        g.groupOutputs, depth, rows,
                        gradient + n * rows * g.outputChannels + group * g.groupOutputs, g.outputChannels, true,
                        patches.pointer(Double.self), depth, false, product)
                    let to = result + (perExample ? n * size : 0) + group * g.groupOutputs * depth
                    let from = product.pointer(Double.self)
                    for i in 0..<(g.groupOutputs * depth) { to[i] = perExample ? from[i] : to[i] + from[i] }
                }
            }
        }
    }

    private static func forEachGroup(_ g: ConvolutionGeometry, _ body: (_ image: Int, _ group: Int) -> Void) {
        Parallel.forEach(g.batch * g.groups) { body($0 / g.groups, $0 % g.groups) }
    }

    private static func multiply(
        _ rows: Int, _ columns: Int, _ depth: Int, _ a: UnsafePointer<Double>, _ strideA: Int, _ transposedA: Bool,
        _ b: UnsafePointer<Double>, _ strideB: Int, _ transposedB: Bool, _ result: Tensor
    ) {
        MatrixProduct.float64(
            rows, columns, depth, a, .init(stride: max(1, strideA), isTransposed: transposedA), b,
            .init(stride: max(1, strideB), isTransposed: transposedB), result.mutablePointer(Double.self))
    }

    /// The pixels that all taps of all output positions of one image read, `[positions, taps · channels]`.
    private static func patches(_ g: ConvolutionGeometry, _ x: UnsafePointer<Double>, _ n: Int, _ group: Int) -> Tensor {
        let depth = g.taps * g.groupInputs
        let result = Tensor(uninitialized: [g.outputPixels, depth], .float64)
        let to = result.mutablePointer(Double.self)
        let image = x + n * g.inputPixels * g.inputChannels + group * g.groupInputs
        forEachTap(g) { position, tap, pixel in
            let piece = to + position * depth + tap * g.groupInputs
            for c in 0..<g.groupInputs { piece[c] = pixel.map { image[$0 * g.inputChannels + c] } ?? 0 }
        }
        return result
    }

    /// Calls `body` with each output position, tap, and the input pixel where they meet, nil outside the image.
    private static func forEachTap(_ g: ConvolutionGeometry, _ body: (_ position: Int, _ tap: Int, _ pixel: Int?) -> Void) {
        var position = 0
        for z in 0..<g.output[0] {
            for y in 0..<g.output[1] {
                for x in 0..<g.output[2] {
                    var tap = 0
                    for kz in 0..<g.kernel[0] {
                        let iz = z * g.stride[0] + kz * g.dilation[0] - g.padding[0]
                        for ky in 0..<g.kernel[1] {
                            let iy = y * g.stride[1] + ky * g.dilation[1] - g.padding[1]
                            for kx in 0..<g.kernel[2] {
                                let ix = x * g.stride[2] + kx * g.dilation[2] - g.padding[2]
                                let inside =
                                    iz >= 0 && iz < g.input[0] && iy >= 0 && iy < g.input[1] && ix >= 0
                                    && ix < g.input[2]
                                body(position, tap, inside ? (iz * g.input[1] + iy) * g.input[2] + ix : nil)
                                tap += 1
                            }
                        }
                    }
                    position += 1
                }
            }
        }
    }
}
