import Mercer
import Testing

@Suite struct LossTests {
    private let logits = samples([6, 5])
    private let classes = Tensor([3, 0, -100, 4, 1, 1] as [Int64])

    @Test func softmaxFamilyMatchesDifferences() {
        let x = samples([2, 5, 3])
        for axis in [0, 1, 2] {
            expectGradients(at: [x]) { softmax($0[0], axis: axis) }
            expectGradients(at: [x]) { logSoftmax($0[0], axis: axis) }
            expectGradients(at: [x]) { logSumExp($0[0], axis: axis) }
        }
    }

    @Test func softmaxOfHugeAndInfiniteScoresIsExact() {
        let x = Tensor([1000, 1000, -.infinity, -1e30] as [Float])
        #expect(softmax(x).toArray(Float.self) == [0.5, 0.5, 0, 0])
        #expect(logSumExp(x, axis: 0).item(Float.self) == 1000.6932)
        let none = Tensor([-.infinity, -.infinity] as [Float])
        #expect(logSumExp(none, axis: 0).item(Float.self) == -.infinity)
        let long = samples([3, 5000], -30, 30)
        #expect(allClose(softmax(long.asType(.float32)), softmax(long), rtol: 1e-5))
        #expect(allClose(softmax(long).sum(axis: 1), Tensor.ones([3], .float64), rtol: 1e-13))
        #expect(allClose(exp(logSoftmax(long.asType(.float32))), softmax(long), rtol: 1e-4))
    }

    @Test func crossEntropyMatchesDifferences() {
        let weights = samples([5], 0.2, 2)
        for reduction in LossReduction.allCases {
            for smoothing in [0, 0.1] {
                expectGradients(at: [logits]) {
                    crossEntropy($0[0], classes, labelSmoothing: smoothing, reduction: reduction)
                }
                expectGradients(at: [logits]) {
                    crossEntropy(
                        $0[0], classes, classWeights: weights, labelSmoothing: smoothing, reduction: reduction
                    )
                }
            }
            expectGradients(at: [logits, softmax(samples([6, 5], seed: 5))]) {
                crossEntropy($0[0], $0[1], labelSmoothing: 0.1, reduction: reduction)
            }
            expectGradients(at: [logits]) { nllLoss(logSoftmax($0[0]), classes, reduction: reduction) }
        }
    }

    @Test func crossEntropyFormsAgree() {
        let fused = crossEntropy(logits, classes, labelSmoothing: 0.2)
        let weighted = crossEntropy(
            logits, classes, classWeights: Tensor.ones([5], .float64), labelSmoothing: 0.2)
        #expect(allClose(fused, weighted, rtol: 1e-13))
        #expect(allClose(crossEntropy(logits, classes), nllLoss(logSoftmax(logits), classes), rtol: 1e-13))
        let all = Tensor([3, 0, 2, 4, 1, 1] as [Int64])
        #expect(
            allClose(
                crossEntropy(logits, all), crossEntropy(logits, oneHot(all, classes: 5, .float64)),
                rtol: 1e-13))
        let slope: (Tensor) -> Tensor = grad { (x: Tensor) in crossEntropy(x, classes) }
        let single: (Tensor) -> Tensor = grad { (x: Tensor) in crossEntropy(x, classes) }
        #expect(allClose(single(logits.asType(.float32)), slope(logits), atol: 1e-6))
        #expect(slope(logits)[2].toArray(Double.self) == [0, 0, 0, 0, 0])
    }

    @Test func otherLossesMatchDifferences() {
        let x = samples([4, 3])
        let t = samples([4, 3], 0.05, 0.95, seed: 7)
        for reduction in LossReduction.allCases {
            expectGradients(at: [x, t]) { mseLoss($0[0], $0[1], reduction: reduction) }
            expectGradients(at: [x, t]) { l1Loss($0[0], $0[1], reduction: reduction) }
            expectGradients(at: [x, t]) { smoothL1Loss($0[0], $0[1], beta: 0.7, reduction: reduction) }
            expectGradients(at: [x, t]) { huberLoss($0[0], $0[1], delta: 0.8, reduction: reduction) }
            expectGradients(at: [x, t]) { binaryCrossEntropy(logits: $0[0], $0[1], reduction: reduction) }
            expectGradients(at: [x, t]) {
                binaryCrossEntropy(
                    logits: $0[0], $0[1], positiveWeight: Tensor([2.0, 0.5, 1]), reduction: reduction)
            }
            expectGradients(at: [sigmoid(x), t]) {
                binaryCrossEntropy(probabilities: $0[0], $0[1], reduction: reduction)
            }
            expectGradients(at: [logSoftmax(x), t]) { klDivergence($0[0], $0[1], reduction: reduction) }
            expectGradients(at: [x, t]) { klDivergence($0[0], $0[1], logTargets: true, reduction: reduction) }
        }
        let zero = Tensor([0, 1] as [Double])
        #expect(klDivergence(Tensor([-1, -0.5] as [Double]), zero, reduction: .sum).item(Double.self) == 0.5)
    }
}
