import CKernels
import Mercer

/// Resampling with a kernel of its own for every pixel of the result and every channel.
///
/// Source: Pise & Ghosh 2025 (arXiv 2511.01620); the operator is that of Sun & Chen 2020 (content-adaptive resampler)
/// without offsets.
public enum AdaptiveResample {
    fileprivate static let loops: mercer_adaptive_kernels = {
        let table = mercer_adaptive_table
        return switch InstructionSet.current {
        case .baseline: table.0
        case .avx2: table.1
        case .avx512: table.2
        }
    }()

    /// How far the window of an output begins before its first pixel: centred where k − s is even.
    public static func margin(kernel: Int, scale: Int) -> Int {
        (kernel - scale) % 2 == 0 ? (kernel - scale) / 2 : (kernel - scale + 1) / 2
    }

    /// The side k of kernels of shape `[N, ⌊H/s⌋, ⌊W/s⌋, C, k²]` for a picture of shape `[N, H, W, C]`; stops where they
    /// don't fit.
    static func side(_ x: [Int], _ kernels: [Int], _ scale: Int) -> Int {
        precondition(
            x.count == 4 && kernels.count == 5 && scale > 0 && kernels[0] == x[0] && kernels[1] == x[1] / scale
                && kernels[2] == x[2] / scale && kernels[3] == x[3],
            "AdaptiveResample: a picture of shape \(x), kernels of \(kernels), scale \(scale); kernels "
                + "[N, H/s, W/s, C, k²] are needed")
        let side = Int(Double(kernels[4]).squareRoot().rounded())
        precondition(
            side * side == kernels[4] && side >= scale,
            "AdaptiveResample: kernels of \(kernels[4]) numbers for scale \(scale)")
        return side
    }

    /// y[i, j, c] = Σ K_c[i, j, u, v] · x̃[s·i − a + u, s·j − a + v, c], x̃ = x mirrored at its borders without repeating
    /// the edge.
    ///
    /// Gradients go to both; none of the passes builds the unfolded windows: beside the result it takes a few lines of
    /// the picture for each thread (the gradient of x: one channel of one picture).
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, C]`.
    ///   - kernels: `[N, ⌊H/s⌋, ⌊W/s⌋, C, k²]`, kernel rows one after the other.
    ///   - scale: s.
    /// - Returns: `[N, ⌊H/s⌋, ⌊W/s⌋, C]`.
    public static func apply(_ x: Tensor, kernels: Tensor, scale: Int) -> Tensor {
        let plan = Plan(x.shape, kernels.shape, scale)
        return customOperation(
            [x, kernels], name: "adaptiveResample",
            forward: { [plan.forward($0[0], $0[1])] },
            backward: { inputs, _, gradients in
                [
                    plan.sourceGradient(inputs[1], gradients[0]),
                    plan.kernelGradient(inputs[0], gradients[0]),
                ]
            })[0]
    }
}

extension AdaptiveResample {
    /// Sizes of one call, and its three passes.
    private struct Plan {
        let batch: Int
        let height: Int
        let width: Int
        let channels: Int
        let outHeight: Int
        let outWidth: Int
        let side: Int
        let scale: Int
        let margin: Int
        /// The column of the picture under each column of its mirrored version.
        let columns: [Int]

        init(_ x: [Int], _ kernels: [Int], _ scale: Int) {
            side = AdaptiveResample.side(x, kernels, scale)
            (batch, height, width, channels) = (x[0], x[1], x[2], x[3])
            (outHeight, outWidth) = (kernels[1], kernels[2])
            self.scale = scale
            let (side, margin) = (side, AdaptiveResample.margin(kernel: side, scale: scale))
            self.margin = margin
            let width = x[2]
            columns = (0..<((kernels[2] - 1) * scale + side)).map { borderIndex($0 - margin, width, .reflect) }
        }

        var kernelCount: Int { side * side }
        private var kernelStep: Int { channels * kernelCount }
        /// Output lines of a chunk.
        private static let grain = 4

        func forward(_ x: Tensor, _ kernels: Tensor) -> Tensor {
            let k = kernels.asType(.float32).contiguous()
            return k.withUnsafeBuffer(of: Float.self) { kernels in
                Tensor([batch, outHeight, outWidth, channels], of: Float.self) { y in
                    let y = y.baseAddress!
                    forEachLine(x) { n, i, c, lines in
                        let pixel = (n * outHeight + i) * outWidth
                        AdaptiveResample.loops.apply(
                            Int64(outWidth), Int64(side), Int64(scale),
                            kernels.baseAddress! + pixel * kernelStep + c * kernelCount, Int64(kernelStep), lines,
                            y + pixel * channels + c, Int64(channels))
                    }
                }
            }
        }

        func kernelGradient(_ x: Tensor, _ gradient: Tensor) -> Tensor {
            let g = gradient.asType(.float32).contiguous()
            return g.withUnsafeBuffer(of: Float.self) { gradient in
                Tensor([batch, outHeight, outWidth, channels, kernelCount], of: Float.self) { to in
                    let to = to.baseAddress!
                    forEachLine(x) { n, i, c, lines in
                        let pixel = (n * outHeight + i) * outWidth
                        AdaptiveResample.loops.kernel_gradient(
                            Int64(outWidth), Int64(side), Int64(scale),
                            gradient.baseAddress! + pixel * channels + c, Int64(channels), lines,
                            to + pixel * kernelStep + c * kernelCount, Int64(kernelStep))
                    }
                }
            }
        }

        /// For each output line and channel the lines of the mirrored picture under the kernels' rows.
        private func forEachLine(
            _ x: Tensor, _ body: (_ n: Int, _ line: Int, _ channel: Int, UnsafePointer<UnsafePointer<Float>>) -> Void
        ) {
            let picture = x.asType(.float32).contiguous()
            picture.withUnsafeBuffer(of: Float.self) { source in
                let source = source.baseAddress!
                let perImage = (outHeight + Self.grain - 1) / Self.grain
                Parallel.forEach(batch * perImage) { chunk in
                    let (n, part) = (chunk / perImage, chunk % perImage)
                    let lines = (part * Self.grain)..<min((part + 1) * Self.grain, outHeight)
                    let count = (lines.count - 1) * scale + side
                    let length = columns.count
                    withScratch(channels * count * length) { planes in
                        for row in 0..<count {
                            let y = borderIndex(lines.lowerBound * scale - margin + row, height, .reflect)
                            let from = source + (n * height + y) * width * channels
                            split(from, to: planes + row * length, plane: count * length)
                        }
                        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: side) { under in
                            for i in lines {
                                for c in 0..<channels {
                                    let first = planes + (c * count + (i - lines.lowerBound) * scale) * length
                                    for u in 0..<side { under[u] = UnsafePointer(first + u * length) }
                                    body(n, i, c, under.baseAddress!)
                                }
                            }
                        }
                    }
                }
            }
        }

        /// A mirrored line, channel by channel.
        private func split(_ from: UnsafePointer<Float>, to: UnsafeMutablePointer<Float>, plane: Int) {
            columns.withUnsafeBufferPointer { columns in
                for c in 0..<channels {
                    let to = to + c * plane
                    for (i, column) in columns.enumerated() { to[i] = from[column * channels + c] }
                }
            }
        }

        func sourceGradient(_ kernels: Tensor, _ gradient: Tensor) -> Tensor {
            let (k, g) = (kernels.asType(.float32).contiguous(), gradient.asType(.float32).contiguous())
            let length = columns.count
            let count = (outHeight - 1) * scale + side
            return k.withUnsafeBuffer(of: Float.self) { kernels in
                g.withUnsafeBuffer(of: Float.self) { gradient in
                    Tensor([batch, height, width, channels], of: Float.self) { to in
                        let to = to.baseAddress!
                        Parallel.forEach(batch * channels) { job in
                            let (n, c) = (job / channels, job % channels)
                            withScratch(count * length) { plane in
                                plane.update(repeating: 0, count: count * length)
                                scatter(n, c, kernels.baseAddress!, gradient.baseAddress!, plane)
                                fold(plane, count, to + n * height * width * channels + c)
                            }
                        }
                    }
                }
            }
        }

        private func scatter(
            _ n: Int, _ c: Int, _ kernels: UnsafePointer<Float>, _ gradient: UnsafePointer<Float>,
            _ plane: UnsafeMutablePointer<Float>
        ) {
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: side) { lines in
                for i in 0..<outHeight {
                    for u in 0..<side { lines[u] = plane + (i * scale + u) * columns.count }
                    let pixel = (n * outHeight + i) * outWidth
                    AdaptiveResample.loops.source_gradient(
                        Int64(outWidth), Int64(side), Int64(scale), gradient + pixel * channels + c, Int64(channels),
                        kernels + pixel * kernelStep + c * kernelCount, Int64(kernelStep), lines.baseAddress!)
                }
            }
        }

        /// Adds the mirrored borders to the pixels that they show.
        private func fold(_ plane: UnsafePointer<Float>, _ count: Int, _ to: UnsafeMutablePointer<Float>) {
            for i in 0..<(height * width) { to[i * channels] = 0 }
            for row in 0..<count {
                let y = borderIndex(row - margin, height, .reflect)
                let from = plane + row * columns.count
                for (i, column) in columns.enumerated() { to[(y * width + column) * channels] += from[i] }
            }
        }

        private func withScratch(_ count: Int, _ body: (UnsafeMutablePointer<Float>) -> Void) {
            // Vectors may read a little beyond the last number.
            var memory = Tensor(uninitialized: [count + 16], .float32)
            memory.withUnsafeMutableBuffer(of: Float.self) { body($0.baseAddress!) }
        }
    }
}
