import Foundation
import Mercer

/// P̂f = argmin over v ∈ V_m of (1/n) Σ w(xᵢ)(f(xᵢ) − v(xᵢ))², by QR of W^½Φ.
public struct WeightedLeastSquares: Sendable {
    /// n and m.
    public let points: Int
    public let dimension: Int
    /// λ_min(G) and λ_max(G), G = ΦᵀWΦ/n, from singular values.
    public let smallestEigenvalue: Double
    public let largestEigenvalue: Double
    private let roots: [Double]
    private let q: [Double]
    private let r: Tensor

    /// - Throws: ``KernelMethodError`` where the points don't determine a fit.
    public init<S: ApproximationSpace>(_ space: S, _ design: Design<S.Point>) throws {
        try self.init(features: design.features, weights: design.weights, dimension: space.count)
    }

    init(features: [Double], weights: [Double], dimension m: Int) throws {
        let n = weights.count
        guard n >= m else { throw KernelMethodError.tooFewPoints(found: n, dimension: m) }
        let roots = weights.map { ($0 / Double(n)).squareRoot() }
        let scaled = Tensor([n, m], of: Double.self) { target in
            for i in 0..<n { for k in 0..<m { target[i * m + k] = roots[i] * features[i * m + k] } }
        }
        let (q, r) = LinearAlgebra.qr(scaled)
        let singular = try LinearAlgebra.singularValues(r).toArray(Double.self)
        guard let (largest, smallest) = singular.first.map({ ($0, singular.last!) }), smallest > 1e-14 * largest
        else {
            throw KernelMethodError.singular(
                "the weighted feature matrix of these \(n) points",
                advice: "they don't determine a fit in \(m) dimensions; draw other points or more of them")
        }
        points = n
        dimension = m
        smallestEigenvalue = smallest * smallest
        largestEigenvalue = largest * largest
        self.roots = roots
        self.q = q.toArray(Double.self)
        self.r = r
    }

    /// What a fit to values at the points says.
    public struct Fit: Sendable {
        /// c, the coefficients of φ.
        public let coefficients: [Double]
        /// The weighted mean of the squared residuals.
        public let residualSquared: Double
        /// The same of leave-one-out residuals: an estimate of ‖f − P̂f‖²; nil where a point can't be left out.
        public let leaveOneOutSquared: Double?
    }

    /// Fits values at the design's points.
    ///
    /// - Throws: ``KernelMethodError`` for another number of values than points, or values that aren't finite.
    public func fit(_ values: [Double]) throws -> Fit {
        guard values.count == points else {
            throw KernelMethodError.length("values", found: values.count, expected: points)
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(row: bad + 1, column: "f", value: "\(values[bad])")
        }
        let (n, m) = (points, dimension)
        var projected = [Double](repeating: 0, count: m)
        for i in 0..<n {
            let y = roots[i] * values[i]
            for k in 0..<m { projected[k] += q[i * m + k] * y }
        }
        let c = LinearAlgebra.triangularSolve(r, Tensor(projected), lower: false).toArray(Double.self)
        var (square, left, canLeave) = (0.0, 0.0, true)
        for i in 0..<n {
            var residual = roots[i] * values[i]
            var leverage = 0.0
            for k in 0..<m {
                residual -= q[i * m + k] * projected[k]
                leverage += q[i * m + k] * q[i * m + k]
            }
            square += residual * residual
            if leverage > 1 - 1e-10 {
                canLeave = false
            } else {
                left += residual * residual / ((1 - leverage) * (1 - leverage))
            }
        }
        return Fit(coefficients: c, residualSquared: square, leaveOneOutSquared: canLeave ? left : nil)
    }
}

/// Squared distances of a fit from f and from the best approximation Pf.
public enum ApproximationError {
    /// ‖f − P̂f‖² = ‖f − Pf‖² + ‖c − c*‖² exactly, since φ is orthonormal.
    public static func squared(_ coefficients: [Double], best: [Double], bestSquared: Double) -> Double {
        bestSquared + zip(coefficients, best).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
    }
}
