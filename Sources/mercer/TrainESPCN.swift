import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerNN
import MercerPapers

/// `mercer train espcn`: a network that enlarges by a whole factor.
struct TrainESPCNCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "espcn",
        abstract: "Learn to enlarge pictures and video (ESPCN, Shi et al. 2016).",
        discussion: """
            Patches of the pictures are made smaller by the bicubic filter, and the network learns to undo it. 6000 \
            steps take about three minutes.

              mercer train espcn --data photos --scale 3 -o enlarge.safetensors
              mercer resize small.png -o large.png --method espcn --scale 3 --weights enlarge.safetensors
            """)

    @OptionGroup var options: TrainOptions

    @Option(help: ArgumentHelp("How many times larger: 2, 3, 4 or 8.", valueName: "r"))
    var scale = 3

    @Option(help: ArgumentHelp("tanh (the paper's best) or relu.", valueName: "name"))
    var activation = "tanh"

    @Option(help: ArgumentHelp("1 for luma (the paper's), 3 for red, green and blue.", valueName: "n"))
    var channels = 1

    @Option(
        help: ArgumentHelp("How the learning rate falls: cosine, or plateau as in the paper.", valueName: "name"))
    var schedule = "cosine"

    @Flag(help: "Start with equal phases in the last layer (ICNR).")
    var equalPhases = false

    @Option(help: ArgumentHelp("A folder for pictures of the learnt filters.", valueName: "dir"))
    var figures: String?

    func validate() throws {
        guard ESPCN.scales.contains(scale) else {
            throw ValidationError("'--scale \(scale)': the network enlarges by 2, 3, 4 or 8")
        }
        guard SubPixelActivation(rawValue: activation) != nil else {
            throw ValidationError("there is no activation '\(activation)'; there are tanh and relu")
        }
        guard channels == 1 || channels == 3 else {
            throw ValidationError("'--channels \(channels)': there are 1 (luma) and 3 (red, green, blue)")
        }
        guard ["cosine", "plateau"].contains(schedule) else {
            throw ValidationError("there is no schedule '\(schedule)'; there are cosine and plateau")
        }
    }

    func run() async throws {
        var training = ESPCNTraining(scale: scale)
        training.activation = SubPixelActivation(rawValue: activation)!
        training.channels = channels
        training.equalPhases = equalPhases
        training.seed = options.seed
        training.decay = schedule == "plateau" ? .plateau(threshold: 0.01) : .cosine
        let steps = options.steps ?? training.steps
        let pictures = try await options.pictures(atLeast: SubPixelPatches.leastSide(scale: scale))
        let patches = SubPixelPatches(pictures.pictures, scale: scale, channels: channels)
        guard patches.count > 0 else {
            throw CleanFailure(
                "\(pictures.source): no patch of \(SubPixelPatches.leastSide(scale: scale)) pixels a side has detail to "
                    + "learn from")
        }
        let net = training.network()
        let loader = training.loader(patches)
        let trainer = training.trainer(net, options.trainerOptions(steps: steps), loader)
        try options.fit(trainer, loader)
        let quality = try await measured(net)
        try net.write(
            to: options.output,
            metadata: [
                "recipe": recipe(steps), "data": pictures.source, "seed": "\(options.seed)", "steps": "\(steps)",
                "quality": quality.map { said($0.psnr, $0.bicubic) } ?? "not measured",
            ])
        if let figures {
            try FileManager.default.createDirectory(atPath: figures, withIntermediateDirectories: true)
            try SubPixelFigures.firstLayer(net).write(to: "\(figures)/first-layer.png")
            try SubPixelFigures.lastLayer(net).write(to: "\(figures)/last-layer.png")
        }
        if options.json {
            try Console.print(
                json: Result(
                    file: options.output, scale: scale, steps: steps, patches: patches.count, psnr: quality?.psnr,
                    bicubic: quality?.bicubic))
        } else {
            if let quality {
                Console.print(
                    "10 photographs that it hasn't seen, ×\(scale): \(Format.fixed(quality.psnr, decimals: 2)) dB, "
                        + "bicubic \(Format.fixed(quality.bicubic, decimals: 2)) dB")
            }
            Console.print(
                "mercer resize PICTURES -o OUT --method espcn --scale \(scale) --weights \(options.output) uses it")
        }
    }

    private func said(_ psnr: Double, _ bicubic: Double) -> String {
        "\(Format.fixed(psnr, decimals: 2)) dB PSNR on luma, mean of 10 other photographs (test-10); bicubic "
            + "\(Format.fixed(bicubic, decimals: 2)) dB"
    }

    private func recipe(_ steps: Int) -> String {
        "mercer train espcn --scale \(scale) --activation \(activation) --channels \(channels) --schedule \(schedule) "
            + (equalPhases ? "--equal-phases " : "") + "--steps \(steps) --seed \(options.seed)"
    }

    /// On the test photographs, for a network that learnt from the photographs that belong to them.
    private func measured(_ net: ESPCN) async throws -> (psnr: Double, bicubic: Double)? {
        guard options.data == nil, channels == 1, scale < 8 else { return nil }
        let test = try await SuperResolutionTest(scale: scale, from: DataCache.standard) { Console.remark($0) }
        let enlarger = net.fast
        let bicubic = zip(test.pictures, test.truth).map { small, truth in
            ImageMetrics.psnr(
                truth, ImageMetrics.luma(Resample.imresize(small, by: Double(scale))), border: scale)
        }
        return (test.mean { enlarger($0) }, bicubic.reduce(0, +) / Double(bicubic.count))
    }

    private struct Result: Encodable {
        let file: String
        let scale: Int
        let steps: Int
        let patches: Int
        let psnr: Double?
        let bicubic: Double?
    }
}
