import Mercer
import Testing

@Suite struct IndexingTests {
    let x = Tensor((0..<24).map { Int64($0) }, [2, 3, 4])

    @Test func elementsRangesEllipsisAndNewAxesPickWhatNumPyPicks() {
        #expect(x[1, 2, 3].item(Int.self) == 23)
        #expect(x[-1, 0].toArray(Int.self) == [12, 13, 14, 15])
        #expect(x[0..., 1..<3, .stride(by: -2)].toArray(Int.self) == [7, 5, 11, 9, 19, 17, 23, 21])
        #expect(x[.ellipsis, -1].toArray(Int.self) == [3, 7, 11, 15, 19, 23])
        #expect(x[.newAxis, .ellipsis, 0, .newAxis].shape == [1, 2, 3, 1])
        #expect(x[0, Tensor([2, 0] as [Int64])].toArray(Int.self) == [8, 9, 10, 11, 0, 1, 2, 3])
        #expect(x[0, 0, Tensor([true, false, true, false])].toArray(Int.self) == [0, 2])
        #expect(x[0..., 5..<9].shape == [2, 0, 4])
    }

    @Test func slicesShareStorageAndAssignmentCopiesFirst() {
        var y = x
        y[0, 1..<3] = Tensor([-1] as [Int64])
        #expect(x[0, 1, 0].item(Int.self) == 4)
        #expect(y[0, 1...].toArray(Int.self) == [Int](repeating: -1, count: 8))
        #expect(y[1].toArray(Int.self) == Array(12..<24))
    }

    @Test func assignmentFromTheSameStorageReadsBeforeItWrites() {
        var y = Tensor([1, 2, 3, 4] as [Int64])
        y[1...] = y[0..<3]
        #expect(y.toArray(Int.self) == [1, 1, 2, 3])
    }

    @Test func viewsReshapeWithoutCopyWhereStridesAllow() {
        let t = x.transposed(2, 0, 1)
        #expect(t.shape == [4, 2, 3])
        #expect(t.reshaped(4, 6).toArray(Int.self) == t.contiguous().reshaped(4, 6).toArray(Int.self))
        #expect(t.reshaped(-1).toArray(Int.self).prefix(6) == [0, 4, 8, 12, 16, 20])
        #expect(x.reshaped(2, 3, 2, 2).swappedAxes(0, 1).reshaped(3, 2, 4)[1, 1, 3].item(Int.self) == 19)
    }

    @Test func descriptionReadsLikeNumPys() {
        #expect("\(Tensor([1, 2.5, -3, 4] as [Float], [2, 2]))" == "[[ 1.0,  2.5],\n [-3.0,  4.0]]")
        #expect("\(Tensor([1, 2] as [Int64]))" == "[1, 2]")
        #expect("\(Tensor.zeros([2000]))" == "[0., 0., 0., ..., 0., 0., 0.]")
    }
}
