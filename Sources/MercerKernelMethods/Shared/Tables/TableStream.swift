import Foundation
import Mercer

/// The numbers of a table of any length, block after block, read once from front to end: memory for a block, not for the
/// table.
///
/// ```swift
/// let stream = try TableStream(contentsOf: "long.csv", choosing: { try $0.dropping("id") })
/// while let rows = try stream.next() { try builder.add(rows) }      // [m, d], float64
/// ```
///
/// Text and `.npy` files are read as ``DataTable/init(contentsOf:)`` does, `-` is the standard input (text). Archives (`.npz`,
/// `.safetensors`) and gzip are unpacked in memory first.
public final class TableStream {
    /// What errors call the table.
    public let name: String
    /// The columns that the rows have, in order.
    public let columnNames: [String]
    /// Their places in the file.
    private let places: [Int]
    private let source: any RowSource
    private let dropsMissing: Bool
    private let blockRows: Int
    /// Rows of the file so far.
    private var row = 0

    /// - Parameters:
    ///   - choosing: takes a table with the file's columns, and returns one of those that are wanted.
    ///   - dropsMissing: whether rows with a missing value are left out; else they are an error.
    ///   - blockRows: the most rows a block.
    /// - Throws: ``TensorFileError`` or ``KernelMethodError``.
    public init(
        contentsOf path: String, choosing: (DataTable) throws -> DataTable = { $0 }, dropsMissing: Bool = false,
        blockRows: Int = 4096
    ) throws {
        precondition(blockRows >= 1, "TableStream: blocks of \(blockRows) rows")
        switch URL(filePath: path).pathExtension.lowercased() {
        case "npy":
            let matrix = try DataTable.npyMatrix(path)
            source = MatrixRows(matrix, (1...max(1, matrix.shape[1])).map(String.init))
        case "npz", "safetensors":
            let table = try DataTable(contentsOf: path)
            source = MatrixRows(try table.matrix(), table.columnNames)
        default: source = try TextRows(path)
        }
        name = path == "-" ? "standard input" : path
        // A row of the columns' own places says which of them are chosen.
        let heading = DataTable(
            name: name,
            columns: source.columnNames.enumerated().map { .init($1, .numbers([Double($0)])) })
        let chosen = try choosing(heading)
        guard !chosen.columns.isEmpty else {
            throw KernelMethodError.file(name, reason: "no column of it is left; give --columns or --drop fewer")
        }
        places = try chosen.matrix().toArray(Double.self).map { Int($0) }
        columnNames = chosen.columnNames
        self.dropsMissing = dropsMissing
        self.blockRows = blockRows
    }

    /// The next rows, `[m, d]` in float64 without missing values; nil at the end.
    ///
    /// - Throws: ``KernelMethodError`` for text where a number is expected, infinities and missing values.
    public func next() throws -> Tensor? {
        let d = places.count
        var values: [Double] = []
        values.reserveCapacity(blockRows * d)
        while values.count < blockRows * d, try source.next(places, into: &values) {
            row += 1
            let start = values.count - d
            guard let odd = (0..<d).first(where: { !values[start + $0].isFinite }) else { continue }
            let missing = (odd..<d).first { values[start + $0].isNaN }
            if missing != nil, dropsMissing {
                values.removeLast(d)
                continue
            }
            if let missing {
                throw KernelMethodError.file(
                    name,
                    reason:
                        "row \(row) has no value in column \(columnNames[missing]); leave the column out, or choose "
                        + "--missing drop")
            }
            throw KernelMethodError.file(
                name,
                reason:
                    "row \(row) has \(values[start + odd]) in column \(columnNames[odd]), where a finite number is expected"
            )
        }
        return values.isEmpty ? nil : Tensor(values, [values.count / d, d])
    }

    /// Reads to the end and says how many rows came.
    ///
    /// - Parameter progress: told after each block how many came so far.
    public func countRows(progress: (Int) throws -> Void = { _ in }) throws -> Int {
        var count = 0
        while let rows = try next() {
            count += rows.shape[0]
            try progress(count)
        }
        return count
    }
}

/// Where a ``TableStream`` gets its rows from.
private protocol RowSource: AnyObject {
    /// The names of all columns.
    var columnNames: [String] { get }
    /// Appends the numbers of the next row in some columns, NaN where one is missing; false at the end.
    func next(_ places: [Int], into values: inout [Double]) throws -> Bool
}

/// The rows of a matrix, which may lie over a mapped file.
private final class MatrixRows: RowSource {
    let columnNames: [String]
    private let matrix: Tensor
    private var row = 0
    /// The rows from `start` on as float64.
    private var block: [Double] = []
    private var start = 0

    init(_ matrix: Tensor, _ names: [String]) {
        self.matrix = matrix
        columnNames = names
    }

    func next(_ places: [Int], into values: inout [Double]) -> Bool {
        guard row < matrix.shape[0] else { return false }
        let d = matrix.shape[1]
        if row * d >= start * d + block.count {
            start = row
            block = matrix[row..<min(matrix.shape[0], row + 4096)].asType(.float64).toArray(Double.self)
        }
        let first = (row - start) * d
        for place in places { values.append(block[first + place]) }
        row += 1
        return true
    }
}

/// The rows of a table of text.
private final class TextRows: RowSource {
    let columnNames: [String]
    private let name: String
    private let blocks: TextBlocks
    /// The current block of fields that commas, semicolons or tabs separate, or its lines of words.
    private var reader: CSVReader?
    private var lines: ArraySlice<[String]> = []
    private let isBlankSeparated: Bool
    private var row = 0

    init(_ path: String) throws {
        blocks = try TextBlocks(contentsOf: path)
        name = blocks.name
        guard let first = try blocks.next() else { throw KernelMethodError.file(name, reason: "it has no rows") }
        isBlankSeparated = first.withUnsafeBytes(DataTable.isBlankSeparated)
        // As many records as decide whether the first one is a header.
        var records: [[String]] = []
        if isBlankSeparated {
            lines = first.withUnsafeBytes(DataTable.words)[...]
            records = Array(lines.prefix(51))
        } else {
            let reader = try CSVReader(first, format: CSVFormat(hasHeader: false))
            while records.count < 51, try reader.next() { records.append(try DataTable.fields(of: reader)) }
            self.reader = try CSVReader(first, format: CSVFormat(hasHeader: false))
        }
        guard let head = records.first else { throw KernelMethodError.file(name, reason: "it has no rows") }
        let hasHeader = DataTable.looksLikeHeader(records)
        columnNames = head.enumerated().map { hasHeader && !$1.isEmpty ? $1 : "\($0 + 1)" }
        if hasHeader {
            lines = lines.dropFirst()
            _ = try reader?.next()
        }
    }

    func next(_ places: [Int], into values: inout [Double]) throws -> Bool {
        guard try isBlankSeparated ? nextLine(places, &values) : nextRecord(places, &values) else {
            guard row > 0 else { throw KernelMethodError.file(name, reason: "it has a header but no rows") }
            return false
        }
        row += 1
        return true
    }

    private func nextRecord(_ places: [Int], _ values: inout [Double]) throws -> Bool {
        while let current = reader {
            guard try current.next() else {
                reader = try blocks.next().map { CSVReader($0, after: current) }
                continue
            }
            for place in places {
                if let number = current.number(place) {
                    values.append(number)
                } else {
                    let text = try current.text(place).trimmingCharacters(in: .whitespaces)
                    values.append(try number(text, place))
                }
            }
            return true
        }
        return false
    }

    private func nextLine(_ places: [Int], _ values: inout [Double]) throws -> Bool {
        while lines.isEmpty {
            guard let block = try blocks.next() else { return false }
            lines = block.withUnsafeBytes(DataTable.words)[...]
        }
        let line = lines.removeFirst()
        guard line.count == columnNames.count else {
            throw KernelMethodError.file(
                name, reason: "row \(row + 1) has \(line.count) fields, but \(columnNames.count) are expected")
        }
        for place in places { values.append(try number(line[place], place)) }
        return true
    }

    private func number(_ text: String, _ place: Int) throws -> Double {
        guard let number = DataTable.number(text) else {
            throw KernelMethodError.notANumber(text, row: row + 1, column: columnNames[place], table: name)
        }
        return number
    }
}
