/// How a table of text is written (RFC 4180 and what is found beside it).
public struct CSVFormat: Sendable {
    /// What stands between fields; nil looks at the first line: the most frequent of comma, semicolon and tab.
    public var delimiter: Character?
    /// Whether the first line names the columns; nil looks at it: it does unless one of its fields is empty or a number.
    public var hasHeader: Bool?
    /// Fields that stand for a missing value, beside the empty one.
    public var missing: Set<String>

    public init(
        delimiter: Character? = nil, hasHeader: Bool? = nil,
        missing: Set<String> = ["NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"]
    ) {
        self.delimiter = delimiter
        self.hasHeader = hasHeader
        self.missing = missing
    }
}

/// Reads a table of text record by record: quoted fields with delimiters, line breaks and doubled quotation marks
/// inside, LF or CRLF, a byte-order mark, gzip. The file is mapped, so that a large one takes no memory. Blank lines
/// are passed over.
///
/// ```swift
/// let reader = try CSVReader(contentsOf: "data.csv")
/// while try reader.next() { print(try reader.text(0), reader.number(1) ?? .nan) }
/// ```
public final class CSVReader {
    /// The names of the columns, where the first line has them.
    public private(set) var header: [String]?
    /// Fields a record.
    public private(set) var columns = 0
    /// The line where the current record starts, counted from 1.
    public private(set) var line = 0

    private let contents: FileContents
    private let format: CSVFormat
    private let delimiter: UInt8
    private var position = 0
    private var nextLine = 1
    /// The fields of the current record: where they are without quotation marks, and whether they hold doubled ones.
    private var fields: [(range: Range<Int>, hasQuotes: Bool)] = []

    /// Opens a file, unpacked where it is gzip.
    public convenience init(contentsOf path: String, format: CSVFormat = CSVFormat()) throws {
        try self.init(Gzip.contents(of: path), format: format)
    }

    /// Opens bytes that are mapped or in memory already.
    public init(_ contents: FileContents, format: CSVFormat = CSVFormat()) throws {
        self.contents = contents
        self.format = format
        if let asked = format.delimiter {
            guard let ascii = asked.asciiValue, ascii != 0x22, ascii != 0x0a, ascii != 0x0d else {
                throw TensorFileError.unsupported(
                    path: contents.path, place: .file,
                    found: "the delimiter \(TensorFileError.quoted(String(asked)))",
                    supported: "one ASCII character other than quotation marks and line breaks")
            }
            delimiter = ascii
        } else {
            delimiter = contents.withUnsafeBytes { Self.detectDelimiter($0) }
        }
        let start = try contents.withUnsafeBytes { try Self.skipMark($0, contents.path) }
        position = start
        guard try advance() else { return }
        columns = fields.count
        let namesColumns =
            format.hasHeader ?? (0..<columns).allSatisfy { !isMissing($0) && number($0) == nil }
        if namesColumns {
            header = try (0..<columns).map { try text($0) }
        } else {
            position = start
            nextLine = 1
        }
    }

    /// Opens bytes that follow those which another reader has read to their end, as ``TextBlocks`` hands them out: the same
    /// delimiter and columns, and lines are counted on.
    public init(_ contents: FileContents, after other: CSVReader) {
        self.contents = contents
        format = other.format
        delimiter = other.delimiter
        header = other.header
        columns = other.columns
        nextLine = other.nextLine
    }

    /// Moves to the next record; false at the end.
    ///
    /// - Throws: for a record of another number of fields than the first, with its line.
    public func next() throws -> Bool {
        guard try advance() else { return false }
        guard fields.count == columns else {
            throw failure("\(fields.count) fields", "\(columns) as in the first line")
        }
        return true
    }

    /// A field of the current record.
    public func text(_ column: Int) throws -> String {
        let field = fields[column]
        return try contents.withUnsafeBytes { bytes in
            guard let text = String(validating: bytes[field.range], as: UTF8.self) else {
                throw failure("text that isn't UTF-8 in column \(column + 1)", "UTF-8")
            }
            return field.hasQuotes ? text.replacing("\"\"", with: "\"") : text
        }
    }

    /// A field of the current record as a number; nil where it isn't one. Blanks around it are passed over.
    public func number(_ column: Int) -> Double? {
        contents.withUnsafeBytes { DecimalNumber.parse($0[trimmed(column, $0)]) }
    }

    /// Whether a field of the current record is empty or stands for a missing value.
    public func isMissing(_ column: Int) -> Bool {
        contents.withUnsafeBytes { bytes in
            let range = trimmed(column, bytes)
            if range.isEmpty { return true }
            guard range.count <= 16, let text = String(validating: bytes[range], as: UTF8.self) else {
                return false
            }
            return format.missing.contains(text)
        }
    }

    private func trimmed(_ column: Int, _ bytes: UnsafeRawBufferPointer) -> Range<Int> {
        var range = fields[column].range
        while let first = range.first, bytes[first] == 0x20 || bytes[first] == 0x09 {
            range = (first + 1)..<range.upperBound
        }
        while let last = range.last, bytes[last] == 0x20 || bytes[last] == 0x09 {
            range = range.lowerBound..<last
        }
        return range
    }

    func failure(_ found: String, _ expected: String, line: Int? = nil) -> TensorFileError {
        .malformed(path: contents.path, place: .line(line ?? self.line), found: found, expected: expected)
    }

    // MARK: Records

    /// Reads the fields of the next record that isn't a blank line.
    private func advance() throws -> Bool {
        try contents.withUnsafeBytes { bytes in
            while position < bytes.count, bytes[position] == 0x0a || isReturn(bytes, position) {
                nextLine += bytes[position] == 0x0a ? 1 : 0
                position += 1
            }
            fields.removeAll(keepingCapacity: true)
            line = nextLine
            guard position < bytes.count else { return false }
            while true {
                if position < bytes.count && bytes[position] == 0x22 {
                    try quotedField(bytes)
                } else {
                    plainField(bytes)
                }
                guard position < bytes.count else { return true }
                let mark = bytes[position]
                position += 1
                if mark == delimiter { continue }
                if mark == 0x0d { position += 1 }
                nextLine += 1
                return true
            }
        }
    }

    /// A carriage return that ends a line.
    private func isReturn(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        bytes[index] == 0x0d && index + 1 < bytes.count && bytes[index + 1] == 0x0a
    }

    private func plainField(_ bytes: UnsafeRawBufferPointer) {
        let start = position
        while position < bytes.count, bytes[position] != delimiter, bytes[position] != 0x0a,
            !isReturn(bytes, position)
        {
            position += 1
        }
        fields.append((start..<position, false))
    }

    private func quotedField(_ bytes: UnsafeRawBufferPointer) throws {
        let start = position + 1
        var hasQuotes = false
        position = start
        while true {
            guard position < bytes.count else {
                throw failure("a quoted field without end", "a closing quotation mark")
            }
            let byte = bytes[position]
            position += 1
            if byte == 0x0a { nextLine += 1 }
            guard byte == 0x22 else { continue }
            if position < bytes.count && bytes[position] == 0x22 {
                hasQuotes = true
                position += 1
                continue
            }
            fields.append((start..<(position - 1), hasQuotes))
            let isEnd =
                position == bytes.count || bytes[position] == delimiter || bytes[position] == 0x0a
                || isReturn(bytes, position)
            guard isEnd else {
                throw failure("text behind a closing quotation mark", "the next field", line: nextLine)
            }
            return
        }
    }

    // MARK: Detection

    private static func skipMark(_ bytes: UnsafeRawBufferPointer, _ path: String) throws -> Int {
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { return 3 }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            throw TensorFileError.unsupported(
                path: path, place: .byte(0), found: "UTF-16 text", supported: "UTF-8")
        }
        return 0
    }

    static func detectDelimiter(_ bytes: UnsafeRawBufferPointer) -> UInt8 {
        var counts: [UInt8: Int] = [:]
        var isQuoted = false
        var hasText = false
        for byte in bytes {
            if byte == 0x22 { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0a || byte == 0x0d {
                if hasText { break }
                continue
            }
            hasText = true
            if byte == UInt8(ascii: ",") || byte == UInt8(ascii: ";") || byte == 0x09 {
                counts[byte, default: 0] += 1
            }
        }
        let candidates = [UInt8(ascii: ","), UInt8(ascii: ";"), 0x09]
        return candidates.max { counts[$0, default: 0] < counts[$1, default: 0] }!
    }
}

/// Decimal numbers in text.
enum DecimalNumber {
    /// The nearest double to a decimal number; nil where the bytes are none. Up to 15 digits and 22 powers of ten, both
    /// factors are exact and one rounding gives the nearest; the rest goes to the library.
    static func parse(_ bytes: Slice<UnsafeRawBufferPointer>) -> Double? {
        var index = bytes.startIndex
        let end = bytes.endIndex
        var isNegative = false
        if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
            isNegative = bytes[index] == UInt8(ascii: "-")
            index += 1
        }
        var mantissa = 0
        var digits = 0
        var fraction = 0
        var isFraction = false
        while index < end {
            let byte = bytes[index]
            if byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") {
                digits += 1
                if digits > 15 { return general(bytes) }
                mantissa = 10 * mantissa + Int(byte - UInt8(ascii: "0"))
                if isFraction { fraction += 1 }
            } else if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                return general(bytes)
            }
            index += 1
        }
        if digits == 0 { return nil }
        let value = Double(mantissa) / powers[fraction]
        return isNegative ? -value : value
    }

    private static let powers: [Double] = (0...15).map { n in (0..<n).reduce(1.0) { value, _ in value * 10 } }

    /// Exponents, many digits, infinities. Hexadecimal numbers, which the library knows, are text here.
    private static func general(_ bytes: Slice<UnsafeRawBufferPointer>) -> Double? {
        guard bytes.count <= 400,
            !bytes.contains(where: { $0 | 0x20 == UInt8(ascii: "x") || $0 | 0x20 == UInt8(ascii: "p") })
        else { return nil }
        return Double(String(decoding: bytes, as: UTF8.self))
    }
}
