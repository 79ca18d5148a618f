import Mercer

/// One tile of a picture: what a network is given, and which part of its answer counts.
public struct PictureTile: Sendable, Hashable {
    /// The part of the picture that the network sees.
    public let rows: Range<Int>
    public let columns: Range<Int>
    /// The part of the tile's own result that counts.
    public let innerRows: Range<Int>
    public let innerColumns: Range<Int>
    /// Where that part goes in the whole result.
    public let targetRows: Range<Int>
    public let targetColumns: Range<Int>
}

/// A large picture in overlapping tiles, so that a network works on it in bounded memory.
///
/// A tile is its core and `margin` pixels on each side, cut off where the picture ends: there the network's own
/// border rule acts, as it does on the whole picture. With a margin of at least the receptive field the tiled result
/// equals the whole one.
public struct PictureTiles: Sendable {
    /// Row by row, from the top left.
    public let tiles: [PictureTile]
    /// The size of the whole result.
    public let height: Int
    public let width: Int

    /// - Parameters:
    ///   - size: of the picture; multiples of `reduction`.
    ///   - tile: the side of a core in pixels.
    ///   - margin: how far the network looks.
    ///   - enlargement: result pixels for each picture pixel, or for each `reduction` of them.
    ///   - reduction: picture pixels for one result pixel; tiles begin at multiples of it.
    ///   - alignment: tiles begin at multiples of this too, where a network packs pixels.
    public init(
        _ size: (height: Int, width: Int), tile: Int, margin: Int, enlargement: Int = 1, reduction: Int = 1,
        alignment: Int = 1
    ) {
        precondition(
            size.height > 0 && size.width > 0 && tile > 0 && margin >= 0 && enlargement > 0 && reduction > 0
                && alignment > 0,
            "PictureTiles: \(size.width)x\(size.height) in tiles of \(tile) with margins of \(margin)")
        precondition(
            size.height % reduction == 0 && size.width % reduction == 0,
            "PictureTiles: \(size.width)x\(size.height) isn't a multiple of \(reduction)")
        let unit = Self.commonMultiple(reduction, alignment)
        let core = (tile + unit - 1) / unit * unit
        let rim = (margin + unit - 1) / unit * unit
        func target(_ pixels: Range<Int>) -> Range<Int> {
            (pixels.lowerBound * enlargement / reduction)..<(pixels.upperBound * enlargement / reduction)
        }
        /// What a tile sees, what counts of its result, and where that goes, along one axis.
        func pieces(_ length: Int) -> [(seen: Range<Int>, inner: Range<Int>, target: Range<Int>)] {
            Swift.stride(from: 0, to: length, by: core).map { start in
                let end = min(start + core, length)
                let seen = max(0, start - rim)..<min(length, end + rim)
                let goes = target(start..<end)
                let first = target(seen).lowerBound
                return (seen, (goes.lowerBound - first)..<(goes.upperBound - first), goes)
            }
        }
        let columns = pieces(size.width)
        tiles = pieces(size.height).flatMap { row in
            columns.map { column in
                PictureTile(
                    rows: row.seen, columns: column.seen, innerRows: row.inner, innerColumns: column.inner,
                    targetRows: row.target, targetColumns: column.target)
            }
        }
        height = size.height * enlargement / reduction
        width = size.width * enlargement / reduction
    }

    /// Applies a network to every tile of a picture and puts the results together.
    ///
    /// - Parameters:
    ///   - picture: `[height, width, channels]`, of any type.
    ///   - network: from a tile `[height, width, channels]` to its result, `[height, width, channels]` in the
    ///     result's type.
    /// - Throws: what the network throws; `CancellationError` between tiles when the task is cancelled.
    public func map(_ picture: Tensor, _ network: (Tensor) throws -> Tensor) throws -> Tensor {
        if tiles.count == 1 { return try network(picture) }
        var whole: Tensor?
        for tile in tiles {
            try Task.checkCancellation()
            let part = picture[tile.rows, tile.columns, 0...].contiguous()
            let result = try network(part)
            let inner = result[tile.innerRows, tile.innerColumns, 0...].contiguous()
            if whole == nil { whole = Tensor.zeros([height, width, inner.shape[2]], inner.dtype) }
            Self.place(inner, at: tile, in: &whole!)
        }
        return whole!
    }

    /// Copies a tile's counting part to its place.
    private static func place(_ part: Tensor, at tile: PictureTile, in whole: inout Tensor) {
        let line = part.shape[1] * part.shape[2] * part.dtype.size
        let wholeLine = whole.shape[1] * whole.shape[2] * whole.dtype.size
        let start = tile.targetColumns.lowerBound * whole.shape[2] * whole.dtype.size
        part.withUnsafeBytes { source in
            whole.withUnsafeMutableBytes { target in
                for (row, y) in tile.targetRows.enumerated() {
                    (target.baseAddress! + y * wholeLine + start)
                        .copyMemory(from: source.baseAddress! + row * line, byteCount: line)
                }
            }
        }
    }

    private static func commonMultiple(_ a: Int, _ b: Int) -> Int {
        var (x, y) = (a, b)
        while y != 0 { (x, y) = (y, x % y) }
        return a / x * b
    }
}
