import CKernels

/// Loops whose results are too large for the caches.
///
/// An ordinary store first reads the line it writes to. Where the result is fresh memory beyond the caches that read
/// is waste: blocks are then computed into a buffer that stays in the first-level cache and copied with stores that
/// go past the caches.
enum Streaming {
    /// Bytes of a result from which on it goes past the caches.
    static let threshold = 24 << 20
    private static let block = 8192

    /// Calls `body` with a first element, a number of elements and the place where they are to be written, until
    /// `0..<count` is covered; on the pool, in chunks of `grain` elements.
    ///
    /// - Parameters:
    ///   - size: bytes of an element of the result.
    ///   - fresh: whether no operand lies where the result goes.
    @inline(__always)
    static func forRanges(
        _ count: Int, grain: Int, size: Int, to: UnsafeMutableRawPointer, fresh: Bool,
        _ body: (_ start: Int, _ n: Int, _ to: UnsafeMutableRawPointer) -> Void
    ) {
        nonisolated(unsafe) let to = to
        let streams = fresh && count * size >= threshold && UInt(bitPattern: to) % 64 == 0
        Parallel.forRanges(count, grain: grain) { range in
            guard streams else {
                body(range.lowerBound, range.count, to + range.lowerBound * size)
                return
            }
            let copy = mercer_convert_function(kernelISA, mercer_conversion_stream)
            withUnsafeTemporaryAllocation(byteCount: block, alignment: 64) { buffer in
                let elements = block / size
                var start = range.lowerBound
                while start < range.upperBound {
                    let n = min(elements, range.upperBound - start)
                    if n * size % 64 == 0 {
                        body(start, n, buffer.baseAddress!)
                        copy(buffer.baseAddress!, to + start * size, n * size)
                    } else {
                        body(start, n, to + start * size)
                    }
                    start += n
                }
            }
        }
    }
}
