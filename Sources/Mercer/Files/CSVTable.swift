/// A table of named columns: numbers as float64 tensors, everything else as text.
///
/// ```swift
/// let table = try CSVTable(contentsOf: "iris.csv")
/// let x = try table.matrix(["sepal_length", "petal_length"])   // [rows, 2], float64
/// let species = try table.text("species")                      // [String]
/// ```
public struct CSVTable: Sendable {
    /// A column.
    public enum Column: Sendable {
        /// Numbers, `[rows]` in float64; missing values are NaN.
        case numbers(Tensor)
        /// Text; missing values are empty.
        case text([String])
    }

    /// The names of the columns in their order; `column1`, `column2`, … where the file has none.
    public let names: [String]
    /// The number of records.
    public let rows: Int
    private let columns: [String: Column]
    private let path: String

    /// A table of given columns.
    public init(_ columns: [(name: String, column: Column)]) {
        names = columns.map(\.name)
        let counts = columns.map { Self.count($0.column) }
        precondition(Set(counts).count <= 1, "CSVTable: columns of \(counts) rows")
        rows = counts.first ?? 0
        self.columns = Dictionary(columns.map { ($0.name, $0.column) }) { first, _ in first }
        precondition(self.columns.count == names.count, "CSVTable: a name occurs twice in \(names)")
        path = "table"
    }

    /// Reads a file, unpacked where it is gzip.
    ///
    /// A column holds numbers where each of its values is one or missing, and at least one is there. The file is read
    /// twice, first for the kinds and the number of rows, so that nothing is held twice.
    ///
    /// - Parameter columns: the columns to keep, in this order; nil keeps all.
    public init(contentsOf path: String, columns: [String]? = nil, format: CSVFormat = CSVFormat()) throws {
        try self.init(Gzip.contents(of: path), columns: columns, format: format)
    }

    /// Reads bytes that are mapped or in memory already.
    public init(_ contents: FileContents, columns wanted: [String]? = nil, format: CSVFormat = CSVFormat())
        throws
    {
        path = contents.path
        let reader = try CSVReader(contents, format: format)
        let all = reader.header ?? (0..<reader.columns).map { "column\($0 + 1)" }
        var places: [String: Int] = [:]
        for (i, name) in all.enumerated() where places.updateValue(i, forKey: name) != nil {
            throw reader.failure(
                "the column \(TensorFileError.quoted(name)) twice", "each name once", line: 1)
        }
        names = wanted ?? all
        for name in names where places[name] == nil {
            throw TensorFileError.missing(path: contents.path, name: name, available: all)
        }

        let picked = names.map { places[$0]! }
        var isNumeric = [Bool](repeating: true, count: picked.count)
        var hasValue = [Bool](repeating: false, count: picked.count)
        var rows = 0
        while try reader.next() {
            rows += 1
            for (i, column) in picked.enumerated() where isNumeric[i] {
                if reader.number(column) != nil {
                    hasValue[i] = true
                } else if !reader.isMissing(column) {
                    isNumeric[i] = false
                }
            }
        }
        self.rows = rows

        let second = try CSVReader(contents, format: format)
        var numbers: [Int: Tensor] = [:]
        var texts = [[String]](repeating: [], count: picked.count)
        for i in picked.indices where isNumeric[i] && hasValue[i] {
            numbers[i] = Tensor(uninitialized: [rows], .float64)
        }
        let pointers = picked.indices.map { numbers[$0]?.mutablePointer(Double.self) }
        var row = 0
        while try second.next() {
            for (i, column) in picked.enumerated() {
                if let pointer = pointers[i] {
                    pointer[row] = second.number(column) ?? .nan
                } else {
                    texts[i].append(second.isMissing(column) ? "" : try second.text(column))
                }
            }
            row += 1
        }
        var columns: [String: Column] = [:]
        for (i, name) in names.enumerated() {
            columns[name] = numbers[i].map { .numbers($0) } ?? .text(texts[i])
        }
        self.columns = columns
    }

    /// A column.
    public func column(_ name: String) throws -> Column {
        if let column = columns[name] { return column }
        throw TensorFileError.missing(path: path, name: name, available: names)
    }

    /// The numbers of a column, `[rows]` in float64.
    ///
    /// - Throws: where the column holds text.
    public func numbers(_ name: String) throws -> Tensor {
        switch try column(name) {
        case .numbers(let numbers): return numbers
        case .text(let text):
            let odd = text.firstIndex { !$0.isEmpty && Double($0) == nil }
            throw TensorFileError.malformed(
                path: path, place: .entry(name),
                found: odd.map { "\(TensorFileError.quoted(text[$0])) in record \($0 + 1)" } ?? "no values",
                expected: "a column of numbers")
        }
    }

    /// The text of a column. Numbers are written in their shortest form.
    public func text(_ name: String) throws -> [String] {
        switch try column(name) {
        case .text(let text): text
        case .numbers(let numbers): numbers.toArray(Double.self).map(Self.text)
        }
    }

    /// Columns of numbers side by side, `[rows, columns]` in float64; by default all that hold numbers.
    public func matrix(_ names: [String]? = nil) throws -> Tensor {
        let names = names ?? self.names.filter { if case .numbers = columns[$0] { true } else { false } }
        let parts = try names.map { try numbers($0) }
        return Tensor([rows, parts.count], of: Double.self) { result in
            for (j, part) in parts.enumerated() {
                part.withUnsafeBuffer(of: Double.self) { source in
                    for i in 0..<rows { result[i * parts.count + j] = source[i] }
                }
            }
        }
    }

    /// Writes the table with a header line, beside the destination first. Numbers read back to the same bits; NaN is
    /// an empty field.
    public func write(to path: String, delimiter: Character = ",") throws {
        let mark = String(delimiter)
        func field(_ text: String) -> String {
            let isPlain = !text.isEmpty && !text.utf8.contains { $0 == 0x22 || $0 == 0x0a || $0 == 0x0d }
            if isPlain && !text.contains(delimiter) && text.first != " " && text.last != " " { return text }
            if text.isEmpty && names.count > 1 { return "" }
            return "\"" + text.replacing("\"", with: "\"\"") + "\""
        }
        let sources = try names.map { try column($0) }
        try AtomicFile.write(to: path) { file in
            try file.write(names.map(field).joined(separator: mark) + "\n")
            let tensors = sources.map {
                if case .numbers(let tensor) = $0 { tensor.toArray(Double.self) } else { [] as [Double] }
            }
            for row in 0..<rows {
                let fields = sources.indices.map { i in
                    if case .text(let text) = sources[i] {
                        field(text[row])
                    } else {
                        field(Self.text(tensors[i][row]))
                    }
                }
                try file.write(fields.joined(separator: mark) + "\n")
            }
        }
    }

    /// The shortest text that reads back to the same number; empty for NaN, without ".0" for whole numbers.
    private static func text(_ number: Double) -> String {
        if number.isNaN { return "" }
        let text = "\(number)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private static func count(_ column: Column) -> Int {
        switch column {
        case .numbers(let tensor): tensor.count
        case .text(let text): text.count
        }
    }
}
