import Foundation
import Mercer

/// Statistics of the fluctuations of an estimate over data sets.
public enum DensityStatistics {
    /// Hill's estimate of the index μ of an upper tail P(X > x) ∝ x^(−μ), from the logarithms of the values and the
    /// `count` largest of them.
    public static func hillIndex(logValues: [Double], count: Int) -> Double {
        precondition(
            count >= 1 && count < logValues.count,
            "hillIndex: the \(count) largest of \(logValues.count) values")
        let sorted = logValues.sorted(by: >)
        let excess = sorted[..<count].reduce(0) { $0 + $1 - sorted[count] }
        return Double(count) / excess
    }

    /// The sample's skewness.
    public static func skewness(_ values: [Double]) -> Double {
        let (mean, deviation) = moments(values)
        return values.reduce(0) { $0 + pow(($1 - mean) / deviation, 3) } / Double(values.count)
    }

    /// The Kolmogorov distance of the values from a normal law of the same mean and deviation.
    public static func distanceFromNormal(_ values: [Double]) -> Double {
        let (mean, deviation) = moments(values)
        return kolmogorovDistance(values) { Special.normalCDF(($0 - mean) / deviation) }
    }

    /// The Kolmogorov distance of the values from a distribution function.
    public static func kolmogorovDistance(_ values: [Double], _ distribution: (Double) -> Double) -> Double {
        let n = Double(values.count)
        return values.sorted().enumerated().reduce(0) { largest, item in
            let p = distribution(item.element)
            return max(largest, abs(p - Double(item.offset) / n), abs(p - Double(item.offset + 1) / n))
        }
    }

    private static func moments(_ values: [Double]) -> (Double, Double) {
        let n = Double(values.count)
        let mean = values.reduce(0, +) / n
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n).squareRoot())
    }
}
