import Foundation
import Mercer

extension DataTable {
    /// The records of a text file, gzip'd or not, without blank lines; fields are trimmed.
    static func records(_ path: String) throws -> [[String]] {
        let contents = try Gzip.contents(of: path)
        if contents.withUnsafeBytes(isBlankSeparated) { return contents.withUnsafeBytes(words) }
        let reader = try CSVReader(contents, format: CSVFormat(hasHeader: false))
        var records: [[String]] = []
        while try reader.next() { records.append(try fields(of: reader)) }
        return records
    }

    /// The fields of a reader's current record.
    static func fields(of reader: CSVReader) throws -> [String] {
        try (0..<reader.columns).map { try reader.text($0).trimmingCharacters(in: .whitespaces) }
    }

    /// Whether the first line has no comma, semicolon or tab, so that blanks separate fields.
    static func isBlankSeparated(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        return !line.contains { [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")].contains($0) }
    }

    /// The words of each line that has some; any number of blanks stands between them.
    static func words(_ bytes: UnsafeRawBufferPointer) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        }.filter { !$0.isEmpty }
    }
}
