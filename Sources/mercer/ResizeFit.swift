import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerPapers

/// `mercer resize --fit-weights`: learns MULLER's weights for pictures and a network.
struct FitOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Learn MULLER's weights from a folder with one folder of pictures for each class; '-o' names the file.",
            valueName: "data"))
    var fitWeights: String?

    @Option(
        help: ArgumentHelp(
            "A checkpoint of the small network that judges; trained and kept there when it isn't there yet.",
            valueName: "ckpt"))
    var model: String?

    @Flag(help: "Leave the network as it is while the weights are learnt.")
    var freezeModel = false

    @Option(help: ArgumentHelp("How often the pictures are gone through.", valueName: "n"))
    var epochs = 10

    @Option(help: ArgumentHelp("The seed of everything random.", valueName: "n"))
    var seed: UInt64 = 0

    func validate(_ inputs: [String], _ output: String?, _ size: SizeOptions, _ method: MethodOptions) throws {
        if !inputs.isEmpty {
            throw ValidationError("'--fit-weights' takes its pictures from its folder only")
        }
        guard let output, output.hasSuffix(".safetensors") else {
            throw ValidationError("where do the weights go? Give '-o FILE.safetensors'")
        }
        guard case .exactly = try size.resolved() else {
            throw ValidationError("'--fit-weights' needs '--size WxH', what the network sees")
        }
        if method.method != "muller" { throw ValidationError("only MULLER has weights to learn") }
        if !(1...100_000).contains(epochs) { throw ValidationError("'--epochs' must be at least 1") }
    }

    func run(
        _ data: String, _ output: String, _ size: SizeOptions, _ method: MethodOptions, json: Bool
    ) throws {
        guard case .exactly(let width, let height) = try size.resolved(),
            case .muller(let settings, _, _) = try method.resolved(for: size.resolved()).method
        else { return }
        var fit = MullerFit(settings, size: (height: height, width: width))
        fit.epochs = epochs
        fit.seed = seed
        fit.isFrozen = freezeModel
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        var shown = ""
        let outcome = try fit.run(data, checkpoint: model) { stage, done, count, note in
            if stage != shown {
                bar.begin(stage, steps: count)
                shown = stage
            }
            bar.step(done)
            if let note { bar.note("left out: \(note)") }
        }
        bar.end()
        try saveTensors(Dictionary(uniqueKeysWithValues: outcome.weights.tensors), to: output)
        if json {
            try Console.print(json: Result(outcome, output))
        } else {
            let list = outcome.weights.list.map { Format.number($0, digits: 5) }.joined(separator: ", ")
            Console.print("weights: \(list)")
            Console.print(
                "\(outcome.classes.count) classes; right before \(Format.fixed(100 * outcome.before, decimals: 1)) %, "
                    + "with MULLER \(Format.fixed(100 * outcome.after, decimals: 1)) % of the test pictures")
            Console.print("mercer resize PICTURES -o OUT --weights \(output) uses them")
        }
    }

    private struct Result: Encodable {
        let weights: [Double]
        let classes: [String]
        let accuracyBefore: Double
        let accuracyAfter: Double
        let file: String

        init(_ outcome: MullerFit.Outcome, _ file: String) {
            weights = outcome.weights.list
            classes = outcome.classes
            accuracyBefore = outcome.before
            accuracyAfter = outcome.after
            self.file = file
        }
    }
}
