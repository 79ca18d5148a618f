import Foundation
import Mercer
import Testing

@Suite struct ZipTests {
    @Test(arguments: ["dynamic.gz", "stored.gz", "fixed.gz"])
    func gzipFilesOfEveryBlockTypeUnpack(_ name: String) throws {
        let contents = try Gzip.contents(of: Fixture.path(name))
        let bytes = contents.withUnsafeBytes { Array($0) }
        let lines = (0..<300).flatMap { Array("line \($0) of the text\n".utf8) }
        if name == "dynamic.gz" {
            // Letters with Fibonacci frequencies, whose codes are longer than the fast table, and a long run.
            #expect(Array(bytes.prefix(lines.count)) == lines)
            #expect(bytes.count == lines.count + 17710 + 40000)
            #expect(bytes.suffix(40000).allSatisfy { $0 == 0 })
            #expect(
                bytes[lines.count..<(lines.count + 17710)].reduce(into: Set()) { $0.insert($1) }.count == 20)
        } else {
            #expect(bytes == Array(lines.prefix(1000)))
        }
    }

    @Test func membersAreJoined() throws {
        let contents = try Gzip.contents(of: Fixture.path("members.gz"))
        #expect(contents.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } == "first second")
    }

    @Test func gzipStopsAtTheLimit() throws {
        let packed = try FileContents(mapping: Fixture.path("dynamic.gz"))
        let error = #expect(throws: TensorFileError.self) { try Gzip.unpacked(packed, limit: 1000) }
        #expect(error?.description.contains("more than 1000 bytes in compressed data") == true)
    }

    /// `compressed.npz` with a few bytes replaced, at the last place where `pattern` occurs.
    private func altered(_ pattern: [UInt8], at offset: Int, _ bytes: [UInt8]) throws -> FileContents {
        var file = try readBytes(Fixture.path("compressed.npz"))
        let start = file.indices.last { file[$0...].starts(with: pattern) }!
        file.replaceSubrange((start + offset)..<(start + offset + bytes.count), with: bytes)
        return FileContents(file, name: "x.npz")
    }

    private let record: [UInt8] = [0x50, 0x4b, 1, 2]

    private func lastMember(_ contents: FileContents) throws -> FileContents {
        let archive = try ZipArchive(contents)
        return try archive.contents(of: archive.names.last!)
    }

    private func message(_ body: () throws -> FileContents) -> String {
        do {
            _ = try body()
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func wrongSizesAndChecksumsAreRefused() throws {
        #expect(
            message { try lastMember(altered(record, at: 24, [0xff, 0xff, 0xff, 0x0f])) }
                .contains("one that"))
        #expect(
            message { try lastMember(altered(record, at: 24, [10, 0, 0, 0])) }.contains(
                "more than 10 bytes"))
        #expect(message { try lastMember(altered(record, at: 16, [1, 2, 3, 4])) }.contains("a checksum"))
        #expect(
            message { try lastMember(altered(record, at: 10, [12, 0])) }.contains("compression method 12")
        )
        #expect(message { try lastMember(altered(record, at: 8, [1, 0])) }.contains("encrypted"))
        #expect(
            message { try lastMember(altered([0x50, 0x4b, 5, 6], at: 10, [3, 0])) }.contains("members"))
    }

    @Test func membersThatShareDataAreRefused() throws {
        // The second record points to the first member: the trick of zip bombs.
        #expect(
            message { try lastMember(altered(record, at: 42, [0, 0, 0, 0])) }.contains(
                "another member uses"))
    }

    @Test func truncatedArchivesAreRefused() throws {
        let bytes = try readBytes(Fixture.path("compressed.npz"))
        for count in [0, 1, 21, 22, bytes.count / 2, bytes.count - 1] {
            #expect(throws: TensorFileError.self) {
                try ZipArchive(FileContents(Array(bytes.prefix(count)), name: "x"))
            }
        }
    }
}
