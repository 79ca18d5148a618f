import Mercer
import Testing

@Suite struct ActivationTests {
    private let x = samples([3, 11], -4.5, 4.5)

    @Test func gradientsMatchDifferences() {
        for f in functions(
            relu, relu6, selu, sigmoid, logSigmoid, softsign, gelu, geluApproximate, geluFastApproximate)
        {
            expectGradients(at: [x]) { f($0[0]) }
        }
        for f in functions(silu, mish, hardSigmoid, hardSwish, hardTanh) {
            expectGradients(at: [x]) { f($0[0]) }
        }
        expectGradients(at: [x]) { leakyRelu($0[0], negativeSlope: 0.2) }
        expectGradients(at: [x]) { elu($0[0], alpha: 1.3) }
        expectGradients(at: [x]) { celu($0[0], alpha: 0.7) }
        expectGradients(at: [x]) { softplus($0[0], beta: 1.5, threshold: 5) }
        expectGradients(at: [x, samples([11], 0, 1)]) { prelu($0[0], $0[1]) }
        expectGradients(at: [samples([3, 8])]) { glu($0[0]) }
    }

    @Test func fusedGradientsAgreeWithTheComposedOnes() {
        // The composed rule is taken where the gradient is differentiated in turn.
        let functions: [(Tensor) -> Tensor] = [
            gelu, geluApproximate, silu, mish, hardSwish, hardSigmoid, { elu($0) }, { softplus($0) }, relu,
            sigmoid, tanh,
        ]
        for f in functions {
            let slope: (Tensor) -> Tensor = grad { (x: Tensor) in f(x).sum() }
            let fused = slope(x)
            var composed: Tensor?
            _ = grad { (x: Tensor) -> Tensor in
                let y = slope(x)
                composed = y.detached
                return y.sum()
            }(x)
            #expect(allClose(fused, composed!, rtol: 1e-12, atol: 1e-13))
        }
    }

    @Test func float32ActivationsAgreeWithFloat64OnTheWholeRange() {
        let wide = Tensor.linspace(-30, 30, count: 5001, .float64)
        let narrow = wide.asType(.float32)
        let functions: [(Tensor) -> Tensor] = [
            gelu, geluApproximate, silu, mish, hardSwish, { elu($0) }, { softplus($0) }, sigmoid, logSigmoid,
            selu,
        ]
        for (i, f) in functions.enumerated() {
            #expect(allClose(f(narrow), f(narrow.asType(.float64)), rtol: 1e-6, atol: 1e-6), "function \(i)")
            let slope: (Tensor) -> Tensor = grad { (x: Tensor) in f(x).sum() }
            #expect(
                allClose(slope(narrow), slope(narrow.asType(.float64)), rtol: 1e-5, atol: 1e-6),
                "gradient \(i)")
        }
    }
}
