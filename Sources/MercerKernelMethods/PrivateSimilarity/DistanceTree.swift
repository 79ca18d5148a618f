import Foundation

/// Which weight stands for the distances within a ring.
public enum RingWeight: String, Sendable, CaseIterable, Codable {
    /// The ring's outer radius: answers between 1 and 1 + α times the truth.
    case upper
    /// The geometric mean of its first and last distance: nearly unbiased, so that α can be large.
    case midpoint
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

    /// The answer for a query, by rings of distance whose radii shrink by 1 + α, outermost first.
    ///
    /// - Returns: the sum, and Σ (weight)² over the nodes in it, by which the variance of a node's noise is
    ///   multiplied.
    public func sum(from y: Double, power p: Double = 1, alpha: Double, weight: RingWeight)
        -> (sum: Double, squaredWeights: Double)
    {
        let m = counts.cells
        let cell = DistanceTree.cell(y, range: range, cells: m)
        let unit = range / Double(m)
        var sum = 0.0
        var squares = 0.0
        var high = Double(m)
        while high > 1 {
            let low = max(high / (1 + alpha), 1)
            let (inner, outer) = (Int(low.rounded(.up)), Int(high.rounded(.up)))
            if inner < outer {
                let distance = weight == .upper ? high : (Double(inner) * Double(outer - 1)).squareRoot()
                let factor = p == 1 ? distance * unit : pow(distance * unit, p)
                let right = min(cell + inner, m)..<min(cell + outer, m)
                let left = max(cell - outer + 1, 0)..<max(cell - inner + 1, 0)
                let (beyond, before) = (counts.walk(right), counts.walk(left))
                sum += factor * (beyond.sum + before.sum)
                squares += factor * factor * Double(beyond.count + before.count)
            }
            high = low
        }
        return (sum, squares)
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
