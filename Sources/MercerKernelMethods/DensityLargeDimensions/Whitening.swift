import Foundation
import Mercer

/// The shape of a kernel: how coordinates are scaled before distances are taken.
public enum DensityCovariance: String, Sendable, CaseIterable, Codable {
    /// Distances in the data's own units.
    case scalar
    /// Each column divided by its standard deviation.
    case diagonal
    /// Coordinates in which the data's covariance is the identity.
    case full
}

/// An affine map x → L⁻¹(x − m) under which the data have unit scale, and its logarithm of the determinant.
struct Whitening: Sendable {
    let mean: [Double]
    /// Lower triangular L with L Lᵀ the covariance, row-major; only its diagonal for `diagonal`, nil for `scalar`.
    private let factor: [Double]?
    private let isDiagonal: Bool
    /// log |det L|: log densities in the data's units are smaller by it.
    let logDeterminant: Double

    /// - Parameters:
    ///   - weights: positive weights of the rows, or nil. Variances have n − 1 in their divisor.
    ///   - columns: the names of the columns, for errors.
    init(
        _ covariance: DensityCovariance, values: [Double], count: Int, dimension d: Int, weights: [Double]?,
        columns: [String]
    ) throws {
        mean = Whitening.mean(values, count: count, dimension: d, weights: weights)
        switch covariance {
        case .scalar:
            factor = nil
            isDiagonal = true
            logDeterminant = 0
        case .diagonal:
            let deviations = Whitening.covariance(
                values, count: count, dimension: d, weights: weights, mean: mean, diagonalOnly: true
            ).map { $0.squareRoot() }
            if let constant = deviations.firstIndex(where: { !($0 > 0) }) {
                throw KernelMethodError.constantColumn(columns[constant])
            }
            factor = deviations
            isDiagonal = true
            logDeterminant = deviations.reduce(0) { $0 + log($1) }
        case .full:
            let matrix = Whitening.covariance(
                values, count: count, dimension: d, weights: weights, mean: mean, diagonalOnly: false)
            if let constant = (0..<d).first(where: { !(matrix[$0 * d + $0] > 0) }) {
                throw KernelMethodError.constantColumn(columns[constant])
            }
            guard let lower = Whitening.cholesky(matrix, d) else {
                throw KernelMethodError.singular(
                    "the full covariance of \(count) rows and \(d) columns",
                    advice: "use --covariance diagonal")
            }
            factor = lower
            isDiagonal = false
            logDeterminant = (0..<d).reduce(0) { $0 + log(lower[$1 * d + $1]) }
        }
    }

    /// Rows mapped to unit scale and centred.
    func apply(_ values: [Double], count: Int) -> [Double] {
        let d = mean.count
        var result = values
        result.withUnsafeMutableBufferPointer { result in
            for row in 0..<count {
                let x = result.baseAddress! + row * d
                for k in 0..<d { x[k] -= mean[k] }
                guard let factor else { continue }
                if isDiagonal {
                    for k in 0..<d { x[k] /= factor[k] }
                } else {
                    for k in 0..<d {
                        var sum = x[k]
                        for j in 0..<k { sum -= factor[k * d + j] * x[j] }
                        x[k] = sum / factor[k * d + k]
                    }
                }
            }
        }
        return result
    }

    /// L⁻ᵀ g: a gradient in whitened coordinates as one in the data's.
    func pullBack(_ gradient: inout [Double], count: Int) {
        guard let factor else { return }
        let d = mean.count
        for row in 0..<count {
            let start = row * d
            if isDiagonal {
                for k in 0..<d { gradient[start + k] /= factor[k] }
            } else {
                for k in Swift.stride(from: d - 1, through: 0, by: -1) {
                    var sum = gradient[start + k]
                    for j in k + 1..<max(k + 1, d) { sum -= factor[j * d + k] * gradient[start + j] }
                    gradient[start + k] = sum / factor[k * d + k]
                }
            }
        }
    }

    /// L u: a displacement in whitened coordinates as one in the data's.
    func displacement(_ u: [Double]) -> [Double] {
        guard let factor else { return u }
        let d = mean.count
        if isDiagonal { return zip(u, factor).map(*) }
        return (0..<d).map { k in (0...k).reduce(0) { $0 + factor[k * d + $1] * u[$1] } }
    }

    static func mean(_ values: [Double], count: Int, dimension d: Int, weights: [Double]?) -> [Double] {
        var sum = [Double](repeating: 0, count: d)
        var total = 0.0
        for row in 0..<count {
            let w = weights?[row] ?? 1
            total += w
            for k in 0..<d { sum[k] += w * values[row * d + k] }
        }
        return sum.map { $0 / total }
    }

    /// The covariance (row-major) or its diagonal, with the divisor 1 − Σw² for weights of sum 1, which is n − 1
    /// over n without weights.
    static func covariance(
        _ values: [Double], count: Int, dimension d: Int, weights: [Double]?, mean: [Double],
        diagonalOnly: Bool
    ) -> [Double] {
        let total = weights?.reduce(0, +) ?? Double(count)
        let squares = weights?.reduce(0) { $0 + $1 * $1 } ?? Double(count)
        let divisor = total - squares / total
        var centred = values
        for row in 0..<count {
            let scale = ((weights?[row] ?? 1) / divisor).squareRoot()
            for k in 0..<d { centred[row * d + k] = (values[row * d + k] - mean[k]) * scale }
        }
        if diagonalOnly {
            var result = [Double](repeating: 0, count: d)
            for row in 0..<count {
                for k in 0..<d { result[k] += centred[row * d + k] * centred[row * d + k] }
            }
            return result
        }
        return gram(centred, count: count, dimension: d)
    }

    /// Xᵀ X of rows.
    private static func gram(_ values: [Double], count: Int, dimension d: Int) -> [Double] {
        var transposed = [Double](repeating: 0, count: values.count)
        for row in 0..<count { for k in 0..<d { transposed[k * count + row] = values[row * d + k] } }
        return [Double](unsafeUninitializedCapacity: d * d) { result, initialised in
            Double.product(
                transposed, transposed, into: result.baseAddress!, rows: d, columns: d, inner: count)
            initialised = d * d
        }
    }

    /// The lower Cholesky factor, or nil where the matrix isn't positive definite to working precision.
    static func cholesky(_ matrix: [Double], _ d: Int) -> [Double]? {
        var lower = [Double](repeating: 0, count: d * d)
        for j in 0..<d {
            for i in j..<d {
                var sum = matrix[i * d + j]
                for k in 0..<j { sum -= lower[i * d + k] * lower[j * d + k] }
                if i == j {
                    guard sum > 1e-12 * matrix[j * d + j] else { return nil }
                    lower[j * d + j] = sum.squareRoot()
                } else {
                    lower[i * d + j] = sum / lower[j * d + j]
                }
            }
        }
        return lower
    }
}
