import Foundation

/// Covariances of pre-activations while a network is walked through: Σ and Θ for a block of pairs, and the variances of
/// either side.
///
/// Three arrangements share the arithmetic: vectors of points (`rows` × `columns` pairs without pixels), two pictures
/// with all pairs of their pixels (`rows` and `columns` are pixels), and lists where only pairs of equal place count
/// (a point with itself, or equal pixels of two pictures).
struct KernelState {
    /// Σ.
    var nngp: [Double]
    /// Θ.
    var ntk: [Double]
    var rows: Int
    var columns: Int
    /// Only pairs of equal place: `nngp` has `rows` elements.
    var isDiagonal: Bool
    /// Pixels of a picture; nil for vectors.
    var size: (height: Int, width: Int)?
    /// Element (r, r + shift) is a point with itself; nil where there is none. For pictures 0 or nil.
    var selfShift: Int?

    mutating func scale(_ factor: Double, adding bias: Double, isLayer: Bool) {
        for i in nngp.indices {
            nngp[i] = factor * nngp[i] + bias
            ntk[i] = isLayer ? nngp[i] + factor * ntk[i] : factor * ntk[i]
        }
    }

    /// Applies a function of (a, b, Σ, Θ) to every element, a and b the variances of its row and column.
    @inline(__always)
    mutating func map(
        _ a: [Double], _ b: [Double], _ f: (Double, Double, Double, Double) -> (Double, Double)
    ) {
        let (rows, columns, isDiagonal) = (self.rows, self.columns, self.isDiagonal)
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                nngp.withUnsafeMutableBufferPointer { k in
                    ntk.withUnsafeMutableBufferPointer { t in
                        if isDiagonal {
                            for i in 0..<rows { (k[i], t[i]) = f(a[i], b[i], k[i], t[i]) }
                            return
                        }
                        for r in 0..<rows {
                            let left = a[r]
                            for c in 0..<columns {
                                let i = r * columns + c
                                (k[i], t[i]) = f(left, b[c], k[i], t[i])
                            }
                        }
                    }
                }
            }
        }
    }

    mutating func apply(_ activation: KernelActivation, _ a: [Double], _ b: [Double]) {
        if activation == .relu {
            return map(a, b) { a, b, c, t in
                let (value, slope) = KernelActivation.arcCosine(a, b, c)
                return (value, slope * t)
            }
        }
        map(a, b) { a, b, c, t in
            let (value, slope) = activation.expectations(a, b, c)
            return (value, slope * t)
        }
    }

    mutating func normalize(_ a: [Double], _ b: [Double]) {
        map(a, b) { a, b, c, t in
            let scale = 1 / ((a + 1e-12) * (b + 1e-12)).squareRoot()
            return (c * scale, t * scale)
        }
    }

    mutating func dropout(_ rate: Double) {
        guard let shift = selfShift else { return }
        if isDiagonal {
            for i in nngp.indices { nngp[i] /= rate }
            return
        }
        for r in 0..<rows where r + shift >= 0 && r + shift < columns { nngp[r * columns + r + shift] /= rate }
    }

    /// The variances of the points themselves, where this is the state of a point with itself.
    var ownVariances: [Double] {
        isDiagonal ? nngp : (0..<rows).map { nngp[$0 * columns + $0] }
    }

    // MARK: Pixels

    /// The mean over filter offsets of Σ(p + r, p′ + r), and of Θ, one axis after the other.
    mutating func convolve(_ height: Int, _ width: Int, stride: Int, padding: KernelPadding) {
        guard let size else { preconditionFailure("KernelState: a convolution of vectors") }
        let (h, y) = padding.geometry(size.height, window: height, stride: stride)
        let (w, x) = padding.geometry(size.width, window: width, stride: stride)
        let vertical = Walk(window: height, stride: stride, before: y, count: h, wraps: padding == .circular)
        let horizontal = Walk(window: width, stride: stride, before: x, count: w, wraps: padding == .circular)
        let scale = 1 / Double(height * width)
        func shifted(_ values: [Double]) -> [Double] {
            if isDiagonal {
                let first = vertical.windowed(values, outer: 1, size: size.height, inner: size.width, scale)
                return horizontal.windowed(first, outer: h, size: size.width, inner: 1, 1)
            }
            let first = vertical.joint(
                values, outer: 1, size: size.height, middle: size.width, inner: size.width, scale)
            return horizontal.joint(first, outer: h, size: size.width, middle: h, inner: 1, 1)
        }
        nngp = shifted(nngp)
        ntk = shifted(ntk)
        self.size = (h, w)
        rows = h * w
        columns = isDiagonal ? 1 : h * w
    }

    /// The mean or sum over windows of p and of p′ independently.
    mutating func pool(_ window: Int, stride: Int, padding: KernelPadding, isMean: Bool) {
        guard let size, !isDiagonal else { preconditionFailure("KernelState: pooling needs all pairs of pixels") }
        let (h, y) = padding.geometry(size.height, window: window, stride: stride)
        let (w, x) = padding.geometry(size.width, window: window, stride: stride)
        let vertical = Walk(window: window, stride: stride, before: y, count: h, wraps: padding == .circular)
        let horizontal = Walk(window: window, stride: stride, before: x, count: w, wraps: padding == .circular)
        let scale = isMean ? 1 / Double(window * window) : 1
        func pooled(_ values: [Double]) -> [Double] {
            let (height, width) = (size.height, size.width)
            let a = vertical.windowed(values, outer: 1, size: height, inner: width * height * width, scale)
            let b = horizontal.windowed(a, outer: h, size: width, inner: height * width, 1)
            let c = vertical.windowed(b, outer: h * w, size: height, inner: width, scale)
            return horizontal.windowed(c, outer: h * w * h, size: width, inner: 1, 1)
        }
        nngp = pooled(nngp)
        ntk = pooled(ntk)
        self.size = (h, w)
        (rows, columns) = (h * w, h * w)
    }

    /// The mean over all pixels of both pictures.
    mutating func poolEverything() {
        precondition(!isDiagonal, "KernelState: pooling needs all pairs of pixels")
        let scale = 1 / Double(rows * columns)
        nngp = [nngp.reduce(0, +) * scale]
        ntk = [ntk.reduce(0, +) * scale]
        becomeVector()
    }

    /// The mean over equal pixels.
    mutating func flatten() {
        if size == nil { return }
        keepDiagonal()
        let scale = 1 / Double(rows)
        nngp = [nngp.reduce(0, +) * scale]
        ntk = [ntk.reduce(0, +) * scale]
        becomeVector()
    }

    private mutating func becomeVector() {
        size = nil
        (rows, columns) = (1, 1)
    }

    /// Forgets pairs of different pixels.
    mutating func keepDiagonal() {
        guard !isDiagonal else { return }
        nngp = (0..<rows).map { nngp[$0 * columns + $0] }
        ntk = (0..<rows).map { ntk[$0 * columns + $0] }
        isDiagonal = true
        columns = 1
    }

    mutating func add(_ other: KernelState, weight: Double) {
        precondition(nngp.count == other.nngp.count, "KernelState: branches of different sizes")
        for i in nngp.indices {
            nngp[i] += weight * other.nngp[i]
            ntk[i] += weight * other.ntk[i]
        }
    }

    mutating func multiply(_ factor: Double) {
        for i in nngp.indices {
            nngp[i] *= factor
            ntk[i] *= factor
        }
    }
}

/// Windows along an axis.
private struct Walk {
    let window: Int
    let stride: Int
    let before: Int
    let count: Int
    let wraps: Bool

    /// The input of output `o` at offset `r`, nil beyond the border.
    @inline(__always)
    private func place(_ o: Int, _ r: Int, _ size: Int) -> Int? {
        let i = o * stride + r - before
        if i >= 0 && i < size { return i }
        return wraps ? ((i % size) + size) % size : nil
    }

    /// Sums over windows of one axis of `[outer, size, inner]`.
    func windowed(_ values: [Double], outer: Int, size: Int, inner: Int, _ scale: Double) -> [Double] {
        var result = [Double](repeating: 0, count: outer * count * inner)
        values.withUnsafeBufferPointer { values in
            result.withUnsafeMutableBufferPointer { result in
                for block in 0..<outer {
                    for o in 0..<count {
                        for r in 0..<window {
                            guard let i = place(o, r, size) else { continue }
                            let (source, target) = ((block * size + i) * inner, (block * count + o) * inner)
                            for k in 0..<inner { result[target + k] += scale * values[source + k] }
                        }
                    }
                }
            }
        }
        return result
    }

    /// Sums over equal offsets of both axes of `[outer, size, middle, size, inner]`.
    func joint(
        _ values: [Double], outer: Int, size: Int, middle: Int, inner: Int, _ scale: Double
    ) -> [Double] {
        var result = [Double](repeating: 0, count: outer * count * middle * count * inner)
        values.withUnsafeBufferPointer { values in
            result.withUnsafeMutableBufferPointer { result in
                for block in 0..<outer {
                    for o in 0..<count {
                        for m in 0..<middle {
                            for p in 0..<count {
                                let target = (((block * count + o) * middle + m) * count + p) * inner
                                for r in 0..<window {
                                    guard let i = place(o, r, size), let j = place(p, r, size) else { continue }
                                    let source = (((block * size + i) * middle + m) * size + j) * inner
                                    for k in 0..<inner { result[target + k] += scale * values[source + k] }
                                }
                            }
                        }
                    }
                }
            }
        }
        return result
    }
}
