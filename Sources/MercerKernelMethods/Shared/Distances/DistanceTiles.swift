import Mercer

/// All squared distances between queries and points, a tile at a time; memory is a tile a thread, never n × q.
///
/// A block of queries is one unit of work of the pool; its tiles come in the order of the points, so a sum that is
/// carried from tile to tile is the same for any number of threads.
///
/// ```swift
/// DistanceTiles(queries, points).forEachBlock { block in
///     block.forEachTile { tile in
///         for row in tile.rows { use(tile.squaredDistances(row), tile.columns, nearest: tile.nearest(row)) }
///     }
/// }
/// ```
public struct DistanceTiles<Scalar: DistanceScalar>: Sendable {
    /// Pairs that are left out: their distance is ``far``.
    public enum Exclusion: Sendable {
        case nothing
        /// Queries are the points themselves; a point isn't compared with itself.
        case itself
        /// Queries are the points themselves; points of one fold aren't compared with each other.
        case folds([Int32])
    }

    /// A squared distance at which every kernel vanishes.
    public static var far: Scalar { 1e30 }

    /// Queries a block and points a tile: 64 × 1024 float64 are half of a second-level cache.
    static var blockRows: Int { 64 }
    static var tileColumns: Int { 1024 }

    public let queries: PointSet<Scalar>
    public let points: PointSet<Scalar>
    public let exclusion: Exclusion

    public init(
        _ queries: PointSet<Scalar>, _ points: PointSet<Scalar>, excluding exclusion: Exclusion = .nothing
    ) {
        precondition(
            queries.dimension == points.dimension,
            "DistanceTiles: queries of \(queries.dimension) coordinates, points of \(points.dimension)")
        self.queries = queries
        self.points = points
        self.exclusion = exclusion
    }

    /// Calls `body` once for each block of queries, on any thread.
    public func forEachBlock(_ body: (Block) -> Void) {
        Parallel.forRanges(queries.count, grain: Self.blockRows) { rows in
            body(Block(tiles: self, rows: rows))
        }
    }

    /// Some queries and all points.
    public struct Block {
        let tiles: DistanceTiles
        public let rows: Range<Int>

        /// Calls `visit` for one tile after the other.
        public func forEachTile(_ visit: (Tile) -> Void) {
            let points = tiles.points
            let width = min(DistanceTiles.tileColumns, max(1, points.count))
            withUnsafeTemporaryAllocation(of: Scalar.self, capacity: rows.count * (width + 1)) { scratch in
                (points.weights ?? []).withUnsafeBufferPointer { weights in
                    let nearest = scratch.baseAddress! + rows.count * width
                    var start = 0
                    while start < points.count {
                        let columns = start..<min(start + width, points.count)
                        fill(scratch.baseAddress!, nearest, columns)
                        visit(
                            Tile(
                                rows: rows, columns: columns,
                                weights: points.weights == nil ? nil : weights.baseAddress! + start,
                                distances: scratch.baseAddress!, nearestDistances: nearest))
                        start = columns.upperBound
                    }
                }
            }
        }

        private func fill(
            _ distances: UnsafeMutablePointer<Scalar>, _ nearest: UnsafeMutablePointer<Scalar>,
            _ columns: Range<Int>
        ) {
            let d = tiles.points.dimension
            let queries = tiles.queries
            queries.values.withUnsafeBufferPointer { x in
                tiles.points.values.withUnsafeBufferPointer { y in
                    tiles.points.squaredNorms.withUnsafeBufferPointer { norms in
                        let first = y.baseAddress! + columns.lowerBound * d
                        Scalar.product(
                            x.baseAddress! + rows.lowerBound * d, first, into: distances, rows: rows.count,
                            columns: columns.count, inner: d)
                        for (i, row) in rows.enumerated() {
                            nearest[i] = Scalar.distances(
                                distances + i * columns.count, norms.baseAddress! + columns.lowerBound,
                                columns.count, norm: queries.squaredNorms[row], x.baseAddress! + row * d,
                                first,
                                dimension: d)
                        }
                    }
                }
            }
            exclude(distances, nearest, columns)
        }

        private func exclude(
            _ distances: UnsafeMutablePointer<Scalar>, _ nearest: UnsafeMutablePointer<Scalar>,
            _ columns: Range<Int>
        ) {
            for (i, row) in rows.enumerated() {
                let line = UnsafeMutableBufferPointer(
                    start: distances + i * columns.count, count: columns.count)
                switch tiles.exclusion {
                case .nothing: return
                case .itself:
                    guard columns.contains(row) else { continue }
                    line[row - columns.lowerBound] = DistanceTiles.far
                case .folds(let fold):
                    let own = fold[row]
                    for j in columns where fold[j] == own { line[j - columns.lowerBound] = DistanceTiles.far }
                }
                nearest[i] = line.min()!
            }
        }
    }

    /// Distances of some queries to some points.
    public struct Tile {
        public let rows: Range<Int>
        public let columns: Range<Int>
        /// The weights of the tile's points, nil where all count the same.
        public let weights: UnsafePointer<Scalar>?
        let distances: UnsafeMutablePointer<Scalar>
        let nearestDistances: UnsafeMutablePointer<Scalar>

        /// The squared distances of a query to the tile's points. They may be overwritten.
        public func squaredDistances(_ row: Int) -> UnsafeMutablePointer<Scalar> {
            distances + (row - rows.lowerBound) * columns.count
        }

        /// The smallest of them.
        public func nearest(_ row: Int) -> Scalar { nearestDistances[row - rows.lowerBound] }

        /// All rows, `rows.count × columns.count`.
        public var all: UnsafeMutablePointer<Scalar> { distances }
    }
}
