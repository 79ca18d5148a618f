// Running sums, products and extremes along an axis.

/// The running sum along an axis. Integers and bool are summed as int64.
public func cumsum(_ x: Tensor, axis: Int, reverse: Bool = false) -> Tensor {
    let axis = Shape.axis(axis, x.rank, "cumsum")
    let y: Tensor
    switch x.dtype {
    case .float32:
        y = Cumulative.scan(x, axis, reverse, from: Float.self, start: 0 as Double, +, { Float($0) })
    case .float64: y = Cumulative.scan(x, axis, reverse, from: Double.self, start: 0 as Double, +, { $0 })
    case .float16, .bfloat16: return cumsum(x.asType(.float32), axis: axis, reverse: reverse).asType(x.dtype)
    default:
        precondition(!x.dtype.isComplex, "cumsum of complex tensors")
        let wide = Conversion.convert(x, .int64)
        return Cumulative.scan(wide, axis, reverse, from: Int64.self, start: 0 as Int64, &+, { $0 })
    }
    guard x.isTracked else { return y }
    return y.tracked("cumsum", from: x) { cumsum($0.gradient, axis: axis, reverse: !reverse) }
}

/// The running product along an axis. Integers and bool are multiplied as int64.
public func cumprod(_ x: Tensor, axis: Int) -> Tensor {
    let axis = Shape.axis(axis, x.rank, "cumprod")
    let y: Tensor
    switch x.dtype {
    case .float32: y = Cumulative.scan(x, axis, false, from: Float.self, start: 1 as Double, *, { Float($0) })
    case .float64: y = Cumulative.scan(x, axis, false, from: Double.self, start: 1 as Double, *, { $0 })
    case .float16, .bfloat16: return cumprod(x.asType(.float32), axis: axis).asType(x.dtype)
    default:
        precondition(!x.dtype.isComplex, "cumprod of complex tensors")
        let wide = Conversion.convert(x, .int64)
        return Cumulative.scan(wide, axis, false, from: Int64.self, start: 1 as Int64, &*, { $0 })
    }
    guard x.isTracked else { return y }
    return y.tracked("cumprod", from: x) { back in Cumulative.productGradient(back.gradient, x, axis) }
}

/// The running maximum along an axis; NaN from the first NaN on. The gradient goes to the element that is the
/// maximum, the latest of equal ones, as in PyTorch.
public func cummax(_ x: Tensor, axis: Int) -> Tensor { Cumulative.extreme(x, axis, "cummax") { $0 >= $1 } }

/// The running minimum along an axis; NaN from the first NaN on. Gradients as of ``cummax(_:axis:)``.
public func cummin(_ x: Tensor, axis: Int) -> Tensor { Cumulative.extreme(x, axis, "cummin") { $0 <= $1 } }

enum Cumulative {
    /// A scan along an axis: each line on its own, the accumulator wider than the elements.
    @inline(__always)
    static func scan<T, A>(
        _ x: Tensor, _ axis: Int, _ reverse: Bool, from type: T.Type, start: A, _ join: (A, A) -> A,
        _ result: (A) -> T
    ) -> Tensor where A: Numeric, T: Numeric {
        let dense = x.isContiguous ? x : x.denseCopy()
        let y = Tensor(uninitialized: x.shape, x.dtype)
        let inner = Shape.count(Array(x.shape[(axis + 1)...]))
        let length = x.shape[axis]
        if x.count == 0 { return y }
        nonisolated(unsafe) let from = dense.pointer(T.self)
        nonisolated(unsafe) let to = y.mutablePointer(T.self)
        Parallel.forRanges(x.count / length, grain: max(1, 16384 / length)) { range in
            for line in range {
                let (o, column) = line.quotientAndRemainder(dividingBy: inner)
                let first = o * length * inner + column
                var element = reverse ? first + (length - 1) * inner : first
                let step = reverse ? -inner : inner
                var total = start
                for _ in 0..<length {
                    total = join(total, convert(from[element]))
                    to[element] = result(total)
                    element += step
                }
            }
        }
        withExtendedLifetime(dense) {}
        return y
    }

    @inline(__always)
    private static func convert<T: Numeric, A: Numeric>(_ value: T) -> A {
        if let same = value as? A { return same }
        return Double(value as! Float) as! A
    }

    /// ∂L/∂x_i = Σ_{j ≥ i} g_j Π_{k ≤ j, k ≠ i} x_k, without division: the products before i times the sum, from the
    /// end, of what comes after it.
    static func productGradient(_ g: Tensor, _ x: Tensor, _ axis: Int) -> Tensor {
        let n = x.shape[axis]
        if n == 0 { return x }
        // With P_i the product of the elements before i and S_i = g_i + x_{i+1} S_{i+1}: the gradient is P_i S_i.
        let parts = x.split(lengths: [Int](repeating: 1, count: n), axis: axis)
        let gradients = g.split(lengths: [Int](repeating: 1, count: n), axis: axis)
        var after = gradients[n - 1]
        var sums = [after]
        for i in stride(from: n - 2, through: 0, by: -1) {
            after = gradients[i] + parts[i + 1] * after
            sums.append(after)
        }
        var before = Tensor.ones(parts[0].shape, x.dtype)
        var results: [Tensor] = []
        for i in 0..<n {
            results.append(before * sums[n - 1 - i])
            before = before * parts[i]
        }
        return concatenated(results, axis: axis)
    }

    /// The running extreme: its positions by a scan, then the elements there.
    static func extreme(
        _ x: Tensor, _ axis: Int, _ name: StaticString, _ replaces: @escaping (Double, Double) -> Bool
    ) -> Tensor {
        let axis = Shape.axis(axis, x.rank, name)
        precondition(!x.dtype.isComplex, "\(name): complex numbers have no order")
        let wide = Conversion.convert(x, .float64)
        let dense = wide.isContiguous ? wide : wide.denseCopy()
        let positions = Tensor(uninitialized: x.shape, .int64)
        let inner = Shape.count(Array(x.shape[(axis + 1)...]))
        let length = x.shape[axis]
        if x.count == 0 { return x }
        let (from, to) = (dense.pointer(Double.self), positions.mutablePointer(Int64.self))
        for line in 0..<(x.count / length) {
            let (o, column) = line.quotientAndRemainder(dividingBy: inner)
            let first = o * length * inner + column
            var best = 0
            for i in 0..<length {
                let (value, held) = (from[first + i * inner], from[first + best * inner])
                if !held.isNaN && (value.isNaN || replaces(value, held)) { best = i }
                to[first + i * inner] = Int64(best)
            }
        }
        return x.takeAlong(positions, axis: axis)
    }
}
