import Mercer

/// The leading principal components of rows, scaled to unit variance.
public struct PrincipalComponents: Sendable, Codable {
    let mean: [Double]
    /// `components × columns`, row-major; each row divided by the square root of its variance.
    let map: [Double]
    public let count: Int
    /// All variances, largest first.
    public let variances: [Double]

    /// - Throws: ``KernelMethodError/singular(_:advice:)`` where fewer components have a variance.
    public init(fitting rows: Tensor, components: Int) throws {
        let (n, d) = (rows.shape[0], rows.shape[1])
        let values = rows.asType(.float64).toArray(Double.self)
        mean = Whitening.mean(values, count: n, dimension: d, weights: nil)
        let covariance = Whitening.covariance(
            values, count: n, dimension: d, weights: nil, mean: mean, diagonalOnly: false)
        let (spectrum, vectors) = try LinearAlgebra.eigh(Tensor(covariance, [d, d]))
        variances = spectrum.toArray(Double.self).reversed()
        guard components <= d, variances[components - 1] > 1e-12 * variances[0] else {
            throw KernelMethodError.singular(
                "the covariance of \(d) columns", advice: "take fewer than \(components) components")
        }
        let columns = vectors.contiguous().toArray(Double.self)
        var map: [Double] = []
        for j in 0..<components {
            let scale = 1 / variances[j].squareRoot()
            map += (0..<d).map { columns[$0 * d + d - 1 - j] * scale }
        }
        self.map = map
        count = components
    }

    /// Rows as whitened components, `[n, components]`.
    public func apply(_ rows: Tensor) -> Tensor {
        let points = PointSet<Double>(rows)
        let whitening = PublicWhitening(mean: mean, map: map, reduced: count)
        return Tensor(whitening.apply(points).values, [points.count, count])
    }
}
