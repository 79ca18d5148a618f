/// A table of a report. Columns of numbers are set to the right, all others to the left.
public struct Table: Codable, Sendable {
    public var title: String
    public var columns: [String]
    public var rows: [[Cell]]
    /// Rows that are set in bold, such as the paper's own method.
    public var emphasis: [Int]
    public var caption: String

    /// - Precondition: every row has as many cells as there are columns.
    public init(
        _ title: String = "", columns: [String], rows: [[Cell]], emphasis: [Int] = [], caption: String = ""
    ) {
        for row in rows {
            precondition(
                row.count == columns.count,
                "Table \"\(title)\": a row of \(row.count) cells under \(columns.count) columns")
        }
        self.title = title
        self.columns = columns
        self.rows = rows
        self.emphasis = emphasis
        self.caption = caption
    }

    /// What stands in a cell.
    public enum Cell: Sendable, Hashable {
        case text(String)
        /// A number, shown with so many decimals, or with what four significant digits need.
        case number(Double, decimals: Int? = nil)
        case empty

        public var text: String {
            switch self {
            case .text(let text): text
            case .number(let value, .some(let decimals)): Format.fixed(value, decimals: decimals)
            case .number(let value, nil): Format.number(value)
            case .empty: ""
            }
        }
    }

    /// The text of a cell. Numbers of a column that say nothing of their decimals get equally many, if they are
    /// of like size.
    func text(row: Int, column: Int) -> String {
        guard case .number(let value, nil) = rows[row][column] else { return rows[row][column].text }
        let numbers = rows.compactMap { cells -> Double? in
            if case .number(let number, nil) = cells[column] { return number }
            return nil
        }
        let sizes = numbers.filter { $0 != 0 && $0.isFinite }.map(abs)
        guard let smallest = sizes.min(), let largest = sizes.max(), smallest >= 1e-4, largest < 1e7,
            largest < 1e4 * smallest
        else { return rows[row][column].text }
        let decimals = numbers.map { number in
            Format.number(number).split(separator: ".").dropFirst().first?.count ?? 0
        }
        return Format.fixed(value, decimals: decimals.max() ?? 0)
    }

    /// Whether a column holds numbers (and perhaps empty cells) only.
    func isNumeric(_ column: Int) -> Bool {
        var numbers = 0
        for row in rows {
            switch row[column] {
            case .number: numbers += 1
            case .empty: continue
            case .text: return false
            }
        }
        return numbers > 0
    }
}

extension Table.Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByFloatLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .text(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(integerLiteral value: Int) { self = .number(Double(value)) }
    public init(nilLiteral: ()) { self = .empty }
}

extension Table.Cell: Codable {
    private enum CodingKeys: String, CodingKey { case number, decimals }

    public init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .empty
        } else if let text = try? single.decode(String.self) {
            self = .text(text)
        } else {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self = .number(
                try values.decode(Double.self, forKey: .number),
                decimals: try values.decodeIfPresent(Int.self, forKey: .decimals))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .text(let text):
            var single = encoder.singleValueContainer()
            try single.encode(text)
        case .empty:
            var single = encoder.singleValueContainer()
            try single.encodeNil()
        case .number(let value, let decimals):
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(value, forKey: .number)
            try values.encodeIfPresent(decimals, forKey: .decimals)
        }
    }
}
