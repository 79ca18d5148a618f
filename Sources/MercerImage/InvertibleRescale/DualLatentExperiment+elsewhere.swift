import Mercer
import MercerNN
import MercerPapers

extension DualLatentExperiment {
    /// The second latent variable around other networks: IRN at ×4, and a picture hidden in another.
    func elsewhere(
        _ run: RunContext, _ pictures: [Tensor], _ tests: [Tensor], _ findings: inout Findings
    ) throws {
        let latents = [0, 3]
        var recipe = RescaleRecipe.small
        recipe.steps = run.quick ? 10 : 300
        recipe.randomLatents = true
        let training = recipe
        let seed = run.seed
        run.stage("other networks", steps: 2 * latents.count)
        let rows = Collected<[Table.Cell]>(count: 2 * latents.count)
        try Parallel.forEachUnlessCancelled(2 * latents.count) { index in
            let latent = latents[index % latents.count]
            run.step(
                rows.set(
                    index,
                    Result {
                        index < latents.count
                            ? try Self.quarter(training, latent, pictures, tests, seed)
                            : try Self.hidden(training, latent, pictures, tests, seed)
                    }))
        }
        let bicubic = RescaleQuality.mean(
            tests.map { RescaleQuality.bicubic($0, to: (60, 60), border: 4) })
        findings.section("Around other networks")
        findings.table(
            Table(
                columns: ["network", "channels of z_D", "kept picture (dB)", "restored or found (dB)"],
                rows: [[.text("bicubic ×4"), .empty, .empty, .number(bicubic.psnr, decimals: 2)]]
                    + (try rows.values()),
                caption:
                    "\(training.steps) steps, random latents in training, luma, bytes. Kept: the small picture against the "
                    + "bicubic one, or the cover with a secret in it against the cover."))
    }

    private static func row(_ name: String, _ latent: Int, _ kept: Double, _ restored: Double) -> [Table.Cell] {
        [.text(name), .number(Double(latent)), .number(kept, decimals: 2), .number(restored, decimals: 2)]
    }

    /// IRN ×4 of two blocks a level.
    private static func quarter(
        _ recipe: RescaleRecipe, _ latent: Int, _ pictures: [Tensor], _ tests: [Tensor], _ seed: UInt64
    ) throws -> [Table.Cell] {
        let network = DualLatent(InvertibleRescaler(scale: 4, blocks: [2, 2], growth: 8), channels: latent).network
        network.initialize(RandomKey(seed))
        try recipe.train(network, on: pictures, seed: seed)
        let quality = RescaleQuality.mean(
            tests.map { picture in
                RescaleQuality(picture, border: 4, down: { network.downscale($0).lr }, up: { network.upscale($0) })
            })
        return row("IRN ×4", latent, quality.lowPSNR, quality.psnr)
    }

    /// Each test picture hidden in the one before it.
    private static func hidden(
        _ recipe: RescaleRecipe, _ latent: Int, _ pictures: [Tensor], _ tests: [Tensor], _ seed: UInt64
    ) throws -> [Table.Cell] {
        let network = DualLatent(ImageHiding(blocks: 3, growth: 8), channels: latent).network
        network.initialize(RandomKey(seed))
        try recipe.train(network, on: pictures, seed: seed)
        let sampler = DualLatent(network)
        var (kept, found) = (0.0, 0.0)
        for (index, cover) in tests.enumerated() {
            let secret = tests[(index + 1) % tests.count]
            let x = concatenated([RescaleQuality.numbers(cover), RescaleQuality.numbers(secret)], axis: 3)
            let stego = RescaleQuality.bytes(sampler.downscale(x))
            let back = sampler.upscale(RescaleQuality.numbers(stego))[0..., 0..., 0..., 3...]
            let (a, b) = (ImageMetrics.luma(cover), ImageMetrics.luma(stego))
            kept += ImageMetrics.psnr(a, b) / Double(tests.count)
            let (c, d) = (ImageMetrics.luma(secret), ImageMetrics.luma(RescaleQuality.bytes(back.contiguous())))
            found += ImageMetrics.psnr(c, d) / Double(tests.count)
        }
        return row("hiding a picture in another", latent, kept, found)
    }
}
