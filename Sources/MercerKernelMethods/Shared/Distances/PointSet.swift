import Mercer

/// Points in rows with their squared norms, ready for blocked distances.
public struct PointSet<Scalar: DistanceScalar>: Sendable {
    public let count: Int
    public let dimension: Int
    /// Row-major, `count × dimension`.
    public let values: [Scalar]
    public let squaredNorms: [Scalar]
    /// Positive weights of the points, or nil where all count the same.
    public let weights: [Scalar]?

    /// - Parameters:
    ///   - values: row-major, `count × dimension`.
    ///   - weights: a positive weight for each point, or nil.
    public init(_ values: [Scalar], count: Int, dimension: Int, weights: [Scalar]? = nil) {
        precondition(
            weights == nil || weights!.count == count,
            "PointSet: \(weights?.count ?? 0) weights for \(count) points")
        self.weights = weights
        precondition(
            values.count == count * dimension,
            "PointSet: \(values.count) numbers for \(count) points of \(dimension) coordinates")
        self.count = count
        self.dimension = dimension
        self.values = values
        squaredNorms = values.withUnsafeBufferPointer { values in
            (0..<count).map { row in
                var sum: Scalar = 0
                for k in row * dimension..<(row + 1) * dimension { sum += values[k] * values[k] }
                return sum
            }
        }
    }

    /// The rows of a matrix `[count, dimension]`, converted to the scalar.
    public init(_ matrix: Tensor) {
        precondition(
            matrix.rank == 2, "PointSet: a matrix is expected, not a tensor of shape \(matrix.shape)")
        self.init(
            matrix.asType(Scalar.dtype).toArray(Scalar.self), count: matrix.shape[0],
            dimension: matrix.shape[1])
    }

    /// The same points in another precision.
    public init<Other: DistanceScalar>(_ other: PointSet<Other>) {
        self.init(
            other.values.map { Scalar($0) }, count: other.count, dimension: other.dimension,
            weights: other.weights?.map { Scalar($0) })
    }

    /// Row `i`.
    public subscript(row: Int) -> ArraySlice<Scalar> { values[row * dimension..<(row + 1) * dimension] }

    /// |x − y|² between rows of two sets, from the coordinates.
    public func squaredDistance(_ row: Int, to other: PointSet, _ otherRow: Int) -> Scalar {
        var sum: Scalar = 0
        let a = row * dimension
        let b = otherRow * dimension
        for k in 0..<dimension {
            let difference = values[a + k] - other.values[b + k]
            sum += difference * difference
        }
        return sum
    }
}
