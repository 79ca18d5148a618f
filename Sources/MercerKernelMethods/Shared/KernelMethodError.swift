import Foundation

/// What can be wrong with the data or the options of a kernel method. Each prints as one sentence that says what
/// was found, what was expected and what to do.
public enum KernelMethodError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// An option's value is out of its range.
    case option(String, found: String, expected: String)
    /// The data are too few for what is asked.
    case tooFew(String, found: Int, needed: Int)
    /// A number that isn't finite, by its place.
    case notFinite(row: Int, column: String, value: String)
    /// A column that has one value only.
    case constantColumn(String)
    /// Points of another number of columns than the ones they are compared with.
    case width(found: Int, expected: Int, what: String)
    /// Two lists that belong together differ in length.
    case length(String, found: Int, expected: Int)
    /// A matrix that should be positive definite isn't.
    case singular(String, advice: String)
    /// A table or a file of results can't be understood.
    case file(String, reason: String)
    /// A column that isn't there.
    case noColumn(String, table: String, columns: [String])
    /// Text where a number is needed.
    case notANumber(String, row: Int, column: String, table: String)
    /// What is asked would break a guarantee of privacy.
    case privacy(String)
    /// More memory would be needed than there is.
    case memory(String, needed: Int, advice: String)

    public var description: String {
        switch self {
        case .option(let name, let found, let expected):
            "\(name) is \(found), but \(expected) is expected"
        case .tooFew(let what, let found, let needed):
            "\(what) needs \(needed) rows or more, and there \(found == 1 ? "is" : "are") \(found)"
        case .notFinite(let row, let column, let value):
            "row \(row) has \(value) in column \(column); only finite numbers are understood"
        case .constantColumn(let column):
            "column \(column) has the same value in every row; leave it out"
        case .width(let found, let expected, let what):
            "\(what) \(found == 1 ? "has 1 column" : "have \(found) columns"), but \(expected) are expected"
        case .length(let what, let found, let expected):
            "there \(found == 1 ? "is" : "are") \(found) \(what), but \(expected) are expected"
        case .singular(let what, let advice):
            "\(what) is singular; \(advice)"
        case .file(let path, let reason):
            "\(path): \(reason)"
        case .noColumn(let name, let table, let columns):
            "\(table) has no column '\(name)'; it has \(Self.list(columns))"
        case .notANumber(let text, let row, let column, let table):
            "\(table): row \(row) has '\(text)' in column \(column), where a number is expected"
        case .privacy(let reason):
            reason
        case .memory(let what, let needed, let advice):
            "\(what) would need \(String(format: "%.1f", Double(needed) / 1e9)) GB of memory; \(advice)"
        }
    }

    public var errorDescription: String? { description }

    private static func list(_ names: [String]) -> String {
        names.count <= 12 ? names.joined(separator: ", ") : names.prefix(12).joined(separator: ", ") + ", …"
    }
}
