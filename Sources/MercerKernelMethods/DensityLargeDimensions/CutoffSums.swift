import Foundation
import Mercer

/// Kernel sums that leave out points too far to matter, through a k-d tree.
///
/// A leaf is skipped for a query where W K(distance to its box) ≤ τ S, with S the sum so far and W the weight of all
/// points. The leaves that are skipped weigh at most W together, so a finished sum is too small by at most τ times
/// itself. Compact kernels vanish beyond the bandwidth and lose nothing.
struct CutoffSums<Scalar: DistanceScalar>: Sendable {
    /// The points.
    private let tree: SpatialLeaves<Scalar>
    private let kernel: DensityKernel
    private let bandwidth: Double
    /// log W − log τ.
    private let margin: Double

    /// 256 points a leaf and 32 queries a block: long enough for vectors, small enough to be skipped.
    private static var leafSize: Int { 256 }
    private static var blockRows: Int { 32 }

    /// - Parameter tolerance: τ.
    init(_ points: PointSet<Scalar>, kernel: DensityKernel, bandwidth: Double, tolerance: Double) {
        tree = SpatialLeaves(points, leafSize: Self.leafSize)
        self.kernel = kernel
        self.bandwidth = bandwidth
        let weight = points.weights.map { $0.reduce(0) { $0 + Double($1) } } ?? Double(points.count)
        margin = log(weight) - log(tolerance)
    }

    /// Calls `body` once for each query, on any thread, with its row and its sum.
    ///
    /// - Parameter excludesItself: the queries are the points themselves, and none counts for itself.
    func forEach(_ queries: PointSet<Scalar>, excludesItself: Bool, _ body: (Int, KernelSum) -> Void) {
        let asked = SpatialLeaves(queries, leafSize: Self.blockRows)
        var places: [Int] = []
        if excludesItself {
            places = [Int](repeating: 0, count: tree.rows.count)
            for (place, row) in tree.rows.enumerated() { places[row] = place }
        }
        Parallel.forEach(asked.leaves.count) { block in
            let rows = asked.leaves[block]
            let own = excludesItself ? rows.map { places[asked.rows[$0]] } : []
            for (i, sum) in sums(asked, block, own).enumerated() { body(asked.rows[rows.lowerBound + i], sum) }
        }
    }

    /// The sums of a block of queries, from its nearest leaves to those that all of its queries may skip.
    private func sums(_ asked: SpatialLeaves<Scalar>, _ block: Int, _ own: [Int]) -> [KernelSum] {
        let rows = asked.leaves[block]
        let points = rows.map { asked.points[$0] }
        let near = tree.leaves.indices.map { (distance: asked.squaredDistance(block, to: tree, $0), leaf: $0) }
            .sorted { $0 < $1 }
        var sums = [KernelSum](repeating: KernelSum(), count: rows.count)
        var reaches = sums.map(reach)
        var needed: [Int] = []
        for (distance, leaf) in near {
            if distance >= reaches.max()! { break }
            needed.removeAll(keepingCapacity: true)
            for i in points.indices where tree.squaredDistance(leaf, to: points[i]) < reaches[i] { needed.append(i) }
            if needed.isEmpty { continue }
            add(leaf, to: &sums, needed, asked.points, first: rows.lowerBound, own)
            for i in needed { reaches[i] = reach(sums[i]) }
        }
        return sums
    }

    /// The squared distance from which points may be left out of a sum.
    private func reach(_ sum: KernelSum) -> Double {
        if kernel.isCompact { return bandwidth * bandwidth }
        let logSum = sum.logSum(kernel, bandwidth: bandwidth)
        if logSum == -.infinity { return .infinity }
        // log K ≤ log S − margin.
        let depth = bandwidth * (margin - logSum)
        return kernel == .gaussian ? 2 * bandwidth * depth : depth * depth
    }

    /// Adds the points of a leaf to the sums of some queries of a block.
    private func add(
        _ leaf: Int, to sums: inout [KernelSum], _ needed: [Int], _ queries: PointSet<Scalar>, first: Int, _ own: [Int]
    ) {
        let columns = tree.leaves[leaf]
        let d = queries.dimension
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: needed.count * (columns.count + d)) { scratch in
            let distances = scratch.baseAddress!
            let gathered = distances + needed.count * columns.count
            for (line, i) in needed.enumerated() {
                for k in 0..<d { gathered[line * d + k] = queries.values[(first + i) * d + k] }
            }
            tree.points.values.withUnsafeBufferPointer { y in
                tree.points.squaredNorms.withUnsafeBufferPointer { norms in
                    (tree.points.weights ?? []).withUnsafeBufferPointer { weights in
                        let start = y.baseAddress! + columns.lowerBound * d
                        Scalar.product(
                            gathered, start, into: distances, rows: needed.count, columns: columns.count, inner: d)
                        for (line, i) in needed.enumerated() {
                            let r = distances + line * columns.count
                            var nearest = Scalar.distances(
                                r, norms.baseAddress! + columns.lowerBound, columns.count,
                                norm: queries.squaredNorms[first + i], gathered + line * d, start, dimension: d)
                            if !own.isEmpty, columns.contains(own[i]) {
                                r[own[i] - columns.lowerBound] = DistanceTiles<Scalar>.far
                                nearest = UnsafeMutableBufferPointer(start: r, count: columns.count).min()!
                            }
                            sums[i].add(
                                kernel, r,
                                weights: weights.isEmpty ? nil : weights.baseAddress! + columns.lowerBound,
                                count: columns.count, nearest: nearest, bandwidth: bandwidth)
                        }
                    }
                }
            }
        }
    }
}
