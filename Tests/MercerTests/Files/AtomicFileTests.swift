import Foundation
import Mercer
import Testing

@Suite struct AtomicFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Stop: Error {}

    private func permissions(_ path: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
    }

    @Test func aFailureLeavesTheOldFileAndNothingElse() throws {
        let path = folder.file("x")
        try AtomicFile.write("old", to: path)
        #expect(throws: Stop.self) {
            try AtomicFile.write(to: path) { file in
                try file.write([UInt8](repeating: 1, count: 1 << 20))
                throw Stop()
            }
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try folder.names() == ["x"])
    }

    @Test func smallAndLargePiecesArriveInOrder() throws {
        let pieces = [3, 70_000, 1, 65_536, 40_000, 40_000, 0, 2].enumerated()
            .map { [UInt8](repeating: UInt8($0), count: $1) }
        try AtomicFile.write(to: folder.file("x")) { file in
            for piece in pieces { try file.write(piece) }
            #expect(file.position == pieces.joined().count)
        }
        #expect(try readBytes(folder.file("x")) == Array(pieces.joined()))
    }

    @Test func permissionsAndLinksAreKept() throws {
        let target = folder.file("target")
        try AtomicFile.write("1", to: target)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: target)
        try FileManager.default.createSymbolicLink(atPath: folder.file("link"), withDestinationPath: "target")
        try AtomicFile.write("2", to: folder.file("link"))
        #expect(try String(contentsOfFile: target, encoding: .utf8) == "2")
        #expect(try permissions(target) == 0o640)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link")) == "target")
    }

    @Test func theTemporaryPathHasTheSameExtensionAndFolder() throws {
        let path = folder.file(String(repeating: "ä", count: 110) + ".png")
        try AtomicFile.replacing(path) { temporary in
            #expect(temporary.hasSuffix(".png"))
            #expect(temporary.hasPrefix(folder.path + "/."))
            try "x".write(toFile: temporary, atomically: false, encoding: .utf8)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "x")
        #expect(try folder.names().count == 1)
    }

    @Test func foldersAndMissingFoldersAreErrors() throws {
        #expect(
            "\(#expect(throws: TensorFileError.self) { try AtomicFile.write("x", to: folder.path) }!)"
                .contains("it is a folder"))
        #expect(
            "\(#expect(throws: TensorFileError.self) { try AtomicFile.write("x", to: folder.file("no/x")) }!)"
                .contains("No such file or directory"))
    }

    @Test func devicesAreWrittenDirectly() throws {
        try AtomicFile.write("x", to: "/dev/null")
        let attributes = try FileManager.default.attributesOfItem(atPath: "/dev/null")
        #expect(attributes[.type] as? FileAttributeType == .typeCharacterSpecial)
        #expect(try FileContents(mapping: "/dev/null").count == 0)
    }
}
