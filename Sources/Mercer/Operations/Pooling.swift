// Pooling over windows of `[batch, length, channels]` and `[batch, height, width, channels]`.
//
// Sizes, ceil mode, padding and the divisors of averages are PyTorch's. Windows that reach beyond the input see only
// what lies inside; where several elements of a window are the largest, the first gets the gradient.

/// The largest element of each window. See ``maxPool2d(_:kernel:stride:padding:dilation:ceilMode:)``.
public func maxPool1d(
    _ x: Tensor, kernel: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
) -> Tensor {
    Pooling(
        "maxPool1d", x, 1, PerAxis(kernel), stride.map { PerAxis($0) }, PerAxis(padding), PerAxis(dilation),
        ceilMode
    ).maximum(x)
}

/// The largest element of each window.
///
/// - Parameters:
///   - x: `[batch, height, width, channels]`.
///   - stride: the kernel's size by default.
///   - padding: at most half of the kernel; what lies there never wins.
///   - ceilMode: whether a last window may reach beyond the padded input (it has to begin inside).
public func maxPool2d(
    _ x: Tensor, kernel: IntOrPair, stride: IntOrPair? = nil, padding: IntOrPair = 0, dilation: IntOrPair = 1,
    ceilMode: Bool = false
) -> Tensor {
    Pooling("maxPool2d", x, 2, kernel, stride, padding, dilation, ceilMode).maximum(x)
}

/// The mean of each window. See ``avgPool2d(_:kernel:stride:padding:ceilMode:countIncludePad:)``.
public func avgPool1d(
    _ x: Tensor, kernel: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    Pooling(
        "avgPool1d", x, 1, PerAxis(kernel), stride.map { PerAxis($0) }, PerAxis(padding), 1, ceilMode,
        countIncludePad: countIncludePad
    ).average(x)
}

/// The mean of each window.
///
/// - Parameters:
///   - x: `[batch, height, width, channels]`.
///   - stride: the kernel's size by default.
///   - countIncludePad: whether zeros of the padding count as elements of a window.
public func avgPool2d(
    _ x: Tensor, kernel: IntOrPair, stride: IntOrPair? = nil, padding: IntOrPair = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    Pooling("avgPool2d", x, 2, kernel, stride, padding, 1, ceilMode, countIncludePad: countIncludePad)
        .average(x)
}

/// Means of windows that divide the input into `outputSize` parts as evenly as can be.
public func adaptiveAvgPool1d(_ x: Tensor, outputSize: Int) -> Tensor {
    Pooling("adaptiveAvgPool1d", x, adaptive: [outputSize]).average(x)
}

/// Means of windows that divide the input into `outputSize` parts as evenly as can be.
public func adaptiveAvgPool2d(_ x: Tensor, outputSize: IntOrPair) -> Tensor {
    Pooling("adaptiveAvgPool2d", x, adaptive: outputSize.expanded(to: 2, "adaptiveAvgPool2d", "outputSize"))
        .average(x)
}

/// Largest elements of windows that divide the input into `outputSize` parts as evenly as can be.
public func adaptiveMaxPool1d(_ x: Tensor, outputSize: Int) -> Tensor {
    Pooling("adaptiveMaxPool1d", x, adaptive: [outputSize]).maximum(x)
}

/// Largest elements of windows that divide the input into `outputSize` parts as evenly as can be.
public func adaptiveMaxPool2d(_ x: Tensor, outputSize: IntOrPair) -> Tensor {
    Pooling("adaptiveMaxPool2d", x, adaptive: outputSize.expanded(to: 2, "adaptiveMaxPool2d", "outputSize"))
        .maximum(x)
}

/// The mean over all positions: `[batch, …, channels]` makes `[batch, channels]`.
public func globalAvgPool(_ x: Tensor) -> Tensor { x.mean(axes: Array(1..<(x.rank - 1))) }

/// The largest element over all positions: `[batch, …, channels]` makes `[batch, channels]`.
public func globalMaxPool(_ x: Tensor) -> Tensor {
    let flat = x.reshaped([x.shape[0], -1, x.shape[x.rank - 1]])
    return adaptiveMaxPool1d(flat, outputSize: 1).squeezed(axis: 1)
}

/// Windows over one or two axes.
struct Pooling {
    /// The windows along one axis.
    struct Axis {
        var length: Int
        var step = 1
        /// First element of each window, and how many it has, inside the input.
        var starts: [Int] = []
        var counts: [Int] = []
        /// What each window counts for in an average's divisor.
        var weights: [Int] = []
    }

    let name: StaticString
    let rows: Axis
    let columns: Axis
    let batch: Int
    let channels: Int
    let outputShape: [Int]
    let inputShape: [Int]

    init(
        _ name: StaticString, _ x: Tensor, _ axes: Int, _ kernel: PerAxis, _ stride: PerAxis?,
        _ padding: PerAxis,
        _ dilation: PerAxis, _ ceilMode: Bool, countIncludePad: Bool = true
    ) {
        Self.check(name, x, axes)
        let kernels = kernel.expanded(to: axes, name, "kernel")
        let strides = (stride ?? kernel).expanded(to: axes, name, "stride")
        let paddings = padding.expanded(to: axes, name, "padding")
        let dilations = dilation.expanded(to: axes, name, "dilation")
        let windows = (0..<axes).map { axis -> Axis in
            let (k, s, p, d) = (kernels[axis], strides[axis], paddings[axis], dilations[axis])
            precondition(
                k > 0 && s > 0 && d > 0 && p >= 0 && 2 * p <= k,
                "\(name): kernel \(k), stride \(s), padding \(p) (at most half of the kernel), dilation \(d)")
            return Self.windows(name, x.shape, x.shape[axis + 1], k, s, p, d, ceilMode, countIncludePad)
        }
        self.init(name, x, windows)
    }

    init(_ name: StaticString, _ x: Tensor, adaptive sizes: [Int]) {
        Self.check(name, x, sizes.count)
        let windows = sizes.enumerated().map { index, size -> Axis in
            let length = x.shape[index + 1]
            precondition(length > 0 && size >= 0, "\(name): \(size) windows on an input of shape \(x.shape)")
            var axis = Axis(length: length)
            for i in 0..<size {
                let start = i * length / size
                let end = ((i + 1) * length + size - 1) / size
                axis.starts.append(start)
                axis.counts.append(end - start)
                axis.weights.append(end - start)
            }
            return axis
        }
        self.init(name, x, windows)
    }

    private init(_ name: StaticString, _ x: Tensor, _ windows: [Axis]) {
        self.name = name
        rows = windows.count == 2 ? windows[0] : Axis(length: 1, starts: [0], counts: [1], weights: [1])
        columns = windows[windows.count - 1]
        batch = x.shape[0]
        channels = x.shape[x.rank - 1]
        inputShape = x.shape
        outputShape = [batch] + windows.map(\.starts.count) + [channels]
    }

    private static func check(_ name: StaticString, _ x: Tensor, _ axes: Int) {
        precondition(
            x.rank == axes + 2 && x.dtype.isFloatingPoint,
            "\(name): a \(x.dtype) tensor of shape \(x.shape); expected [batch, …, channels] with \(axes) spatial axes, floating point"
        )
    }

    private static func windows(
        _ name: StaticString, _ shape: [Int], _ length: Int, _ k: Int, _ s: Int, _ p: Int, _ d: Int,
        _ ceilMode: Bool,
        _ countIncludePad: Bool
    ) -> Axis {
        let span = length + 2 * p - d * (k - 1) - 1
        precondition(span >= 0, "\(name): a kernel of \(k) is larger than the padded input of shape \(shape)")
        var count = (span + (ceilMode ? s - 1 : 0)) / s + 1
        if ceilMode && (count - 1) * s >= length + p { count -= 1 }
        var axis = Axis(length: length, step: d)
        for i in 0..<count {
            let begin = i * s - p
            let skipped = begin < 0 ? (-begin + d - 1) / d : 0
            let end = min(k, (length - begin + d - 1) / d)
            axis.starts.append(begin + skipped * d)
            axis.counts.append(max(0, end - skipped))
            axis.weights.append(countIncludePad ? min(begin + k, length + p) - begin : max(0, end - skipped))
        }
        return axis
    }

    // MARK: Maximum

    func maximum(_ x: Tensor) -> Tensor {
        let type: DType = x.dtype == .float64 ? .float64 : .float32
        let input = x.asType(type)
        let keepsIndices = input.isTracked
        let indices = Tensor(uninitialized: keepsIndices ? outputShape : [0], .int32)
        let y = Tensor(uninitialized: outputShape, type)
        let dense = input.detached.contiguous()
        if type == .float64 {
            findMaxima(dense, y, keepsIndices ? indices : nil, Double.self)
        } else {
            findMaxima(dense, y, keepsIndices ? indices : nil, Float.self)
        }
        guard keepsIndices else { return y.asType(x.dtype) }
        return y.tracked(name, from: input) { spread($0.gradient, indices) }.asType(x.dtype)
    }

    /// Gradients to where the maxima were; its own gradient is ``collected(_:_:)``.
    private func spread(_ gradient: Tensor, _ indices: Tensor) -> Tensor {
        let result = Tensor.zeros(inputShape, gradient.dtype)
        let dense = gradient.detached.contiguous()
        if gradient.dtype == .float64 {
            move(dense, result, indices, Double.self, scatters: true)
        } else {
            move(dense, result, indices, Float.self, scatters: true)
        }
        guard gradient.isTracked else { return result }
        return result.tracked("maxPoolGradient", from: gradient) { collected($0.gradient, indices) }
    }

    /// The elements where the maxima were.
    private func collected(_ x: Tensor, _ indices: Tensor) -> Tensor {
        let result = Tensor(uninitialized: outputShape, x.dtype)
        let dense = x.detached.contiguous()
        if x.dtype == .float64 {
            move(result, dense, indices, Double.self, scatters: false)
        } else {
            move(result, dense, indices, Float.self, scatters: false)
        }
        guard x.isTracked else { return result }
        return result.tracked("maxPoolCollect", from: x) { spread($0.gradient, indices) }
    }

    private func findMaxima<T: BinaryFloatingPoint & TensorElement>(
        _ x: Tensor, _ y: Tensor, _ indices: Tensor?, _ type: T.Type
    ) {
        let (source, target) = (x.pointer(T.self), y.mutablePointer(T.self))
        let places = indices?.mutablePointer(Int32.self)
        forEachOutputRow { n, i, output in
            let image = source + n * rows.length * columns.length * channels
            for j in 0..<columns.starts.count {
                let to = target + (output + j) * channels
                let place = places.map { $0 + (output + j) * channels }
                for c in 0..<channels { to[c] = -.infinity }
                if let place {
                    let first = Int32(rows.starts[i] * columns.length + columns.starts[j])
                    for c in 0..<channels { place[c] = first }
                }
                forEachPixel(i, j) { pixel in
                    let from = image + pixel * channels
                    if let place {
                        larger(from, Int32(pixel), to, place)
                    } else {
                        for c in 0..<channels { to[c] = from[c] > to[c] || from[c].isNaN ? from[c] : to[c] }
                    }
                }
            }
        }
    }

    /// Puts a pixel's channels and its index where they are larger, or NaN.
    @inline(__always)
    private func larger<T: BinaryFloatingPoint>(
        _ from: UnsafePointer<T>, _ pixel: Int32, _ to: UnsafeMutablePointer<T>,
        _ place: UnsafeMutablePointer<Int32>
    ) {
        if T.self == Float.self {
            let (x, best) = (UnsafeRawPointer(from), UnsafeMutableRawPointer(to))
            Kernels.pooling.larger(
                x.assumingMemoryBound(to: Float.self), pixel, channels,
                best.assumingMemoryBound(to: Float.self), place)
            return
        }
        for c in 0..<channels where from[c] > to[c] || from[c].isNaN {
            to[c] = from[c]
            place[c] = pixel
        }
    }

    private func move<T: BinaryFloatingPoint & TensorElement>(
        _ pooled: Tensor, _ image: Tensor, _ indices: Tensor, _ type: T.Type, scatters: Bool
    ) {
        let (small, large) = (pooled.mutablePointer(T.self), image.mutablePointer(T.self))
        let places = indices.pointer(Int32.self)
        let (each, size) = (rows.starts.count * columns.starts.count, rows.length * columns.length)
        // Windows may overlap, so an image's channels are one task; blocks of them where there are few images.
        let block = 32
        let blocks = (channels + block - 1) / block
        Parallel.forEach(batch * blocks) { task in
            let (n, first) = (task / blocks, task % blocks * block)
            let end = min(first + block, channels)
            let whole = large + n * size * channels
            for p in (n * each)..<((n + 1) * each) {
                for c in first..<end {
                    let at = Int(places[p * channels + c]) * channels + c
                    if scatters {
                        whole[at] += small[p * channels + c]
                    } else {
                        small[p * channels + c] = whole[at]
                    }
                }
            }
        }
    }

    // MARK: Average

    func average(_ x: Tensor) -> Tensor {
        let type: DType = x.dtype == .float64 ? .float64 : .float32
        return averageForward(x.asType(type)).asType(x.dtype)
    }

    private func averageForward(_ x: Tensor) -> Tensor {
        let y = Tensor(uninitialized: outputShape, x.dtype)
        let dense = x.detached.contiguous()
        if x.dtype == .float64 { gather(dense, y, Double.self) } else { gather(dense, y, Float.self) }
        guard x.isTracked else { return y }
        return y.tracked(name, from: x) { averageGradient($0.gradient) }
    }

    /// The transpose of the average.
    private func averageGradient(_ gradient: Tensor) -> Tensor {
        let result = Tensor.zeros(inputShape, gradient.dtype)
        let dense = gradient.detached.contiguous()
        if gradient.dtype == .float64 {
            share(dense, result, Double.self)
        } else {
            share(dense, result, Float.self)
        }
        guard gradient.isTracked else { return result }
        return result.tracked("avgPoolGradient", from: gradient) { averageForward($0.gradient) }
    }

    private func factor(_ i: Int, _ j: Int) -> Double {
        let count = rows.weights[i] * columns.weights[j]
        return count > 0 ? 1 / Double(count) : 0
    }

    private func gather<T: BinaryFloatingPoint & TensorElement>(_ x: Tensor, _ y: Tensor, _ type: T.Type) {
        let (source, target) = (x.pointer(T.self), y.mutablePointer(T.self))
        forEachOutputRow { n, i, output in
            let image = source + n * rows.length * columns.length * channels
            for j in 0..<columns.starts.count {
                let to = target + (output + j) * channels
                let factor = T(self.factor(i, j))
                for c in 0..<channels { to[c] = 0 }
                forEachPixel(i, j) { pixel in
                    let from = image + pixel * channels
                    for c in 0..<channels { to[c] += from[c] }
                }
                for c in 0..<channels { to[c] *= factor }
            }
        }
    }

    private func share<T: BinaryFloatingPoint & TensorElement>(
        _ gradient: Tensor, _ result: Tensor, _ type: T.Type
    ) {
        let (source, target) = (gradient.pointer(T.self), result.mutablePointer(T.self))
        let size = rows.length * columns.length
        let block = 64
        let blocks = (channels + block - 1) / block
        Parallel.forEach(batch * blocks) { task in
            let (n, first) = (task / blocks, task % blocks * block)
            let count = min(block, channels - first)
            let image = target + n * size * channels + first
            for i in 0..<rows.starts.count {
                for j in 0..<columns.starts.count {
                    let output = (n * rows.starts.count + i) * columns.starts.count + j
                    let from = source + output * channels + first
                    let factor = T(self.factor(i, j))
                    forEachPixel(i, j) { pixel in
                        let to = image + pixel * channels
                        for c in 0..<count { to[c] += from[c] * factor }
                    }
                }
            }
        }
    }

    // MARK: Windows

    /// Calls `body` with image, row, and the index of the row's first output position.
    private func forEachOutputRow(_ body: (_ n: Int, _ i: Int, _ output: Int) -> Void) {
        let (height, width) = (rows.starts.count, columns.starts.count)
        let grain = max(1, (1 << 14) / max(1, width * channels))
        Parallel.forRanges(batch * height, grain: grain) { range in
            for index in range { body(index / height, index % height, index * width) }
        }
    }

    /// Calls `body` with each pixel of a window.
    @inline(__always)
    private func forEachPixel(_ i: Int, _ j: Int, _ body: (Int) -> Void) {
        let (left, across, step) = (columns.starts[j], columns.counts[j], columns.step)
        for r in 0..<rows.counts[i] {
            let row = (rows.starts[i] + r * rows.step) * columns.length + left
            for c in 0..<across { body(row + c * step) }
        }
    }
}
