import Mercer
import Testing

@Suite struct ComparisonTests {
    @Test func comparisonsFollowTheNumbers() {
        let a = Tensor([1, 2, .nan, -0.0] as [Float])
        let b = Tensor([2, 2, .nan, 0] as [Float])
        #expect((a .== b).toArray(Bool.self) == [false, true, false, true])
        #expect((a .!= b).toArray(Bool.self) == [true, false, true, false])
        #expect((a .< b).toArray(Bool.self) == [true, false, false, false])
        #expect((a .>= b).toArray(Bool.self) == [false, true, false, true])
        #expect((a .> 1.5).toArray(Bool.self) == [false, true, false, false])
        #expect(
            (Tensor([1, 300] as [Int32]) .< Tensor([255] as [UInt8])).toArray(Bool.self) == [true, false])
        #expect(isNaN(a).toArray(Bool.self) == [false, false, true, false])
        let ends = Tensor([.infinity, -.infinity, .nan, 1] as [Double])
        #expect(isInf(ends).toArray(Bool.self) == [true, true, false, false])
        #expect(isFinite(ends).toArray(Bool.self) == [false, false, false, true])
        let x = samples([37])
        #expect((x .<= 0).toArray(Bool.self) == x.toArray(Double.self).map { $0 <= 0 })
    }

    @Test func logicAndBits() {
        let (t, f) = (Tensor([true, true, false, false]), Tensor([true, false, true, false]))
        #expect((t .&& f).toArray(Bool.self) == [true, false, false, false])
        #expect((t .|| f).toArray(Bool.self) == [true, true, true, false])
        #expect((.!t).toArray(Bool.self) == [false, false, true, true])
        #expect((t .^ f).toArray(Bool.self) == [false, true, true, false])
        let (a, b) = (Tensor([12, 10] as [UInt8]), Tensor([10, 3] as [UInt8]))
        #expect((a .& b).toArray(UInt8.self) == [8, 2])
        #expect((a .| b).toArray(UInt8.self) == [14, 11])
        #expect(leftShift(a, Tensor([2, 9] as [UInt8])).toArray(UInt8.self) == [48, 0])
        #expect(rightShift(Tensor([-8] as [Int32]), Tensor([1] as [Int32])).toArray(Int32.self) == [-4])
    }

    @Test func selectionMatchesDifferencesAndALoop() {
        let condition = Tensor((0..<20).map { $0 % 3 == 0 }, [4, 5])
        expectGradients(at: [samples([4, 1]), samples([5], seed: 2)]) {
            which(condition, $0[0], $0[1] * $0[1])
        }
        let x = samples([4, 5])
        let y = which(condition, x, -1)
        #expect(
            y.toArray(Double.self)
                == zip(condition.toArray(Bool.self), x.toArray(Double.self)).map { $0 ? $1 : -1 })
        let bytes = which(condition, Tensor([7] as [UInt8]), Tensor([9] as [UInt8]))
        #expect(bytes.toArray(UInt8.self) == condition.toArray(Bool.self).map { $0 ? 7 : 9 })
        let flag = Tensor(true)
        #expect(which(flag, x, 0).toArray(Double.self) == x.toArray(Double.self))
    }

    @Test func closenessIsRelativeToTheSecond() {
        #expect(allClose(Tensor([1.0]), Tensor([1.000009])))
        #expect(!allClose(Tensor([1.0]), Tensor([1.00002])))
        #expect(!allClose(Tensor([Double.nan]), Tensor([Double.nan])))
        #expect(allClose(Tensor([Double.nan]), Tensor([Double.nan]), equalNaN: true))
        #expect(allClose(Tensor([Double.infinity]), Tensor([Double.infinity])))
        #expect(!allClose(Tensor([1.0]), Tensor([Double.infinity])))
    }

    @Test func sortingIsStableAndPutsNaNLast() {
        let x = Tensor([3, .nan, -1, 3, -0.0, 0] as [Float])
        #expect(argSort(x).toArray(Int64.self) == [2, 4, 5, 0, 3, 1])
        #expect(argSort(x, descending: true).toArray(Int64.self) == [1, 0, 3, 4, 5, 2])
        for n in [1, 5, 300, 3000] {
            let y = samples([2, n])
            let expected = (0..<2).flatMap { y[$0].toArray(Double.self).sorted() }
            #expect(sorted(y).toArray(Double.self) == expected)
            #expect(sorted(y.T, axis: 0).T.toArray(Double.self) == expected)
            let k = min(n, 4)
            let top = topK(y, k)
            #expect(
                top.values.toArray(Double.self)
                    == (0..<2).flatMap { y[$0].toArray(Double.self).sorted(by: >).prefix(k) })
            #expect(y.takeAlong(top.indices, axis: 1).toArray(Double.self) == top.values.toArray(Double.self))
        }
        #expect(sorted(Tensor([3, -5, 2] as [Int32])).toArray(Int32.self) == [-5, 2, 3])
        expectGradients(at: [samples([3, 7])]) { square(sorted($0[0], axis: 1)) }
        expectGradients(at: [samples([3, 7])]) { square(topK($0[0], 3, axis: 0).values) }
    }

    @Test func uniqueCountsAndInverts() {
        let x = Tensor([2, 1, 2, 3, 1, 2] as [Int64], [2, 3])
        let (values, inverse, counts) = unique(x)
        #expect(values.toArray(Int64.self) == [1, 2, 3])
        #expect(counts.toArray(Int64.self) == [2, 3, 1])
        #expect(inverse.shape == [2, 3] && inverse.toArray(Int64.self) == [1, 0, 1, 2, 0, 1])
    }

    @Test func conversionsCutRoundAndSaturate() {
        let x = Tensor([1.9, -1.9, 300, -300, .nan, .infinity] as [Float])
        #expect(x.asType(.int8).toArray(Int8.self) == [1, -1, 127, -128, 0, 127])
        #expect(x.asType(.uint8).toArray(UInt8.self) == [1, 0, 255, 0, 0, 255])
        #expect(Tensor([1e19, -1e19] as [Double]).asType(.int64).toArray(Int64.self) == [.max, .min])
        #expect(x.asType(.bool).toArray(Bool.self) == [true, true, true, true, true, true])
        #expect(Tensor([0, 2] as [Int32]).asType(.bool).toArray(Bool.self) == [false, true])
        let every = Tensor((0..<65536).map { Float16(bitPattern: UInt16($0)) })
        let wide = every.asType(.float32)
        for (h, f) in zip(every.toArray(Float16.self), wide.toArray(Float.self)) where !h.isNaN {
            #expect(Float(h) == f)
        }
        let back = wide.asType(.float16).toArray(Float16.self)
        for (h, b) in zip(every.toArray(Float16.self), back) { #expect(h.isNaN ? b.isNaN : h == b) }
        let odd = samples([2000], -1e5, 1e5).asType(.float32) * 1e-3
        #expect(odd.asType(.float16).toArray(Float16.self) == odd.toArray(Float.self).map { Float16($0) })
        #expect(odd.asType(.bfloat16).toArray(BFloat16.self) == odd.toArray(Float.self).map { BFloat16($0) })
        expectGradients(at: [samples([3])], tolerance: 1e-3, secondOrder: false) {
            $0[0].asType(.float64) * $0[0]
        }
    }
}
