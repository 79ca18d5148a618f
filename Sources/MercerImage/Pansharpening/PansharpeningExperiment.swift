import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of λ-PNN (Ciotola, Poggi, Scarpa 2023, arXiv 2307.14403), on three sensors' scenes by Wald's
/// protocol.
public struct PansharpeningExperiment: Experiment {
    public let slug = "lambda-pnn"

    public init() {}

    public let claims = [
        Claim(
            "ergas", "Trained without any ground truth it comes closer to the truth than allowed for",
            bar: .atMost(2.26), method: "ERGAS on the test half of Landsat-7 after 300 steps on its other half, 3 seeds"
        ),
        Claim(
            "sam", "Its spectra are right within this angle", bar: .atMost(3.32), unit: "°", method: "SAM, same runs"),
        Claim("q4", "Its Q4 index", bar: .atLeast(0.855), method: "Q4 on whole 32×32 blocks, same runs"),
        Claim(
            "beats-classical-ergas", "It beats every classical method in ERGAS", bar: .atMost(0),
            statistic: .maximum, method: "ERGAS minus the best of EXP, Brovey, GSA, MTF-GLP-CBD"),
        Claim(
            "beats-classical-sam", "And in spectral angle", bar: .atMost(0), unit: "°", statistic: .maximum,
            method: "SAM minus the best of the same"),
        Claim(
            "adaptation-ergas", "Adaptation to a scene of another sensor improves it", bar: .atMost(0),
            method:
                "RGBN and Sentinel-2 with the weights of Landsat-7, first seed: ERGAS after 100 adaptation steps minus before; the "
                + "worse of the two"),
        Claim(
            "adaptation-rho", "And its likeness to the panchromatic picture", bar: .atMost(0),
            method: "D_ρ after minus before, the worse of the two"),
        Claim(
            "joint", "The joint loss has the best product of ranks", bar: .atMost(0),
            method:
                "rank in ERGAS of the re-projection times rank in D_ρ: the better of the joint losses minus the best of "
                + "the single ones, 100 adaptation steps on Sentinel-2"),
        Claim(
            "straight-through", "A gradient for L_λ doesn't worsen D_λ", bar: .atMost(0),
            method: "D_λ of Khan with minus without, same runs"),
        Claim(
            "parameters-4", "The network has 198,442 parameters for 4 bands", bar: .exactly(198_442), method: "counted"),
        Claim("parameters-8", "And 207,150 for 8", bar: .exactly(207_150), method: "counted"),
    ]

    /// A scene whose right answer is known.
    struct Problem: Sendable {
        let name: String
        let scene: PansharpeningScene
        /// `[1, H, W, 4]` in digital numbers.
        let reference: Tensor

        init(_ name: String, _ reference: Tensor, _ sensor: SatelliteSensor) throws {
            self.name = name
            scene = try .reduced(reference, sensor: sensor, panWeights: MultispectralData.panWeights)
            self.reference = reference.expandedDimensions(axis: 0).contiguous()
        }

        func score(_ fused: Tensor, _ reprojection: Reprojection) throws -> Score {
            let y = scene.digital(fused)
            let (ms, pan): (Tensor, Tensor) = (scene.ms * scene.scale, scene.pan * scene.scale)
            return Score(
                ergas: try MultispectralMetrics.ergas(reference: reference, output: y),
                sam: MultispectralMetrics.sam(reference: reference, output: y),
                q4: MultispectralMetrics.q2n(reference: reference, output: y),
                dLambda: MultispectralMetrics.dLambdaKhan(fused: y, ms: ms, reprojection),
                dRho: MultispectralMetrics.dRho(fused: y, pan: pan),
                spectral: try MultispectralMetrics.ergas(reference: ms, output: reprojection(y)))
        }
    }

    struct Score: Sendable {
        let ergas: Double
        let sam: Double
        let q4: Double
        let dLambda: Double
        let dRho: Double
        /// ERGAS of the re-projection: needs no reference.
        let spectral: Double

        var cells: [Table.Cell] {
            [
                .number(ergas, decimals: 3), .number(sam, decimals: 3), .number(q4, decimals: 3),
                .number(dLambda, decimals: 4), .number(dRho, decimals: 3), .number(spectral, decimals: 3),
            ]
        }

        static let columns = ["ERGAS", "SAM (°)", "Q4", "D_λ", "D_ρ", "ERGAS, re-projected"]
    }

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        findings.measure("parameters-4", Double(LambdaPNN(bands: 4).numberOfParameters()))
        findings.measure("parameters-8", Double(LambdaPNN(bands: 8).numberOfParameters()))
        run.stage("satellite pictures")
        let sensor = SatelliteSensor.geoEye1
        let landsat = try await MultispectralData.landsat7.reference(from: run.data) { run.note($0) }
        let sentinel = try await MultispectralData.sentinel2.reference(from: run.data) { run.note($0) }
        let rgbn = try await MultispectralData.rgbn.reference(from: run.data) { run.note($0) }
        let train = try Problem("Landsat-7, left", landsat[0..., 0..<192, 0...].contiguous(), sensor)
        let test = try Problem("Landsat-7, right", landsat[0..., 192..<320, 0...].contiguous(), sensor)
        let others = [
            try Problem("RGBN", rgbn, sensor), try Problem("Sentinel-2", sentinel, sensor),
        ]
        let net = try scratch(run, train, test, sensor, &findings)
        try adaptation(run, net, others, sensor, &findings)
        return findings
    }

    // MARK: Claim 1

    private func scratch(
        _ run: RunContext, _ train: Problem, _ test: Problem, _ sensor: SatelliteSensor, _ findings: inout Findings
    ) throws -> LambdaPNN {
        let reprojection = Reprojection(sensor, ratio: test.scene.ratio)
        let classical = try ClassicalPansharpening.allCases.map { method in
            (method: method, score: try test.score(method(test.scene, sensor: sensor), reprojection))
        }
        let seeds = run.seeds(3)
        let steps = run.quick ? 60 : 300
        run.stage("training from scratch", steps: seeds.count * steps)
        var scores: [Score] = []
        var losses: [[Double]] = []
        var first: (net: LambdaPNN, fused: Tensor)?
        for (index, seed) in seeds.enumerated() {
            let net = LambdaPNN(bands: 4)
            net.initialize(RandomKey(seed))
            var history: [Double] = []
            let training = LambdaTraining(steps: steps, seed: seed)
            try training.trainer(net, [train.scene], sensor: sensor)
                .fit(training.loader([train.scene], sensor: sensor)) { step in
                    history.append(step.values[0])
                    run.step(index * steps + step.step)
                }
            let fused = net(test.scene.input)
            scores.append(try test.score(fused, reprojection))
            losses.append(history)
            if first == nil { first = (net, fused) }
        }
        findings.measure("ergas", scores.map(\.ergas), seeds: seeds)
        findings.measure("sam", scores.map(\.sam), seeds: seeds)
        findings.measure("q4", scores.map(\.q4), seeds: seeds)
        let best = (
            ergas: classical.map(\.score.ergas).min()!, sam: classical.map(\.score.sam).min()!
        )
        findings.measure("beats-classical-ergas", scores.map { $0.ergas - best.ergas }, seeds: seeds)
        findings.measure("beats-classical-sam", scores.map { $0.sam - best.sam }, seeds: seeds)
        var rows: [[Table.Cell]] = classical.map { entry in [Table.Cell.text(entry.method.rawValue)] + entry.score.cells
        }
        for (seed, score) in zip(seeds, scores) {
            rows.append([Table.Cell.text("λ-PNN, \(steps) steps, seed \(seed)")] + score.cells)
        }
        findings.section("Trained without ground truth")
        findings.table(
            Table(
                "\(test.name) half, reference known", columns: ["method"] + Score.columns,
                rows: rows, emphasis: Array(classical.count..<rows.count)))
        findings.chart(
            Chart(
                "losses", "Loss while it trains", x: .linear("step"), y: .linear("loss, mean of 10 steps"),
                series: zip(seeds, losses).map { seed, history in
                    let groups = history.count / 10
                    return .line(
                        "seed \(seed)", x: (0..<groups).map { Double(10 * $0 + 10) },
                        y: (0..<groups).map { g in history[(10 * g)..<(10 * g + 10)].reduce(0, +) / 10 })
                }))
        func picture(_ name: String, _ caption: String, _ x: Tensor) throws -> Picture {
            // Red, green, blue; the brightest hundredth is white.
            let colours =
                x.dim(3) == 1 ? x : concatenated([2, 1, 0].map { x[0..., 0..., 0..., $0..<($0 + 1)] }, axis: 3)
            let shown = Bitmap(clip(colours[0..., 96..<224, 0..., 0...] / 0.55, min: 0, max: 1).contiguous())
            return Picture(name, caption: caption, png: Data(try shown.encoded(as: .png)), magnification: 2)
        }
        findings.pictures([
            try picture("pan", "panchromatic", test.scene.pan),
            try picture("exp", "interpolated", test.scene.enlarged),
            try picture("gsa", "GSA", ClassicalPansharpening.gsa(test.scene, sensor: sensor)),
            try picture("lambda-pnn", "λ-PNN", first!.fused),
            try picture("reference", "reference", test.reference / test.scene.scale),
        ])
        return first!.net
    }

    // MARK: Claims 2 and 3

    private func adaptation(
        _ run: RunContext, _ net: LambdaPNN, _ problems: [Problem], _ sensor: SatelliteSensor,
        _ findings: inout Findings
    ) throws {
        let start = net.state().mapValues { $0 + 0.0 }
        let joint = LambdaObjective.adaptation(sensor).objective
        var plain = joint
        plain.beta = 0
        var spectral = plain
        spectral.gamma = 0
        var spatial = plain
        spatial.alpha = 0
        let losses = [
            ("L_ERGAS", spectral), ("L_S", spatial), ("both", plain), ("both, L_λ straight through", joint),
        ]
        let steps = run.quick ? 3 : 100
        // The joint loss on every scene, the others on the last.
        let jobs = problems.indices.flatMap { problem in
            losses.indices.filter { $0 == 3 || problem == problems.count - 1 }.map { (problem: problem, loss: $0) }
        }
        run.stage("adapting to other sensors", steps: jobs.count * steps)
        var before: [Score] = []
        var after: [Score] = []
        for problem in problems {
            let reprojection = Reprojection(sensor, ratio: problem.scene.ratio)
            net.update(parameters: start)
            before.append(try problem.score(net(problem.scene.input), reprojection))
        }
        for (index, job) in jobs.enumerated() {
            let problem = problems[job.problem]
            net.update(parameters: start.mapValues { $0 + 0.0 })
            var options = Pansharpening.Options(sensor)
            options.objective = losses[job.loss].1
            options.epochs = steps
            options.patches = 4
            options.patchSize = 128
            try Pansharpening.adapt(net, problem.scene, sensor: sensor, options: options) { step in
                try Task.checkCancellation()
                run.step(index * steps + step.step)
            }
            let reprojection = Reprojection(sensor, ratio: problem.scene.ratio)
            after.append(try problem.score(net(problem.scene.input), reprojection))
        }
        let full = jobs.indices.filter { jobs[$0].loss == 3 }
        findings.measure(
            "adaptation-ergas", full.map { after[$0].ergas - before[jobs[$0].problem].ergas }.max()!)
        findings.measure("adaptation-rho", full.map { after[$0].dRho - before[jobs[$0].problem].dRho }.max()!)
        let scores = losses.indices.map { loss in after[jobs.indices.last { jobs[$0].loss == loss }!] }
        func ranks(_ value: (Score) -> Double) -> [Double] {
            scores.map { own in Double(1 + scores.count { value($0) < value(own) }) }
        }
        let products = zip(ranks { $0.spectral }, ranks { $0.dRho }).map { $0 * $1 }
        findings.measure("joint", min(products[2], products[3]) - min(products[0], products[1]))
        findings.measure("straight-through", scores[3].dLambda - scores[2].dLambda)
        var rows: [[Table.Cell]] = []
        for problem in problems.indices {
            let name = Table.Cell.text(problems[problem].name)
            rows.append([name, Table.Cell.text("before")] + before[problem].cells)
            for job in jobs.indices where jobs[job].problem == problem {
                rows.append([name, Table.Cell.text(losses[jobs[job].loss].0)] + after[job].cells)
            }
        }
        findings.section("Adapted to other sensors")
        findings.table(
            Table(
                "Weights of Landsat-7, \(steps) steps on 4 patches of 128², or the whole scene where it isn't larger",
                columns: ["scene", "loss"] + Score.columns,
                rows: rows))
        findings.table(
            Table(
                columns: ["loss", "product of ranks"],
                rows: losses.indices.map { [.text(losses[$0].0), .number(products[$0], decimals: 0)] },
                caption: "Rank in ERGAS of the re-projection times rank in D_ρ on \(problems.last!.name)."))
    }
}
