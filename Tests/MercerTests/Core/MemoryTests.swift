import Mercer
import Testing

@Suite(.serialized) struct MemoryTests {
    @Test func storageIsAlignedForEveryVectorWidth() {
        for count in [1, 3, 100, 5000] {
            let x = Tensor.ones([count])
            x.withUnsafeBytes { #expect(Int(bitPattern: $0.baseAddress) % 64 == 0) }
        }
    }

    @Test func freedMemoryIsTakenAgain() async {
        // In a process of its own: what other tests take would be counted too.
        await #expect(processExitsWith: .success) {
            func work() { for _ in 0..<10 { _ = Tensor.zeros([123, 457]) + Tensor.ones([123, 457]) } }
            work()
            let before = Memory.systemAllocations
            work()
            #expect(Memory.systemAllocations == before)
        }
    }

    @Test func writingToOneOfTwoTensorsLeavesTheOther() {
        let a = Tensor([1, 2, 3] as [Float])
        var b = a
        b += Tensor([1, 1, 1] as [Float])
        b.withUnsafeMutableBuffer(of: Float.self) { $0[0] = 9 }
        #expect(a.toArray(Float.self) == [1, 2, 3])
        #expect(b.toArray(Float.self) == [9, 3, 4])
    }
}
