import CKernels
import Foundation

/// Copies between tensors of one shape and element size, whatever their strides.
enum StridedCopy {
    /// Copies all elements of `source` to `destination`; both have the same shape and element size.
    static func copy(from source: Tensor, to destination: Tensor) {
        let count = source.count
        if count == 0 { return }
        if source.isContiguous && destination.isContiguous {
            bytes(source.rawPointer, destination.rawPointer, count * source.dtype.size)
            return
        }
        let plan = Plan(source.shape, source.strides, destination.strides)
        if transpose(plan, source.rawPointer, destination.rawPointer, source.dtype.size) { return }
        switch source.dtype.size {
        case 1: run(plan, source.rawPointer, destination.rawPointer, UInt8.self)
        case 2: run(plan, source.rawPointer, destination.rawPointer, UInt16.self)
        case 4: run(plan, source.rawPointer, destination.rawPointer, UInt32.self)
        case 8: run(plan, source.rawPointer, destination.rawPointer, UInt64.self)
        default: run(plan, source.rawPointer, destination.rawPointer, SIMD2<UInt64>.self)
        }
    }

    /// A parallel `memcpy`.
    static func bytes(_ source: UnsafeRawPointer, _ destination: UnsafeMutableRawPointer, _ count: Int) {
        let source = UInt(bitPattern: source)
        let destination = UInt(bitPattern: destination)
        Parallel.forRanges(count, grain: 1 << 20) { range in
            memcpy(
                UnsafeMutableRawPointer(bitPattern: destination + UInt(range.lowerBound))!,
                UnsafeRawPointer(bitPattern: source + UInt(range.lowerBound))!, range.count)
        }
    }

    /// The loop nest of a copy: axes of length 1 dropped, neighbours that step alike merged.
    private struct Plan {
        var shape: [Int] = []
        var source: [Int] = []
        var destination: [Int] = []

        init(_ shape: [Int], _ source: [Int], _ destination: [Int]) {
            for axis in 0..<shape.count where shape[axis] != 1 {
                if let last = self.shape.indices.last,
                    self.source[last] == source[axis] * shape[axis],
                    self.destination[last] == destination[axis] * shape[axis]
                {
                    self.shape[last] *= shape[axis]
                    self.source[last] = source[axis]
                    self.destination[last] = destination[axis]
                } else {
                    self.shape.append(shape[axis])
                    self.source.append(source[axis])
                    self.destination.append(destination[axis])
                }
            }
        }
    }

    /// The copy as transpositions, where the source is dense along one axis and the destination along another.
    private static func transpose(
        _ plan: Plan, _ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer, _ size: Int
    ) -> Bool {
        guard size == 4 || size == 8, let last = plan.shape.indices.last, plan.destination[last] == 1,
            let first = plan.source.firstIndex(of: 1), first != last, plan.shape[last] >= 4,
            plan.shape[first] >= 4
        else { return false }
        let loop = mercer_transpose_function(kernelISA, Int32(size))
        let (rows, columns) = (plan.shape[first], plan.shape[last])
        let (fromColumn, toRow) = (plan.source[last], plan.destination[first])
        let outerAxes = (0..<last).filter { $0 != first }
        let outer = outerAxes.reduce(1) { $0 * plan.shape[$1] }
        // Some lines of each source row at a time and not too many rows: their pages stay known to the processor.
        let (high, wide) = (64, 256)
        let chunks = (rows + high - 1) / high
        nonisolated(unsafe) let (from, to) = (from, to)
        Parallel.forRanges(outer * chunks, grain: max(1, 32768 / (min(rows, high) * columns))) { range in
            for chunk in range {
                var (index, top) = chunk.quotientAndRemainder(dividingBy: chunks)
                top *= high
                var source = top
                var destination = top * toRow
                for axis in outerAxes.reversed() {
                    let (rest, i) = index.quotientAndRemainder(dividingBy: plan.shape[axis])
                    source += i * plan.source[axis]
                    destination += i * plan.destination[axis]
                    index = rest
                }
                for left in stride(from: 0, to: columns, by: wide) {
                    loop(
                        from + (source + left * fromColumn) * size, fromColumn,
                        to + (destination + left) * size, toRow, min(high, rows - top),
                        min(wide, columns - left))
                }
            }
        }
        return true
    }

    private static func run<T: BitwiseCopyable>(
        _ plan: Plan, _ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer, _ type: T.Type
    ) {
        nonisolated(unsafe) let from = from.assumingMemoryBound(to: T.self)
        nonisolated(unsafe) let to = to.assumingMemoryBound(to: T.self)
        let rank = plan.shape.count
        if rank == 0 {
            to[0] = from[0]
            return
        }
        // The innermost two axes are a block, walked in tiles, so that both sides stay within the cache.
        let columns = plan.shape[rank - 1]
        let rows = rank >= 2 ? plan.shape[rank - 2] : 1
        let (fromColumn, toColumn) = (plan.source[rank - 1], plan.destination[rank - 1])
        let (fromRow, toRow) = rank >= 2 ? (plan.source[rank - 2], plan.destination[rank - 2]) : (0, 0)
        let outer = plan.shape.dropLast(2).reduce(1, *)
        let rowGrain = max(1, min(rows, 32768 / max(columns, 1)))
        let rowChunks = (rows + rowGrain - 1) / rowGrain
        let dense = fromColumn == 1 && toColumn == 1

        Parallel.forEach(outer * rowChunks) { chunk in
            var (index, rowChunk) = (chunk / rowChunks, chunk % rowChunks)
            var source = from
            var destination = to
            for axis in stride(from: rank - 3, through: 0, by: -1) {
                let i = index % plan.shape[axis]
                index /= plan.shape[axis]
                source += i * plan.source[axis]
                destination += i * plan.destination[axis]
            }
            rowChunk *= rowGrain
            let rowEnd = min(rows, rowChunk + rowGrain)
            if dense {
                for row in rowChunk..<rowEnd {
                    memcpy(
                        destination + row * toRow, source + row * fromRow, columns * MemoryLayout<T>.size)
                }
                return
            }
            let tile = 16
            for top in stride(from: rowChunk, to: rowEnd, by: tile) {
                let bottom = min(top + tile, rowEnd)
                for left in stride(from: 0, to: columns, by: tile) {
                    let right = min(left + tile, columns)
                    for row in top..<bottom {
                        let s = source + row * fromRow
                        let d = destination + row * toRow
                        var column = left
                        while column < right {
                            d[column * toColumn] = s[column * fromColumn]
                            column += 1
                        }
                    }
                }
            }
        }
    }
}
