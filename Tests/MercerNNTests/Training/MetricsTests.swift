import Mercer
import MercerNN
import Testing

@Suite struct MetricsTests {
    @Test func accuracyCountsTheLargestScores() {
        let scores = Tensor(
            [0.1, 0.7, 0.2, 0.5, 0.2, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4, 0.2] as [Float], [4, 3])
        let labels = Tensor([1, 2, 0, 1] as [Int64])
        #expect(accuracy(scores, labels) == 0.25)
        #expect(accuracy(scores, labels, top: 2) == 1)
    }

    @Test func meansAreWeighted() {
        var mean = MeanMetric()
        #expect(mean.value.isNaN)
        mean.add(1, weight: 3)
        mean.add(5)
        #expect(mean.value == 2)
    }
}
