import MercerPapers
import Testing

@Suite struct BarTests {
    @Test(arguments: [
        (Bar.atLeast(6), 6.0, true), (.atLeast(6), 5.999, false), (.atMost(0.3), 0.3, true),
        (.atMost(0.3), 0.31, false), (.within(0.172, tolerance: 0.005), 0.177, true),
        (.within(0.172, tolerance: 0.005), 0.1771, false), (.exactly(4), 4, true),
        (.exactly(4), 4.0001, false),
    ])
    func aBarIsMetOnItsOwnSideOnly(_ bar: Bar, _ measured: Double, _ isMet: Bool) {
        #expect(bar.isMet(by: measured) == isMet)
    }

    @Test func whatIsNoNumberMeetsNoBar() {
        for bar in [Bar.atLeast(0), .atMost(0), .within(0, tolerance: 1), .exactly(0)] {
            #expect(!bar.isMet(by: .nan))
        }
    }

    @Test func theDistanceIsWhatIsMissing() {
        #expect(abs(Bar.atLeast(6).distance(of: 5.6) - 0.4) < 1e-12)
        #expect(abs(Bar.atMost(0.3).distance(of: 0.5) - 0.2) < 1e-12)
        #expect(abs(Bar.within(1, tolerance: 0.1).distance(of: 1.5) - 0.4) < 1e-12)
        #expect(Bar.atLeast(6).distance(of: 7) == 0)
    }

    @Test func statisticsAreTheUsualOnes() {
        let values = [3.0, 1, 2, 10]
        #expect(Claim.Statistic.mean(values) == 4)
        #expect(Claim.Statistic.median(values) == 2.5)
        #expect(Claim.Statistic.minimum(values) == 1)
        #expect(Claim.Statistic.maximum(values) == 10)
        #expect(Claim.Statistic.minimum([1, .nan]).isNaN)
        #expect(Claim.Statistic.mean([]).isNaN)
    }
}
