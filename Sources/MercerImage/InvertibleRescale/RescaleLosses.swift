import Mercer

/// The three losses of invertible rescaling (Xiao et al. 2020, as the official code weighs them): sums over pixels and
/// channels, means over the batch.
public struct RescaleLosses {
    /// Σ(y − bicubic(x))²: the small picture looks like an ordinary one.
    public var guide: Tensor
    /// Σ√((x − x̂)² + 10⁻⁶): the picture comes back.
    public var reconstruction: Tensor
    /// Σz²: what is lost is small.
    public var latent: Tensor

    /// - Parameters:
    ///   - x: `[N, H, W, 3]` in [0, 1].
    ///   - reference: what y is compared with, MATLAB's bicubic reduction of x.
    ///   - zDown: z_D of the way down; nil for zeros.
    ///   - zUp: z′ of the way up; zeros where nil.
    public init<Network: InvertibleNetwork>(
        _ network: Network, _ x: Tensor, reference: Tensor, zDown: Tensor? = nil, zUp: Tensor? = nil
    ) {
        let halves = network.forward(x, latent: zDown)
        let low = Quantisation.straightThrough(halves.first)
        let restored = network.inverse(Halves(low, zUp ?? .zeros(halves.second.shape))).x
        self.init(
            guide: Self.squares(halves.first - reference), reconstruction: Self.charbonnier(x - restored),
            latent: Self.squares(halves.second))
    }

    init(guide: Tensor, reconstruction: Tensor, latent: Tensor) {
        self.guide = guide
        self.reconstruction = reconstruction
        self.latent = latent
    }

    /// guide·`guideWeight` + reconstruction + latent; the weight is scale² in the published training.
    public func total(guideWeight: Double) -> Tensor {
        let sum: Tensor = guide * guideWeight + reconstruction
        return sum + latent
    }

    /// Σd² over a picture, on average over the batch.
    static func squares(_ d: Tensor) -> Tensor { square(d).sum() / Double(d.shape[0]) }

    /// Σ√(d² + 10⁻⁶) over a picture, on average over the batch.
    static func charbonnier(_ d: Tensor) -> Tensor {
        let roots: Tensor = sqrt(square(d) + 1e-6)
        return roots.sum() / Double(d.shape[0])
    }
}
