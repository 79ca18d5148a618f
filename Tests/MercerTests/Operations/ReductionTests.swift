import Mercer
import Testing

@Suite struct ReductionTests {
    private let x = samples([3, 4, 5])

    @Test func gradientsMatchDifferencesOverEveryChoiceOfAxes() {
        for axes: [Int]? in [nil, [0], [1], [2], [0, 1], [1, 2], [0, 2], [-1]] {
            expectGradients(at: [x]) { $0[0].sum(axes: axes) * $0[0].sum(axes: axes) }
            expectGradients(at: [x]) { square($0[0].mean(axes: axes, keepDims: true)) }
            expectGradients(at: [x]) { $0[0].variance(axes: axes) }
            expectGradients(at: [x]) { $0[0].variance(axes: axes, unbiased: false) }
            expectGradients(at: [x]) { $0[0].standardDeviation(axes: axes) }
            expectGradients(at: [x]) { square($0[0].max(axes: axes)) }
            expectGradients(at: [x]) { square($0[0].min(axes: axes, keepDims: true)) }
            expectGradients(at: [x]) { logSumExp($0[0], axes: axes) }
        }
        for axes in [[1], [0, 2]] { expectGradients(at: [x]) { $0[0].product(axes: axes) } }
        expectGradients(at: [Tensor([2, 0, 3, 0, 1, 4, 0, 2] as [Double], [2, 4])]) { $0[0].product(axis: 0) }
    }

    @Test func theFirstOfEqualElementsGetsTheGradientOfOneAxis() {
        let x = Tensor([1, 3, 3, 2] as [Double])
        let one = grad { (x: Tensor) in x.max(axis: 0) }(x)
        #expect(one.toArray(Double.self) == [0, 1, 0, 0])
        let all = grad { (x: Tensor) in x.reshaped(2, 2).max() }(x)
        #expect(all.toArray(Double.self) == [0, 0.5, 0.5, 0])
    }

    @Test func sumsAgreeWithALoopForEveryShape() {
        let shapes: [([Int], [Int])] = [
            ([70_000], [0]), ([3, 40_000], [1]), ([40_000, 3], [0]), ([1001, 7], [0]), ([5, 300, 1030], [1]),
            ([2, 3000, 33], [1]), ([6, 1, 4], [1]), ([7, 9, 3], [0, 2]), ([2, 64, 64, 3], [1, 2]),
            ([4, 4096], [0, 1]),
        ]
        for (shape, axes) in shapes {
            let x = samples(shape)
            let values = x.toArray(Double.self)
            var kept = shape
            for axis in axes { kept[axis] = 1 }
            var sums = [Double](repeating: 0, count: kept.reduce(1, *))
            var largest = [Double](repeating: -.infinity, count: sums.count)
            for (i, value) in values.enumerated() {
                var (rest, place, step) = (i, 0, 1)
                for axis in shape.indices.reversed() {
                    if kept[axis] != 1 { place += rest % shape[axis] * step }
                    rest /= shape[axis]
                    step *= kept[axis]
                }
                sums[place] += value
                largest[place] = max(largest[place], value)
            }
            let expected = Tensor(sums, kept)
            #expect(
                allClose(x.sum(axes: axes, keepDims: true), expected, rtol: 1e-11, atol: 1e-11),
                "\(shape) \(axes)")
            #expect(
                allClose(
                    x.asType(.float32).sum(axes: axes, keepDims: true), expected, rtol: 1e-5, atol: 2e-4),
                "\(shape) \(axes)")
            #expect(x.max(axes: axes, keepDims: true).toArray(Double.self) == largest, "\(shape) \(axes)")
            let mean = x.mean(axes: axes, keepDims: true)
            #expect(
                allClose(
                    x.variance(axes: axes, keepDims: true, unbiased: false),
                    square(x - mean).mean(axes: axes, keepDims: true), rtol: 1e-10), "\(shape) \(axes)")
        }
    }

    @Test func extremePositionsAreTheFirst() {
        let x = Tensor([3, 1, 3, 2, 0, 0, .nan, 5, .nan] as [Float], [3, 3])
        #expect(x.argMax(axis: 1).toArray(Int64.self) == [0, 0, 0])
        #expect(x.argMin(axis: 1).toArray(Int64.self) == [1, 1, 0])
        #expect(x.argMax(axis: 0).toArray(Int64.self) == [2, 2, 2])
        #expect(x.argMin(axis: 0).toArray(Int64.self) == [2, 1, 2])
        #expect(x.argMax().item(Int64.self) == 6)
        #expect(x.max(axis: 1).toArray(Float.self)[2].isNaN)
        let long = samples([3, 1000]).asType(.float32)
        let positions = long.argMax(axis: 1, keepDims: true)
        #expect(
            long.takeAlong(positions, axis: 1).toArray(Float.self) == long.max(axis: 1).toArray(Float.self))
        let columns = long.T.contiguous()
        #expect(columns.argMax(axis: 0).toArray(Int64.self) == positions.toArray(Int64.self))
        #expect(Tensor([3, 9, 2] as [Int32]).argMax().item(Int64.self) == 1)
    }

    @Test func emptyAndIntegerReductions() {
        let empty = Tensor.zeros([0, 3])
        #expect(empty.sum(axis: 0).toArray(Float.self) == [0, 0, 0])
        #expect(empty.product(axis: 0).toArray(Float.self) == [1, 1, 1])
        #expect(empty.mean().item(Float.self).isNaN)
        #expect(empty.sum(axis: 1).shape == [0])
        let bytes = Tensor([200, 100, 7, 255] as [UInt8], [2, 2])
        #expect(bytes.sum().item(Int64.self) == 562)
        #expect(bytes.max(axis: 0).toArray(UInt8.self) == [200, 255])
        #expect(bytes.min().item(UInt8.self) == 7)
        #expect(bytes.product(axis: 1).toArray(Int64.self) == [20000, 1785])
        #expect(bytes.mean().item(Float.self) == 140.5)
        let flags = Tensor([true, false, true, true], [2, 2])
        #expect(flags.all(axis: 1).toArray(Bool.self) == [false, true])
        #expect(flags.any().item(Bool.self) && !flags.all().item(Bool.self))
        #expect(flags.sum().item(Int64.self) == 3)
    }

    @Test func sumsAreTheSameForOneAndTwoThreads() {
        let x = samples([257, 5000]).asType(.float32)
        let run = {
            [x.sum(), x.sum(axis: 0), x.sum(axis: 1), x.variance(axis: 0), softmax(x), logSumExp(x, axis: 0)]
                .map { $0.toArray(Float.self) }
        }
        #expect(Parallel.withThreads(1, run) == Parallel.withThreads(2, run))
    }

    @Test func aLongFloat32SumKeepsItsDigits() {
        let n = 10_000_000
        let sum = Tensor.full([n], 0.1).sum().item(Float.self)
        #expect(Swift.abs(sum - Float(n) * Float(0.1)) < 1)
    }

    @Test func scansMatchDifferencesAndLoops() {
        let y = samples([3, 6], 0.5, 1.5)
        expectGradients(at: [y]) { cumsum($0[0], axis: 1) * $0[0] }
        expectGradients(at: [y]) { cumsum($0[0], axis: 0, reverse: true) }
        expectGradients(at: [y]) { cumprod($0[0], axis: 1) }
        expectGradients(at: [Tensor([2, 0, 3, 0, 5] as [Double])]) { cumprod($0[0], axis: 0) }
        expectGradients(at: [samples([3, 6])]) { square(cummax($0[0], axis: 1)) }
        #expect(cumsum(Tensor([1, 2, 3] as [Float]), axis: 0).toArray(Float.self) == [1, 3, 6])
        #expect(
            cumsum(Tensor([1, 2, 3] as [Int32]), axis: 0, reverse: true).toArray(Int64.self) == [6, 5, 3])
        #expect(cummax(Tensor([1, 3, 2, 5] as [Double]), axis: 0).toArray(Double.self) == [1, 3, 3, 5])
        #expect(cummin(Tensor([4, 3, 7, 1] as [Double]), axis: 0).toArray(Double.self) == [4, 3, 3, 1])
    }
}
