import Foundation

extension ExponentialSum {
    /// The most terms of a file: each takes its share of the budget.
    static let largestCount = 1000

    /// Reads a sum from a table with the columns `weight` (w) and `rate` (t), one term a row.
    ///
    /// ```
    /// weight,rate
    /// 0.7,0.5
    /// 0.3,4
    /// ```
    ///
    /// - Throws: ``KernelMethodError`` that names the file, for weights that are zero or not finite, rates that aren't
    ///   positive and finite, and more than 1 000 terms; ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let table = try DataTable(contentsOf: path)
        func column(_ name: String, _ expected: String, _ isRight: (Double) -> Bool) throws -> [Double] {
            // A number counts columns where no name fits, so that only the name will do.
            guard let column = table.columns.first(where: { $0.name == name }) else {
                throw KernelMethodError.noColumn(name, table: path, columns: table.columnNames)
            }
            guard case .numbers(let values) = column.values else { return try table.numbers(name) }
            if let row = values.firstIndex(where: { !isRight($0) }) {
                throw KernelMethodError.file(
                    path, reason: "row \(row + 1) has the \(name) \(values[row]), but \(expected) is expected")
            }
            return values
        }
        let weights = try column("weight", "a finite number other than 0") { $0.isFinite && $0 != 0 }
        let rates = try column("rate", "a positive number") { $0.isFinite && $0 > 0 }
        guard weights.count <= Self.largestCount else {
            throw KernelMethodError.file(
                path, reason: "it has \(weights.count) terms, but at most \(Self.largestCount) are expected")
        }
        self.init(weights: weights, rates: rates)
    }
}
