import Foundation
import Mercer
import Testing

@Suite struct CSVTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func table(_ text: String, columns: [String]? = nil, _ format: CSVFormat = CSVFormat()) throws
        -> CSVTable
    {
        try CSVTable(FileContents(Array(text.utf8), name: "t.csv"), columns: columns, format: format)
    }

    private func message(_ text: String, columns: [String]? = nil) -> String {
        do {
            _ = try table(text, columns: columns)
            return "no error"
        } catch { return "\(error)" }
    }

    @Test func quotesLineBreaksAndDoubledQuotationMarksAreRead() throws {
        let t = try table(
            "\u{feff}name,\"a, b\",n\r\n\"x \"\"y\"\"\nz\",\"\",1\r\n\r\nplain 5\" pipe,q,-2.5e-3\r\n")
        #expect(t.names == ["name", "a, b", "n"])
        #expect(t.rows == 2)
        #expect(try t.text("name") == ["x \"y\"\nz", "plain 5\" pipe"])
        #expect(try t.text("a, b") == ["", "q"])
        #expect(try t.numbers("n").toArray(Double.self) == [1, -2.5e-3])
    }

    @Test(arguments: [",", ";", "\t"]) func delimitersAreDetected(_ mark: String) throws {
        let t = try table("a\(mark)\"b,,,;;;\"\(mark)c\n1\(mark)2\(mark)3\n")
        #expect(t.names == ["a", "b,,,;;;", "c"])
        #expect(try t.matrix().toArray(Double.self) == [1, 2, 3])
    }

    @Test func headersAreDetectedOrAsked() throws {
        #expect(try table("1,2\n3,4").matrix().toArray(Double.self) == [1, 2, 3, 4])
        #expect(try table("1,2\n3,4").names == ["column1", "column2"])
        #expect(try table("1,2\n3,4", CSVFormat(hasHeader: true)).names == ["1", "2"])
        #expect(try table("a,b\nc,d", CSVFormat(hasHeader: false)).text("column2") == ["b", "d"])
    }

    @Test func missingValuesAreNaN() throws {
        let x = try table("x,y\n1,NA\n,2\n NA ,3").matrix()
        #expect(x.shape == [3, 2])
        #expect(x.toArray(Double.self).map(\.isNaN) == [false, true, true, false, true, false])
    }

    @Test func columnsArePickedByNameInOrder() throws {
        let t = try table("a,b,c\n1,x,3\n4,y,6", columns: ["c", "a"])
        #expect(try t.matrix().toArray(Double.self) == [3, 1, 6, 4])
        #expect(message("a,b\n1,2", columns: ["z"]) == "t.csv: there is no entry \"z\"; it has \"a\", \"b\".")
    }

    @Test func raggedAndBrokenRecordsAreErrorsWithTheirLine() {
        #expect(
            message("a,b\n1,2\n\"x\ny\",2\n3\n")
                == "t.csv, line 5: found 1 fields, expected 2 as in the first line.")
        #expect(message("a,b\n1,2,3") == "t.csv, line 2: found 3 fields, expected 2 as in the first line.")
        #expect(message("a,b\n\"1,2\n3,4").hasPrefix("t.csv, line 2: found a quoted field without end"))
        #expect(
            message("a,b\n\"1\"x,2").hasPrefix("t.csv, line 2: found text behind a closing quotation mark"))
        #expect(message("a,a\n1,2").contains("the column \"a\" twice"))
    }

    @Test func askingTextForNumbersNamesTheRecord() throws {
        let t = try table("a\n1\nx\n")
        let error = #expect(throws: TensorFileError.self) { try t.numbers("a") }
        #expect(error?.description.contains("found \"x\" in record 2") == true)
    }

    @Test func numbersAreTheNearestDoubles() throws {
        let texts = [
            "0.1", "-0", "123456789012345", "1234567890123456789", "0.000123456789012345", "1e308",
            "2.2250738585072014e-308",
            "+5.", ".5", "9007199254740993", "3.14159265358979", "inf", "-1E+3",
        ]
        let numbers = try table("x\n" + texts.joined(separator: "\n")).numbers("x").toArray(Double.self)
        for (text, number) in zip(texts, numbers) {
            #expect(number == strtod(text, nil))
            #expect(number.sign == strtod(text, nil).sign)
        }
        #expect(throws: TensorFileError.self) { try table("x\n0x10").numbers("x") }
    }

    @Test func tablesSurviveWritingAndReading() throws {
        let numbers = [1, -0.1, .nan, 1e300, Double.leastNonzeroMagnitude, 1.0 / 3, -0.0]
        let text = ["a", "b,c", "say \"no\"", "two\nlines", "", " padded ", "é"]
        try CSVTable([("n", .numbers(Tensor(numbers))), ("text, quoted", .text(text))]).write(
            to: folder.file("t.csv"))
        let back = try CSVTable(contentsOf: folder.file("t.csv"))
        #expect(back.names == ["n", "text, quoted"])
        #expect(try back.text("text, quoted") == text)
        #expect(
            try zip(back.numbers("n").toArray(Double.self), numbers).allSatisfy { a, b in
                a.isNaN && b.isNaN || a.bitPattern == b.bitPattern
            })
    }

    @Test func recordsAreReadOneByOne() throws {
        let reader = try CSVReader(FileContents(Array("a,b\n1,x\n2,y".utf8), name: "t"))
        var seen: [String] = []
        while try reader.next() { seen.append("\(reader.line) \(reader.number(0)!) \(try reader.text(1))") }
        #expect(reader.header == ["a", "b"])
        #expect(seen == ["2 1.0 x", "3 2.0 y"])
    }

    @Test func emptyFilesAreEmptyTables() throws {
        #expect(try table("").rows == 0)
        #expect(try table("a,b\n").names == ["a", "b"])
    }
}
