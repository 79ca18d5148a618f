import CKernels

/// Attention in single precision without a matrix of all scores.
///
/// Forward: keys and values of one head are packed once, as right operands; then for each tile of keys that fits the
/// second-level cache, panels of queries make their scores, which become weights in the first-level cache and meet
/// the values at once. Maximum and sum of each query run along.
///
/// Backward: tiles of weights are made again from the kept log-sum-exp. They are stored in the panels of a right
/// operand, so that the gradients of keys and values, kept transposed, are products with tiles as they lie.
///
/// Memory is linear in the number of tokens; a head is one task, cut further into blocks of queries in the forward
/// pass, and sums run in a fixed order.
struct AttentionTiles {
    let batch: Int
    let heads: Int
    /// Query heads that share one head of keys and values.
    let group: Int
    let queries: Int
    let keys: Int
    let width: Int
    let valueWidth: Int
    let scale: Float
    let causal: Bool
    let mask: Mask?

    /// A mask that is broadcast to `[batch, heads, queries, keys]`.
    struct Mask {
        let tensor: Tensor
        /// Steps along batch, heads, queries and keys.
        let strides: [Int]
        var isAdditive: Bool { tensor.dtype == .float32 }
    }

    /// A tensor `[batch, heads, tokens, width]` whose last axis is dense.
    struct Rows {
        let base: UnsafeMutablePointer<Float>
        let strides: (Int, Int, Int)

        init(_ x: Tensor) {
            base = x.mutablePointer(Float.self)
            let s = x.strides
            strides = (s[0], s[1], s[2])
        }

        @inline(__always)
        func head(_ b: Int, _ h: Int) -> UnsafeMutablePointer<Float> { base + b * strides.0 + h * strides.1 }
    }

    private static let tile = 512
    private let kernels = Kernels.attention
    private let gemm = Kernels.gemm
    private let height = Int(Kernels.gemm.panel_rows)
    private let panel = Int(Kernels.gemm.panel_columns)

    init(
        batch: Int, heads: Int, group: Int, queries: Int, keys: Int, width: Int, valueWidth: Int, scale: Float,
        causal: Bool, mask: Mask?
    ) {
        self.batch = batch
        self.heads = heads
        self.group = group
        self.queries = queries
        self.keys = keys
        self.width = width
        self.valueWidth = valueWidth
        self.scale = scale
        self.causal = causal
        self.mask = mask
    }

    private func padded(_ count: Int) -> Int { (count + panel - 1) / panel * panel }

    /// Keys that a query may see at most.
    private func limit(_ query: Int) -> Int { causal ? min(keys, query + 1) : keys }

    // MARK: Forward

    /// - Parameter logSums: `[batch, heads, queries]`, for the backward pass.
    func forward(_ q: Rows, _ k: Rows, _ v: Rows, _ out: Rows, logSums: UnsafeMutablePointer<Float>?) {
        forEachSharedHead { b, shared in
            withScratch(padded(keys) * width + keys * padded(valueWidth)) { packed in
                let packedKeys = packed
                let packedValues = packed + padded(keys) * width
                let tiles = (keys + Self.tile - 1) / Self.tile
                let (keyBase, valueBase) = (k.head(b, shared), v.head(b, shared))
                Parallel.forEach(tiles) { t in
                    let start = t * Self.tile
                    let count = min(Self.tile, keys - start)
                    gemm.pack_right_columns(
                        Int64(width), Int64(count), keyBase + start * k.strides.2, Int64(k.strides.2), Int64(width),
                        packedKeys + start * width)
                    gemm.pack_right_rows(
                        Int64(count), Int64(valueWidth), valueBase + start * v.strides.2, Int64(v.strides.2),
                        Int64(count), packedValues + start * padded(valueWidth))
                }
                let block = 8 * height
                let blocks = (queries + block - 1) / block
                Parallel.forEach(blocks * group) { task in
                    let h = shared * group + task / blocks
                    let start = task % blocks * block
                    forwardBlock(
                        b, h, start..<min(start + block, queries), q, packedKeys, packedValues, out,
                        logSums.map { $0 + (b * heads + h) * queries })
                }
            }
        }
    }

    /// Heads of keys and values, in parallel where there are enough of them to share out.
    private func forEachSharedHead(_ body: (_ batch: Int, _ head: Int) -> Void) {
        let shared = heads / group
        if batch * shared >= 8 {
            Parallel.forEach(batch * shared) { body($0 / shared, $0 % shared) }
        } else {
            for index in 0..<(batch * shared) { body(index / shared, index % shared) }
        }
    }

    private func forwardBlock(
        _ b: Int, _ h: Int, _ block: Range<Int>, _ q: Rows, _ packedKeys: UnsafePointer<Float>,
        _ packedValues: UnsafePointer<Float>, _ out: Rows, _ logSums: UnsafeMutablePointer<Float>?
    ) {
        let stride = Self.tile + 16
        let (queryBase, outBase) = (q.head(b, h), out.head(b, h))
        withScratch(height * stride + 2 * block.count) { scratch in
            let scores = scratch
            let maxima = scratch + height * stride
            let sums = maxima + block.count
            withRowPointers { queryRows, scoreRows, outRows, weightRows in
                for start in Swift.stride(from: 0, to: max(1, keys), by: Self.tile) {
                    for first in Swift.stride(from: block.lowerBound, to: block.upperBound, by: height) {
                        let rows = min(height, block.upperBound - first)
                        let count = min(Self.tile, limit(first + rows - 1) - start)
                        if count <= 0 && start > 0 { continue }
                        for i in 0..<rows {
                            queryRows[i] = UnsafePointer(queryBase + (first + i) * q.strides.2)
                            scoreRows[i] = scores + i * stride
                            weightRows[i] = UnsafePointer(scoreRows[i])
                            outRows[i] = outBase + (first + i) * out.strides.2
                        }
                        gemm.panel(
                            Int64(rows), Int64(count), 1, Int64(width), nil, queryRows, 0,
                            packedKeys + start * width, scoreRows, 0, nil, false)
                        let softmaxScale = masked(b, h, first, rows, start, count, scoreRows)
                        let at = first - block.lowerBound
                        kernels.softmax_part(
                            Int64(rows), Int64(count), scores, Int64(stride), softmaxScale, maxima + at, sums + at,
                            outRows, Int64(valueWidth), start == 0)
                        weighValues(rows, start, count, weightRows, packedValues, outRows)
                    }
                }
                for first in Swift.stride(from: block.lowerBound, to: block.upperBound, by: height) {
                    let rows = min(height, block.upperBound - first)
                    let at = first - block.lowerBound
                    for i in 0..<rows { outRows[i] = outBase + (first + i) * out.strides.2 }
                    kernels.finish(
                        Int64(rows), maxima + at, sums + at, outRows, Int64(valueWidth), logSums.map { $0 + first })
                }
            }
        }
    }

    /// out (+)= weights · values of a tile. The tile's values lie in panels as deep as the tile; fewer are read where
    /// the causal limit cuts the tile, one panel of columns at a time.
    private func weighValues(
        _ rows: Int, _ start: Int, _ count: Int, _ weights: RowPointers, _ packedValues: UnsafePointer<Float>,
        _ out: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    ) {
        let deep = min(Self.tile, keys - start)
        let base = packedValues + start * padded(valueWidth)
        if deep == count {
            gemm.panel(
                Int64(rows), Int64(valueWidth), 1, Int64(count), nil, weights, 0, base, out, 0, nil, start > 0)
            return
        }
        for column in Swift.stride(from: 0, to: valueWidth, by: panel) {
            gemm.panel(
                Int64(rows), Int64(min(panel, valueWidth - column)), 1, Int64(count), nil, weights, 0,
                base + column * deep, out, Int64(column), nil, start > 0)
        }
    }

    /// Applies mask and causal limit to a panel of scores; returns the scale that is still to be applied.
    private func masked(
        _ b: Int, _ h: Int, _ first: Int, _ rows: Int, _ start: Int, _ count: Int,
        _ scores: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    ) -> Float {
        if let mask {
            let s = mask.strides
            for i in 0..<rows {
                let offset = b * s[0] + h * s[1] + (first + i) * s[2] + start * s[3]
                if mask.isAdditive {
                    kernels.add_mask(
                        Int64(count), scores[i], scale, mask.tensor.pointer(Float.self) + offset, Int64(s[3]))
                } else {
                    kernels.cut_mask(
                        Int64(count), scores[i], scale, mask.tensor.pointer(UInt8.self) + offset, Int64(s[3]))
                }
            }
        }
        if causal {
            for i in 0..<rows {
                let visible = max(0, limit(first + i) - start)
                if visible < count { (scores[i] + visible).update(repeating: -.infinity, count: count - visible) }
            }
        }
        return mask == nil ? scale : 1
    }

    private func withRowPointers(
        _ body: (
            RowPointers, UnsafeMutablePointer<UnsafeMutablePointer<Float>>,
            UnsafeMutablePointer<UnsafeMutablePointer<Float>>, RowPointers
        ) -> Void
    ) {
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: 2 * height) { constant in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: 2 * height) { mutable in
                let (c, m) = (constant.baseAddress!, mutable.baseAddress!)
                body(c, m, m + height, c + height)
            }
        }
    }

    // MARK: Backward

    /// Queries and keys of a tile of weights in the backward pass.
    private static let backwardKeys = 256
    private var backwardQueries: Int { 8 * height }

    func backward(
        _ q: Rows, _ k: Rows, _ v: Rows, _ out: Rows, _ gradient: Rows, logSums: UnsafePointer<Float>, _ gq: Rows,
        _ gk: Rows, _ gv: Rows
    ) {
        forEachSharedHead { b, shared in
            let all = padded(keys)
            let inner = padded(width)
            withScratch(all * (width + valueWidth + inner) + keys * (width + valueWidth)) { scratch in
                // Right operands: keys and values transposed, keys by rows; and the transposed gradients.
                let packed = Packed(
                    keysTransposed: scratch, valuesTransposed: scratch + all * width,
                    keyRows: scratch + all * (width + valueWidth))
                let keySums = scratch + all * (width + valueWidth + inner)
                let valueSums = keySums + keys * width
                keySums.update(repeating: 0, count: keys * (width + valueWidth))
                pack(k.head(b, shared), k.strides.2, v.head(b, shared), v.strides.2, packed)
                for h in (shared * group)..<((shared + 1) * group) {
                    for start in Swift.stride(from: 0, to: queries, by: backwardQueries) {
                        backwardBlock(
                            b, h, start..<min(start + backwardQueries, queries), packed, q, out, gradient,
                            logSums + (b * heads + h) * queries, gq, keySums, valueSums)
                    }
                }
                Self.transpose(keySums, width, keys, gk.head(b, shared), gk.strides.2)
                Self.transpose(valueSums, valueWidth, keys, gv.head(b, shared), gv.strides.2)
            }
        }
    }

    private struct Packed {
        let keysTransposed: UnsafeMutablePointer<Float>
        let valuesTransposed: UnsafeMutablePointer<Float>
        let keyRows: UnsafeMutablePointer<Float>
    }

    private func pack(
        _ k: UnsafePointer<Float>, _ keyStride: Int, _ v: UnsafePointer<Float>, _ valueStride: Int, _ packed: Packed
    ) {
        for start in Swift.stride(from: 0, to: keys, by: Self.backwardKeys) {
            let count = min(Self.backwardKeys, keys - start)
            gemm.pack_right_columns(
                Int64(width), Int64(count), k + start * keyStride, Int64(keyStride), Int64(width),
                packed.keysTransposed + start * width)
            gemm.pack_right_columns(
                Int64(valueWidth), Int64(count), v + start * valueStride, Int64(valueStride), Int64(valueWidth),
                packed.valuesTransposed + start * valueWidth)
            // As deep as the tile's panels, so that the padding of a tile meets zeros.
            let deep = padded(count)
            let rows = packed.keyRows + start * padded(width)
            rows.update(repeating: 0, count: deep * padded(width))
            gemm.pack_right_rows(
                Int64(count), Int64(width), k + start * keyStride, Int64(keyStride), Int64(deep), rows)
        }
    }

    /// One block of queries against all keys that it sees.
    private func backwardBlock(
        _ b: Int, _ h: Int, _ block: Range<Int>, _ packed: Packed, _ q: Rows, _ out: Rows, _ gradient: Rows,
        _ logSums: UnsafePointer<Float>, _ gq: Rows, _ keySums: UnsafeMutablePointer<Float>,
        _ valueSums: UnsafeMutablePointer<Float>
    ) {
        let count = block.count
        let tileSize = Self.backwardKeys * count
        withScratch(2 * tileSize + count * (width + valueWidth) + count + 2 * height) { scratch in
            let weights = scratch
            let scoreGradients = scratch + tileSize
            let queryColumns = scratch + 2 * tileSize
            let gradientColumns = queryColumns + count * width
            let deltas = gradientColumns + count * valueWidth
            let (queryBase, gradientBase) = (q.head(b, h), gradient.head(b, h))
            let (outBase, resultBase) = (out.head(b, h), gq.head(b, h))
            for i in 0..<count {
                deltas[i] = kernels.dot(
                    Int64(valueWidth), gradientBase + (block.lowerBound + i) * gradient.strides.2,
                    outBase + (block.lowerBound + i) * out.strides.2)
            }
            packColumns(queryBase + block.lowerBound * q.strides.2, q.strides.2, count, width, queryColumns)
            packColumns(
                gradientBase + block.lowerBound * gradient.strides.2, gradient.strides.2, count, valueWidth,
                gradientColumns)
            for start in Swift.stride(from: 0, to: max(keys, 1), by: Self.backwardKeys) {
                let visible = min(Self.backwardKeys, limit(block.upperBound - 1) - start)
                if visible <= 0 && start > 0 { break }
                let tile = Tile(
                    start: start, count: visible, deep: min(Self.backwardKeys, keys - start), weights: weights,
                    scoreGradients: scoreGradients)
                fill(tile, b, h, block, packed, queryBase, q.strides.2, gradientBase, gradient.strides.2, logSums, deltas)
                addQueryGradient(tile, block, packed, resultBase, gq.strides.2)
                addTransposed(tile, count, gradientColumns, valueWidth, weights, valueSums)
                addTransposed(tile, count, queryColumns, width, scoreGradients, keySums)
            }
        }
    }

    /// Weights of a block of queries and a tile of keys, and the gradients of their scores, both in the panels of a
    /// right operand: `[panel, query, columns of a panel]`.
    private struct Tile {
        let start: Int
        /// Keys that some query of the block sees.
        let count: Int
        /// Keys of the tile.
        let deep: Int
        let weights: UnsafeMutablePointer<Float>
        let scoreGradients: UnsafeMutablePointer<Float>
    }

    /// Columns of a matrix in left panels: its rows as depth.
    private func packColumns(
        _ from: UnsafePointer<Float>, _ stride: Int, _ depth: Int, _ columns: Int, _ to: UnsafeMutablePointer<Float>
    ) {
        for first in Swift.stride(from: 0, to: columns, by: height) {
            gemm.pack_left_columns(
                Int64(min(height, columns - first)), Int64(depth), from + first, Int64(stride), to + first * depth)
        }
    }

    private func fill(
        _ tile: Tile, _ b: Int, _ h: Int, _ block: Range<Int>, _ packed: Packed, _ q: UnsafePointer<Float>,
        _ queryStride: Int, _ gradient: UnsafePointer<Float>, _ gradientStride: Int, _ logSums: UnsafePointer<Float>,
        _ deltas: UnsafePointer<Float>
    ) {
        withRowPointers { queryRows, weightRows, gradientRows, incomingRows in
            for first in Swift.stride(from: 0, to: block.count, by: height) {
                let rows = min(height, block.count - first)
                for i in 0..<rows {
                    queryRows[i] = q + (block.lowerBound + first + i) * queryStride
                    incomingRows[i] = gradient + (block.lowerBound + first + i) * gradientStride
                }
                for column in Swift.stride(from: 0, to: tile.count, by: panel) {
                    let columns = min(panel, tile.count - column)
                    let at = column * block.count + first * panel
                    for i in 0..<rows {
                        weightRows[i] = tile.weights + at + i * panel
                        gradientRows[i] = tile.scoreGradients + at + i * panel
                    }
                    gemm.panel(
                        Int64(rows), Int64(columns), 1, Int64(width), nil, queryRows, 0,
                        packed.keysTransposed + (tile.start + column) * width, weightRows, 0, nil, false)
                    gemm.panel(
                        Int64(rows), Int64(columns), 1, Int64(valueWidth), nil, incomingRows, 0,
                        packed.valuesTransposed + (tile.start + column) * valueWidth, gradientRows, 0, nil, false)
                    let scoreScale = masked(
                        b, h, block.lowerBound + first, rows, tile.start + column, columns, weightRows)
                    for i in 0..<rows {
                        kernels.score_gradient(
                            Int64(columns), Int64(panel), weightRows[i], gradientRows[i], scoreScale, scale,
                            logSums[block.lowerBound + first + i], deltas[first + i])
                    }
                }
            }
        }
    }

    private func addQueryGradient(
        _ tile: Tile, _ block: Range<Int>, _ packed: Packed, _ result: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        let segments = (tile.count + panel - 1) / panel
        let deep = padded(tile.deep)
        withUnsafeTemporaryAllocation(of: UnsafePointer<Float>.self, capacity: max(1, segments * height)) { pointers in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: height) { outputs in
                for first in Swift.stride(from: 0, to: block.count, by: height) {
                    let rows = min(height, block.count - first)
                    for i in 0..<rows {
                        outputs[i] = result + (block.lowerBound + first + i) * stride
                        for s in 0..<segments {
                            pointers[s * rows + i] = UnsafePointer(
                                tile.scoreGradients + (s * block.count + first + i) * panel)
                        }
                    }
                    for column in Swift.stride(from: 0, to: width, by: panel) {
                        gemm.panel(
                            Int64(rows), Int64(min(panel, width - column)), Int64(segments), Int64(panel), nil,
                            pointers.baseAddress!, 0,
                            packed.keyRows + tile.start * padded(width) + column * deep, outputs.baseAddress!,
                            Int64(column), nil, tile.start > 0)
                    }
                }
            }
        }
    }

    /// sums[c][key] += Σ over the block's queries of columns[query][c] · tile[query][key].
    private func addTransposed(
        _ tile: Tile, _ depth: Int, _ columns: UnsafePointer<Float>, _ width: Int, _ values: UnsafePointer<Float>,
        _ sums: UnsafeMutablePointer<Float>
    ) {
        withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Float>.self, capacity: height) { outputs in
            for first in Swift.stride(from: 0, to: width, by: height) {
                let rows = min(height, width - first)
                for i in 0..<rows { outputs[i] = sums + (first + i) * keys + tile.start }
                gemm.panel(
                    Int64(rows), Int64(tile.count), 1, Int64(depth), columns + first * depth, nil, 0, values,
                    outputs.baseAddress!, 0, nil, true)
            }
        }
    }

    private static func transpose(
        _ from: UnsafePointer<Float>, _ rows: Int, _ columns: Int, _ to: UnsafeMutablePointer<Float>, _ stride: Int
    ) {
        for j in Swift.stride(from: 0, to: columns, by: 16) {
            for i in 0..<rows {
                for e in j..<min(j + 16, columns) { to[e * stride + i] = from[i * columns + e] }
            }
        }
    }
}
