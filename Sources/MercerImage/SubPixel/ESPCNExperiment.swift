import Foundation
import Mercer
import MercerImageIO
import MercerNN
import MercerPapers

/// The claims of ESPCN (Shi et al. 2016, arXiv 1609.05158), measured on photographs of Debian packages.
public struct ESPCNExperiment: Experiment {
    public let slug = "espcn"

    public init() {}

    private static let data =
        "24 photographs to train on, 10 others to test on, made smaller by 3 with MATLAB's bicubic filter; PSNR on luma"

    public let claims = [
        Claim(
            "counts", "Parameters and multiply-adds are the paper's", bar: .exactly(6), unit: "of 6 numbers",
            method:
                "parameters of ESPCN ×2, ×3, ×4 (21284, 22729, 24752), weights of SRCNN 9-1-5 and 9-5-5 (8032, 57184), "
                + "multiply-adds of ESPCN ×3 a result pixel (2514), counted by the code"),
        Claim(
            "better-than-bicubic", "A short training passes bicubic enlargement (29.645 dB)", bar: .atLeast(30.05),
            unit: "dB",
            method: data + ", mean of the photographs; tanh, 6000 steps of 32 patches, 3 seeds"),
        Claim(
            "against-srcnn", "At equal time the network at low resolution learns more than SRCNN at high resolution",
            bar: .atLeast(0.01), unit: "dB",
            method:
                "PSNR of ESPCN minus that of SRCNN 9-5-5 on the bicubic enlargement of the same patches, trained for the "
                + "same processor time with the same recipe, one seed"),
        Claim(
            "inference-against-srcnn", "It takes a tenth of SRCNN's time or less", bar: .atLeast(10), unit: "times",
            method: "time of SRCNN 9-5-5 over that of ESPCN ×3 for a frame of 1920×1080, same code, all threads"),
        Claim(
            "tanh", "tanh isn't worse than relu", bar: .atLeast(-0.05), unit: "dB",
            method:
                "difference of the PSNR after 6000 steps, 3 seeds; the paper's +0.16 dB needs its training of days"),
        Claim(
            "real-time", "1080p frames are made in real time on two cores", bar: .atLeast(8), unit: "frames/s",
            method: "luma bytes 640×360 to 1920×1080, all threads of this process, the median of 9"),
        Claim(
            "equivalence", "Convolution and shuffle are a transposed convolution", bar: .atMost(1e-5),
            method:
                "largest difference, ×3, 32 maps of 64×64 pixels in [-1, 1], filters as the layer begins with"),
        Claim(
            "shuffle-faster", "The shuffled form is the faster one", bar: .atLeast(1), unit: "times",
            method: "time of the transposed convolution over that of convolution and shuffle, 32 maps of 360×640"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        counts(&findings)
        equivalence(&findings)
        run.stage("photographs")
        let pictures = try await TrainingPictures(photographs: run.data) { run.note($0) }
        let test = try await SuperResolutionTest(
            scale: 3, run.quick ? Array(Photograph.test10.prefix(4)) : Photograph.test10, from: run.data
        ) { run.note($0) }
        let patches = SubPixelPatches(pictures.pictures, scale: 3)
        let trained = try train(run, patches, test, &findings)
        try speed(run, trained, test, &findings)
        try figures(trained.net, test, &findings)
        return findings
    }

    // MARK: Claims 1 and 6

    private func counts(_ findings: inout Findings) {
        let numbers: [(String, Int, Int)] =
            zip([2, 3, 4], [21_284, 22_729, 24_752]).map {
                ("parameters of ESPCN ×\($0)", ESPCN(scale: $0).numberOfParameters(), $1)
            }
            + zip([1, 5], [8032, 57_184]).map {
                ("weights of SRCNN 9-\($0)-5", SRCNN(middle: $0).multiplyAddsPerPixel, $1)
            } + [
                (
                    "multiply-adds of ESPCN ×3 a result pixel", Int(ESPCN(scale: 3).multiplyAddsPerPixel.rounded()),
                    2514
                )
            ]
        findings.measure("counts", Double(numbers.count { $0.1 == $0.2 }))
        findings.section("Counts")
        findings.table(
            Table(
                columns: ["what", "counted", "paper"],
                rows: numbers.map { [.text($0.0), .text("\($0.1)"), .text("\($0.2)")] },
                caption:
                    "SRCNN 9-5-5 spends "
                    + Format.fixed(Double(numbers[4].1) / ESPCN(scale: 3).multiplyAddsPerPixel, decimals: 1)
                    + " times as many multiply-adds a result pixel as ESPCN ×3."))
    }

    private func equivalence(_ findings: inout Findings) {
        let net = ESPCN(scale: 3)
        net.initialize(RandomKey(1))
        let weight = net.conv3.weight.detached
        let small = Random.uniform(-1..<1, [1, 64, 64, 32], key: RandomKey(2))
        func shuffled(_ x: Tensor) -> Tensor { SubPixel.shuffle(conv2d(x, weight, padding: 1), by: 3) }
        func transposed(_ x: Tensor) -> Tensor { SubPixelEquivalence.transposed(x, weight, scale: 3) }
        findings.measure("equivalence", (shuffled(small) - transposed(small)).abs().max().doubleValue)
        let large = Random.uniform(-1..<1, [1, 360, 640, 32], key: RandomKey(3))
        let times = [shuffled, transposed].map { form in Stopwatch.median(of: 5) { _ = form(large) } }
        findings.measure(
            "shuffle-faster", times[1] / times[0],
            note: "\(Format.number(1000 * times[1], digits: 3)) ms and \(Format.number(1000 * times[0], digits: 3)) ms")
    }

    // MARK: Claims 2 to 4

    private struct Trained {
        let net: ESPCN
        let srcnn: SRCNN
        let tanh: Double
        let relu: Double
        let srcnnQuality: Double
    }

    private enum Job: Sendable, Equatable {
        case espcn(SubPixelActivation, seed: UInt64)
        case srcnn(seed: UInt64)
    }

    private struct Outcome: @unchecked Sendable {
        let net: Module
        /// Processor seconds and PSNR on the way; the last is the end.
        let curve: [(seconds: Double, psnr: Double)]
        let steps: Int
        var psnr: Double { curve.last!.psnr }
        var seconds: Double { curve.last!.seconds }
    }

    private func train(
        _ run: RunContext, _ patches: SubPixelPatches, _ test: SuperResolutionTest, _ findings: inout Findings
    ) throws -> Trained {
        let steps = run.quick ? 500 : 6000
        let seeds = run.seeds(3)
        let jobs: [Job] = seeds.flatMap { seed in
            [SubPixelActivation.tanh, .relu].map { Job.espcn($0, seed: seed) }
        }
        run.stage("training ESPCN", steps: jobs.count)
        let outcomes = try Jobs.run(jobs, run) { job in
            guard case .espcn(let activation, let seed) = job else { preconditionFailure("no such job") }
            var training = ESPCNTraining()
            training.activation = activation
            training.seed = seed
            training.steps = steps
            return try espcn(training, patches, test)
        }
        func values(_ activation: SubPixelActivation) -> [Double] {
            zip(jobs, outcomes).filter { if case .espcn(activation, _) = $0.0 { true } else { false } }
                .map { $0.1.psnr }
        }
        run.stage("training SRCNN for the same time")
        let srcnn = try srcnn(seed: seeds[0], seconds: outcomes[0].seconds, patches, test)
        let (tanh, relu) = (values(.tanh), values(.relu))
        findings.measure("better-than-bicubic", tanh, seeds: seeds)
        findings.measure("tanh", zip(tanh, relu).map { $0 - $1 }, seeds: seeds)
        findings.measure(
            "against-srcnn", outcomes[0].psnr - srcnn.psnr,
            note: "\(steps) steps against \(srcnn.steps) in \(Format.number(outcomes[0].seconds, digits: 3)) s")
        findings.section("Training")
        func line(_ name: String, _ outcome: Outcome) -> Chart.Series {
            .line(name, x: outcome.curve.map(\.seconds), y: outcome.curve.map(\.psnr))
        }
        findings.chart(
            Chart(
                "training", "Quality against time of training", x: .linear("processor time (s)"),
                y: .linear("PSNR on luma (dB)"),
                series: [line("ESPCN tanh", outcomes[0]), line("ESPCN relu", outcomes[1]), line("SRCNN 9-5-5", srcnn)],
                guides: [.horizontal(bicubic(test), "bicubic")],
                caption: "×3, the same patches and recipe, one thread each; testing isn't counted."))
        let mean = Claim.Statistic.mean.callAsFunction
        findings.table(
            Table(
                "PSNR on luma, ×3", columns: ["method", "mean (dB)", "seeds"],
                rows: [
                    ["bicubic", .number(bicubic(test), decimals: 3), nil],
                    [
                        "SRCNN 9-5-5, equal time", .number(srcnn.psnr, decimals: 3),
                        .text(Format.fixed(srcnn.psnr, decimals: 3)),
                    ],
                ]
                    + [("ESPCN relu", relu), ("ESPCN tanh", tanh)].map { name, values in
                        [
                            .text(name), .number(mean(values), decimals: 3),
                            .text(values.map { Format.fixed($0, decimals: 3) }.joined(separator: ", ")),
                        ]
                    }, emphasis: [3]))
        return Trained(
            net: outcomes[0].net as! ESPCN, srcnn: srcnn.net as! SRCNN, tanh: mean(tanh), relu: mean(relu),
            srcnnQuality: srcnn.psnr)
    }

    private func espcn(
        _ training: ESPCNTraining, _ patches: SubPixelPatches, _ test: SuperResolutionTest
    ) throws -> Outcome {
        let net = training.network()
        let loader = training.loader(patches)
        var options = TrainingOptions(epochs: 1)
        options.maximumSteps = training.steps
        let trainer = training.trainer(net, options, loader)
        let curve = try Self.followed(trainer, loader, every: max(1, training.steps / 12)) { net in
            let enlarger = net.fast
            return test.mean { enlarger($0) }
        }
        return Outcome(net: net, curve: curve, steps: training.steps)
    }

    private func srcnn(
        seed: UInt64, seconds: Double, _ patches: SubPixelPatches, _ test: SuperResolutionTest
    ) throws -> Outcome {
        var training = ESPCNTraining()
        training.seed = seed
        let loader = training.loader(patches)
        func trainer(_ net: SRCNN, steps: Int) -> Trainer<SRCNN> {
            net.initialize(RandomKey(seed).fold(in: "srcnn"))
            var options = TrainingOptions(epochs: 1)
            options.maximumSteps = steps
            return training.trainer(net, options, loader)
        }
        // How long a step takes says how many there will be, as the schedule has to know.
        return try Parallel.withThreads(1) {
            let start = Stopwatch.threadSeconds
            try trainer(SRCNN(middle: 5), steps: 6).fit(loader)
            let steps = max(6, Int(seconds / ((Stopwatch.threadSeconds - start) / 6)))
            let net = SRCNN(middle: 5)
            let curve = try Self.followed(trainer(net, steps: steps), loader, every: max(1, steps / 3)) { net in
                quality(of: net, test)
            }
            return Outcome(net: net, curve: curve, steps: steps)
        }
    }

    private func quality(of net: SRCNN, _ test: SuperResolutionTest) -> Double {
        let enlarger = net.fast
        return test.mean { enlarger(Resample.imresize($0, by: 3)) }
    }

    /// Trains, and tests now and then; the time of testing doesn't count.
    private static func followed<M: Module>(
        _ trainer: Trainer<M>, _ loader: DataLoader, every interval: Int, _ test: @escaping (M) -> Double
    ) throws -> [(seconds: Double, psnr: Double)] {
        var curve: [(seconds: Double, psnr: Double)] = []
        var start = Stopwatch.threadSeconds
        let total = trainer.options.maximumSteps!
        trainer.afterStep = { step in
            guard step % interval == 0 || step == total else { return }
            let now = Stopwatch.threadSeconds
            curve.append((now - start, test(trainer.model)))
            start += Stopwatch.threadSeconds - now
        }
        try trainer.fit(loader)
        return curve
    }

    private func bicubic(_ test: SuperResolutionTest) -> Double {
        let values = zip(test.pictures, test.truth).map { small, truth in
            ImageMetrics.psnr(truth, ImageMetrics.luma(Resample.imresize(small, by: 3)), border: 3)
        }
        return values.reduce(0, +) / Double(values.count)
    }

    // MARK: Claims 3 and 5

    private func speed(
        _ run: RunContext, _ trained: Trained, _ test: SuperResolutionTest, _ findings: inout Findings
    ) throws {
        run.stage("frames")
        let (h, w) = (360, 640)
        let frame = Random.randInt(0..<256, [h, w, 1], key: RandomKey(1)).asType(.uint8)
        let bytes = frame.toArray(UInt8.self)
        var large = [UInt8](repeating: 0, count: 9 * h * w)
        let fast = trained.net.fast
        let seconds = Stopwatch.median(of: run.quick ? 5 : 9) {
            fast.enlarge(bytes, height: h, width: w, to: &large)
        }
        let baseline = trained.srcnn.fast
        let slow = Stopwatch.median(of: run.quick ? 1 : 3) {
            let enlarged: Tensor = Resample.imresize(frame, by: 3)
            var made = [UInt8](repeating: 0, count: 9 * h * w)
            baseline.enlarge(enlarged.toArray(UInt8.self), height: 3 * h, width: 3 * w, to: &made)
        }
        let plain = Stopwatch.median(of: 5) { _ = Resample.imresize(frame, by: 3) }
        let threads = Parallel.threads
        findings.measure(
            "real-time", 1 / seconds,
            note:
                "\(Format.number(1000 * seconds, digits: 3)) ms a frame on \(threads) thread\(threads == 1 ? "" : "s")")
        findings.measure("inference-against-srcnn", slow / seconds)
        findings.section("Speed")
        let points: [(String, Double, Double)] = [
            ("bicubic", 1000 * plain, bicubic(test)), ("ESPCN tanh", 1000 * seconds, trained.tanh),
            ("SRCNN 9-5-5", 1000 * slow, trained.srcnnQuality),
        ]
        findings.chart(
            Chart(
                "speed", "Quality against time a frame", x: .log("1080p frame (ms)"), y: .linear("PSNR on luma (dB)"),
                series: points.map { .points($0.0, x: [$0.1], y: [$0.2]) },
                caption: "As the paper's figure 2; \(threads) threads. SRCNN as it is after equal time of training."))
        findings.table(
            Table(
                columns: ["method", "ms a 1080p frame", "frames a second"],
                rows: points.map {
                    [.text($0.0), .number($0.1, decimals: 1), .number(1000 / $0.1, decimals: 1)]
                }, emphasis: [1]))
    }

    // MARK: Figures

    private func figures(_ net: ESPCN, _ test: SuperResolutionTest, _ findings: inout Findings) throws {
        func picture(_ name: String, _ caption: String, _ bitmap: Bitmap, zoom: Int = 1) throws -> Picture {
            Picture(name, caption: caption, png: Data(try bitmap.encoded(as: .png)), magnification: zoom)
        }
        findings.section("Filters")
        findings.pictures([
            try picture(
                "first-layer", "the 64 filters of the first layer (grey is zero)", SubPixelFigures.firstLayer(net)),
            try picture(
                "last-layer", "the 9 filters of the last layer for the first map, by the pixel that they make",
                SubPixelFigures.lastLayer(net)),
        ])
        findings.section("Pictures")
        let resizer = try ESPCNResizer(net)
        for index in [0, 2] where index < test.pictures.count {
            let small = test.pictures[index]
            let size = (height: small.shape[0] * 3, width: small.shape[1] * 3)
            let made = try resizer.resized(Bitmap(pixels: small, hasAlpha: false), to: size).pixels
            let plain = Resample.imresize(small, by: 3)
            let rows = (size.height / 2 - 90)..<(size.height / 2 + 90)
            let columns = (size.width / 2 - 120)..<(size.width / 2 + 120)
            func crop(_ x: Tensor) -> Bitmap {
                Bitmap(pixels: x[rows, columns, 0...].contiguous(), hasAlpha: false)
            }
            let difference: Tensor = (made.asType(.float32) - plain.asType(.float32)) * 4.0 + 128.0
            findings.pictures([
                try picture("bicubic-\(index)", "\(test.names[index]), bicubic", crop(plain), zoom: 2),
                try picture("espcn-\(index)", "ESPCN", crop(made), zoom: 2),
                try picture(
                    "difference-\(index)", "their difference, four times",
                    crop(clip(difference, min: 0, max: 255).asType(.uint8)), zoom: 2),
            ])
        }
    }
}
