import Foundation
import Mercer
import Testing

@Suite struct NpyTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let types: [(String, DType)] = [
        ("b1", .bool), ("u1", .uint8), ("i1", .int8), ("u2", .uint16), ("i2", .int16), ("u4", .uint32),
        ("i4", .int32),
        ("u8", .uint64), ("i8", .int64), ("f2", .float16), ("f4", .float32), ("f8", .float64),
        ("c8", .complex64),
        ("c16", .complex128),
    ]

    /// What the fixtures hold, `[2, 3]`, by the rule of the script that made them.
    private func expected(_ code: String, _ dtype: DType) -> Tensor {
        let n = (0..<6).map { Double($0) }
        let shape = [2, 3]
        switch code {
        case "b1": return Tensor(n.map { $0.truncatingRemainder(dividingBy: 2) == 1 }, shape)
        case "u1": return Tensor(n.map { UInt8($0 * 40) }, shape)
        case "u2": return Tensor(n.map { UInt16($0 * 40) }, shape)
        case "u4": return Tensor(n.map { UInt32($0 * 40) }, shape)
        case "u8": return Tensor(n.map { UInt64($0 * 40) }, shape)
        case "i1": return Tensor(n.map { Int8($0 * 1.5 - 2) }, shape)
        case "i2": return Tensor(n.map { Int16($0 * 1.5 - 2) }, shape)
        case "i4": return Tensor(n.map { Int32($0 * 1.5 - 2) }, shape)
        case "i8": return Tensor(n.map { Int64($0 * 1.5 - 2) }, shape)
        case "f2": return Tensor(n.map { Float16($0 * 1.5 - 2) }, shape)
        case "f4": return Tensor(n.map { Float($0 * 1.5 - 2) }, shape)
        case "f8": return Tensor(n.map { $0 * 1.5 - 2 }, shape)
        case "c8": return Tensor(n.map { Complex(Float($0 * 1.5 - 2), Float($0)) }, shape)
        default: return Tensor(n.map { Complex($0 * 1.5 - 2, $0) }, shape)
        }
    }

    private func bytes(_ tensor: Tensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

    @Test(arguments: ["stored.npz", "compressed.npz"])
    func arraysOfEveryTypeOrderAndEndiannessAreNumPys(_ name: String) throws {
        let file = try Npz(contentsOf: Fixture.path(name))
        for (code, dtype) in Self.types {
            for kind in dtype.size > 1 ? ["c", "fortran", "big"] : ["c", "fortran"] {
                for copied in [false, true] {
                    let x = try file.tensor("\(code)_\(kind)", copied: copied)
                    #expect(x.dtype == dtype)
                    #expect(x.shape == [2, 3])
                    #expect(bytes(x) == bytes(expected(code, dtype)), "\(code)_\(kind)")
                }
            }
        }
        #expect(try file.tensor("scalar").item(Double.self) == 2.5)
        #expect(try file.tensor("empty").shape == [0, 3])
        #expect(try file.tensor("three").toArray(Int32.self) == Array(0..<24))
        #expect(file.names.count == 14 * 2 + 11 + 3)
    }

    @Test(arguments: ["version2.npy", "version3.npy"]) func laterVersionsRead(_ name: String) throws {
        #expect(try bytes(Npy.read(contentsOf: Fixture.path(name))) == bytes(expected("f4", .float32)))
    }

    @Test func writtenFilesAreNumPysByteForByte() throws {
        let x = try Npy.read(contentsOf: Fixture.path("plain.npy"), mapped: true)
        #expect(x.shape == [3, 4])
        try Npy.write(x, to: folder.file("x.npy"))
        #expect(try readBytes(folder.file("x.npy")) == readBytes(Fixture.path("plain.npy")))
    }

    @Test(arguments: DType.allCases.filter { $0 != .bfloat16 }) func everyTypeSurvives(_ dtype: DType) throws {
        let raw = (0..<12 * dtype.size).map {
            dtype == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: $0 * 91)
        }
        let x = raw.withUnsafeBytes { Tensor(bytes: $0, [3, 4], dtype) }
        for (name, tensor) in [
            "x": x, "t": x.transposed(1, 0), "s": x[0, 0], "v": x[0], "e": Tensor.zeros([2, 0], dtype),
        ] {
            try Npy.write(tensor, to: folder.file(name))
            for mapped in [false, true] {
                let back = try Npy.read(contentsOf: folder.file(name), mapped: mapped)
                #expect(back.shape == tensor.shape)
                #expect(back.dtype == dtype)
                #expect(bytes(back) == bytes(tensor))
            }
        }
    }

    @Test func archivesSurviveAndAreUsableInPlace() throws {
        let tensors = [
            "a": Tensor([1, 2] as [Double]), "ü/b": Tensor([3] as [Int8]), "c": Tensor.zeros([100, 7]),
        ]
        try Npz.write(tensors, to: folder.file("x.npz"))
        let back = try loadTensors(folder.file("x.npz"), mapped: true)
        #expect(back.keys.sorted() == tensors.keys.sorted())
        for (name, tensor) in tensors {
            let read = try #require(back[name])
            #expect(bytes(read) == bytes(tensor))
            #expect(UInt(bitPattern: read.storage.pointer) % 4096 == 0, "\(name) lies over the mapped file")
        }
        #expect(throws: TensorFileError.self) {
            try Npz.write(["b": Tensor.zeros([1], .bfloat16)], to: folder.file("b"))
        }
    }

    @Test func zip64RecordsAreUnderstood() throws {
        let x = try Npz(contentsOf: Fixture.path("zip64.zip")).tensor("a")
        #expect(bytes(x) == bytes(expected("f8", .float64)))
    }

    @Test(arguments: [
        ("structured.npy", "a structured array is not supported"),
        ("text.npy", "NumPy's type \"<U2\" is not supported"),
        ("object.npy", "NumPy's type \"|O\" is not supported"),
    ])
    func arraysThatAreNotNumbersAreRefusedByName(_ name: String, _ reason: String) {
        let error = #expect(throws: TensorFileError.self) { try Npy.read(contentsOf: Fixture.path(name)) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 0, "0 bytes of data, expected 4"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 5, "5 bytes of data, expected 4"),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,4), }", 4,
                "can be counted"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4,
                "a number beyond"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (NaN,), }", 4,
                "found \"N\", expected a whole number"
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "found \"-\""),
            ("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,), }", 4, "True or False"),
            ("{'descr': '<f4', 'shape': (1,), }", 4, "2 keys"),
            (
                "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4,
                "the key 'descr' twice"
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, "the key \"x\""),
            ("{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}", 4, "NumPy's type \"<f3\""),
            ("__import__('os')", 4, "found \"_\""),
        ] as [(String, Int, String)])
    func malformedHeadersAreRefusedWithTheReason(_ header: String, _ data: Int, _ reason: String) throws {
        let text = Array(header.utf8)
        let start = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.count), 0]
        let contents = FileContents(start + text + [UInt8](repeating: 0, count: data), name: "x.npy")
        let error = #expect(throws: TensorFileError.self) { try Npy.read(contents) }
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
    }
}
