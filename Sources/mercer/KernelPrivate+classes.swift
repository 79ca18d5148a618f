import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel private classify-build`.
struct PrivateClassifyBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify-build",
        abstract: "Build a private classifier from a table with a class column.",
        discussion: """
            By default class sums of rows of unit norm, for the average squared distance to each class; with --function a \
            kernel density of each class; with --method gradient-descent a linear classifier of the same rows, slower and \
            often better at a large ε. Its steps and rate must be constants or chosen on public data.
            """)

    enum Method: String, ExpressibleByArgument {
        case sums
        case densities
        case gradientDescent = "gradient-descent"
    }

    @Argument(help: "The private table.")
    var table: String

    @Option(help: "The column with the class.")
    var target: String

    @OptionGroup var budgetOptions: BudgetOptions

    @Option(help: "sums, densities (the default with --function) or gradient-descent.")
    var method: Method?

    @Option(help: "With gradient descent: steps over all rows. [default: 100]")
    var steps: Int?

    @Option(help: "With gradient descent: the learning rate. [default: 16]")
    var rate: Double?

    @Option(
        help: ArgumentHelp(
            "A public table (the target left out) that whitening is fitted on.", valueName: "file"))
    var featuresFrom: String?

    @Option(help: "Whitened components to keep.")
    var components = 100

    @Option(
        help:
            "The kernel of class densities: gaussian, exponential, laplace, cauchy, inverse-l2, inverse-l1 or exponentials."
    )
    var function: String?

    @OptionGroup var exponentials: ExponentialsOptions

    @Option(help: "With --function: σ of the kernel, a constant or from public data.")
    var bandwidth: Double?

    @Option(help: "With --function: random features.")
    var features = 2048

    @Option(help: "With --function: the public seed of the features; not the noise's.")
    var publicSeed: UInt64 = 0

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file of the classifier (.safetensors).", valueName: "file"))
    var out: String

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if function == nil, bandwidth != nil { throw ValidationError("'--bandwidth' belongs to '--function'") }
        if function == nil, exponentials.terms != nil || exponentials.distance != nil {
            throw ValidationError("'--terms' and '--distance' belong to '--function exponentials'")
        }
        if function != nil, featuresFrom != nil {
            throw ValidationError("'--function' takes the rows as they are; leave out '--features-from'")
        }
        if (method == .densities) != (function != nil), method != nil {
            throw ValidationError("'--function' and '--method densities' belong together")
        }
        if method != .gradientDescent, steps != nil || rate != nil {
            throw ValidationError("'--steps' and '--rate' belong to '--method gradient-descent'")
        }
    }

    func run() async throws {
        let noise = try budgetOptions.noise()
        guard components >= 1 else {
            throw KernelMethodError.option("--components", found: "\(components)", expected: "1 or more")
        }
        let function = try function.map { try exponentials.function($0, bandwidth: bandwidth) }
        try BudgetOptions.refuseMeans(options.missing)
        let (inputs, targets) = try options.read(table, apart: [target])
        let (labels, classes) = try targets.labels(target)
        let matrix = try inputs.matrix()
        let budget = try budgetOptions.budget(rows: matrix.shape[0])
        if let function {
            var settings = PrivateOptions()
            settings.features = features
            settings.publicSeed = publicSeed
            settings.relation = budgetOptions.neighbours
            let densities = try PrivateClassDensities.build(
                matrix, labels: labels, classes: classes, function, budget: budget, options: settings, noise: noise)
            try densities.save(to: out)
            if json { return try Console.print(json: densities.record) }
            Console.print("\(function.name) densities of \(classes.count) classes, \(labels.count) rows: \(out)")
            for line in densities.record.summary { Console.print("  each class: \(line)") }
            return Console.print("  a row is in one class: all classes together cost what one does")
        }
        var whitening: PublicWhitening?
        if let featuresFrom {
            let rows = try options.read(featuresFrom).matrix()
            guard rows.shape[1] == matrix.shape[1] else {
                throw KernelMethodError.width(
                    found: rows.shape[1], expected: matrix.shape[1],
                    what: "the public rows of \(featuresFrom)")
            }
            whitening = try PublicWhitening(fitting: rows, reduced: components)
        } else {
            warnOfSizes(inputs.columnNames, matrix)
        }
        if method == .gradientDescent {
            let classifier = try PrivateLinearClassifier.build(
                matrix, labels: labels, classes: classes,
                PrivateGradientDescent(steps: steps ?? 100, rate: rate ?? 16), budget: budget,
                relation: budgetOptions.neighbours, whitening: whitening, noise: noise)
            try classifier.save(to: out)
            if json { return try Console.print(json: classifier.record) }
            Console.print("gradient descent on \(classes.count) classes, \(labels.count) rows: \(out)")
            for line in classifier.record.summary { Console.print("  \(line)") }
            return
        }
        let classifier = try PrivateClassifier.build(
            matrix, labels: labels, classes: classes, budget: budget, relation: budgetOptions.neighbours,
            whitening: whitening, noise: noise)
        try classifier.save(to: out)
        for name in classifier.classesBelowNoise {
            Console.remark("warning: class \(name) has fewer than 1/epsilon rows; noise dominates it")
        }
        if json { return try Console.print(json: classifier.record) }
        Console.print("\(classes.count) classes, \(labels.count) rows: \(out)")
        for line in classifier.record.summary { Console.print("  \(line)") }
    }
}

extension PrivateClassifyBuildCommand {
    /// Says where some columns drown the others, since rows are taken as they are. Only the table's owner reads it:
    /// nothing of it goes into the classifier.
    private func warnOfSizes(_ names: [String], _ matrix: Tensor) {
        let sizes = sqrt(square(matrix).mean(axes: [0])).toArray(Double.self)
        guard let largest = sizes.indices.max(by: { sizes[$0] < sizes[$1] }),
            let smallest = sizes.indices.filter({ sizes[$0] > 0 }).min(by: { sizes[$0] < sizes[$1] }),
            sizes[largest] > 100 * sizes[smallest]
        else { return }
        Console.remark(
            "warning: column \(names[largest]) is \(Format.number(sizes[largest] / sizes[smallest], digits: 2)) times as "
                + "large as column \(names[smallest]), which hardly counts beside it; divide columns by constants, or "
                + "give public rows with --features-from")
    }
}

/// `mercer kernel private classify`.
struct PrivateClassifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Classify rows by a private classifier.")

    @Argument(help: "The classifier.")
    var classifier: String

    @Argument(help: "The rows.")
    var rows: String

    @Option(help: ArgumentHelp("A column with the true class, for the accuracy.", valueName: "column"))
    var target: String?

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file for the classes (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let classes: [String]
        let accuracy: Double?
    }

    func run() async throws {
        // Before the rows are read, so that a wrong classifier is named first.
        let (budget, predict) = try open()
        let (inputs, targets) = try options.read(rows, apart: target.map { [$0] } ?? [])
        let matrix = try inputs.matrix()
        let predicted = try onRows(of: rows) { try predict(matrix) }
        var accuracy: Double?
        if let target {
            let (labels, classes) = try targets.labels(target)
            accuracy =
                Double(zip(predicted, labels).count { $0.0 == classes[$0.1] }) / Double(max(1, labels.count))
        }
        if json { return try Console.print(json: Output(classes: predicted, accuracy: accuracy)) }
        let text = csv(["class"], predicted.lazy.map { [$0] })
        if let out { try AtomicFile.write(text, to: out) } else { Console.output.write(text) }
        if let accuracy { Console.remark("accuracy \(Format.fixed(accuracy, decimals: 4))") }
        Console.remark(postProcessing(of: classifier, budget))
    }

    /// What was spent on the classifier, and the classes that it gives to rows.
    private func open() throws -> (budget: PrivacyBudget, predict: (Tensor) throws -> [String]) {
        if try PrivateClassDensities.isFormat(of: classifier) {
            let densities = try PrivateClassDensities(contentsOf: classifier)
            return (densities.record.budget, { rows in try densities.predict(rows).map { densities.classes[$0] } })
        }
        if try PrivateLinearClassifier.isFormat(of: classifier) {
            let linear = try PrivateLinearClassifier(contentsOf: classifier)
            return (linear.record.budget, { rows in try linear.predict(rows).map { linear.record.classes[$0] } })
        }
        let sums = try PrivateClassifier(contentsOf: classifier)
        return (sums.record.budget, { rows in try sums.predict(rows).map { sums.record.classes[$0] } })
    }
}
