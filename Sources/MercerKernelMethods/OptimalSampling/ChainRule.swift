import Mercer

/// The projection determinantal process point by point: given x₁ … x_k the next one has the density
/// (‖φ(x)‖² − ‖Qᵀφ(x)‖²)/(m − k) with respect to μ, Q an orthonormal basis of span{φ(x₁) … φ(x_k)}.
public struct ChainRule: Sendable {
    /// m.
    public let count: Int
    /// Rows are the vectors of Q.
    private var rows: [Double] = []
    /// k.
    public private(set) var chosen = 0

    public init(count: Int) {
        precondition(count >= 1, "ChainRule: a space of \(count) functions")
        self.count = count
        rows.reserveCapacity(count * count)
    }

    /// ‖φ‖² − ‖Qᵀφ‖², at least 0 in spite of rounding.
    public func residual(_ phi: UnsafePointer<Double>) -> Double {
        let whole = dot(phi, phi, count)
        return max(0, whole - projected(phi, atMost: .infinity))
    }

    /// The density of the next point with respect to μ.
    public func density(_ phi: UnsafePointer<Double>) -> Double { residual(phi) / Double(count - chosen) }

    /// ‖Qᵀφ‖², or some number above `bound` if it is above.
    private func projected(_ phi: UnsafePointer<Double>, atMost bound: Double) -> Double {
        rows.withUnsafeBufferPointer { q in
            var sum = 0.0
            for k in 0..<chosen {
                let c = dot(q.baseAddress! + k * count, phi, count)
                sum += c * c
                if sum > bound { break }
            }
            return sum
        }
    }

    /// Takes a point: its features become a vector of Q (Gram and Schmidt, twice).
    public mutating func take(_ phi: UnsafePointer<Double>) {
        precondition(chosen < count, "ChainRule: all \(count) points are chosen")
        var vector = [Double](UnsafeBufferPointer(start: phi, count: count))
        rows.withUnsafeBufferPointer { q in
            for _ in 0..<2 {
                for k in 0..<chosen {
                    let row = q.baseAddress! + k * count
                    let c = dot(row, vector, count)
                    for i in 0..<count { vector[i] -= c * row[i] }
                }
                let scale = 1 / dot(vector, vector, count).squareRoot()
                for i in 0..<count { vector[i] *= scale }
            }
        }
        rows += vector
        chosen += 1
    }

    /// A sample of m points: proposals of ν_m are accepted with probability 1 − ‖Qᵀφ‖²/‖φ‖², m(1 + ½ + … + 1/m) of
    /// them on average, so that the cost doesn't depend on how many points there are to choose from.
    static func draw<S: ApproximationSpace>(_ space: S, using generator: inout RandomStream) -> [S.Point] {
        let m = space.count
        var chain = ChainRule(count: m)
        var points: [S.Point] = []
        points.reserveCapacity(m)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: m) { buffer in
            let phi = buffer.baseAddress!
            while points.count < m {
                let point = space.drawOptimal(using: &generator)
                space.evaluate(point, into: phi)
                let bound = dot(phi, phi, m) * generator.uniform()
                guard chain.projected(phi, atMost: bound) <= bound else { continue }
                chain.take(phi)
                points.append(point)
            }
        }
        return points
    }
}
