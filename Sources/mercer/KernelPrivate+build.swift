import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel private build`.
struct PrivateBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build a private release from a table.",
        discussion: """
            The table may be longer than the memory: it is read in blocks, once to count its rows and once to sum them \
            up. With --rows it is read once, and may come from the standard input (-), as text.
            """)

    @Argument(help: "The private table; - is the standard input.")
    var table: String

    @Option(
        help: ArgumentHelp(
            "How many rows the table has, which is public; counted in a first pass unless given.", valueName: "n"))
    var rows: Int?

    @Option(
        help: "gaussian, exponential, laplace, cauchy, inverse-l2, inverse-l1, exponentials, l1, l2, l2sq or lp:P.")
    var function: String

    @OptionGroup var exponentials: ExponentialsOptions

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

    func validate() throws {
        if table == "-", rows == nil {
            throw ValidationError("the standard input is read once; say with '--rows N' how many rows will come")
        }
        if let rows, rows < 1 { throw ValidationError("'--rows' must be 1 or more, but is \(rows)") }
    }

    func run() async throws {
        let function = try exponentials.function(function, bandwidth: bandwidth)
        let noise = try budgetOptions.noise()
        try BudgetOptions.refuseMeans(options.missing)
        let bar = ProgressBar(isSilent: json)
        defer { bar.end() }
        let count = try rows ?? counted(bar)
        let stream = try self.stream()
        let budget = try budgetOptions.budget(rows: count)
        var builder = try PrivateSimilarityBuilder(
            function, count: count, dimension: stream.columnNames.count, budget: budget, bound: bound,
            options: try privateOptions(function, dimension: stream.columnNames.count))
        bar.begin("reading", steps: count)
        var seen = 0
        while let block = try stream.next() {
            try builder.add(block)
            seen += block.shape[0]
            bar.step(seen)
            try Task.checkCancellation()
        }
        bar.end()
        let release = try naming(stream.name) { try builder.finish(noise: noise) }
        try release.save(to: out)
        if json { return try Console.print(json: release.record) }
        Console.print(
            "\(function.name) of \(release.record.count) rows, \(release.record.dimension) columns: \(out)")
        for line in release.record.summary { Console.print("  \(line)") }
    }

    private func stream() throws -> TableStream {
        try TableStream(
            contentsOf: table, choosing: { try options.chosen($0) }, dropsMissing: options.missing == .dropRows)
    }

    /// The first pass.
    private func counted(_ bar: ProgressBar) throws -> Int {
        bar.begin("counting the rows")
        return try stream().countRows { count in
            bar.step(count)
            try Task.checkCancellation()
        }
    }

    /// Runs `work`; errors about the rows name the table.
    private func naming<Result>(_ table: String, _ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch KernelMethodError.privacy(let reason) {
            throw KernelMethodError.file(table, reason: reason)
        } catch KernelMethodError.length(_, let found, let expected) {
            throw KernelMethodError.file(table, reason: "it has \(found) rows, but --rows says \(expected)")
        }
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
