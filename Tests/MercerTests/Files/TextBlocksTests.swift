import Foundation
import Mercer
import Testing

@Suite struct TextBlocksTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// All records of a text that is read in blocks of a size.
    private func records(_ path: String, size: Int) throws -> (records: [[String]], lines: [Int], blocks: Int) {
        let blocks = try TextBlocks(contentsOf: path, size: size)
        var reader: CSVReader?
        var (records, lines, count): ([[String]], [Int], Int) = ([], [], 0)
        while let block = try blocks.next() {
            let part =
                try reader.map { CSVReader(block, after: $0) }
                ?? CSVReader(block, format: CSVFormat(hasHeader: false))
            while try part.next() {
                records.append(try (0..<part.columns).map { try part.text($0) })
                lines.append(part.line)
            }
            reader = part
            count += 1
        }
        return (records, lines, count)
    }

    @Test(arguments: [2, 3, 7, 16, 64, 1 << 20])
    func blocksHoldWholeRecordsWhateverTheirSize(_ size: Int) throws {
        let path = folder.file("t.csv")
        let text = "a;b\n\"x\ny\";1,5\n5\" pipe;\"say \"\"no\"\"\"\n\n\r\n\"\";2\nlast;3"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        let read = try records(path, size: size)
        #expect(
            read.records == [["a", "b"], ["x\ny", "1,5"], ["5\" pipe", "say \"no\""], ["", "2"], ["last", "3"]])
        #expect(read.lines == [1, 2, 4, 7, 8])
        #expect(size > 64 || read.blocks > 1)
    }

    @Test func aRecordOfAnotherWidthIsNamedByItsLine() throws {
        let path = folder.file("t.csv")
        try (0..<50).map { $0 == 40 ? "1,2,3" : "1,2" }.joined(separator: "\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        let error = try #require(throws: TensorFileError.self) { try records(path, size: 20) }
        #expect("\(error)".contains("line 41") && "\(error)".contains("3 fields"))
    }

    @Test func emptyFilesHaveNoBlocksAndFoldersAreRefused() throws {
        let path = folder.file("empty.csv")
        try "".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try records(path, size: 16).blocks == 0)
        #expect(throws: TensorFileError.self) { try TextBlocks(contentsOf: folder.file("nowhere.csv")) }
        #expect(throws: TensorFileError.self) { try TextBlocks(contentsOf: folder.file("")) }
    }
}
