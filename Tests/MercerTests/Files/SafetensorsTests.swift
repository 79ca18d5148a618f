import Foundation
import Mercer
import Testing

@Suite struct SafetensorsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A file of a header and as many zero bytes of data.
    private func file(_ header: String, data: Int, length: UInt64? = nil) -> FileContents {
        let json = Array(header.utf8)
        let size = withUnsafeBytes(of: (length ?? UInt64(json.count)).littleEndian) { Array($0) }
        return FileContents(size + json + [UInt8](repeating: 0, count: data), name: "x.safetensors")
    }

    private func message(_ header: String, data: Int, length: UInt64? = nil) -> String {
        do {
            _ = try Safetensors(file(header, data: data, length: length))
            return "no error"
        } catch { return "\(error)" }
    }

    @Test(arguments: DType.allCases.filter { $0 != .complex128 })
    func everyTypeIsWrittenAndReadBack(_ dtype: DType) throws {
        let bytes = (0..<6 * dtype.size).map {
            dtype == .bool ? UInt8($0 % 2) : UInt8(truncatingIfNeeded: $0 * 37)
        }
        let x = bytes.withUnsafeBytes { Tensor(bytes: $0, [2, 3], dtype) }
        let path = folder.file("x.safetensors")
        let tensors = [
            "x": x, "empty": Tensor.zeros([0, 4], dtype), "scalar": x.reshaped(-1)[4], "odd": Tensor([true]),
        ]
        try saveTensors(tensors, to: path)
        for mapped in [false, true] {
            let back = try loadTensors(path, mapped: mapped)
            #expect(back.keys.sorted() == tensors.keys.sorted())
            for (name, tensor) in tensors {
                let read = try #require(back[name])
                #expect(read.shape == tensor.shape)
                #expect(read.dtype == tensor.dtype)
                #expect(read.withUnsafeBytes { Array($0) } == tensor.withUnsafeBytes { Array($0) })
            }
        }
    }

    @Test func aFileIsTheSameBytesWhateverTheOrderOfItsTensors() throws {
        let names = (0..<40).map { "t\($0)" }
        func tensors(_ order: [String]) -> [String: Tensor] {
            var result: [String: Tensor] = [:]
            for name in order { result[name] = Tensor([Float(name.utf8.count)]) }
            return result
        }
        try saveTensors(tensors(names), to: folder.file("a"), metadata: ["b": "1", "a": "2"])
        try saveTensors(tensors(names.reversed()), to: folder.file("b"), metadata: ["a": "2", "b": "1"])
        let bytes = try readBytes(folder.file("a"))
        #expect(try bytes == readBytes(folder.file("b")))
        #expect(bytes[0] % 8 == 0)
    }

    @Test func namesAndMetadataOfAnyTextSurvive() throws {
        let names = ["a.b", "with \"quotes\" and \\", "Zürich 漢字 🙂", "line\nbreak\u{1}", ""]
        let metadata = ["format": "pt", "tab\t": "\u{7f}é\r"]
        let tensors = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Tensor([Int32($0)])) })
        try saveTensors(tensors, to: folder.file("x"), metadata: metadata)
        let file = try Safetensors(contentsOf: folder.file("x"))
        #expect(file.names.sorted() == names.sorted())
        #expect(file.metadata == metadata)
        for (i, name) in names.enumerated() { #expect(try file.tensor(name).item(Int32.self) == Int32(i)) }
    }

    @Test func misalignedDataIsCopiedAndRightInPlace() throws {
        // One byte of bool lies before four float32, so that these start at an odd offset.
        let header =
            #"{"b":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"F32","shape":[4],"data_offsets":[1,17]}}"#
        let numbers = [1, -2, 0.5, 3e8] as [Float]
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) } + Array(header.utf8) + [1]
        numbers.withUnsafeBytes { bytes += Array($0) }
        try Data(bytes).write(to: URL(filePath: folder.file("x")))
        let file = try Safetensors(contentsOf: folder.file("x"))
        #expect(try file.tensor("x").toArray(Float.self) == numbers)
        #expect(try file.tensor("b").item(Bool.self))
    }

    @Test func mappedTensorsOutliveTheFileAndItsReplacement() throws {
        let path = folder.file("x")
        try saveTensors(["x": Tensor([1, 2, 3] as [Double])], to: path)
        var old = try Safetensors(contentsOf: path).tensor("x")
        try saveTensors(["x": Tensor([4] as [Double])], to: path)
        #expect(old.toArray(Double.self) == [1, 2, 3])
        old[0..<1] = Tensor([9] as [Double])
        #expect(old.toArray(Double.self) == [9, 2, 3])
        #expect(try loadTensors(path)["x"]?.toArray(Double.self) == [4])
    }

    @Test func viewsAreWrittenInRowMajorOrder() throws {
        let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], [2, 3])
        try saveTensors(["t": x.transposed(1, 0)], to: folder.file("x"))
        #expect(try loadTensors(folder.file("x"))["t"]?.toArray(Float.self) == [1, 4, 2, 5, 3, 6])
    }

    @Test func unsupportedTypesAreNamedAndTheirBytesReadable() throws {
        let file = try Safetensors(
            file(#"{"q":{"dtype":"F8_E4M3","shape":[2,2],"data_offsets":[0,4]}}"#, data: 4))
        #expect(try file.bytes(of: "q").shape == [4])
        let error = #expect(throws: TensorFileError.self) { try file.tensor("q") }
        #expect(error?.description.contains("F8_E4M3 is not supported") == true)
        #expect(throws: TensorFileError.self) {
            try saveTensors(["c": Tensor.zeros([1], .complex128)], to: folder.file("c"))
        }
        #expect(try folder.names().isEmpty)
    }

    @Test(
        arguments: [
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x"#, 4, "the end of the JSON text"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 5, "1 bytes behind the last tensor"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "leaves a hole"),
            (
                #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
                6, "overlaps"
            ),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "4 bytes of data"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, 4, "within the 4 bytes"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "within the 4 bytes"),
            (
                #"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4,
                "a whole number of bytes that fits the machine"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,0]}}"#, 0,
                "a whole number of bytes that fits the machine"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,4]}}"#, 4,
                "a number beyond"
            ),
            (
                #"{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}"#, 4,
                "found \"N\", expected a whole number"
            ),
            (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "found \"-\""),
            (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "fraction"),
            (#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, 4, "\"F99\""),
            (#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, 1, "the shape [3] of F4"),
            (#"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "no dtype"),
            (#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, "dtype twice"),
            (
                #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}"#,
                0, "the name twice"
            ),
            (#"{"__metadata__":{"a":1}}"#, 0, "expected \"\"\""),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, "the end of the JSON text"),
            (#"[]"#, 0, "starts with {"),
            ("{\"a\u{0}", 0, "control character"),
        ] as [(String, Int, String)])
    func malformedHeadersAreRefusedWithTheReason(_ header: String, _ data: Int, _ reason: String) {
        let message = message(header, data: data)
        #expect(message.contains(reason), "\(message)")
        #expect(message.hasPrefix("x.safetensors"))
        #expect(message.hasSuffix("."))
    }

    @Test func headerLengthsBeyondTheFileOrTheLimitAreRefused() {
        #expect(message("{}", data: 0, length: .max).contains("a header length of 18446744073709551615"))
        #expect(message("{}", data: 0, length: 3).contains("at most 2"))
        #expect(message("", data: 0).contains("no JSON object"))
        #expect(
            "\(#expect(throws: TensorFileError.self) { try Safetensors(FileContents([1, 2], name: "y")) }!)"
                .contains("2 bytes"))
    }

    @Test func boolsThatAreNeitherFalseNorTrueAreRefused() throws {
        let header = #"{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"#
        var bytes = withUnsafeBytes(of: UInt64(header.utf8.count)) { Array($0) } + Array(header.utf8)
        bytes += [1, 2]
        let file = try Safetensors(FileContents(bytes, name: "x"))
        let error = #expect(throws: TensorFileError.self) { try file.tensor("a") }
        #expect(error?.description == "x, entry \"a\", byte 1: found 2 in a bool tensor, expected 0 or 1.")
    }

    @Test func anIndexOpensItsShards() throws {
        try saveTensors(["a": Tensor([1] as [Float])], to: folder.file("m-1.safetensors"))
        try saveTensors(["b": Tensor([2] as [Float])], to: folder.file("m-2.safetensors"))
        let index = folder.file("model.safetensors.index.json")
        try AtomicFile.write(
            #"{"metadata":{"total_size":8},"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors"}}"#,
            to: index)
        let all = try loadTensors(index)
        #expect(all["a"]?.toArray(Float.self) == [1])
        #expect(all["b"]?.toArray(Float.self) == [2])
        try AtomicFile.write(#"{"weight_map":{"c":"m-1.safetensors"}}"#, to: index)
        let missing = #expect(throws: TensorFileError.self) { try loadTensors(index) }
        #expect(missing?.description.contains("there is no entry \"c\"; it has \"a\"") == true)
        try AtomicFile.write(#"{"weight_map":{"c":"../m-1.safetensors"}}"#, to: index)
        let outside = #expect(throws: TensorFileError.self) { try loadTensors(index) }
        #expect(outside?.description.contains("a file in the folder of the index") == true)
    }

    @Test func aMissingFileOrNameIsAnErrorThatSaysSo() throws {
        let missing = #expect(throws: TensorFileError.self) { try loadTensors(folder.file("no")) }
        #expect(missing?.description.contains("cannot open for reading: No such file or directory") == true)
        let directory = #expect(throws: TensorFileError.self) { try loadTensors(folder.path) }
        #expect(directory?.description.contains("it is a folder") == true)
        try saveTensors(["a": Tensor([1] as [Float])], to: folder.file("x"))
        let name = #expect(throws: TensorFileError.self) {
            try Safetensors(contentsOf: folder.file("x")).tensor("b")
        }
        #expect(name?.localizedDescription.contains("there is no entry \"b\"; it has \"a\".") == true)
    }
}
