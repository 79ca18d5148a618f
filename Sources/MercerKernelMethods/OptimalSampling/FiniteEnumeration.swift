import Foundation
import Mercer

/// Exact expectations over all designs of a small finite set, by enumeration: what samplers are checked against.
public struct FiniteEnumeration: Sendable {
    public let space: RowSpace
    /// f on the rows.
    public let values: [Double]
    private let best: [Double]
    private let bestSquared: Double

    public init(_ space: RowSpace, values: [Double]) {
        self.space = space
        self.values = values
        (best, bestSquared) = space.project(values)
    }

    /// What a law of designs gives on average.
    public struct Expectation: Sendable {
        /// Σ of the probabilities, 1.
        public internal(set) var mass = 0.0
        /// E‖f − P̂f‖².
        public internal(set) var errorSquared = 0.0
        /// E[G⁻¹], `[m, m]`.
        public internal(set) var inverseGram: [Double]
        /// The law of a single point.
        public internal(set) var marginal: [Double]
        /// E[c].
        public internal(set) var coefficients: [Double]
        /// P(λ_min(G) ≥ 1 − δ), and E‖f − P̂f‖² given that.
        public internal(set) var stableProbability = 0.0
        public internal(set) var errorSquaredGivenStable = 0.0
    }

    /// The subsets of m rows in lexicographic order, and det(Φ_S)² Π μᵢ of each.
    public func projectionDPP() -> (subsets: [[Int]], probabilities: [Double]) {
        let m = space.count
        let subsets = Self.subsets(space.rows, m)
        let probabilities = subsets.map { subset in
            let matrix = subset.flatMap { space.phi[$0 * m..<($0 + 1) * m] }
            let determinant = LinearAlgebra.determinant(Tensor(matrix, [m, m])).item(Double.self)
            return subset.reduce(determinant * determinant) { $0 * space.measure[$1] }
        }
        return (subsets, probabilities)
    }

    /// E det G over n independent points of ν: n!/((n − m)! nᵐ).
    public static func volumeNormaliser(count n: Int, dimension m: Int) -> Double {
        (0..<m).reduce(1) { $0 * Double(n - $1) / Double(n) }
    }

    /// Several independent projection processes together.
    public func repeatedDPP(times: Int, weights: [Double], delta: Double) -> Expectation {
        let (subsets, probabilities) = projectionDPP()
        var sum = empty
        func extend(_ rows: [Int], _ probability: Double, _ rest: Int) {
            if rest == 0 { return add(rows, probability, weights, delta, &sum) }
            for (subset, p) in zip(subsets, probabilities) where p > 0 {
                extend(rows + subset, probability * p, rest - 1)
            }
        }
        extend([], 1, times)
        return finished(sum)
    }

    /// n independent points of ν = μ/w, or the volume sample of them.
    public func independent(count n: Int, weights: [Double], delta: Double, rescaledByVolume: Bool) -> Expectation {
        let nu = zip(space.measure, weights).map { $0 / $1 }
        let normaliser = Self.volumeNormaliser(count: n, dimension: space.count)
        var sum = empty
        // Multisets, each with the number of its orders.
        func extend(_ rows: [Int], _ probability: Double, from first: Int) {
            let rest = n - rows.count
            if first == space.rows - 1 || rest == 0 {
                let all = rows + [Int](repeating: first, count: rest)
                var p = probability * pow(nu[first], Double(rest))
                if rescaledByVolume { p *= gramDeterminant(all, weights) / normaliser }
                return add(all, p, weights, delta, &sum)
            }
            for copies in 0...rest {
                let orders = (0..<copies).reduce(1.0) { $0 * Double(rest - $1) / Double($1 + 1) }
                extend(
                    rows + [Int](repeating: first, count: copies),
                    probability * orders * pow(nu[first], Double(copies)), from: first + 1)
            }
        }
        extend([], 1, from: 0)
        return finished(sum)
    }

    private var empty: Expectation {
        let m = space.count
        return Expectation(
            inverseGram: [Double](repeating: 0, count: m * m),
            marginal: [Double](repeating: 0, count: space.rows), coefficients: [Double](repeating: 0, count: m))
    }

    private func finished(_ sum: Expectation) -> Expectation {
        var result = sum
        result.errorSquaredGivenStable /= sum.stableProbability
        return result
    }

    private func design(_ rows: [Int], _ weights: [Double]) -> Design<Int> {
        space.design(rows, weights: rows.map { weights[$0] })
    }

    private func gramDeterminant(_ rows: [Int], _ weights: [Double]) -> Double {
        guard Set(rows).count >= space.count else { return 0 }
        return LinearAlgebra.determinant(design(rows, weights).gram).item(Double.self)
    }

    private func add(
        _ rows: [Int], _ probability: Double, _ weights: [Double], _ delta: Double, _ sum: inout Expectation
    ) {
        guard probability > 0 else { return }
        sum.mass += probability
        for row in rows { sum.marginal[row] += probability / Double(rows.count) }
        // Designs that determine no fit have errors of their own law only: they are never stable.
        guard Set(rows).count >= space.count else { return }
        let design = design(rows, weights)
        guard let system = try? WeightedLeastSquares(space, design),
            let fit = try? system.fit(rows.map { values[$0] }), let inverse = try? LinearAlgebra.inverse(design.gram)
        else { return }
        let error = ApproximationError.squared(fit.coefficients, best: best, bestSquared: bestSquared)
        sum.errorSquared += probability * error
        for (k, value) in inverse.toArray(Double.self).enumerated() { sum.inverseGram[k] += probability * value }
        for (k, value) in fit.coefficients.enumerated() { sum.coefficients[k] += probability * value }
        if system.smallestEigenvalue >= 1 - delta {
            sum.stableProbability += probability
            sum.errorSquaredGivenStable += probability * error
        }
    }

    static func subsets(_ n: Int, _ m: Int) -> [[Int]] {
        var all: [[Int]] = []
        func extend(_ chosen: [Int], _ next: Int) {
            if chosen.count == m { return all.append(chosen) }
            guard n - next >= m - chosen.count else { return }
            for i in next..<n { extend(chosen + [i], i + 1) }
        }
        extend([], 0)
        return all
    }
}
