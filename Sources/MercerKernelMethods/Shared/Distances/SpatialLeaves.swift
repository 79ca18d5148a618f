/// Points in the order of a k-d tree (Bentley 1975): each leaf is a run of near points with its bounding box.
struct SpatialLeaves<Scalar: DistanceScalar>: Sendable {
    /// The points, leaf after leaf.
    let points: PointSet<Scalar>
    /// Which row each of them was.
    let rows: [Int]
    let leaves: [Range<Int>]
    /// The smallest and the largest coordinates of each leaf, 2d numbers.
    private let boxes: [Double]

    /// - Parameter leafSize: points a leaf; all leaves but some have as many.
    init(_ set: PointSet<Scalar>, leafSize: Int) {
        let d = set.dimension
        var rows = Array(0..<set.count)
        var leaves: [Range<Int>] = []
        set.values.withUnsafeBufferPointer { values in
            rows.withUnsafeMutableBufferPointer { rows in
                Self.split(rows, 0..<rows.count, values, d, leafSize, &leaves)
            }
        }
        var values: [Scalar] = []
        values.reserveCapacity(set.values.count)
        for row in rows { values += set[row] }
        var boxes: [Double] = []
        boxes.reserveCapacity(leaves.count * 2 * d)
        for leaf in leaves {
            for side in 0..<2 {
                for k in 0..<d {
                    var end = values[leaf.lowerBound * d + k]
                    for i in leaf { end = side == 0 ? min(end, values[i * d + k]) : max(end, values[i * d + k]) }
                    boxes.append(Double(end))
                }
            }
        }
        points = PointSet(
            values, count: set.count, dimension: d, weights: set.weights.map { weights in rows.map { weights[$0] } })
        self.rows = rows
        self.leaves = leaves
        self.boxes = boxes
    }

    /// Halves a run at the middle of its widest coordinate until it is a leaf.
    private static func split(
        _ rows: UnsafeMutableBufferPointer<Int>, _ run: Range<Int>, _ values: UnsafeBufferPointer<Scalar>, _ d: Int,
        _ leafSize: Int, _ leaves: inout [Range<Int>]
    ) {
        if run.count <= leafSize {
            if !run.isEmpty { leaves.append(run) }
            return
        }
        var (widest, width) = (0, -Scalar.infinity)
        for k in 0..<d {
            var low = Scalar.infinity
            var high = -Scalar.infinity
            for i in run {
                let value = values[rows[i] * d + k]
                low = min(low, value)
                high = max(high, value)
            }
            if high - low > width { (widest, width) = (k, high - low) }
        }
        let full = (run.count + leafSize - 1) / leafSize
        let middle = run.lowerBound + full / 2 * leafSize
        select(rows, run, middle) { values[$0 * d + widest] }
        split(rows, run.lowerBound..<middle, values, d, leafSize, &leaves)
        split(rows, middle..<run.upperBound, values, d, leafSize, &leaves)
    }

    /// Orders a run so that what stands before `place` is at most what stands there, and what follows at least (Hoare
    /// 1961).
    @inline(__always)
    private static func select(
        _ rows: UnsafeMutableBufferPointer<Int>, _ run: Range<Int>, _ place: Int, by key: (Int) -> Scalar
    ) {
        var (left, right) = (run.lowerBound, run.upperBound - 1)
        while left < right {
            let pivot = key(rows[(left + right) / 2])
            var (i, j) = (left, right)
            while i <= j {
                while key(rows[i]) < pivot { i += 1 }
                while pivot < key(rows[j]) { j -= 1 }
                if i > j { break }
                rows.swapAt(i, j)
                i += 1
                j -= 1
            }
            if place <= j { right = j } else if place >= i { left = i } else { return }
        }
    }

    /// The squared distance between the boxes of a leaf and of a leaf of another set: of no two of their points is it
    /// larger.
    func squaredDistance<Other>(_ leaf: Int, to other: SpatialLeaves<Other>, _ otherLeaf: Int) -> Double {
        let d = points.dimension
        var sum = 0.0
        for k in 0..<d {
            let (low, high) = (boxes[leaf * 2 * d + k], boxes[leaf * 2 * d + d + k])
            let (otherLow, otherHigh) = (other.boxes[otherLeaf * 2 * d + k], other.boxes[otherLeaf * 2 * d + d + k])
            let gap = max(0, max(low - otherHigh, otherLow - high))
            sum += gap * gap
        }
        return sum
    }

    /// The squared distance of a point to the box of a leaf.
    func squaredDistance(_ leaf: Int, to point: ArraySlice<Scalar>) -> Double {
        let d = points.dimension
        var sum = 0.0
        for k in 0..<d {
            let x = Double(point[point.startIndex + k])
            let gap = max(0, max(boxes[leaf * 2 * d + k] - x, x - boxes[leaf * 2 * d + d + k]))
            sum += gap * gap
        }
        return sum
    }
}
