import CKernels

/// Pillow's resampling of bytes, byte for byte: weights of 22 bits after the point, each pass rounded and clipped, a
/// pass left out that changes nothing. The horizontal pass comes first, as in every Pillow, unless the height loses
/// more than twice as many pixels as the width, where the vertical one does (since Pillow 13).
///
/// A chunk of output rows takes the first pass over what it needs into scratch memory of its own, so the memory
/// beside the result is a few rows for each thread.
struct FixedResampling: Sendable {
    private let vertical: RowTable?
    private let horizontal: RowTable?
    private let channels: Int
    private let width: Int
    private let height: Int
    private let verticalFirst: Bool

    init(vertical: Resampler, horizontal: Resampler, channels: Int) {
        self.channels = channels
        width = horizontal.outputLength
        height = vertical.outputLength
        verticalFirst =
            height < vertical.inputLength
            && vertical.inputLength - height > 2 * (horizontal.inputLength - width)
        self.vertical = vertical.isIdentity ? nil : RowTable(vertical, .fixed)
        self.horizontal = horizontal.isIdentity ? nil : RowTable(horizontal, .fixed, channels: channels)
    }

    /// - Parameter out: `height * width * channels` bytes.
    func run(_ source: PixelRows, to out: UnsafeMutablePointer<UInt8>) {
        let rowBytes = width * channels
        let target = UInt(bitPattern: out)
        Parallel.forRanges(height, grain: grain) { rows in
            let out = UnsafeMutablePointer<UInt8>(bitPattern: target)!
            guard let vertical else {
                for row in rows.lowerBound..<rows.upperBound where horizontal == nil {
                    (out + row * rowBytes).update(from: source.row(row), count: rowBytes)
                }
                if horizontal != nil { widthPass(source, rows, to: out + rows.lowerBound * rowBytes) }
                return
            }
            guard horizontal != nil else {
                heightPass(
                    vertical, rows, source.row(0), source.rowBytes, firstRow: 0, count: rowBytes,
                    to: out + rows.lowerBound * rowBytes)
                return
            }
            if verticalFirst {
                let stride = source.width * channels
                withScratchBytes(rows.count * stride) { memory in
                    let middle = memory.assumingMemoryBound(to: UInt8.self)
                    heightPass(
                        vertical, rows, source.row(0), source.rowBytes, firstRow: 0, count: stride, to: middle)
                    let squeezed = PixelRows(
                        memory, height: rows.count, width: source.width, channels: channels, .uint8)
                    widthPass(squeezed, 0..<rows.count, to: out + rows.lowerBound * rowBytes)
                }
                return
            }
            let needed = vertical.inputs(of: rows)
            withScratchBytes(needed.count * rowBytes) { memory in
                let middle = memory.assumingMemoryBound(to: UInt8.self)
                widthPass(source, needed, to: middle)
                heightPass(
                    vertical, rows, middle, rowBytes, firstRow: needed.lowerBound, count: rowBytes,
                    to: out + rows.lowerBound * rowBytes)
            }
        }
    }

    /// Output rows of a chunk: enough that the rows shared with the neighbours are few.
    private var grain: Int {
        guard let vertical else { return max(4, (1 << 16) / max(1, width * channels)) }
        let scale = max(1, vertical.resampler.inputLength / max(1, height))
        let overlap = vertical.resampler.taps / scale
        return max(16, 12 * overlap, (1 << 16) / max(1, width * channels * scale))
    }

    private func widthPass(_ source: PixelRows, _ rows: Range<Int>, to out: UnsafeMutablePointer<UInt8>) {
        withUnsafePointer(to: horizontal!.rows) {
            resampleKernels.horizontal_fixed(
                out, width * channels, source.row(rows.lowerBound), source.rowBytes, rows.count, channels, $0)
        }
    }

    private func heightPass(
        _ table: RowTable, _ rows: Range<Int>, _ input: UnsafePointer<UInt8>, _ stride: Int, firstRow: Int,
        count: Int, to out: UnsafeMutablePointer<UInt8>
    ) {
        for (line, row) in rows.enumerated() {
            let (start, taps, weights) = table.row(row, Int32.self)
            resampleKernels.vertical_fixed(
                out + line * count, input + (start - firstRow) * stride, stride, weights, taps, count)
        }
    }
}

extension PixelRows {
    /// A row of bytes.
    func row(_ index: Int) -> UnsafePointer<UInt8> {
        (base + index * rowBytes).assumingMemoryBound(to: UInt8.self)
    }
}
