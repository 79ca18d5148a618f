import Foundation
import Mercer

/// A linear map to the leading principal components, scaled to unit variance, that is fitted on public rows.
public struct PublicWhitening: Sendable, Codable, Equatable {
    public let mean: [Double]
    /// `reduced × d`, row-major.
    public let map: [Double]
    public let reduced: Int

    public init(mean: [Double], map: [Double], reduced: Int) {
        self.mean = mean
        self.map = map
        self.reduced = reduced
    }

    /// - Parameters:
    ///   - rows: public data, `[n, d]`.
    ///   - reduced: how many components are kept.
    ///   - shrinkage: the share of the mean variance that is added to each variance before scaling.
    public init(fitting rows: Tensor, reduced: Int, shrinkage: Double = 0.1) throws {
        let (n, d) = (rows.shape[0], rows.shape[1])
        guard n >= 2 else { throw KernelMethodError.tooFew("whitening", found: n, needed: 2) }
        let reduced = min(reduced, d)
        let values = rows.asType(.float64).toArray(Double.self)
        let mean = Whitening.mean(values, count: n, dimension: d, weights: nil)
        let covariance = Whitening.covariance(
            values, count: n, dimension: d, weights: nil, mean: mean, diagonalOnly: false)
        let (spectrum, vectors) = try LinearAlgebra.eigh(Tensor(covariance, [d, d]))
        let variances = spectrum.toArray(Double.self)
        let columns = vectors.contiguous().toArray(Double.self)
        let average = variances.reduce(0, +) / Double(d)
        var map: [Double] = []
        for j in 0..<reduced {
            let place = d - 1 - j
            let scale = 1 / ((1 - shrinkage) * max(variances[place], 0) + shrinkage * average).squareRoot()
            map += (0..<d).map { columns[$0 * d + place] * scale }
        }
        self.init(mean: mean, map: map, reduced: reduced)
    }

    /// Rows as whitened components.
    public func apply(_ points: PointSet<Double>) -> PointSet<Double> {
        let d = mean.count
        precondition(
            points.dimension == d, "PublicWhitening: rows of \(points.dimension) columns, fitted on \(d)")
        var centred = points.values
        for row in 0..<points.count { for k in 0..<d { centred[row * d + k] -= mean[k] } }
        let values = [Double](unsafeUninitializedCapacity: points.count * reduced) { result, initialised in
            let target = UncheckedAddress(result.baseAddress)
            Parallel.forRanges(points.count, grain: 512) { rows in
                centred.withUnsafeBufferPointer { x in
                    Double.product(
                        x.baseAddress! + rows.lowerBound * d, map,
                        into: target.pointer + rows.lowerBound * reduced, rows: rows.count, columns: reduced,
                        inner: d)
                }
            }
            initialised = points.count * reduced
        }
        return PointSet(values, count: points.count, dimension: reduced)
    }
}
