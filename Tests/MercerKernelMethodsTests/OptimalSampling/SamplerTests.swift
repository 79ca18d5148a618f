import Foundation
import Mercer
import MercerKernelMethods
import Testing

/// Samplers against their laws. The bounds are those of tests at a significance of 1e-4, on fixed seeds.
@Suite struct SamplerTests {
    /// Kolmogorov and Smirnov's distance times √n of values from a distribution function; above 2.23 with
    /// probability 1e-4.
    private func distance(_ values: [Double], _ law: (Double) -> Double) -> Double {
        let sorted = values.sorted()
        let n = Double(sorted.count)
        var worst = 0.0
        for (i, x) in sorted.enumerated() {
            let p = law(x)
            worst = max(worst, max(Double(i + 1) / n - p, p - Double(i) / n))
        }
        return worst * n.squareRoot()
    }

    /// ∫ over x' ≤ x of K(x', x')/m dμ by the trapezoidal rule in a smooth variable.
    private func optimalLaw(_ basis: OrthonormalBasis, _ m: Int) -> (Double) -> Double {
        let steps = 40_000
        let place: (Double) -> Double
        let density: (Double) -> Double
        switch basis {
        case .hermite:
            place = { 24 * $0 - 12 }
            density = { 24 * exp(-0.5 * $0 * $0) / (2 * Double.pi).squareRoot() }
        case .laguerre:
            place = { 12 * $0 * 12 * $0 }
            density = { 2 * 12 * $0.squareRoot() * exp(-$0) }
        case .fourier:
            place = { $0 }
            density = { _ in 1 }
        default:
            let (a, b) = basis.jacobiExponents!
            let logNormaliser = Special.logBeta(a + 1, b + 1) + (a + b + 1) * log(2)
            place = { -cos(.pi * $0) }
            density = { x in
                .pi * exp((a + 0.5) * log(1 - x) + (b + 0.5) * log(1 + x) - logNormaliser)
            }
        }
        var sum = 0.0
        var (places, cumulative) = ([Double](), [Double]())
        for k in 0..<steps {
            let x = place((Double(k) + 0.5) / Double(steps))
            let phi = basis.values(x, count: m)
            sum += density(x) * phi.reduce(0) { $0 + $1 * $1 } / Double(m) / Double(steps)
            places.append(x)
            cumulative.append(sum)
        }
        #expect(abs(sum - 1) < 1e-3)
        return { x in
            var (low, high) = (0, steps)
            while low < high {
                let middle = (low + high) / 2
                if places[middle] < x { low = middle + 1 } else { high = middle }
            }
            return low == 0 ? 0 : cumulative[low - 1]
        }
    }

    @Test(arguments: [
        OrthonormalBasis.legendre, .chebyshev, .jacobi(0.5, 1.5), .hermite, .laguerre, .fourier,
    ])
    func pointsOfEachSamplerFollowTheOptimalDensity(_ basis: OrthonormalBasis) throws {
        let m = 5
        let space = try PolynomialSpace(basis, index: .totalDegree(m - 1, dimension: 1))
        let law = optimalLaw(basis, m)
        var (optimal, chain, matrix): ([Double], [Double], [Double]) = ([], [], [])
        for draw in 0..<4000 {
            var stream = RandomStream(RandomKey(5).fold(in: draw))
            optimal.append(space.drawOptimal(using: &stream)[0])
            // One of the points of a draw, so that the values are independent.
            chain.append(space.drawByChainRule(using: &stream)[draw % m][0])
            let points = space.drawProjectionDPP(using: &stream)
            matrix.append(points[Int(stream.integer(below: UInt64(m)))][0])
        }
        #expect(distance(optimal, law) < 2.23)
        #expect(distance(matrix, law) < 2.23)
        #expect(distance(chain, law) < 2.23)
    }

    @Test func smallestPointsOfChainRuleAndTridiagonalMatrixHaveOneLaw() throws {
        for basis in [OrthonormalBasis.legendre, .hermite, .laguerre, .jacobi(1, 0)] {
            let space = try PolynomialSpace(basis, index: .totalDegree(3, dimension: 1))
            var lists: [[Double]] = [[], []]
            for draw in 0..<3000 {
                var stream = RandomStream(RandomKey(8).fold(in: draw))
                lists[0].append(space.drawProjectionDPP(using: &stream).map { $0[0] }.min()!)
                lists[1].append(space.drawByChainRule(using: &stream).map { $0[0] }.min()!)
            }
            // Two samples: the distance is scaled by √(n/2).
            let sorted = lists[1].sorted()
            let gap = distance(lists[0]) { x in
                Double(sorted.count { $0 <= x }) / Double(sorted.count)
            }
            #expect(gap / 2.0.squareRoot() < 2.23, "\(basis.name)")
        }
    }

    private func nine() throws -> RowSpace {
        var stream = RandomStream(RandomKey(3))
        let raw = Tensor((0..<14).map { _ in stream.normal() }, [7, 2])
        return try RowSpace(features: raw, measure: [1, 2, 1, 3, 1, 1, 2])
    }

    @Test func subsetsOfAFiniteSetHaveTheirProbabilities() throws {
        let space = try nine()
        let (subsets, probabilities) = FiniteEnumeration(space, values: [Double](repeating: 0, count: 7))
            .projectionDPP()
        #expect(abs(probabilities.reduce(0, +) - 1) < 1e-12)
        let place = Dictionary(uniqueKeysWithValues: subsets.enumerated().map { ($1, $0) })
        var counts = [Double](repeating: 0, count: subsets.count)
        let draws = 20_000
        for draw in 0..<draws {
            var stream = RandomStream(RandomKey(4).fold(in: draw))
            counts[place[space.drawProjectionDPP(using: &stream).sorted()]!] += 1
        }
        let statistic = zip(counts, probabilities).reduce(0) { sum, pair in
            let expected = pair.1 * Double(draws)
            return sum + (pair.0 - expected) * (pair.0 - expected) / expected
        }
        // χ² with 20 degrees of freedom exceeds 52.4 with probability 1e-4.
        #expect(subsets.count == 21)
        #expect(statistic < 52.4)
    }

    @Test func pointsOfVolumeSamplesHaveTheMixtureMarginal() throws {
        let space = try nine()
        for weight in [SamplingWeight.optimal, .linf, .rkhs, .uniform] {
            let (n, draws) = (5, 20_000)
            var counts = [Double](repeating: 0, count: 7)
            for draw in 0..<draws {
                let design = try space.sample(.volume(count: n), weight: weight, key: RandomKey(6).fold(in: draw))
                counts[design.points[0]] += 1
            }
            var statistic = 0.0
            for row in 0..<7 {
                let (optimal, share) = (space.optimalDensity(row), 2 / Double(n))
                let density =
                    share * optimal
                    + (1 - share) * weight.density(optimal: optimal, kernel: space.kernelDensity(row))
                let expected = space.measure[row] * density * Double(draws)
                statistic += (counts[row] - expected) * (counts[row] - expected) / expected
            }
            // χ² with 6 degrees of freedom exceeds 27.9 with probability 1e-4.
            #expect(statistic < 27.9, "\(weight)")
        }
    }

    @Test func determinantalSamplesNeverHoldEqualRows() throws {
        let space = try RowSpace(features: Tensor([1, 2, 1, 2, 1, 5, 1, 7, 1, 2] as [Double], [5, 2]))
        for draw in 0..<500 {
            let design = try space.sample(.dpp, key: RandomKey(1).fold(in: draw))
            let same = design.points.filter { [0, 1, 4].contains($0) }
            #expect(same.count <= 1)
        }
    }

    @Test func oneSeedGivesOneDesign() throws {
        let space = try PolynomialSpace(.legendre, index: .totalDegree(4, dimension: 2))
        let designs = try (0..<2).map { _ in try space.sample(.repeatedDPP(times: 2), key: RandomKey(9)) }
        #expect(designs[0].points == designs[1].points)
        #expect(try space.sample(.repeatedDPP(times: 2), key: RandomKey(10)).points != designs[0].points)
    }
}
