import Mercer

extension AdaptiveResample {
    /// The operator of the content-adaptive resampler (Sun & Chen 2020), whose taps may move:
    /// y[i, j, c] = Σ K_c[i, j, u, v] · x̃(s·i − a + u + R[i, j, u, v], s·j − a + v + C[i, j, u, v], c), x̃ between pixels
    /// by bilinear interpolation and mirrored at its borders. Where all offsets are 0 it is
    /// ``apply(_:kernels:scale:)``. Gradients go to all three.
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, C]`.
    ///   - kernels: `[N, ⌊H/s⌋, ⌊W/s⌋, C, k²]`, kernel rows one after the other.
    ///   - offsets: `[N, ⌊H/s⌋, ⌊W/s⌋, 2, k²]` in pixels of x, down (R) and across (C), the same for all channels.
    ///   - scale: s.
    /// - Returns: `[N, ⌊H/s⌋, ⌊W/s⌋, C]`.
    public static func apply(_ x: Tensor, kernels: Tensor, offsets: Tensor, scale: Int) -> Tensor {
        let plan = OffsetPlan(x.shape, kernels.shape, offsets.shape, scale)
        return customOperation(
            [x, kernels, offsets], name: "adaptiveResampleWithOffsets",
            forward: { [plan.forward($0[0], $0[1], $0[2])] },
            backward: { inputs, _, gradients in
                let (kernels, offsets) = plan.tapGradients(inputs[0], inputs[1], inputs[2], gradients[0])
                return [plan.sourceGradient(inputs[1], inputs[2], gradients[0]), kernels, offsets]
            })[0]
    }

    /// Sizes of one call, and its passes.
    private struct OffsetPlan {
        let batch: Int
        let height: Int
        let width: Int
        let channels: Int
        let outHeight: Int
        let outWidth: Int
        let side: Int
        let scale: Int
        let margin: Int

        init(_ x: [Int], _ kernels: [Int], _ offsets: [Int], _ scale: Int) {
            side = AdaptiveResample.side(x, kernels, scale)
            precondition(
                offsets == Array(kernels[..<3]) + [2, kernels[4]],
                "AdaptiveResample: offsets of shape \(offsets) for kernels of \(kernels); [N, H/s, W/s, 2, k²] are needed"
            )
            (batch, height, width, channels) = (x[0], x[1], x[2], x[3])
            (outHeight, outWidth) = (kernels[1], kernels[2])
            self.scale = scale
            margin = AdaptiveResample.margin(kernel: side, scale: scale)
        }

        private var taps: Int { side * side }

        /// Where a tap reads along one axis: two neighbouring pixels, and the part of the second.
        @inline(__always)
        private func place(_ tap: Int, _ offset: Float, _ length: Int) -> (first: Int, second: Int, part: Float) {
            // Beyond any picture nothing but the mirror images of its pixels comes; what isn't a number stays none.
            let moved = offset.isNaN ? 0 : max(-1e6, min(1e6, offset))
            let whole = moved.rounded(.down)
            let first = tap + Int(whole)
            @inline(__always) func inside(_ i: Int) -> Int {
                i >= 0 && i < length ? i : borderIndex(i, length, .reflect)
            }
            return (inside(first), inside(first + 1), offset.isNaN ? .nan : moved - whole)
        }

        /// Calls `body` for each tap of an output with its number and the four places in a picture `[H, W]`, and the
        /// parts of the lower and the right ones.
        @inline(__always)
        private func forEachTap(
            _ i: Int, _ j: Int, _ offsets: UnsafePointer<Float>,
            _ body: (_ tap: Int, _ places: (Int, Int, Int, Int), _ down: Float, _ across: Float) -> Void
        ) {
            for tap in 0..<taps {
                let y = place(scale * i - margin + tap / side, offsets[tap], height)
                let x = place(scale * j - margin + tap % side, offsets[taps + tap], width)
                let (above, below) = (y.first * width, y.second * width)
                body(
                    tap, (above + x.first, above + x.second, below + x.first, below + x.second), y.part, x.part)
            }
        }

        func forward(_ x: Tensor, _ kernels: Tensor, _ offsets: Tensor) -> Tensor {
            Self.reading([x, kernels, offsets]) { inputs in
                Tensor([batch, outHeight, outWidth, channels], of: Float.self) { y in
                    let (source, kernels, offsets) = (inputs[0], inputs[1], inputs[2])
                    let y = y.baseAddress!
                    Parallel.forEach(batch * outHeight) { line in
                        let (n, i) = (line / outHeight, line % outHeight)
                        let image = source + n * height * width * channels
                        for j in 0..<outWidth {
                            let pixel = line * outWidth + j
                            let (to, kernel) = (y + pixel * channels, kernels + pixel * channels * taps)
                            for c in 0..<channels { to[c] = 0 }
                            forEachTap(i, j, offsets + pixel * 2 * taps) { tap, at, down, across in
                                for c in 0..<channels {
                                    let above =
                                        image[at.0 * channels + c] * (1 - across) + image[at.1 * channels + c] * across
                                    let below =
                                        image[at.2 * channels + c] * (1 - across) + image[at.3 * channels + c] * across
                                    to[c] += kernel[c * taps + tap] * (above * (1 - down) + below * down)
                                }
                            }
                        }
                    }
                }
            }
        }

        func tapGradients(
            _ x: Tensor, _ kernels: Tensor, _ offsets: Tensor, _ gradient: Tensor
        ) -> (kernels: Tensor, offsets: Tensor) {
            var moved = Tensor.zeros(offsets.shape)
            let changed = Self.reading([x, kernels, offsets, gradient]) { inputs in
                moved.withUnsafeMutableBuffer(of: Float.self) { moved in
                    let moved = moved.baseAddress!
                    return Tensor(kernels.shape, of: Float.self) { to in
                        let (source, kernels, offsets, gradient) = (inputs[0], inputs[1], inputs[2], inputs[3])
                        let to = to.baseAddress!
                        Parallel.forEach(batch * outHeight) { line in
                            let (n, i) = (line / outHeight, line % outHeight)
                            let image = source + n * height * width * channels
                            for j in 0..<outWidth {
                                let pixel = line * outWidth + j
                                let (from, first) = (gradient + pixel * channels, pixel * channels * taps)
                                let rows = moved + pixel * 2 * taps
                                forEachTap(i, j, offsets + pixel * 2 * taps) { tap, at, down, across in
                                    var (byRow, byColumn): (Float, Float) = (0, 0)
                                    for c in 0..<channels {
                                        let p = (
                                            image[at.0 * channels + c], image[at.1 * channels + c],
                                            image[at.2 * channels + c], image[at.3 * channels + c]
                                        )
                                        let (above, below) = (p.0 + (p.1 - p.0) * across, p.2 + (p.3 - p.2) * across)
                                        to[first + c * taps + tap] = from[c] * (above + (below - above) * down)
                                        let weight = from[c] * kernels[first + c * taps + tap]
                                        byRow += weight * (below - above)
                                        byColumn += weight * ((p.1 - p.0) * (1 - down) + (p.3 - p.2) * down)
                                    }
                                    rows[tap] = byRow
                                    rows[taps + tap] = byColumn
                                }
                            }
                        }
                    }
                }
            }
            return (changed, moved)
        }

        func sourceGradient(_ kernels: Tensor, _ offsets: Tensor, _ gradient: Tensor) -> Tensor {
            Self.reading([kernels, offsets, gradient]) { inputs in
                Tensor([batch, height, width, channels], of: Float.self) { to in
                    let (kernels, offsets, gradient) = (inputs[0], inputs[1], inputs[2])
                    let to = to.baseAddress!
                    // Taps of neighbouring outputs meet in the same pixels: one channel of one picture is one job.
                    Parallel.forEach(batch * channels) { job in
                        let (n, c) = (job / channels, job % channels)
                        let image = to + n * height * width * channels + c
                        for pixel in 0..<(height * width) { image[pixel * channels] = 0 }
                        for place in 0..<(outHeight * outWidth) {
                            let pixel = n * outHeight * outWidth + place
                            let from = gradient[pixel * channels + c]
                            let kernel = kernels + (pixel * channels + c) * taps
                            forEachTap(place / outWidth, place % outWidth, offsets + pixel * 2 * taps) {
                                tap, at, down, across in
                                let weight = from * kernel[tap]
                                image[at.0 * channels] += weight * (1 - down) * (1 - across)
                                image[at.1 * channels] += weight * (1 - down) * across
                                image[at.2 * channels] += weight * down * (1 - across)
                                image[at.3 * channels] += weight * down * across
                            }
                        }
                    }
                }
            }
        }

        /// Calls `body` with where the numbers of some tensors lie.
        private static func reading<R>(_ tensors: [Tensor], _ body: ([UnsafePointer<Float>]) -> R) -> R {
            func read(_ rest: ArraySlice<Tensor>, _ found: [UnsafePointer<Float>]) -> R {
                guard let first = rest.first else { return body(found) }
                return first.withUnsafeBuffer(of: Float.self) {
                    read(rest.dropFirst(), found + [$0.baseAddress!])
                }
            }
            return read(tensors.map { $0.asType(.float32).contiguous() }[...], [])
        }
    }
}
