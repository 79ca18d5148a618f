import Mercer
import Testing

@Suite struct GradientTests {
    private let x = Tensor([0.3, -1.2, 0.8, 2.1] as [Double])

    @Test func gradientOfASquareIsTwiceTheArgument() {
        let (value, gradient) = valueAndGrad { (x: Tensor) in (x * x).sum() }(x)
        #expect(abs(value.item(Double.self) - 6.58) < 1e-12)
        #expect(gradient.toArray(Double.self) == x.toArray(Double.self).map { 2 * $0 })
    }

    @Test func nothingIsRecordedOutsideAGradientCall() {
        var escaped: Tensor?
        let gradient = grad { (x: Tensor) -> Tensor in
            escaped = x * x
            return x.sum()
        }(x)
        #expect(gradient.toArray(Double.self) == [1, 1, 1, 1])
        #expect(!escaped!.isTracked && !(escaped! + 1).isTracked && !Gradients.isRecording)
    }

    @Test func gradientsOfGradientsAreOrdinary() {
        // d³/dx³ of x⁴ is 24 x.
        let first = grad { (x: Tensor) in (x * x * x * x).sum() }
        let second = grad { (x: Tensor) in first(x).sum() }
        let third = grad { (x: Tensor) in second(x).sum() }
        for (g, v) in zip(third(x).toArray(Double.self), x.toArray(Double.self)) { #expect(abs(g - 24 * v) < 1e-12) }
    }

    @Test func anInnerGradientSeesTheOuterVariableAsConstant() {
        // d/dx [x · d/dy (x y)] at y = x is d/dx x² = 2x: confusing the two variables gives another answer.
        let g = grad { (x: Tensor) -> Tensor in
            let inner = grad { (y: Tensor) in (x * y).sum() }(x)
            return (x * inner).sum()
        }(x)
        for (g, v) in zip(g.toArray(Double.self), x.toArray(Double.self)) { #expect(abs(g - 2 * v) < 1e-12) }
    }

    @Test func jacobianVectorProductMatchesTheDerivativeAlongTheVector() {
        let v = Tensor([1, 0.5, -2, 0.1] as [Double])
        let (values, derivatives) = jvp({ [exp($0[0] * $0[0])] }, primals: [x], tangents: [v])
        for i in 0..<4 {
            let (a, b) = (x[i].item(Double.self), v[i].item(Double.self))
            #expect(abs(derivatives[0][i].item(Double.self) - values[0][i].item(Double.self) * 2 * a * b) < 1e-9)
        }
    }

    @Test func hessianVectorProductOfAQuadraticFormIsTheMatrixTimesTheVector() {
        let a = Tensor([2, 1, 1, 3] as [Double], [2, 2])
        let v = Tensor([1, -1] as [Double])
        let (gradient, product) = hessianVectorProduct(
            { x in (x[0].expandedDimensions(axis: 0) * a * x[0].expandedDimensions(axis: 1)).sum() * 0.5 },
            primals: [Tensor([1, 2] as [Double])], vector: [v])
        #expect(gradient[0].toArray(Double.self) == [4, 7])
        #expect(product[0].toArray(Double.self) == [1, -2])
    }

    @Test func gradientsKeepTheStructureOfTheArgument() {
        let tree = ["a": [x, x + 1], "b": [x]]
        let g = grad { (t: [String: [Tensor]]) in (t["a"]![0] * t["b"]![0]).sum() }(tree)
        #expect(g["a"]![0].toArray(Double.self) == x.toArray(Double.self))
        #expect(g["a"]![1].toArray(Double.self) == [0, 0, 0, 0])
    }

    @Test func checkpointsGiveTheSameGradientsForInputsAndCapturedVariables() {
        func loss(_ w: [Tensor], _ segment: (Tensor, @escaping (Tensor) -> Tensor) -> Tensor) -> Tensor {
            let h = segment(w[0]) { exp($0 * w[1]) * w[1] }
            return segment(h) { ($0 * $0 + w[0]) * w[1] }.sum()
        }
        let w = [x * 0.3, x * 0.1 + 0.4]
        let plain = grad { (w: [Tensor]) in loss(w) { $1($0) } }(w)
        let saved = grad { (w: [Tensor]) in loss(w) { checkpoint($0, $1) } }(w)
        for (a, b) in zip(plain, saved) {
            for (p, q) in zip(a.toArray(Double.self), b.toArray(Double.self)) { #expect(abs(p - q) < 1e-12) }
        }
        // And of second order.
        let twice: ([Tensor], Bool) -> [Tensor] = { w, checkpointed in
            grad { (w: [Tensor]) in
                grad { (w: [Tensor]) in loss(w) { checkpointed ? checkpoint($0, $1) : $1($0) } }(w)
                    .reduce(Tensor(0.0)) { $0 + ($1 * $1).sum() }
            }(w)
        }
        for (a, b) in zip(twice(w, false), twice(w, true)) {
            for (p, q) in zip(a.toArray(Double.self), b.toArray(Double.self)) {
                #expect(abs(p - q) < 1e-9 * max(1, abs(p)))
            }
        }
    }

    @Test func checkpointingKeepsLessMemory() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let x = Tensor.ones([1 << 18])
            func peak(_ checkpointed: Bool) -> Double {
                let layer: (Tensor) -> Tensor = { h in (0..<6).reduce(h) { h, _ in exp(h * 0.1) } }
                let before = Memory.active
                Memory.resetPeak()
                _ = grad { (x: Tensor) -> Tensor in
                    (0..<6).reduce(x) { h, _ in checkpointed ? checkpoint(h, layer) : layer(h) }.sum()
                }(x)
                return Double(Memory.peak - before)
            }
            #expect(peak(true) < 0.6 * peak(false))
        }
    }

    @Test func aCustomOperationUsesItsOwnBackward() {
        let straightThrough: (Tensor) -> Tensor = { x in
            customOperation([x], forward: { [round($0[0])] }, backward: { _, _, g in [g[0] * 3] })[0]
        }
        let g = grad { (x: Tensor) in (straightThrough(x) * x).sum() }(x)
        for (g, v) in zip(g.toArray(Double.self), x.toArray(Double.self)) {
            #expect(abs(g - (3 * v + v.rounded(.toNearestOrEven))) < 1e-12)
        }
    }

    @Test func stopGradientMakesAConstant() {
        let g = grad { (x: Tensor) in (stopGradient(x) * x).sum() }(x)
        #expect(g.toArray(Double.self) == x.toArray(Double.self))
    }

    @Test func perExampleGradientsAreThoseOfEachExampleAlone() {
        let w = [
            Tensor((0..<6).map { 0.1 * Double($0) - 0.2 }, [2, 3]), Tensor([0.1, -0.3] as [Double]),
            Tensor([0.7] as [Double]),
        ]
        let inputs = Tensor((0..<12).map { 0.2 * Double($0) - 1 }, [4, 3])
        let loss: ([Tensor], Tensor) -> Tensor = { w, x in
            let h = exp(linear(x, w[0] * 0.5, bias: w[1])) * w[2]
            return (h * h).sum(axes: [1])
        }
        let all = perExampleGradients(loss)(w, inputs)
        for n in 0..<4 {
            let one = grad { (w: [Tensor]) in loss(w, inputs[n..<(n + 1)]).sum() }(w)
            for (a, b) in zip(all, one) {
                #expect(a[n].shape == b.shape)
                for (p, q) in zip(a[n].toArray(Double.self), b.toArray(Double.self)) { #expect(abs(p - q) < 1e-12) }
            }
        }
    }
}
