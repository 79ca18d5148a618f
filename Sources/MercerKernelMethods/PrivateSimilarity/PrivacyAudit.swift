import Foundation
import Mercer

/// Measures what a mechanism promises: that no pair of neighbouring data sets changes the sums by more than the declared
/// sensitivity, and that the outputs tell them apart no better than ε allows.
public enum PrivacyAudit {
    /// The largest change of un-noised sums over neighbouring pairs, beside the declared bound.
    public struct Sensitivity: Sendable, Codable {
        public let name: String
        public let pairs: Int
        public let observed: Double
        public let declared: Double

        public var holds: Bool { observed <= declared }
    }

    /// The observed ℓ1 change of feature sums when one row is added, over `pairs` rows.
    public static func features(_ features: RandomFeatures, _ points: PointSet<Double>, pairs: Int)
        -> Sensitivity
    {
        var observed = 0.0
        for i in 0..<pairs {
            let row = PointSet<Double>(
                Array(points[i % points.count]), count: 1, dimension: points.dimension)
            observed = max(observed, features.sums(row).reduce(0) { $0 + abs($1) })
        }
        return Sensitivity(
            name: "random features, ℓ1", pairs: pairs, observed: observed, declared: features.sensitivity.l1)
    }

    /// The observed ℓ1 change of a tree's nodes when a value is added.
    public static func tree(_ values: [Double], range: Double, cells: Int, pairs: Int) -> Sensitivity {
        func nodes(_ values: some Sequence<Double>) -> [Double] {
            var leaves = [Double](repeating: 0, count: cells)
            for value in values { leaves[DistanceTree.cell(value, range: range, cells: cells)] += 1 }
            return CountTree(leaves: leaves).nodes
        }
        let all = nodes(values)
        var observed = 0.0
        for i in 0..<pairs {
            var without = values
            without.remove(at: i % values.count)
            observed = max(observed, zip(all, nodes(without)).reduce(0) { $0 + abs($1.0 - $1.1) })
        }
        return Sensitivity(
            name: "tree of counts, ℓ1", pairs: pairs, observed: observed, declared: log2(Double(cells)) + 1)
    }

    /// The observed ℓ2 change of class sums when a row is added.
    public static func classSums(_ rows: PointSet<Double>, _ labels: [Int], classes: Int, pairs: Int)
        -> Sensitivity
    {
        let all = PrivateClassifier.classSums(rows, labels, classes: classes).0
        var observed = 0.0
        for i in 0..<pairs {
            let row = i % rows.count
            var values = rows.values
            values.removeSubrange(row * rows.dimension..<(row + 1) * rows.dimension)
            var rest = labels
            rest.remove(at: row)
            let without = PrivateClassifier.classSums(
                PointSet<Double>(values, count: rows.count - 1, dimension: rows.dimension), rest,
                classes: classes
            ).0
            let change = zip(all, without).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            observed = max(observed, change.squareRoot())
        }
        // What the noise is made for: one row of norm 1, and the rounding to a grid.
        let declared = PrivateMechanism.numbers(
            count: all.count, l1: Double(rows.dimension).squareRoot(), l2: 1, budget: .unit
        ).sensitivity
        return Sensitivity(name: "class sums, ℓ2", pairs: pairs, observed: observed, declared: declared)
    }

    /// A lower bound on ε from releases on two neighbours: for the best threshold, the log ratio of the probabilities that
    /// an output lies beyond it, each at its end of a Clopper-Pearson interval.
    ///
    /// - Parameters:
    ///   - a, b: one number of each release, on either data set. One half of each chooses the threshold, the other half
    ///     measures, so that choosing costs no confidence.
    ///   - confidence: how probable it is at least that the bound holds.
    public static func epsilonLowerBound(
        _ a: [Double], _ b: [Double], delta: Double = 0, confidence: Double = 0.95
    ) -> Double {
        let tail = (1 - confidence) / 2
        let (a1, a2) = (a[..<(a.count / 2)], a[(a.count / 2)...])
        let (b1, b2) = (b[..<(b.count / 2)], b[(b.count / 2)...])
        func bound(_ p: some Collection<Double>, _ q: some Collection<Double>, _ isBeyond: (Double) -> Bool)
            -> Double
        {
            let low = lowerProportion(p.count { isBeyond($0) }, of: p.count, tail)
            let high = upperProportion(q.count { isBeyond($0) }, of: q.count, tail)
            return low > delta ? log((low - delta) / high) : -.infinity
        }
        var best = (value: -Double.infinity, threshold: 0.0, isUpper: true, isSwapped: false)
        let sorted = (Array(a1) + Array(b1)).sorted()
        for step in 1..<64 {
            let threshold = sorted[sorted.count * step / 64]
            for isUpper in [true, false] {
                for isSwapped in [true, false] {
                    let (p, q) = isSwapped ? (b1, a1) : (a1, b1)
                    let value = bound(p, q) { isUpper ? $0 > threshold : $0 < threshold }
                    if value > best.value { best = (value, threshold, isUpper, isSwapped) }
                }
            }
        }
        let (p, q) = best.isSwapped ? (b2, a2) : (a2, b2)
        return max(0, bound(p, q) { best.isUpper ? $0 > best.threshold : $0 < best.threshold })
    }

    /// The lower end of a proportion's Clopper-Pearson interval that leaves `tail` below it.
    private static func lowerProportion(_ hits: Int, of n: Int, _ tail: Double) -> Double {
        hits == 0 ? 0 : betaQuantile(tail, Double(hits), Double(n - hits + 1))
    }

    private static func upperProportion(_ hits: Int, of n: Int, _ tail: Double) -> Double {
        hits == n ? 1 : betaQuantile(1 - tail, Double(hits + 1), Double(n - hits))
    }

    private static func betaQuantile(_ p: Double, _ a: Double, _ b: Double) -> Double {
        root(between: 0, 1, tolerance: 1e-12) { Special.regularizedBeta($0, a, b) - p }
    }
}

extension PrivacyAudit {
    /// How a histogram of noise fits its law.
    public struct NoiseFit: Sendable, Codable {
        /// χ² over the values that are expected five times or more, and all others together.
        public let statistic: Double
        public let degrees: Int
        /// How probable a statistic as large is.
        public let probability: Double

        /// Whether noise of the law fits no better once in a million histograms.
        public var holds: Bool { probability > 1e-6 }
    }

    /// The histogram of the noise on a count of sensitivity 1 beside its law, P(z) ∝ e^(−ε|z|).
    public static func noiseOfCounts(
        epsilon: Double, trials: Int, noise: NoiseSource = .system
    ) throws -> NoiseFit {
        let mechanism = try PrivateMechanism.counts(sensitivity: 1, epsilon: epsilon)
        var generator = noise.generator()
        let draws = mechanism.sanitise([Double](repeating: 0, count: trials), using: &generator)
        let n = Double(trials)
        func expected(_ z: Int) -> Double { n * DiscreteLaplace.probability(z, scale: mechanism.scale) }
        var reach = 0
        while expected(reach + 1) >= 5 { reach += 1 }
        var counts = [Double](repeating: 0, count: 2 * reach + 1)
        var beyond = 0.0
        for draw in draws {
            if abs(draw) <= Double(reach) { counts[Int(draw) + reach] += 1 } else { beyond += 1 }
        }
        var (statistic, rest) = (0.0, n)
        for (i, count) in counts.enumerated() {
            let mean = expected(i - reach)
            statistic += (count - mean) * (count - mean) / mean
            rest -= mean
        }
        // A tail that is expected less than once would weigh a single draw too much.
        if rest > 1 { statistic += (beyond - rest) * (beyond - rest) / rest }
        let degrees = rest > 1 ? counts.count : counts.count - 1
        return NoiseFit(
            statistic: statistic, degrees: degrees,
            probability: degrees == 0 ? 1 : Special.regularizedGammaQ(Double(degrees) / 2, statistic / 2))
    }

    /// The empirical lower bound on ε of a single noisy count, from releases on n and n + 1 rows.
    public static func epsilonOfCounts(
        epsilon: Double, trials: Int, confidence: Double = 0.95, noise: NoiseSource = .system
    ) throws -> Double {
        let mechanism = try PrivateMechanism.counts(sensitivity: 1, epsilon: epsilon)
        var generator = noise.generator()
        return epsilonLowerBound(
            mechanism.sanitise([Double](repeating: 100, count: trials), using: &generator),
            mechanism.sanitise([Double](repeating: 101, count: trials), using: &generator),
            confidence: confidence)
    }
}
