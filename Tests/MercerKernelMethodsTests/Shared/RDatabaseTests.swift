import Foundation
import Mercer
import MercerKernelMethods
import Testing

/// A database as R's packages have it: an index packed by gzip, an object packed by LZMA2 (made by Python's `lzma`).
@Suite struct RDatabaseTests {
    private static let index = """
        H4sIAAAAAAACA4vgYmBgYGZgYWJiYGYFMhlYQ0PcdC0YGJiEwRIQmhGIeYGYiQEMmBYwAHWAxVkYOEGa8hJzU4uBDAEkQbaCxMy8
        EpDoP6h2Roh2OJsZYgzjf6hOZqhOzrLEoszEpBygkRABrqLUtNSi1LxkhEhyfm5BUWpxcWoKyAIAUftJ9McAAAA=
        """
    private static let objects = """
        AAATflrgE30Ck10ALAJ8Gfmv9B07npg1furQ9CFNs0VM+GSMa4Ue2XNYJcDb3lsC/85CWgJF2lD7uq7/LtOGi0koL3kTL+n8RP5p
        Id7rjKSSOQcD4BtcgMQT367ZR79SRoXXffz9VYagWIKk1Ytok9+rt2h6WSSZXMTlMuQscmg8gUWbVTJxXRix9TdEnp5mlagbw8sL
        S2xIuvVHcmn2UPNXmG1iAZzGmlD911jyFvUYBde3C0o3UDoxYxTrDVSJgM57gQ5EmPJRYQvmzXzz1wydtu5bda99BFOg8GojMMfE
        Ue2YWVvCo19rJDmgIOfeQHeCkfPgzs3N4rQdU1p7LGuMAHyepYko+VFDq5zlfpUfNyksqi9nsS33u4r5uGyMdvi40cEWzy4oTIZd
        sYMlkKl1qTHE3xsY3ESyxer3eAAsDXF8qURqYgNRdG9Co2QfWk76j4BHCvG8xzt2iMZj8Gk9//2gxzMVqIfjz2EwJhDDIAKRQDQR
        RwsFHlTxSfR/qfSVOte0LhnB1OdVRPvVbGiB8w/FzeNDAjvFFVBO1ApgiRf1ubFY6si1TyM19FoBXuzTth+QTti4q9njYR4wsGW1
        z6h95hKPZ2H1q5QE2JxXm2Tvmf61pQuMxCXq4b2ypA4HDzZk9UTOMF6KzbfCXWD7b8UXGIUvq0jw7xGBooAeU3Q3jLVkmdUwWINq
        TxKp/CaCpnUQOmUeKiKpjvEkLIxeMRxv3hsK1P/NzNb/IBRIqi/wsXVY08h8y+RGB+jDsxbka1V7oRWqryj9+9Qj1qGXUQbQifne
        mHv5FnYwckmKVj1flZ16IDtpEvAWXjNSql9dAaiyzEznMm8ovR5YX8txJhHj0k/h7lgm9yPwH8KIZnXNqC8a6KfN98s3JcAA
        """

    private func decoded(_ text: String) throws -> Data {
        try #require(Data(base64Encoded: text.filter { !$0.isWhitespace }))
    }

    private func folder(objects: Data) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rdb-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try decoded(Self.index).write(to: folder.appendingPathComponent("Rdata.rdx"))
        try objects.write(to: folder.appendingPathComponent("Rdata.rdb"))
        return folder
    }

    @Test func aDataFrameHasItsNumbersFactorsAndGaps() throws {
        let folder = try folder(objects: decoded(Self.objects))
        defer { try? FileManager.default.removeItem(at: folder) }
        let table = try DataTable(frame: "paints", ofRDatabase: folder.appendingPathComponent("Rdata").path)
        #expect(table.columnNames == ["x", "colour", "k"])
        #expect(table.rowCount == 300)
        #expect(try table.numbers("x") == (0..<300).map { 0.5 * Double($0) })
        let (labels, classes) = try table.labels("colour")
        #expect(classes == ["blue", "green", "red"])
        #expect(labels[..<3] == [2, 1, 0])
        let counts = try table.numbers("k")
        #expect(counts[7].isNaN)
        #expect(counts[299] == 299)
    }

    @Test func unknownFramesAndBrokenFilesAreRefused() throws {
        let whole = try decoded(Self.objects)
        let folder = try folder(objects: whole)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("Rdata").path
        #expect(throws: TensorFileError.self) { try DataTable(frame: "nothing", ofRDatabase: path) }
        for place in [6, 40, whole.count / 2, whole.count - 3] {
            var broken = whole
            broken[place] ^= 0x55
            try broken.write(to: folder.appendingPathComponent("Rdata.rdb"))
            // Changed bytes are an error or other values, never a crash.
            _ = try? DataTable(frame: "paints", ofRDatabase: path)
        }
        try whole.prefix(whole.count / 2).write(to: folder.appendingPathComponent("Rdata.rdb"))
        #expect(throws: TensorFileError.self) { try DataTable(frame: "paints", ofRDatabase: path) }
    }
}
