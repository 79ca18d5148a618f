import Mercer
import MercerNN

/// How invertible rescaling is trained.
///
/// ```swift
/// var recipe = RescaleRecipe.small
/// recipe.steps = 2000
/// let rescaler = InvertibleRescaler(scale: 2, blocks: [3], growth: 8)
/// try recipe.train(rescaler, on: pictures, seed: 1)
/// ```
public struct RescaleRecipe: Sendable, Codable, Hashable {
    public var steps: Int
    public var batch: Int
    /// The side of the crops; rounded down to a multiple of the scale.
    public var patch: Int
    public var learningRate: Double
    /// Steps at which the rate is halved; nil for half a cosine to 0.
    public var milestones: [Int]?
    /// Added to gradients as in `torch.optim.Adam`.
    public var weightDecay = 1e-5
    /// The most that the gradients' common norm may be.
    public var clipNorm = 10.0
    /// Whether z_D and z′ are drawn from N(0, 1); otherwise they are zero.
    public var randomLatents: Bool
    /// The spread of z′ where latents are drawn. Each block can lower its noise to e⁻¹ at most: three can't silence it,
    /// and learn more where it is 0.
    public var temperature = 1.0
    /// The part of the steps in which the spread of z_D rises from 0 to 1.
    public var spreadWarmUp = 0.0
    /// What the guide is multiplied by; nil for scale².
    public var guideWeight: Double?

    /// As the official code trains IRN.
    public static let official = RescaleRecipe(
        steps: 500_000, batch: 16, patch: 144, learningRate: 2e-4,
        milestones: [100_000, 200_000, 300_000, 400_000], randomLatents: true)

    /// What two cores do in a minute or two.
    public static let small = RescaleRecipe(
        steps: 600, batch: 8, patch: 48, learningRate: 1e-3, milestones: nil, randomLatents: false)

    public init(
        steps: Int, batch: Int, patch: Int, learningRate: Double, milestones: [Int]?, randomLatents: Bool
    ) {
        self.steps = steps
        self.batch = batch
        self.patch = patch
        self.learningRate = learningRate
        self.milestones = milestones
        self.randomLatents = randomLatents
    }

    /// The rate at each step.
    public var schedule: Schedule {
        milestones.map { .multiStep(learningRate, milestones: $0, factor: 0.5) }
            ?? .cosine(learningRate, steps: steps)
    }

    /// Crops of pictures `[height, width, 3]`, uint8, that follow from the seed; `multiple` divides their side.
    public func loader(_ pictures: [Tensor], multiple: Int, seed: UInt64) -> DataLoader {
        let side = max(multiple, patch / multiple * multiple)
        return DataLoader(
            PatchSampler(pictures, size: side, count: steps * batch), batchSize: batch, shuffles: false, seed: seed)
    }

    /// The spread of z_D at a step.
    func spread(at step: Int) -> Double {
        guard randomLatents else { return 0 }
        let rise = spreadWarmUp * Double(steps)
        return rise > 0 ? min(1, Double(step + 1) / rise) : 1
    }

    func options(seed: UInt64, _ base: TrainingOptions? = nil) -> TrainingOptions {
        var options = base ?? TrainingOptions(epochs: 1)
        options.seed = seed
        options.maximumSteps = options.maximumSteps ?? steps
        options.clipNorm = clipNorm
        return options
    }

    var optimizer: Adam { Adam(learningRate: learningRate, weightDecay: weightDecay) }

    /// A trainer of an invertible network for pictures; its values are the weighted sum, guide, reconstruction and
    /// latent.
    ///
    /// - Parameter options: checkpoints and the like; seed, clipping and steps are the recipe's.
    public func trainer(
        _ network: InvertibleRescaler, seed: UInt64, options: TrainingOptions? = nil
    ) -> Trainer<InvertibleRescaler> {
        let scale = network.configuration.scale
        let weight = guideWeight ?? Double(scale * scale)
        let recipe = self
        return Trainer(network, optimizer, schedule: schedule, self.options(seed: seed, options)) { network, batch in
            let x = batch[0].asType(.float32) / 255.0
            let key = RandomKey(seed).fold(in: "latents")[batch.index]
            var (zDown, zUp): (Tensor?, Tensor?) = (nil, nil)
            if recipe.randomLatents {
                let sampler = DualLatent(network)
                zDown = sampler.downLatent(for: x.shape, spread: recipe.spread(at: batch.index), key: key.fold(in: 0))
                let low = [x.shape[0], x.shape[1] / scale, x.shape[2] / scale, 3]
                zUp = sampler.upLatent(for: low, temperature: recipe.temperature, key: key.fold(in: 1))
            }
            let losses = RescaleLosses(
                network, x, reference: Resample.imresize(x, by: 1 / Double(scale)), zDown: zDown, zUp: zUp)
            return [losses.total(guideWeight: weight), losses.guide, losses.reconstruction, losses.latent]
        }
    }

    /// Trains from the network's present weights.
    public func train(
        _ network: InvertibleRescaler, on pictures: [Tensor], seed: UInt64,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws {
        try trainer(network, seed: seed).fit(
            loader(pictures, multiple: network.configuration.scale, seed: seed), progress: progress)
    }
}

/// How IARN is trained: as ``RescaleRecipe``, with a scale drawn for each batch.
public struct ArbitraryRecipe: Sendable, Codable, Hashable {
    public var base: RescaleRecipe
    /// Scales are drawn uniformly from here, one for both axes or one for each with equal probability.
    public var scales: ClosedRange<Double>
    /// The weight of the cycle loss.
    public var cycleWeight: Double

    public static let official = ArbitraryRecipe(base: .official, scales: 1...4, cycleWeight: 1)
    /// In a short training a cycle loss of full weight costs 0.3 dB: it holds the small picture near bicubic's before the
    /// net has learned what to put there. Below 1.1 there is next to nothing to learn.
    public static let small = ArbitraryRecipe(base: .small, scales: 1.1...4, cycleWeight: 0.02)

    public init(base: RescaleRecipe, scales: ClosedRange<Double>, cycleWeight: Double) {
        self.base = base
        self.scales = scales
        self.cycleWeight = cycleWeight
    }

    /// The small size of a batch's crops.
    func size(_ side: Int, _ key: RandomKey) -> (height: Int, width: Int) {
        var random = RandomStream(key)
        func scale() -> Double { scales.lowerBound + (scales.upperBound - scales.lowerBound) * random.uniform() }
        func length(_ scale: Double) -> Int { max(1, Int((Double(side) / scale).rounded())) }
        let first = scale()
        let isSymmetric = random.uniform() < 0.5
        return (length(first), length(isSymmetric ? first : scale()))
    }

    /// A trainer; its values are the weighted sum, guide, reconstruction, latent and cycle.
    public func trainer(
        _ network: ArbitraryRescaler, seed: UInt64, options: TrainingOptions? = nil
    ) -> Trainer<ArbitraryRescaler> {
        let recipe = self
        return Trainer(
            network, base.optimizer, schedule: base.schedule, base.options(seed: seed, options)
        ) { network, batch in
            let x = batch[0].asType(.float32) / 255.0
            let key = RandomKey(seed).fold(in: "scales")[batch.index]
            let large = (height: x.shape[1], width: x.shape[2])
            let sizes = ArbitraryRescaler.Sizes(large, to: recipe.size(large.height, key.fold(in: 0)))
            let z = recipe.base.randomLatents ? Random.normal(x.shape, key: key.fold(in: 1)) : nil
            let losses = ArbitraryLosses(network, x, sizes, z: z)
            let area = Double(large.height * large.width) / Double(sizes.small.height * sizes.small.width)
            return [
                losses.total(guideWeight: recipe.base.guideWeight ?? area, cycleWeight: recipe.cycleWeight),
                losses.guide, losses.reconstruction, losses.latent, losses.cycle,
            ]
        }
    }

    /// Trains from the network's present weights.
    public func train(
        _ network: ArbitraryRescaler, on pictures: [Tensor], seed: UInt64,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws {
        try trainer(network, seed: seed).fit(
            base.loader(pictures, multiple: network.multiple, seed: seed), progress: progress)
    }
}
