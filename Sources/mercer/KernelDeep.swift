import ArgumentParser
import Foundation
import Mercer
import MercerImageIO
import MercerKernelMethods
import MercerPapers

/// `mercer kernel deep`: deep kernel machines.
struct KernelDeepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deep",
        abstract: "Fit a deep kernel machine: a deep kernel that adapts to the targets, with predictive variances.",
        discussion: """
            'mercer kernel deep TABLE --target COLUMN' trains; 'predict' applies a model to other rows, 'inspect' \
            shows what each layer learned. With --checkpoints a training that was stopped goes on where it was, and ends \
            with the same bits.
            """,
        subcommands: [KernelDeepFitCommand.self, KernelDeepPredictCommand.self, KernelDeepInspectCommand.self],
        defaultSubcommand: KernelDeepFitCommand.self)
}

/// `mercer kernel deep TABLE`.
struct KernelDeepFitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit", abstract: "Train on a table (the subcommand's name may be left out).")

    enum Task: String, ExpressibleByArgument { case regression, classification }
    enum Normalisation: String, ExpressibleByArgument { case none, global, local }

    @Argument(help: "The table (.csv, .npy, .npz, .safetensors).")
    var table: String

    @Option(help: ArgumentHelp("The column that is to be predicted.", valueName: "column"))
    var target: String

    @Option(help: "regression or classification; by default what the target's column looks like.")
    var task: Task?

    @Option(help: "Gram layers; 0 is a plain Gaussian process.")
    var layers = 2

    @Option(
        help: ArgumentHelp(
            "How firmly Gram matrices are held to their kernels: a number, inf, or auto.", valueName: "ν"))
    var nu = "30"

    @Option(help: "Learned inducing points.")
    var inducing = 100

    @Option(help: ArgumentHelp("sqexp, relu or linear; several with commas make a sum.", valueName: "list"))
    var kernel = "sqexp"

    @Option(help: "Normalisation of Gram matrices: none, global or local.")
    var norm: Normalisation = .none

    @Option(help: "Steps of Adam (iterations of L-BFGS with --full).")
    var steps = 2000

    @Option(help: "Adam's rate.")
    var rate = 0.01

    @Option(help: ArgumentHelp("Rows a step: all or a number.", valueName: "n"))
    var batch = "all"

    @Flag(
        help: """
            Set the output layer of a regression to its best in closed form at each step; by default it is learned as in \
            the paper. Take a larger ν with it.
            """)
    var closedForm = false

    @Flag(
        inversion: .prefixedNo,
        help: "All rows as inducing points, by L-BFGS; by default where a regression has 300 rows or fewer.")
    var full: Bool?

    @Option(help: "The seed of inducing points and batches.")
    var seed: UInt64 = 0

    @Option(
        help: ArgumentHelp(
            "Train with so many seeds, from --seed on, and keep the model of the highest objective.", valueName: "n"))
    var restarts = 1

    @OptionGroup var checkpoints: CheckpointOptions

    @Option(help: ArgumentHelp("The file of the model (.safetensors).", valueName: "file"))
    var out: String?

    @Option(help: ArgumentHelp("Rows to test with; they need the target's column.", valueName: "file"))
    var test: String?

    @Flag(help: "With --test: print mean and deviation of each row.")
    var uncertainty = false

    @OptionGroup var options: TableOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let rows: Int
        let columns: Int
        let inducing: Int
        let nu: String
        let seed: UInt64
        let objective: Double
        let divergences: [Double]
        let noise: Double?
        let error: Double?
        let accuracy: Double?
        let logLikelihood: Double?
        let notes: [String]
    }

    func run() async throws {
        var settings = try settings()
        let (inputs, outputs) = try options.read(table, apart: [target])
        let rows = try inputs.matrix()
        let targets = try self.targets(outputs)
        if settings.isFull || (full == nil && isRegression(targets) && rows.shape[0] <= 300 && batch == "all") {
            guard isRegression(targets) else {
                throw KernelMethodError.option(
                    "--full with classes", found: "true", expected: "regression; leave it out for classes")
            }
            guard rows.shape[0] <= 3000 else {
                throw KernelMethodError.memory(
                    "a full machine of \(rows.shape[0]) rows",
                    needed: 8 * rows.shape[0] * rows.shape[0] * (8 * settings.layers + 20),
                    advice: "leave out --full: \(settings.inducing) inducing points do")
            }
            settings.isFull = true
        }
        guard restarts == 1 || !settings.isFull else {
            throw KernelMethodError.option(
                "--restarts with a full machine", found: "\(restarts)",
                expected: "1, since it starts from no seed; choose --no-full for inducing points")
        }
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        if nu == "auto" {
            bar.begin("choosing ν", steps: 15)
            settings.nu = try DeepKernelSettings.chooseNu(rows, targets, settings) {
                bar.step($0)
                try _Concurrency.Task.checkCancellation()
            }
        }
        bar.begin("training", steps: settings.isFull ? nil : restarts * settings.steps)
        let model = try DeepKernelModel.best(
            of: restarts, fitting: rows, targets: targets, columns: inputs.columnNames, settings,
            checkpoints: checkpoints.states
        ) { step, _ in
            bar.step(step)
            try _Concurrency.Task.checkCancellation()
        }
        bar.end()
        for note in model.notes { Console.remark("warning: \(note)") }
        if let out { try model.save(to: out) }
        try show(model, rows, targets)
    }

    private func isRegression(_ targets: DeepKernelModel.Targets) -> Bool {
        if case .numbers = targets { true } else { false }
    }

    private func settings() throws -> DeepKernelSettings {
        var settings = DeepKernelSettings()
        guard (0...20).contains(layers) else {
            throw KernelMethodError.option("--layers", found: "\(layers)", expected: "a number from 0 to 20")
        }
        settings.layers = layers
        if nu != "auto" {
            guard let value = Double(nu), value > 0 else {
                throw KernelMethodError.option("--nu", found: "'\(nu)'", expected: "auto, inf or a positive number")
            }
            settings.nu = value
        }
        guard (1...20_000).contains(inducing) else {
            throw KernelMethodError.option("--inducing", found: "\(inducing)", expected: "a number from 1 to 20000")
        }
        settings.inducing = inducing
        settings.kernels = try kernel.split(separator: ",").map { name in
            guard let kernel = GramKernel(rawValue: String(name)) else {
                throw KernelMethodError.option(
                    "--kernel", found: "'\(name)'", expected: "sqexp, relu or linear")
            }
            return kernel
        }
        guard !settings.kernels.isEmpty else {
            throw KernelMethodError.option("--kernel", found: "''", expected: "sqexp, relu or linear")
        }
        settings.normalisesLocally = norm == .none ? nil : norm == .local
        guard (1...10_000_000).contains(steps) else {
            throw KernelMethodError.option("--steps", found: "\(steps)", expected: "a number from 1 to 10000000")
        }
        settings.steps = steps
        guard rate > 0, rate <= 10 else {
            throw KernelMethodError.option("--rate", found: plain(rate), expected: "a number from 0 to 10")
        }
        settings.rate = rate
        guard (1...1000).contains(restarts) else {
            throw KernelMethodError.option("--restarts", found: "\(restarts)", expected: "a number from 1 to 1000")
        }
        settings.collapsesOutput = closedForm
        if closedForm, batch != "all" {
            throw KernelMethodError.option("--batch with --closed-form", found: "'\(batch)'", expected: "all")
        }
        if batch != "all" {
            guard let size = Int(batch), size >= 1 else {
                throw KernelMethodError.option("--batch", found: "'\(batch)'", expected: "all or a positive number")
            }
            settings.batch = size
        }
        if full == true, batch != "all" {
            throw KernelMethodError.option("--batch with --full", found: "'\(batch)'", expected: "all")
        }
        settings.isFull = full == true
        settings.seed = seed
        return settings
    }

    private func targets(_ table: DataTable) throws -> DeepKernelModel.Targets {
        let isNumeric = try table.column(target).isNumeric
        let (labels, classes) = try table.labels(target)
        if task == .regression || (task == nil && isNumeric && classes.count > 10) {
            return .numbers(try table.numbers(target))
        }
        guard classes.count >= 2 else {
            throw KernelMethodError.option(
                "the number of classes in column \(target)", found: "\(classes.count)", expected: "2 or more")
        }
        return .labels(labels, classes: classes)
    }

    private func show(_ model: DeepKernelModel, _ rows: Tensor, _ targets: DeepKernelModel.Targets) throws {
        var (error, accuracy, likelihood): (Double?, Double?, Double?) = (nil, nil, nil)
        let source = test ?? table
        let (data, outputs) = try options.read(source, apart: [target])
        let x = try data.matrix()
        try DeepKernelColumns.check(data.columnNames, against: model.columns, in: source)
        if model.classes.isEmpty {
            let score = try model.score(x, outputs.numbers(target))
            (error, likelihood) = (score.error, score.logLikelihood)
        } else {
            let (labels, classes) = try outputs.labels(target)
            let known = try labels.map { label -> Int in
                guard let place = model.classes.firstIndex(of: classes[label]) else {
                    throw KernelMethodError.file(
                        source, reason: "class '\(classes[label])' isn't one of the training rows'")
                }
                return place
            }
            let score = try model.score(x, labels: known)
            (accuracy, likelihood) = (score.accuracy, score.logLikelihood)
        }
        let divergences = try model.machine.divergences()
        let output = Output(
            rows: rows.shape[0], columns: rows.shape[1], inducing: model.machine.inducingCount,
            nu: Format.number(model.settings.nu), seed: model.settings.seed, objective: model.objective,
            divergences: divergences.map(\.divergence),
            noise: model.classes.isEmpty ? model.machine.noiseVariance : nil,
            error: error, accuracy: accuracy, logLikelihood: likelihood, notes: model.notes)
        if uncertainty, test != nil { Console.output.write(try DeepKernelColumns.predictions(model, x)) }
        if json { return try Console.print(json: output) }
        Console.print(
            "\(model.settings.layers) Gram layers, ν = \(output.nu), \(output.inducing) inducing points, \(output.rows) rows of "
                + "\(output.columns) columns")
        if restarts > 1 { Console.print("the best of \(restarts) trainings, seed \(output.seed)") }
        let where_ = test == nil ? "training rows" : "test rows"
        if let error { Console.print("RMSE \(Format.number(error)) on the \(where_)") }
        if let accuracy { Console.print("accuracy \(Format.fixed(accuracy, decimals: 4)) on the \(where_)") }
        if let likelihood { Console.print("mean log likelihood \(Format.number(likelihood)) on the \(where_)") }
        Console.print("objective per row \(Format.number(model.objective))")
        for (number, item) in divergences.enumerated() {
            Console.print(
                "layer \(number + 1): KL from its kernel \(Format.number(item.divergence)), costs "
                    + "\(Format.number(model.settings.nu.isFinite ? item.divergence * model.settings.nu / Double(output.rows) : 0)) a row"
            )
        }
        if let out { Console.print("model: \(out)") }
    }
}

/// Columns and predictions of a model's tables.
enum DeepKernelColumns {
    /// Compares names where both tables have some.
    static func check(_ found: [String], against expected: [String], in path: String) throws {
        guard found.count == expected.count else {
            throw KernelMethodError.width(found: found.count, expected: expected.count, what: "the rows of \(path)")
        }
        let numbers = found.indices.map { "\($0 + 1)" }
        if found == numbers || expected == numbers { return }
        if let odd = found.indices.first(where: { found[$0] != expected[$0] }) {
            throw KernelMethodError.file(
                path,
                reason: "column \(odd + 1) is '\(found[odd])', but the model was trained on '\(expected[odd])' there")
        }
    }

    /// Predictions as CSV.
    static func predictions(_ model: DeepKernelModel, _ rows: Tensor) throws -> String {
        if model.classes.isEmpty {
            let (mean, deviation) = try model.predict(rows)
            return csv(["mean", "deviation"], zip(mean, deviation).lazy.map { [plain($0), plain($1)] })
        }
        let c = model.classes.count
        let values = try model.logProbabilities(rows).toArray(Double.self).map { Foundation.exp($0) }
        return csv(
            ["class"] + model.classes.map { "p_\($0)" },
            (0..<rows.shape[0]).lazy.map { row in
                let line = Array(values[row * c..<(row + 1) * c])
                return [model.classes[line.firstIndex(of: line.max()!)!]] + line.map(plain)
            })
    }
}

/// `mercer kernel deep predict MODEL TABLE`.
struct KernelDeepPredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Predict rows by a model: means and deviations, or class probabilities.")

    @Argument(help: "The model (.safetensors).")
    var model: String

    @Argument(help: "The rows; other columns than the model's can be left out with --drop.")
    var table: String

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file for the predictions (.csv).", valueName: "file"))
    var out: String?

    func run() async throws {
        let model = try DeepKernelModel(contentsOf: self.model)
        let data = try options.read(table)
        try DeepKernelColumns.check(data.columnNames, against: model.columns, in: table)
        let rows = try data.matrix()
        let text = try DeepKernelColumns.predictions(model, rows)
        if let out { try AtomicFile.write(text, to: out) } else { Console.output.write(text) }
    }
}

/// `mercer kernel deep inspect MODEL`.
struct KernelDeepInspectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect", abstract: "What each layer learned; a Gram matrix as a picture.")

    @Argument(help: "The model (.safetensors).")
    var model: String

    @Option(help: ArgumentHelp("The Gram layer to draw, counted from 1.", valueName: "layer"))
    var gram: Int?

    @Option(help: ArgumentHelp("The picture (.png).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let inducing: Int
        let columns: [String]
        let nus: [String]
        let divergences: [Double]
        let objective: Double
    }

    func validate() throws {
        if (gram == nil) != (out == nil) { throw ValidationError("'--gram' and '--out' belong together") }
    }

    func run() async throws {
        let model = try DeepKernelModel(contentsOf: self.model)
        let divergences = try model.machine.divergences()
        if let gram, let out {
            // In the order of the first principal direction, so that blocks show.
            let matrix = try model.gram(gram)
            let (_, vectors) = try LinearAlgebra.eigh(matrix)
            let n = matrix.shape[0]
            let leading = vectors[0..., n - 1].toArray(Double.self)
            let order = (0..<n).sorted { leading[$0] < leading[$1] }
            try AtomicFile.write(
                try Bitmap(pixels: MatrixPicture.pixels(try model.gram(gram, sortedBy: order))).encoded(as: .png),
                to: out)
        }
        if json {
            return try Console.print(
                json: Output(
                    inducing: model.machine.inducingCount, columns: model.columns,
                    nus: model.machine.nus.map { Format.number($0) }, divergences: divergences.map(\.divergence),
                    objective: model.objective))
        }
        Console.print(
            "\(model.machine.inducingCount) inducing points, \(model.columns.count) columns, objective per row "
                + Format.number(model.objective))
        for (number, item) in divergences.enumerated() {
            Console.print(
                "layer \(number + 1): ν = \(Format.number(model.machine.nus[number])), KL from its kernel "
                    + Format.number(item.divergence))
        }
        if let out { Console.print("picture: \(out)") }
    }
}
