import Mercer
import MercerNN

extension RescaleRecipe {
    /// A trainer of a network that hides pictures: those of a batch are covers, and the secret of each is the next one.
    /// Its values are the weighted sum, concealment, recovery and latent; concealment counts 16 times unless
    /// ``guideWeight`` says otherwise (reconstructed), since squares of small differences are smaller still.
    ///
    /// - Parameter options: checkpoints and the like; seed, clipping and steps are the recipe's.
    public func trainer(
        _ network: ImageHiding, seed: UInt64, options: TrainingOptions? = nil
    ) -> Trainer<ImageHiding> {
        let weight = guideWeight ?? 16
        let recipe = self
        return Trainer(network, optimizer, schedule: schedule, self.options(seed: seed, options)) { network, batch in
            let covers = batch[0].asType(.float32) / 255.0
            let secrets = concatenated([covers[1...], covers[0..<1]], axis: 0)
            let x = concatenated([covers, secrets], axis: 3)
            let key = RandomKey(seed).fold(in: "latents")[batch.index]
            var (zDown, zUp): (Tensor?, Tensor?) = (nil, nil)
            if recipe.randomLatents {
                let sampler = DualLatent(network)
                zDown = sampler.downLatent(for: x.shape, spread: recipe.spread(at: batch.index), key: key.fold(in: 0))
                zUp = sampler.upLatent(for: covers.shape, temperature: recipe.temperature, key: key.fold(in: 1))
            }
            let losses = network.losses(x, zDown: zDown, zUp: zUp)
            let total: Tensor = losses.concealment * weight + losses.recovery + losses.latent
            return [total, losses.concealment, losses.recovery, losses.latent]
        }
    }

    /// Trains a network that hides pictures from its present weights.
    public func train(
        _ network: ImageHiding, on pictures: [Tensor], seed: UInt64,
        progress: (TrainingProgress) -> Void = { _ in }
    ) throws {
        try trainer(network, seed: seed).fit(loader(pictures, multiple: 2, seed: seed), progress: progress)
    }
}
