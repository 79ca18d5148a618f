import Mercer
import Testing

@Suite struct PyTorchTests {
    @Test func stateDictionariesKeepNamesStridesAndTypes() throws {
        let t = try PyTorchCheckpoint(contentsOf: Fixture.path("state.pth"))
        let w = (0..<12).map { Float($0) }
        #expect(t.names.first == "weight")
        #expect(t.names.count == 17)
        #expect(t.tensors["weight"]?.toArray(Float.self) == w)
        #expect(t.tensors["transposed"]?.shape == [4, 3])
        #expect(t.tensors["transposed"]?.toArray(Float.self) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
        #expect(t.tensors["part"]?.toArray(Float.self) == [5, 6, 9, 10])
        #expect(t.tensors["bias"]?.toArray(Float.self) == [1, -1])
        #expect(t.tensors["half"]?.toArray(Float16.self) == [0.5, -2])
        #expect(t.tensors["brain"]?.toArray(BFloat16.self).map(\.float) == [0.5, -2])
        #expect(t.tensors["double"]?.toArray(Double.self) == [0.1])
        #expect(t.tensors["count"]?.item(Int64.self) == 7)
        #expect(t.tensors["flags"]?.toArray(Bool.self) == [true, false])
        #expect(t.tensors["byte"]?.toArray(UInt8.self) == [1, 255])
        #expect(t.tensors["int8"]?.toArray(Int8.self) == [-1])
        #expect(t.tensors["short"]?.toArray(Int16.self) == [-300])
        #expect(t.tensors["int"]?.toArray(Int32.self) == [70000])
        #expect(t.tensors["complex"]?.toArray(Complex<Float>.self) == [Complex(1, -2)])
        #expect(t.tensors["empty"]?.shape == [0, 3])
        #expect(t.tensors["expanded"]?.toArray(Float.self) == [Float](repeating: 3, count: 10))
        #expect(t.tensors["u16"]?.toArray(UInt16.self) == [65535])
    }

    @Test func nestedContainersAreFlattenedAndOtherValuesLeftOut() throws {
        let tensors = try loadTensors(Fixture.path("checkpoint.pth"))
        #expect(tensors.keys.sorted() == ["5", "list.0", "list.1.0", "model.w"])
        #expect(tensors["model.w"]?.shape == [3, 4])
        #expect(tensors["list.1.0"]?.toArray(Float.self) == [4, 5, 6, 7])
        #expect(tensors["5"]?.toArray(Float.self) == [8, 9, 10, 11])
    }

    @Test func otherGlobalsAreRefusedByName() {
        let error = #expect(throws: TensorFileError.self) { try loadTensors(Fixture.path("refused.pth")) }
        #expect(error?.description.contains("the global \"torch.device\" is not supported") == true)
    }

    @Test func filesOfOldVersionsAreRefusedWithAdvice() {
        let error = #expect(throws: TensorFileError.self) {
            try PyTorchCheckpoint(contentsOf: Fixture.path("legacy.pth"))
        }
        #expect(error?.description.contains("save it again") == true)
    }
}
