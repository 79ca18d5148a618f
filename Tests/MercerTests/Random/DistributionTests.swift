import Foundation
import Mercer
import Testing

/// Each distribution against its exact one: continuous ones by Kolmogorov and Smirnov's test of 200,000
/// draws, discrete ones by χ², at a significance of 1 in 1000 with fixed seeds. Moments alone would not see a
/// wrong shape.
@Suite struct DistributionTests {
    private let n = 200_000

    private func expectDistribution(
        _ x: Tensor, sourceLocation: SourceLocation = #_sourceLocation, _ cdf: (Double) -> Double
    ) {
        let values = x.asType(.float64).toArray(Double.self).sorted()
        let count = Double(values.count)
        var distance = 0.0
        for (i, value) in values.enumerated() {
            let p = cdf(value)
            distance = max(distance, abs(p - Double(i) / count), abs(Double(i + 1) / count - p))
        }
        // P(√n D > 1.9495) = 0.001.
        #expect(distance * count.squareRoot() < 1.9495, sourceLocation: sourceLocation)
    }

    private func expectFrequencies(
        _ counts: [Int], _ probabilities: [Double], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let total = Double(counts.reduce(0, +))
        let statistic = zip(counts, probabilities).reduce(0) { sum, pair in
            let expected = total * pair.1
            return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
        }
        let p = Special.regularizedGammaQ(0.5 * Double(counts.count - 1), 0.5 * statistic)
        #expect(
            p > 0.001, "χ² = \(statistic) with \(counts.count - 1) degrees of freedom",
            sourceLocation: sourceLocation)
    }

    private func counts(_ x: Tensor, _ classes: Int) -> [Int] {
        var result = [Int](repeating: 0, count: classes)
        for i in x.asType(.int64).toArray(Int64.self) { result[Int(i)] += 1 }
        return result
    }

    @Test(arguments: [DType.float32, .float64]) func continuousDistributionsHaveTheirShape(_ dtype: DType) {
        let keys = RandomKey(2024).split(8)
        expectDistribution(Random.uniform(-2..<6, [n], dtype: dtype, key: keys[0])) { ($0 + 2) / 8 }
        expectDistribution(Random.normal([n], dtype: dtype, loc: 3, scale: 0.5, key: keys[1])) {
            Special.normalCDF(($0 - 3) / 0.5)
        }
        expectDistribution(Random.exponential([n], dtype: dtype, rate: 4, key: keys[2])) { 1 - exp(-4 * $0) }
        expectDistribution(Random.laplace([n], dtype: dtype, loc: -1, scale: 2, key: keys[3])) {
            let t = ($0 + 1) / 2
            return t < 0 ? 0.5 * exp(t) : 1 - 0.5 * exp(-t)
        }
        expectDistribution(Random.gumbel([n], dtype: dtype, loc: 1, scale: 3, key: keys[4])) {
            exp(-exp(-($0 - 1) / 3))
        }
    }

    @Test func truncatedNormalHasTheShapeOfTheNormalInsideItsBounds() {
        let bounds: [(Double, Double)] = [
            (-2, 2), (-1, 0.7), (0.3, 0.4), (3, 10), (4, 4.1), (-9, -2), (-0.2, 8),
        ]
        for (i, (low, high)) in bounds.enumerated() {
            let x = Random.truncatedNormal(
                low * 2 + 1...high * 2 + 1, [n], dtype: .float64, loc: 1, scale: 2, key: RandomKey(7)[i])
            #expect(x.min().item(Double.self) >= low * 2 + 1)
            #expect(x.max().item(Double.self) <= high * 2 + 1)
            // By upper tails, so that nothing cancels far out.
            let tail = { (z: Double) in Special.normalCDF(-z) }
            expectDistribution(x) { (tail(low) - tail(($0 - 1) / 2)) / (tail(low) - tail(high)) }
        }
    }

    @Test func gammaFamilyHasItsShape() {
        let keys = RandomKey(5).split(8)
        for (i, a) in [0.05, 0.8, 1, 3.7, 250].enumerated() {
            expectDistribution(Random.gamma(a, [n], dtype: .float64, scale: 2, key: keys[i])) {
                Special.regularizedGammaP(a, $0 / 2)
            }
        }
        expectDistribution(Random.beta(0.4, 2.5, [n], dtype: .float64, key: keys[5])) {
            Special.regularizedBeta($0, 0.4, 2.5)
        }
        expectDistribution(Random.chiSquare(3, [n], key: keys[6])) { Special.regularizedGammaP(1.5, $0 / 2) }
        let simplex = Random.dirichlet([0.5, 1, 2], [n], dtype: .float64, key: keys[7])
        let excess: Tensor = abs(simplex.sum(axis: 1) - 1).max()
        #expect(excess.item(Double.self) < 1e-14)
        expectDistribution(simplex[.ellipsis, 2]) { Special.regularizedBeta($0, 2, 1.5) }
    }

    @Test func multivariateNormalHasItsCovariance() throws {
        let covariance = Tensor([2, 0.6, 0.6, 1] as [Double], [2, 2])
        let x = try Random.multivariateNormal(
            mean: Tensor([1, -1] as [Double]), covariance: covariance, [n], key: RandomKey(21))
        expectDistribution(x[.ellipsis, 0]) { Special.normalCDF(($0 - 1) / 2.0.squareRoot()) }
        // The sum and the difference that is uncorrelated with the first component.
        expectDistribution(x[.ellipsis, 0] + x[.ellipsis, 1]) { Special.normalCDF($0 / 4.2.squareRoot()) }
        let slope = 0.3 as Double
        expectDistribution((x[.ellipsis, 1] + 1) - (x[.ellipsis, 0] - 1) * slope) {
            Special.normalCDF($0 / 0.82.squareRoot())
        }
    }

    @Test func integersAreEquallyLikely() {
        expectFrequencies(
            counts(Random.randInt(-3..<8, [n], key: RandomKey(1)) + 3, 11),
            [Double](repeating: 1 / 11.0, count: 11))
        // A range so large that a simple remainder of 64 bits would favour its first half by 2 to 1.
        let span = 3 << 61
        let x = Random.randInt(0..<span, [n], dtype: .int64, key: RandomKey(2)).toArray(Int64.self)
        let thirds = x.reduce(into: [0, 0, 0]) { $0[Int($1 / Int64(span / 3))] += 1 }
        expectFrequencies(thirds, [1 / 3.0, 1 / 3.0, 1 / 3.0])
    }

    @Test func neighboursAreIndependent() {
        // Pairs of consecutive uniform numbers and of numbers under neighbouring keys fill the unit square
        // evenly.
        let x = Random.uniform(0..<1, [n], key: RandomKey(11)).toArray(Float.self)
        let y = Random.uniform(0..<1, [n], key: RandomKey(12)).toArray(Float.self)
        let folded = Random.uniform(0..<1, [n], key: RandomKey(11)[0]).toArray(Float.self)
        for (a, b) in [(x, Array(x.dropFirst()) + [0.5]), (x, y), (x, folded)] {
            var cells = [Int](repeating: 0, count: 64)
            for (u, v) in zip(a, b) { cells[Int(u * 8) * 8 + Int(v * 8)] += 1 }
            expectFrequencies(cells, [Double](repeating: 1 / 64.0, count: 64))
        }
    }

    @Test func coinsAndChoicesHaveTheirProbabilities() {
        let coins = Random.bernoulli(0.3, [n], key: RandomKey(3))
        expectFrequencies(counts(coins, 2), [0.7, 0.3])
        #expect(Random.bernoulli(1, [1000], key: RandomKey(3)).all().item(Bool.self))
        #expect(!Random.bernoulli(0, [1000], key: RandomKey(3)).any().item(Bool.self))
        let each = Random.bernoulli(Tensor([Double](repeating: 0.9, count: n)), key: RandomKey(4))
        expectFrequencies(counts(each, 2), [0.1, 0.9])

        let weights = [0.1, 0.4, 0, 0.5]
        let logits = Tensor([log(0.1), log(0.4), -.infinity, log(0.5)] as [Double])
        let drawn = counts(Random.categorical(logits, count: n, key: RandomKey(5)), 4)
        #expect(drawn[2] == 0)
        expectFrequencies([drawn[0], drawn[1], drawn[3]], [0.1, 0.4, 0.5])
        let chosen = counts(Random.choice(4, size: n, weights: weights, key: RandomKey(6)), 4)
        expectFrequencies([chosen[0], chosen[1], chosen[3]], [0.1, 0.4, 0.5])
    }

    @Test func categoricalTakesItsAxis() {
        var logits = Tensor.full([2, 5, 3], -50)
        logits[0, 4, .all] = Tensor(0 as Float)
        logits[1, 1, .all] = Tensor(0 as Float)
        let classes = Random.categorical(logits, axis: 1, key: RandomKey(0))
        #expect(classes.shape == [2, 3] && classes.toArray(Int64.self) == [4, 4, 4, 1, 1, 1])
    }

    @Test func ordersAreEquallyLikely() {
        var seen: [[Int64]: Int] = [:]
        for i in 0..<24_000 {
            seen[Random.permutation(4, key: RandomKey(8)[i]).toArray(Int64.self), default: 0] += 1
        }
        #expect(seen.count == 24)
        expectFrequencies(Array(seen.values), [Double](repeating: 1 / 24.0, count: 24))
        let long = Random.permutation(1000, key: RandomKey(1)).toArray(Int64.self)
        #expect(long.sorted() == (0..<1000).map(Int64.init) && long != long.sorted())
        let rows = Random.permutation(Tensor([1, 2, 3, 4, 5, 6] as [Int32], [3, 2]), key: RandomKey(1))
        #expect(Set(rows.toArray(Int32.self)).count == 6)
    }

    @Test func choiceWithoutReplacementTakesEachAtMostOnce() {
        var pairs: [[Int64]: Int] = [:]
        var weighted = [Int](repeating: 0, count: 3)
        for i in 0..<20_000 {
            let pair = Random.choice(5, size: 2, replace: false, key: RandomKey(4)[i]).toArray(Int64.self)
            pairs[pair, default: 0] += 1
            let first = Random.choice(3, size: 3, replace: false, weights: [1, 2, 5], key: RandomKey(5)[i])
            weighted[Int(first[0].item(Int64.self))] += 1
            #expect(Set(first.toArray(Int64.self)).count == 3)
        }
        #expect(pairs.count == 20 && pairs.keys.allSatisfy { $0[0] != $0[1] })
        expectFrequencies(Array(pairs.values), [Double](repeating: 1 / 20.0, count: 20))
        expectFrequencies(weighted, [1 / 8.0, 2 / 8.0, 5 / 8.0])
    }

    @Test func streamServesSwiftsOwnShuffle() {
        var (a, b) = (RandomStream(RandomKey(1)), RandomStream(RandomKey(1)))
        #expect(Array(0..<50).shuffled(using: &a) == Array(0..<50).shuffled(using: &b))
        expectDistribution(Tensor((0..<n).map { _ in a.normal() })) { Special.normalCDF($0) }
    }
}
