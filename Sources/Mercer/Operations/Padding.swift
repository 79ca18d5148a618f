/// How a picture or a signal goes on beyond its border.
public enum PaddingMode: String, Sendable, CaseIterable {
    /// A constant, 0 by default.
    case constant
    /// Mirrored without repeating the edge: c b | a b c | b a.
    case reflect
    /// Mirrored with the edge repeated: b a | a b c | c b.
    case symmetric
    /// The edge goes on: a a | a b c | c c.
    case replicate
    /// From the other end: b c | a b c | a b.
    case circular
}

/// A tensor with elements added before and after along each axis.
///
/// - Parameters:
///   - widths: for each axis how many before and after; negative widths cut. Missing leading axes get none.
///   - mode: what the new elements are; `value` where it is a constant.
public func padded(
    _ x: Tensor, _ widths: [(before: Int, after: Int)], mode: PaddingMode = .constant, value: Double = 0
) -> Tensor {
    precondition(widths.count <= x.rank, "padded: \(widths.count) widths for a tensor of shape \(x.shape)")
    let widths = [(before: Int, after: Int)](repeating: (0, 0), count: x.rank - widths.count) + widths
    // Negative widths cut first.
    let cut = x.sliced(
        zip(x.shape, widths).map { n, w in
            let start = max(0, -w.before)
            return AxisSlice(start: start, count: max(0, n - start - max(0, -w.after)), step: 1)
        })
    let grow = widths.map { (before: max(0, $0.before), after: max(0, $0.after)) }
    if grow.allSatisfy({ $0.before == 0 && $0.after == 0 }) { return cut }
    if mode == .constant {
        let shape = zip(cut.shape, grow).map { $0 + $1.before + $1.after }
        let inside = zip(cut.shape, grow).map { AxisSlice(start: $1.before, count: $0, step: 1) }
        if value == 0 { return cut.placed(in: shape, at: inside) }
        let result = Tensor.full(shape, value, x.dtype)
        StridedCopy.copy(from: cut, to: result.sliced(inside))
        guard cut.isTracked else { return result }
        return result.tracked("padded", from: cut) { $0.gradient.sliced(inside) }
    }
    let isPicture = cut.rank == 4 && (cut.dtype == .float32 || cut.dtype == .float64) && cut.count > 0
    if isPicture && grow[0] == (0, 0) && grow[3] == (0, 0) {
        return BorderPadding(cut.shape, rows: grow[1], columns: grow[2], mode).pad(cut)
    }
    var result = cut
    for (axis, width) in grow.enumerated() where width.before > 0 || width.after > 0 {
        let n = cut.shape[axis]
        let indices = (-width.before..<(n + width.after)).map { Int64(borderIndex($0, n, mode)) }
        result = result.take(Tensor(indices), axis: axis)
    }
    return result
}

/// The element of `0..<n` that stands at position `i` beyond the border.
public func borderIndex(_ i: Int, _ n: Int, _ mode: PaddingMode) -> Int {
    precondition(n > 0, "padding mode \(mode) of an empty axis")
    switch mode {
    case .constant: return i
    case .replicate: return min(max(i, 0), n - 1)
    case .circular: return ((i % n) + n) % n
    case .reflect:
        if n == 1 { return 0 }
        let period = 2 * (n - 1)
        let j = ((i % period) + period) % period
        return j < n ? j : period - j
    case .symmetric:
        let period = 2 * n
        let j = ((i % period) + period) % period
        return j < n ? j : period - 1 - j
    }
}
