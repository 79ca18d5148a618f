/// Layer and RMS normalisation of dense rows, forward and backward.
struct RowNorm<R: NormNumber> {
    let rows: Int
    let n: Int
    let centered: Bool

    /// Rows that one call works on: the sums over them for weight and bias are added in order afterwards, so
    /// that the result doesn't depend on the number of threads.
    private var grain: Int { max(1, max(64 * 1024 / max(n, 1), (rows + 63) / 64)) }
    /// Results larger than this are written past the caches.
    private var stream: Bool {
        rows * n * MemoryLayout<R>.size >= 16 << 20 && n * MemoryLayout<R>.size % 64 == 0
    }

    /// Mean and reciprocal standard deviation of each row, kept for the way back.
    struct Statistics: Sendable {
        let mean: Tensor
        let rstd: Tensor
    }

    func forward(_ x: Tensor, _ w: Tensor, _ b: Tensor, eps: Double) -> (Tensor, Statistics) {
        let y = Tensor(uninitialized: x.shape, R.dtype)
        let statistics = Statistics(
            mean: Tensor(uninitialized: [rows], R.dtype), rstd: Tensor(uninitialized: [rows], R.dtype))
        let (from, to) = (x.pointer(R.self), y.mutablePointer(R.self))
        let (weight, bias) = (w.pointer(R.self), b.pointer(R.self))
        let (mean, rstd) = (statistics.mean.mutablePointer(R.self), statistics.rstd.mutablePointer(R.self))
        let stream = stream
        Parallel.forRanges(rows, grain: grain) { range in
            let first = range.lowerBound
            R.rowForward(
                range.count, n, from + first * n, weight, bias, R(eps), centered: centered, stream: stream,
                to + first * n, mean + first, rstd + first)
        }
        return (y, statistics)
    }

    func backward(_ x: Tensor, _ g: Tensor, _ w: Tensor, _ statistics: Statistics) -> (
        dx: Tensor, dw: Tensor, db: Tensor
    ) {
        let dx = Tensor(uninitialized: x.shape, R.dtype)
        let grain = grain
        let chunks = max(1, (rows + grain - 1) / grain)
        let sums = Tensor.zeros([2, chunks, n], R.dtype)
        let (from, gradient, weight) = (x.pointer(R.self), g.pointer(R.self), w.pointer(R.self))
        let (mean, rstd) = (statistics.mean.pointer(R.self), statistics.rstd.pointer(R.self))
        let (to, partial) = (dx.mutablePointer(R.self), sums.mutablePointer(R.self))
        let stream = stream
        Parallel.forRanges(rows, grain: grain) { range in
            let first = range.lowerBound
            let chunk = first / grain
            R.rowBackward(
                range.count, n, from + first * n, gradient + first * n, weight, mean + first, rstd + first,
                centered: centered, stream: stream, to + first * n, partial + chunk * n,
                partial + (chunks + chunk) * n)
        }
        let totals = Tensor(uninitialized: [2, n], R.dtype)
        let total = totals.mutablePointer(R.self)
        for kind in 0..<2 {
            for i in 0..<n {
                var sum = 0.0
                for chunk in 0..<chunks { sum += Double(partial[(kind * chunks + chunk) * n + i]) }
                total[kind * n + i] = R(sum)
            }
        }
        return (dx, totals[0], totals[1])
    }
}
