import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct TableStreamTests {
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(path: "mercer-stream-\(UUID().uuidString)")
        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(at: url) }

        func path(_ name: String) -> String { url.appending(path: name).path }
        func write(_ text: String, _ name: String = "t.csv") throws -> String {
            try text.write(toFile: path(name), atomically: true, encoding: .utf8)
            return path(name)
        }
    }

    private func numbers(_ stream: TableStream) throws -> [Double] {
        var numbers: [Double] = []
        while let rows = try stream.next() { numbers += rows.toArray(Double.self) }
        return numbers
    }

    private static let texts = [
        "a,b,c\n1,2,3\n4,5e1,-6\n\n7,8,9\n", "1;2;3\n4;5;6", "1 2  3\n 4 5 6\n\n7 8 9\n", "x y z\n1 2 3\n4 5 6\n",
        "a\tb\tc\n\"1\"\t2\t3\n", "a\n1\n2\n",
    ]

    @Test(arguments: texts.indices)
    func theStreamHasTheTablesColumnsAndNumbers(_ i: Int) throws {
        let folder = try Folder()
        let path = try folder.write(Self.texts[i], "t.dat")
        let table = try DataTable(contentsOf: path)
        for rows in [1, 2, 100] {
            let stream = try TableStream(contentsOf: path, blockRows: rows)
            #expect(stream.columnNames == table.columnNames)
            #expect(try numbers(stream) == table.matrix().toArray(Double.self))
        }
    }

    @Test func longTextsAreReadInSeveralBlocksOfBytes() throws {
        let folder = try Folder()
        // More than two blocks of 4 MiB.
        let line = (0..<8).map { "\(Double($0) / 7)" }.joined(separator: ",") + "\n"
        let path = try folder.write("a,b,c,d,e,f,g,h\n" + String(repeating: line, count: 70_000))
        #expect(try TableStream(contentsOf: path).countRows() == 70_000)
        let stream = try TableStream(contentsOf: path, choosing: { try $0.selecting(["h", "b"]) })
        var last: Tensor?
        while let rows = try stream.next() { last = rows }
        #expect(last?[-1].toArray(Double.self) == [1, 1 / 7.0])
    }

    @Test func arraysStreamAsTextDoes() throws {
        let folder = try Folder()
        let x = Random.normal([9001, 3], dtype: .float64, key: RandomKey(3))
        try Npy.write(x, to: folder.path("x.npy"))
        try saveTensors(["x": x.asType(.float32)], to: folder.path("x.safetensors"))
        try Npy.write(x[0..., 1], to: folder.path("vector.npy"))
        #expect(try numbers(TableStream(contentsOf: folder.path("x.npy"))) == x.toArray(Double.self))
        let table = try DataTable(contentsOf: folder.path("x.npy"))
        #expect(try table.matrix().toArray(Double.self) == x.toArray(Double.self))
        #expect(
            try numbers(TableStream(contentsOf: folder.path("x.safetensors")))
                == x.asType(.float32).asType(.float64).toArray(Double.self))
        #expect(
            try numbers(TableStream(contentsOf: folder.path("vector.npy"))) == x[0..., 1].toArray(Double.self))
        try Npy.write(Tensor.zeros([2, 2, 2]), to: folder.path("cube.npy"))
        #expect(throws: KernelMethodError.self) { try TableStream(contentsOf: folder.path("cube.npy")) }
    }

    @Test func missingValuesAreRefusedOrDropped() throws {
        let folder = try Folder()
        let path = try folder.write("a,b\n1,2\n?,4\n5,6\n")
        #expect(try numbers(TableStream(contentsOf: path, dropsMissing: true)) == [1, 2, 5, 6])
        let error = try #require(throws: KernelMethodError.self) { try numbers(TableStream(contentsOf: path)) }
        #expect("\(error)".contains("t.csv: row 2 has no value in column a"))
    }

    @Test(arguments: [
        ("a,b\n1,2\n3,x\n", "row 2 has 'x' in column b"), ("a,b\n1,inf\n3,4\n", "row 1 has inf in column b"),
        ("1 2\n3\n", "row 2 has 1 fields, but 2 are expected"), ("a,b\n", "it has a header but no rows"),
        ("", "it has no rows"), ("\n\n", "it has no rows"),
    ])
    func wrongTablesAreNamed(_ text: String, _ message: String) throws {
        let folder = try Folder()
        let path = try folder.write(text)
        let error = try #require(throws: KernelMethodError.self) { try numbers(TableStream(contentsOf: path)) }
        #expect("\(error)".contains("t.csv") && "\(error)".contains(message), "\(error)")
    }

    @Test func wordsInColumnsThatAreLeftOutDontMatter() throws {
        let folder = try Folder()
        let path = try folder.write("name,a\nx,1\n\"y, z\",2\n")
        #expect(try numbers(TableStream(contentsOf: path, choosing: { try $0.dropping("name") })) == [1, 2])
        #expect(throws: KernelMethodError.self) {
            try TableStream(contentsOf: path, choosing: { try $0.dropping("name", "a") })
        }
        #expect(throws: KernelMethodError.self) {
            try TableStream(contentsOf: path, choosing: { try $0.dropping("b") })
        }
    }
}
