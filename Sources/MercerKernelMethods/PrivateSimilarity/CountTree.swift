import Foundation

/// A complete tree of sums over cells 0 ..< m of a line: any interval is a sum of few nodes, and a row changes one node
/// a level (card: Method 1).
public struct CountTree: Sendable {
    /// Children of a node.
    public let arity: Int
    /// m, a power of the arity.
    public let cells: Int
    /// The nodes, level after level, leaves first.
    public let nodes: [Double]
    /// Where each level begins.
    private let starts: [Int]

    /// A tree of given nodes, leaves first.
    public init(nodes: [Double], cells: Int, arity: Int = 2) {
        let starts = CountTree.starts(cells: cells, arity: arity)
        precondition(
            nodes.count == starts.last! + 1, "CountTree: \(nodes.count) nodes over \(cells) cells of arity \(arity)")
        self.arity = arity
        self.cells = cells
        self.nodes = nodes
        self.starts = starts
    }

    /// The sums of leaves.
    public init(leaves: [Double], arity: Int = 2) {
        let starts = CountTree.starts(cells: leaves.count, arity: arity)
        var nodes = leaves
        nodes.reserveCapacity(starts.last! + 1)
        var (start, width) = (0, leaves.count)
        while width > 1 {
            for parent in 0..<width / arity {
                var sum = 0.0
                for child in start + parent * arity..<start + (parent + 1) * arity { sum += nodes[child] }
                nodes.append(sum)
            }
            start += width
            width /= arity
        }
        self.init(nodes: nodes, cells: leaves.count, arity: arity)
    }

    /// The smallest power of the arity that is at least n.
    public static func cells(atLeast n: Int, arity: Int) -> Int {
        var cells = 1
        while cells < n { cells *= arity }
        return cells
    }

    private static func starts(cells: Int, arity: Int) -> [Int] {
        precondition(arity >= 2 && cells >= 1, "CountTree: \(cells) cells of arity \(arity)")
        var (starts, width) = ([0], cells)
        while width > 1 {
            precondition(width % arity == 0, "CountTree: \(cells) cells aren't a power of \(arity)")
            starts.append(starts.last! + width)
            width /= arity
        }
        return starts
    }

    /// log_b m + 1, the nodes that a row is counted in, the root included.
    public var levels: Int { starts.count }

    /// The sum over cells of an interval, by the fewest nodes.
    public func sum(_ interval: Range<Int>) -> Double { walk(interval).sum }

    /// How many nodes an interval's sum is made of.
    public func nodeCount(_ interval: Range<Int>) -> Int { walk(interval).count }

    @inline(__always)
    private func walk(_ interval: Range<Int>) -> (sum: Double, count: Int) {
        var (low, high) = (interval.lowerBound, interval.upperBound)
        return nodes.withUnsafeBufferPointer { nodes in
            var sum = 0.0
            var count = 0
            var level = 0
            while low < high {
                let start = starts[level]
                while low % arity != 0 && low < high {
                    sum += nodes[start + low]
                    count += 1
                    low += 1
                }
                while high % arity != 0 && low < high {
                    high -= 1
                    sum += nodes[start + high]
                    count += 1
                }
                if low < high && level == starts.count - 1 {
                    // Only the root is left.
                    return (sum + nodes[start], count + 1)
                }
                low /= arity
                high /= arity
                level += 1
            }
            return (sum, count)
        }
    }
}
