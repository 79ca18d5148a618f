/// Why a matrix could not be factorised or solved with.
public enum LinearAlgebraError: Error, CustomStringConvertible, Equatable {
    /// The leading minor of this order is not positive: the matrix is not positive definite.
    case notPositiveDefinite(operation: String, shape: [Int], matrix: Int, leadingMinor: Int)
    /// This pivot (counted from 1) is zero: the matrix is singular.
    case singular(operation: String, shape: [Int], matrix: Int, pivot: Int)
    /// The iteration for eigenvalues or singular values did not converge; NaN or infinity in the matrix does
    /// that.
    case notConverged(operation: String, shape: [Int], matrix: Int)

    public var description: String {
        switch self {
        case .notPositiveDefinite(let operation, let shape, let matrix, let minor):
            "\(operation): matrix \(matrix) of a tensor of shape \(shape) is not positive definite, the leading minor of order \(minor) is not positive; add a multiple of the identity or check the matrix for NaN"
        case .singular(let operation, let shape, let matrix, let pivot):
            "\(operation): matrix \(matrix) of a tensor of shape \(shape) is singular, pivot \(pivot) is zero"
        case .notConverged(let operation, let shape, let matrix):
            "\(operation): the iteration did not converge for matrix \(matrix) of a tensor of shape \(shape); check it for NaN and infinity"
        }
    }
}
