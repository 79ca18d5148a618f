import Mercer
import Testing

/// Copies in another order, checked element by element.
@Suite struct StridedCopyTests {
    /// The numbers 0, 1, … in a shape, from 0 again where a byte holds no more.
    private func counted(_ shape: [Int], _ dtype: DType) -> Tensor {
        Tensor((0..<shape.reduce(1, *)).map { Double(dtype == .uint8 ? $0 % 251 : $0) }, shape).asType(
            dtype)
    }

    @Test(arguments: [DType.uint8, .int16, .float32, .float64, .complex128])
    func everyPermutationMovesEveryElement(_ dtype: DType) {
        let shape = [3, 17, 5, 70]
        let x = counted(shape, dtype)
        let strides = [17 * 5 * 70, 5 * 70, 70, 1]
        for order in [[3, 1, 2, 0], [0, 3, 1, 2], [0, 2, 3, 1], [1, 0, 3, 2], [2, 3, 0, 1]] {
            let y = x.transposed(axes: order).contiguous().reshaped([-1])
            let lengths = order.map { shape[$0] }
            let steps = order.map { strides[$0] }
            let plain = counted(shape, dtype).reshaped([-1])
            for i in stride(from: 0, to: y.count, by: 97) {
                var (rest, source) = (i, 0)
                for axis in [3, 2, 1, 0] {
                    source += rest % lengths[axis] * steps[axis]
                    rest /= lengths[axis]
                }
                let (a, b) = (y[i].realPart().doubleValue, plain[source].realPart().doubleValue)
                #expect(a == b, "\(dtype), order \(order), element \(i)")
            }
        }
    }

    @Test(arguments: [(1, 1), (15, 33), (16, 64), (200, 16), (130, 1030), (1030, 130)])
    func aMatrixIsTransposedWhateverItsSize(_ rows: Int, _ columns: Int) {
        let values = counted([rows, columns], .float32).T.contiguous().toArray(Float.self)
        let expected = (0..<columns).flatMap { c in (0..<rows).map { Float($0 * columns + c) } }
        #expect(values == expected)
    }

    @Test func reversedAndRepeatedAxesAreCopied() {
        let x = counted([40, 50], .float32)
        let flipped = x.flipped(axes: [1]).T.contiguous()
        let firsts: [Float] = (0..<40).map { Float($0 * 50) }
        #expect(flipped[0].toArray(Float.self) == firsts.map { $0 + 49 })
        #expect(flipped[49].toArray(Float.self) == firsts)
        let repeated = x.expandedDimensions(axis: 1).broadcast(to: [40, 3, 50]).contiguous()
        #expect(repeated[7, 2].toArray(Float.self) == x[7].toArray(Float.self))
    }

    @Test func elementsAreGatheredAlongEveryAxis() {
        let x = counted([4, 5, 6], .float32)
        for axis in 0..<3 {
            var shape = [4, 5, 6]
            shape[axis] = 9
            let count = shape.reduce(1, *)
            let places: [Int] = (0..<count).map { i in (i * 7) % 4 - (i % 3 == 0 ? 4 : 0) }
            let y = x.takeAlong(Tensor(places.map { Int64($0) }, shape), axis: axis)
            for i in 0..<y.count {
                let place: [Int] = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]]
                var source = place
                source[axis] = places[i] < 0 ? places[i] + 4 + axis : places[i]
                let found: Float = y[place[0], place[1], place[2]].item(Float.self)
                let expected: Float = x[source[0], source[1], source[2]].item(Float.self)
                #expect(found == expected)
            }
        }
    }

    @Test(arguments: [PaddingMode.reflect, .symmetric, .replicate, .circular])
    func bordersTakeWhatTheirRuleSays(_ mode: PaddingMode) {
        let x = counted([2, 5, 4, 3], .float32)
        let y = padded(x, [(2, 3), (1, 2), (0, 0)], mode: mode)
        #expect(y.shape == [2, 10, 7, 3])
        for n in 0..<2 {
            for i in 0..<10 {
                for j in 0..<7 {
                    let from = x[n, borderIndex(i - 2, 5, mode), borderIndex(j - 1, 4, mode)]
                    #expect(y[n, i, j].toArray(Float.self) == from.toArray(Float.self))
                }
            }
        }
        let g = Random.normal([4, 3, 2], dtype: .float64, key: RandomKey(1))
        expectGradients(at: [g]) { padded($0[0], [(2, 1), (1, 2), (0, 0)], mode: mode) }
    }

    @Test func softmaxOfColumnsIsThatOfRowsTransposed() {
        for shape in [[33, 70], [3, 300, 20], [2, 4, 5, 6]] {
            let x = Random.normal(shape, key: RandomKey(3)) * 4
            for axis in 0..<(shape.count - 1) {
                let moved = { (t: Tensor) in t.movedAxis(axis, to: -1) }
                #expect(allClose(moved(softmax(x, axis: axis)), softmax(moved(x)), rtol: 1e-5, atol: 1e-7))
                #expect(allClose(moved(logSoftmax(x, axis: axis)), logSoftmax(moved(x)), rtol: 1e-5, atol: 1e-5))
                let weights = Random.normal(shape, key: RandomKey(4))
                for function in [{ softmax($0, axis: axis) }, { logSoftmax($0, axis: axis) }] as [(Tensor) -> Tensor] {
                    let direct = grad { (x: Tensor) in (function(x) * weights).sum() }(x)
                    let wide = grad { (x: Tensor) in (function(x) * weights.asType(.float64)).sum() }(
                        x.asType(.float64))
                    #expect(allClose(direct.asType(.float64), wide, rtol: 1e-3, atol: 1e-5))
                }
            }
        }
        let empty = Tensor([-.infinity, 1, -.infinity, 2] as [Float], [2, 2])
        #expect(abs(softmax(empty, axis: 0)[0..., 1].sum().item(Float.self) - 1) < 1e-6)
    }

    @Test func convolutionsOfFewChannelsHaveTheGradientsOfOthers() {
        let x = Random.normal([2, 9, 11, 3], dtype: .float64, key: RandomKey(5))
        let w = Random.normal([8, 3, 3, 3], dtype: .float64, key: RandomKey(6))
        func gradients(_ x: Tensor, _ w: Tensor) -> [Tensor] {
            grad { (t: [Tensor]) in conv2d(t[0], t[1], stride: 2, padding: 1).square().sum() }([x, w])
        }
        let (single, double) = (gradients(x.asType(.float32), w.asType(.float32)), gradients(x, w))
        for (a, b) in zip(single, double) { #expect(allClose(a.asType(.float64), b, rtol: 1e-3, atol: 1e-2)) }
    }
}
