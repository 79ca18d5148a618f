/// Arithmetic on shapes and strides.
enum Shape {
    @inline(__always)
    static func count(_ shape: [Int]) -> Int {
        var n = 1
        for d in shape { n *= d }
        return n
    }

    static func denseStrides(_ shape: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: shape.count)
        var step = 1
        for axis in stride(from: shape.count - 1, through: 0, by: -1) {
            strides[axis] = step
            step *= max(shape[axis], 1)
        }
        return strides
    }

    /// Whether strides are those of a row-major array; axes of length 1 may have any.
    static func isDense(_ shape: [Int], _ strides: [Int]) -> Bool {
        var step = 1
        for axis in stride(from: shape.count - 1, through: 0, by: -1) {
            if shape[axis] == 0 { return true }
            if shape[axis] != 1 && strides[axis] != step { return false }
            step *= shape[axis]
        }
        return true
    }

    /// A checked axis from 0; negative ones count from the end.
    @inline(__always)
    static func axis(_ axis: Int, _ rank: Int, _ operation: StaticString) -> Int {
        let result = axis < 0 ? axis + rank : axis
        precondition(
            result >= 0 && result < max(rank, 1),
            "\(operation): axis \(axis) is outside a tensor with \(rank) axes")
        return result
    }

    /// Checked, sorted axes from 0; all of them where `axes` is nil.
    static func axes(_ axes: [Int]?, _ rank: Int, _ operation: StaticString) -> [Int] {
        guard let axes else { return Array(0..<rank) }
        let result = axes.map { Self.axis($0, rank, operation) }.sorted()
        precondition(
            zip(result, result.dropFirst()).allSatisfy { $0 != $1 },
            "\(operation): axes \(axes) name one axis twice")
        return result
    }

    /// The common shape of two operands, as in NumPy: aligned at the last axis, lengths of 1 stretch.
    static func broadcast(_ a: [Int], _ b: [Int], _ operation: StaticString) -> [Int] {
        if a == b { return a }
        let rank = max(a.count, b.count)
        var shape = [Int](repeating: 1, count: rank)
        for axis in 0..<rank {
            let i = axis - (rank - a.count)
            let j = axis - (rank - b.count)
            let m = i >= 0 ? a[i] : 1
            let n = j >= 0 ? b[j] : 1
            precondition(
                m == n || m == 1 || n == 1, "\(operation): shapes \(a) and \(b) don't broadcast to each other"
            )
            shape[axis] = m == 1 ? n : m
        }
        return shape
    }

    /// Strides with which a tensor is read as if it had the larger `shape`: 0 along stretched axes.
    static func broadcastStrides(_ from: [Int], _ strides: [Int], to shape: [Int]) -> [Int] {
        let lead = shape.count - from.count
        var result = [Int](repeating: 0, count: shape.count)
        for axis in 0..<from.count where from[axis] != 1 || shape[lead + axis] == 1 {
            result[lead + axis] = strides[axis]
        }
        return result
    }

    /// Strides with which a view of a strided array has another shape, or nil where only a copy can have it.
    static func viewStrides(_ shape: [Int], _ strides: [Int], as target: [Int]) -> [Int]? {
        let old = zip(shape, strides).filter { $0.0 != 1 }
        var result = [Int](repeating: 1, count: target.count)
        var source = 0
        var axis = 0
        while axis < target.count {
            if target[axis] == 1 {
                axis += 1
                continue
            }
            guard source < old.count else { return nil }
            // Axes source..<sourceEnd of the old shape hold the same elements as axis..<targetEnd of the new one.
            var sourceEnd = source + 1
            var targetEnd = axis + 1
            var have = old[source].0
            var want = target[axis]
            while have != want {
                if have < want {
                    guard sourceEnd < old.count else { return nil }
                    have *= old[sourceEnd].0
                    sourceEnd += 1
                } else {
                    guard targetEnd < target.count else { return nil }
                    want *= target[targetEnd]
                    targetEnd += 1
                }
            }
            for i in source..<(sourceEnd - 1) where old[i].1 != old[i + 1].0 * old[i + 1].1 { return nil }
            var step = old[sourceEnd - 1].1
            for i in stride(from: targetEnd - 1, through: axis, by: -1) {
                result[i] = step
                step *= target[i]
            }
            source = sourceEnd
            axis = targetEnd
        }
        return result
    }
}
