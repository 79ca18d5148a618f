import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of DLV-IRN (Zhang et al. 2022, arXiv 2207.11844) and of IRN on which it builds (Xiao et al. 2020), at a
/// size that two cores can train.
public struct DualLatentExperiment: Experiment {
    public let slug = "dlv-irn"

    public init() {}

    public let claims = [
        Claim(
            "parameters-x2", "The published ×2 network has 1,667,952 parameters", bar: .exactly(1_667_952),
            method: "parameters, counted"),
        Claim(
            "parameters-x4", "The published ×4 network has 4,355,136 parameters", bar: .exactly(4_355_136),
            method: "parameters, counted"),
        Claim(
            "parameters-x8", "The published ×8 network has 11,119,248 parameters", bar: .exactly(11_119_248),
            method: "parameters, counted"),
        Claim(
            "invertible", "Sixteen blocks with random weights give the picture back", bar: .atMost(2e-5),
            method: "×4, blocks [8, 8], growth 4, normal weights of σ = 1/√fan-in: largest |f⁻¹(f(x)) − x| on 2×48×48"),
        Claim(
            "bicubic", "Bicubic down and up gives the known value", bar: .within(33.751, tolerance: 0.02),
            unit: "dB", method: "×2, top left 240² of ten photographs, bytes, luma, border 2"),
        Claim(
            "joint", "Learnt down and up together beats bicubic", bar: .atLeast(34.3), unit: "dB",
            method:
                "IRN ×2, blocks [3], growth 8, 600 steps of 8 crops of 48² with zero latents; bicubic 33.751"),
        Claim(
            "thumbnail", "Its small picture looks like the bicubic one", bar: .atLeast(40), unit: "dB",
            method: "the same network's small picture against MATLAB's bicubic one, luma"),
        Claim(
            "dual-latent", "A second latent costs little at this length", bar: .atLeast(-0.3), unit: "dB",
            method: "DLV (d = 3) minus IRN, both 600 steps with random latents, τ = 0 in the test"),
        Claim(
            "dual-thumbnail", "With the second latent the small picture isn't further from the bicubic one",
            bar: .atLeast(0), unit: "dB", method: "DLV minus IRN, small pictures against bicubic's"),
        Claim(
            "variants-differ", "Drawing z_D gives other thumbnails", bar: .atLeast(0.3), unit: "levels",
            method: "mean absolute difference of 5 draws at spread 1 from the thumbnail of z_D = 0"),
        Claim(
            "variants-restore", "Each of them comes back as well", bar: .atMost(0.3), unit: "dB",
            statistic: .maximum, method: "the largest loss of a draw's mean PSNR against that of z_D = 0"),
        Claim(
            "reversible", "Training memory doesn't grow with the number of blocks", bar: .atMost(1.1),
            method: "peak memory of a training step with [16] blocks over that with [4], growth 8, one crop of 480²"),
        Claim(
            "stored", "With stored activations it does", bar: .atLeast(3),
            method: "the same with every activation stored"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        counts(&findings)
        memory(run, &findings)
        run.stage("photographs")
        let pictures = try await TrainingPictures(photographs: run.data) { run.note($0) }.pictures
        var tests: [Tensor] = []
        for photograph in Photograph.test10.prefix(run.quick ? 3 : 10) {
            let whole = try await photograph.testPixels(from: run.data) { run.note($0) }
            tests.append(whole[0..<240, 0..<240, 0...].contiguous())
        }
        let bicubic = RescaleQuality.mean(
            tests.map { RescaleQuality.bicubic($0, to: (120, 120), border: 2) })
        if run.quick {
            findings.skip("bicubic", because: "a quick run looks at three photographs only")
        } else {
            findings.measure("bicubic", bicubic.psnr)
        }
        let outcomes = try train(run, pictures, tests)
        compare(run, outcomes, bicubic, &findings)
        variants(
            outcomes.first { $0.job.kind == .dual }!, outcomes.first { $0.job.kind == .quiet }, tests, &findings)
        try elsewhere(run, pictures, tests, &findings)
        try figures(outcomes, tests, &findings)
        return findings
    }

    // MARK: Claims 1 and 5

    private func counts(_ findings: inout Findings) {
        for (name, size) in [
            ("x2", InvertibleRescaler.Configuration.x2), ("x4", .x4), ("x8", .x8),
        ] {
            findings.measure("parameters-\(name)", Double(InvertibleRescaler(size).numberOfParameters()))
        }
        let network = InvertibleRescaler(scale: 4, blocks: [8, 8], growth: 4)
        Self.randomise(network, RandomKey(3))
        let x = Random.uniform(0..<1, [2, 48, 48, 3], key: RandomKey(4))
        let difference: Tensor = network.inverse(network.forward(x)).x - x
        findings.measure("invertible", difference.abs().max().doubleValue)
    }

    /// Weights as the oracle's: normal with σ = 1/√fan-in, of the last convolutions 0.006, biases 0.02.
    static func randomise(_ network: some Module, _ key: RandomKey) {
        for (index, pair) in network.parameters().enumerated() {
            let (name, value) = pair
            let fan = Double(value.shape.dropFirst().reduce(1, *))
            let scale = name.hasSuffix("bias") ? 0.02 : name.contains("conv5") ? 0.006 : 1 / fan.squareRoot()
            network.update(parameters: [name: Random.normal(value.shape, scale: scale, key: key.fold(in: index))])
        }
    }

    private func memory(_ run: RunContext, _ findings: inout Findings) {
        run.stage("training memory")
        let side = run.quick ? 360 : 480
        func peak(_ blocks: Int, _ memory: ActivationMemory) -> Int {
            let network = InvertibleRescaler(scale: 2, blocks: [blocks], growth: 8)
            network.initialize(RandomKey(1))
            network.activationMemory = memory
            let x = Random.uniform(0..<1, [1, side, side, 3], key: RandomKey(2))
            let reference = Resample.imresize(x, by: 0.5)
            let before = Memory.active
            Memory.resetPeak()
            _ = valueAndGrad(network) { RescaleLosses($0, x, reference: reference).total(guideWeight: 4) }
            return Memory.peak - before
        }
        let blocks = [2, 4, 8, 16]
        let peaks = ActivationMemory.allCases.map { memory in blocks.map { Double(peak($0, memory)) / 1e6 } }
        findings.measure("reversible", peaks[0][3] / peaks[0][1])
        findings.measure("stored", peaks[1][3] / peaks[1][1])
        findings.section("Memory of a training step")
        findings.chart(
            Chart(
                "memory", "Peak memory of a training step", x: .linear("blocks"),
                y: .linear("peak (MB)", 0...(peaks[1][3] * 1.05)),
                series: zip(ActivationMemory.allCases, peaks).map {
                    .line($0.rawValue, x: blocks.map(Double.init), y: $1)
                },
                caption: "IRN ×2, growth 8, one crop of \(side)², forward, back through the inverse, gradients."))
    }

    // MARK: Training

    enum Kind: String, CaseIterable {
        case zero = "IRN, zero latents"
        case random = "IRN, random latents"
        case dual = "DLV-IRN, random latents"
        case quiet = "DLV-IRN, random z_D alone"
        case wide = "IRN widened to DLV's size, random latents"
        case long = "IRN, zero latents, longer"
    }

    struct TrainingJob {
        let kind: Kind
        let seed: UInt64
        let steps: Int
    }

    /// Used on one thread at a time.
    final class Outcome: @unchecked Sendable {
        let job: TrainingJob
        let network: InvertibleRescaler
        let quality: RescaleQuality
        /// z's share of the picture's energy.
        let latentShare: Double

        init(_ job: TrainingJob, _ network: InvertibleRescaler, _ quality: RescaleQuality, _ latentShare: Double) {
            self.job = job
            self.network = network
            self.quality = quality
            self.latentShare = latentShare
        }
    }

    private static func network(_ kind: Kind) -> InvertibleRescaler {
        switch kind {
        case .zero, .random, .long: InvertibleRescaler(scale: 2, blocks: [3], growth: 8)
        case .dual, .quiet: InvertibleRescaler(scale: 2, blocks: [3], growth: 8, downLatent: 3)
        // The growth whose number of parameters is nearest to DLV's.
        case .wide: InvertibleRescaler(scale: 2, blocks: [3], growth: 9)
        }
    }

    private func train(_ run: RunContext, _ pictures: [Tensor], _ tests: [Tensor]) throws -> [Outcome] {
        let seeds = run.seeds(2)
        let steps = run.quick ? 40 : 600
        var jobs: [TrainingJob] = []
        if !run.quick { jobs.append(TrainingJob(kind: .long, seed: seeds[0], steps: 2000)) }
        for seed in seeds {
            for kind in [Kind.zero, .random, .dual] { jobs.append(TrainingJob(kind: kind, seed: seed, steps: steps)) }
        }
        if !run.quick {
            jobs += [Kind.quiet, .wide].map { TrainingJob(kind: $0, seed: seeds[0], steps: steps) }
        }
        run.stage("training", steps: jobs.count)
        let outcomes = Collected<Outcome>(count: jobs.count)
        let work = jobs
        try Parallel.forEachUnlessCancelled(work.count) { index in
            let job = work[index]
            let result = Result { () throws -> Outcome in
                let network = Self.network(job.kind)
                network.initialize(RandomKey(job.seed))
                var recipe = RescaleRecipe.small
                recipe.steps = job.steps
                recipe.randomLatents = job.kind != .zero && job.kind != .long
                if job.kind == .quiet { recipe.temperature = 0 }
                try recipe.train(network, on: pictures, seed: job.seed)
                let all = tests.map { picture in
                    RescaleQuality(
                        picture, border: 2, down: { network.downscale($0).lr }, up: { network.upscale($0) })
                }
                let x = RescaleQuality.numbers(tests[0])
                let z = network.forward(x).second.square().sum().doubleValue
                return Outcome(job, network, .mean(all), z / x.square().sum().doubleValue)
            }
            run.step(outcomes.set(index, result))
        }
        return try outcomes.values()
    }

    // MARK: Claims 2 and 3

    private func compare(
        _ run: RunContext, _ outcomes: [Outcome], _ bicubic: RescaleQuality, _ findings: inout Findings
    ) {
        func of(_ kind: Kind) -> [Outcome] { outcomes.filter { $0.job.kind == kind } }
        let seeds = of(.zero).map(\.job.seed)
        let long = of(.long).first
        findings.measure(
            "joint", of(.zero).map(\.quality.psnr), seeds: seeds,
            note: long.map {
                "\($0.job.steps) steps: \(Format.fixed($0.quality.psnr, decimals: 2)) dB; the published gap over bicubic "
                    + "(13 dB at ×2) takes 500,000 steps of the large network"
            })
        findings.measure("thumbnail", of(.zero).map(\.quality.lowPSNR), seeds: seeds)
        let pairs = Array(zip(of(.dual), of(.random)))
        findings.measure("dual-latent", pairs.map { $0.quality.psnr - $1.quality.psnr }, seeds: seeds)
        findings.measure("dual-thumbnail", pairs.map { $0.quality.lowPSNR - $1.quality.lowPSNR }, seeds: seeds)
        findings.section("Down and up, ×2")
        func row(_ name: String, _ parameters: Table.Cell, _ steps: String, _ all: [RescaleQuality]) -> [Table.Cell] {
            let mean = RescaleQuality.mean(all)
            return [
                .text(name), parameters, .text(steps), .number(mean.psnr, decimals: 2),
                .number(mean.ssim, decimals: 4), mean.lowPSNR.isFinite ? .number(mean.lowPSNR, decimals: 2) : nil,
                .text(all.map { Format.fixed($0.psnr, decimals: 2) }.joined(separator: ", ")),
            ]
        }
        let rows = Kind.allCases.filter { !of($0).isEmpty }.map { kind in
            let some = of(kind)
            return row(
                kind.rawValue, .number(Double(some[0].network.numberOfParameters())), "\(some[0].job.steps)",
                some.map(\.quality))
        }
        findings.table(
            Table(
                columns: [
                    "method", "parameters", "steps", "restored (dB)", "SSIM", "small vs bicubic (dB)", "seeds (dB)",
                ],
                rows: [row("bicubic down and up", nil, "", [bicubic])] + rows,
                caption:
                    "Top left 240² of the test photographs, luma, border 2. Networks of 500,000 steps at the published "
                    + "size reach 41-44 dB (Zhang et al., Table 2); these are minutes of two cores."))
        findings.text(
            "z holds "
                + outcomes.prefix(4).map {
                    "\(Format.number(100 * $0.latentShare, digits: 2)) % of the picture's energy (\($0.job.kind.rawValue))"
                }.joined(separator: ", ") + ".")
    }

    // MARK: Claim 4

    private func variants(
        _ outcome: Outcome, _ quiet: Outcome?, _ tests: [Tensor], _ findings: inout Findings
    ) {
        let sampler = DualLatent(outcome.network)
        let drawn = VariantQuality(
            outcome.network, tests, spread: 1, draws: 5, border: 2,
            key: RandomKey(outcome.job.seed).fold(in: "variants"))
        findings.measure("variants-differ", drawn.levels)
        findings.measure("variants-restore", outcome.quality.psnr - drawn.psnrs.min()!)
        findings.section("What the latents do")
        if let quiet {
            let rows = [1.0, 4, 16, 64].map { spread -> [Table.Cell] in
                let some = VariantQuality(
                    quiet.network, tests, spread: spread, draws: 1, border: 2,
                    key: RandomKey(quiet.job.seed).fold(in: "variants"))
                return [
                    .number(spread), .number(some.levels, decimals: 2),
                    .number(quiet.quality.psnr - some.psnrs[0], decimals: 2),
                ]
            }
            findings.table(
                Table(
                    quiet.job.kind.rawValue,
                    columns: ["spread of z_D", "small pictures differ by (levels)", "come back worse by (dB)"],
                    rows: rows,
                    caption:
                        "Without noise on the way up z_D is hardly looked at: a larger spread gives other thumbnails "
                        + "which come back nearly as well."))
        }
        let temperatures = [0, 0.25, 0.5, 0.75, 1.0]
        let psnrs = temperatures.map { temperature in
            RescaleQuality.mean(
                tests.enumerated().map { place, picture in
                    RescaleQuality(
                        picture, border: 2, down: { sampler.downscale($0) },
                        up: {
                            sampler.upscale(
                                $0, temperature: temperature,
                                key: RandomKey(outcome.job.seed).fold(in: "temperature")[place])
                        })
                }
            ).psnr
        }
        findings.chart(
            Chart(
                "temperature", "Restored at temperature τ", x: .linear("τ of z_U"), y: .linear("PSNR (dB)"),
                series: [.line("DLV-IRN", x: temperatures, y: psnrs)],
                caption: "z_U drawn from N(0, τ²); τ = 0 restores best."))
        let z = sampler.network.forward(RescaleQuality.numbers(tests[0])).second.toArray(Float.self)
        let edges = (0...40).map { -0.5 + Double($0) / 40 }
        var counts = [Double](repeating: 0, count: 40)
        for value in z {
            let bin = Int((Double(value) + 0.5) * 40)
            if (0..<40).contains(bin) { counts[bin] += 1 }
        }
        let centres = (0..<40).map { (edges[$0] + edges[$0 + 1]) / 2 }
        func normal(_ x: Double) -> Double { exp(-x * x / 2) / (2 * .pi).squareRoot() }
        findings.chart(
            Chart(
                "latent-histogram", "z_U of a photograph", x: .linear("z_U"), y: .linear("density"),
                series: [
                    .line("z_U", x: centres, y: counts.map { $0 * 40 / Double(z.count) }),
                    .line("N(0, 1)", x: centres, y: centres.map(normal), dashed: true),
                ], caption: "Training asks for small z, not for a normal one: it is much narrower than N(0, 1)."))
    }

    // MARK: Figures

    private func figures(_ outcomes: [Outcome], _ tests: [Tensor], _ findings: inout Findings) throws {
        func picture(_ name: String, _ caption: String, _ bytes: Tensor, _ magnification: Int) throws -> Picture {
            Picture(
                name, caption: caption, png: Data(try Bitmap(pixels: bytes, hasAlpha: false).encoded(as: .png)),
                magnification: magnification)
        }
        let test = tests[tests.count > 6 ? 6 : 0]
        let x = RescaleQuality.numbers(test)
        let best = outcomes.first { $0.job.kind == .long } ?? outcomes.first { $0.job.kind == .zero }!
        let low = RescaleQuality.bytes(best.network.downscale(x).lr)
        let restored = RescaleQuality.bytes(best.network.upscale(RescaleQuality.numbers(low)))
        let plain = Resample.resize(test, to: (120, 120), .matlab(.bicubic))
        let enlarged = Resample.resize(plain, to: (240, 240), .matlab(.bicubic))
        func cut(_ t: Tensor) -> Tensor { t[60..<180, 60..<180, 0...].contiguous() }
        func error(_ t: Tensor) -> Tensor {
            let d: Tensor = t.asType(.float32) - test.asType(.float32)
            return clip(d * 4.0 + 128.0, min: 0, max: 255).asType(.uint8)
        }
        findings.section("Pictures")
        findings.pictures([
            try picture("small-bicubic", "bicubic small picture", plain, 2),
            try picture("small-irn", "IRN's small picture", low, 2),
        ])
        findings.pictures([
            try picture("original", "original", cut(test), 2),
            try picture("bicubic", "bicubic down and up", cut(enlarged), 2),
            try picture("irn", "IRN down and up", cut(restored), 2),
            try picture("error-bicubic", "bicubic: error × 4", cut(error(enlarged)), 2),
            try picture("error-irn", "IRN: error × 4", cut(error(restored)), 2),
        ])
        let dual = DualLatent(outcomes.first { $0.job.kind == .dual }!.network)
        findings.pictures(
            try dual.variants(x, count: 3, spread: 1, key: RandomKey(1)).enumerated().map { index, small in
                try picture(
                    "variant-\(index)", index == 0 ? "DLV-IRN's thumbnail" : "another draw of z_D",
                    RescaleQuality.bytes(small), 2)
            })
    }
}
