import Foundation
import Mercer

/// A complete tree of sums over cells 0 ..< m of a line: any interval is a sum of few nodes, and a row changes one node
/// a level (Backurs et al. 2024).
public struct CountTree: Sendable {
    /// Children of a node.
    public let arity: Int
    /// m, a power of the arity.
    public let cells: Int
    /// The nodes, level after level, leaves first.
    public private(set) var nodes: [Double]
    /// log₂ of the arity.
    private let shift: Int
    /// log_b m + 1, the nodes that a row is counted in, the root included.
    public let levels: Int

    /// A tree of given nodes, leaves first.
    public init(nodes: [Double], cells: Int, arity: Int = 2) {
        precondition(
            arity >= 2 && arity & (arity - 1) == 0 && cells >= 1,
            "CountTree: \(cells) cells of arity \(arity), a power of two is expected")
        var (levels, width, count) = (1, cells, cells)
        while width > 1 {
            precondition(width % arity == 0, "CountTree: \(cells) cells aren't a power of \(arity)")
            width /= arity
            count += width
            levels += 1
        }
        precondition(
            nodes.count == count, "CountTree: \(nodes.count) nodes over \(cells) cells of arity \(arity)")
        self.arity = arity
        self.cells = cells
        self.nodes = nodes
        self.levels = levels
        shift = arity.trailingZeroBitCount
    }

    /// The sums of leaves.
    public init(leaves: [Double], arity: Int = 2) {
        var nodes = leaves
        nodes.reserveCapacity(2 * leaves.count)
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

    /// The sum over cells of an interval, by the fewest nodes.
    public func sum(_ interval: Range<Int>) -> Double { walk(interval).sum }

    /// The sum over an interval and how many nodes it is made of.
    func walk(_ interval: Range<Int>) -> (sum: Double, count: Int) {
        nodes.withUnsafeBufferPointer { walk(interval, $0) }
    }

    /// The same with the nodes at hand.
    @inline(__always)
    func walk(_ interval: Range<Int>, _ nodes: UnsafeBufferPointer<Double>) -> (sum: Double, count: Int) {
        shift == 1 ? binaryWalk(interval, nodes) : wideWalk(interval, nodes)
    }

    /// At most one node a side and level, read always and taken or not without a branch, which would be guessed wrong
    /// every other time.
    @inline(__always)
    private func binaryWalk(
        _ interval: Range<Int>, _ nodes: UnsafeBufferPointer<Double>
    ) -> (sum: Double, count: Int) {
        var (low, high) = (interval.lowerBound, interval.upperBound)
        var (sum, count, start, width) = (0.0, 0, 0, cells)
        while low < high {
            let (left, right) = (low & 1, high & 1)
            sum += Self.kept(nodes[start + low], left) + Self.kept(nodes[start + high - 1], right)
            count += left + right
            low = (low + left) >> 1
            high >>= 1
            start += width
            width >>= 1
        }
        return (sum, count)
    }

    /// x or 0.
    @inline(__always)
    private static func kept(_ x: Double, _ isKept: Int) -> Double {
        Double(bitPattern: x.bitPattern & UInt64(bitPattern: Int64(-isKept)))
    }

    private func wideWalk(
        _ interval: Range<Int>, _ nodes: UnsafeBufferPointer<Double>
    ) -> (sum: Double, count: Int) {
        var (low, high) = (interval.lowerBound, interval.upperBound)
        let mask = arity - 1
        var (sum, count, start, width) = (0.0, 0, 0, cells)
        while low < high {
            while low & mask != 0 && low < high {
                sum += nodes[start + low]
                count += 1
                low += 1
            }
            while high & mask != 0 && low < high {
                high -= 1
                sum += nodes[start + high]
                count += 1
            }
            low >>= shift
            high >>= shift
            start += width
            width >>= shift
        }
        return (sum, count)
    }

    /// Adds noise to every node, in blocks that draw from streams of their own, so that they can be drawn at the same
    /// time.
    mutating func add(_ law: DiscreteLaplace, from noise: NoiseSource, stream: Int) {
        nodes.withUnsafeMutableBufferPointer { nodes in
            let target = UncheckedAddress(nodes.baseAddress)
            Parallel.forRanges(nodes.count, grain: 1 << 14) { range in
                var generator = noise.generator(stream: stream << 32 + range.lowerBound)
                for i in range { target.pointer[i] += Double(law.draw(using: &generator)) }
            }
        }
    }
}
