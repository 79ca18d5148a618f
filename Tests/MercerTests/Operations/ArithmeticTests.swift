import Foundation
import Mercer
import Testing

@Suite struct ArithmeticTests {
    @Test func gradientsOfOperatorsMatchDifferencesUnderBroadcasting() {
        let a = samples([2, 1, 3], 0.5, 2)
        let b = samples([4, 1], 0.5, 2, seed: 2)
        expectGradients(at: [a, b]) { $0[0] + $0[1] }
        expectGradients(at: [a, b]) { $0[0] - $0[1] }
        expectGradients(at: [a, b]) { $0[0] * $0[1] }
        expectGradients(at: [a, b]) { $0[0] / $0[1] }
        expectGradients(at: [a, b]) { power($0[0], $0[1]) }
        expectGradients(at: [a, b]) { maximum($0[0], $0[1]) }
        expectGradients(at: [a, b]) { minimum($0[0], $0[1]) }
        expectGradients(at: [a, b]) { atan2($0[0], $0[1]) }
        expectGradients(at: [a, b]) { remainder($0[0], $0[1]) }
        expectGradients(at: [a, b, samples([3], seed: 3)]) { multiplyAdd($0[0], $0[1], $0[2]) }
        expectGradients(at: [a]) { -$0[0] * $0[0] }
    }

    @Test func gradientsWithNumbersMatchDifferences() {
        let x = samples([5], 0.5, 2)
        expectGradients(at: [x]) { $0[0] + 2 }
        expectGradients(at: [x]) { 2 - $0[0] }
        expectGradients(at: [x]) { $0[0] * 3.5 }
        expectGradients(at: [x]) { $0[0] / 3 }
        expectGradients(at: [x]) { 3 / $0[0] }
        for p in [0, 1, 2, 3, 0.5, -0.5, -1, 2.7] { expectGradients(at: [x]) { power($0[0], p) } }
        expectGradients(at: [x]) { power(1.7, $0[0]) }
        expectGradients(at: [x]) { clip($0[0], min: 0.8, max: 1.6) }
    }

    @Test func equalElementsShareTheGradientOfMaximum() {
        let (x, y) = (Tensor([1, 5] as [Double]), Tensor([1, 2] as [Double]))
        let g = grad { (x: [Tensor]) in maximum(x[0], x[1]).sum() }([x, y])
        #expect(g[0].toArray(Double.self) == [0.5, 1])
        #expect(g[1].toArray(Double.self) == [0.5, 0])
    }

    @Test func clipPassesTheGradientAtItsEnds() {
        let g = grad { (x: Tensor) in clip(x, min: -1, max: 1).sum() }(Tensor([-2, -1, 0, 1, 2] as [Double]))
        #expect(g.toArray(Double.self) == [0, 1, 1, 1, 0])
    }

    @Test func mixedTypesAreConvertedAndTheirGradientsBack() {
        let half = Tensor([1, 2] as [Float]).asType(.float16)
        let single = Tensor([0.5, 0.25] as [Float])
        let (value, gradients) = valueAndGrad { (x: [Tensor]) in (x[0] * x[1]).sum() }([half, single])
        #expect(value.dtype == .float32 && value.item(Float.self) == 1)
        #expect(gradients[0].dtype == .float16 && gradients[1].dtype == .float32)
        #expect(gradients[1].toArray(Float.self) == [1, 2])
        #expect((Tensor([1, 2] as [Int32]) + Tensor([1, 2] as [Int8])).dtype == .int32)
        #expect((Tensor([1, 2] as [Int32]) * 1.5).toArray(Float.self) == [1.5, 3])
        #expect((Tensor([1, 2] as [Int32]) / 2).toArray(Float.self) == [0.5, 1])
        #expect((Tensor([true, false]) + 1).toArray(Int64.self) == [2, 1])
        #expect((Tensor([1.5] as [Double]) + Tensor([2] as [Int64])).dtype == .float64)
    }

    @Test func integersWrapAroundAndDivideAsPython() {
        let a = Tensor([7, -7, 7, -7, 5] as [Int32])
        let b = Tensor([2, 2, -2, -2, 0] as [Int32])
        #expect(floorDivide(a, b).toArray(Int32.self) == [3, -4, -4, 3, 0])
        #expect((a % b).toArray(Int32.self) == [1, 1, -1, -1, 0])
        #expect((Tensor([127] as [Int8]) + Tensor([1] as [Int8])).toArray(Int8.self) == [-128])
        #expect(floorDivide(Tensor([-128] as [Int8]), Tensor([-1] as [Int8])).toArray(Int8.self) == [-128])
        #expect(
            power(Tensor([3, -1, 2] as [Int64]), Tensor([4, -3, -1] as [Int64])).toArray(Int64.self) == [
                81, -1, 0,
            ])
        #expect((Tensor([255] as [UInt8]) % Tensor([255] as [UInt8])).toArray(UInt8.self) == [0])
        let x = Tensor([7.5, -7.5, 7.5, -7.5] as [Double])
        let y = Tensor([2, 2, -2, -2] as [Double])
        #expect(floorDivide(x, y).toArray(Double.self) == [3, -4, -4, 3])
        #expect((x % y).toArray(Double.self) == [1.5, 0.5, -0.5, -1.5])
    }

    @Test func assignmentWorksInPlaceOnlyWhereNobodyElseLooks() {
        var x = Tensor([1, 2, 3] as [Float])
        let address = x.withUnsafeBuffer(of: Float.self) { $0.baseAddress }
        x += Tensor([1] as [Float])
        x *= 2
        #expect(x.toArray(Float.self) == [4, 6, 8])
        #expect(x.withUnsafeBuffer(of: Float.self) { $0.baseAddress } == address)
        let before = x
        x -= before
        #expect(before.toArray(Float.self) == [4, 6, 8] && x.toArray(Float.self) == [0, 0, 0])
    }

    @Test func everyBroadcastAgreesWithALoop() {
        let shapes: [([Int], [Int])] = [
            ([3, 4], [4]), ([3, 4], [3, 1]), ([1], [5, 2]), ([2, 1, 7], [3, 1]), ([40, 3], [3]),
            ([40, 3], [40, 1]),
            ([200, 5], [5]), ([2, 3, 4], []), ([0, 3], [3]), ([300, 20], [20]), ([1, 300, 1], [30, 1, 17]),
        ]
        for (s, t) in shapes {
            let (a, b) = (samples(s), samples(t, seed: 9))
            let y = a - b
            let (p, q) = (
                a.broadcast(to: y.shape).toArray(Double.self), b.broadcast(to: y.shape).toArray(Double.self)
            )
            #expect(y.toArray(Double.self) == zip(p, q).map(-), "\(s) - \(t)")
        }
    }

    @Test func viewsAreReadInTheirOrder() {
        let x = samples([6, 40])
        let every = x[.all, .stride(from: 1, by: 3)]
        let sum = x.T[1..<14] + every.T
        let (p, q) = (x.T[1..<14].toArray(Double.self), every.T.toArray(Double.self))
        #expect(sum.toArray(Double.self) == zip(p, q).map(+))
        let reversed = x[.stride(by: -1)] * x
        #expect(
            reversed.toArray(Double.self)
                == zip(x[.stride(by: -1)].toArray(Double.self), x.toArray(Double.self)).map(*))
    }

    @Test func resultsAreTheSameForOneAndTwoThreads() {
        let (a, b) = (samples([300, 1000]).asType(.float32), samples([1000], seed: 4).asType(.float32))
        let run = {
            [(a * b).toArray(Float.self), exp(a).toArray(Float.self), (a + 1.5).toArray(Float.self)]
        }
        #expect(Parallel.withThreads(1, run) == Parallel.withThreads(2, run))
    }

    @Test func resultsLargerThanTheCachesAreRight() {
        let n = 9_000_001
        let x = Tensor.arange(0, Double(n))
        let y = x * 2 + 1
        #expect(y.count == n)
        y.withUnsafeBuffer(of: Float.self) { y in
            let wrong = (0..<n).first { i in y[i] != Float(i) * 2 + 1 }
            #expect(wrong == nil)
        }
    }

    @Test func complexArithmeticMatchesTheFormulas() {
        let a = Tensor([Complex(1.0, 2), Complex(-0.5, 3)])
        let b = Tensor([Complex(2.0, -1), Complex(0.25, 0.5)])
        #expect((a * b).toArray(Complex<Double>.self) == [Complex(4, 3), Complex(-1.625, 0.5)])
        #expect(allClose(a / b * b, a))
        #expect(allClose(abs(a), Tensor([2.23606797749979, 3.0413812651491097])))
        #expect(a.conjugate().toArray(Complex<Double>.self) == [Complex(1, -2), Complex(-0.5, -3)])
        let (x, y) = (samples([4]), samples([4], seed: 2))
        expectGradients(at: [x, y]) {
            abs(exp(complex($0[0], $0[1]) * complex($0[1], $0[0])) / complex($0[0], $0[1]))
        }
        expectGradients(at: [x, y]) {
            let z = complex($0[0], $0[1])
            return (z * z).realPart() * z.imaginaryPart() + (2 / z).conjugate().imaginaryPart()
        }
    }
}
