import Mercer

extension Design {
    /// Takes points out, one at a time, always the one without which λ_min(G) is largest, as long as it stays at or
    /// above `floor` (boosted least squares of Haberstich, Nouy, Perrin, 2022). G is normalised by the points that
    /// remain; of equal points the first goes.
    ///
    /// - Returns: the numbers of the points in the order in which they left.
    @discardableResult
    public mutating func thin(floor: Double) throws -> [Int] {
        let m = dimension
        var left = Array(0..<count)
        var order: [Int] = []
        while left.count > m {
            let current = rows(left)
            let (values, vectors) = try LinearAlgebra.eigh(current.gram)
            let spectrum = values.toArray(Double.self)
            let columns = vectors.toArray(Double.self)
            let n = Double(left.count)
            var best = (place: 0, value: -Double.infinity)
            for i in 0..<left.count {
                let root = (current.weights[i] / n).squareRoot()
                var z = [Double](repeating: 0, count: m)
                for j in 0..<m {
                    let feature = root * current.features[i * m + j]
                    for k in 0..<m { z[k] += columns[j * m + k] * feature }
                }
                let value = Self.smallestAfterDowndate(spectrum, z) * n / (n - 1)
                if value > best.value { best = (i, value) }
            }
            guard best.value >= floor else { break }
            order.append(left.remove(at: best.place))
        }
        let (draws, removed) = (self.draws, self.removed + order.count)
        self = rows(left)
        self.draws = draws
        self.removed = removed
        return order
    }

    private func rows(_ chosen: [Int]) -> Design {
        let m = dimension
        return Design(
            points: chosen.map { points[$0] }, weights: chosen.map { weights[$0] },
            features: chosen.flatMap { features[$0 * m..<($0 + 1) * m] })
    }

    /// The smallest eigenvalue of diag(λ) − zzᵀ, λ ascending: the root of 1 = Σ zᵢ²/(λᵢ − x) below λ₁, by Newton steps
    /// that a bracket holds.
    private static func smallestAfterDowndate(_ lambda: [Double], _ z: [Double]) -> Double {
        var high = lambda[0]
        var low = high - z.reduce(0) { $0 + $1 * $1 }
        var x = low
        for _ in 0..<200 where low < high {
            var (f, slope) = (1.0, 0.0)
            for (l, c) in zip(lambda, z) {
                let term = c * c / (l - x)
                f -= term
                slope -= term / (l - x)
            }
            if f > 0 { low = x } else { high = x }
            var next = x - f / slope
            if !(next > low && next < high) { next = 0.5 * (low + high) }
            if next == x || next <= low && next >= high { break }
            if abs(next - x) <= 1e-15 * max(abs(x), abs(lambda.last!)) { return next }
            x = next
        }
        return x
    }
}
