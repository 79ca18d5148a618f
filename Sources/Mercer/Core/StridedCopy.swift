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
        if interleave(plan, source.rawPointer, destination.rawPointer, source.dtype.size)
            || transpose(plan, source.rawPointer, destination.rawPointer, source.dtype.size)
        {
            return
        }
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

    /// The axes around a block that is copied at once, with the offsets of each block.
    private struct Outer {
        let shape: [Int]
        let source: [Int]
        let destination: [Int]
        let count: Int

        init(_ plan: Plan, axes: [Int]) {
            shape = axes.map { plan.shape[$0] }
            source = axes.map { plan.source[$0] }
            destination = axes.map { plan.destination[$0] }
            count = shape.reduce(1, *)
        }

        /// Calls `body` for `range` of all blocks, each in `parts` parts, with the block's offsets in both tensors
        /// and the part. Steps as a mileage counter does: blocks can be a few elements, and a division for each axis
        /// would cost more than they do.
        @inline(__always)
        func forEach(in range: Range<Int>, parts: Int, _ body: (Int, Int, Int) -> Void) {
            var index = [Int](repeating: 0, count: shape.count)
            var (rest, part) = range.lowerBound.quotientAndRemainder(dividingBy: parts)
            var (from, to) = (0, 0)
            for axis in shape.indices.reversed() {
                (rest, index[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis])
                from += index[axis] * source[axis]
                to += index[axis] * destination[axis]
            }
            for _ in range {
                body(from, to, part)
                part += 1
                if part < parts { continue }
                part = 0
                var axis = shape.count - 1
                while axis >= 0 {
                    index[axis] += 1
                    from += source[axis]
                    to += destination[axis]
                    if index[axis] < shape[axis] { break }
                    from -= source[axis] * shape[axis]
                    to -= destination[axis] * shape[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
    }

    /// The copy as strands that lie alternately in one tensor and apart in the other, as pixel shuffle has them:
    /// axes that are dense together, and an axis that steps over them and is dense on the other side.
    private static func interleave(
        _ plan: Plan, _ from: UnsafeMutableRawPointer, _ to: UnsafeMutableRawPointer, _ size: Int
    ) -> Bool {
        guard size == 4 else { return false }
        let ranges = plan.shape.indices
        /// The axes that are dense up to a step as long as `run`'s on `side`.
        func strands(_ side: [Int], _ run: Int) -> [Int]? {
            var (axes, ways) = ([Int](), 1)
            while ways < side[run] {
                guard let axis = ranges.first(where: { side[$0] == ways && !axes.contains($0) && $0 != run })
                else { return nil }
                axes.append(axis)
                ways *= plan.shape[axis]
            }
            return ways == side[run] && 2...Int(mercer_strands_most) ~= ways ? axes : nil
        }
        for (dense, mixed, apart) in [
            (plan.destination, plan.source, true), (plan.source, plan.destination, false),
        ] {
            guard let run = dense.firstIndex(of: 1), plan.shape[run] >= 16,
                let axes = strands(mixed, run)
            else { continue }
            let (ways, length) = (mixed[run], plan.shape[run])
            var offsets = [Int](repeating: 0, count: ways)
            for way in 0..<ways {
                var rest = way
                for axis in axes {
                    offsets[way] += rest % plan.shape[axis] * dense[axis]
                    rest /= plan.shape[axis]
                }
            }
            let outer = Outer(plan, axes: ranges.filter { $0 != run && !axes.contains($0) })
            let kernels = mercer_transpose_functions(kernelISA)
            nonisolated(unsafe) let (from, to) = (from, to)
            let (high, parts) = (4096, (length + 4095) / 4096)
            Parallel.forRanges(outer.count * parts, grain: max(1, 32768 / (ways * min(length, high)))) { range in
                outer.forEach(in: range, parts: parts) { source, destination, part in
                    let start = part * high
                    let count = min(high, length - start)
                    if apart {
                        kernels.pointee.deinterleave(
                            from + (source + start * ways) * size, to + (destination + start) * size, offsets,
                            ways, count)
                    } else {
                        kernels.pointee.interleave(
                            from + (source + start) * size, offsets, to + (destination + start * ways) * size,
                            ways, count)
                    }
                }
            }
            return true
        }
        return false
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
        let outer = Outer(plan, axes: (0..<last).filter { $0 != first })
        // Some lines of each source row at a time and not too many rows: their pages stay known to the processor.
        let (high, wide) = (64, 256)
        let chunks = (rows + high - 1) / high
        nonisolated(unsafe) let (from, to) = (from, to)
        Parallel.forRanges(outer.count * chunks, grain: max(1, 32768 / (min(rows, high) * columns))) { range in
            outer.forEach(in: range, parts: chunks) { source, destination, chunk in
                let top = chunk * high
                for left in stride(from: 0, to: columns, by: wide) {
                    loop(
                        from + (source + top + left * fromColumn) * size, fromColumn,
                        to + (destination + top * toRow + left) * size, toRow, min(high, rows - top),
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
        let rowGrain = max(1, min(rows, 32768 / max(columns, 1)))
        let rowChunks = (rows + rowGrain - 1) / rowGrain
        let outer = Outer(plan, axes: Array(0..<max(rank - 2, 0)))
        let dense = fromColumn == 1 && toColumn == 1
        let bytes = columns * MemoryLayout<T>.size
        let tile = 16

        Parallel.forRanges(outer.count * rowChunks, grain: max(1, 32768 / (rowGrain * columns))) { range in
            outer.forEach(in: range, parts: rowChunks) { sourceOffset, destinationOffset, rowChunk in
                let source = from + sourceOffset
                let destination = to + destinationOffset
                let top = rowChunk * rowGrain
                let bottom = min(rows, top + rowGrain)
                if dense && bytes % 16 == 0 && bytes <= 256 {
                    // Pixels of a few channels: a call would cost more than the copy.
                    for row in top..<bottom {
                        let s = UnsafeRawPointer(source + row * fromRow)
                        let d = UnsafeMutableRawPointer(destination + row * toRow)
                        var byte = 0
                        while byte < bytes {
                            d.storeBytes(
                                of: s.loadUnaligned(fromByteOffset: byte, as: SIMD2<UInt64>.self), toByteOffset: byte,
                                as: SIMD2<UInt64>.self)
                            byte += 16
                        }
                    }
                    return
                }
                if dense && bytes >= 64 {
                    for row in top..<bottom { memcpy(destination + row * toRow, source + row * fromRow, bytes) }
                    return
                }
                for top in stride(from: top, to: bottom, by: tile) {
                    let bottom = min(top + tile, bottom)
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
}
