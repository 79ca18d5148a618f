import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel private JOB`: similarities to private data sets.
struct KernelPrivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "private",
        abstract: "Release similarities to a private table once; query the release for ever.",
        discussion: """
            'build' and 'classify-build' see the private rows and write a file that may be published: nothing of the \
            data but sanitised numbers is in it. Bounds, bandwidths and whitening must be constants or come from \
            public data. Building twice spends the budget twice.
            """,
        subcommands: [
            PrivateBuildCommand.self, PrivateQueryCommand.self, PrivateClassifyBuildCommand.self,
            PrivateClassifyCommand.self, PrivateCompareCommand.self, PrivateAuditCommand.self,
        ])
}

/// The budget of a release, and where its noise comes from.
struct BudgetOptions: ParsableArguments {
    @Option(help: "How much the release may tell of a row: ε, from 0.0001 to 100.")
    var epsilon: Double

    @Option(help: "δ: 0 for pure differential privacy (Laplace noise), else Gaussian noise.")
    var delta: Double = 0

    @Option(help: "Neighbouring data sets: add-remove (one row more or less) or replace (one row changed).")
    var neighbours: NeighbouringRelation = .addRemove

    @Option(
        help: ArgumentHelp(
            "Take the noise from a seed; only with --experiment, and what comes out is not private.",
            valueName: "n"))
    var seed: UInt64?

    @Flag(help: "This is an experiment on data that need no protection.")
    var experiment = false

    func budget(rows: Int) throws -> PrivacyBudget {
        let budget = try PrivacyBudget(epsilon: epsilon, delta: delta)
        if let warning = budget.warning(rows: rows) { Console.remark("warning: \(warning)") }
        return budget
    }

    func noise() throws -> NoiseSource {
        guard let seed else { return .system }
        guard experiment else {
            throw KernelMethodError.privacy(
                "--seed makes the noise repeatable, so nothing would be private; give --experiment too if that is meant"
            )
        }
        return .experiment(seed: seed)
    }
}

/// `mercer kernel private build`.
struct PrivateBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a private release from a table.")

    @Argument(help: "The private table.")
    var table: String

    @Option(help: "gaussian, exponential, laplace, cauchy, inverse-l2, inverse-l1, l1, l2, l2sq or lp:P.")
    var function: String

    @Option(help: "σ of a kernel: a constant, or from public data.")
    var bandwidth: Double?

    @OptionGroup var budgetOptions: BudgetOptions

    @Option(help: "The public bound: on each column's magnitude (l1, lp), on a row's norm (l2, l2sq).")
    var bound: Double?

    @Flag(help: "Move rows outside the bound onto it.")
    var clip = false

    @Option(help: "Random features.")
    var features = 2048

    @Option(
        help: ArgumentHelp("Columns to project to before the features: auto, or a number.", valueName: "k"))
    var project: String?

    @Option(help: "The projection: gaussian, sign or hadamard.")
    var projection: Projection.Kind = .gaussian

    @Option(help: "The accuracy: of the rings of distance trees, of --project auto, of sums of exponentials.")
    var alpha = 0.1

    @Option(help: "The weight of a ring: midpoint (nearly unbiased) or upper.")
    var weights: RingWeight = .midpoint

    @Option(help: "Children of a node of distance trees: 2, 4, 8 or 16.")
    var arity = 2

    @Flag(help: "Trees of sums beside those of counts: no rings and no alpha.")
    var sumTree = false

    @Option(
        help: ArgumentHelp(
            "Moments of lattice cells up to this order instead of features (Gaussian, ≤ 3 columns).",
            valueName: "order"))
    var lattice: Int?

    @Option(help: "The public seed of features and projections; not the noise's.")
    var publicSeed: UInt64 = 0

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file of the release (.safetensors).", valueName: "file"))
    var out: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let function = try SimilarityFunction(function, bandwidth: bandwidth)
        let noise = try budgetOptions.noise()
        let matrix = try options.read(table).matrix()
        let budget = try budgetOptions.budget(rows: matrix.shape[0])
        let release = try PrivateSimilarity.build(
            matrix, function, budget: budget, bound: bound,
            options: try privateOptions(function, dimension: matrix.shape[1]), noise: noise)
        try release.save(to: out)
        if json { return try Console.print(json: release.record) }
        Console.print(
            "\(function.name) of \(release.record.count) rows, \(release.record.dimension) columns: \(out)")
        for line in release.record.summary { Console.print("  \(line)") }
    }

    private func privateOptions(_ function: SimilarityFunction, dimension: Int) throws -> PrivateOptions {
        var result = PrivateOptions()
        result.features = features
        result.projectionKind = projection
        result.alpha = alpha
        result.ringWeight = weights
        result.arity = arity
        result.usesSumTree = sumTree
        result.latticeOrder = lattice
        result.publicSeed = publicSeed
        result.relation = budgetOptions.neighbours
        result.clips = clip
        if project == "auto" {
            if case .kernel(let kernel, _) = function, kernel != .laplace {
                result.projection = ProjectionBias.sufficientDimension(
                    kernel, accuracy: alpha, dimension: dimension)
            }
        } else if let project {
            guard let k = Int(project) else {
                throw KernelMethodError.option(
                    "--project", found: "'\(project)'", expected: "auto or a number")
            }
            result.projection = k
        }
        return result
    }
}

/// `mercer kernel private query`.
struct PrivateQueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask a release for the mean similarity of each row; costs no privacy."
    )

    @Argument(help: "The release.")
    var release: String

    @Argument(help: "The rows to ask for.")
    var queries: String

    @Option(help: ArgumentHelp("The function that the release is expected to hold.", valueName: "name"))
    var function: String?

    @OptionGroup var options: TableOptions

    @Option(help: ArgumentHelp("The file for the estimates (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Row: Encodable {
        let estimate: Double
        let noiseStandardError: Double
    }

    func run() async throws {
        let release = try PrivateSimilarity(contentsOf: self.release)
        // The bandwidth is the release's own affair.
        if let function, try SimilarityFunction(function, bandwidth: 1).name != release.record.function.name {
            throw KernelMethodError.file(
                self.release,
                reason: "it releases \(release.record.function.name), but --function asks for \(function)")
        }
        let rows = try options.read(queries).matrix()
        try onRows(of: queries) { try release.check(rows) }
        let answers = release.query(rows)
        if !release.record.isPrivate {
            Console.remark("note: this release is not private; its noise came from a seed")
        }
        if json {
            return try Console.print(
                json: answers.map { Row(estimate: $0.estimate, noiseStandardError: $0.noiseStandardError) })
        }
        let text = csv(
            ["estimate", "noise_standard_error"],
            answers.lazy.map { [plain($0.estimate), plain($0.noiseStandardError)] })
        if let out { try AtomicFile.write(text, to: out) } else { Console.output.write(text) }
        Console.remark(postProcessing(of: self.release, release.record.budget))
    }
}

/// The mark of results that come from a release alone.
private func postProcessing(of path: String, _ budget: PrivacyBudget) -> String {
    "post-processing of \(path): ε stays \(budget.epsilon)\(budget.delta > 0 ? ", δ \(budget.delta)" : "")"
}

/// `mercer kernel private compare`.
struct PrivateCompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Say from two releases how much two private tables differ; costs no privacy.",
        discussion: """
            The squared maximum mean discrepancy of two kernel releases with the same bandwidth, features and public seed. \
            Two samples of one law differ too: by 1/n + 1/m or less on average, which is printed beside it.
            """)

    @Argument(help: "One release.")
    var first: String

    @Argument(help: "The other.")
    var second: String

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let squaredDiscrepancy: Double
        let noiseStandardError: Double
        let sameLawBound: Double
    }

    func run() async throws {
        let (a, b) = (try PrivateSimilarity(contentsOf: first), try PrivateSimilarity(contentsOf: second))
        let (value, error) = try PrivateTwoSample.squaredDiscrepancy(a, b)
        let bound = 1 / Double(a.record.count) + 1 / Double(b.record.count)
        if json {
            return try Console.print(
                json: Output(squaredDiscrepancy: value, noiseStandardError: error, sameLawBound: bound))
        }
        Console.print(
            "squared discrepancy \(Format.number(value)), standard error of the noise \(Format.number(error))")
        Console.print("two samples of one law: at most \(Format.number(bound)) on average")
        for (path, release) in [(first, a), (second, b)] {
            Console.remark(postProcessing(of: path, release.record.budget))
        }
    }
}

/// `mercer kernel private classify-build`.
struct PrivateClassifyBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify-build",
        abstract: "Build a private classifier from a table with a class column.",
        discussion: """
            By default class sums of rows of unit norm, for the average squared distance to each class; with --function a \
            kernel density of each class.
            """)

    @Argument(help: "The private table.")
    var table: String

    @Option(help: "The column with the class.")
    var target: String

    @OptionGroup var budgetOptions: BudgetOptions

    @Option(
        help: ArgumentHelp(
            "A public table (the target left out) that whitening is fitted on.", valueName: "file"))
    var featuresFrom: String?

    @Option(help: "Whitened components to keep.")
    var components = 100

    @Option(help: "The kernel of class densities: gaussian, exponential, laplace, cauchy, inverse-l2 or inverse-l1.")
    var function: String?

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
        if function != nil, featuresFrom != nil {
            throw ValidationError("'--function' takes the rows as they are; leave out '--features-from'")
        }
    }

    func run() async throws {
        let noise = try budgetOptions.noise()
        guard components >= 1 else {
            throw KernelMethodError.option("--components", found: "\(components)", expected: "1 or more")
        }
        let whole = try DataTable(contentsOf: table).handlingMissing(options.missing)
        let (labels, classes) = try whole.labels(target)
        let matrix = try options.read(table, without: [target]).matrix()
        let budget = try budgetOptions.budget(rows: matrix.shape[0])
        if let function {
            var settings = PrivateOptions()
            settings.features = features
            settings.publicSeed = publicSeed
            settings.relation = budgetOptions.neighbours
            let densities = try PrivateClassDensities.build(
                matrix, labels: labels, classes: classes, SimilarityFunction(function, bandwidth: bandwidth),
                budget: budget, options: settings, noise: noise)
            try densities.save(to: out)
            if json { return try Console.print(json: densities.record) }
            Console.print("\(function) densities of \(classes.count) classes, \(labels.count) rows: \(out)")
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
        let matrix = try options.read(rows, without: target.map { [$0] } ?? []).matrix()
        let predicted = try onRows(of: rows) { try predict(matrix) }
        var accuracy: Double?
        if let target {
            let (labels, classes) = try DataTable(contentsOf: rows).handlingMissing(options.missing).labels(
                target)
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
        let sums = try PrivateClassifier(contentsOf: classifier)
        return (sums.record.budget, { rows in try sums.predict(rows).map { sums.record.classes[$0] } })
    }
}

/// `mercer kernel private audit`.
struct PrivateAuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Measure sensitivities on a table, the noise's law, and a lower bound on ε from many releases.")

    @Argument(help: "The table.")
    var table: String

    @Option(help: "The ε whose mechanism is audited.")
    var epsilon: Double = 1

    @Option(help: "Neighbouring pairs.")
    var pairs = 1000

    @Option(help: "Releases on either neighbour.")
    var trials = 100_000

    @OptionGroup var options: TableOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let sensitivities: [PrivacyAudit.Sensitivity]
        let noise: PrivacyAudit.NoiseFit
        let epsilon: Double
        let empiricalLowerBound: Double
        let trials: Int
    }

    func run() async throws {
        guard pairs >= 1, pairs <= 1_000_000 else {
            throw KernelMethodError.option(
                "--pairs", found: "\(pairs)", expected: "a number from 1 to 1000000")
        }
        guard trials >= 1000, trials <= 10_000_000 else {
            throw KernelMethodError.option(
                "--trials", found: "\(trials)", expected: "a number from 1000 to 10000000")
        }
        let matrix = try options.read(table).matrix()
        let points = PointSet<Double>(matrix)
        guard points.count >= 2 else {
            throw KernelMethodError.tooFew("an audit", found: points.count, needed: 2)
        }
        let features = RandomFeatures(
            .gaussian, bandwidth: 1, count: 256, dimension: points.dimension, publicSeed: 0)
        let largest = points.values.reduce(0) { max($0, abs($1)) }
        let column = (0..<points.count).map { points.values[$0 * points.dimension] + largest }
        let sensitivities = [
            PrivacyAudit.features(features, points, pairs: pairs),
            PrivacyAudit.tree(
                column, range: max(2 * largest, .leastNormalMagnitude),
                cells: CountTree.cells(atLeast: points.count, arity: 2), pairs: pairs),
        ]
        let bound = try PrivacyAudit.epsilonOfCounts(epsilon: epsilon, trials: trials)
        let noise = try PrivacyAudit.noiseOfCounts(epsilon: epsilon, trials: trials)
        if json {
            try Console.print(
                json: Output(
                    sensitivities: sensitivities, noise: noise, epsilon: epsilon, empiricalLowerBound: bound,
                    trials: trials
                ))
        } else {
            for item in sensitivities {
                Console.print(
                    "\(item.name): observed \(Format.number(item.observed)) of \(Format.number(item.declared)) over "
                        + "\(item.pairs) pairs\(item.holds ? "" : "  EXCEEDED")")
            }
            Console.print(
                "histogram of \(trials) noises: χ² = \(Format.number(noise.statistic)) on \(noise.degrees) degrees of "
                    + "freedom, p = \(Format.number(noise.probability, digits: 3))\(noise.holds ? "" : "  NOT THE LAW")"
            )
            Console.print(
                "empirical ε ≥ \(Format.number(bound)) (95 %) from \(trials) releases of a count; stated ε = "
                    + Format.number(epsilon))
        }
        if !sensitivities.allSatisfy(\.holds) || !noise.holds || bound > epsilon { throw ExitCode.fellShort }
    }
}
