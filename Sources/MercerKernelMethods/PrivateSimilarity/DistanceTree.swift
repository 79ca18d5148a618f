import Foundation

/// Which weight stands for the distances within a ring.
public enum RingWeight: String, Sendable, CaseIterable, Codable {
    /// The ring's outer radius: answers between 1 and 1 + α times the truth.
    case upper
    /// The geometric mean of its first and last distance: nearly unbiased, so that α can be large.
    case midpoint
}

/// Rings of distances between cells of a line, whose radii shrink by 1 + α, outermost first (Backurs et al. 2024).
public struct DistanceRings: Sendable {
    /// Cells at a distance of `inner ..< outer`, whose values are counted with one weight.
    struct Ring: Sendable {
        let inner: Int
        let outer: Int
        let weight: Double
    }

    let rings: [Ring]

    /// - Parameters:
    ///   - cells: m.
    ///   - range: R, so that a cell is R/m wide.
    ///   - power: p of distances^p.
    ///   - alpha: α.
    init(cells m: Int, range: Double, power p: Double, alpha: Double, weight: RingWeight) {
        let unit = range / Double(m)
        var rings: [Ring] = []
        var high = Double(m)
        while high > 1 {
            let low = max(high / (1 + alpha), 1)
            let (inner, outer) = (Int(low.rounded(.up)), Int(high.rounded(.up)))
            if inner < outer {
                let distance = weight == .upper ? high : (Double(inner) * Double(outer - 1)).squareRoot()
                rings.append(
                    Ring(
                        inner: inner, outer: outer,
                        weight: p == 1 ? distance * unit : pow(distance * unit, p)))
            }
            high = low
        }
        self.rings = rings
    }
}

/// Σ |x − y|^p over values in [0, R] from counts in a tree, for any y (Backurs et al. 2024).
public struct DistanceTree: Sendable {
    public let counts: CountTree
    /// R.
    public let range: Double

    public init(counts: CountTree, range: Double) {
        precondition(range > 0, "DistanceTree: the range is \(range)")
        self.counts = counts
        self.range = range
    }

    /// The cell of a value in [0, R].
    public static func cell(_ value: Double, range: Double, cells: Int) -> Int {
        min(cells - 1, max(0, Int((value / range * Double(cells)).rounded(.down))))
    }

    /// The rings of its cells, for all queries of one kind.
    public func rings(power p: Double = 1, alpha: Double, weight: RingWeight) -> DistanceRings {
        DistanceRings(cells: counts.cells, range: range, power: p, alpha: alpha, weight: weight)
    }

    /// The answer for a query, ring by ring.
    ///
    /// - Parameter paths: sums along the paths of `counts`, which pay for many queries.
    func sum(
        from y: Double, over rings: DistanceRings, paths: PathSums?
    ) -> (sum: Double, squaredWeights: Double) {
        let m = counts.cells
        let cell = DistanceTree.cell(y, range: range, cells: m)
        return counts.nodes.withUnsafeBufferPointer { nodes in
            var (sum, squares) = (0.0, 0.0)
            for ring in rings.rings {
                let right = min(cell + ring.inner, m)..<min(cell + ring.outer, m)
                let left = max(cell - ring.outer + 1, 0)..<max(cell - ring.inner + 1, 0)
                let beyond = walk(right, nodes, paths)
                let before = walk(left, nodes, paths)
                sum += ring.weight * (beyond.sum + before.sum)
                squares += ring.weight * ring.weight * Double(beyond.count + before.count)
            }
            return (sum, squares)
        }
    }

    @inline(__always)
    private func walk(
        _ interval: Range<Int>, _ nodes: UnsafeBufferPointer<Double>, _ paths: PathSums?
    ) -> (sum: Double, count: Int) {
        if interval.isEmpty { return (0, 0) }
        return paths?.walk(interval) ?? counts.walk(interval, nodes)
    }

    /// The answer for a query, ring by ring.
    ///
    /// - Returns: the sum, and Σ (weight)² over the nodes in it, by which the variance of a node's noise is
    ///   multiplied.
    public func sum(from y: Double, over rings: DistanceRings) -> (sum: Double, squaredWeights: Double) {
        sum(from: y, over: rings, paths: nil)
    }

    /// Σ |x − y| over the cells' values without any rounding by rings, from every leaf: for tests and audits.
    public func exactSum(from y: Double) -> Double {
        let m = counts.cells
        let cell = DistanceTree.cell(y, range: range, cells: m)
        return (0..<m).reduce(0) { $0 + counts.nodes[$1] * Double(abs($1 - cell)) } * range / Double(m)
    }
}

/// Σ |x − y| from a tree of counts and a tree of sums: O(log n) nodes and no α (sum tree).
public struct SumTree: Sendable {
    public let counts: CountTree
    /// Sums of cell numbers.
    public let sums: CountTree
    public let range: Double

    public init(counts: CountTree, sums: CountTree, range: Double) {
        precondition(counts.cells == sums.cells, "SumTree: \(counts.cells) and \(sums.cells) cells")
        self.counts = counts
        self.sums = sums
        self.range = range
    }

    /// S_{≥y} − y C_{≥y} + y C_{<y} − S_{<y}, and how many nodes of counts and of sums are in it.
    public func sum(from y: Double) -> (sum: Double, countNodes: Int, sumNodes: Int) {
        let m = counts.cells
        let cell = DistanceTree.cell(y, range: range, cells: m)
        let (above, below) = (cell..<m, 0..<cell)
        let (farCounts, nearCounts) = (counts.walk(above), counts.walk(below))
        let (farSums, nearSums) = (sums.walk(above), sums.walk(below))
        let answer = farSums.sum - nearSums.sum - Double(cell) * (farCounts.sum - nearCounts.sum)
        return (
            answer * range / Double(m), farCounts.count + nearCounts.count, farSums.count + nearSums.count
        )
    }
}
