// Order along an axis. Sorting is stable; NaN counts as larger than every number.

/// The elements along an axis in ascending order, or in descending order.
///
/// The gradient goes back to the elements' places.
public func sorted(_ x: Tensor, axis: Int = -1, descending: Bool = false) -> Tensor {
    x.takeAlong(argSort(x, axis: axis, descending: descending), axis: axis)
}

/// The positions of the elements along an axis in ascending (or descending) order, int64.
public func argSort(_ x: Tensor, axis: Int = -1, descending: Bool = false) -> Tensor {
    let axis = Shape.axis(axis, x.rank, "argSort")
    return Order.positions(x, axis, count: nil, descending: descending)
}

/// The `k` largest elements along an axis in descending order, and their positions.
public func topK(_ x: Tensor, _ k: Int, axis: Int = -1) -> (values: Tensor, indices: Tensor) {
    let checked = Shape.axis(axis, x.rank, "topK")
    precondition(
        k >= 0 && k <= x.shape[checked], "topK: \(k) elements of an axis of length \(x.shape[checked])")
    let indices = Order.positions(x, checked, count: k, descending: true)
    return (x.takeAlong(indices, axis: checked), indices)
}

/// The different elements in ascending order; for each element of `x` its position among them; how often each occurs.
public func unique(_ x: Tensor) -> (values: Tensor, inverse: Tensor, counts: Tensor) {
    let flat = x.detached.flattened()
    let order = argSort(flat).toArray(Int64.self)
    let keys = Order.keys(flat)
    var inverse = [Int64](repeating: 0, count: order.count)
    var firsts: [Int64] = []
    var counts: [Int64] = []
    for (i, position) in order.enumerated() {
        if i == 0 || keys[Int(position)] != keys[Int(order[i - 1])] {
            firsts.append(position)
            counts.append(0)
        }
        counts[counts.count - 1] += 1
        inverse[Int(position)] = Int64(firsts.count - 1)
    }
    return (flat.take(Tensor(firsts)), Tensor(inverse, x.shape), Tensor(counts))
}

enum Order {
    /// Whole numbers in the same order as the elements of a dense copy of `x`: sign and magnitude become one unsigned
    /// number, -0 and 0 the same, NaN the largest.
    static func keys(_ x: Tensor) -> [UInt64] {
        precondition(!x.dtype.isComplex, "complex numbers have no order")
        switch x.dtype {
        case .float64, .float32, .float16, .bfloat16:
            return Conversion.convert(x, .float64).toArray(Double.self).map { value in
                if value.isNaN { return UInt64.max }
                let bits = (value == 0 ? 0.0 : value).bitPattern
                return bits >> 63 == 0 ? bits | 1 << 63 : ~bits
            }
        case .uint64: return x.toArray(UInt64.self)
        default:
            return Conversion.convert(x, .int64).toArray(Int64.self).map {
                UInt64(bitPattern: $0) ^ (1 << 63)
            }
        }
    }

    /// The positions that sort each line along an axis, or the first `count` of them.
    static func positions(_ x: Tensor, _ axis: Int, count: Int?, descending: Bool) -> Tensor {
        if x.rank == 0 { return Tensor.zeros([], .int64) }
        let length = x.shape[axis]
        let wanted = count ?? length
        let lines = x.detached.movedAxis(axis, to: -1)
        let keys = Self.keys(lines)
        var shape = lines.shape
        shape[shape.count - 1] = wanted
        let result = Tensor(uninitialized: shape, .int64)
        if result.count > 0 {
            nonisolated(unsafe) let to = result.mutablePointer(Int64.self)
            Parallel.forRanges(keys.count / length, grain: max(1, 4096 / length)) { range in
                for line in range {
                    let start = line * length
                    let order = keys.withUnsafeBufferPointer {
                        sortedPositions(
                            UnsafeBufferPointer(rebasing: $0[start..<(start + length)]), wanted, descending)
                    }
                    for (i, position) in order.enumerated() { to[line * wanted + i] = Int64(position) }
                }
            }
        }
        return result.movedAxis(-1, to: axis).contiguous()
    }

    private static func sortedPositions(
        _ keys: UnsafeBufferPointer<UInt64>, _ count: Int, _ descending: Bool
    ) -> [UInt32] {
        // Descending order is ascending order of the complement, which keeps equal elements in their order.
        let flip: UInt64 = descending ? .max : 0
        if count * 8 < keys.count { return smallest(keys, count, flip) }
        if keys.count > 512 { return radixSorted(keys, flip).prefix(count).map { $0 } }
        var order = (0..<UInt32(keys.count)).map { $0 }
        order.sort { a, b in
            let (p, q) = (keys[Int(a)] ^ flip, keys[Int(b)] ^ flip)
            return p != q ? p < q : a < b
        }
        return Array(order.prefix(count))
    }

    /// The first few of the order, by insertion into a short sorted list.
    private static func smallest(_ keys: UnsafeBufferPointer<UInt64>, _ count: Int, _ flip: UInt64)
        -> [UInt32]
    {
        if count == 0 { return [] }
        if count > 64 { return radixSorted(keys, flip).prefix(count).map { $0 } }
        var held: [(key: UInt64, position: UInt32)] = []
        for i in 0..<keys.count {
            let key = keys[i] ^ flip
            if held.count == count && key >= held[count - 1].key { continue }
            var place = held.count
            while place > 0 && held[place - 1].key > key { place -= 1 }
            if held.count == count { held.removeLast() }
            held.insert((key, UInt32(i)), at: place)
        }
        return held.map(\.position)
    }

    /// A stable sort by one byte of the keys after the other; bytes that all keys share are passed over.
    private static func radixSorted(_ keys: UnsafeBufferPointer<UInt64>, _ flip: UInt64) -> [UInt32] {
        var order = (0..<UInt32(keys.count)).map { $0 }
        var other = order
        var (all, any) = (UInt64.max, UInt64(0))
        for key in keys {
            all &= key
            any |= key
        }
        let varying = all ^ any
        for shift in stride(from: UInt64(0), to: 64, by: 8) where varying >> shift & 0xff != 0 {
            var starts = [Int](repeating: 0, count: 257)
            for key in keys { starts[Int((key ^ flip) >> shift & 0xff) + 1] += 1 }
            for digit in 1..<257 { starts[digit] += starts[digit - 1] }
            for position in order {
                let digit = Int((keys[Int(position)] ^ flip) >> shift & 0xff)
                other[starts[digit]] = position
                starts[digit] += 1
            }
            swap(&order, &other)
        }
        return order
    }
}
