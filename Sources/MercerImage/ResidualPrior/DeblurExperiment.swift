import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of DRP (Tang, Zhao, Liu, Wang, Miao, Zeng 2023, arXiv 2210.05361), on five grey photographs of 128².
public struct DeblurExperiment: Experiment {
    public let slug = "drp-deblur"

    public init() {}

    public let claims = [
        Claim(
            "beats-wiener", "With a wrong kernel DRP comes closer to the sharp picture than the best Wiener filter",
            bar: .atLeast(0.5), unit: "dB",
            method:
                "mean difference of the PSNR over grey-5 at 128² and two kernel errors (disk 3.0 given as 3.5; motion "
                + "13 px 10° given as 20°), noise 0.01, 1000 iterations, Wiener's ε the best of eight, 2 seeds "
                + "(a third takes the run past a quarter of an hour)"),
        Claim(
            "beats-dip", "It comes closer than the deep image prior, which has no residual", bar: .atLeast(0.1),
            unit: "dB", method: "the same, against the deep image prior at equal iterations, averages compared"),
        Claim(
            "slower-than-wiener", "As the given radius goes from 3.0 to 4.0, DRP loses less than Wiener's filter",
            bar: .atMost(0), unit: "dB",
            method:
                "DRP's drop minus Wiener's, camera, true radius 3.0, PSNR in dB, 500 iterations, 2 seeds; ε chosen at "
                + "each radius"),
        Claim(
            "slower-than-dip", "And less than the deep image prior", bar: .atMost(0), unit: "dB",
            method: "DRP's drop minus the deep image prior's, same runs"),
        Claim(
            "residual-found", "The residual network finds the true residual", bar: .atLeast(0.2),
            method: "correlation of r with (k − k̂) ⊗ x, mean over the runs of the first claim"),
        Claim(
            "residual-sparse", "Its residual is exactly 0 on many pixels", bar: .atLeast(30), unit: "%",
            method: "pixels with r = 0, mean over the runs of the first claim"),
        Claim(
            "full-is-best", "No part can be left out: the full method is best or within 0.1 dB of the best",
            bar: .atMost(0.1), unit: "dB",
            method:
                "best mean PSNR of the ablations minus the full method's: without residual, with artefacts (τ = 0.02), "
                + "without softshrink, without smoothness; 500 iterations, first seed, grey-5, the wrong disk"),
        Claim(
            "parameters-image", "The image network has 2,257,313 parameters", bar: .exactly(2_257_313),
            method: "counted"),
        Claim(
            "parameters-residual", "The residual network has 269,033", bar: .exactly(269_033), method: "counted"),
    ]

    /// A blur and the wrong kernel that is given for it.
    struct Blur: Sendable {
        let name: String
        let truth: BlurShape
        let given: BlurShape
    }

    static let blurs = [
        Blur(
            name: "disk 3.0 as 3.5", truth: .disk(radius: 3),
            given: BlurShape.disk(radius: 3).wrong(size: 0.5)),
        Blur(
            name: "motion 13, 10° as 20°", truth: .motion(length: 13, angle: 10),
            given: BlurShape.motion(length: 13, angle: 10).wrong(angle: 10)),
    ]

    /// A blurred photograph with what was given for its kernel.
    struct Problem: Sendable {
        let photograph: String
        let blur: String
        let clean: Tensor
        let blurred: Tensor
        let given: BlurKernel
        let trueResidual: Tensor

        init(_ photograph: String, _ clean: Tensor, _ blur: Blur, seed: UInt64) throws {
            self.photograph = photograph
            self.blur = blur.name
            self.clean = clean
            let side = clean.shape[1]
            given = try blur.given.kernel(side: 31)
            let truth = CircularBlur(try blur.truth.kernel(side: 31), height: side, width: side)(clean)
            let noise = Random.normal(clean.shape, scale: 0.01, key: RandomKey(seed).fold(in: photograph))
            blurred = truth + noise
            trueResidual = truth - CircularBlur(given, height: side, width: side)(clean)
        }

        /// Wiener's best: ε and its picture.
        var wiener: (noise: Double, picture: Tensor) {
            let blur = CircularBlur(given, height: clean.shape[1], width: clean.shape[2])
            let all = CircularBlur.noiseLevels.map { (noise: $0, picture: blur.wiener(blurred, noise: $0)) }
            return all.max { psnr($0.picture) < psnr($1.picture) }!
        }

        func psnr(_ picture: Tensor) -> Double { PictureDeblurring.psnr(picture, clean) }
    }

    /// What one run of the networks gave.
    struct Outcome: Sendable {
        let average: Tensor
        let residual: Tensor?
        let psnr: Double
        let lastPSNR: Double
        let correlation: Double
        let zeros: Double
        let history: [(iteration: Int, psnr: Double)]
    }

    /// One run that is to be made.
    struct Job: Sendable {
        let problem: Problem
        var configuration: ResidualPriorConfiguration
    }

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        findings.measure("parameters-image", Double(SkipHourglass(.imagePaper).numberOfParameters()))
        findings.measure("parameters-residual", Double(SkipHourglass(.residualPaper).numberOfParameters()))
        run.stage("photographs")
        var photographs: [(name: String, clean: Tensor)] = []
        for photograph in run.quick ? Array(Photograph.grey5.prefix(1)) : Photograph.grey5 {
            let square = try await photograph.greySquare(from: run.data) { run.note($0) }
            let small = Photograph.reduced(square, by: 2)
            let name = photograph.name.split(separator: ".").first.map(String.init) ?? photograph.name
            photographs.append((name, (small.asType(.float32) / 255.0).expandedDimensions(axis: 0)))
        }
        let blurs = run.quick ? Array(Self.blurs.prefix(1)) : Self.blurs
        let problems = try photographs.flatMap { item in
            try blurs.map { try Problem(item.name, item.clean, $0, seed: run.seed) }
        }
        let first = try robustness(run, problems, &findings)
        try radii(run, photographs[0].clean, &findings)
        try ablation(run, problems, first, &findings)
        try pictures(problems[0], first[0].drp, first[0].dip, &findings)
        return findings
    }

    static func configuration(_ run: RunContext, seed: UInt64, iterations: Int) -> ResidualPriorConfiguration {
        ResidualPriorConfiguration(.small, iterations: run.quick ? iterations * 3 / 10 : iterations, seed: seed)
    }

    /// Runs all jobs, as many at a time as there are threads.
    func outcomes(_ run: RunContext, _ stage: String, _ jobs: [Job]) throws -> [Outcome] {
        run.stage(stage, steps: jobs.count)
        let done = Collected<Outcome>(count: jobs.count)
        try Parallel.forEachUnlessCancelled(jobs.count) { index in
            run.step(done.set(index, Swift.Result { try Self.outcome(jobs[index]) }))
        }
        return try done.values()
    }

    private static func outcome(_ job: Job) throws -> Outcome {
        let problem = job.problem
        let prior = try DeepResidualPrior(
            blurred: problem.blurred, kernel: problem.given, configuration: job.configuration)
        var history: [(iteration: Int, psnr: Double)] = []
        let every = max(1, job.configuration.iterations / 20)
        let result = try prior.run { step in
            if step.iteration % every == 0 {
                try Task.checkCancellation()
                history.append((step.iteration, problem.psnr(prior.picture)))
            }
        }
        let zeros = result.residual.map { ($0 .== 0.0).asType(.float32).mean().doubleValue } ?? 1
        return Outcome(
            average: result.average, residual: result.residual, psnr: problem.psnr(result.average),
            lastPSNR: problem.psnr(result.last),
            correlation: result.residual.map { Self.correlation($0, problem.trueResidual) } ?? 0, zeros: zeros,
            history: history)
    }

    private static func correlation(_ a: Tensor, _ b: Tensor) -> Double {
        let (x, y) = (a.asType(.float64), b.asType(.float64))
        let (dx, dy): (Tensor, Tensor) = (x - x.mean(), y - y.mean())
        let size = (square(dx).sum().doubleValue * square(dy).sum().doubleValue).squareRoot()
        return size == 0 ? 0 : (dx * dy).sum().doubleValue / size
    }

    // MARK: Claims 1 and 3

    private func robustness(
        _ run: RunContext, _ problems: [Problem], _ findings: inout Findings
    ) throws -> [(drp: Outcome, dip: Outcome)] {
        let seeds = run.seeds(2)
        let jobs = seeds.flatMap { seed in
            problems.flatMap { problem in
                let drp = Self.configuration(run, seed: seed, iterations: 1000)
                return [
                    Job(problem: problem, configuration: drp),
                    Job(problem: problem, configuration: drp.deepImagePrior),
                ]
            }
        }
        let outcomes = try outcomes(run, "wrong kernels", jobs)
        let wiener = problems.map { problem in
            let best = problem.wiener
            return (noise: best.noise, psnr: problem.psnr(best.picture))
        }
        func outcome(_ seed: Int, _ problem: Int, dip: Bool) -> Outcome {
            outcomes[2 * (seed * problems.count + problem) + (dip ? 1 : 0)]
        }
        func perSeed(_ value: (Int, Int) -> Double) -> [Double] {
            seeds.indices.map { seed in Claim.Statistic.mean(problems.indices.map { value(seed, $0) }) }
        }
        findings.measure(
            "beats-wiener", perSeed { outcome($0, $1, dip: false).psnr - wiener[$1].psnr }, seeds: seeds)
        findings.measure(
            "beats-dip", perSeed { outcome($0, $1, dip: false).psnr - outcome($0, $1, dip: true).psnr },
            seeds: seeds)
        findings.measure("residual-found", perSeed { outcome($0, $1, dip: false).correlation }, seeds: seeds)
        findings.measure("residual-sparse", perSeed { 100 * outcome($0, $1, dip: false).zeros }, seeds: seeds)

        findings.section("A wrong kernel")
        let rows = problems.indices.map { i -> [Table.Cell] in
            func mean(_ value: (Int) -> Double) -> Table.Cell {
                .number(Claim.Statistic.mean(seeds.indices.map(value)), decimals: 2)
            }
            return [
                .text(problems[i].photograph), .text(problems[i].blur),
                .number(problems[i].psnr(problems[i].blurred), decimals: 2), .number(wiener[i].psnr, decimals: 2),
                .number(wiener[i].noise), mean { outcome($0, i, dip: true).psnr },
                mean { outcome($0, i, dip: false).psnr }, mean { outcome($0, i, dip: false).lastPSNR },
                mean { outcome($0, i, dip: false).correlation },
            ]
        }
        findings.table(
            Table(
                "PSNR in dB, mean of \(seeds.count) seeds",
                columns: [
                    "photograph", "kernel", "blurred", "Wiener", "ε", "DIP", "DRP", "DRP, last", "correlation of r",
                ], rows: rows))
        func history(_ name: String, _ dip: Bool) -> Chart.Series {
            let histories = problems.indices.map { outcome(0, $0, dip: dip).history }
            let x = histories[0].map { Double($0.iteration) }
            return .line(
                name, x: x, y: x.indices.map { i in Claim.Statistic.mean(histories.map { $0[i].psnr }) })
        }
        findings.chart(
            Chart(
                "convergence", "PSNR of the average over the iterations", x: .linear("iteration"),
                y: .linear("PSNR (dB)"), series: [history("DRP", false), history("DIP", true)],
                caption: "Mean over photographs and kernels, first seed."))
        return problems.indices.map { (outcome(0, $0, dip: false), outcome(0, $0, dip: true)) }
    }

    // MARK: Claim 2

    private func radii(_ run: RunContext, _ clean: Tensor, _ findings: inout Findings) throws {
        let radii = run.quick ? [3.0, 4.0] : [3.0, 3.2, 3.4, 3.6, 3.8, 4.0, 4.2]
        let problems = try radii.map { radius in
            try Problem(
                "camera", clean,
                Blur(name: "\(radius)", truth: .disk(radius: 3), given: .disk(radius: radius)), seed: run.seed)
        }
        // The curves are the first seed's; the radii that the claims compare are every seed's.
        let seeds = run.seeds(2)
        let ends = [radii.firstIndex(of: 3.0)!, radii.firstIndex(of: 4.0)!]
        let runs = seeds.flatMap { seed in
            (seed == seeds[0] ? Array(radii.indices) : ends).map { (seed: seed, radius: $0) }
        }
        let jobs = runs.flatMap { item in
            let drp = Self.configuration(run, seed: item.seed, iterations: 500)
            return [drp, drp.deepImagePrior].map { Job(problem: problems[item.radius], configuration: $0) }
        }
        let outcomes = try outcomes(run, "wrong radii", jobs)
        func psnr(_ seed: UInt64, _ radius: Int, dip: Bool) -> Double {
            outcomes[2 * runs.firstIndex { $0 == (seed, radius) }! + (dip ? 1 : 0)].psnr
        }
        func drop(_ seed: UInt64, dip: Bool) -> Double {
            psnr(seed, ends[0], dip: dip) - psnr(seed, ends[1], dip: dip)
        }
        let wiener = problems.map { $0.psnr($0.wiener.picture) }
        findings.measure(
            "slower-than-wiener", seeds.map { drop($0, dip: false) - (wiener[ends[0]] - wiener[ends[1]]) },
            seeds: seeds)
        findings.measure(
            "slower-than-dip", seeds.map { drop($0, dip: false) - drop($0, dip: true) }, seeds: seeds)
        let curves = [
            ("DRP", radii.indices.map { psnr(seeds[0], $0, dip: false) }),
            ("DIP", radii.indices.map { psnr(seeds[0], $0, dip: true) }), ("Wiener", wiener),
        ]
        findings.section("How fast it degrades")
        findings.chart(
            Chart(
                "radii", "PSNR when the given radius is wrong", x: .linear("given radius (pixels)"),
                y: .linear("PSNR (dB)"), series: curves.map { .line($0.0, x: radii, y: $0.1) },
                guides: [.vertical(3, "true radius")],
                caption: "Camera; the blurred picture itself has "
                    + "\(Format.fixed(problems[0].psnr(problems[0].blurred), decimals: 2)) dB."))
    }

    // MARK: Claim 4

    private func ablation(
        _ run: RunContext, _ problems: [Problem], _ first: [(drp: Outcome, dip: Outcome)],
        _ findings: inout Findings
    ) throws {
        // The first claim's runs had the full method and the deep image prior half way.
        let chosen = problems.indices.filter { problems[$0].blur == Self.blurs[0].name }
        let full = Self.configuration(run, seed: run.seed, iterations: 500)
        var artefacts = full
        artefacts.lambda1 = 0.02
        var linear = full
        linear.residual = full.residual?.with(.linear)
        var rough = full
        rough.tv = 0
        let variants = [
            ("with artefacts, τ = 0.02", artefacts), ("without softshrink", linear), ("without smoothness", rough),
        ]
        let jobs = variants.flatMap { variant in
            chosen.map { Job(problem: problems[$0], configuration: variant.1) }
        }
        let outcomes = try outcomes(run, "leaving parts out", jobs)
        func halfway(_ outcome: Outcome) -> Double { outcome.history[outcome.history.count / 2 - 1].psnr }
        let means =
            [
                ("full", Claim.Statistic.mean(chosen.map { halfway(first[$0].drp) })),
                ("without residual", Claim.Statistic.mean(chosen.map { halfway(first[$0].dip) })),
            ]
            + variants.indices.map { v in
                (variants[v].0, Claim.Statistic.mean(chosen.indices.map { outcomes[v * chosen.count + $0].psnr }))
            }
        findings.measure("full-is-best", means.map(\.1).max()! - means[0].1)
        findings.section("Leaving parts out")
        findings.table(
            Table(
                columns: ["method", "PSNR (dB)"],
                rows: means.map { [.text($0.0), .number($0.1, decimals: 2)] }, emphasis: [0],
                caption: "Mean over the photographs, \(Self.blurs[0].name), after \(full.iterations) iterations. The "
                    + "re-tuned method leaves the artefacts out."))
    }

    // MARK: Pictures

    private func pictures(
        _ problem: Problem, _ drp: Outcome, _ dip: Outcome, _ findings: inout Findings
    ) throws {
        func picture(_ name: String, _ caption: String, _ x: Tensor) throws -> Picture {
            Picture(
                name, caption: caption, png: Data(try Bitmap(clip(x, min: 0, max: 1)).encoded(as: .png)),
                magnification: 3)
        }
        let wiener = problem.wiener
        func dB(_ psnr: Double) -> String { "\(Format.fixed(psnr, decimals: 2)) dB" }
        findings.section("Pictures: \(problem.photograph), \(problem.blur)")
        findings.pictures([
            try picture("blurred", "blurred, \(dB(problem.psnr(problem.blurred)))", problem.blurred),
            try picture("wiener", "Wiener, \(dB(problem.psnr(wiener.picture)))", wiener.picture),
            try picture("dip", "deep image prior, \(dB(dip.psnr))", dip.average),
            try picture("drp", "DRP, \(dB(drp.psnr))", drp.average),
            try picture("sharp", "sharp", problem.clean),
        ])
        if let residual = drp.residual {
            let scale = max(abs(problem.trueResidual).max().doubleValue, 1e-6)
            findings.pictures([
                try picture("residual", "the network's residual, grey where it is 0", residual / (2 * scale) + 0.5),
                try picture("true-residual", "the true residual", problem.trueResidual / (2 * scale) + 0.5),
                try picture("difference", "DRP minus sharp, ×2", (drp.average - problem.clean) * 2.0 + 0.5),
            ])
        }
    }
}
