import Foundation
import Mercer

/// A table of a user's data: named columns of numbers or of words, rows in their order.
///
/// ```swift
/// let table = try DataTable(contentsOf: "train.csv").dropping("id").handlingMissing(.dropRows)
/// let (train, test) = table.split(testShare: 0.1, seed: 0)
/// let x = try train.matrix()                      // [rows, columns], float64
/// let (labels, classes) = try train.labels("species")
/// ```
public struct DataTable: Sendable {
    /// What errors call it: the file's path.
    public let name: String
    public let columns: [Column]

    public struct Column: Sendable {
        public let name: String
        public let values: Values

        public enum Values: Sendable {
            /// Numbers; NaN where one is missing.
            case numbers([Double])
            /// Words; empty where one is missing.
            case words([String])
        }

        public init(_ name: String, _ values: Values) {
            self.name = name
            self.values = values
        }

        public var isNumeric: Bool { if case .numbers = values { true } else { false } }
        public var count: Int {
            switch values {
            case .numbers(let list): list.count
            case .words(let list): list.count
            }
        }

        /// Whether a row has nothing here.
        func isMissing(_ row: Int) -> Bool {
            switch values {
            case .numbers(let list): list[row].isNaN
            case .words(let list): list[row].isEmpty
            }
        }

        func rows(_ rows: [Int]) -> Column {
            switch values {
            case .numbers(let list): Column(name, .numbers(rows.map { list[$0] }))
            case .words(let list): Column(name, .words(rows.map { list[$0] }))
            }
        }
    }

    public init(name: String, columns: [Column]) {
        precondition(
            Set(columns.map(\.count)).count <= 1, "DataTable: columns of \(Set(columns.map(\.count))) rows")
        self.name = name
        self.columns = columns
    }

    /// A matrix `[rows, columns]` as a table; its columns are called 1, 2, … unless named.
    public init(name: String, _ matrix: Tensor, columns: [String]? = nil) {
        precondition(
            matrix.rank == 2, "DataTable: a matrix is expected, not a tensor of shape \(matrix.shape)")
        let (n, d) = (matrix.shape[0], matrix.shape[1])
        let values = matrix.asType(.float64).toArray(Double.self)
        self.init(
            name: name,
            columns: (0..<d).map { k in
                Column(columns?[k] ?? "\(k + 1)", .numbers((0..<n).map { values[$0 * d + k] }))
            })
    }

    public var rowCount: Int { columns.first?.count ?? 0 }
    public var columnNames: [String] { columns.map(\.name) }

    // MARK: Choosing

    /// The column of a name, or of a number counted from 1 where no column is called so (negative: from the end).
    public func column(_ name: String) throws -> Column { columns[try index(of: name)] }

    private func index(of name: String) throws -> Int {
        if let index = columns.firstIndex(where: { $0.name == name }) { return index }
        if let number = Int(name) {
            if number >= 1 && number <= columns.count { return number - 1 }
            if number < 0 && -number <= columns.count { return columns.count + number }
        }
        throw KernelMethodError.noColumn(name, table: self.name, columns: columnNames)
    }

    /// These columns only, in this order. `2-5` takes the second to the fifth.
    public func selecting(_ names: [String]) throws -> DataTable {
        var chosen: [Column] = []
        for name in names {
            let ends = name.split(separator: "-").compactMap { Int($0) }
            if ends.count == 2, !columns.contains(where: { $0.name == name }) {
                guard ends[0] >= 1, ends[0] <= ends[1], ends[1] <= columns.count else {
                    throw KernelMethodError.noColumn(name, table: self.name, columns: columnNames)
                }
                chosen += columns[ends[0] - 1..<ends[1]]
            } else {
                chosen.append(try column(name))
            }
        }
        return DataTable(name: name, columns: chosen)
    }

    /// All columns but these.
    public func dropping(_ names: [String]) throws -> DataTable {
        let left = Set(try names.map(index(of:)))
        return DataTable(
            name: name, columns: columns.indices.filter { !left.contains($0) }.map { columns[$0] })
    }

    public func dropping(_ names: String...) throws -> DataTable { try dropping(names) }

    /// These rows, in this order.
    public func rows(_ rows: [Int]) -> DataTable {
        DataTable(name: name, columns: columns.map { $0.rows(rows) })
    }

    // MARK: Missing values

    /// What becomes of rows with missing values (empty fields, `NA`, `NaN`, `?`).
    public enum MissingValues: String, Sendable, CaseIterable {
        /// They are an error, which names the first.
        case refuse
        case dropRows = "drop"
        /// A number is replaced by its column's mean; rows without a word are dropped.
        case mean
    }

    /// The table without missing values.
    public func handlingMissing(_ policy: MissingValues) throws -> DataTable {
        try (policy == .mean ? filledWithMeans() : self).complete(refuses: policy == .refuse)
    }

    /// This table, the inputs of a method, and other columns of the same rows (a target, weights) without missing
    /// values: rows that are dropped are dropped from both.
    ///
    /// Means are filled in here only: a made-up target teaches nothing, so rows without one are dropped.
    public func handlingMissing(
        _ policy: MissingValues, beside others: DataTable
    ) throws -> (inputs: DataTable, others: DataTable) {
        let inputs = policy == .mean ? filledWithMeans() : self
        let both = try DataTable(name: name, columns: others.columns + inputs.columns)
            .complete(refuses: policy == .refuse)
        let count = others.columns.count
        return (
            DataTable(name: name, columns: Array(both.columns[count...])),
            DataTable(name: others.name, columns: Array(both.columns[..<count]))
        )
    }

    private func filledWithMeans() -> DataTable {
        DataTable(
            name: name,
            columns: columns.map { column in
                guard case .numbers(let list) = column.values else { return column }
                let present = list.filter { !$0.isNaN }
                let mean = present.reduce(0, +) / Double(present.count)
                return Column(column.name, .numbers(list.map { $0.isNaN ? mean : $0 }))
            })
    }

    /// The rows that have a value in every column.
    private func complete(refuses: Bool) throws -> DataTable {
        var kept: [Int] = []
        for row in 0..<rowCount {
            guard let column = columns.first(where: { $0.isMissing(row) }) else {
                kept.append(row)
                continue
            }
            if refuses {
                throw KernelMethodError.file(
                    name,
                    reason: "row \(row + 1) has no value in column \(column.name); leave the column out, or "
                        + "choose --missing drop or --missing mean")
            }
        }
        return kept.count == rowCount ? self : rows(kept)
    }

    // MARK: Numbers

    /// All columns as a matrix `[rows, columns]`, float64.
    ///
    /// - Throws: ``KernelMethodError`` for a column of words, and for infinities.
    public func matrix() throws -> Tensor {
        let lists = try columns.map { try numbers($0) }
        let (n, d) = (rowCount, columns.count)
        return Tensor([n, d], of: Double.self) { target in
            for (k, list) in lists.enumerated() { for row in 0..<n { target[row * d + k] = list[row] } }
        }
    }

    /// The numbers of a column, NaN where one is missing.
    ///
    /// - Throws: ``KernelMethodError`` for a column of words, and for infinities.
    public func numbers(_ column: String) throws -> [Double] { try numbers(try self.column(column)) }

    private func numbers(_ column: Column) throws -> [Double] {
        switch column.values {
        case .numbers(let list):
            if let row = list.firstIndex(where: \.isInfinite) {
                throw KernelMethodError.file(
                    name,
                    reason:
                        "row \(row + 1) has \(list[row]) in column \(column.name), where a finite number is expected")
            }
            return list
        case .words(let list):
            let row = list.firstIndex { !$0.isEmpty && Double($0) == nil } ?? 0
            throw KernelMethodError.notANumber(
                list.isEmpty ? "" : list[row], row: row + 1, column: column.name, table: name)
        }
    }

    /// A column as class numbers 0, 1, … and the classes' names, in ascending order (numbers by value).
    public func labels(_ column: String) throws -> (labels: [Int], classes: [String]) {
        let words: [String]
        let classes: [String]
        switch try self.column(column).values {
        case .words(let list):
            words = list
            classes = Set(list).sorted()
        case .numbers(let list):
            words = list.map(Self.text)
            classes = Set(list).sorted().map(Self.text)
        }
        let place = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        return (words.map { place[$0]! }, classes)
    }

    private static func text(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    // MARK: Splitting

    /// The first part of the permutation of a seed for training, the rest for testing; at least a row each.
    public func split(testShare: Double, seed: UInt64) -> (train: DataTable, test: DataTable) {
        let order = SplitMix64.permutation(rowCount, seed: seed)
        let train = min(rowCount - 1, max(1, Int(((1 - testShare) * Double(rowCount)).rounded(.down))))
        return (rows(Array(order[..<train])), rows(Array(order[train...])))
    }
}
