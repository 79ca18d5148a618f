import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// The claims of MULLER (Tu, Milanfar, Talebi 2023, arXiv 2304.02859), measured on photographs of Debian packages.
public struct MullerExperiment: Experiment {
    public let slug = "muller"

    public init() {}

    public let claims = [
        Claim(
            "parameters", "MULLER with two layers has four parameters", bar: .exactly(4),
            method: "parameters of the layer, counted"),
        Claim(
            "plain-cost", "As its equations stand it costs a third of a percent of MaxViT-T",
            bar: .atMost(0.4),
            unit: "%",
            method:
                "multiply-adds of blurs, resizings and point-wise work at 512→224×3, counted, as a part of the "
                + "5.6 G of MaxViT-T"),
        Claim(
            "collapsed-cost", "Collapsed into three resamplings it costs below a tenth of a percent",
            bar: .atMost(0.1), unit: "%",
            method:
                "multiply-adds of both passes of the three separable resamplings and of the tanh terms at "
                + "512→224×3, counted, as a part of 5.6 G"),
        Claim(
            "bandpass", "The published weights are a bandpass: small waves are amplified by H(f)",
            bar: .atMost(1), unit: "%",
            method:
                "sinusoids of amplitude 0.001 around 0.5 at 33 frequencies through the layer at scale 1 (64×64, "
                + "inner 48×48): the largest difference of the measured gain from H(f), as a part of max(1, |H|)"
        ),
        Claim(
            "peak", "The band that is boosted most lies at 0.172 cycles per pixel",
            bar: .within(0.172, tolerance: 0.005), unit: "cycles/pixel",
            method: "the maximum of the measured gains, by a parabola through the three highest"),
        Claim(
            "quality-gain", "A small network judges blur better behind MULLER than behind bilinear resizing",
            bar: .atLeast(6), unit: "points",
            method:
                "five levels of blur on 56×56 grey patches of twenty photographs resized to 24×24, 2400 to train "
                + "and 3000 to test from other parts of the photographs; difference of the test accuracies, 3 seeds"
        ),
        Claim(
            "quality-each-seed", "It does so for each seed", bar: .atLeast(0.01), unit: "points",
            statistic: .minimum, method: "the smallest of the differences"),
        Claim(
            "recognition-gain", "It recognises a little better too", bar: .atLeast(0.3), unit: "points",
            method:
                "which of twenty photographs a standardised grey patch comes from, 96×96 resized to 24×24, 120 "
                + "patches a class to train and 200 to test; difference of the test accuracies, 10 seeds"),
        Claim(
            "saves-cost", "MULLER at 24×24 judges blur better than bilinear at 32×32, at 0.56 of the cost",
            bar: .atLeast(1), unit: "points", method: "difference of the test accuracies, 3 seeds"),
        Claim(
            "pillow-bytes", "Pillow's bytes are reproduced on real photographs", bar: .exactly(0),
            unit: "differing pictures",
            method:
                "four photographs, five filters, one reduction and one enlargement each: SHA-256 of the bytes "
                + "compared with Pillow 13.0's"),
        Claim(
            "matlab-chain", "MATLAB's bicubic resizing is reproduced through the whole chain of files",
            bar: .atMost(0.02), unit: "dB",
            method:
                "ten photographs down and up by 2, 3 and 4, rounded to bytes each time: the largest difference of "
                + "the PSNR on luma from the reference table"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try cost(&findings)
        try bandpass(&findings)
        try await conventions(run, &findings)
        run.stage("photographs")
        let source = try await GreyPatches.Source(from: run.data) { run.note($0) }
        let learnt = try quality(run, source, &findings)
        let recognised = try recognition(run, source, &findings)
        try responses(learnt + recognised, &findings)
        try await pictures(run, &findings)
        return findings
    }

    // MARK: Claim 1

    private func cost(_ findings: inout Findings) throws {
        let settings = try MullerSettings()
        let layer = Muller(size: (height: 224, width: 224), settings: settings)
        let cost = MullerCost(settings, from: (512, 512), to: (224, 224), channels: 3)
        let reference = 5.6e9
        findings.measure("parameters", Double(layer.numberOfParameters()))
        findings.measure("plain-cost", 100 * Double(cost.plain) / reference)
        findings.measure("collapsed-cost", 100 * Double(cost.collapsed) / reference)
        findings.section("Cost at 512→224×3")
        func row(_ name: String, _ count: Int, _ paper: Table.Cell) -> [Table.Cell] {
            [.text(name), .number(Double(count) / 1e6, decimals: 2), paper]
        }
        findings.table(
            Table(
                columns: ["part", "counted (M multiply-adds)", "expected"],
                rows: [
                    row("blurs", cost.blur, .number(15.7)), row("resizings", cost.resize, .number(2.7)),
                    row("point-wise", cost.pointwise, .number(0.9)), row("all, plain", cost.plain, nil),
                    row("all, collapsed", cost.collapsed, nil),
                ],
                caption:
                    "The collapsed form computes the same numbers as three separable resamplings straight to "
                    + "the output's size; its height pass still covers the input's width."))
    }

    // MARK: Claim 2

    private func bandpass(_ findings: inout Findings) throws {
        let settings = try MullerSettings()
        let layer = Muller(size: (height: 64, width: 64), settings: settings)
        layer.weights = .resnet50
        let frequencies = (0..<33).map { Double($0) / 64 }
        let gains = frequencies.map { Self.gain(layer, $0) }
        let expected = frequencies.map { MullerWeights.resnet50.response(at: $0, blur: settings.taps) }
        let worst = zip(gains, expected).map { abs($0 - $1) / max(1, abs($1)) }.max()!
        findings.measure("bandpass", 100 * worst)
        let top = (1..<(gains.count - 1)).max { gains[$0] < gains[$1] }!
        let (a, b, c) = (gains[top - 1], gains[top], gains[top + 1])
        findings.measure("peak", frequencies[top] + 0.5 * (a - c) / (a - 2 * b + c) / 64)
        findings.section("The published weights are a bandpass")
        var chart = MullerExplanation(settings, .resnet50).chart(named: "bandpass")
        chart.series.append(.points("measured", x: frequencies, y: gains))
        chart.caption = "Measured with sinusoids of amplitude 0.001 at scale 1; dashed the two bands."
        findings.chart(chart)
    }

    /// The gain of a small horizontal wave in the inner 48×48 of 64×64.
    private static func gain(_ layer: Muller, _ frequency: Double) -> Double {
        let amplitude = 1e-3
        func output(_ phase: Double) -> Tensor {
            let x = Tensor([1, 64, 64, 1], of: Float.self) { out in
                for i in 0..<out.count {
                    out[i] = Float(0.5 + amplitude * cos(2 * .pi * frequency * Double(i % 64) + phase))
                }
            }
            return layer(x)[0..., 8..<56, 8..<56, 0...]
        }
        // What the layer makes of the wave, without what it makes of the constant: half the difference of both signs.
        let difference = ((output(0) - output(.pi)) / 2.0).contiguous().toArray(Float.self)
        var product = 0.0
        var square = 0.0
        for (i, value) in difference.enumerated() {
            let wave = amplitude * cos(2 * .pi * frequency * Double(i % 48 + 8))
            product += Double(value) * wave
            square += wave * wave
        }
        return product / square
    }

    // MARK: Claim 6

    private func conventions(_ run: RunContext, _ findings: inout Findings) async throws {
        let digests = PillowDigest.all
        run.stage("conventions", steps: digests.count + Photograph.test10.count)
        var different = 0
        for (index, digest) in digests.enumerated() {
            try run.checkCancellation()
            if try await !digest.agrees(from: run.data, note: { run.note($0) }) { different += 1 }
            run.step(index + 1)
        }
        findings.measure("pillow-bytes", Double(different))

        var rows: [[Table.Cell]] = []
        var worst = 0.0
        for (index, photograph) in Photograph.test10.enumerated() {
            try run.checkCancellation()
            let x = try await photograph.testPixels(from: run.data) { run.note($0) }
            var row: [Table.Cell] = [.text(photograph.name)]
            for (scale, expected) in zip([2, 3, 4], BicubicReference.table[index]) {
                let small = Resample.imresize(x, by: 1 / Double(scale))
                let large = Resample.imresize(small, by: Double(scale))
                let (truth, luma) = (ImageMetrics.luma(x), ImageMetrics.luma(large))
                let psnr = ImageMetrics.psnr(truth, luma, border: scale)
                worst = max(worst, abs(psnr - expected.psnr))
                row += [
                    .number(psnr, decimals: 3),
                    .number(ImageMetrics.ssim(truth, luma, border: scale), decimals: 4),
                ]
            }
            rows.append(row)
            run.step(digests.count + index + 1)
        }
        findings.measure("matlab-chain", worst)
        findings.section("MATLAB's bicubic down and up")
        findings.table(
            Table(
                columns: ["photograph", "×2 dB", "SSIM", "×3 dB", "SSIM", "×4 dB", "SSIM"], rows: rows,
                caption: "PSNR and SSIM on luma, the border of as many pixels as the scale left out."))
    }

    // MARK: Claims 3 and 5

    private struct Job: Sendable {
        let front: PatchTraining.Front
        let size: Int
        let seed: Int
    }

    /// Trains all combinations, several at a time, each on one thread.
    private func results(
        _ run: RunContext, _ name: String, _ jobs: [Job], seeds: [UInt64], _ training: PatchTraining,
        _ data: [(train: GreyPatches, test: GreyPatches)]
    ) throws -> [PatchTraining.Result] {
        run.stage(name, steps: jobs.count)
        let done = Collected<PatchTraining.Result>(count: jobs.count)
        try Parallel.forEachUnlessCancelled(jobs.count) { index in
            let job = jobs[index]
            let result = Result {
                try training.run(
                    job.front, to: job.size, train: data[job.seed].train, test: data[job.seed].test,
                    seed: seeds[job.seed])
            }
            run.step(done.set(index, result))
        }
        return try done.values()
    }

    private func quality(
        _ run: RunContext, _ source: GreyPatches.Source, _ findings: inout Findings
    ) throws -> [(String, MullerWeights)] {
        let seeds = run.seeds(3)
        var training = PatchTraining(epochs: 10, classes: 5)
        if run.quick { training.epochs = 4 }
        run.stage("patches of five levels of blur")
        let data = seeds.map { seed in
            let key = RandomKey(seed)
            return (
                train: GreyPatches.blurLevels(
                    source, count: run.quick ? 1200 : 2400, part: .train, key: key.fold(in: 1)),
                test: GreyPatches.blurLevels(
                    source, count: run.quick ? 1000 : 3000, part: .test, key: key.fold(in: 2))
            )
        }
        let sizes = run.quick ? [24, 32] : [16, 20, 24, 28, 32]
        var jobs: [Job] = []
        for seed in seeds.indices {
            for size in sizes {
                jobs.append(Job(front: .bilinear, size: size, seed: seed))
                if !run.quick || size == 24 {
                    jobs.append(Job(front: .muller(layers: 2), size: size, seed: seed))
                }
            }
            if !run.quick {
                jobs.append(Job(front: .muller(layers: 1), size: 24, seed: seed))
                jobs.append(Job(front: .muller(layers: 3), size: 24, seed: seed))
            }
        }
        let results = try results(run, "judging blur", jobs, seeds: seeds, training, data)
        func accuracies(_ front: PatchTraining.Front, _ size: Int) -> [Double] {
            zip(jobs, results).filter { $0.0.front == front && $0.0.size == size }.map { 100 * $0.1.accuracy }
        }
        let two = PatchTraining.Front.muller(layers: 2)
        let gains = zip(accuracies(two, 24), accuracies(.bilinear, 24)).map { $0 - $1 }
        findings.measure("quality-gain", gains, seeds: seeds)
        findings.measure("quality-each-seed", gains, seeds: seeds)
        findings.measure(
            "saves-cost", zip(accuracies(two, 24), accuracies(.bilinear, 32)).map { $0 - $1 }, seeds: seeds)

        findings.section("Judging blur")
        func row(_ front: PatchTraining.Front, _ size: Int) -> [Table.Cell] {
            let values = accuracies(front, size)
            return [
                .text("\(front.label), \(size)×\(size)"),
                .number(values.reduce(0, +) / Double(max(1, values.count)), decimals: 1),
                .text(values.map { Format.fixed($0, decimals: 1) }.joined(separator: ", ")),
            ]
        }
        let shown: [(PatchTraining.Front, Int)] =
            [(.bilinear, 24), (.bilinear, 32)]
            + (run.quick ? [2] : [1, 2, 3]).map { (.muller(layers: $0), 24) }
        findings.table(
            Table(
                "Test accuracy", columns: ["resizer", "mean (%)", "seeds"],
                rows: shown.map { row($0.0, $0.1) },
                emphasis: [run.quick ? 2 : 3]))
        if !run.quick {
            // The network's cost grows with the area of its input.
            let costs = sizes.map { Double(PatchCost.multiplyAdds(size: $0)) / 1e6 }
            func line(_ front: PatchTraining.Front, _ name: String) -> Chart.Series {
                let all = sizes.map { accuracies(front, $0) }
                return .line(
                    name, x: costs, y: all.map { $0.reduce(0, +) / Double($0.count) },
                    low: all.map { $0.min()! },
                    high: all.map { $0.max()! })
            }
            findings.chart(
                Chart(
                    "accuracy-cost", "Accuracy at equal cost", x: .linear("network (M multiply-adds)"),
                    y: .linear("test accuracy (%)"),
                    series: [line(two, "MULLER"), line(.bilinear, "bilinear")],
                    caption:
                        "Inputs of 16, 20, 24, 28 and 32 pixels a side; bands from the lowest to the highest of "
                        + "\(seeds.count) seeds."))
        }
        return zip(jobs, results).first { $0.0.front == two && $0.0.size == 24 }.flatMap { job, result in
            result.weights.map { [("learnt for blur", $0)] }
        } ?? []
    }

    // MARK: Claim 4

    private func recognition(
        _ run: RunContext, _ source: GreyPatches.Source, _ findings: inout Findings
    ) throws -> [(String, MullerWeights)] {
        let seeds = run.seeds(10)
        var training = PatchTraining(epochs: 12, classes: 20)
        if run.quick { training.epochs = 3 }
        run.stage("patches of twenty photographs")
        let data = seeds.map { seed in
            let key = RandomKey(seed)
            return (
                train: GreyPatches.recognition(
                    source, perClass: run.quick ? 60 : 120, size: 96, part: .train, key: key.fold(in: 3)),
                test: GreyPatches.recognition(
                    source, perClass: run.quick ? 50 : 200, size: 96, part: .test, key: key.fold(in: 4))
            )
        }
        let fronts: [PatchTraining.Front] =
            run.quick ? [.bilinear, .muller(layers: 2)] : [.bilinear, .antialiased, .muller(layers: 2)]
        // The antialiased baseline stands beside the claim; three seeds place it.
        let jobs = seeds.indices.flatMap { seed in
            fronts.filter { $0 != .antialiased || seed < 3 }.map { Job(front: $0, size: 24, seed: seed) }
        }
        let results = try results(run, "recognising photographs", jobs, seeds: seeds, training, data)
        func accuracies(_ front: PatchTraining.Front) -> [Double] {
            zip(jobs, results).filter { $0.0.front == front }.map { 100 * $0.1.accuracy }
        }
        let gains = zip(accuracies(.muller(layers: 2)), accuracies(.bilinear)).map { $0 - $1 }
        let mean = gains.reduce(0, +) / Double(gains.count)
        var note: String?
        if gains.count > 1 {
            let variance = gains.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gains.count - 1)
            let error = (variance / Double(gains.count)).squareRoot()
            note =
                "standard error \(Format.fixed(error, decimals: 2)); "
                + (abs(mean) > 2 * error ? "more" : "less") + " than two standard errors from 0, so "
                + (abs(mean) > 2 * error ? "significant" : "not significant")
        }
        findings.measure("recognition-gain", gains, seeds: seeds, note: note)
        findings.section("Recognising photographs")
        findings.table(
            Table(
                "Test accuracy, 96→24", columns: ["resizer", "mean (%)", "seeds"],
                rows: fronts.map { front in
                    let values = accuracies(front)
                    return [
                        .text(front.label),
                        .number(values.reduce(0, +) / Double(max(1, values.count)), decimals: 1),
                        .text(values.map { Format.fixed($0, decimals: 1) }.joined(separator: ", ")),
                    ]
                }, emphasis: [fronts.count - 1], caption: note ?? ""))
        return zip(jobs, results).first { $0.0.front == .muller(layers: 2) }.flatMap { job, result in
            result.weights.map { [("learnt for recognition", $0)] }
        } ?? []
    }

    // MARK: Figures

    private func responses(_ learnt: [(String, MullerWeights)], _ findings: inout Findings) throws {
        let taps = try MullerSettings().taps
        let frequencies = (0..<101).map { Double($0) / 200 }
        let all = [("published", MullerWeights.resnet50)] + learnt
        findings.section("What the weights do")
        findings.chart(
            Chart(
                "responses", "Gain of small waves", x: .linear("frequency (cycles/pixel)", 0...0.5),
                y: .linear("gain"),
                series: all.map { name, weights in
                    .line(name, x: frequencies, y: frequencies.map { weights.response(at: $0, blur: taps) })
                }, guides: [.horizontal(0, "")]))
        findings.table(
            Table(
                columns: ["weights", "α₁", "β₁", "α₂", "β₂"],
                rows: all.map { name, weights in [.text(name)] + weights.list.prefix(4).map { .number($0) } })
        )
    }

    private func pictures(_ run: RunContext, _ findings: inout Findings) async throws {
        let photograph = Photograph.test10[0]
        let x = try await photograph.testPixels(from: run.data) { run.note($0) }
        let original = Bitmap(pixels: x, hasAlpha: false)
        let size = (height: x.shape[0] * 10 / 23, width: x.shape[1] * 10 / 23)
        let settings = try MullerSettings(border: .reflect)
        let resizers: [(String, String, PictureMethod)] = [
            ("bilinear", "bilinear, as MULLER's base", .filter(.tensorflow(.bilinear))),
            ("muller", "MULLER, published weights", .muller(settings, .resnet50, reduces: true)),
            ("lanczos", "Lanczos", .filter(.mercer(.lanczos3))),
        ]
        func picture(_ name: String, _ caption: String, _ bitmap: Bitmap) throws -> Picture {
            Picture(name, caption: caption, png: Data(try bitmap.encoded(as: .png)))
        }
        findings.section("Pictures")
        findings.pictures(
            try resizers.map { name, caption, method in
                try picture(name, caption, PictureResizer(method)(original, to: size))
            })
        findings.pictures(
            try MullerExplanation(settings, .resnet50).bands(of: original, to: size).enumerated().map {
                try picture("band-\($0 + 1)", "band \($0 + 1): sharp minus blurred, in the output's size", $1)
            })
    }
}

/// What several threads found, in the order of the jobs.
final class Collected<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var results: [Result<Value, any Error>?]

    init(count: Int) { results = Array(repeating: nil, count: count) }

    /// Keeps a result; returns how many there are.
    func set(_ index: Int, _ result: Result<Value, any Error>) -> Int {
        lock.withLock {
            results[index] = result
            return results.count { $0 != nil }
        }
    }

    func values() throws -> [Value] { try lock.withLock { try results.map { try $0!.get() } } }
}

/// The cost of the experiments' network.
enum PatchCost {
    static func multiplyAdds(size: Int) -> Int {
        let net = PatchNet(
            Muller(size: (size, size), layers: 1), classes: 5)
        return net.body.describe(inputShape: [1, size, size, 1]).multiplyAdds
    }
}

/// MATLAB's bicubic down and up by 2, 3, 4 of the ten test photographs: PSNR (dB) and SSIM on luma.
enum BicubicReference {
    static let table: [[(psnr: Double, ssim: Double)]] = [
        [(26.204, 0.7923), (23.951, 0.6369), (22.711, 0.5189)],
        [(31.009, 0.8391), (29.036, 0.7511), (27.911, 0.6923)],
        [(37.267, 0.9626), (33.360, 0.9180), (30.796, 0.8667)],
        [(32.880, 0.8735), (30.998, 0.8118), (29.929, 0.7718)],
        [(30.078, 0.7842), (28.526, 0.6915), (27.688, 0.6348)],
        [(32.689, 0.9285), (29.755, 0.8689), (27.963, 0.8165)],
        [(31.689, 0.9452), (28.664, 0.8931), (26.836, 0.8421)],
        [(30.600, 0.8882), (28.436, 0.8172), (27.327, 0.7696)],
        [(34.936, 0.9104), (32.566, 0.8444), (31.168, 0.7941)],
        [(32.889, 0.9197), (31.156, 0.8803), (30.476, 0.8612)],
    ]
}
