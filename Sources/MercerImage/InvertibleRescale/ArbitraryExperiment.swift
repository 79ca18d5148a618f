import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of IARN (Pan et al., WACV 2023, arXiv 2209.13055), at a size that two cores can train.
public struct ArbitraryExperiment: Experiment {
    public let slug = "iarn"

    public init() {}

    private typealias Size = (height: Int, width: Int)

    /// The sizes that 240×240 is brought to.
    private static let sizes: [Size] = [(160, 160), (120, 120), (96, 96), (80, 80), (60, 60), (96, 150)]
    /// Bicubic down and up at these sizes, computed by another implementation.
    private static let reference = [36.154, 33.751, 32.320, 31.303, 29.829, 33.536]

    public let claims = [
        Claim(
            "bicubic", "Bicubic down and up gives the known value at every size", bar: .atMost(0.02), unit: "dB",
            method: "the largest difference over six sizes, top left 240² of ten photographs, luma, border 2"),
        Claim(
            "every-size", "One model beats bicubic at every size", bar: .atLeast(0.001), unit: "dB",
            statistic: .minimum,
            method:
                "the smallest difference of the restored PSNR over 240→160, 120, 96, 80, 60 and 96×150; 3 blocks, growth "
                + "8, 600 steps of 8 crops of 48² with random scales from 1.1 to 4, cycle loss × 0.02"),
        Claim("at-120", "It restores 120² well", bar: .atLeast(34.05), unit: "dB", method: "240→120→240, as above"),
        Claim("at-80", "It restores 80² well", bar: .atLeast(31.6), unit: "dB", method: "240→80→240, as above"),
        Claim(
            "thumbnail", "Its small pictures look like bicubic ones", bar: .atLeast(40), unit: "dB",
            statistic: .minimum, method: "the lowest mean PSNR of the small pictures against bicubic's, luma"),
        Claim(
            "encoding", "The position-aware scale encoding helps", bar: .atLeast(0), unit: "dB",
            method: "full minus without encoding, equal steps, mean over the six sizes, 3 seeds"),
        Claim(
            "splitting", "Splitting before the net helps", bar: .atLeast(0), unit: "dB",
            method: "full minus without splitting, equal steps, mean over the six sizes, 3 seeds"),
        Claim(
            "cycles", "Five times down and up loses little", bar: .atMost(0.7), unit: "dB",
            method: "240→137: PSNR of the first restoration minus that of the fifth"),
        Claim(
            "cycles-bicubic", "Bicubic loses more", bar: .atLeast(1.5), unit: "dB", method: "the same with bicubic"),
        Claim(
            "invertible", "The net gives back what it was given, for any encoding", bar: .atMost(3e-5),
            method: "3 blocks of random weights, three sizes, three encodings: largest |f⁻¹(f(x)) − x|"),
        Claim(
            "identity", "Of the same size it is the identity up to 256 levels", bar: .atLeast(50), unit: "dB",
            method: "240→240→240 with the trained model"),
        Claim(
            "size", "It has about as many parameters as IRN with the same blocks and growth",
            bar: .within(1, tolerance: 0.05),
            method: "parameters at 16 blocks, growth 32, over those of IRN ×4 (16 blocks, growth 32)"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        exactness(&findings)
        run.stage("photographs")
        let pictures = try await TrainingPictures(photographs: run.data) { run.note($0) }.pictures
        var tests: [Tensor] = []
        for photograph in Photograph.test10 {
            let whole = try await photograph.testPixels(from: run.data) { run.note($0) }
            tests.append(whole[0..<240, 0..<240, 0...].contiguous())
        }
        if run.quick { tests = Array(tests.prefix(3)) }
        let bicubic = Self.sizes.map { size in
            RescaleQuality.mean(tests.map { RescaleQuality.bicubic($0, to: size, border: 2) })
        }
        if run.quick {
            findings.skip("bicubic", because: "a quick run looks at three photographs only")
        } else {
            findings.measure("bicubic", zip(bicubic, Self.reference).map { abs($0.psnr - $1) }.max()!)
        }
        let outcomes = try train(run, pictures, tests)
        compare(outcomes, bicubic, &findings)
        let full = outcomes.first { $0.kind == .full }!
        curve(full.network!, tests, run.quick, &findings)
        cycles(full.network!, tests, &findings)
        findings.measure("identity", quality(full.network!, tests, (240, 240)).psnr)
        try figures(full.network!, tests[tests.count > 6 ? 6 : 0], &findings)
        return findings
    }

    private func quality(_ network: ArbitraryRescaler, _ tests: [Tensor], _ size: Size) -> RescaleQuality {
        .mean(
            tests.map { picture in
                RescaleQuality(
                    picture, border: 2, down: { network.downscale($0, to: size) },
                    up: { network.upscale($0, to: (picture.shape[0], picture.shape[1])) })
            })
    }

    // MARK: Claims 4 and 5

    private func exactness(_ findings: inout Findings) {
        var worst = 0.0
        let x = Random.uniform(0..<1, [2, 48, 40, 3], key: RandomKey(2))
        for encoding in ScaleEncoding.allCases {
            let network = ArbitraryRescaler(.init(blocks: 3, growth: 8, encoding: encoding))
            DualLatentExperiment.randomise(network, RandomKey(3))
            for size in [(31, 17), (20, 20), (48, 40)] {
                let sizes = ArbitraryRescaler.Sizes((48, 40), to: size)
                let context = network.context(sizes)
                let back = network.restore(network.transform(network.split(x, sizes), context), context)
                let difference: Tensor = back.first + back.second - x
                worst = max(worst, difference.abs().max().doubleValue)
            }
        }
        findings.measure("invertible", worst)
        let ours = ArbitraryRescaler().numberOfParameters()
        let theirs = InvertibleRescaler(.x4).numberOfParameters()
        findings.measure(
            "size", Double(ours) / Double(theirs),
            note: "\(ours) against \(theirs) parameters: both halves have 12 channels here, where IRN has 3")
    }

    // MARK: Training

    enum Kind: String, CaseIterable {
        case full = "IARN"
        case noEncoding = "without encoding"
        case noSplitting = "without splitting"
        case ratios = "ratios only"
        case noCycle = "without cycle loss"
        case fullCycle = "cycle loss of weight 1"
        case randomLatent = "random z in training"
        case fixed = "IRN ×2 (one scale)"

        var configuration: ArbitraryRescaler.Configuration {
            var result = ArbitraryRescaler.Configuration(blocks: 3, growth: 8)
            switch self {
            case .noEncoding: result.encoding = .none
            case .ratios: result.encoding = .ratios
            case .noSplitting: result.splits = false
            default: break
            }
            return result
        }
    }

    private final class Outcome: @unchecked Sendable {
        let kind: Kind
        let seed: UInt64
        let network: ArbitraryRescaler?
        /// At each of the six sizes; of the fixed scale at 120² alone.
        let qualities: [RescaleQuality]

        init(_ kind: Kind, _ seed: UInt64, _ network: ArbitraryRescaler?, _ qualities: [RescaleQuality]) {
            self.kind = kind
            self.seed = seed
            self.network = network
            self.qualities = qualities
        }

        var mean: Double { qualities.reduce(0) { $0 + $1.psnr } / Double(qualities.count) }
    }

    private func train(_ run: RunContext, _ pictures: [Tensor], _ tests: [Tensor]) throws -> [Outcome] {
        let seeds = run.seeds(3)
        var jobs: [(kind: Kind, seed: UInt64)] = seeds.flatMap { seed in
            [Kind.full, .noEncoding, .noSplitting].map { ($0, seed) }
        }
        if !run.quick {
            jobs += [Kind.ratios, .noCycle, .fullCycle, .randomLatent, .fixed].map { ($0, seeds[0]) }
        }
        let steps = run.quick ? 40 : 600
        run.stage("training", steps: jobs.count)
        let outcomes = Collected<Outcome>(count: jobs.count)
        let work = jobs
        try Parallel.forEachUnlessCancelled(work.count) { index in
            let (kind, seed) = work[index]
            let result = Result { try outcome(kind, seed, steps, pictures, tests) }
            run.step(outcomes.set(index, result))
        }
        return try outcomes.values()
    }

    private func outcome(
        _ kind: Kind, _ seed: UInt64, _ steps: Int, _ pictures: [Tensor], _ tests: [Tensor]
    ) throws -> Outcome {
        var base = RescaleRecipe.small
        base.steps = steps
        if kind == .fixed {
            let network = InvertibleRescaler(scale: 2, blocks: [3], growth: 8)
            network.initialize(RandomKey(seed))
            try base.train(network, on: pictures, seed: seed)
            let all = tests.map {
                RescaleQuality($0, border: 2, down: { network.downscale($0).lr }, up: { network.upscale($0) })
            }
            return Outcome(kind, seed, nil, [.mean(all)])
        }
        base.randomLatents = kind == .randomLatent
        var recipe = ArbitraryRecipe.small
        recipe.base = base
        switch kind {
        case .noCycle: recipe.cycleWeight = 0
        case .fullCycle: recipe.cycleWeight = ArbitraryRecipe.official.cycleWeight
        default: break
        }
        let network = ArbitraryRescaler(kind.configuration)
        network.initialize(RandomKey(seed))
        try recipe.train(network, on: pictures, seed: seed)
        return Outcome(kind, seed, network, Self.sizes.map { quality(network, tests, $0) })
    }

    // MARK: Claims 1 and 2

    private func compare(_ outcomes: [Outcome], _ bicubic: [RescaleQuality], _ findings: inout Findings) {
        func of(_ kind: Kind) -> [Outcome] { outcomes.filter { $0.kind == kind } }
        let full = of(.full)
        let seeds = full.map(\.seed)
        findings.measure(
            "every-size", full.map { zip($0.qualities, bicubic).map { $0.psnr - $1.psnr }.min()! }, seeds: seeds)
        let fixed = of(.fixed).first
        findings.measure(
            "at-120", full.map { $0.qualities[1].psnr }, seeds: seeds,
            note: fixed.map {
                "IRN ×2 with as many blocks, for this size alone: \(Format.fixed($0.qualities[0].psnr, decimals: 2)) dB"
            })
        findings.measure("at-80", full.map { $0.qualities[3].psnr }, seeds: seeds)
        findings.measure("thumbnail", full.map { $0.qualities.map(\.lowPSNR).min()! }, seeds: seeds)
        findings.measure("encoding", zip(full, of(.noEncoding)).map { $0.mean - $1.mean }, seeds: seeds)
        findings.measure("splitting", zip(full, of(.noSplitting)).map { $0.mean - $1.mean }, seeds: seeds)

        findings.section("240² down and back")
        let columns = Self.sizes.map { $0.height == $0.width ? "\($0.width)²" : "\($0.width)×\($0.height)" }
        func row(_ name: String, _ some: [Outcome]) -> [Table.Cell] {
            let means = Self.sizes.indices.map { size in
                some.reduce(0) { $0 + $1.qualities[size].psnr } / Double(some.count)
            }
            return [.text(name)] + means.map { .number($0, decimals: 2) }
                + [.number(means.reduce(0, +) / Double(means.count), decimals: 3), .text("\(some.count)")]
        }
        var rows: [[Table.Cell]] = [
            [.text("bicubic")] + bicubic.map { .number($0.psnr, decimals: 2) }
                + [.number(bicubic.reduce(0) { $0 + $1.psnr } / Double(bicubic.count), decimals: 3), nil]
        ]
        for kind in Kind.allCases where kind != .fixed && !of(kind).isEmpty {
            rows.append(row(kind.rawValue, of(kind)))
        }
        findings.table(
            Table(
                "Restored PSNR (dB)", columns: ["method"] + columns + ["mean", "seeds"], rows: rows, emphasis: [1],
                caption: "Mean over the test photographs' top left 240², luma, border 2."))
    }

    private func curve(
        _ network: ArbitraryRescaler, _ tests: [Tensor], _ quick: Bool, _ findings: inout Findings
    ) {
        let sides = (0..<(quick ? 4 : 20)).map { 60 + $0 * (quick ? 45 : 9) }
        let some = Array(tests.prefix(quick ? 1 : 5))
        let scales = sides.map { 240 / Double($0) }
        let ours = sides.map { quality(network, some, ($0, $0)).psnr }
        let bicubic = sides.map { side in
            RescaleQuality.mean(some.map { RescaleQuality.bicubic($0, to: (side, side), border: 2) }).psnr
        }
        findings.chart(
            Chart(
                "sizes", "One model at \(sides.count) sizes", x: .linear("scale"), y: .linear("restored PSNR (dB)"),
                series: [
                    .line("IARN", x: scales, y: ours), .line("bicubic", x: scales, y: bicubic, dashed: true),
                ], caption: "\(some.count) test photographs, 240² to \(sides[0])² … \(sides.last!)² and back."))
    }

    // MARK: Claim 3

    private func cycles(_ network: ArbitraryRescaler, _ tests: [Tensor], _ findings: inout Findings) {
        let rounds = 5
        let size = (height: 137, width: 137)
        func psnrs(_ round: (Tensor) -> Tensor) -> [Double] {
            var sums = [Double](repeating: 0, count: rounds)
            for test in tests {
                var picture = test
                for index in 0..<rounds {
                    picture = round(picture)
                    sums[index] += ImageMetrics.psnr(
                        ImageMetrics.luma(test), ImageMetrics.luma(picture), border: 2)
                }
            }
            return sums.map { $0 / Double(tests.count) }
        }
        let ours = psnrs { picture in
            let low = RescaleQuality.bytes(network.downscale(RescaleQuality.numbers(picture), to: size))
            return RescaleQuality.bytes(network.upscale(RescaleQuality.numbers(low), to: (240, 240)))
        }
        let bicubic = psnrs { picture in
            Resample.resize(
                Resample.resize(picture, to: size, .matlab(.bicubic)), to: (240, 240), .matlab(.bicubic))
        }
        findings.measure("cycles", ours[0] - ours[rounds - 1])
        findings.measure("cycles-bicubic", bicubic[0] - bicubic[rounds - 1])
        let x = (1...rounds).map(Double.init)
        findings.chart(
            Chart(
                "cycles", "Down and up again and again", x: .linear("rounds"), y: .linear("PSNR (dB)"),
                series: [.line("IARN", x: x, y: ours), .line("bicubic", x: x, y: bicubic, dashed: true)],
                caption: "240² to 137² and back, rounded to bytes each time."))
    }

    // MARK: Figures

    private func figures(_ network: ArbitraryRescaler, _ test: Tensor, _ findings: inout Findings) throws {
        func picture(_ name: String, _ caption: String, _ bytes: Tensor) throws -> Picture {
            Picture(
                name, caption: caption, png: Data(try Bitmap(pixels: bytes, hasAlpha: false).encoded(as: .png)),
                magnification: 2)
        }
        let size = (height: 96, width: 150)
        let low = RescaleQuality.bytes(network.downscale(RescaleQuality.numbers(test), to: size))
        let restored = RescaleQuality.bytes(network.upscale(RescaleQuality.numbers(low), to: (240, 240)))
        let bicubic = Resample.resize(
            Resample.resize(test, to: size, .matlab(.bicubic)), to: (240, 240), .matlab(.bicubic))
        func error(_ t: Tensor) -> Tensor {
            let d: Tensor = t.asType(.float32) - test.asType(.float32)
            return clip(d * 4.0 + 128.0, min: 0, max: 255).asType(.uint8)
        }
        findings.section("Pictures")
        findings.pictures([
            try picture("original", "original", test), try picture("small", "small, 150×96", low),
            try picture("bicubic", "bicubic down and up", bicubic), try picture("restored", "IARN", restored),
            try picture("error-bicubic", "bicubic: error × 4", error(bicubic)),
            try picture("error-iarn", "IARN: error × 4", error(restored)),
        ])
    }
}
