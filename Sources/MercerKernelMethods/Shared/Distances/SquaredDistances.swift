import Mercer

/// |x − y|² between the rows of two matrices, `[n, d]` and `[m, d]` → `[n, m]` of the same type, without gradient.
/// Small distances are computed from the coordinates, so equal rows are at distance 0 exactly.
public func squaredDistances(_ x: Tensor, _ y: Tensor) -> Tensor {
    precondition(
        x.rank == 2 && y.rank == 2 && x.shape[1] == y.shape[1] && x.dtype == y.dtype,
        "squaredDistances: shapes \(x.shape) \(x.dtype) and \(y.shape) \(y.dtype)")
    return x.dtype == .float32
        ? squaredDistances(PointSet<Float>(x), PointSet<Float>(y))
        : squaredDistances(PointSet<Double>(x), PointSet<Double>(y))
}

/// |x − y|² between the points of two sets, `[queries, points]`.
public func squaredDistances<Scalar: DistanceScalar>(
    _ queries: PointSet<Scalar>, _ points: PointSet<Scalar>
) -> Tensor {
    Tensor([queries.count, points.count], of: Scalar.self) { result in
        let base = UncheckedAddress(result.baseAddress)
        DistanceTiles(queries, points).forEachBlock { block in
            block.forEachTile { tile in
                for row in tile.rows {
                    let target: UnsafeMutablePointer<Scalar> = base.pointer + row * points.count
                    (target + tile.columns.lowerBound)
                        .update(from: tile.squaredDistances(row), count: tile.columns.count)
                }
            }
        }
    }
}

/// An address that several threads write to, each to places of its own.
struct UncheckedAddress<Element>: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<Element>

    init(_ pointer: UnsafeMutablePointer<Element>?) {
        self.pointer = pointer ?? UnsafeMutablePointer(bitPattern: 8)!
    }
}
