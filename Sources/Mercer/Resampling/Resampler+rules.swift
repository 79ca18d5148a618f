import Foundation

extension Resampler {
    /// The rows of a resizing.
    ///
    /// Source of the rules: the behaviour of Pillow, PyTorch, TensorFlow and MATLAB; s = inputs per output, output i
    /// is centred at c = (i + ½)s.
    ///
    /// - Parameters:
    ///   - range: the part of the line that is resized, in pixels, fractional allowed; by default all of it.
    ///   - scale: inputs per output where it isn't the ratio of the lengths: MATLAB's and PyTorch's given scale,
    ///     inverted.
    public init(
        input n: Int, output m: Int, rule: ResampleRule, range: ClosedRange<Double>? = nil, scale: Double? = nil
    ) {
        precondition(n > 0 && m > 0, "Resampler: from \(n) to \(m) pixels")
        var low = range?.lowerBound ?? 0
        var high = range?.upperBound ?? Double(n)
        if rule.convention == .pillow {
            // Pillow keeps its box in single precision, and leaves out what changes nothing.
            (low, high) = (Double(Float(low)), Double(Float(high)))
            if n == m && low == 0 && high == Double(n) {
                self = .identity(n)
                return
            }
        }
        precondition(
            low >= 0 && high <= Double(n) && low < high, "Resampler: \(low)...\(high) of a line of \(n) pixels")
        let grid = Grid(n: n, m: m, origin: low, length: high - low, scale: scale ?? (high - low) / Double(m))
        let rows: [(start: Int, weights: [Double])]
        switch (rule.convention, rule.method) {
        case (_, .nearest), (_, .nearestExact): rows = grid.nearest(rule)
        case (.torch, .area): rows = grid.adaptiveMean()
        case (_, .area): rows = grid.overlap()
        case (.matlab, _): rows = grid.matlab(rule)
        case (.torch, .bilinear) where !rule.antialias: rows = grid.linear(alignCorners: rule.alignCorners)
        case (.torch, .bicubic) where !rule.antialias: rows = grid.cubic(rule.kernel, rule.alignCorners)
        case (.tensorflow, .bilinear) where !rule.antialias: rows = grid.linear(alignCorners: false)
        case (.tensorflow, .bicubic) where !rule.antialias: rows = grid.tableCubic()
        case (.tensorflow, _): rows = grid.scaled(rule.kernel, antialias: rule.antialias)
        default: rows = grid.windowed(rule.kernel, antialias: rule.antialias)
        }
        self.init(input: n, rows: rows)
    }
}

/// Where the outputs of a resizing lie on the line of inputs, and the rules that make rows from it.
private struct Grid {
    typealias Row = (start: Int, weights: [Double])
    let n: Int
    let m: Int
    let origin: Double
    let length: Double
    /// Inputs per output.
    let scale: Double

    func center(_ i: Int) -> Double { origin + (Double(i) + 0.5) * scale }

    private func rows(_ row: (Int) -> Row) -> [Row] { (0..<m).map(row) }

    /// The scale as the frameworks that count in single precision have it.
    private var singleScale: Float {
        length == Double(n) && scale == length / Double(m) ? Float(n) / Float(m) : Float(scale)
    }

    func nearest(_ rule: ResampleRule) -> [Row] {
        if rule.convention == .pillow {
            // Pillow adds the step up, with its rounding.
            var x = origin + scale * 0.5
            return rows { _ in
                defer { x += scale }
                return (min(max(Int(x.rounded(.down)), 0), n - 1), [1])
            }
        }
        let single = singleScale
        return rows { i in
            let place: Int
            switch (rule.convention, rule.method) {
            case (.torch, .nearest): place = Int((Float(origin) + Float(i) * single).rounded(.down))
            case (.torch, _), (.tensorflow, _):
                place = Int((Float(origin) + (Float(i) + 0.5) * single).rounded(.down))
            default: place = Int(center(i).rounded(.down))
            }
            return (min(max(place, 0), n - 1), [1])
        }
    }

    /// PyTorch's adaptive mean over [⌊i n/m⌋, ⌈(i+1) n/m⌉).
    func adaptiveMean() -> [Row] {
        rows { i in
            let start = i * n / m
            let end = ((i + 1) * n + m - 1) / m
            return (start, [Double](repeating: 1 / Double(end - start), count: end - start))
        }
    }

    /// The mean over exactly [is, (i+1)s].
    func overlap() -> [Row] {
        rows { i in
            let a = origin + Double(i) * scale
            let b = min(origin + Double(i + 1) * scale, Double(n))
            let start = min(max(Int(a.rounded(.down)), 0), n - 1)
            let end = min(max(Int(b.rounded(.up)), start + 1), n)
            let parts = (start..<end).map { max(0, min(b, Double($0) + 1) - max(a, Double($0))) }
            return (start, normalized(parts))
        }
    }

    private func source(_ i: Int, alignCorners: Bool) -> Double {
        if alignCorners { return m > 1 ? Double(i) * Double(n - 1) / Double(m - 1) : 0 }
        return center(i) - 0.5
    }

    func linear(alignCorners: Bool) -> [Row] {
        rows { i in
            let f = source(i, alignCorners: alignCorners)
            let lower = f.rounded(.down)
            return clamped(Int(lower), [1 - (f - lower), f - lower])
        }
    }

    /// Cubic interpolation whose border taps repeat the edge.
    func cubic(_ kernel: ResampleKernel, _ alignCorners: Bool) -> [Row] {
        rows { i in
            let f = source(i, alignCorners: alignCorners)
            let lower = f.rounded(.down)
            let weights = (-1...2).map { kernel.value(Double($0) - (f - lower)) }
            return clamped(Int(lower) - 1, weights)
        }
    }

    /// TensorFlow's bicubic: the fraction in 1024 steps, taps outside dropped, in single precision.
    func tableCubic() -> [Row] {
        let a: Float = -0.5
        func near(_ step: Int) -> Float {
            let x = Float(step) / 1024
            return ((a + 2) * x - (a + 3)) * x * x + 1
        }
        func far(_ step: Int) -> Float {
            let x = Float(step) / 1024 + 1
            return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
        }
        let single = singleScale
        return rows { i in
            let f = Float(origin) + (Float(i) + 0.5) * single - 0.5
            let lower = f.rounded(.down)
            let step = Int(((f - lower) * 1024).rounded(.toNearestOrEven))
            let all = [far(step), near(step), near(1024 - step), far(1024 - step)]
            let first = Int(lower) - 1
            let inside = (0..<4).filter { (0..<n).contains(first + $0) }
            let sum = inside.reduce(Float(0)) { $0 + all[$1] }
            return (first + inside[0], inside.map { Double(all[$0] / sum) })
        }
    }

    /// Pillow's rule, also that of PyTorch's antialiased methods.
    func windowed(_ kernel: ResampleKernel, antialias: Bool) -> [Row] {
        let growth = antialias ? max(scale, 1) : 1
        let support = kernel.support * growth
        let inverse = 1 / growth
        return rows { i in
            let c = center(i)
            let start = max(Int(c - support + 0.5), 0)
            let end = min(Int(c + support + 0.5), n)
            return (
                start, normalized((start..<max(start, end)).map { kernel.value((Double($0) - c + 0.5) * inverse) })
            )
        }
    }

    /// TensorFlow's rule for antialiased methods and for those of wide filters.
    func scaled(_ kernel: ResampleKernel, antialias: Bool) -> [Row] {
        let growth = antialias ? max(scale, 1) : 1
        let reach = kernel.support * growth
        return rows { i in
            let c = center(i)
            let start = min(max(Int((c - reach - 0.5).rounded(.up)), 0), n - 1)
            let end = min(max(Int((c + reach - 0.5).rounded(.down)), start), n - 1)
            return (start, normalized((start...end).map { kernel.value((Double($0) + 0.5 - c) / growth) }))
        }
    }

    /// MATLAB's rule: the given scale, the picture mirrored at its edge.
    func matlab(_ rule: ResampleRule) -> [Row] {
        let factor = 1 / scale
        let shrink = rule.antialias && factor < 1 ? factor : 1
        let width = 2 * rule.kernel.support / shrink
        let taps = Int(width.rounded(.up)) + 2
        return rows { i in
            // 1-based, as in the original.
            let u = Double(i + 1) * scale + 0.5 * (1 - scale) + origin
            let left = (u - width / 2).rounded(.down)
            let weights = normalized((0..<taps).map { shrink * rule.kernel.value(shrink * (u - left - Double($0))) })
            return folded(Int(left) - 1, weights) { borderIndex($0, n, .symmetric) }
        }
    }

    private func clamped(_ first: Int, _ weights: [Double]) -> Row {
        folded(first, weights) { min(max($0, 0), n - 1) }
    }

    /// Taps that lie outside moved inside, where they add up.
    private func folded(_ first: Int, _ weights: [Double], _ place: (Int) -> Int) -> Row {
        if first >= 0 && first + weights.count <= n { return (first, weights) }
        let used = weights.indices.filter { weights[$0] != 0 }
        let places = used.map { place(first + $0) }
        let low = places.min()!
        var sum = [Double](repeating: 0, count: places.max()! - low + 1)
        for (k, j) in zip(used, places) { sum[j - low] += weights[k] }
        return (low, sum)
    }

    private func normalized(_ weights: [Double]) -> [Double] {
        let sum = weights.reduce(0, +)
        return sum == 0 ? weights : weights.map { $0 / sum }
    }
}
