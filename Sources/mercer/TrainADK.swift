import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerNN
import MercerPapers

/// `mercer train adk`: a network that makes pictures smaller as a certain camera, scanner or program does.
struct TrainADKCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adk",
        abstract: "Learn to make pictures smaller as a camera or program does (ADK-Net, Pise & Ghosh 2025).",
        discussion: """
            Give pairs: a folder of large pictures and one of the same pictures smaller, under the same names. \
            Without pairs the camera that Mercer makes up stands in.

              mercer train adk --pairs large small --scale 2 -o cam.safetensors
              mercer resize photos -o out --method adk --weights cam.safetensors
            """)

    @OptionGroup var options: TrainOptions

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("A folder of large pictures and one of the same smaller.", valueName: "dir"))
    var pairs: [String] = []

    @Option(help: ArgumentHelp("Make the pairs of the pictures of --data instead: camera.", valueName: "how"))
    var makePairs: String?

    @Option(help: ArgumentHelp("How many times smaller: 2, 3 or 4.", valueName: "s"))
    var scale = 2

    @Option(help: ArgumentHelp("Pixels a side of a kernel; by default 8, 9 or 12 for 2, 3 or 4.", valueName: "k"))
    var kernel: Int?

    @Option(help: ArgumentHelp("small, base or car.", valueName: "name"))
    var size = "small"

    @Option(help: ArgumentHelp("none (kernels may sharpen), softmax or sum.", valueName: "name"))
    var normalisation = "none"

    @Option(help: ArgumentHelp("Where kernels start: fixed (least squares), box or none.", valueName: "name"))
    var start = "fixed"

    @Flag(help: "One kernel for all colours.")
    var sharedKernels = false

    @Flag(help: "Each tap of a kernel may move: the variant of CAR (Sun & Chen 2020). Several times slower.")
    var offsets = false

    @Flag(help: "Crop pairs that are shifted by whole pixels to what both show.")
    var fixShift = false

    @Flag(help: "The camera has a direction: don't turn and mirror examples.")
    var directed = false

    func validate() throws {
        if !pairs.isEmpty, pairs.count != 2 {
            throw ValidationError(
                "'--pairs' takes two folders, of large and of small pictures; \(pairs.count) are given")
        }
        if let makePairs, makePairs != "camera" {
            throw ValidationError("'--make-pairs \(makePairs)': there is only camera")
        }
        if !pairs.isEmpty, makePairs != nil || options.data != nil {
            throw ValidationError("'--pairs' excludes '--make-pairs' and '--data'")
        }
        if options.data != nil, makePairs == nil {
            throw ValidationError("'--data' goes with '--make-pairs camera'; pairs of your own are given by '--pairs'")
        }
        if !(2...4).contains(scale) { throw ValidationError("'--scale \(scale)': there are 2, 3 and 4") }
        if let kernel, !(scale...32).contains(kernel) {
            throw ValidationError("'--kernel \(kernel)': a kernel has from \(scale) to 32 pixels a side")
        }
        if !ADKSize.named.contains(where: { $0.name == size }) {
            throw ValidationError("there is no size '\(size)'; there are small, base and car")
        }
        if KernelNormalisation(rawValue: normalisation) == nil {
            throw ValidationError("there is no normalisation '\(normalisation)'; there are softmax, sum and none")
        }
        if ADKTraining.Start(rawValue: start) == nil {
            throw ValidationError("there is no start '\(start)'; there are box, fixed and none")
        }
    }

    func run() async throws {
        var training = ADKTraining(scale: scale, kernel: kernel ?? [2: 8, 3: 9, 4: 12][scale]!)
        training.size = ADKSize.named.first { $0.name == size }!.size
        training.normalisation = KernelNormalisation(rawValue: normalisation)!
        training.start = ADKTraining.Start(rawValue: start)!
        training.sharesKernels = sharedKernels
        training.movesTaps = offsets
        training.seed = options.seed
        let (found, source) = try await examples()
        let tiles = try PairTiles(
            found, scale: scale, crop: 64 / scale * scale, symmetries: !directed)
        let net = try training.network(tiles)
        let steps = options.steps ?? training.steps
        let loader = training.loader(tiles)
        try options.fit(training.trainer(net, options.trainerOptions(steps: steps), loader), loader)
        net.fold()
        let quality = try await measured(net)
        try net.write(
            to: options.output,
            metadata: [
                "recipe": recipe(training, steps), "data": source, "seed": "\(options.seed)", "steps": "\(steps)",
                "quality": quality.map { said($0) } ?? "not measured",
            ])
        if options.json {
            try Console.print(
                json: Result(
                    file: options.output, scale: scale, kernel: training.kernel, steps: steps, tiles: tiles.count,
                    parameters: net.numberOfParameters(), psnr: quality?.adk, bicubic: quality?.bicubic))
        } else {
            Console.print("\(net.numberOfParameters()) parameters, \(tiles.count) tiles")
            if let quality { Console.print(said(quality)) }
            Console.print("mercer resize PICTURES -o OUT --method adk --weights \(options.output) uses it")
        }
    }

    private func examples() async throws -> (pairs: [PicturePair], source: String) {
        if pairs.count == 2 {
            let found = try PicturePairs(large: pairs[0], small: pairs[1], scale: scale, fixesShift: fixShift)
            for note in found.notes { Console.remark(note) }
            return (found.pairs, found.source)
        }
        let camera = "the camera that Mercer makes up, "
        guard options.data != nil else {
            let found = try await CameraPairs.training(scale: scale, from: DataCache.standard) { Console.remark($0) }
            return (found, camera + "24 photographs (train-24, halved once more)")
        }
        let pictures = try await options.pictures(atLeast: 96)
        let found = pictures.pictures.enumerated().map { index, picture in
            PicturePair("\(index)", picture, scale: scale, key: RandomKey(options.seed).fold(in: index))
        }
        return (found, camera + pictures.source)
    }

    private typealias Quality = (adk: Double, bicubic: Double)

    /// On the test photographs, where the pairs are the made-up camera's.
    private func measured(_ net: ADKNet) async throws -> Quality? {
        guard pairs.isEmpty, options.data == nil else { return nil }
        let found = try await CameraPairs.test(scale: scale, from: DataCache.standard) { Console.remark($0) }
        let test = ADKTest(found, scale: scale)
        return (test.score(net).psnr, test.score(.bicubic).psnr)
    }

    private func said(_ quality: Quality) -> String {
        "\(Format.fixed(quality.adk, decimals: 2)) dB PSNR on RGB against that camera, mean of 10 other photographs "
            + "(test-10); bicubic \(Format.fixed(quality.bicubic, decimals: 2)) dB"
    }

    private func recipe(_ training: ADKTraining, _ steps: Int) -> String {
        "mercer train adk --scale \(scale) --kernel \(training.kernel) --size \(size) --normalisation \(normalisation) "
            + "--start \(start)\(offsets ? " --offsets" : "") --steps \(steps) --seed \(options.seed)"
    }

    private struct Result: Encodable {
        let file: String
        let scale: Int
        let kernel: Int
        let steps: Int
        let tiles: Int
        let parameters: Int
        let psnr: Double?
        let bicubic: Double?
    }
}
