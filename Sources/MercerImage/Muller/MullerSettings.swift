import Mercer

/// All of MULLER that isn't learnt: base resizer, blur and number of layers.
///
/// Source: Tu, Milanfar, Talebi 2023 (arXiv 2304.02859), section 3; the authors' TensorFlow layer.
public struct MullerSettings: Sendable, Hashable {
    /// R, the resizer that brings the picture and its residuals to the output's size.
    public let base: ResampleRule
    /// L, the number of residuals.
    public let layers: Int
    /// k, the taps of the blur.
    public let kernel: Int
    /// σ of the blur in pixels.
    public let sigma: Double
    /// Whether means over ⌊H/h⌋ × ⌊W/w⌋ pixels are taken before R, where both are greater than 1.
    public let pool: Bool
    /// How the blur goes on beyond the picture. The authors' layer pads with zeros.
    public let border: BlurBorder

    /// - Throws: ``MullerError``.
    public init(
        base: ResampleRule = .tensorflow(.bilinear, antialias: false), layers: Int = 2, kernel: Int = 5,
        sigma: Double = 1, pool: Bool = false, border: BlurBorder = .zero
    ) throws {
        guard (1...64).contains(layers) else { throw MullerError.layers(layers) }
        guard kernel >= 3, kernel % 2 == 1, kernel < 10_000 else { throw MullerError.kernel(kernel) }
        guard sigma > 0, sigma.isFinite else { throw MullerError.sigma(sigma) }
        self.base = base
        self.layers = layers
        self.kernel = kernel
        self.sigma = sigma
        self.pool = pool
        self.border = border
    }

    /// The taps of the blur B.
    public var taps: [Double] { Resampler.gaussian(kernel: kernel, sigma: sigma) }

    /// The rows of R Bˡ for l = 0…L along both axes, composed into one matrix each: everything but tanh is linear and
    /// separable, so no picture of the input's size is ever made.
    ///
    /// - Parameters:
    ///   - reduction: whole factors by which means are taken before everything else.
    ///   - range: the part of the picture that is resized, in its pixels; by default all.
    func maps(
        from input: (height: Int, width: Int), to size: (height: Int, width: Int),
        reduction: (vertical: Int, horizontal: Int) = (1, 1), box: ResampleBox? = nil
    ) -> [(vertical: Resampler, horizontal: Resampler)] {
        let pools = pool && input.height / size.height > 1 && input.width / size.width > 1
        let vertical = line(
            input.height, size.height, reduction.vertical, pools, box.map { $0.top...$0.bottom })
        let horizontal = line(
            input.width, size.width, reduction.horizontal, pools, box.map { $0.left...$0.right })
        return Array(zip(vertical, horizontal))
    }

    /// R Bˡ along one axis for l = 0…L.
    private func line(_ n: Int, _ m: Int, _ factor: Int, _ pools: Bool, _ range: ClosedRange<Double>?) -> [Resampler] {
        let reduced = Resampler.reduction(length: n, factor: factor)
        let length = reduced.outputLength
        var map: Resampler
        if pools && range == nil && factor == 1 {
            let pooled = Resampler.averagePool(length: length, window: length / m)
            map = Resampler(input: pooled.outputLength, output: m, rule: base).composed(after: pooled)
        } else {
            let f = Double(factor)
            let part = (range?.lowerBound ?? 0) / f...(range?.upperBound ?? Double(n)) / f
            map = Resampler(input: length, output: m, rule: base, range: part)
        }
        let blur = Resampler.gaussianBlur(length: length, kernel: kernel, sigma: sigma, border: border)
        var maps = [map]
        for _ in 0..<layers {
            map = map.composed(after: blur)
            maps.append(map)
        }
        return factor == 1 ? maps : maps.map { $0.composed(after: reduced) }
    }

    /// The whole factor of means that leaves less than a threefold reduction to R, which doesn't antialias; 1 where
    /// the reduction is less than that by itself. What is left is near 2.3, the ratio of the published training.
    public static func reduction(from n: Double, to m: Int) -> Int {
        let ratio = n / Double(m)
        return ratio > 3 ? max(2, Int((ratio / 2.25).rounded())) : 1
    }
}
