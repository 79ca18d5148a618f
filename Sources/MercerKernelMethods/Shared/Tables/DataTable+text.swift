import Foundation
import Mercer

extension DataTable {
    /// The records of a text file, gzip'd or not, without blank lines; fields are trimmed.
    static func records(_ path: String) throws -> [[String]] {
        let contents = try Gzip.contents(of: path)
        let isBlankSeparated = contents.withUnsafeBytes { bytes in
            let line = bytes.prefix { $0 != UInt8(ascii: "\n") }
            return !line.contains { [UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\t")].contains($0) }
        }
        if isBlankSeparated { return contents.withUnsafeBytes(words) }
        let reader = try CSVReader(contents, format: CSVFormat(hasHeader: false))
        var records: [[String]] = []
        while try reader.next() {
            records.append(
                try (0..<reader.columns).map { try reader.text($0).trimmingCharacters(in: .whitespaces) })
        }
        return records
    }

    /// The words of each line that has some; any number of blanks stands between them.
    private static func words(_ bytes: UnsafeRawBufferPointer) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
        }.filter { !$0.isEmpty }
    }
}
