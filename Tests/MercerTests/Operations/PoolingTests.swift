import Mercer
import Testing

@Suite struct PoolingTests {
    @Test func windowsAreCutLikePyTorchs() {
        let x = Tensor((0..<10).map(Float.init), [1, 10, 1])
        #expect(maxPool1d(x, kernel: 3).toArray(Float.self) == [2, 5, 8])
        #expect(maxPool1d(x, kernel: 3, ceilMode: true).toArray(Float.self) == [2, 5, 8, 9])
        #expect(maxPool1d(x, kernel: 3, stride: 2, padding: 1).toArray(Float.self) == [1, 3, 5, 7, 9])
        #expect(maxPool1d(x, kernel: 3, stride: 1, dilation: 3).toArray(Float.self) == [6, 7, 8, 9])
        #expect(avgPool1d(x, kernel: 4, ceilMode: true).toArray(Float.self) == [1.5, 5.5, 8.5])
        #expect(avgPool1d(x, kernel: 2, stride: 4, padding: 1).toArray(Float.self) == [0, 3.5, 7.5])
        #expect(
            avgPool1d(x, kernel: 2, stride: 5, padding: 1, countIncludePad: false).toArray(Float.self) == [0, 4.5, 9])
        #expect(adaptiveAvgPool1d(x, outputSize: 4).toArray(Float.self) == [1, 3, 6, 8])
        #expect(adaptiveMaxPool1d(x, outputSize: 3).toArray(Float.self) == [3, 6, 9])
        #expect(globalMaxPool(x).toArray(Float.self) == [9])
        #expect(globalAvgPool(x).toArray(Float.self) == [4.5])
    }

    @Test func notANumberWinsAMaximum() {
        let y = maxPool1d(Tensor([1, .nan, 3, 4] as [Float], [1, 4, 1]), kernel: 2).toArray(Float.self)
        #expect(y[0].isNaN && y[1] == 4)
    }

    @Test func gradientsMatchFiniteDifferences() {
        let x = samples([2, 5, 6, 3])
        for pool in functions(
            { maxPool2d($0, kernel: 3, stride: 2, padding: 1) }, { maxPool2d($0, kernel: [2, 3], stride: 1) },
            { avgPool2d($0, kernel: 3, stride: 2, padding: 1, countIncludePad: false) },
            { avgPool2d($0, kernel: 3, stride: 2, ceilMode: true) }, { adaptiveAvgPool2d($0, outputSize: [3, 4]) },
            { adaptiveMaxPool2d($0, outputSize: 2) }, { globalAvgPool($0) }, { globalMaxPool($0) })
        {
            expectGradients(at: [x]) { pool($0[0]).square() }
        }
    }

    @Test func emptyBatchesStayEmpty() {
        #expect(maxPool2d(Tensor.zeros([0, 4, 4, 3]), kernel: 2).shape == [0, 2, 2, 3])
        #expect(avgPool2d(Tensor.zeros([0, 4, 4, 3]), kernel: 2).shape == [0, 2, 2, 3])
    }

    @Test func oneAndTwoThreadsGiveTheSameBits() {
        let x = samples([3, 40, 41, 70]).asType(.float32)
        func run() -> [[Float]] {
            [
                grad { (x: Tensor) in maxPool2d(x, kernel: 3, stride: 2, padding: 1).square().sum() }(x),
                grad { (x: Tensor) in avgPool2d(x, kernel: 3, stride: 2).square().sum() }(x),
            ].map { $0.toArray(Float.self) }
        }
        #expect(Parallel.withThreads(1, run) == Parallel.withThreads(2, run))
    }
}
