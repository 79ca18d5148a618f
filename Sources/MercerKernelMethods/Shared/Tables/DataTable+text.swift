import Foundation
import Mercer

extension DataTable {
    /// The records of a text file, gzip'd or not, without blank lines; fields are trimmed.
    static func records(_ path: String) throws -> [[String]] {
        let contents = try path.hasSuffix(".gz") ? Gzip.contents(of: path) : FileContents(mapping: path)
        return contents.withUnsafeBytes { bytes in
            var reader = RecordReader(bytes, separator: separator(of: bytes))
            var records: [[String]] = []
            while let record = reader.next() {
                if record.count > 1 || !record[0].isEmpty { records.append(record) }
            }
            return records
        }
    }

    /// The separator that the first line has most of: tab, semicolon, comma, else blank.
    private static func separator(of bytes: UnsafeRawBufferPointer) -> UInt8 {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        for candidate in [UInt8(ascii: "\t"), UInt8(ascii: ";"), UInt8(ascii: ",")]
        where line.contains(candidate) {
            return candidate
        }
        return UInt8(ascii: " ")
    }
}

/// Reads records of separated text. A field in double quotes may hold separators, line ends and doubled quotes; several
/// blanks count as one where blanks separate.
private struct RecordReader {
    private let bytes: UnsafeRawBufferPointer
    private let separator: UInt8
    private var at: Int

    private static let quote = UInt8(ascii: "\"")
    private static let newline = UInt8(ascii: "\n")
    private static let blank = UInt8(ascii: " ")

    init(_ bytes: UnsafeRawBufferPointer, separator: UInt8) {
        self.bytes = bytes
        self.separator = separator
        at = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> [String]? {
        guard at < bytes.count else { return nil }
        var fields: [String] = []
        while true {
            fields.append(field())
            guard at < bytes.count else { break }
            let end = bytes[at]
            at += 1
            if end == Self.newline { break }
        }
        // Blanks at the end of a line separate nothing.
        if separator == Self.blank && fields.count > 1 && fields.last!.isEmpty { fields.removeLast() }
        return fields
    }

    /// The next field; stops at its separator, the line's end or the file's.
    private mutating func field() -> String {
        while at < bytes.count, bytes[at] == Self.blank { at += 1 }
        if at < bytes.count, bytes[at] == Self.quote { return quotedField() }
        let start = at
        while at < bytes.count, bytes[at] != separator, bytes[at] != Self.newline { at += 1 }
        return text(start..<at)
    }

    private mutating func quotedField() -> String {
        var field: [UInt8] = []
        at += 1
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            if byte == Self.quote {
                guard at < bytes.count, bytes[at] == Self.quote else { break }
                at += 1
            }
            field.append(byte)
        }
        while at < bytes.count, bytes[at] != separator, bytes[at] != Self.newline { at += 1 }
        return String(decoding: field, as: UTF8.self)
    }

    private func text(_ range: Range<Int>) -> String {
        var range = range
        func isSpace(_ byte: UInt8) -> Bool { byte == Self.blank || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t") }
        while let last = range.last, isSpace(bytes[last]) { range = range.lowerBound..<last }
        return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }
}
