import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of ADK-Net (Pise & Ghosh 2025, arXiv 2511.01620), measured on pairs of a made-up camera.
public struct ADKExperiment: Experiment {
    public let slug = "adk-net"

    public init() {}

    private static let data =
        "pairs of a made-up camera (lens, 2×2 means, sharpening with coring, noise) from 24 photographs; RGB PSNR on the "
        + "first 288×288 pixels of 10 others, ×2, k = 8, small network"

    public let claims = [
        Claim(
            "against-bicubic", "Learnt kernels follow a camera far better than the bicubic filter", bar: .atLeast(4),
            unit: "dB", method: data + ", 900 steps, minus Pillow's bicubic filter, 3 seeds"),
        Claim(
            "against-fixed", "They follow it better than the best fixed kernel of each colour", bar: .atLeast(0.1),
            unit: "dB", method: data + ", 900 steps, minus the least-squares kernels, 3 seeds"),
        Claim(
            "own-kernels", "A kernel for each colour beats one for all", bar: .atLeast(2), unit: "dB",
            method: data + ", 500 steps, own minus shared generators, one seed"),
        Claim(
            "normalisation", "Kernels that may be negative beat a softmax", bar: .atLeast(0.3), unit: "dB",
            method: data + ", 900 steps, none minus softmax, one seed"),
        Claim(
            "known-kernel", "A known filter is found again", bar: .atMost(0.02),
            method:
                "pairs made by Pillow's bicubic filter, 600 steps: largest difference of the kernels' mean over pixels "
                + "from the filter's 8×8 weights"),
        Claim(
            "known-quality", "And its pictures with it", bar: .atLeast(45), unit: "dB",
            method: "RGB PSNR of that network on test pairs of the filter"),
        Claim(
            "adapts", "Kernels differ from pixel to pixel", bar: .atLeast(0.01),
            method: "5000 steps: standard deviation over the pixels of the test pictures, mean over taps and colours"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        run.stage("pairs")
        let camera = try PairTiles(
            await CameraPairs.training(scale: 2, from: run.data) { run.note($0) }, scale: 2)
        let test = ADKTest(try await CameraPairs.test(scale: 2, from: run.data) { run.note($0) }, scale: 2)
        let known = try Self.filtered(camera.pairs)
        let knownTest = ADKTest(Self.pillow(test.pairs), scale: 2)
        let seeds = run.seeds(3)
        let factor = run.quick ? 12 : 1

        var jobs: [Job] = []
        if !run.quick { jobs.append(Job(name: .long, seed: seeds[0], steps: 5000)) }
        jobs += seeds.map { Job(name: .adaptive, seed: $0, steps: 900 / factor) }
        jobs += [
            Job(name: .softmax, seed: seeds[0], steps: 900 / factor),
            Job(name: .sum, seed: seeds[0], steps: 900 / factor),
            Job(name: .known, seed: seeds[0], steps: 600 / factor),
            Job(name: .own, seed: seeds[0], steps: 500 / factor),
            Job(name: .shared, seed: seeds[0], steps: 500 / factor),
        ]
        if !run.quick { jobs.append(Job(name: .narrow, seed: seeds[0], steps: 500)) }
        run.stage("training", steps: jobs.count)
        let trained = try Jobs.run(jobs, run) { job in
            let net = try Self.train(job, job.name == .known ? known : camera)
            return Trained(job: job, net: net, score: (job.name == .known ? knownTest : test).score(net))
        }
        func all(_ name: Job.Name) -> [Trained] { trained.filter { $0.job.name == name } }

        run.stage("classic filters and fixed kernels")
        let fixed = try FixedKernels.leastSquares(camera, kernel: 8)
        let sharedFixed = try FixedKernels.leastSquares(camera, kernel: 8, shared: true)
        let (bicubic, best) = (test.score(.bicubic), test.score(fixed: fixed))
        let adaptive = all(.adaptive).map(\.score.psnr)
        findings.measure("against-bicubic", adaptive.map { $0 - bicubic.psnr }, seeds: seeds)
        findings.measure("against-fixed", adaptive.map { $0 - best.psnr }, seeds: seeds)
        findings.measure("own-kernels", all(.own)[0].score.psnr - all(.shared)[0].score.psnr)
        findings.measure("normalisation", all(.adaptive)[0].score.psnr - all(.softmax)[0].score.psnr)
        let difference = Self.knownDifference(all(.known)[0].net, knownTest)
        findings.measure("known-kernel", difference)
        findings.measure("known-quality", all(.known)[0].score.psnr)
        let longest = all(run.quick ? .adaptive : .long)[0].net
        findings.measure(
            "adapts", test.kernelSpread(longest),
            note: run.quick
                ? nil
                : "\(Format.number(test.kernelSpread(all(.adaptive)[0].net), digits: 2)) after \(all(.adaptive)[0].job.steps) "
                    + "steps, when most of the gain still is the least-squares start's")

        var rows: [(String, ADKTest.Score)] = [
            ("box", test.score(.box)), ("bicubic", bicubic), ("Lanczos", test.score(.lanczos3)),
            ("best fixed kernel, one for all colours", test.score(fixed: sharedFixed)),
            ("best fixed kernel of each colour", best),
            ("one generator, \(all(.shared)[0].job.steps) steps", all(.shared)[0].score),
            ("softmax, \(all(.softmax)[0].job.steps) steps", all(.softmax)[0].score),
            ("sum (CAR), \(all(.sum)[0].job.steps) steps", all(.sum)[0].score),
            ("ADK, \(all(.own)[0].job.steps) steps", all(.own)[0].score),
        ]
        rows += all(.adaptive).map { ("ADK, \($0.job.steps) steps, seed \($0.job.seed)", $0.score) }
        rows += all(.long).map { ("ADK, \($0.job.steps) steps", $0.score) }
        findings.section("How close to the camera")
        findings.table(
            Table(
                columns: ["method", "PSNR (dB)", "SSIM", "mean difference (levels)"],
                rows: rows.map {
                    [
                        .text($0.0), .number($0.1.psnr, decimals: 2), .number($0.1.ssim, decimals: 4),
                        .number($0.1.difference, decimals: 2),
                    ]
                }, emphasis: [rows.count - 1],
                caption:
                    "RGB, 4 pixels cropped, \(camera.count) tiles to train on. The small network has "
                    + "\(all(.adaptive)[0].net.numberOfParameters()) parameters."))
        findings.chart(
            .bars(
                "methods", "How close to the camera", categories: rows.map(\.0), values: .linear("RGB PSNR (dB)"),
                series: [.bars("PSNR", rows.map(\.1.psnr))], horizontal: true))
        findings.table(
            try kernelSizes(
                camera, test, run.quick ? [4, 8] : [2, 4, 6, 8, 10],
                adaptive: [8: all(.own)[0].score, 4: all(.narrow).first?.score].compactMapValues { $0 },
                steps: all(.own)[0].job.steps))
        try figures(longest, test, &findings)
        return findings
    }

    /// What the side of the kernels is worth: the best fixed kernels of each, and what was trained with one.
    private func kernelSizes(
        _ camera: PairTiles, _ test: ADKTest, _ sides: [Int], adaptive: [Int: ADKTest.Score], steps: Int
    ) throws -> Table {
        let rows = try sides.map { k -> [Table.Cell] in
            let fixed = test.score(fixed: try FixedKernels.leastSquares(camera, kernel: k))
            return [
                .number(Double(k)), .number(fixed.psnr, decimals: 2),
                adaptive[k].map { .number($0.psnr, decimals: 2) } ?? .empty,
            ]
        }
        return Table(
            "The side of a kernel", columns: ["k", "best fixed kernels (dB)", "ADK, \(steps) steps (dB)"], rows: rows,
            emphasis: sides.indices.filter { sides[$0] == 8 }, caption: "One kernel for each colour.")
    }

    // MARK: Training

    private struct Job: Sendable {
        enum Name: Sendable { case adaptive, long, own, shared, softmax, sum, known, narrow }
        let name: Name
        let seed: UInt64
        let steps: Int
    }

    private struct Trained: @unchecked Sendable {
        let job: Job
        let net: ADKNet
        let score: ADKTest.Score
    }

    private static func train(_ job: Job, _ tiles: PairTiles) throws -> ADKNet {
        var training = ADKTraining(scale: 2, kernel: job.name == .narrow ? 4 : 8)
        training.seed = job.seed
        training.steps = job.steps
        training.sharesKernels = job.name == .shared
        switch job.name {
        case .softmax: training.normalisation = .softmax
        case .sum: training.normalisation = .sum
        default: break
        }
        let net = try training.network(tiles)
        let loader = training.loader(tiles)
        var options = TrainingOptions(epochs: 1)
        options.maximumSteps = job.steps
        try training.trainer(net, options, loader).fit(loader)
        net.fold()
        return net
    }

    // MARK: A known filter

    private static func pillow(_ pairs: [PicturePair]) -> [PicturePair] {
        pairs.map { pair in
            let size = (height: pair.small.shape[0], width: pair.small.shape[1])
            return PicturePair(
                pair.name, large: pair.large,
                small: Resample.resize(pair.large, to: size, .bicubic, convention: .pillow))
        }
    }

    private static func filtered(_ pairs: [PicturePair]) throws -> PairTiles {
        try PairTiles(pillow(pairs), scale: 2)
    }

    /// The largest difference of the mean kernels from the filter's weights.
    private static func knownDifference(_ net: ADKNet, _ test: ADKTest) -> Double {
        let inner = Resampler(input: 64, output: 32, rule: .pillow(.bicubic))
        let first = inner.starts[16] - (32 - 3)
        var taps = [Double](repeating: 0, count: 8)
        for (i, weight) in inner.row(16).enumerated() where (0..<8).contains(first + i) { taps[first + i] = weight }
        var mean = [Double](repeating: 0, count: 3 * 64)
        for pair in test.pairs {
            let kernels = net.kernels(ADKTest.numbers(pair.large))[0].mean(axes: [0, 1]).toArray(Float.self)
            for i in mean.indices { mean[i] += Double(kernels[i]) / Double(test.pairs.count) }
        }
        return mean.indices.map { abs(mean[$0] - taps[$0 % 64 / 8] * taps[$0 % 8]) }.max()!
    }

    // MARK: Figures

    private func figures(_ net: ADKNet, _ test: ADKTest, _ findings: inout Findings) throws {
        func picture(_ name: String, _ caption: String, _ bitmap: Bitmap, zoom: Int = 1) throws -> Picture {
            Picture(name, caption: caption, png: Data(try bitmap.encoded(as: .png)), magnification: zoom)
        }
        let pair = test.pairs[6]
        let kernels = net.kernels(ADKTest.numbers(pair.large))[0]
        let (edge, flat) = Self.places(pair.small)
        func at(_ place: (x: Int, y: Int)) -> Bitmap {
            KernelFigure.picture(kernels[place.y][place.x].reshaped(3, net.kernel, net.kernel))
        }
        findings.section("Kernels of red, green and blue")
        findings.pictures([
            try picture("kernels-edge", "on an edge, at \(edge.x),\(edge.y) of \(pair.name)", at(edge)),
            try picture("kernels-flat", "where it is flat, at \(flat.x),\(flat.y)", at(flat)),
        ])
        findings.section("Pictures")
        let made = CameraPairs.bytes(net(ADKTest.numbers(pair.large))[0])
        let plain = Resample.resize(
            pair.large, to: (pair.small.shape[0], pair.small.shape[1]), .bicubic, convention: .pillow)
        func difference(_ x: Tensor) -> Bitmap {
            let levels: Tensor = (x.asType(.float32) - pair.small.asType(.float32)) * 8.0 + 128.0
            return Bitmap(pixels: clip(levels, min: 0, max: 255).asType(.uint8), hasAlpha: false)
        }
        findings.pictures([
            try picture("camera", "the camera's picture", Bitmap(pixels: pair.small, hasAlpha: false), zoom: 2),
            try picture("adk", "ADK-Net", Bitmap(pixels: made, hasAlpha: false), zoom: 2),
            try picture("adk-difference", "its difference, eight times", difference(made), zoom: 2),
            try picture("bicubic-difference", "the bicubic filter's difference", difference(plain), zoom: 2),
        ])
    }

    /// The pixels around which brightness changes most and least, away from the border.
    private static func places(_ small: Tensor) -> (edge: (x: Int, y: Int), flat: (x: Int, y: Int)) {
        let (h, w) = (small.shape[0], small.shape[1])
        let samples = small.toArray(UInt8.self)
        func level(_ x: Int, _ y: Int) -> Int { Int(samples[(y * w + x) * 3 + 1]) }
        var (edge, flat) = ((x: 12, y: 12, value: -1), (x: 12, y: 12, value: Int.max))
        for y in Swift.stride(from: 12, to: h - 12, by: 2) {
            for x in Swift.stride(from: 12, to: w - 12, by: 2) {
                var sum = 0
                for d in -3...3 {
                    sum += abs(level(x + d + 1, y) - level(x + d, y)) + abs(level(x, y + d + 1) - level(x, y + d))
                }
                if sum > edge.value { edge = (x, y, sum) }
                if sum < flat.value { flat = (x, y, sum) }
            }
        }
        return ((edge.x, edge.y), (flat.x, flat.y))
    }
}
