import Mercer
import MercerNN

/// A bijection between a picture (or several) and a pair: what is kept, and what is lost.
///
/// With latent channels on the input side the bijection is f: (x, z_D) ↔ (y, z_U) (Zhang et al. 2022, DLV-IRN): one
/// picture has many valid small ones, and z_D chooses among them.
public protocol InvertibleNetwork: Module {
    /// Channels of z_D; 0 for a plain network.
    var latentChannels: Int { get }
    /// Which activations training keeps.
    var activationMemory: ActivationMemory { get set }
    /// The shape of z_D for inputs of a shape.
    func latentShape(for input: [Int]) -> [Int]
    /// The shape of what is lost where `kept` is the shape of what is kept.
    func lostShape(for kept: [Int]) -> [Int]
    /// The pair (kept, lost), before quantisation.
    func forward(_ x: Tensor, latent: Tensor?) -> Halves
    /// The input and z_D of a pair.
    func inverse(_ y: Halves) -> (x: Tensor, latent: Tensor?)
    /// A new network of the same make whose last blocks carry `channels` latent channels, with initial weights.
    func carrying(latentChannels channels: Int) -> Self
}

/// Two latent variables around an invertible network: z_D chooses among the small pictures of one large picture, z_U
/// among the large ones of a small picture (Zhang et al. 2022, arXiv 2207.11844).
///
/// ```swift
/// let rescaler = DualLatent(InvertibleRescaler(.x4), channels: 3)
/// let small = rescaler.downscale(x)                       // the thumbnail: z_D = 0
/// let other = rescaler.downscale(x, spread: 1, key: key)  // another one
/// let restored = rescaler.upscale(small)                  // z_U = 0
/// ```
public struct DualLatent<Base: InvertibleNetwork> {
    /// The network with latent channels.
    public let network: Base

    /// Wraps a network as it is, with the latent channels that it has.
    public init(_ network: Base) { self.network = network }

    /// A network of the make of `base` with latent channels, with initial weights.
    public init(_ base: Base, channels: Int) {
        network = channels == base.latentChannels ? base : base.carrying(latentChannels: channels)
    }

    /// z_D for inputs: zeros, or drawn from N(0, spread²). Nil where the network has none.
    public func downLatent(for input: [Int], spread: Double = 0, key: RandomKey? = nil) -> Tensor? {
        guard network.latentChannels > 0 else { return nil }
        let shape = network.latentShape(for: input)
        guard spread > 0, let key else { return .zeros(shape) }
        return Random.normal(shape, scale: spread, key: key)
    }

    /// z_U for small pictures: zeros, or drawn from N(0, temperature²).
    public func upLatent(for kept: [Int], temperature: Double = 0, key: RandomKey? = nil) -> Tensor {
        let shape = network.lostShape(for: kept)
        guard temperature > 0, let key else { return .zeros(shape) }
        return Random.normal(shape, scale: temperature, key: key)
    }

    /// The small picture with 256 levels in [0, 1]; one of many where `spread` > 0.
    public func downscale(_ x: Tensor, spread: Double = 0, key: RandomKey? = nil) -> Tensor {
        let latent = downLatent(for: x.shape, spread: spread, key: key)
        return Quantisation.straightThrough(network.forward(x, latent: latent).first)
    }

    /// The large picture of a small one; one of many where `temperature` > 0.
    public func upscale(_ y: Tensor, temperature: Double = 0, key: RandomKey? = nil) -> Tensor {
        network.inverse(Halves(y, upLatent(for: y.shape, temperature: temperature, key: key))).x
    }

    /// Several small pictures of one large picture, the first with z_D = 0.
    public func variants(_ x: Tensor, count: Int, spread: Double = 1, key: RandomKey) -> [Tensor] {
        (0..<count).map {
            $0 == 0 ? downscale(x) : downscale(x, spread: spread, key: key.fold(in: $0))
        }
    }
}

/// Rounding to 256 levels through which gradients pass.
public enum Quantisation {
    /// clamp(x, 0, 1) in steps of 1/255; the gradient is 1 everywhere, also outside [0, 1].
    public static func straightThrough(_ x: Tensor) -> Tensor {
        customOperation(
            [x], name: "quantisation", forward: { [round(clip($0[0], min: 0, max: 1) * 255.0) / 255.0] },
            backward: { _, _, gradients in [gradients[0]] })[0]
    }
}
