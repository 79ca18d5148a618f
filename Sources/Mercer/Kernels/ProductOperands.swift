import CKernels

// How the operands of a single-precision product lie in memory, and how they get into the panels that the kernel
// reads: the left one by rows, the right one by two vectors of columns.
//
// The depth of a product is `segments` runs of `run` elements. A matrix has one segment; a convolution has one for
// each tap, whose rows lie where the image has them, so that nothing is copied.

typealias RowPointers = UnsafeMutablePointer<UnsafePointer<Float>>

/// The left operand of a product.
protocol LeftOperand {
    var segments: Int { get }
    var run: Int { get }
    /// Whether rows are copied into panels first; otherwise the kernel reads them through pointers.
    var isPacked: Bool { get }
    /// Pointers to the runs of `rows`, `[segments, rows]`.
    func pointers(_ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers)
    /// Packs a panel, `[depth, rows]`.
    func pack(
        _ rows: Range<Int>, _ segments: Range<Int>, _ run: Range<Int>, _ pointers: RowPointers,
        _ to: UnsafeMutablePointer<Float>)
}

extension LeftOperand {
    @inline(__always)
    func pack(
        _ rows: Range<Int>, _ segments: Range<Int>, _ run: Range<Int>, _ pointers: RowPointers,
        _ to: UnsafeMutablePointer<Float>
    ) {
        self.pointers(rows, segments, pointers)
        for s in 0..<segments.count {
            Kernels.gemm.pack_left_rows(
                Int64(rows.count), Int64(run.count), pointers + s * rows.count, Int64(run.lowerBound),
                to + s * run.count * rows.count)
        }
    }
}

/// A row-major matrix on the left: element (i, k) at `base + i · stride + k`.
struct LeftRows: LeftOperand {
    let base: UnsafePointer<Float>
    let stride: Int
    let run: Int
    var segments: Int { 1 }
    /// Rows that lie 2 KiB apart share too few sets of the first-level cache.
    var isPacked: Bool { stride % 512 == 0 }

    @inline(__always)
    func pointers(_ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers) {
        for i in 0..<rows.count { to[i] = base + (rows.lowerBound + i) * stride }
    }
}

/// A transposed matrix on the left: element (i, k) at `base + k · stride + i`.
struct LeftColumns: LeftOperand {
    let base: UnsafePointer<Float>
    let stride: Int
    let run: Int
    var segments: Int { 1 }
    var isPacked: Bool { true }

    func pointers(_ rows: Range<Int>, _ segments: Range<Int>, _ to: RowPointers) {
        preconditionFailure("a transposed operand has no rows to point at")
    }

    @inline(__always)
    func pack(
        _ rows: Range<Int>, _ segments: Range<Int>, _ run: Range<Int>, _ pointers: RowPointers,
        _ to: UnsafeMutablePointer<Float>
    ) {
        Kernels.gemm.pack_left_columns(
            Int64(rows.count), Int64(run.count), base + run.lowerBound * stride + rows.lowerBound,
            Int64(stride), to)
    }
}

/// The right operand of a product.
protocol RightOperand {
    /// Packs `columns` (starting at a panel's edge) of a part of the depth into panels that are `panelDepth` deep.
    func pack(
        _ segments: Range<Int>, _ run: Range<Int>, _ columns: Range<Int>, _ panelDepth: Int,
        _ to: UnsafeMutablePointer<Float>)
}

/// A row-major matrix on the right: element (k, j) at `base + k · stride + j`.
struct RightRows: RightOperand {
    let base: UnsafePointer<Float>
    let stride: Int

    @inline(__always)
    func pack(
        _ segments: Range<Int>, _ run: Range<Int>, _ columns: Range<Int>, _ panelDepth: Int,
        _ to: UnsafeMutablePointer<Float>
    ) {
        Kernels.gemm.pack_right_rows(
            Int64(run.count), Int64(columns.count), base + run.lowerBound * stride + columns.lowerBound,
            Int64(stride), Int64(panelDepth), to)
    }
}

/// A transposed matrix on the right: element (k, j) at `base + j · stride + k`, where k counts through all segments of
/// `run` elements (the weights of a convolution).
struct RightColumns: RightOperand {
    let base: UnsafePointer<Float>
    let stride: Int
    let run: Int

    @inline(__always)
    func pack(
        _ segments: Range<Int>, _ run: Range<Int>, _ columns: Range<Int>, _ panelDepth: Int,
        _ to: UnsafeMutablePointer<Float>
    ) {
        let first = segments.lowerBound * self.run + run.lowerBound
        let depth = segments.count == 1 ? run.count : segments.count * self.run
        Kernels.gemm.pack_right_columns(
            Int64(depth), Int64(columns.count), base + columns.lowerBound * stride + first, Int64(stride),
            Int64(panelDepth), to)
    }
}

/// Where the rows of a product go.
protocol ProductOutput {
    func pointers(_ rows: Range<Int>, _ to: UnsafeMutablePointer<UnsafeMutablePointer<Float>>)
}

/// A row-major result: row i at `base + i · stride`.
struct OutputRows: ProductOutput {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

    @inline(__always)
    func pointers(_ rows: Range<Int>, _ to: UnsafeMutablePointer<UnsafeMutablePointer<Float>>) {
        for i in 0..<rows.count { to[i] = base + (rows.lowerBound + i) * stride }
    }
}
