import CKernels

/// A part of a product's depth: some segments, or a part of one.
///
/// It isn't nested in ``Product``, where a key path to its properties would be made anew at each call, at the price of
/// a small product.
struct DepthPart {
    let segments: Range<Int>
    let run: Range<Int>
    /// Elements of the depth before this part.
    let start: Int
    var depth: Int { segments.count * run.count }
}

/// Single-precision products on Mercer's own kernels: out = init + left · right.
///
/// The depth is cut into parts of about 400, so that a panel of the left operand stays in the first-level cache while a
/// block of the right one (half a megabyte) stays in the second. Parts are added in order, whatever the number of
/// threads. Two schedules:
/// - *shared*: the right operand is packed as a whole, then threads take chunks of rows;
/// - *local*: threads take blocks of columns and pack what they need of the right operand themselves. Better where the
///   left operand has few rows (the right one is read once and never written back) and where the right one is
///   made up on the way (weight gradients). A deep product with a small result is cut along its depth into a number of
///   slices that depends on its size alone, and these are added in order.
struct Product<Left: LeftOperand, Right: RightOperand, Output: ProductOutput> {
    let rows: Int
    let columns: Int
    let left: Left
    let right: Right
    let output: Output
    /// Added to each row, or nil.
    var bias: UnsafePointer<Float>?
    /// Whether the result is added to what the output holds.
    var accumulates = false
    /// Called for finished parts of rows.
    var epilogue: ((_ rows: Range<Int>, _ columns: Range<Int>) -> Void)?

    func callAsFunction() {
        guard rows > 0 && columns > 0 else { return }
        let parts = depthParts()
        if parts.isEmpty {
            fillWithoutDepth()
        } else if rows <= 256 && columns >= rows {
            runLocal(parts, slices: slices(parts))
        } else {
            runShared(parts)
        }
    }

    /// Runs the local schedule whatever the shape.
    func runLocally() {
        guard rows > 0 && columns > 0 else { return }
        let parts = depthParts()
        if parts.isEmpty { fillWithoutDepth() } else { runLocal(parts, slices: slices(parts)) }
    }

    private func depthParts() -> [DepthPart] {
        let (segments, run) = (left.segments, left.run)
        guard segments > 0 && run > 0 else { return [] }
        let most = 400
        if run > most {
            let pieces = (run + most - 1) / most
            return (0..<segments).flatMap { s in
                (0..<pieces).map { p in
                    let piece = (run * p / pieces)..<(run * (p + 1) / pieces)
                    return DepthPart(segments: s..<(s + 1), run: piece, start: s * run + piece.lowerBound)
                }
            }
        }
        let pieces = (segments * run + most - 1) / most
        let each = (segments + pieces - 1) / pieces
        return stride(from: 0, to: segments, by: each).map { s in
            DepthPart(segments: s..<min(s + each, segments), run: 0..<run, start: s * run)
        }
    }

    private func fillWithoutDepth() {
        withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: 1) { row in
            for i in 0..<rows {
                output.pointers(i..<(i + 1), row.baseAddress!)
                if !accumulates { for j in 0..<columns { row[0][j] = bias?[j] ?? 0 } }
            }
        }
        epilogue?(0..<rows, 0..<columns)
    }

    // MARK: Shared schedule

    private func runShared(_ parts: [DepthPart]) {
        let width = Int(Kernels.gemm.panel_columns)
        let height = Int(Kernels.gemm.panel_rows)
        let panels = (columns + width - 1) / width
        let depth = left.segments * left.run
        let small = rows * columns * depth < 1 << 17
        withScratch(panels * width * depth) { packed in
            // Panels of one part of the depth lie together: a block of columns is one piece of memory.
            let group = small ? panels : max(1, min(8, (1 << 16) / (width * depth)))
            Parallel.forRanges(panels, grain: group) { range in
                let part = (range.lowerBound * width)..<min(range.upperBound * width, columns)
                for piece in parts {
                    right.pack(
                        piece.segments, piece.run, part, piece.depth,
                        packed + piece.start * panels * width + range.lowerBound * width * piece.depth)
                }
            }
            let deepest = parts.lazy.map { $0.depth }.max()!
            let blockColumns = blockWidth(deepest, atLeast: 1)
            let wanted = max(4 * height, (rows + 15) / 16)
            let grain = small ? rows : (wanted + height - 1) / height * height
            Parallel.forRanges(rows, grain: grain) { rowRange in
                withPanelScratch(parts) { pointers, outputs, panel in
                    for start in stride(from: 0, to: columns, by: blockColumns) {
                        let block = start..<min(start + blockColumns, columns)
                        for (index, piece) in parts.enumerated() {
                            let from = packed + piece.start * panels * width + start * piece.depth
                            multiply(
                                rowRange, block, piece, from, output, pointers, outputs, panel,
                                adds: accumulates || index > 0, bias)
                        }
                        epilogue?(rowRange, block)
                    }
                }
            }
        }
    }

    /// Columns of a block that fills half of the second-level cache, evenly cut.
    private func blockWidth(_ depth: Int, atLeast blocks: Int) -> Int {
        let width = Int(Kernels.gemm.panel_columns)
        let panels = (columns + width - 1) / width
        let most = max(1, (1 << 17) / (depth * width))
        var count = max((panels + most - 1) / most, min(blocks, panels))
        if count > 1 && count % 2 == 1 && count < panels { count += 1 }
        return (panels + count - 1) / count * width
    }

    // MARK: Local schedule

    /// Into how many slices the depth is cut where there are too few columns to share out.
    private func slices(_ parts: [DepthPart]) -> Int {
        let width = Int(Kernels.gemm.panel_columns)
        let depth = left.segments * left.run
        guard columns < 8 * width && depth >= 4096 && rows * columns <= 1 << 16 else { return 1 }
        return min(8, parts.count / 4)
    }

    private func runLocal(_ parts: [DepthPart], slices: Int) {
        let depth = left.segments * left.run
        let deepest = parts.lazy.map { $0.depth }.max()!
        let small = rows * columns * depth < 1 << 17
        let blockColumns = blockWidth(deepest, atLeast: small || slices > 1 ? 1 : 4)
        let blocks = (columns + blockColumns - 1) / blockColumns
        guard slices > 1 else {
            Parallel.forEach(blocks) { block in
                runBlock(parts[...], block * blockColumns, blockColumns, deepest, output, accumulates, bias)
                epilogue?(0..<rows, (block * blockColumns)..<min((block + 1) * blockColumns, columns))
            }
            return
        }
        withScratch(slices * rows * columns) { partial in
            Parallel.forEach(slices * blocks) { task in
                let (slice, block) = (task / blocks, task % blocks)
                let some = parts[(parts.count * slice / slices)..<(parts.count * (slice + 1) / slices)]
                runBlock(
                    some, block * blockColumns, blockColumns, deepest,
                    OutputRows(base: partial + slice * rows * columns, stride: columns), false, nil)
            }
            Parallel.forRanges(rows, grain: max(1, (1 << 14) / columns)) { range in
                withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: 1) { row in
                    for i in range {
                        output.pointers(i..<(i + 1), row.baseAddress!)
                        for j in 0..<columns {
                            var sum = accumulates ? row[0][j] : bias?[j] ?? 0
                            for s in 0..<slices { sum += partial[(s * rows + i) * columns + j] }
                            row[0][j] = sum
                        }
                    }
                }
                epilogue?(range, 0..<columns)
            }
        }
    }

    /// All rows of one block of columns, over some parts of the depth.
    private func runBlock<Target: ProductOutput>(
        _ parts: ArraySlice<DepthPart>, _ start: Int, _ blockColumns: Int, _ deepest: Int, _ target: Target,
        _ accumulates: Bool, _ bias: UnsafePointer<Float>?
    ) {
        let block = start..<min(start + blockColumns, columns)
        withScratch(blockColumns * deepest) { packed in
            withPanelScratch(parts) { pointers, outputs, panel in
                for (index, piece) in parts.enumerated() {
                    right.pack(piece.segments, piece.run, block, piece.depth, packed)
                    multiply(
                        0..<rows, block, piece, packed, target, pointers, outputs, panel,
                        adds: accumulates || index > 0, bias)
                }
            }
        }
    }

    // MARK: Panels

    private func withPanelScratch<Parts: Collection>(
        _ parts: Parts,
        _ body: (
            RowPointers, UnsafeMutablePointer<UnsafeMutablePointer<Float>>, UnsafeMutablePointer<Float>
        ) -> Void
    ) where Parts.Element == DepthPart {
        let height = Int(Kernels.gemm.panel_rows)
        let segments = parts.lazy.map { $0.segments.count }.max()!
        let depth = parts.lazy.map { $0.depth }.max()!
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: segments * height) {
            pointers in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: height) { outputs in
                withScratch(depth * height + 16) { panel in
                    body(pointers.baseAddress!, outputs.baseAddress!, panel)
                }
            }
        }
    }

    @inline(__always)
    private func multiply<Target: ProductOutput>(
        _ rowRange: Range<Int>, _ block: Range<Int>, _ piece: DepthPart, _ packed: UnsafePointer<Float>,
        _ target: Target, _ pointers: RowPointers,
        _ outputs: UnsafeMutablePointer<UnsafeMutablePointer<Float>>, _ panel: UnsafeMutablePointer<Float>,
        adds: Bool, _ bias: UnsafePointer<Float>?
    ) {
        let kernels = Kernels.gemm
        let bias = bias.map { $0 + block.lowerBound }
        let packs = left.isPacked
        let tiles = (rowRange.count + Int(kernels.panel_rows) - 1) / Int(kernels.panel_rows)
        for tile in 0..<tiles {
            let top = rowRange.lowerBound + rowRange.count * tile / tiles
            let bottom = rowRange.lowerBound + rowRange.count * (tile + 1) / tiles
            let some = top..<bottom
            target.pointers(some, outputs)
            if packs {
                left.pack(some, piece.segments, piece.run, pointers, panel)
                kernels.panel(
                    Int64(some.count), Int64(block.count), Int64(piece.segments.count),
                    Int64(piece.run.count),
                    panel, nil, 0, packed, outputs, Int64(block.lowerBound), bias, adds)
            } else {
                left.pointers(some, piece.segments, pointers)
                kernels.panel(
                    Int64(some.count), Int64(block.count), Int64(piece.segments.count),
                    Int64(piece.run.count),
                    nil, pointers, Int64(piece.run.lowerBound), packed, outputs, Int64(block.lowerBound),
                    bias,
                    adds)
            }
        }
    }
}
