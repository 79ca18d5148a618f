import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

extension SamplingWeight: ExpressibleByArgument {}
extension TableFeatures.Kind: ExpressibleByArgument {}

/// Which functions are fitted.
struct BasisOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Basis of each coordinate: legendre, chebyshev, jacobi:A:B, hermite, laguerre, fourier; one stands for all.",
            valueName: "list"))
    var basis: String?

    @Option(help: "Which products of them: total, hyperbolic, tensor, or file:PATH with a row an index.")
    var index = "total"

    @Option(help: "The degree of the index set.")
    var degree: Int?

    @Option(help: "The number of coordinates, where one basis stands for all.")
    var dim: Int?

    /// The space, or nil where no basis is named.
    func space() throws -> PolynomialSpace? {
        guard let basis else { return nil }
        var bases = try basis.split(separator: ",").map {
            try OrthonormalBasis($0.trimmingCharacters(in: .whitespaces))
        }
        guard !bases.isEmpty else {
            throw KernelMethodError.option("--basis", found: "empty", expected: "a basis")
        }
        let dimension = dim ?? bases.count
        guard dimension >= 1, bases.count == 1 || bases.count == dimension else {
            throw KernelMethodError.length("bases", found: bases.count, expected: dimension)
        }
        if bases.count == 1 { bases = [OrthonormalBasis](repeating: bases[0], count: dimension) }
        return try PolynomialSpace(bases, index: try indexSet(dimension))
    }

    private func indexSet(_ dimension: Int) throws -> MultiIndexSet {
        if index.hasPrefix("file:") {
            let table = try DataTable(contentsOf: String(index.dropFirst(5)))
            let columns = try table.columns.map { try table.numbers($0.name) }
            for (k, column) in columns.enumerated() {
                guard let bad = column.firstIndex(where: { $0 != $0.rounded() || abs($0) > 1e6 }) else { continue }
                throw KernelMethodError.option(
                    "row \(bad + 1), column \(table.columnNames[k]) of the indices", found: "\(column[bad])",
                    expected: "a whole number")
            }
            return try MultiIndexSet((0..<table.rowCount).map { row in columns.map { Int($0[row]) } })
        }
        guard let degree else {
            throw KernelMethodError.option("--degree", found: "missing", expected: "a number, beside --basis")
        }
        return try MultiIndexSet.named(index, degree: degree, dimension: dimension)
    }
}

/// `mercer kernel design`: where to evaluate, or which rows to label.
struct KernelDesignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "design",
        abstract: "Choose where to evaluate an expensive function, or which rows of a table to label.",
        discussion: """
            With --basis the points are drawn in the domain of orthonormal functions; with --rows they are rows of a \
            table. Repeated determinantal samples (dpp-repeat) of two to four times the space's dimension give fits \
            within a small factor of the best; give the values back to 'mercer kernel fit'. The header of the file \
            says which space it is for.
            """)

    @OptionGroup var basisOptions: BasisOptions

    @Option(help: ArgumentHelp("A table whose rows can be labelled.", valueName: "file"))
    var rows: String?

    @Option(help: "Features of the table's columns: linear, quadratic or raw.")
    var features: TableFeatures.Kind = .quadratic

    @OptionGroup var tableOptions: TableOptions

    @Option(help: "iid, dpp, dpp-repeat, volume, volume-repeat or uniform.")
    var sampler = "dpp-repeat"

    @Option(help: "How many points; the space's dimension for dpp, twice that otherwise, unless given.")
    var count: Int?

    @Option(help: "How many samples volume-repeat puts together.")
    var repeats = 2

    @Option(help: "Weights: optimal, linf (maximum-norm bounds), rkhs (bounds in a reproducing kernel's norm).")
    var weights: SamplingWeight = .optimal

    @Option(
        help: ArgumentHelp("Draw again until λ_min(G) ≥ 1 − δ; the fit is then no longer unbiased.", valueName: "δ"))
    var condition: Double?

    @Flag(help: "Then take points out while that still holds; needs --condition.")
    var thin = false

    @Option(help: "The seed.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The file for the points (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Output: Encodable {
        let sampler: String
        let weights: String
        let dimension: Int
        let points: Int
        let smallestEigenvalue: Double
        let largestEigenvalue: Double
        let draws: Int
        let removed: Int
        let unbiased: Bool
        let seed: UInt64
        let rows: [Int]?
        let coordinates: [[Double]]?
    }

    func validate() throws {
        guard (rows == nil) != (basisOptions.basis == nil) else {
            throw ValidationError("Give either --basis (and --degree), or --rows with a table.")
        }
        if thin, condition == nil { throw ValidationError("--thin needs --condition.") }
    }

    func run() async throws {
        if let space = try basisOptions.space() {
            let design = try draw(space)
            let header =
                space.bases.enumerated().map { "x\($0.offset + 1) (\($0.element.name))" }
                + ["weight (\(space.index.name))"]
            let lines = csv(
                header,
                design.points.indices.lazy.map { i in
                    design.points[i].map(plain) + [plain(design.weights[i])]
                })
            return try show(design, space.count, lines, rows: nil, coordinates: design.points)
        }
        let table = try tableOptions.read(rows!)
        let features = try TableFeatures(self.features, fitting: table)
        let space = try RowSpace(features: try features.matrix(table), names: features.names)
        let design = try draw(space)
        // Repeated rows need one label.
        let columns = try table.columns.map { try table.numbers($0.name) }
        let lines = csv(
            ["row"] + table.columnNames + ["weight"],
            design.points.indices.lazy.map { i in
                let row = design.points[i]
                return ["\(row + 1)"] + columns.map { plain($0[row]) } + [plain(design.weights[i])]
            })
        try show(design, space.count, lines, rows: design.points.map { $0 + 1 }, coordinates: nil)
        if !json, Set(design.points).count < design.count {
            Console.remark("\(Set(design.points).count) different rows; a row that stands twice needs one label")
        }
    }

    private func draw<S: ApproximationSpace>(_ space: S) throws -> Design<S.Point> {
        let n = count ?? (sampler == "dpp" ? space.count : 2 * space.count)
        let sampler = try DesignSampler(self.sampler, count: n, dimension: space.count, repeats: repeats)
        guard let condition else { return try space.sample(sampler, weight: weights, key: RandomKey(seed)) }
        var design = try space.sample(sampler, weight: weights, condition: condition, key: RandomKey(seed))
        if thin { try design.thin(floor: 1 - condition) }
        return design
    }

    private func show<Point: Sendable>(
        _ design: Design<Point>, _ dimension: Int, _ lines: String, rows: [Int]?, coordinates: [[Double]]?
    ) throws {
        let (smallest, largest) = try design.extremes()
        if let out { try AtomicFile.write(lines, to: out) }
        let isUnbiased =
            condition == nil && ["dpp", "volume", "volume-repeat"].contains(sampler)
        if json {
            return try Console.print(
                json: Output(
                    sampler: sampler, weights: sampler == "uniform" ? "uniform" : weights.rawValue,
                    dimension: dimension, points: design.count, smallestEigenvalue: smallest,
                    largestEigenvalue: largest, draws: design.draws, removed: design.removed, unbiased: isUnbiased,
                    seed: seed, rows: rows, coordinates: coordinates))
        }
        if out == nil { Console.output.write(lines) }
        Console.remark(
            "\(design.count) points for \(dimension) functions by \(sampler): λ_min \(Format.number(smallest)), "
                + "λ_max \(Format.number(largest)), seed \(seed)")
        if condition != nil {
            Console.remark("\(design.draws) draws until λ_min was high enough; the fit is no longer unbiased")
        }
        if design.removed > 0 { Console.remark("\(design.removed) points were taken out again") }
    }
}
