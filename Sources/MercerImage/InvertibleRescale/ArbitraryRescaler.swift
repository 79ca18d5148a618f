import Mercer
import MercerNN

/// IARN (Pan et al., WACV 2023, arXiv 2209.13055): one network that makes pictures small by any factor, also
/// different ones for height and width, and large again.
///
/// The resampling stands outside the invertible net f, and training sees to it that what it loses doesn't matter:
/// x → (x_L | x_H) → f → (v | z), y = D(v); back v̂ = U(y), x̂ = f⁻¹(v̂, 0). D and U are MATLAB's bicubic. x_L = U(D(x))
/// is what the small picture can hold, x_H = x − x_L the rest (preemptive splitting). Lines of the method that the
/// abstract doesn't settle are reconstructed; no code was published.
///
/// ```swift
/// let rescaler = ArbitraryRescaler()
/// let small = rescaler.downscale(x, to: (300, 411))
/// let restored = rescaler.upscale(small, to: (720, 1000))
/// ```
public final class ArbitraryRescaler: Module {
    /// What a rescaler is made of, and switches to take its parts away.
    public struct Configuration: Sendable, Hashable, Codable {
        public var blocks: Int
        /// Channels that each convolution of a subnet adds.
        public var growth: Int
        /// Haar transforms before the blocks, 0 to 2.
        public var haarLevels: Int
        public var encoding: ScaleEncoding
        /// Whether x is split into what fits and the rest; otherwise the net is given (x | 0).
        public var splits: Bool

        public init(
            blocks: Int = 16, growth: Int = 32, haarLevels: Int = 1, encoding: ScaleEncoding = .full,
            splits: Bool = true
        ) {
            precondition(blocks > 0 && growth > 0 && (0...2).contains(haarLevels), "ArbitraryRescaler: no such network")
            self.blocks = blocks
            self.growth = growth
            self.haarLevels = haarLevels
            self.encoding = encoding
            self.splits = splits
        }

        /// Channels of each half.
        var width: Int { 3 << (2 * haarLevels) }
    }

    public let configuration: Configuration
    public let operations: [InvertibleBlock]
    public var activationMemory = ActivationMemory.reversible

    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        let width = configuration.width
        operations = (0..<configuration.blocks).map { _ in
            InvertibleBlock(split: (width, width), growth: configuration.growth, context: ScaleEncoding.channels)
        }
    }

    /// Sides must be multiples of this; pad by mirroring where not.
    public var multiple: Int { 1 << configuration.haarLevels }

    // MARK: Resampling

    /// MATLAB's bicubic maps between two sizes, with their transposes for gradients cached by the engine's rule.
    public struct Sizes: Sendable {
        public let large: (height: Int, width: Int)
        public let small: (height: Int, width: Int)
        let down: (vertical: Resampler, horizontal: Resampler)
        let up: (vertical: Resampler, horizontal: Resampler)

        public init(_ large: (height: Int, width: Int), to small: (height: Int, width: Int)) {
            self.large = large
            self.small = small
            func map(_ from: Int, _ to: Int) -> Resampler {
                Resampler(input: from, output: to, rule: .matlab(.bicubic))
            }
            down = (map(large.height, small.height), map(large.width, small.width))
            up = (map(small.height, large.height), map(small.width, large.width))
        }

        /// D: to the small size.
        public func reduced(_ x: Tensor) -> Tensor {
            Resample.apply(vertical: down.vertical, horizontal: down.horizontal, to: x)
        }

        /// U: to the large size.
        public func enlarged(_ y: Tensor) -> Tensor {
            Resample.apply(vertical: up.vertical, horizontal: up.horizontal, to: y)
        }
    }

    /// The encoding that the blocks read for two sizes.
    public func context(_ sizes: Sizes) -> Tensor {
        ScaleEncoding.averaged(
            configuration.encoding(sizes.large, to: sizes.small), levels: configuration.haarLevels)
    }

    // MARK: The bijection

    private func packed(_ x: Tensor) -> Tensor { (0..<configuration.haarLevels).reduce(x) { x, _ in Haar.forward(x) } }
    private func unpacked(_ x: Tensor) -> Tensor {
        (0..<configuration.haarLevels).reduce(x) { x, _ in Haar.inverse(x) }
    }

    /// f: (x_L, x_H), both `[N, H, W, 3]`, to (v, z) of the same shapes.
    public func transform(_ halves: Halves, _ context: Tensor) -> Halves {
        let out = ReversibleBlocks.forward(
            operations, Halves(packed(halves.first), packed(halves.second)), context: context,
            memory: activationMemory)
        return Halves(unpacked(out.first), unpacked(out.second))
    }

    /// f⁻¹.
    public func restore(_ halves: Halves, _ context: Tensor) -> Halves {
        let out = ReversibleBlocks.inverse(
            operations, Halves(packed(halves.first), packed(halves.second)), context: context,
            memory: activationMemory)
        return Halves(unpacked(out.first), unpacked(out.second))
    }

    /// (x_L, x_H): what the small picture can hold, and the rest.
    public func split(_ x: Tensor, _ sizes: Sizes) -> Halves {
        guard configuration.splits else { return Halves(x, .zeros(x.shape)) }
        let low = sizes.enlarged(sizes.reduced(x))
        return Halves(low, x - low)
    }

    // MARK: Pictures

    /// y before quantisation, with v and z.
    public func reduce(_ x: Tensor, _ sizes: Sizes) -> (lr: Tensor, v: Tensor, z: Tensor) {
        precondition(
            x.rank == 4 && x.shape[3] == 3 && x.shape[1] == sizes.large.height && x.shape[2] == sizes.large.width
                && x.shape[1] % multiple == 0 && x.shape[2] % multiple == 0,
            "ArbitraryRescaler: shape \(x.shape) for \(sizes.large); [N, H, W, 3] with sides that are multiples of "
                + "\(multiple) is needed")
        let out = transform(split(x, sizes), context(sizes))
        return (sizes.reduced(out.first), out.first, out.second)
    }

    /// x̂ of a small picture; with `z` in place of zeros.
    public func enlarge(_ lr: Tensor, _ sizes: Sizes, z: Tensor? = nil) -> Tensor {
        let v = sizes.enlarged(lr)
        let halves = restore(Halves(v, z ?? .zeros(v.shape)), context(sizes))
        return halves.first + halves.second
    }

    /// The small picture, 256 levels in [0, 1].
    ///
    /// - Parameters:
    ///   - x: `[N, H, W, 3]` in [0, 1], sides multiples of ``multiple``.
    ///   - size: (h, w).
    public func downscale(_ x: Tensor, to size: (height: Int, width: Int)) -> Tensor {
        Quantisation.straightThrough(reduce(x, Sizes((x.shape[1], x.shape[2]), to: size)).lr)
    }

    /// The large picture of a small one.
    ///
    /// - Parameter size: (H, W), multiples of ``multiple``.
    public func upscale(_ lr: Tensor, to size: (height: Int, width: Int)) -> Tensor {
        enlarge(lr, Sizes(size, to: (lr.shape[1], lr.shape[2])))
    }
}

/// The four losses of IARN: sums over pixels and channels, means over the batch.
public struct ArbitraryLosses {
    /// Σ(y − D(x))².
    public var guide: Tensor
    /// Σ√((x − x̂)² + 10⁻⁶).
    public var reconstruction: Tensor
    /// Σz².
    public var latent: Tensor
    /// Σ(v − U(Q(D(v))))²: v survives the way down and up.
    public var cycle: Tensor

    /// - Parameters:
    ///   - x: `[N, H, W, 3]` in [0, 1].
    ///   - z: random numbers in place of zeros on the way up, for comparison.
    public init(_ network: ArbitraryRescaler, _ x: Tensor, _ sizes: ArbitraryRescaler.Sizes, z: Tensor? = nil) {
        let (lr, v, lost) = network.reduce(x, sizes)
        let low = Quantisation.straightThrough(lr)
        guide = RescaleLosses.squares(lr - sizes.reduced(x))
        reconstruction = RescaleLosses.charbonnier(x - network.enlarge(low, sizes, z: z))
        latent = RescaleLosses.squares(lost)
        cycle = RescaleLosses.squares(v - sizes.enlarged(low))
    }

    /// The weighted sum; the guide's weight is H·W/(h·w) in training.
    public func total(guideWeight: Double, cycleWeight: Double = 1) -> Tensor {
        let sum: Tensor = guide * guideWeight + reconstruction
        let rest: Tensor = latent + cycle * cycleWeight
        return sum + rest
    }
}
