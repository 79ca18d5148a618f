import Mercer
import MercerNN

/// IRN (Xiao et al., ECCV 2020, arXiv 2005.05650), and with a latent variable on the input side DLV-IRN (Zhang et al.,
/// ACM MM 2022, arXiv 2207.11844): one invertible network that makes a picture small and large again.
///
/// For each halving: a Haar transform, then blocks that keep 3 channels and learn from and for the others. With
/// `downLatent` channels z_D joins behind the Haar bands of the last level. Parameters have the official names
/// `operations.{i}.{F,G,H}.conv{1…5}.{weight,bias}`, i counting transforms and blocks.
///
/// ```swift
/// let rescaler = InvertibleRescaler(.x4)
/// let (small, lost) = rescaler.downscale(x)     // [N, H, W, 3] in [0, 1] to [N, H/4, W/4, 3], 256 levels
/// let restored = rescaler.upscale(small)
/// ```
public final class InvertibleRescaler: Module, InvertibleNetwork {
    /// What a rescaler is made of.
    public struct Configuration: Sendable, Hashable, Codable {
        /// 3, or a power of two.
        public var scale: Int
        /// How many blocks follow each transform.
        public var blocks: [Int]
        /// Channels that each convolution of a subnet adds.
        public var growth: Int
        /// Channels of z_D.
        public var downLatent: Int

        public init(scale: Int, blocks: [Int], growth: Int = 32, downLatent: Int = 0) {
            self.scale = scale
            self.blocks = blocks
            self.growth = growth
            self.downLatent = downLatent
        }

        /// As published: 1,667,952 parameters.
        public static let x2 = Configuration(scale: 2, blocks: [8])
        /// As the official code has it for a scale that is no power of two.
        public static let x3 = Configuration(scale: 3, blocks: [12])
        /// As published: 4,355,136 parameters.
        public static let x4 = Configuration(scale: 4, blocks: [8, 8])
        /// As published: 11,119,248 parameters.
        public static let x8 = Configuration(scale: 8, blocks: [8, 8, 8])

        /// The published size for a scale; nil where there is none.
        public static func published(scale: Int) -> Configuration? {
            [x2, x3, x4, x8].first { $0.scale == scale }
        }

        /// How many transforms the scale takes.
        static func levels(_ scale: Int) -> Int? {
            if scale == 3 { return 1 }
            return scale >= 2 && scale.nonzeroBitCount == 1 ? scale.trailingZeroBitCount : nil
        }

        /// - Throws: ``RescaleError`` where no network can be so.
        public func checked() throws -> Configuration {
            guard let levels = Self.levels(scale) else { throw RescaleError.scale(scale) }
            guard blocks.count == levels, blocks.allSatisfy({ $0 > 0 }) else {
                throw RescaleError.blocks(blocks, scale: scale, levels: levels)
            }
            guard growth > 0, downLatent >= 0 else { throw RescaleError.sizes(growth: growth, latent: downLatent) }
            return self
        }

        /// Channels after each transform.
        var widths: [Int] {
            if scale == 3 { return [27 + downLatent] }
            return blocks.indices.map { level in
                (3 << (2 * (level + 1))) + (level == blocks.count - 1 ? downLatent : 0)
            }
        }
    }

    public let configuration: Configuration
    public let operations: [Module]
    private let levels: [Level]
    public var activationMemory = ActivationMemory.reversible

    /// A transform and the blocks behind it.
    private struct Level {
        let mixing: ChannelMixing?
        let blocks: [InvertibleBlock]

        func transform(_ x: Tensor) -> Tensor { mixing.map { $0.forward(x) } ?? Haar.forward(x) }
        func restore(_ y: Tensor) -> Tensor { mixing.map { $0.inverse(y) } ?? Haar.inverse(y) }
    }

    /// Haar as one of the counted operations; it has no parameters.
    private final class HaarLevel: Module {}

    /// - Parameter configuration: must be one that ``Configuration/checked()`` accepts.
    public init(_ configuration: Configuration) {
        do { self.configuration = try configuration.checked() } catch {
            preconditionFailure("InvertibleRescaler: \(error)")
        }
        var operations: [Module] = []
        var levels: [Level] = []
        for (count, width) in zip(configuration.blocks, configuration.widths) {
            let mixing = configuration.scale == 3 ? ChannelMixing(scale: 3) : nil
            let blocks = (0..<count).map { _ in
                InvertibleBlock(split: (3, width - 3), growth: configuration.growth)
            }
            operations.append(mixing ?? HaarLevel())
            operations += blocks
            levels.append(Level(mixing: mixing, blocks: blocks))
        }
        self.operations = operations
        self.levels = levels
    }

    public convenience init(scale: Int, blocks: [Int], growth: Int = 32, downLatent: Int = 0) {
        self.init(Configuration(scale: scale, blocks: blocks, growth: growth, downLatent: downLatent))
    }

    // MARK: The bijection

    public var latentChannels: Int { configuration.downLatent }

    public func latentShape(for input: [Int]) -> [Int] {
        [input[0], input[1] / configuration.scale, input[2] / configuration.scale, configuration.downLatent]
    }

    public func lostShape(for kept: [Int]) -> [Int] {
        Array(kept[..<3]) + [configuration.widths.last! - 3]
    }

    public func carrying(latentChannels channels: Int) -> InvertibleRescaler {
        var wider = configuration
        wider.downLatent = channels
        return InvertibleRescaler(wider)
    }

    public func forward(_ x: Tensor, latent: Tensor? = nil) -> Halves {
        precondition(
            x.rank == 4 && x.shape[3] == 3 && x.shape[1] % configuration.scale == 0
                && x.shape[2] % configuration.scale == 0,
            "InvertibleRescaler: shape \(x.shape); [N, H, W, 3] with sides that are multiples of "
                + "\(configuration.scale) is needed")
        var picture = x
        var halves = Halves(x, x)
        for (index, level) in levels.enumerated() {
            var bands = level.transform(picture)
            if index == levels.count - 1 && latentChannels > 0 {
                bands = concatenated([bands, latent ?? .zeros(latentShape(for: x.shape))], axis: 3)
            }
            halves = ReversibleBlocks.forward(level.blocks, Halves(splitting: bands, at: 3), memory: activationMemory)
            if index < levels.count - 1 { picture = halves.joined }
        }
        return halves
    }

    public func inverse(_ y: Halves) -> (x: Tensor, latent: Tensor?) {
        var halves = y
        var latent: Tensor?
        var picture = y.first
        for (index, level) in levels.enumerated().reversed() {
            var bands = ReversibleBlocks.inverse(level.blocks, halves, memory: activationMemory).joined
            if index == levels.count - 1 && latentChannels > 0 {
                let own = bands.shape[3] - latentChannels
                latent = bands[0..., 0..., 0..., own...]
                bands = bands[0..., 0..., 0..., 0..<own]
            }
            picture = level.restore(bands)
            if index > 0 { halves = Halves(splitting: picture, at: 3) }
        }
        return (picture, latent)
    }

    // MARK: Pictures

    /// The small picture, 256 levels in [0, 1], and z_U, what it lacks.
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, 3]` in [0, 1].
    ///   - zDown: z_D, `[N, H/s, W/s, downLatent]`; zeros where nil.
    public func downscale(_ x: Tensor, zDown: Tensor? = nil) -> (lr: Tensor, zUp: Tensor) {
        let halves = forward(x, latent: zDown)
        return (Quantisation.straightThrough(halves.first), halves.second)
    }

    /// The large picture of a small one.
    ///
    /// - Parameter zUp: z_U, `[N, H, W, 3·s² − 3 + downLatent]`; zeros where nil.
    public func upscale(_ lr: Tensor, zUp: Tensor? = nil) -> Tensor {
        inverse(Halves(lr, zUp ?? .zeros(lostShape(for: lr.shape)))).x
    }

    /// ln |det ∂(y, z_U)/∂(x, z_D)| for each picture of the batch, on average: that of the blocks and that of the
    /// transforms.
    public func logJacobian(_ x: Tensor, latent: Tensor? = nil) -> (blocks: Double, transforms: Double) {
        Gradients.paused {
            var picture = x
            var (sum, transforms) = (0.0, 0.0)
            for (index, level) in levels.enumerated() {
                var bands = level.transform(picture)
                let elements = picture.count / picture.shape[0]
                transforms +=
                    level.mixing?.logDeterminant(elements: elements)
                    ?? Double(elements) * Haar.logDeterminantPerElement
                if index == levels.count - 1 && latentChannels > 0 {
                    bands = concatenated([bands, latent ?? .zeros(latentShape(for: x.shape))], axis: 3)
                }
                var halves = Halves(splitting: bands, at: 3)
                for block in level.blocks {
                    halves = ReversibleBlocks.forward([block], halves)
                    sum += block.scale(halves.first, nil).asType(.float64).sum().doubleValue
                }
                picture = halves.joined
            }
            return (sum / Double(x.shape[0]), transforms)
        }
    }
}
