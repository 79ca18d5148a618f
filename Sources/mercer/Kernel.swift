import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods

/// `mercer kernel JOB`: kernel methods on a user's own table.
struct KernelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel",
        abstract: "Kernel methods on a table: densities, privacy, sampling, infinite networks, quantum kernels.",
        subcommands: [
            KernelDensityCommand.self, KernelPrivateCommand.self, KernelDesignCommand.self,
            KernelFitCommand.self, KernelPredictCommand.self, KernelTangentCommand.self,
            KernelQuantumCommand.self, KernelDeepCommand.self,
        ])
}

/// Which columns and rows of a table a job takes.
struct TableOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Columns to take, by name, number or range: 'x,y,3-7'.", valueName: "list"))
    var columns: String?

    @Option(help: ArgumentHelp("Columns to leave out.", valueName: "list"))
    var drop: String?

    @Option(help: "Rows with missing values: refuse, drop, or mean (fill with the column's mean).")
    var missing: DataTable.MissingValues = .refuse

    /// The table of a file, without the columns that are named elsewhere.
    func read(_ path: String, without others: [String] = []) throws -> DataTable {
        try chosen(DataTable(contentsOf: path), without: others).handlingMissing(missing)
    }

    /// The inputs of a file's table, and columns that are named elsewhere (a target, weights), under those names; of the
    /// same rows.
    func read(_ path: String, apart names: [String]) throws -> (inputs: DataTable, others: DataTable) {
        try separated(DataTable(contentsOf: path), apart: names)
    }

    /// The same of a table that is read already.
    func separated(_ whole: DataTable, apart names: [String]) throws -> (inputs: DataTable, others: DataTable) {
        let apart = DataTable(
            name: whole.name, columns: try names.map { DataTable.Column($0, try whole.column($0).values) })
        return try chosen(whole, without: names).handlingMissing(missing, beside: apart)
    }

    /// The columns of a table that are asked for, without those that are named elsewhere.
    func chosen(_ table: DataTable, without others: [String] = []) throws -> DataTable {
        let rest = try table.dropping(others + Self.names(drop))
        return try columns.map { try rest.selecting(Self.names($0)) } ?? rest
    }

    private static func names(_ list: String?) -> [String] {
        list?.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } ?? []
    }
}

extension DataTable.MissingValues: ExpressibleByArgument {}
extension DensityKernel: ExpressibleByArgument {}
extension DensityCovariance: ExpressibleByArgument {}
extension NeighbouringRelation: ExpressibleByArgument {}
extension RingWeight: ExpressibleByArgument {}
extension Projection.Kind: ExpressibleByArgument {}

/// Runs `work` on the rows of a file; an error about their width names the file.
func onRows<Result>(of path: String, _ work: () throws -> Result) throws -> Result {
    do {
        return try work()
    } catch KernelMethodError.width(let found, let expected, _) {
        throw KernelMethodError.width(found: found, expected: expected, what: "the rows of \(path)")
    }
}

/// A number as tables hold it: all digits that are needed to read it back, `-inf` for −∞.
func plain(_ value: Double) -> String { "\(value)" }

/// Columns of numbers or words as CSV.
func csv(_ header: [String], _ rows: some Sequence<[String]>) -> String {
    var text = header.joined(separator: ",") + "\n"
    for row in rows { text += row.joined(separator: ",") + "\n" }
    return text
}
