import ArgumentParser
import Foundation
import Mercer
import MercerImage
import MercerNN
import MercerPapers

/// `mercer train METHOD`: learns the weights of a network from a user's own pictures.
struct TrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Learn the weights of a network from your own pictures.",
        discussion: """
            Weights go to a safetensors file with their recipe, data and seed in its metadata. With --checkpoints a \
            training that was stopped goes on where it was, and ends with the same bits.
            """,
        subcommands: [
            TrainESPCNCommand.self, TrainADKCommand.self, TrainIRN.self, TrainDLVIRN.self, TrainIARN.self,
            TrainLambdaPNNCommand.self,
        ])
}

/// Where a training keeps its states.
struct CheckpointOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A folder that keeps the state, to go on from after a stop.", valueName: "dir"))
    var checkpoints: String?

    var states: Checkpoints? { checkpoints.map { Checkpoints(URL(filePath: $0)) } }
}

/// What every training has.
struct TrainOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A folder of pictures; by default 24 photographs of Debian packages, fetched when they are needed.",
            valueName: "dir"))
    var data: String?

    @Option(
        name: [.short, .customLong("output")],
        help: ArgumentHelp("Where the weights go.", valueName: "file.safetensors"))
    var output: String

    @Option(help: ArgumentHelp("How many steps; by default the recipe's.", valueName: "n"))
    var steps: Int?

    @Option(help: ArgumentHelp("The seed of everything random.", valueName: "n"))
    var seed: UInt64 = 0

    @OptionGroup var checkpoints: CheckpointOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if !output.hasSuffix(".safetensors") {
            throw ValidationError("where do the weights go? Give '-o FILE.safetensors', not '\(output)'")
        }
        if let steps, !(1...10_000_000).contains(steps) {
            throw ValidationError("'--steps' must lie between 1 and 10,000,000, but is \(steps)")
        }
    }

    /// The pictures to learn from; `side` is the least side that one may have.
    func pictures(atLeast side: Int) async throws -> TrainingPictures {
        guard let data else {
            return try await TrainingPictures(photographs: DataCache.standard) { line in Console.remark(line) }
        }
        let pictures = try TrainingPictures(folder: data, atLeast: side)
        for line in pictures.leftOut { Console.remark("left out: \(line)") }
        return pictures
    }

    /// Steps, seed and checkpoints as a trainer takes them.
    func trainerOptions(steps recipe: Int) -> TrainingOptions {
        var options = TrainingOptions(epochs: 1)
        options.seed = seed
        options.maximumSteps = steps ?? recipe
        options.checkpoints = checkpoints.states
        return options
    }

    /// Trains with a progress bar that shows the loss.
    func fit<M: Module>(_ trainer: Trainer<M>, _ loader: DataLoader) throws {
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        bar.begin("training", steps: trainer.options.maximumSteps)
        try trainer.fit(loader) { progress in
            bar.step(progress.step)
            if progress.step % 100 == 0 {
                bar.note("step \(progress.step): mean loss \(Format.number(progress.meanLoss, digits: 5))")
            }
        }
    }
}
