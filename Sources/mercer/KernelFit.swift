import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel fit`: a surrogate from the values at a design's points.
struct KernelFitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit",
        abstract: "Fit a surrogate to values at the points of 'mercer kernel design' by weighted least squares.",
        discussion: """
            The table has the design's columns and one more with the values. The header names the space; --basis and \
            its options do it where the header doesn't. For rows of a table give --rows and --features again.
            """)

    @Argument(help: "The points with their values.")
    var points: String

    @Option(help: "The column of values; the last one unless given.")
    var target: String?

    @Option(help: "The column of weights: a name, 'compute' (m/‖φ‖²), or 'linf'.")
    var weights: String?

    @OptionGroup var basisOptions: BasisOptions

    @Option(help: ArgumentHelp("The table that the rows were chosen from.", valueName: "file"))
    var rows: String?

    @Option(help: "Its features: linear, quadratic or raw.")
    var features: TableFeatures.Kind = .quadratic

    @OptionGroup var tableOptions: TableOptions

    @Option(help: ArgumentHelp("The file of the surrogate (.safetensors).", valueName: "file"))
    var out: String

    @Option(help: ArgumentHelp("A table with coordinates and values to check the fit on.", valueName: "file"))
    var holdout: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        var table = try DataTable(contentsOf: points)
        let valueColumn = target ?? table.columnNames.last!
        let values = try table.numbers(valueColumn)
        table = try table.dropping(valueColumn)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(row: bad + 1, column: valueColumn, value: "\(values[bad])")
        }
        let weightColumn = try self.weightColumn(table)
        let surrogate =
            rows == nil
            ? try polynomial(table, values, weightColumn) : try onRows(table, values, weightColumn)
        try finish(surrogate, valueColumn)
    }

    /// The column of weights, nil where they are to be computed.
    private func weightColumn(_ table: DataTable) throws -> String? {
        if let weights {
            if weights == "compute" || weights == "linf" { return nil }
            _ = try table.numbers(weights)
            return weights
        }
        guard let name = table.columnNames.first(where: { $0 == "weight" || $0.hasPrefix("weight (") }) else {
            throw KernelMethodError.file(
                points,
                reason: "it has no column of weights; give --weights COLUMN, or --weights compute for points of the "
                    + "optimal density")
        }
        return name
    }

    private func design<S: ApproximationSpace>(
        _ space: S, _ points: [S.Point], _ table: DataTable, _ weightColumn: String?
    ) throws -> Design<S.Point> {
        guard let weightColumn else { return space.design(points, weights == "linf" ? .linf : .optimal) }
        let numbers = try table.numbers(weightColumn)
        if let bad = numbers.firstIndex(where: { !($0 > 0 && $0.isFinite) }) {
            throw KernelMethodError.option(
                "the weight of row \(bad + 1)", found: "\(numbers[bad])", expected: "more than 0")
        }
        return space.design(points, weights: numbers)
    }

    // MARK: Coordinates

    private func polynomial(_ table: DataTable, _ values: [Double], _ weightColumn: String?) throws -> Surrogate {
        let space = try basisOptions.space() ?? headerSpace(table)
        let coordinates = try table.dropping(weightColumn.map { [$0] } ?? [])
        guard coordinates.columns.count == space.dimension else {
            throw KernelMethodError.width(
                found: coordinates.columns.count, expected: space.dimension, what: "the points of \(points)")
        }
        let columns = try coordinates.columns.map { try coordinates.numbers($0.name) }
        let places = (0..<coordinates.rowCount).map { row in columns.map { $0[row] } }
        try space.check(places, columns: coordinates.columnNames)
        let system = try WeightedLeastSquares(space, try design(space, places, table, weightColumn))
        let fit = try system.fit(values)
        return Surrogate(.polynomial(space), coefficients: fit.coefficients, record: .init(system, fit))
    }

    /// The space that the header of a design names: `x1 (legendre),weight (total 5)`.
    private func headerSpace(_ table: DataTable) throws -> PolynomialSpace {
        func inBrackets(_ name: String) -> String? {
            guard let open = name.firstIndex(of: "("), name.hasSuffix(")") else { return nil }
            return String(name[name.index(after: open)...].dropLast())
        }
        let bases = table.columnNames.filter { !$0.hasPrefix("weight") }.compactMap(inBrackets)
        let rule = table.columnNames.first { $0.hasPrefix("weight (") }.flatMap(inBrackets)
        let words = rule?.split(separator: " ").map(String.init) ?? []
        guard !bases.isEmpty, words.count == 2, let degree = Int(words[1]) else {
            throw KernelMethodError.file(
                points, reason: "its header doesn't say which space it is for; give --basis, --index and --degree")
        }
        return try PolynomialSpace(
            try bases.map { try OrthonormalBasis($0) },
            index: try .named(words[0], degree: degree, dimension: bases.count))
    }

    // MARK: Rows

    private func onRows(_ table: DataTable, _ values: [Double], _ weightColumn: String?) throws -> Surrogate {
        let whole = try tableOptions.read(rows!)
        let features = try TableFeatures(self.features, fitting: whole)
        let space = try RowSpace(features: try features.matrix(whole), names: features.names)
        let numbers = try table.numbers("row")
        let places = try numbers.enumerated().map { i, number in
            guard number == number.rounded(), number >= 1, number <= Double(space.rows) else {
                throw KernelMethodError.option(
                    "row \(i + 1), column row", found: plain(number), expected: "a row of \(rows!), 1 to \(space.rows)")
            }
            return Int(number) - 1
        }
        let system = try WeightedLeastSquares(space, try design(space, places, table, weightColumn))
        let fit = try system.fit(values)
        // Coefficients of the features themselves, which need no table to be applied: features = φ R.
        let own = LinearAlgebra.triangularSolve(space.triangle, Tensor(fit.coefficients), lower: false)
        return Surrogate(.table(features), coefficients: own.toArray(Double.self), record: .init(system, fit))
    }

    // MARK: Output

    private func finish(_ fitted: Surrogate, _ valueColumn: String) throws {
        var surrogate = fitted
        if let holdout {
            let table = try DataTable(contentsOf: holdout)
            let column = table.columnNames.contains(valueColumn) ? valueColumn : table.columnNames.last!
            let truth = try table.numbers(column)
            var inputs = try table.dropping(column)
            inputs = try inputs.dropping(inputs.columnNames.filter { $0 == "weight" || $0.hasPrefix("weight (") })
            let values = try surrogate.values(inputs)
            let square = zip(values, truth).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            surrogate = surrogate.with(holdout: (square / Double(truth.count)).squareRoot())
        }
        try surrogate.save(to: out)
        let record = surrogate.record
        if json { return try Console.print(json: record) }
        let condition = (record.largestEigenvalue / record.smallestEigenvalue).squareRoot()
        Console.print("\(record.points) points, \(record.dimension) functions: \(out)")
        Console.print(
            "  λ_min \(Format.number(record.smallestEigenvalue)), condition \(Format.number(condition)); "
                + "the error is at most the best one and 1/√λ_min times the best one at the points")
        Console.print("  residual \(Format.number(record.residual)) (weighted root mean square)")
        if let left = record.leaveOneOut {
            Console.print("  leave-one-out \(Format.number(left)): an estimate of the error")
        } else {
            Console.print("  no leave-one-out error: some point can't be left out; take more points than functions")
        }
        if let held = record.holdout { Console.print("  hold-out \(Format.number(held)) (root mean square)") }
    }
}

/// `mercer kernel predict`: values of a surrogate.
struct KernelPredictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Values of a surrogate of 'mercer kernel fit' at the rows of a table.")

    @Argument(help: "The surrogate.")
    var surrogate: String

    @Argument(help: "The table: one column a coordinate, or the columns that were fitted.")
    var table: String

    @OptionGroup var options: TableOptions

    @Flag(help: "Also the derivatives with respect to the coordinates.")
    var derivatives = false

    @Option(help: ArgumentHelp("The file for the values (.csv).", valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    private struct Row: Encodable {
        let value: Double
        let gradient: [Double]?
    }

    func run() async throws {
        let surrogate = try Surrogate(contentsOf: self.surrogate)
        let table = try options.read(self.table)
        let values = try surrogate.values(table)
        let gradients = derivatives ? try surrogate.gradients(table) : nil
        if json {
            return try Console.print(
                json: values.indices.map { Row(value: values[$0], gradient: gradients?[$0]) })
        }
        let width = gradients?.first?.count ?? 0
        let lines = csv(
            ["f"] + (0..<width).map { "df/dx\($0 + 1)" },
            values.indices.lazy.map { i in [plain(values[i])] + (gradients?[i].map(plain) ?? []) })
        if let out { try AtomicFile.write(lines, to: out) } else { Console.output.write(lines) }
    }
}
