import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct KernelDensityTests {
    private static func data(_ n: Int, _ d: Int, _ seed: UInt64) -> Tensor {
        Random.normal([n, d], dtype: .float64, key: RandomKey(seed))
    }

    /// Importance sampling from a wide normal law: the mean of ρ̂/q is 1, within five errors.
    @Test(arguments: DensityKernel.allCases)
    func densitiesIntegrateToOne(_ kernel: DensityKernel) throws {
        let kde = try KernelDensity(
            Self.data(50, 3, 1), kernel: kernel, bandwidth: .fixed(kernel.isCompact ? 2 : 0.6),
            covariance: .full)
        let scale = 4.0
        let places = Self.data(60_000, 3, 2) * scale
        let logProposal = (places * places).sum(axis: 1).toArray(Double.self)
            .map { -$0 / (2 * scale * scale) - 1.5 * log(2 * Double.pi * scale * scale) }
        let ratios = zip(kde.logDensity(places).toArray(Double.self), logProposal).map { exp($0.0 - $0.1) }
        let mean = ratios.reduce(0, +) / Double(ratios.count)
        let variance = ratios.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(ratios.count)
        #expect(abs(mean - 1) < 5 * (variance / Double(ratios.count)).squareRoot(), "\(kernel): \(mean)")
    }

    /// Never larger than all pairs, and smaller by at most the share that is allowed; rounding apart.
    @Test(arguments: DensityKernel.allCases, [1, 2, 5])
    func cutOffsLoseAtMostWhatTheyMay(_ kernel: DensityKernel, _ d: Int) throws {
        let (data, places) = (Self.data(3000, d, 11), Self.data(200, d, 12) * 1.5)
        let weights = (0..<3000).map { Double(1 + $0 % 5) }
        for tolerance in [1e-3, 1e-10] {
            func density(_ cutoff: Double?, _ weights: [Double]?) throws -> KernelDensity {
                try KernelDensity(
                    data, kernel: kernel, bandwidth: .fixed(kernel.isCompact ? 0.5 : 0.08), weights: weights,
                    cutoff: cutoff)
            }
            for weights in [nil, weights] {
                let (all, near) = (try density(nil, weights), try density(tolerance, weights))
                let pairs =
                    Array(zip(all.estimate(places), near.estimate(places)))
                    + Array(zip(try all.estimateOthers(), try near.estimateOthers()))
                for (a, b) in pairs {
                    if a.logDensity == -.infinity {
                        #expect(b.logDensity == -.infinity)
                        continue
                    }
                    #expect(b.logDensity <= a.logDensity + 1e-10)
                    #expect(b.logDensity >= a.logDensity - 1.001 * tolerance - 1e-10)
                    #expect(abs(b.participation / a.participation - 1) <= 2.01 * tolerance + 1e-9)
                }
            }
        }
    }

    @Test func cutOffsHoldInSinglePrecisionAndForEqualPoints() throws {
        let data = Tensor((0..<2000).flatMap { [Double($0 % 3), 1] }, [2000, 2])
        let near = try KernelDensity(data, bandwidth: .fixed(0.1), singlePrecision: true, cutoff: 1e-6)
        let all = try KernelDensity(data, bandwidth: .fixed(0.1))
        for (a, b) in zip(all.estimate(data[0..<9]), near.estimate(data[0..<9])) {
            #expect(abs(a.logDensity - b.logDensity) < 1e-5)
        }
        #expect(throws: KernelMethodError.self) { try KernelDensity(data, bandwidth: .fixed(0.1), cutoff: 0.5) }
        #expect(throws: KernelMethodError.self) { try KernelDensity(data, bandwidth: .fixed(0.1), cutoff: 0) }
    }

    @Test func logarithmsSurviveManyDimensions() throws {
        let kde = try KernelDensity(Self.data(30, 400, 3), bandwidth: .fixed(0.05))
        let answer = kde.estimate(Self.data(3, 400, 4))
        for one in answer {
            #expect(one.logDensity.isFinite && one.logDensity < -10_000)
            #expect(abs(one.participation - 1) < 1e-6)
        }
    }

    @Test func scoreIsTheGradient() throws {
        for covariance in DensityCovariance.allCases {
            let kde = try KernelDensity(
                Self.data(200, 3, 5) * Tensor([1.0, 3, 0.5]), bandwidth: .fixed(0.4), covariance: covariance,
                weights: (0..<200).map { Double($0 % 7) })
            let place = [0.3, -0.7, 0.2]
            let score = kde.score(Tensor(place, [1, 3])).toArray(Double.self)
            for k in 0..<3 {
                var (up, down) = (place, place)
                up[k] += 1e-5
                down[k] -= 1e-5
                let values = kde.logDensity(Tensor(up + down, [2, 3])).toArray(Double.self)
                #expect(abs(score[k] - (values[0] - values[1]) / 2e-5) < 1e-6)
            }
        }
    }

    @Test func zeroWeightsAreLeftOut() throws {
        let data = Self.data(40, 2, 6)
        let weights = (0..<40).map { $0 < 30 ? 1.0 : 0 }
        let query = Self.data(5, 2, 7)
        let a = try KernelDensity(data, bandwidth: .fixed(0.5), weights: weights).logDensity(query).toArray(
            Double.self)
        let b = try KernelDensity(data[0..<30], bandwidth: .fixed(0.5)).logDensity(query).toArray(Double.self)
        for (x, y) in zip(a, b) { #expect(abs(x - y) < 1e-12) }
    }

    @Test func singlePrecisionIsCloseAndThreadsChangeNothing() throws {
        let (data, query) = (Self.data(3000, 12, 8), Self.data(200, 12, 9))
        let double = try KernelDensity(data, bandwidth: .fixed(0.5))
        let single = try KernelDensity(data, bandwidth: .fixed(0.5), singlePrecision: true)
        let exact = double.logDensity(query).toArray(Double.self)
        for (x, y) in zip(exact, single.logDensity(query).toArray(Double.self)) {
            #expect(abs(x - y) < 12e-5)
        }
        #expect(Parallel.withThreads(1) { double.logDensity(query).toArray(Double.self) } == exact)
    }

    /// Chains of bandwidths share exponentials; each must be what it is alone.
    @Test func bandwidthsOfOnePassAreThoseOfManyPasses() throws {
        let kde = try KernelDensity(Self.data(500, 6, 10), bandwidth: .fixed(1))
        let bandwidths = (0..<24).map { 1.5 * exp2(-Double($0) / 4) } + [0.77]
        let together = try kde.leaveOneOut(bandwidths)
        for (i, h) in bandwidths.enumerated() {
            let alone = try kde.leaveOneOut([h])[0]
            #expect(together[i].bandwidth == h)
            #expect(abs(together[i].meanLogDensity - alone.meanLogDensity) < 1e-10)
            #expect(abs(together[i].participation - alone.participation) < 1e-10)
            #expect(abs(together[i].derivative - alone.derivative) < 1e-8)
        }
    }

    @Test func leaveOneOutIsEachRowUnderTheOthers() throws {
        let data = Self.data(25, 4, 11)
        let kde = try KernelDensity(data, bandwidth: .fixed(0.8))
        let own = try kde.estimateOthers().map(\.logDensity)
        for row in [0, 13, 24] {
            let others = data.take(Tensor((0..<25).filter { $0 != row }.map(Int64.init)))
            let direct = try KernelDensity(others, bandwidth: .fixed(0.8)).logDensity(data[row..<row + 1])
            #expect(abs(direct.toArray(Double.self)[0] - own[row]) < 1e-11)
        }
        let mean = try kde.leaveOneOut([0.8])[0].meanLogDensity
        #expect(abs(mean - own.reduce(0, +) / 25) < 1e-11)
    }

    @Test(arguments: ["loo", "cv:5", "scott", "silverman", "asymptotic", "0.4"])
    func everyRuleGivesABandwidth(_ rule: String) throws {
        let kde = try KernelDensity(
            Self.data(400, 5, 12), bandwidth: DensityBandwidth(rule), covariance: .diagonal)
        #expect(kde.bandwidth > 0.2 && kde.bandwidth < 1)
    }

    @Test func duplicatesAreLeftOutOfTheLikelihood() throws {
        let data = Self.data(200, 3, 13)
        let kde = try KernelDensity(concatenated([data, data[0..<20]]), bandwidth: .leaveOneOut)
        #expect(abs(kde.search!.duplicateShare - 40.0 / 220) < 1e-12)
        #expect(kde.bandwidth > 0.1)
        #expect(throws: KernelMethodError.self) {
            try KernelDensity(concatenated([data, data]), bandwidth: .leaveOneOut)
        }
    }

    /// A draw of one point's kernel has the radius' law: Kolmogorov-Smirnov at 10⁻⁴ with 4 000 draws.
    @Test(arguments: DensityKernel.allCases)
    func drawsHaveTheKernelsLaw(_ kernel: DensityKernel) throws {
        let kde = try KernelDensity(Tensor([1.0, 2, 3], [1, 3]), kernel: kernel, bandwidth: .fixed(0.5))
        var stream = RandomStream(RandomKey(14))
        let draws = kde.sample(4000, using: &stream).toArray(Double.self)
        let radii = (0..<4000).map { i in
            ((0..<3).reduce(0) { $0 + pow(draws[3 * i + $1] - Double($1 + 1), 2) }).squareRoot() / 0.5
        }
        // The distribution function of the radius by the midpoint rule over the density.
        func mass(_ r: Double) -> Double {
            let steps = 2000
            let places = (0..<steps).map { r * (Double($0) + 0.5) / Double(steps) }
            let query = Tensor(places.flatMap { [1 + 0.5 * $0, 2, 3] }, [steps, 3])
            let densities = kde.logDensity(query).toArray(Double.self)
            return zip(places, densities).reduce(0) { $0 + 4 * Double.pi * $1.0 * $1.0 * exp($1.1) * 0.125 }
                * r / Double(steps)
        }
        let grid = (0...200).map { Double($0) / 200 * (kernel.isCompact ? 1 : 16) }
        let table = grid.map(mass)
        let distance = DensityStatistics.kolmogorovDistance(radii) { r in
            let step = grid[1]
            let k = min(199, Int(r / step))
            return table[k] + (table[k + 1] - table[k]) * (r / step - Double(k))
        }
        // P(√n D > 2.23) = 10⁻⁴; the table's interpolation adds a little.
        #expect(distance < 2.23 / 4000.0.squareRoot() + 0.003, "\(kernel): \(distance)")
    }

    @Test func wrongInputIsRefused() throws {
        let data = Self.data(10, 2, 15)
        func fails(_ body: () throws -> KernelDensity) -> String {
            do {
                _ = try body()
                return ""
            } catch { return "\(error)" }
        }
        #expect(fails { try KernelDensity(data, bandwidth: .fixed(0)) }.contains("positive"))
        #expect(fails { try KernelDensity(data, bandwidth: .fixed(-1)) }.contains("positive"))
        #expect(fails { try KernelDensity(data[0..<1], bandwidth: .leaveOneOut) }.contains("needs 2 rows"))
        #expect(
            fails { try KernelDensity(data, weights: [Double](repeating: -1, count: 10)) }.contains(
                "weight of row 1"))
        #expect(
            fails { try KernelDensity(data, weights: [Double](repeating: 0, count: 10)) }.contains(
                "every weight"))
        #expect(fails { try KernelDensity(data, weights: [1]) }.contains("10 are expected"))
        let constant = Tensor((0..<20).map { $0 % 2 == 0 ? Double($0) : 7 }, [10, 2])
        #expect(
            fails { try KernelDensity(constant, covariance: .diagonal, columns: ["a", "b"]) }.contains(
                "column b"))
        let copied = Tensor((0..<10).flatMap { [Double($0), 2 * Double($0)] }, [10, 2])
        #expect(fails { try KernelDensity(copied, covariance: .full) }.contains("diagonal"))
        let broken = Tensor([1.0, .nan, 3, 4], [2, 2])
        #expect(
            fails { try KernelDensity(broken, columns: ["a", "b"]) }.contains("row 1 has nan in column b"))
    }
}

@Suite struct DensityTheoryTests {
    @Test func thresholdsOfTheIsotropicCase() throws {
        let theory = try DensityRegimes(variances: [1], alpha: 0.5)
        #expect(abs(theory.glassBandwidth - 0.65215) < 1e-5)
        #expect(abs(theory.cltBandwidth - 0.9223) < 1e-4)
        #expect(abs(theory.optimalBandwidth - 0.6224) < 1e-4)
        #expect(abs(theory.rate(theory.criticalPrecision) - 0.5) < 1e-12)
    }

    /// The divergence and its derivative don't jump at h_G, and h_KL is its minimum.
    @Test func freeEnergyIsSmoothThroughTheGlassBandwidth() throws {
        let theory = try DensityRegimes(variances: [2, 1, 0.25], alpha: 0.4)
        let h = theory.glassBandwidth
        #expect(
            abs(theory.divergencePerDimension(h * 0.999999) - theory.divergencePerDimension(h * 1.000001))
                < 1e-5)
        let best = theory.optimalBandwidth
        for other in [0.98, 1.02] {
            #expect(theory.divergencePerDimension(best) < theory.divergencePerDimension(best * other))
        }
    }

    /// A chi-squared law with noncentrality integrates to 1 and has the mean d + |x|².
    @Test(arguments: [(1, 0.5), (2, 3.0), (7, 0.0), (50, 50.0), (10_000, 10_000.0)])
    func distancesHaveTheirLaw(_ d: Int, _ norm: Double) throws {
        let law = try FiniteSizeDensity(dimension: d, logCount: 5, squaredNorm: norm)
        let centre = Double(d) + norm
        let width = (2 * Double(d) + 4 * norm).squareRoot()
        let (low, high) = (max(1e-9, centre - 12 * width), centre + 25 * width)
        let n = 40_000
        let (a, b) = (log(low), log(high))
        var (mass, mean) = (0.0, 0.0)
        for i in 0..<n {
            let u = a + (Double(i) + 0.5) * (b - a) / Double(n)
            let weight = exp(law.logDensity(ofSquaredDistance: exp(u)) + u) * (b - a) / Double(n)
            mass += weight
            mean += weight * exp(u)
        }
        #expect(abs(mass - 1) < 1e-4)
        #expect(abs(mean / centre - 1) < 1e-4)
    }

    @Test func hugeCountsStayFinite() throws {
        let values = try FiniteSizeDensity(dimension: 200, logCount: 100, squaredNorm: 200).values(0.65)
        #expect(values.logDensityPerDimension.isFinite)
        #expect(values.participation > 0 && values.participation < 1)
    }

    @Test func wrongSpectraAreRefused() {
        for variances in [[1.0, 0], [1, -1], []] {
            #expect(throws: KernelMethodError.self) { try DensityRegimes(variances: variances, alpha: 0.5) }
        }
        for alpha in [0, -1, Double.nan] {
            #expect(throws: KernelMethodError.self) { try DensityRegimes(variances: [1], alpha: alpha) }
        }
        #expect(throws: KernelMethodError.self) {
            try FiniteSizeDensity(dimension: 0, logCount: 5, squaredNorm: 1)
        }
    }
}

@Suite struct DensityClassifierTests {
    @Test func classesAreToldApart() throws {
        let a = Random.normal([200, 2], dtype: .float64, key: RandomKey(1))
        let b = Random.normal([200, 2], dtype: .float64, key: RandomKey(2)) + 3.0
        let classifier = try DensityClassifier(
            concatenated([a, b]), labels: [Int](repeating: 0, count: 200) + [Int](repeating: 1, count: 200),
            classes: 2)
        let probabilities = classifier.probabilities(Tensor([0.0, 0, 3, 3], [2, 2])).toArray(Double.self)
        #expect(probabilities[0] > 0.99 && probabilities[3] > 0.99)
        #expect(abs(probabilities[0] + probabilities[1] - 1) < 1e-12)
    }
}
