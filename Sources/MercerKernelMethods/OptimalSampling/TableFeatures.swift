import Foundation
import Mercer

/// Columns of a table, standardised, and products of them: functions whose span a labelled subset is to fit.
public struct TableFeatures: Sendable, Codable, Equatable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// 1 and the columns.
        case linear
        /// Also all squares and products of two.
        case quadratic
        /// The columns as they are, without a constant: a feature matrix of the user's own.
        case raw
    }

    public let kind: Kind
    public let columns: [String]
    public let standardizer: Standardizer

    /// - Throws: ``KernelMethodError/constantColumn(_:)``, and what ``DataTable/matrix()`` throws.
    public init(_ kind: Kind, fitting table: DataTable) throws {
        let matrix = try table.matrix()
        let values = matrix.toArray(Double.self)
        let d = table.columns.count
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: bad / d + 1, column: table.columnNames[bad % d], value: "\(values[bad])")
        }
        standardizer = Standardizer(fitting: matrix)
        if kind != .raw, let flat = standardizer.deviations.firstIndex(of: 0) {
            throw KernelMethodError.constantColumn(table.columnNames[flat])
        }
        self.kind = kind
        columns = table.columnNames
    }

    /// What each feature is: `1`, `age`, `age*water`, `age^2`.
    public var names: [String] {
        var names = kind == .raw ? columns : ["1"] + columns
        guard kind == .quadratic else { return names }
        for i in columns.indices {
            for j in i..<columns.count { names.append(i == j ? "\(columns[i])^2" : "\(columns[i])*\(columns[j])") }
        }
        return names
    }

    /// `[rows, features]`.
    public func matrix(_ table: DataTable) throws -> Tensor {
        let raw = try table.selecting(columns).matrix()
        let d = columns.count
        let n = raw.shape[0]
        let values = (kind == .raw ? raw : standardizer.apply(raw)).toArray(Double.self)
        if kind == .raw { return Tensor(values, [n, d]) }
        let width = names.count
        return Tensor([n, width], of: Double.self) { target in
            for row in 0..<n {
                let x = row * d
                var place = row * width
                target[place] = 1
                for i in 0..<d { target[place + 1 + i] = values[x + i] }
                guard kind == .quadratic else { continue }
                place += 1 + d
                for i in 0..<d {
                    for j in i..<d {
                        target[place] = values[x + i] * values[x + j]
                        place += 1
                    }
                }
            }
        }
    }
}
