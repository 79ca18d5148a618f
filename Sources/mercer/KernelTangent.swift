import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

extension TangentKernelKind: ExpressibleByArgument {}

/// `mercer kernel ntk`: infinitely wide networks as kernels.
struct KernelTangentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ntk",
        abstract: "Classify or regress by an infinitely wide network; kernels of infinite and finite networks.",
        discussion: """
            A table with a --target is fitted by the neural tangent kernel of --net, which is what gradient descent does \
            to the network at infinite width. --finite looks at a network of finite width instead: its tangent kernel, \
            the spectrum, the largest stable rate, the distance from the limit.
            """)

    @Argument(help: "The training table.")
    var train: String?

    @Option(help: "The column to predict; words are classes.")
    var target: String?

    @Flag(help: "Numbers of the target are classes.")
    var classes = false

    @Option(help: ArgumentHelp("A table to predict.", valueName: "file"))
    var test: String?

    @Option(help: "mlp:N, cnn:N, cnn-gap:N, myrtle5, myrtle7, myrtle10, or a .json file.")
    var net = "mlp:3"

    @Option(help: "The activation of short names.")
    var activation = "relu"

    @Option(help: "The weights' standard deviation in short names; √2 unless given.")
    var wStd = 2.0.squareRoot()

    @Option(help: "The biases'.")
    var bStd = 0.1

    @Option(help: "ntk or nngp (a Gaussian process with the network's prior).")
    var kernel: TangentKernelKind = .ntk

    @Option(help: "The ridge in units of the mean diagonal, or auto: by four-fold cross-validation.")
    var ridge = "1e-6"

    @Option(help: "The training time, or inf.")
    var time = "inf"

    @Option(help: "The learning rate that the time is counted in.")
    var rate = 1.0

    @Flag(help: "Also calibrated standard deviations.")
    var uncertainty = false

    @Option(help: ArgumentHelp("Pictures' sizes, for convolutions.", valueName: "HxWxC"))
    var shape: String?

    @Option(help: "The seed of cross-validation.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("A file for the training kernel (.npy).", valueName: "file"))
    var matrix: String?

    @Option(help: ArgumentHelp("A file to keep the model in (.safetensors).", valueName: "file"))
    var save: String?

    @Option(help: ArgumentHelp("A kept model to apply instead of fitting one.", valueName: "file"))
    var apply: String?

    @Option(help: ArgumentHelp("A network of finite width (.safetensors: 0.weight, 0.bias, …).", valueName: "file"))
    var finite: String?

    @Option(help: ArgumentHelp("Inputs for the finite network's kernel (.npy, .csv).", valueName: "file"))
    var data: String?

    @Option(help: ArgumentHelp("The same network at another time, for the drift of its kernel.", valueName: "file"))
    var against: String?

    @Flag(help: "The finite network's weights are in the standard parametrisation.")
    var standard = false

    @OptionGroup var tableOptions: TableOptions

    @Option(help: ArgumentHelp("The file for the predictions (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if finite != nil {
            guard data != nil else { throw ValidationError("--finite needs --data.") }
        } else if apply != nil {
            guard test != nil else { throw ValidationError("--apply needs --test.") }
        } else {
            guard train != nil, target != nil else {
                throw ValidationError("Give a training table and --target, or --apply MODEL, or --finite NETWORK.")
            }
        }
    }

    func run() async throws {
        if finite != nil { return try showFinite() }
        let model = try self.model()
        if let save { try model.save(to: save) }
        if let matrix { try Npy.write(try model.trainingKernel(), to: matrix) }
        guard let test else { return try show(model, nil, nil) }
        let table = try tableOptions.read(test)
        let prediction = try model.predict(table, uncertainty: uncertainty)
        try show(model, prediction, table)
    }

    private func model() throws -> TangentModel {
        if let apply { return try TangentModel(contentsOf: apply) }
        let recipe = try NetworkRecipe(spec: net, activation: activation, wStd: wStd, bStd: bStd)
        var options = TangentModel.Options()
        options.kernel = kernel
        options.rate = rate
        options.seed = seed
        options.calibrates = uncertainty
        options.ridge = try ridgeValue()
        options.time = try timeValue()
        options.shape =
            try shape.map { text in
                try text.split(separator: "x").map {
                    guard let n = Int($0) else {
                        throw KernelMethodError.option("--shape", found: "'\(text)'", expected: "HEIGHTxWIDTHxCHANNELS")
                    }
                    return n
                }
            } ?? []
        let (inputs, targets) = try tableOptions.read(train!, apart: [target!])
        let table = DataTable(name: inputs.name, columns: inputs.columns + targets.columns)
        return try TangentModel(
            recipe, table, target: target!, isClassification: classes ? true : nil, options: options)
    }

    private func ridgeValue() throws -> Double? {
        if ridge == "auto" { return nil }
        guard let value = Double(ridge), value >= 0, value.isFinite else {
            throw KernelMethodError.option("--ridge", found: ridge, expected: "auto, or a number that isn't negative")
        }
        return value
    }

    private func timeValue() throws -> Double? {
        guard let value = Double(time), value >= 0 else {
            throw KernelMethodError.option("--time", found: time, expected: "0 or more, or inf")
        }
        guard rate > 0, rate.isFinite else {
            throw KernelMethodError.option("--rate", found: "\(rate)", expected: "a positive number")
        }
        return value.isInfinite ? nil : value
    }

    // MARK: Predictions

    private struct Output: Encodable {
        let record: TangentModel.Record
        let accuracy: Double?
        let rootMeanSquareError: Double?
        let predictions: [Row]
    }

    private struct Row: Encodable {
        let label: String?
        let value: Double?
        let scores: [Double]?
        let deviation: Double?
    }

    private func show(_ model: TangentModel, _ prediction: TangentModel.Prediction?, _ table: DataTable?) throws {
        let record = model.record
        let rows = prediction.map { self.rows($0, record) } ?? []
        var (accuracy, error): (Double?, Double?)
        if let prediction, let table, table.columnNames.contains(record.target) {
            (accuracy, error) = try score(prediction, table, record)
        }
        if rate > record.largestStableRate, timeIsFinite {
            Console.remark(
                "a network of finite width would diverge at rate \(Format.number(rate)); its bound is "
                    + Format.number(record.largestStableRate))
        }
        let lines = csv(
            [record.classes.isEmpty ? record.target : "class"] + record.classes.map { "score of \($0)" }
                + (prediction?.deviations.isEmpty == false ? ["deviation"] : []),
            rows.lazy.map { row in
                [row.label ?? plain(row.value!)] + (row.scores ?? []).map(plain)
                    + (row.deviation.map { [plain($0)] } ?? [])
            })
        if let out, prediction != nil { try AtomicFile.write(lines, to: out) }
        if json {
            return try Console.print(
                json: Output(record: record, accuracy: accuracy, rootMeanSquareError: error, predictions: rows))
        }
        if out == nil, prediction != nil { Console.output.write(lines) }
        Console.remark(
            "\(record.kernel.rawValue) of \(model.recipe.spec.contains("{") ? "the spec" : model.recipe.spec), ridge "
                + "\(Format.number(record.ridge)), largest stable rate \(Format.number(record.largestStableRate))")
        if let cv = record.crossValidation {
            Console.remark("cross-validation error \(Format.number(cv))")
        }
        if let accuracy { Console.remark("accuracy \(Format.fixed(accuracy, decimals: 4))") }
        if let error { Console.remark("root mean square error \(Format.number(error))") }
    }

    private var timeIsFinite: Bool { Double(time)?.isFinite ?? false }

    private func rows(_ prediction: TangentModel.Prediction, _ record: TangentModel.Record) -> [Row] {
        let k = max(1, record.classes.count)
        let values = prediction.outputs.toArray(Double.self)
        return (0..<prediction.outputs.shape[0]).map { i in
            let deviation = prediction.deviations.isEmpty ? nil : prediction.deviations[i]
            if record.classes.isEmpty { return Row(label: nil, value: values[i], scores: nil, deviation: deviation) }
            return Row(
                label: record.classes[prediction.labels[i]], value: nil, scores: Array(values[i * k..<(i + 1) * k]),
                deviation: deviation)
        }
    }

    private func score(
        _ prediction: TangentModel.Prediction, _ table: DataTable, _ record: TangentModel.Record
    ) throws -> (Double?, Double?) {
        if record.classes.isEmpty {
            let truth = try table.numbers(record.target)
            let values = prediction.outputs.toArray(Double.self)
            let square = zip(values, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return (nil, (square / Double(truth.count)).squareRoot())
        }
        let (labels, names) = try table.labels(record.target)
        let right = zip(prediction.labels, labels).count { record.classes[$0] == names[$1] }
        return (Double(right) / Double(labels.count), nil)
    }

    // MARK: Finite networks

    private struct FiniteOutput: Encodable {
        let points: Int
        let outputs: Int
        let largestEigenvalue: Double
        let smallestEigenvalue: Double
        let largestStableRate: Double
        let distanceFromLimit: Double
        let drift: Double?
        let spectrum: [Double]
    }

    private func showFinite() throws {
        let recipe = try NetworkRecipe(spec: net, activation: activation, wStd: wStd, bStd: bStd)
        let infinite = try recipe.network()
        let network = try FiniteNetwork(
            infinite, tensors: try loadTensors(finite!), file: finite!, isStandard: standard)
        let x = try tableOptions.read(data!).matrix()
        guard x.shape[1] == network.inputs else {
            throw KernelMethodError.width(found: x.shape[1], expected: network.inputs, what: "the inputs of \(data!)")
        }
        let kernel = network.traceKernel(x)
        let limit = try infinite.kernels(x).ntk
        let spectrum = try LinearAlgebra.eigvalsh(kernel).toArray(Double.self)
        let n = x.shape[0]
        var drift: Double?
        if let against {
            let other = try FiniteNetwork(
                infinite, tensors: try loadTensors(against), file: against, isStandard: standard)
            drift = relativeDistance(other.traceKernel(x), kernel)
        }
        if let matrix { try Npy.write(kernel, to: matrix) }
        let bound = 2 * Double(n * network.outputs) / spectrum.last!
        let output = FiniteOutput(
            points: n, outputs: network.outputs, largestEigenvalue: spectrum.last!,
            smallestEigenvalue: spectrum.first!, largestStableRate: bound,
            distanceFromLimit: relativeDistance(kernel, limit), drift: drift, spectrum: spectrum.reversed())
        if rate > bound {
            Console.remark(
                "warning: gradient descent diverges at rate \(Format.number(rate)); its bound is "
                    + Format.number(bound))
        }
        if json { return try Console.print(json: output) }
        Console.print("\(n) points, \(network.outputs) outputs (mean over outputs)")
        Console.print(
            "  eigenvalues \(Format.number(spectrum.last!)) … \(Format.number(spectrum.first!)), largest stable rate "
                + Format.number(bound))
        Console.print("  \(Format.number(output.distanceFromLimit)) from the infinite network's kernel (relative)")
        if let drift { Console.print("  drift \(Format.number(drift)) to \(against!)") }
    }
}
