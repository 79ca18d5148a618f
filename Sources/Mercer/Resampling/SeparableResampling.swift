import CKernels

/// The pixels of a picture in memory: rows of interleaved channels, `rowBytes` apart.
public struct PixelRows: @unchecked Sendable {
    public let base: UnsafeRawPointer
    public let height: Int
    public let width: Int
    public let channels: Int
    public let rowBytes: Int
    /// uint8, uint16, float16 or float32.
    public let dtype: DType

    public init(
        _ base: UnsafeRawPointer, height: Int, width: Int, channels: Int, rowBytes: Int? = nil, _ dtype: DType
    ) {
        self.base = base
        self.height = height
        self.width = width
        self.channels = channels
        self.rowBytes = rowBytes ?? width * channels * dtype.size
        self.dtype = dtype
    }
}

/// Pixels that are made row by row as they are needed, for instance by removing a transfer curve.
public struct ConvertedRows: Sendable {
    public let height: Int
    public let width: Int
    public let channels: Int
    /// Writes the numbers of a row, `width * channels` of them.
    public let read: @Sendable (_ row: Int, _ out: UnsafeMutablePointer<Float>) -> Void

    public init(
        height: Int, width: Int, channels: Int,
        read: @escaping @Sendable (_ row: Int, _ out: UnsafeMutablePointer<Float>) -> Void
    ) {
        self.height = height
        self.width = width
        self.channels = channels
        self.read = read
    }
}

/// One or more separable resamplings of the same picture, computed together row by row.
///
/// The vertical pass comes first, straight from the picture's bytes, since it runs at the speed of vectors and
/// leaves only as many rows to the horizontal pass as the result has. Beside the result it takes a few rows of
/// scratch memory for each thread. Output rows are cut in chunks by their number alone, so the result is the same
/// for any number of threads.
public struct SeparableResampling: Sendable {
    private let parts: [(vertical: RowTable, horizontal: RowTable)]
    private let channels: Int
    /// The size of the result.
    public let height: Int
    public let width: Int

    /// - Parameter parts: maps between the same sizes: at least one.
    public init(_ parts: [(vertical: Resampler, horizontal: Resampler)], channels: Int) {
        precondition(!parts.isEmpty && channels > 0, "SeparableResampling: nothing to compute")
        height = parts[0].vertical.outputLength
        width = parts[0].horizontal.outputLength
        self.channels = channels
        for part in parts {
            precondition(
                part.vertical.outputLength == height && part.horizontal.outputLength == width
                    && part.vertical.inputLength == parts[0].vertical.inputLength
                    && part.horizontal.inputLength == parts[0].horizontal.inputLength,
                "SeparableResampling: maps between different sizes")
        }
        self.parts = parts.map {
            (RowTable($0.vertical, .float), RowTable($0.horizontal, .float, channels: channels))
        }
    }

    /// Gives every row of the result once to `body`, which may change the numbers, on any thread.
    ///
    /// - Parameter body: is given the row and, for each part, its `width * channels` numbers.
    public func forEachRow(
        of source: PixelRows, _ body: (_ row: Int, _ numbers: [UnsafeMutablePointer<Float>]) -> Void
    ) {
        check(source.height, source.width, source.channels)
        Parallel.forRanges(height, grain: grain) { rows in
            withScratch { scratch in run(rows, scratch, input: source, firstRow: 0, body) }
        }
    }

    /// The same for pixels that are converted row by row. A chunk of output rows converts the rows it needs.
    public func forEachRow(
        of source: ConvertedRows, _ body: (_ row: Int, _ numbers: [UnsafeMutablePointer<Float>]) -> Void
    ) {
        check(source.height, source.width, source.channels)
        let stride = source.width * source.channels
        Parallel.forRanges(height, grain: max(grain, 32)) { rows in
            let ranges = parts.map { $0.vertical.inputs(of: rows) }.filter { !$0.isEmpty }
            let low = ranges.map(\.lowerBound).min() ?? 0
            let high = ranges.map(\.upperBound).max() ?? 0
            withScratchBytes((high - low) * stride * 4) { memory in
                let converted = memory.assumingMemoryBound(to: Float.self)
                for row in low..<high { source.read(row, converted + (row - low) * stride) }
                let input = PixelRows(
                    memory, height: high - low, width: source.width, channels: channels, .float32)
                withScratch { scratch in run(rows, scratch, input: input, firstRow: low, body) }
            }
        }
    }

    private func check(_ height: Int, _ width: Int, _ channels: Int) {
        precondition(
            height == parts[0].vertical.resampler.inputLength
                && width == parts[0].horizontal.resampler.inputLength && channels == self.channels,
            "SeparableResampling: a picture of \(width)x\(height)x\(channels) for maps of "
                + "\(parts[0].horizontal.resampler.inputLength)x\(parts[0].vertical.resampler.inputLength)"
                + "x\(self.channels)")
    }

    /// Rows that go together, so that they share the loads of the horizontal weights.
    private static let lines = 4
    /// Output rows of a chunk.
    private var grain: Int {
        let work = width * channels + parts[0].horizontal.resampler.inputLength * channels
        return max(1, (1 << 17) / max(1, work) / Self.lines) * Self.lines
    }

    /// Numbers between two rows of the vertical pass's results; the horizontal pass reads beyond a row's end.
    private var innerStride: Int { parts[0].horizontal.resampler.inputLength * channels + 32 }
    private var outerStride: Int { width * channels + 16 }

    private func withScratch(_ body: (UnsafeMutablePointer<Float>) -> Void) {
        let count = Self.lines * (innerStride + parts.count * outerStride)
        withScratchBytes(count * 4) { memory in body(memory.assumingMemoryBound(to: Float.self)) }
    }

    private func run(
        _ rows: Range<Int>, _ inner: UnsafeMutablePointer<Float>, input: PixelRows, firstRow: Int,
        _ body: (_ row: Int, _ numbers: [UnsafeMutablePointer<Float>]) -> Void
    ) {
        let outer = inner + Self.lines * innerStride
        for first in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: Self.lines) {
            let lines = min(Self.lines, rows.upperBound - first)
            for (p, part) in parts.enumerated() {
                let result = outer + p * Self.lines * outerStride
                let copies = part.horizontal.isIdentity
                for line in 0..<lines {
                    vertical(
                        part.vertical, first + line, input, firstRow,
                        to: copies ? result + line * outerStride : inner + line * innerStride)
                }
                if !copies {
                    withUnsafePointer(to: part.horizontal.rows) {
                        resampleKernels.horizontal_f32(
                            result, outerStride, inner, innerStride, lines, channels, $0)
                    }
                }
            }
            for line in 0..<lines {
                body(first + line, parts.indices.map { outer + ($0 * Self.lines + line) * outerStride })
            }
        }
    }

    /// One row of the vertical pass.
    private func vertical(
        _ table: RowTable, _ output: Int, _ input: PixelRows, _ firstRow: Int,
        to out: UnsafeMutablePointer<Float>
    ) {
        let (start, taps, weights) = table.row(output, Float.self)
        let count = input.width * input.channels
        let rows = taps == 0 ? input.base : input.base + (start - firstRow) * input.rowBytes
        switch input.dtype {
        case .uint8:
            resampleKernels.vertical_u8(
                out, rows.assumingMemoryBound(to: UInt8.self), input.rowBytes, weights, taps, count)
        case .uint16:
            resampleKernels.vertical_u16(
                out, rows.assumingMemoryBound(to: UInt16.self), input.rowBytes, weights, taps, count)
        case .float16: resampleKernels.vertical_f16(out, rows, input.rowBytes, weights, taps, count)
        case .float32:
            resampleKernels.vertical_f32(
                out, rows.assumingMemoryBound(to: Float.self), input.rowBytes, weights, taps, count)
        default: preconditionFailure("SeparableResampling: \(input.dtype) pixels")
        }
    }
}

/// Stores a finished row in the type of its picture: integers are rounded half up and clipped to their range.
public func storePixels(
    _ numbers: UnsafePointer<Float>, _ count: Int, to out: UnsafeMutableRawPointer, _ dtype: DType
) {
    switch dtype {
    case .uint8: resampleKernels.store_u8(out.assumingMemoryBound(to: UInt8.self), numbers, count)
    case .uint16: resampleKernels.store_u16(out.assumingMemoryBound(to: UInt16.self), numbers, count)
    case .float16: resampleKernels.store_f16(out, numbers, count)
    case .float32: out.copyMemory(from: numbers, byteCount: count * 4)
    default: preconditionFailure("storePixels: \(dtype) pixels")
    }
}

/// Adds one level of MULLER to a row: y += tanh(α (blurred − sharp) + β), for numbers in [0, maximum] instead of [0, 1].
/// `y` may be `sharp` or `blurred`.
public func addMullerLevel(
    to y: UnsafeMutablePointer<Float>, blurred: UnsafePointer<Float>, sharp: UnsafePointer<Float>, scale: Float,
    bias: Float, maximum: Float, _ count: Int
) {
    resampleKernels.muller_level(y, blurred, sharp, scale, bias, 1 / maximum, count)
}
