import Foundation
import Mercer

/// The baseline: multinomial logistic regression by full-batch gradient descent with per-row clipping to norm 1 and
/// Gaussian noise, σ = √(T/2ρ) for the ρ of zero-concentrated privacy that (ε, δ) allows, ε = ρ + 2√(ρ ln 1/δ)
/// (Backurs et al. 2024).
public struct PrivateGradientDescent: Sendable {
    public let steps: Int
    public let rate: Double

    public init(steps: Int, rate: Double) {
        self.steps = steps
        self.rate = rate
    }

    /// The noise of each step for `rows` rows of `dimension` columns.
    public func mechanism(
        rows: Int, dimension: Int, classes: Int, budget: PrivacyBudget, relation: NeighbouringRelation = .addRemove
    ) -> PrivateMechanism {
        .steps(
            steps, count: classes * (dimension + 1), l2: relation.factor, budget: budget, rows: rows, largest: 1)
    }

    /// Weights `[classes, d + 1]`, the last column a bias.
    public func fit(
        _ rows: PointSet<Double>, labels: [Int], classes: Int, budget: PrivacyBudget,
        relation: NeighbouringRelation = .addRemove, noise: NoiseSource
    ) -> [Double] {
        let mechanism = mechanism(
            rows: rows.count, dimension: rows.dimension, classes: classes, budget: budget, relation: relation)
        let (n, d) = (rows.count, rows.dimension + 1)
        var weights = [Double](repeating: 0, count: classes * d)
        var generator = noise.generator()
        var inputs: [Double] = []
        inputs.reserveCapacity(n * d)
        for row in 0..<n {
            inputs += rows[row]
            inputs.append(1)
        }
        for _ in 0..<steps {
            let gradient = mechanism.sanitise(
                clippedGradient(inputs, labels, weights, count: n, width: d, classes: classes), using: &generator)
            for i in weights.indices { weights[i] -= rate * gradient[i] / Double(n) }
        }
        return weights
    }

    /// Σ over the rows of the loss's gradient, each clipped to norm 1. Its norm is |p − y| |x|, so no row's gradient is
    /// ever written out.
    private func clippedGradient(
        _ inputs: [Double], _ labels: [Int], _ weights: [Double], count n: Int, width d: Int, classes: Int
    ) -> [Double] {
        let grain = 1024
        let blocks = (n + grain - 1) / grain
        var partial = [Double](repeating: 0, count: blocks * classes * d)
        partial.withUnsafeMutableBufferPointer { partial in
            let target = UncheckedAddress(partial.baseAddress)
            Parallel.forEach(blocks) { block in
                let rows = block * grain..<min((block + 1) * grain, n)
                var errors = [Double](repeating: 0, count: rows.count * classes)
                inputs.withUnsafeBufferPointer { x in
                    let first = x.baseAddress! + rows.lowerBound * d
                    Double.product(
                        first, weights, into: &errors, rows: rows.count, columns: classes, inner: d)
                    for (i, row) in rows.enumerated() {
                        Self.clip(&errors, at: i * classes, classes, label: labels[row], first + i * d, d)
                    }
                    // errorsᵀ · inputs
                    var transposed = [Double](repeating: 0, count: errors.count)
                    for i in 0..<rows.count {
                        for c in 0..<classes { transposed[c * rows.count + i] = errors[i * classes + c] }
                    }
                    Double.accumulate(
                        transposed, first, into: target.pointer + block * classes * d, rows: classes,
                        columns: d,
                        inner: rows.count, factor: 1)
                }
            }
        }
        return (0..<classes * d).map { i in (0..<blocks).reduce(0) { $0 + partial[$1 * classes * d + i] } }
    }

    /// Logits to (p − y) times the factor that clips the row's gradient.
    private static func clip(
        _ logits: inout [Double], at start: Int, _ classes: Int, label: Int, _ x: UnsafePointer<Double>,
        _ d: Int
    ) {
        var largest = -Double.infinity
        for c in start..<start + classes { largest = max(largest, logits[c]) }
        var total = 0.0
        for c in start..<start + classes {
            logits[c] = exp(logits[c] - largest)
            total += logits[c]
        }
        var squares = 0.0
        for c in start..<start + classes {
            logits[c] = logits[c] / total - (c - start == label ? 1 : 0)
            squares += logits[c] * logits[c]
        }
        var norm = 0.0
        for k in 0..<d { norm += x[k] * x[k] }
        let factor = 1 / max(1, (squares * norm).squareRoot())
        for c in start..<start + classes { logits[c] *= factor }
    }

    /// The class of the largest logit of each row.
    public static func predict(_ weights: [Double], _ rows: PointSet<Double>, classes: Int) -> [Int] {
        let d = rows.dimension + 1
        return (0..<rows.count).map { row in
            let x = rows[row]
            let logits = (0..<classes).map { c in
                weights[c * d + d - 1] + zip(weights[c * d..<c * d + d - 1], x).reduce(0) { $0 + $1.0 * $1.1 }
            }
            return logits.indices.max { logits[$0] < logits[$1] }!
        }
    }
}
