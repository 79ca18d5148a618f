import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct DataTableTests {
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "mercer-table-\(UUID().uuidString)")
        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ text: String, _ name: String = "t.csv") throws -> String {
            let path = url.appendingPathComponent(name).path
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }
    }

    @Test func headerQuotesAndBlankLines() throws {
        let folder = try Folder()
        let table = try DataTable(
            contentsOf: folder.write("a,\"b, quoted\",kind\n1, 2.5,\"x \"\"y\"\"\"\n\n-3,4e2,z\r\n"))
        #expect(table.columnNames == ["a", "b, quoted", "kind"])
        #expect(table.rowCount == 2)
        #expect(try table.numbers("a") == [1, -3])
        #expect(try table.numbers("b, quoted") == [2.5, 400])
        let (labels, classes) = try table.labels("kind")
        #expect(classes == ["x \"y\"", "z"])
        #expect(labels == [0, 1])
    }

    @Test func numbersAloneHaveNoHeader() throws {
        let folder = try Folder()
        let table = try DataTable(contentsOf: folder.write("1 2 3\n4 5  6\n", "t.dat"))
        #expect(table.columnNames == ["1", "2", "3"])
        #expect(try table.matrix().toArray(Double.self) == [1, 2, 3, 4, 5, 6])
    }

    @Test func wordsInTheLastColumnDontMakeTheFirstRowAHeader() throws {
        let folder = try Folder()
        let table = try DataTable(contentsOf: folder.write("1.5,2,g\n3,4,h\n"))
        #expect(table.rowCount == 2)
        #expect(try table.labels("-1").classes == ["g", "h"])
    }

    @Test func columnsAreChosenByNameNumberAndRange() throws {
        let folder = try Folder()
        let table = try DataTable(contentsOf: folder.write("a,b,c,d\n1,2,3,4\n"))
        #expect(try table.selecting(["d", "1-2"]).columnNames == ["d", "a", "b"])
        #expect(try table.dropping("b", "-1").columnNames == ["a", "c"])
        #expect(throws: KernelMethodError.self) { try table.column("e") }
        #expect(throws: KernelMethodError.self) { try table.selecting(["2-9"]) }
    }

    @Test func missingValuesAreRefusedDroppedOrFilled() throws {
        let folder = try Folder()
        let table = try DataTable(contentsOf: folder.write("a,b\n1,2\nNA,4\n3,?\n5,6\n"))
        #expect(throws: KernelMethodError.self) { try table.handlingMissing(.refuse) }
        #expect(try table.handlingMissing(.dropRows).matrix().toArray(Double.self) == [1, 2, 5, 6])
        #expect(try table.handlingMissing(.mean).matrix().toArray(Double.self) == [1, 2, 3, 4, 3, 4, 5, 6])
    }

    @Test func inputsAndTargetsKeepTheSameRows() throws {
        let folder = try Folder()
        let table = try DataTable(contentsOf: folder.write("a,t,unused\n1,7,NA\nNA,8,1\n3,?,1\n5,9,1\n"))
        let (inputs, targets) = (try table.selecting(["a"]), try table.selecting(["t"]))
        #expect(throws: KernelMethodError.self) { try inputs.handlingMissing(.refuse, beside: targets) }
        let dropped = try inputs.handlingMissing(.dropRows, beside: targets)
        #expect(try dropped.inputs.numbers("a") == [1, 5])
        #expect(try dropped.others.numbers("t") == [7, 9])
        // A missing input becomes the mean of all rows; a row without a target goes.
        let filled = try inputs.handlingMissing(.mean, beside: targets)
        #expect(try filled.inputs.numbers("a") == [1, 3, 5])
        #expect(try filled.others.numbers("t") == [7, 8, 9])
    }

    @Test func errorsSayWhatIsWrong() throws {
        let folder = try Folder()
        func message(_ text: String) throws -> String {
            let path = try folder.write(text)
            do {
                _ = try DataTable(contentsOf: path).matrix()
                return ""
            } catch { return "\(error)" }
        }
        #expect(try message("a,b\n1,2\n3\n").contains("line 3"))
        #expect(try message("a,b\n1,2\n3,x\n").contains("'x' in column b"))
        #expect(try message("a,b\n").contains("no rows"))
        #expect(try message("").contains("no rows"))
    }

    @Test func tensorsOfArchivesBecomeColumns() throws {
        let folder = try Folder()
        let path = folder.url.appendingPathComponent("t.safetensors").path
        try saveTensors(["x": Tensor([1.0, 2, 3, 4], [2, 2]), "y": Tensor([Int64(7), 8])], to: path)
        let table = try DataTable(contentsOf: path)
        #expect(table.columnNames == ["x.1", "x.2", "y"])
        #expect(try table.numbers("y") == [7, 8])
    }

    @Test func splitsAreTheAgreedPermutation() throws {
        let table = DataTable(name: "t", Tensor((0..<10).map(Double.init), [10, 1]))
        let (train, test) = table.split(testShare: 0.2, seed: 0)
        #expect(try train.numbers("1") == [3, 5, 7, 4, 1, 2, 8, 9])
        #expect(try test.numbers("1") == [6, 0])
    }

    @Test func standardisationIsFittedOnTrainingRowsAndDropsConstants() {
        let scaler = Standardizer(fitting: Tensor([1.0, 5, 3, 5], [2, 2]))
        #expect(scaler.varyingColumns == [0])
        #expect(scaler.apply(Tensor([2.0, 9, 4, 9], [2, 2])).toArray(Double.self) == [0, 2])
    }
}
