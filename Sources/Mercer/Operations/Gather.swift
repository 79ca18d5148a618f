// Operations that pick elements by index and their transposes, which add to elements by index.
// Sums are made in the order of the indices, whatever the number of threads.

extension Tensor {
    /// The elements of an integer tensor as positions on an axis of length `n`; negative ones count from the end.
    func positions(_ n: Int, _ operation: StaticString) -> [Int] {
        precondition(dtype.isInteger, "\(operation): indices must be integers, not \(dtype)")
        let values: [Int]
        switch dtype {
        case .int64: values = toArray(Int.self)
        case .int32: values = toArray(Int32.self).map(Int.init)
        default:
            let dense = isContiguous ? self : denseCopy()
            values = (0..<count).map { Int(dense.number(at: dense.offset + $0)) }
        }
        return values.map { i in
            let position = i < 0 ? i + n : i
            precondition(position >= 0 && position < n, "\(operation): index \(i) on an axis of length \(n)")
            return position
        }
    }

    /// The entries of an axis that `indices` names; the axis is replaced by the axes of `indices`.
    ///
    /// `y[a…, i…, b…] = x[a…, indices[i…], b…]`, as `numpy.take`.
    public func take(_ indices: Tensor, axis: Int = 0) -> Tensor {
        let axis = Shape.axis(axis, rank, "take")
        let positions = indices.positions(shape[axis], "take")
        let result = taken(positions, axis: axis)
        let lead = Array(shape[..<axis])
        let tail = Array(shape[(axis + 1)...])
        let y = result.reshaped(lead + indices.shape + tail)
        guard isTracked else { return y }
        let n = shape[axis]
        return y.tracked("take", from: self) { back in
            back.gradient.reshaped(lead + [positions.count] + tail).addedUp(positions, axis: axis, length: n)
        }
    }

    /// The entries of an axis at given positions, without gradient.
    private func taken(_ positions: [Int], axis: Int) -> Tensor {
        let x = isContiguous ? self : denseCopy()
        var shape = self.shape
        let n = shape[axis]
        shape[axis] = positions.count
        let result = Tensor(uninitialized: shape, dtype)
        let outer = shape[..<axis].reduce(1, *)
        let inner = shape[(axis + 1)...].reduce(1, *) * dtype.size
        if inner == 0 || result.count == 0 { return result }
        nonisolated(unsafe) let from = x.rawPointer
        nonisolated(unsafe) let to = result.rawPointer
        Parallel.forRanges(outer * positions.count, grain: Swift.max(1, 65536 / inner)) { range in
            for row in range {
                let (o, i) = row.quotientAndRemainder(dividingBy: positions.count)
                (to + row * inner).copyMemory(from: from + (o * n + positions[i]) * inner, byteCount: inner)
            }
        }
        return result
    }

    /// An axis of given length to whose entries those of this tensor are added: the transpose of ``take(_:axis:)``.
    func addedUp(_ positions: [Int], axis: Int, length: Int) -> Tensor {
        let source = isContiguous ? self : denseCopy()
        var shape = self.shape
        shape[axis] = length
        let result = Tensor.zeros(shape, dtype)
        let outer = shape[..<axis].reduce(1, *)
        let inner = shape[(axis + 1)...].reduce(1, *)
        if result.count > 0 && source.count > 0 {
            let adder = Adder(source, result)
            let columns = 1024
            let blocks = (inner + columns - 1) / columns
            Parallel.forEach(outer * blocks) { chunk in
                let (o, block) = chunk.quotientAndRemainder(dividingBy: blocks)
                let start = block * columns
                let width = Swift.min(columns, inner - start)
                for (i, position) in positions.enumerated() {
                    adder.add(
                        from: (o * positions.count + i) * inner + start,
                        to: (o * length + position) * inner + start,
                        count: width)
                }
            }
        }
        guard isTracked else { return result }
        return result.tracked("addedUp", from: self) { back in
            back.gradient.take(Tensor(positions), axis: axis)
        }
    }

    /// One element for each index: `y[i…] = x[i…]` with `indices[i…]` in place of the index on `axis`, as PyTorch's
    /// `gather` and NumPy's `take_along_axis`. Other axes of `indices` may be shorter than those of `x`.
    public func takeAlong(_ indices: Tensor, axis: Int) -> Tensor {
        let axis = Shape.axis(axis, rank, "takeAlong")
        let map = AlongMap(indices, in: shape, axis: axis, "takeAlong")
        let x = isContiguous ? self : denseCopy()
        let result = Tensor(uninitialized: indices.shape, dtype)
        switch dtype.size {
        case 1: map.gather(x, result, UInt8.self)
        case 2: map.gather(x, result, UInt16.self)
        case 4: map.gather(x, result, UInt32.self)
        case 8: map.gather(x, result, UInt64.self)
        default: map.gather(x, result, SIMD2<UInt64>.self)
        }
        guard isTracked else { return result }
        let whole = shape
        return result.tracked("takeAlong", from: self) { back in
            Tensor.zeros(whole, back.gradient.dtype).addingAlong(indices, back.gradient, axis: axis)
        }
    }

    /// This tensor with `values[i…]` added where `indices[i…]` stands in place of the index on `axis`, as PyTorch's
    /// `scatter_add`. An element that is named often gets all of them, in row-major order.
    public func addingAlong(_ indices: Tensor, _ values: Tensor, axis: Int) -> Tensor {
        let axis = Shape.axis(axis, rank, "addingAlong")
        precondition(
            values.shape == indices.shape,
            "addingAlong: values of shape \(values.shape) for indices of shape \(indices.shape)")
        precondition(values.dtype == dtype, "addingAlong: \(values.dtype) values for a \(dtype) tensor")
        let map = AlongMap(indices, in: shape, axis: axis, "addingAlong")
        let result = detached.denseCopy()
        let source = values.isContiguous ? values : values.denseCopy()
        let adder = Adder(source, result)
        // What is before the axis is added to places of its own.
        Parallel.forRanges(map.outer, grain: Swift.max(1, 16384 / map.rowsPerOuter)) { range in
            let rows = (range.lowerBound * map.rowsPerOuter)..<(range.upperBound * map.rowsPerOuter)
            map.forEach(rows) { i, target in adder.add(from: i, to: target, count: 1) }
        }
        guard isTracked || values.isTracked else { return result }
        return result.tracked("addingAlong", from: [self, values]) { back in
            [back.gradient, back.needs(1) ? back.gradient.takeAlong(indices, axis: axis) : nil]
        }
    }

    /// This tensor with the entries that `indices` (one axis) names along `axis` increased by those of `values`, as
    /// PyTorch's `index_add`.
    public func addingEntries(_ indices: Tensor, _ values: Tensor, axis: Int = 0) -> Tensor {
        let axis = Shape.axis(axis, rank, "addingEntries")
        return self
            + values.addedUp(indices.positions(shape[axis], "addingEntries"), axis: axis, length: shape[axis])
    }

    /// The entries along an axis where a bool tensor with one axis is true.
    func compressed(_ mask: Tensor, axis: Int) -> Tensor {
        precondition(
            mask.shape == [shape[axis]],
            "subscript: a mask of shape \(mask.shape) on an axis of length \(shape[axis])")
        return take(
            Tensor(mask.toArray(Bool.self).indices.filter { mask.toArray(Bool.self)[$0] }), axis: axis)
    }

    /// The elements where `mask` (bool, broadcast) is true, as one axis in row-major order.
    public func masked(_ mask: Tensor) -> Tensor {
        let mask = mask.broadcast(to: shape).toArray(Bool.self)
        return flattened().take(Tensor(mask.indices.filter { mask[$0] }))
    }

    /// The positions of the elements that aren't zero, `[number, axes]`, int64, in row-major order.
    public func nonzero() -> Tensor {
        let dense = isContiguous ? self : denseCopy()
        var rows: [Int] = []
        for i in 0..<count where dense.number(at: dense.offset + i) != 0 {
            var rest = i
            var position = [Int](repeating: 0, count: rank)
            for axis in Swift.stride(from: rank - 1, through: 0, by: -1) {
                position[axis] = rest % shape[axis]
                rest /= shape[axis]
            }
            rows += position
        }
        precondition(rank > 0, "nonzero: a scalar has no positions")
        return Tensor(rows, [rows.count / rank, rank])
    }
}

/// Rows of a table: `[…]` integer indices and `weight [rows, features]` to `[…, features]`.
public func embedding(_ indices: Tensor, _ weight: Tensor) -> Tensor {
    precondition(weight.rank == 2, "embedding: a table of shape \(weight.shape) has not two axes")
    return weight.take(indices, axis: 0)
}

/// Ones at the named classes, zeros elsewhere: `[…]` to `[…, classes]`.
public func oneHot(_ indices: Tensor, classes: Int, _ dtype: DType = .float32) -> Tensor {
    let positions = indices.positions(classes, "oneHot")
    var result = Tensor.zeros(indices.shape + [classes], dtype)
    let one = Tensor.scalar(1, dtype)
    for (i, position) in positions.enumerated() { result.setElement(i * classes + position, from: one) }
    return result
}

/// Coordinate tensors of a grid, each `[count of xs[0], count of xs[1], …]` ("ij" order).
public func meshGrid(_ xs: [Tensor]) -> [Tensor] {
    let shape = xs.map(\.count)
    return xs.enumerated().map { axis, x in
        var one = [Int](repeating: 1, count: xs.count)
        one[axis] = x.count
        return x.reshaped(one).broadcast(to: shape)
    }
}

/// Which element of a tensor each element of an index tensor names, for operations along an axis.
private struct AlongMap: @unchecked Sendable {
    /// Dense, int64.
    private let indices: Tensor
    private let shape: [Int]
    private let strides: [Int]
    private let axis: Int
    private let length: Int
    private let operation: StaticString

    init(_ indices: Tensor, in shape: [Int], axis: Int, _ operation: StaticString) {
        precondition(
            indices.rank == shape.count
                && indices.shape.indices.allSatisfy { $0 == axis || indices.shape[$0] <= shape[$0] },
            "\(operation) along axis \(axis): indices of shape \(indices.shape) for a tensor of shape \(shape)"
        )
        precondition(indices.dtype.isInteger, "\(operation): indices must be integers, not \(indices.dtype)")
        self.indices = indices.detached.asType(.int64).contiguous()
        self.shape = indices.shape
        strides = Shape.denseStrides(shape)
        self.axis = axis
        length = shape[axis]
        self.operation = operation
    }

    /// Rows of the index tensor: runs along its last axis.
    var rows: Int { shape.dropLast().reduce(1, *) }
    /// Places on the axes before the one of the indices.
    var outer: Int { shape[..<axis].reduce(1, *) }
    /// Rows for each of them; where the indices' axis is the last one, the row itself is cut no further.
    var rowsPerOuter: Int { Swift.max(1, shape[axis...].dropLast().reduce(1, *)) }

    /// Calls `body` with each of some rows: its first index, the element that an index 0 there names, and the steps
    /// of elements with an index and with the place in the row.
    @inline(__always)
    private func forEachRow(
        _ rows: Range<Int>, _ body: (_ first: Int, _ base: Int, _ step: Int, _ across: Int) -> Void
    ) {
        let last = shape.count - 1
        for row in rows {
            var (rest, base) = (row, 0)
            for a in stride(from: last - 1, through: 0, by: -1) {
                let coordinate = rest % shape[a]
                rest /= shape[a]
                if a != axis { base += coordinate * strides[a] }
            }
            body(row * shape[last], base, strides[axis], axis == last ? 0 : 1)
        }
    }

    /// An index as a position on the axis.
    @inline(__always)
    private func position(_ index: Int64) -> Int {
        let place = Int(truncatingIfNeeded: index)
        let position = place < 0 ? place &+ length : place
        if UInt(bitPattern: position) >= UInt(bitPattern: length) {
            preconditionFailure("\(operation): index \(place) on an axis of length \(length)")
        }
        return position
    }

    /// Calls `body` for each element of some rows.
    @inline(__always)
    func forEach(_ rows: Range<Int>, _ body: (_ index: Int, _ element: Int) -> Void) {
        let places = indices.pointer(Int64.self)
        let width = shape[shape.count - 1]
        forEachRow(rows) { first, base, step, across in
            for i in 0..<width {
                body(first &+ i, base &+ position(places[first &+ i]) &* step &+ across &* i)
            }
        }
    }

    /// y[i] = x[element of i], elements taken as bits.
    func gather<T: BitwiseCopyable>(_ x: Tensor, _ y: Tensor, _ type: T.Type) {
        if y.count == 0 { return }
        nonisolated(unsafe) let from = UnsafePointer(x.rawPointer.assumingMemoryBound(to: T.self))
        nonisolated(unsafe) let to = y.rawPointer.assumingMemoryBound(to: T.self)
        nonisolated(unsafe) let places = indices.pointer(Int64.self)
        let width = shape[shape.count - 1]
        Parallel.forRanges(rows, grain: Swift.max(1, 16384 / width)) { range in
            forEachRow(range) { first, base, step, across in
                let (names, s, d) = (places + first, from + base, to + first)
                if across == 0 && step == 1 {
                    for i in 0..<width { d[i] = s[position(names[i])] }
                } else {
                    for i in 0..<width { d[i] = s[position(names[i]) &* step &+ across &* i] }
                }
            }
        }
    }
}

/// Adds runs of elements of one tensor to another's, in their type.
struct Adder: @unchecked Sendable {
    private let source: UnsafeMutableRawPointer
    private let target: UnsafeMutableRawPointer
    private let dtype: DType

    init(_ source: Tensor, _ target: Tensor) {
        self.source = source.rawPointer
        self.target = target.rawPointer
        dtype = target.dtype
    }

    func add(from: Int, to: Int, count: Int) {
        switch dtype {
        case .float32: run(from, to, count, Float.self, +)
        case .float64: run(from, to, count, Double.self, +)
        case .float16: run(from, to, count, Float16.self, +)
        case .bfloat16: run(from, to, count, BFloat16.self) { BFloat16($0.float + $1.float) }
        case .int8, .uint8: run(from, to, count, UInt8.self, &+)
        case .int16, .uint16: run(from, to, count, UInt16.self, &+)
        case .int32, .uint32: run(from, to, count, UInt32.self, &+)
        case .int64, .uint64: run(from, to, count, UInt64.self, &+)
        case .bool: run(from, to, count, Bool.self) { $0 || $1 }
        case .complex64:
            run(from, to, count, Complex<Float>.self) {
                Complex($0.real + $1.real, $0.imaginary + $1.imaginary)
            }
        case .complex128:
            run(from, to, count, Complex<Double>.self) {
                Complex($0.real + $1.real, $0.imaginary + $1.imaginary)
            }
        }
    }

    @inline(__always)
    private func run<T>(_ from: Int, _ to: Int, _ count: Int, _ type: T.Type, _ plus: (T, T) -> T) {
        let s = source.assumingMemoryBound(to: T.self) + from
        let t = target.assumingMemoryBound(to: T.self) + to
        for i in 0..<count { t[i] = plus(t[i], s[i]) }
    }
}
