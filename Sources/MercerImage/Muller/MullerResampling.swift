import Mercer

/// MULLER on whole pictures without gradients: the L + 1 resamplings row by row, tanh at once.
///
/// Memory beside the result: a few rows for each thread.
public struct MullerResampling: Sendable {
    private let resampling: SeparableResampling
    private let weights: MullerWeights
    private let channels: Int

    init(
        _ maps: [(vertical: Resampler, horizontal: Resampler)], _ weights: MullerWeights, channels: Int
    ) {
        precondition(maps.count == weights.layers + 1, "MullerResampling: \(maps.count) maps, \(weights.layers) layers")
        resampling = SeparableResampling(maps, channels: channels)
        self.weights = weights
        self.channels = channels
    }

    /// - Parameter reduction: whole factors by which means are taken first.
    public init(
        _ settings: MullerSettings, _ weights: MullerWeights, from input: (height: Int, width: Int),
        to size: (height: Int, width: Int), channels: Int, reduction: (vertical: Int, horizontal: Int) = (1, 1),
        box: ResampleBox? = nil
    ) {
        self.init(
            settings.maps(from: input, to: size, reduction: reduction, box: box), weights, channels: channels)
    }

    /// Gives every row of the result once to `body`, on any thread.
    ///
    /// - Parameter maximum: the number that stands for white in the source; the row's numbers have it too.
    public func forEachRow(
        of source: PixelRows, maximum: Float,
        _ body: (_ row: Int, _ numbers: UnsafeMutablePointer<Float>) -> Void
    ) {
        resampling.forEachRow(of: source) { row, parts in
            combine(parts, maximum)
            body(row, parts[0])
        }
    }

    /// The same for pixels that are converted row by row.
    public func forEachRow(
        of source: ConvertedRows, maximum: Float,
        _ body: (_ row: Int, _ numbers: UnsafeMutablePointer<Float>) -> Void
    ) {
        resampling.forEachRow(of: source) { row, parts in
            combine(parts, maximum)
            body(row, parts[0])
        }
    }

    /// y = r₀ + Σ tanh(αₗ (rₗ − rₗ₋₁) + βₗ), in place of r₀.
    private func combine(_ parts: [UnsafeMutablePointer<Float>], _ maximum: Float) {
        let count = resampling.width * channels
        // Level 1 is the only one that reads r₀, so it comes before r₀ is written to by others.
        for l in 1...weights.layers {
            addMullerLevel(
                to: parts[0], blurred: parts[l], sharp: parts[l - 1], scale: Float(weights.scales[l - 1]),
                bias: Float(weights.biases[l - 1]), maximum: maximum, count)
        }
    }

    /// Pictures `[N, H, W, C]` of float32 in [0, 1].
    func callAsFunction(_ x: Tensor) -> Tensor {
        let x = x.contiguous()
        let (n, h, w) = (x.shape[0], x.shape[1], x.shape[2])
        let row = resampling.width * channels
        return Tensor([n, resampling.height, resampling.width, channels], of: Float.self) { out in
            let target = UInt(bitPattern: out.baseAddress!)
            x.withUnsafeBytes { bytes in
                let source = UInt(bitPattern: bytes.baseAddress!)
                Parallel.forEach(n) { image in
                    let pixels = PixelRows(
                        UnsafeRawPointer(bitPattern: source)! + image * h * w * channels * 4, height: h, width: w,
                        channels: channels, .float32)
                    forEachRow(of: pixels, maximum: 1) { y, numbers in
                        (UnsafeMutablePointer<Float>(bitPattern: target)! + (image * resampling.height + y) * row)
                            .update(from: numbers, count: row)
                    }
                }
            }
        }
    }
}
