import Foundation
import Mercer

/// Mean and population standard deviation of training rows, and the columns that vary at all.
public struct Standardizer: Sendable, Codable, Equatable {
    public let means: [Double]
    /// Standard deviations, 0 for columns that don't vary.
    public let deviations: [Double]

    /// - Parameter matrix: training rows, `[n, d]`.
    public init(fitting matrix: Tensor) {
        precondition(
            matrix.rank == 2 && matrix.shape[0] > 0,
            "Standardizer: a matrix with rows is expected, not \(matrix.shape)")
        let (n, d) = (matrix.shape[0], matrix.shape[1])
        let values = matrix.asType(.float64).toArray(Double.self)
        var means = [Double](repeating: 0, count: d)
        for row in 0..<n { for k in 0..<d { means[k] += values[row * d + k] } }
        for k in 0..<d { means[k] /= Double(n) }
        var squares = [Double](repeating: 0, count: d)
        for row in 0..<n {
            for k in 0..<d {
                let difference = values[row * d + k] - means[k]
                squares[k] += difference * difference
            }
        }
        self.means = means
        // What rounding leaves of a constant column is not a deviation.
        deviations = squares.indices.map { k in
            let deviation = (squares[k] / Double(n)).squareRoot()
            return deviation > 1e-12 * abs(means[k]) ? deviation : 0
        }
    }

    /// The numbers of the columns that vary, in order.
    public var varyingColumns: [Int] { deviations.indices.filter { deviations[$0] > 0 } }

    /// Rows in units of the training rows' deviations, without the columns that don't vary.
    public func apply(_ matrix: Tensor) -> Tensor {
        precondition(
            matrix.rank == 2 && matrix.shape[1] == means.count,
            "Standardizer: rows of shape \(matrix.shape), fitted on \(means.count) columns")
        let (n, d) = (matrix.shape[0], means.count)
        let kept = varyingColumns
        let values = matrix.asType(.float64).toArray(Double.self)
        return Tensor([n, kept.count], of: Double.self) { target in
            for row in 0..<n {
                for (j, k) in kept.enumerated() {
                    target[row * kept.count + j] = (values[row * d + k] - means[k]) / deviations[k]
                }
            }
        }
    }
}
