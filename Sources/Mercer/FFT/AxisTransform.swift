/// Transforms along one axis of dense arrays seen as `[outer, n, inner]`.
struct AxisTransform<R: TransformNumber> {
    let outer: Int
    let n: Int
    let inner: Int
    let inverse: Bool
    let scale: R

    init(_ shape: [Int], axis: Int, n: Int? = nil, inverse: Bool, scale: Double) {
        outer = shape[..<axis].reduce(1, *)
        inner = shape[(axis + 1)...].reduce(1, *)
        self.n = n ?? shape[axis]
        self.inverse = inverse
        self.scale = R(scale)
    }

    /// Runs of up to `width` sequences whose starts lie `laneStep` elements apart in `[outer, length,
    /// inner]`.
    private struct Lanes {
        let first: (outer: Int, inner: Int)
        let count: Int
        let alongInner: Bool

        func start(_ length: Int, _ inner: Int) -> Int { first.outer * length * inner + first.inner }
        func step(_ length: Int, _ inner: Int) -> Int { alongInner ? 1 : length * inner }
    }

    private func forEachLanes(_ width: Int, _ body: (Lanes) -> Void) {
        let alongInner = inner >= R.lanes || inner > outer
        let (long, other) = alongInner ? (inner, outer) : (outer, inner)
        let runs = (long + width - 1) / width
        Parallel.forEach(runs * other) { index in
            let (row, first) = (index / runs, index % runs * width)
            body(
                Lanes(
                    first: alongInner ? (row, first) : (first, row), count: min(width, long - first),
                    alongInner: alongInner))
        }
    }

    private func transformed(_ plan: TransformPlan<R>, _ x: Block<R>, _ room: Block<R>) -> Block<R> {
        inverse ? plan.execute(x.exchanged, room.exchanged).exchanged : plan.execute(x, room)
    }

    /// Complex to complex; `y` may be `x`. Numbers are interleaved.
    func complex(_ x: UnsafePointer<R>, _ y: UnsafeMutablePointer<R>) {
        if n <= 1 && x == UnsafePointer(y) && scale == 1 { return }
        if n >= 1024 && outer * inner < R.lanes / 2, let long = LongTransform<R>(n) {
            for o in 0..<outer {
                for i in 0..<inner {
                    let start = 2 * (o * n * inner + i)
                    long.run(x + start, y + start, step: inner, inverse: inverse, scale: scale)
                }
            }
            return
        }
        let plan = R.plans.plan(n)
        forEachLanes(R.lanes) { lanes in
            let (start, step) = (lanes.start(n, inner), lanes.step(n, inner))
            withBlocks(2, rows: plan.rows, R.self) { blocks in
                R.gather(x + 2 * start, step: inner, laneStep: step, n, lanes: lanes.count, blocks[0])
                let z = transformed(plan, blocks[0], blocks[1])
                R.scatter(z, y + 2 * start, step: inner, laneStep: step, n, lanes: lanes.count, scale: scale)
            }
        }
    }

    /// Real to the first n/2 + 1 complex coefficients. Two sequences at once, as real and imaginary parts.
    func realToHalf(_ x: UnsafePointer<R>, _ y: UnsafeMutablePointer<R>) {
        let plan = R.plans.plan(n)
        let half = n / 2 + 1
        forEachLanes(2 * R.lanes) { lanes in
            let (firstCount, secondCount) = (min(lanes.count, R.lanes), max(0, lanes.count - R.lanes))
            let (start, step) = (lanes.start(n, inner), lanes.step(n, inner))
            withBlocks(4, rows: plan.rows, R.self) { blocks in
                let z = blocks[0]
                R.gatherReal(x + start, step: inner, laneStep: step, n, lanes: firstCount, z.re)
                R.gatherReal(
                    x + start + R.lanes * step, step: inner, laneStep: step, n, lanes: secondCount, z.im)
                R.split(n, transformed(plan, z, blocks[1]), blocks[2], blocks[3])
                let (start, step) = (lanes.start(half, inner), lanes.step(half, inner))
                let out = y + 2 * start
                R.scatter(blocks[2], out, step: inner, laneStep: step, half, lanes: firstCount, scale: scale)
                R.scatter(
                    blocks[3], out + 2 * R.lanes * step, step: inner, laneStep: step, half,
                    lanes: secondCount,
                    scale: scale)
            }
        }
    }

    /// n/2 + 1 complex coefficients to n real numbers; `inverse` is true.
    func halfToReal(_ x: UnsafePointer<R>, _ y: UnsafeMutablePointer<R>) {
        let plan = R.plans.plan(n)
        let half = n / 2 + 1
        forEachLanes(2 * R.lanes) { lanes in
            let (firstCount, secondCount) = (min(lanes.count, R.lanes), max(0, lanes.count - R.lanes))
            let (start, step) = (lanes.start(half, inner), lanes.step(half, inner))
            withBlocks(4, rows: max(plan.rows, half), R.self) { blocks in
                R.gather(x + 2 * start, step: inner, laneStep: step, half, lanes: firstCount, blocks[2])
                R.gather(
                    x + 2 * (start + R.lanes * step), step: inner, laneStep: step, half, lanes: secondCount,
                    blocks[3])
                R.join(n, blocks[2], blocks[3], blocks[0])
                let z = transformed(plan, blocks[0], blocks[1])
                let (start, step) = (lanes.start(n, inner), lanes.step(n, inner))
                R.scatterReal(
                    z.re, y + start, step: inner, laneStep: step, n, lanes: firstCount, scale: scale)
                R.scatterReal(
                    z.im, y + start + R.lanes * step, step: inner, laneStep: step, n, lanes: secondCount,
                    scale: scale)
            }
        }
    }

    /// The orthonormal cosine transform of type II, or its inverse, type III (J. Makhoul, 1980): even
    /// elements followed by the odd ones in reverse, a Fourier transform, and a quarter-wave twist.
    func cosine(_ x: UnsafePointer<R>, _ y: UnsafeMutablePointer<R>) {
        let plan = R.plans.plan(n)
        let half = n / 2 + 1
        let (evens, odds) = ((n + 1) / 2, n / 2)
        let twist = UnsafeMutablePointer<R>.allocate(capacity: 2 * half)
        defer { twist.deallocate() }
        let factors = Block(re: twist, im: twist + half)
        for k in 0..<half {
            let (c, s) = TransformPlan<R>.root(k, 4 * n)
            let size = (Double(k == 0 ? 1 : 2) / Double(n)).squareRoot()
            // The transform's own scale: size forward, 1/(n·size) backward.
            factors.re[k] = R(inverse ? c / (size * Double(n)) : c * size)
            factors.im[k] = R(inverse ? s / (size * Double(n)) : -s * size)
        }
        let w = R.lanes
        forEachLanes(2 * w) { lanes in
            let (start, step) = (lanes.start(n, inner), lanes.step(n, inner))
            withBlocks(4, rows: max(plan.rows, half), R.self) { blocks in
                let (z, a, b) = (blocks[0], blocks[2], blocks[3])
                let sets = [(a, z.re, 0, min(lanes.count, w)), (b, z.im, w * step, max(0, lanes.count - w))]
                if inverse {
                    for (spectrum, rows, shift, count) in sets {
                        R.gatherReal(x + start + shift, step: inner, laneStep: step, n, lanes: count, rows)
                        for k in 0..<half {
                            for l in 0..<w {
                                spectrum.re[k * w + l] = rows[k * w + l]
                                spectrum.im[k * w + l] = k == 0 ? 0 : -rows[(n - k) * w + l]
                            }
                        }
                        R.multiplyRows(half, spectrum, factors, spectrum)
                    }
                    R.join(n, a, b, z)
                    let v = transformed(plan, z, blocks[1])
                    for (rows, shift, count) in [(v.re, 0, sets[0].3), (v.im, w * step, sets[1].3)] {
                        let out = y + start + shift
                        R.scatterReal(
                            rows, out, step: 2 * inner, laneStep: step, evens, lanes: count, scale: 1)
                        R.scatterReal(
                            rows + evens * w, out + (2 * odds - 1) * inner, step: -2 * inner, laneStep: step,
                            odds,
                            lanes: count, scale: 1)
                    }
                } else {
                    for (_, rows, shift, count) in sets {
                        let source = x + start + shift
                        R.gatherReal(source, step: 2 * inner, laneStep: step, evens, lanes: count, rows)
                        R.gatherReal(
                            source + (2 * odds - 1) * inner, step: -2 * inner, laneStep: step, odds,
                            lanes: count,
                            rows + evens * w)
                    }
                    R.split(n, transformed(plan, z, blocks[1]), a, b)
                    for (spectrum, rows, shift, count) in sets {
                        R.multiplyRows(half, spectrum, factors, spectrum)
                        for k in 0..<half {
                            for l in 0..<w {
                                if k > 0 { rows[(n - k) * w + l] = -spectrum.im[k * w + l] }
                                rows[k * w + l] = spectrum.re[k * w + l]
                            }
                        }
                        R.scatterReal(
                            rows, y + start + shift, step: inner, laneStep: step, n, lanes: count, scale: 1)
                    }
                }
            }
        }
    }
}

/// One long sequence as a matrix: transforms of its columns, a twist, transforms of its rows (W. M.
/// Gentleman, G. Sande, 1966), so that there are many sequences to run side by side.
struct LongTransform<R: TransformNumber> {
    private let n: Int
    private let columns: Int
    private let rows: Int

    /// Nil where the length has no factor near its root.
    init?(_ n: Int) {
        let root = Int(Double(n).squareRoot())
        guard let rows = (max(8, root / 8)...max(8, root)).reversed().first(where: { n % $0 == 0 }) else {
            return nil
        }
        self.n = n
        self.rows = rows
        columns = n / rows
    }

    /// `x` and `y` are interleaved complex numbers, `step` numbers apart.
    func run(_ x: UnsafePointer<R>, _ y: UnsafeMutablePointer<R>, step: Int, inverse: Bool, scale: R) {
        let shift = max(1, (Int.bitWidth - n.leadingZeroBitCount) / 2)
        let (coarse, fine) = Self.twistTables(n, shift)
        defer {
            coarse.deallocate()
            fine.deallocate()
        }
        let middle = Storage(byteCount: 2 * n * MemoryLayout<R>.size)
        let between = middle.pointer.assumingMemoryBound(to: R.self)
        let (first, second) = (R.plans.plan(rows), R.plans.plan(columns))
        func transformed(_ plan: TransformPlan<R>, _ blocks: [Block<R>]) -> Block<R> {
            inverse
                ? plan.execute(blocks[0].exchanged, blocks[1].exchanged).exchanged
                : plan.execute(blocks[0], blocks[1])
        }
        Parallel.forRanges(columns, grain: R.lanes) { range in
            withBlocks(2, rows: first.rows, R.self) { blocks in
                let j = range.lowerBound
                R.gather(
                    x + 2 * j * step, step: columns * step, laneStep: step, rows, lanes: range.count,
                    blocks[0])
                let z = transformed(first, blocks)
                R.twist(
                    rows, first: j, lanes: range.count, shift: shift, coarse: coarse, fine: fine,
                    inverse ? z.exchanged : z)
                R.scatter(z, between + 2 * j, step: columns, laneStep: 1, rows, lanes: range.count, scale: 1)
            }
        }
        Parallel.forRanges(rows, grain: R.lanes) { range in
            withBlocks(2, rows: second.rows, R.self) { blocks in
                let k = range.lowerBound
                R.gather(
                    between + 2 * k * columns, step: 1, laneStep: columns, columns, lanes: range.count,
                    blocks[0])
                R.scatter(
                    transformed(second, blocks), y + 2 * k * step, step: rows * step, laneStep: step, columns,
                    lanes: range.count, scale: scale)
            }
        }
        withExtendedLifetime(middle) {}
    }

    private static func twistTables(_ n: Int, _ shift: Int) -> (
        UnsafeMutablePointer<R>, UnsafeMutablePointer<R>
    ) {
        func powers(_ count: Int, _ step: Int) -> UnsafeMutablePointer<R> {
            let table = UnsafeMutablePointer<R>.allocate(capacity: 2 * count)
            for d in 0..<count {
                let (c, s) = TransformPlan<R>.root(d * step, n)
                table[2 * d] = R(c)
                table[2 * d + 1] = R(-s)
            }
            return table
        }
        return (powers((n >> shift) + 1, 1 << shift), powers(1 << shift, 1))
    }
}
