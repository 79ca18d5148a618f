/// Sums along the paths from each node of a binary tree to its root, with which an interval costs four numbers instead
/// of two a level; for many queries.
struct PathSums: Sendable {
    private let cells: Int
    /// For each node the sum of the right siblings on its path, itself included, then that of the left ones.
    private let sums: [Double]

    /// nil for trees of another arity than 2.
    init?(_ tree: CountTree) {
        guard tree.arity == 2 else { return nil }
        let (nodes, count) = (tree.nodes, tree.nodes.count)
        cells = tree.cells
        sums = [Double](unsafeUninitializedCapacity: 2 * count) { sums, initialised in
            (sums[2 * count - 2], sums[2 * count - 1]) = (0, 0)
            var (above, width) = (count - 1, 2)
            while width <= tree.cells {
                let start = above - width
                for left in stride(from: 0, to: width, by: 2) {
                    let parent = 2 * (above + left / 2)
                    let child = 2 * (start + left)
                    sums[child] = sums[parent] + nodes[start + left + 1]
                    sums[child + 1] = sums[parent + 1]
                    sums[child + 2] = sums[parent]
                    sums[child + 3] = sums[parent + 1] + nodes[start + left]
                }
                above = start
                width *= 2
            }
            initialised = 2 * count
        }
    }

    /// The sum over an interval within the cells, by the fewest nodes, and their number; nil where it starts with the
    /// first cell or ends with the last.
    ///
    /// The nodes are right siblings on the path from the cell before the interval and left siblings on that from the
    /// cell behind it, up to where both paths are siblings.
    @inline(__always)
    func walk(_ interval: Range<Int>) -> (sum: Double, count: Int)? {
        let (before, behind) = (interval.lowerBound - 1, interval.upperBound)
        if before < 0 || behind >= cells { return nil }
        let level = Int.bitWidth - 1 - (before ^ behind).leadingZeroBitCount
        // Where the level starts: 2m − 2m/2^level.
        let start = 2 * cells - (2 * cells) >> level
        let (left, right) = (start + before >> level, start + behind >> level)
        let mask = 1 << level - 1
        return sums.withUnsafeBufferPointer { sums in
            (
                sums[2 * before] - sums[2 * left] + (sums[2 * behind + 1] - sums[2 * right + 1]),
                (~before & mask).nonzeroBitCount + (behind & mask).nonzeroBitCount
            )
        }
    }
}
