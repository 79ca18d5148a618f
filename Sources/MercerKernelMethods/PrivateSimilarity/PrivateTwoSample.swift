import Foundation

/// The squared maximum mean discrepancy of two data sets from their private releases: no further privacy is spent.
public enum PrivateTwoSample {
    /// |F_a − F_b|²/I − what the noise adds to it on average, with the standard deviation that the noise gives it where
    /// the two laws are the same.
    ///
    /// - Throws: ``KernelMethodError/option(_:found:expected:)`` for releases of other features, and for sums of
    ///   exponentials with negative weights, of which the value is no discrepancy.
    public static func squaredDiscrepancy(_ a: PrivateSimilarity, _ b: PrivateSimilarity) throws
        -> (value: Double, noiseStandardError: Double)
    {
        guard a.record.function == b.record.function, a.record.publicSeed == b.record.publicSeed,
            a.record.projection == b.record.projection, a.record.dimension == b.record.dimension,
            case .features(let first, _) = a.sketch, case .features(let second, _) = b.sketch,
            first.count == second.count, zip(first, second).allSatisfy({ $0.means.count == $1.means.count })
        else {
            throw KernelMethodError.option(
                "the pair of releases", found: "\(a.record.function.name) and \(b.record.function.name)",
                expected: "two releases of the same kernel, bandwidth, features and public seed")
        }
        if let negative = first.first(where: { $0.weight < 0 }) {
            throw KernelMethodError.option(
                "a weight of both releases' function", found: "\(negative.weight)", expected: "positive weights only")
        }
        var value = 0.0
        var variance = 0.0
        for (p, q) in zip(first, second) {
            let n = Double(p.means.count)
            let squares = zip(p.means, q.means).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            let noise = p.deviation * p.deviation + q.deviation * q.deviation
            value += p.weight * (squares / n - noise)
            // The fourth moment of Laplace noise is six times its variance squared, so its square's variance is five
            // times; the sum of two is somewhat less.
            variance += p.weight * p.weight * 5 * noise * noise / n
        }
        return (value, variance.squareRoot())
    }
}
