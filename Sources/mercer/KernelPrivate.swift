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
            data but sanitised numbers is in it. 'build' reads a table of any length in little memory. Bounds, bandwidths and whitening must be constants or come from \
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

    /// Filling gaps with a mean would let each row tell on the others.
    static func refuseMeans(_ missing: DataTable.MissingValues) throws {
        guard missing == .mean else { return }
        throw KernelMethodError.privacy(
            "--missing mean would take the mean from the private rows, which breaks the guarantee; choose --missing drop, "
                + "or leave the column out")
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

/// The sum of exponentials that `--function exponentials` names.
struct ExponentialsOptions: ParsableArguments {
    /// What the sum is a function of.
    enum Distance: String, ExpressibleByArgument {
        case l1, l2, l2sq

        /// e^(−t ·) of this distance.
        var kernel: FeatureKernel {
            switch self {
            case .l1: .laplace
            case .l2: .exponential
            case .l2sq: .gaussian
            }
        }
    }

    @Option(
        help: ArgumentHelp(
            "With --function exponentials: f(x) = Σ w e^(−t x) as a table with the columns weight (w) and rate (t).",
            valueName: "file"))
    var terms: String?

    @Option(help: ArgumentHelp("With --function exponentials: what x is, l1, l2 or l2sq.", valueName: "name"))
    var distance: Distance?

    /// The function of a word, with its sum read where it has one.
    func function(_ name: String, bandwidth: Double?) throws -> SimilarityFunction {
        guard name == "exponentials" else {
            if terms != nil || distance != nil {
                throw KernelMethodError.option(
                    "--function", found: "'\(name)' with --terms or --distance", expected: "exponentials")
            }
            return try SimilarityFunction(name, bandwidth: bandwidth)
        }
        guard let terms, let distance else {
            throw KernelMethodError.option(
                "--function", found: "exponentials without \(terms == nil ? "--terms" : "--distance")",
                expected: "--terms FILE and --distance l1, l2 or l2sq with it")
        }
        guard bandwidth == nil else {
            throw KernelMethodError.option(
                "--bandwidth", found: "given with exponentials", expected: "rates in \(terms) that say it")
        }
        return try SimilarityFunction(
            name, bandwidth: nil, terms: (try ExponentialSum(contentsOf: terms), distance.kernel))
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
        // Bandwidth and terms are the release's own affair.
        let one = (sum: ExponentialSum(weights: [1], rates: [1]), kernel: FeatureKernel.gaussian)
        if let function,
            try SimilarityFunction(function, bandwidth: 1, terms: one).name != release.record.function.name
        {
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
func postProcessing(of path: String, _ budget: PrivacyBudget) -> String {
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
        // One right mechanism in twenty is above at 95 %: only fresh releases that say so beyond doubt condemn it.
        let leaks =
            try bound > epsilon
            && PrivacyAudit.epsilonOfCounts(epsilon: epsilon, trials: trials, confidence: 1 - 1e-6) > epsilon
        if !sensitivities.allSatisfy(\.holds) || !noise.holds || leaks { throw ExitCode.fellShort }
    }
}
