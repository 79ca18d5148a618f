import Mercer
import MercerNN

/// A picture hidden in another one of its size, invertibly (the second application of Zhang et al. 2022;
/// reconstructed): f: (cover, secret[, z_D]) ↔ (stego, lost). The cover's Haar bands are the first half of the
/// channels, the secret's the second, with z_D behind it.
public final class ImageHiding: Module, InvertibleNetwork {
    public let blocks: Int
    public let growth: Int
    public let latentChannels: Int
    public let operations: [InvertibleBlock]
    public var activationMemory = ActivationMemory.reversible

    public init(blocks: Int = 8, growth: Int = 32, latentChannels: Int = 0) {
        self.blocks = blocks
        self.growth = growth
        self.latentChannels = latentChannels
        operations = (0..<blocks).map { _ in InvertibleBlock(split: (12, 12 + latentChannels), growth: growth) }
    }

    public func carrying(latentChannels channels: Int) -> ImageHiding {
        ImageHiding(blocks: blocks, growth: growth, latentChannels: channels)
    }

    public func latentShape(for input: [Int]) -> [Int] {
        [input[0], input[1] / 2, input[2] / 2, latentChannels]
    }

    public func lostShape(for kept: [Int]) -> [Int] { [kept[0], kept[1] / 2, kept[2] / 2, 12 + latentChannels] }

    /// - Parameter x: cover and secret side by side, `[N, H, W, 6]`, H and W even.
    /// - Returns: the stego picture `[N, H, W, 3]`, and what is lost, `[N, H/2, W/2, 12 + latent]`.
    public func forward(_ x: Tensor, latent: Tensor? = nil) -> Halves {
        let pictures = Halves(splitting: x, at: 3)
        var secret = Haar.forward(pictures.second)
        if latentChannels > 0 {
            secret = concatenated([secret, latent ?? .zeros(latentShape(for: x.shape))], axis: 3)
        }
        let out = ReversibleBlocks.forward(
            operations, Halves(Haar.forward(pictures.first), secret), memory: activationMemory)
        return Halves(Haar.inverse(out.first), out.second)
    }

    /// The pictures `[N, H, W, 6]` of a stego picture and what was lost.
    public func inverse(_ y: Halves) -> (x: Tensor, latent: Tensor?) {
        let out = ReversibleBlocks.inverse(
            operations, Halves(Haar.forward(y.first), y.second), memory: activationMemory)
        let bands = out.second[0..., 0..., 0..., 0..<12]
        let latent = latentChannels > 0 ? out.second[0..., 0..., 0..., 12...] : nil
        return (concatenated([Haar.inverse(out.first), Haar.inverse(bands)], axis: 3), latent)
    }

    /// Σ(stego − cover)², Σ|secret − recovered| and Σ lost², each a mean over the batch.
    ///
    /// - Parameter x: cover and secret side by side.
    public func losses(
        _ x: Tensor, zDown: Tensor? = nil, zUp: Tensor? = nil
    ) -> (concealment: Tensor, recovery: Tensor, latent: Tensor) {
        let halves = forward(x, latent: zDown)
        let stego = Quantisation.straightThrough(halves.first)
        let back = inverse(Halves(stego, zUp ?? .zeros(halves.second.shape))).x
        let batch = Double(x.shape[0])
        let difference: Tensor = x[0..., 0..., 0..., 3...] - back[0..., 0..., 0..., 3...]
        return (
            RescaleLosses.squares(halves.first - x[0..., 0..., 0..., 0..<3]), difference.abs().sum() / batch,
            RescaleLosses.squares(halves.second)
        )
    }
}
