import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerNN
import MercerPapers

/// What the trainings of invertible rescaling have in common.
struct RescaleTrainOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Channels that each convolution of a subnet adds; 32 as published.", valueName: "n"))
    var growth = 8

    @Option(help: ArgumentHelp("Crops a step.", valueName: "n"))
    var batch: Int?

    @Option(help: ArgumentHelp("The side of the crops.", valueName: "pixels"))
    var patch: Int?

    @Option(help: ArgumentHelp("The learning rate.", valueName: "rate"))
    var rate: Double?

    @Option(help: ArgumentHelp("Start from these weights.", valueName: "file"))
    var from: String?

    @Flag(help: "The published recipe: 500,000 steps of 16 crops of 144, rate 2e-4 halved every 100,000.")
    var official = false

    @Flag(help: "Draw the latents from N(0, 1) in training; by default they are zero, or as the recipe says.")
    var randomLatents = false

    @Flag(help: "Keep every activation: faster, but memory grows with the number of blocks.")
    var storeActivations = false

    func validate() throws {
        if !(1...256).contains(growth) { throw ValidationError("'--growth' must lie between 1 and 256") }
        if let batch, !(1...4096).contains(batch) { throw ValidationError("'--batch' must lie between 1 and 4096") }
        if let patch, !(8...2048).contains(patch) { throw ValidationError("'--patch' must lie between 8 and 2048") }
        if let rate, !(rate > 0 && rate < 1) { throw ValidationError("'--rate' must lie between 0 and 1") }
    }

    /// The recipe, with what was given instead.
    func recipe(_ options: TrainOptions) -> RescaleRecipe {
        var recipe = official ? RescaleRecipe.official : .small
        recipe.steps = options.steps ?? (official ? recipe.steps : 2000)
        recipe.batch = batch ?? recipe.batch
        recipe.patch = patch ?? recipe.patch
        recipe.learningRate = rate ?? recipe.learningRate
        if randomLatents { recipe.randomLatents = true }
        return recipe
    }

    /// Numbers of blocks such as `3` or `8,8`.
    static func blocks(_ text: String) throws -> [Int] {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
            Int($0.trimmingCharacters(in: .whitespaces))
        }
        guard numbers.allSatisfy({ ($0 ?? 0) > 0 && $0! <= 64 }) else {
            throw ValidationError("'--blocks \(text)' isn't a list of numbers from 1 to 64, such as 8,8")
        }
        return numbers.map { $0! }
    }
}

/// What a training found, for people and programs.
private struct RescaleTrainReport: Encodable {
    let method: String
    let file: String
    let parameters: Int
    let steps: Int
    let restoredPSNR: Double
    let restoredSSIM: Double
    let bicubicPSNR: Double
    let smallPSNR: Double
    let judgedBy: String

    func say(_ json: Bool) throws {
        if json { return try Console.print(json: self) }
        Console.print(
            String(
                format:
                    "%@: %d parameters, %d steps; three pictures come back at %.2f dB (bicubic %.2f), small pictures "
                    + "%.2f dB from bicubic's", file, parameters, steps, restoredPSNR, bicubicPSNR, smallPSNR))
    }

    /// As metadata of weights.
    func metadata(_ recipe: RescaleRecipe, _ command: String, _ source: String, _ seed: UInt64) -> [String: String] {
        [
            "method": method, "command": command, "data": source, "seed": "\(seed)",
            "recipe":
                "\(recipe.steps) steps of \(recipe.batch) crops of \(recipe.patch)x\(recipe.patch), Adam "
                + "\(recipe.learningRate)\(recipe.milestones == nil ? " cosine" : " halved"), weight decay "
                + "\(recipe.weightDecay), clip \(recipe.clipNorm), latents \(recipe.latents)",
            "quality": String(
                format: "%@, luma: restored %.2f dB, bicubic %.2f dB, small picture %.2f dB from bicubic",
                judgedBy, restoredPSNR, bicubicPSNR, smallPSNR),
        ]
    }
}

extension RescaleRecipe {
    /// How latents are drawn, in words.
    fileprivate var latents: String {
        if !randomLatents { return "zero" }
        return temperature == 1 ? "N(0, 1)" : "N(0, 1) down, spread \(temperature) up"
    }
}

/// The command line that made weights, without folders.
private func commandLine() -> String {
    (["mercer"] + CommandLine.arguments.dropFirst().map { $0.contains("/") ? ($0 as NSString).lastPathComponent : $0 })
        .joined(separator: " ")
}

/// What a training is judged by: the middle of the three validation photographs, or with pictures of one's own of the
/// first three of them.
private func judged(_ options: TrainOptions, _ data: TrainingPictures) async throws -> [Tensor] {
    var pictures = Array(data.pictures.prefix(3))
    if options.data == nil {
        pictures = []
        for photograph in Photograph.validation3 {
            pictures.append(try await photograph.pixels(from: .standard) { Console.remark($0) })
        }
    }
    return pictures.map { pixels in
        func middle(_ length: Int) -> Range<Int> {
            let side = min(480, length / 24 * 24)
            let start = (length - side) / 2
            return start..<(start + side)
        }
        return pixels[middle(pixels.shape[0]), middle(pixels.shape[1]), 0...].contiguous()
    }
}

/// `mercer train irn` and `mercer train dlv-irn`.
private struct RescaleTraining {
    let method: RescaleMethod
    let options: TrainOptions
    let rescale: RescaleTrainOptions
    let scale: Int
    let blocks: String?
    let latent: Int
    var warmUp = 0.0
    var temperature: Double?

    func run() async throws {
        var recipe = rescale.recipe(options)
        recipe.spreadWarmUp = warmUp
        recipe.temperature = temperature ?? recipe.temperature
        let network = try network()
        network.activationMemory = rescale.storeActivations ? .stored : .reversible
        let side = max(scale, recipe.patch / scale * scale)
        let data = try await options.pictures(atLeast: side)
        let trainer = recipe.trainer(
            network, seed: options.seed, options: options.trainerOptions(steps: recipe.steps))
        try options.fit(trainer, recipe.loader(data.pictures, multiple: scale, seed: options.seed))
        let tests = try await judged(options, data)
        let quality = RescaleQuality.mean(
            tests.map {
                RescaleQuality(
                    $0, border: scale, down: { network.downscale($0).lr }, up: { network.upscale($0) })
            })
        let bicubic = RescaleQuality.mean(
            tests.map {
                RescaleQuality.bicubic($0, to: ($0.shape[0] / scale, $0.shape[1] / scale), border: scale)
            })
        let variants = latent > 0 ? VariantQuality.telling(network, tests, border: scale) : nil
        let report = RescaleTrainReport(
            method: method.rawValue, file: options.output, parameters: network.numberOfParameters(),
            steps: recipe.steps, restoredPSNR: quality.psnr, restoredSSIM: quality.ssim, bicubicPSNR: bicubic.psnr,
            smallPSNR: quality.lowPSNR,
            judgedBy: options.data == nil ? "validation-3" : "three of the pictures")
        var metadata = report.metadata(recipe, commandLine(), data.source, options.seed)
        metadata["network"] = "\(network.configuration)"
        if let variants { metadata["spread"] = plain(variants.spread) }
        try network.save(to: options.output, metadata: metadata)
        try report.say(options.json)
        if let variants, !options.json {
            Console.print(
                String(
                    format: "variants of spread %.3g differ by %.2f levels and come back at %.2f dB", variants.spread,
                    variants.levels, variants.psnrs[0]))
        }
    }

    private func network() throws -> InvertibleRescaler {
        if let from = rescale.from {
            let network = try InvertibleRescaler(contentsOf: from)
            guard network.configuration.scale == scale, network.configuration.downLatent == latent else {
                throw RescaleError.weights(
                    from, found: "\(network.configuration)",
                    expected: "scale \(scale)" + (latent > 0 ? " with \(latent) latent channels" : ""))
            }
            return network
        }
        let network = InvertibleRescaler(try configuration())
        network.initialize(RandomKey(options.seed))
        return network
    }

    /// - Throws: where no network can be so.
    func configuration() throws -> InvertibleRescaler.Configuration {
        let levels = scale == 3 ? 1 : max(1, scale.trailingZeroBitCount)
        return try InvertibleRescaler.Configuration(
            scale: scale,
            blocks: try blocks.map { try RescaleTrainOptions.blocks($0) } ?? [Int](repeating: 3, count: levels),
            growth: rescale.growth, downLatent: latent
        ).checked()
    }

    func validate() throws {
        do { _ = try configuration() } catch let error as RescaleError { throw ValidationError("\(error)") }
    }
}

/// `mercer train irn`.
struct TrainIRN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "irn", abstract: "Invertible rescaling (Xiao et al. 2020) by 2, 3, 4 or 8.",
        discussion: "For the published networks: --blocks 8,8 --growth 32 --official (weeks on a few cores).")

    @OptionGroup var options: TrainOptions
    @OptionGroup var rescale: RescaleTrainOptions
    @Option(help: ArgumentHelp("The scale: 3, or a power of two.", valueName: "n")) var scale = 2
    @Option(help: ArgumentHelp("Blocks after each halving, such as 3 or 8,8.", valueName: "n,n")) var blocks: String?

    private var training: RescaleTraining {
        RescaleTraining(method: .irn, options: options, rescale: rescale, scale: scale, blocks: blocks, latent: 0)
    }

    func validate() throws { try training.validate() }
    func run() async throws { try await training.run() }
}

/// `mercer train dlv-irn`.
struct TrainDLVIRN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dlv-irn",
        abstract: "Invertible rescaling with a second latent variable (Zhang et al. 2022): many thumbnails.",
        discussion: """
            z_D is drawn from N(0, 1) in training, or it would mean nothing. The published training draws the latents of \
            the way up too (--temperature 1); small networks restore more where those are zero.
            """)

    @OptionGroup var options: TrainOptions
    @OptionGroup var rescale: RescaleTrainOptions
    @Option(help: ArgumentHelp("The scale: 3, or a power of two.", valueName: "n")) var scale = 2
    @Option(help: ArgumentHelp("Blocks after each halving, such as 3 or 8,8.", valueName: "n,n")) var blocks: String?
    @Option(help: ArgumentHelp("Channels of the second latent variable.", valueName: "d")) var latent = 3
    @Option(help: ArgumentHelp("The part of the steps in which z_D's spread rises to 1.", valueName: "part"))
    var warmUp = 0.0
    @Option(
        help: ArgumentHelp(
            "The spread of the latents of the way up in training; by default 0, or 1 with --official.",
            valueName: "spread"))
    var temperature: Double?

    private var training: RescaleTraining {
        var random = rescale
        random.randomLatents = true
        return RescaleTraining(
            method: .dlvIRN, options: options, rescale: random, scale: scale, blocks: blocks, latent: latent,
            warmUp: warmUp, temperature: temperature ?? (rescale.official ? 1 : 0))
    }

    func validate() throws {
        if !(1...64).contains(latent) { throw ValidationError("'--latent' must lie between 1 and 64") }
        if !(0...1).contains(warmUp) { throw ValidationError("'--warm-up' must lie between 0 and 1") }
        if let temperature, !(0...10).contains(temperature) {
            throw ValidationError("'--temperature' must lie between 0 and 10")
        }
        try training.validate()
    }
    func run() async throws { try await training.run() }
}

/// `mercer train iarn`.
struct TrainIARN: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "iarn", abstract: "Invertible rescaling by any factor (Pan et al. 2023).")

    @OptionGroup var options: TrainOptions
    @OptionGroup var rescale: RescaleTrainOptions
    @Option(help: ArgumentHelp("How many blocks; 16 as published.", valueName: "n")) var blocks = 3
    @Option(
        help: ArgumentHelp(
            "The scales to learn, such as 1.5-4; by default 1.1-4, or 1-4 with --official.", valueName: "from-to"))
    var scales: String?
    @Option(help: ArgumentHelp("Haar transforms before the blocks, 0 to 2.", valueName: "n")) var haarLevels = 1
    @Option(help: ArgumentHelp("What the blocks are told: none, ratios or full.", valueName: "encoding"))
    var encoding = "full"
    @Flag(help: "Don't split the picture before the net.") var withoutSplitting = false
    @Option(help: ArgumentHelp("The weight of the cycle loss; by default 0.02, or 1 with --official.", valueName: "w"))
    var cycleWeight: Double?

    private var standard: ArbitraryRecipe { rescale.official ? .official : .small }

    private func range() throws -> ClosedRange<Double> {
        guard let scales else { return standard.scales }
        let ends = scales.split(separator: "-").map { Double($0) }
        guard ends.count == 2, let low = ends[0], let high = ends[1], low >= 1, high > low, high <= 16 else {
            throw ValidationError("'--scales \(scales)' isn't a range such as 1.5-4, between 1 and 16")
        }
        return low...high
    }

    private func configuration() throws -> ArbitraryRescaler.Configuration {
        guard let encoding = ScaleEncoding(rawValue: encoding) else {
            throw ValidationError("'--encoding \(encoding)' isn't none, ratios or full")
        }
        if !(1...64).contains(blocks) { throw ValidationError("'--blocks' must lie between 1 and 64") }
        if !(0...2).contains(haarLevels) { throw ValidationError("'--haar-levels' must be 0, 1 or 2") }
        return ArbitraryRescaler.Configuration(
            blocks: blocks, growth: rescale.growth, haarLevels: haarLevels, encoding: encoding,
            splits: !withoutSplitting)
    }

    func validate() throws {
        _ = try range()
        _ = try configuration()
        if let cycleWeight, !(cycleWeight >= 0 && cycleWeight <= 1000) {
            throw ValidationError("'--cycle-weight' must lie between 0 and 1000")
        }
    }

    func run() async throws {
        let recipe = ArbitraryRecipe(
            base: rescale.recipe(options), scales: try range(), cycleWeight: cycleWeight ?? standard.cycleWeight)
        let network: ArbitraryRescaler
        if let from = rescale.from {
            network = try ArbitraryRescaler(contentsOf: from)
        } else {
            network = ArbitraryRescaler(try configuration())
            network.initialize(RandomKey(options.seed))
        }
        network.activationMemory = rescale.storeActivations ? .stored : .reversible
        let side = max(network.multiple, recipe.base.patch / network.multiple * network.multiple)
        let data = try await options.pictures(atLeast: side)
        let trainer = recipe.trainer(
            network, seed: options.seed, options: options.trainerOptions(steps: recipe.base.steps))
        try options.fit(trainer, recipe.base.loader(data.pictures, multiple: network.multiple, seed: options.seed))
        let tests = try await judged(options, data)
        func half(_ picture: Tensor) -> (height: Int, width: Int) { (picture.shape[0] / 2, picture.shape[1] / 2) }
        let quality = RescaleQuality.mean(
            tests.map { picture in
                RescaleQuality(
                    picture, border: 2, down: { network.downscale($0, to: half(picture)) },
                    up: { network.upscale($0, to: (picture.shape[0], picture.shape[1])) })
            })
        let bicubic = RescaleQuality.mean(tests.map { RescaleQuality.bicubic($0, to: half($0), border: 2) })
        let report = RescaleTrainReport(
            method: "iarn", file: options.output, parameters: network.numberOfParameters(),
            steps: recipe.base.steps, restoredPSNR: quality.psnr, restoredSSIM: quality.ssim,
            bicubicPSNR: bicubic.psnr, smallPSNR: quality.lowPSNR,
            judgedBy: options.data == nil ? "validation-3" : "three of the pictures")
        var metadata = report.metadata(recipe.base, commandLine(), data.source, options.seed)
        metadata["scales"] = "\(recipe.scales.lowerBound)-\(recipe.scales.upperBound)"
        metadata["cycleWeight"] = "\(recipe.cycleWeight)"
        metadata["encoding"] = network.configuration.encoding.rawValue
        metadata["splits"] = "\(network.configuration.splits)"
        try network.save(to: options.output, metadata: metadata)
        try report.say(options.json)
    }
}
