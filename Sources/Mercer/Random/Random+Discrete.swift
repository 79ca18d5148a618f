// Whole numbers, choices and orders.

extension Random {
    /// Whole numbers in `range`, all equally likely (no bias), as int8 … int64 or uint8 … uint64.
    public static func randInt(
        _ range: Range<Int>, _ shape: [Int] = [], dtype: DType = .int32, key: RandomKey
    ) -> Tensor {
        precondition(!range.isEmpty, "Random.randInt: the range \(range) is empty")
        let span = UInt64(bitPattern: Int64(range.upperBound &- range.lowerBound))
        let result = Tensor(uninitialized: shape, .int64)
        let out = result.mutablePointer(Int64.self)
        let redraws = key.fold(in: 1)
        RandomFill.groups(out, result.count, perGroup: 32) { target, groups, first in
            target.withMemoryRebound(to: UInt32.self, capacity: groups * 64) {
                RandomFill.kernels.bits($0, groups, key.key, key.stream, first)
            }
            for i in 0..<groups * 32 {
                let product = span.multipliedFullWidth(by: UInt64(bitPattern: target[i]))
                var offset = product.high
                // The few words that would make some numbers likelier than others are drawn anew.
                if product.low < span && product.low < (0 &- span) % span {
                    var stream = RandomStream(redraws, element: Int(first) * 32 + i)
                    offset = stream.integer(below: span)
                }
                target[i] = Int64(range.lowerBound) &+ Int64(bitPattern: offset)
            }
        }
        return dtype == .int64 ? result : result.asType(dtype)
    }

    /// True with probability `p`.
    public static func bernoulli(_ p: Double = 0.5, _ shape: [Int] = [], key: RandomKey) -> Tensor {
        precondition(p >= 0 && p <= 1, "Random.bernoulli: the probability is \(p)")
        let threshold = UInt64((p * 0x1p32).rounded())
        let result = Tensor(uninitialized: shape, .bool)
        RandomFill.groups(result.mutablePointer(Bool.self), result.count, perGroup: 64) {
            out, groups, first in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: groups * 64) { words in
                RandomFill.kernels.bits(words.baseAddress!, groups, key.key, key.stream, first)
                for i in 0..<groups * 64 { out[i] = UInt64(words[i]) < threshold }
            }
        }
        return result
    }

    /// True with a probability for each element, of the shape of `p`.
    public static func bernoulli(_ p: Tensor, key: RandomKey) -> Tensor {
        let p = p.detached.asType(.float64).contiguous()
        let words = bits(p.shape, key: key)
        let result = Tensor(uninitialized: p.shape, .bool)
        let (word, out) = (words.pointer(UInt32.self), result.mutablePointer(Bool.self))
        let probability = p.pointer(Double.self)
        Parallel.forRanges(result.count, grain: 1 << 15) { range in
            for i in range { out[i] = Double(word[i]) * 0x1p-32 < probability[i] }
        }
        return result
    }

    /// The numbers `0..<count` in random order, as int64 (Fisher-Yates).
    public static func permutation(_ count: Int, key: RandomKey) -> Tensor {
        Tensor([count], of: Int64.self) { order in
            var stream = RandomStream(key)
            for i in 0..<count {
                let j = Int(stream.integer(below: UInt64(i + 1)))
                order[i] = order[j]
                order[j] = Int64(i)
            }
        }
    }

    /// The entries of a tensor along an axis in random order.
    public static func permutation(_ x: Tensor, axis: Int = 0, key: RandomKey) -> Tensor {
        let axis = Shape.axis(axis, x.rank, "Random.permutation")
        return x.take(permutation(x.shape[axis], key: key), axis: axis)
    }

    /// `size` numbers from `0..<count`, as int64.
    ///
    /// - Parameters:
    ///   - replace: whether a number may come more than once.
    ///   - weights: how likely each number is, up to a factor; equally by default. Without replacement the
    ///     numbers are drawn one after the other with probabilities in proportion to the weights that remain.
    public static func choice(
        _ count: Int, size: Int, replace: Bool = true, weights: [Double]? = nil, key: RandomKey
    ) -> Tensor {
        precondition(count > 0 && size >= 0, "Random.choice: \(size) of \(count) numbers")
        precondition(replace || size <= count, "Random.choice: \(size) different ones of \(count) numbers")
        if let weights {
            precondition(
                weights.count == count && weights.allSatisfy { $0 >= 0 && $0.isFinite }
                    && weights.contains { $0 > 0 },
                "Random.choice: \(weights.count) weights for \(count) numbers, or weights that are not finite and >= 0"
            )
        }
        switch (replace, weights) {
        case (true, nil): return randInt(0..<count, [size], dtype: .int64, key: key)
        case (true, let weights?):
            let sampler = CumulativeSampler(weights)
            let result = Tensor(uninitialized: [size], .int64)
            RandomFill.each(result.mutablePointer(Int64.self), size, key) { stream, _ in
                Int64(sampler.index(stream.uniform()))
            }
            return result
        case (false, nil): return partialShuffle(count, size, key)
        case (false, let weights?):
            // The order of exponential arrival times with the weights as rates (Efraimidis, Spirakis, 2006).
            let candidates = weights.indices.filter { weights[$0] > 0 }
            precondition(
                size <= candidates.count,
                "Random.choice: \(size) different ones of \(candidates.count) with weight")
            var arrivals: [(time: Double, index: Int)] = candidates.map { index in
                var stream = RandomStream(key, element: index)
                return (stream.exponential() / weights[index], index)
            }
            arrivals.sort { ($0.time, $0.index) < ($1.time, $1.index) }
            return Tensor(arrivals.prefix(size).map { Int64($0.index) })
        }
    }

    /// The first `size` steps of a Fisher-Yates shuffle; numbers that moved are kept in a table.
    private static func partialShuffle(_ count: Int, _ size: Int, _ key: RandomKey) -> Tensor {
        Tensor([size], of: Int64.self) { chosen in
            var stream = RandomStream(key)
            var moved: [Int: Int] = [:]
            for i in 0..<size {
                let j = i + Int(stream.integer(below: UInt64(count - i)))
                chosen[i] = Int64(moved[j] ?? j)
                moved[j] = moved[i] ?? i
            }
        }
    }

    /// Class numbers with probabilities softmax(logits), as int64.
    ///
    /// - Parameters:
    ///   - axis: the axis of the classes; it is absent from the result.
    ///   - count: draws of each distribution, along a new last axis; without it one draw and no such axis.
    public static func categorical(
        _ logits: Tensor, axis: Int = -1, count: Int? = nil, key: RandomKey
    ) -> Tensor {
        let axis = Shape.axis(axis, logits.rank, "Random.categorical")
        let classes = logits.shape[axis]
        precondition(classes > 0, "Random.categorical: logits of shape \(logits.shape) have no classes")
        let rows = logits.detached.movedAxis(axis, to: logits.rank - 1).asType(.float64).contiguous()
        let outer = Array(rows.shape.dropLast())
        let draws = count ?? 1
        let result = Tensor(uninitialized: outer + (count.map { [$0] } ?? []), .int64)
        let (x, out) = (rows.pointer(Double.self), result.mutablePointer(Int64.self))
        Parallel.forRanges(Shape.count(outer), grain: max(1, 4096 / (classes + draws))) { range in
            for row in range {
                let logits = UnsafeBufferPointer(start: x + row * classes, count: classes)
                let largest = logits.max()!
                let sampler = CumulativeSampler(logits.map { PortableMath.exp($0 - largest) })
                for draw in 0..<draws {
                    var stream = RandomStream(key, element: row * draws + draw)
                    out[row * draws + draw] = Int64(sampler.index(stream.uniform()))
                }
            }
        }
        return result
    }
}

/// Draws from a discrete distribution by its cumulative weights.
private struct CumulativeSampler {
    private let cumulative: [Double]

    init(_ weights: [Double]) {
        var sum = 0.0
        cumulative = weights.map {
            sum += $0
            return sum
        }
    }

    /// The first index whose cumulative weight exceeds `u` times the whole, u in (0, 1).
    func index(_ u: Double) -> Int {
        let total = cumulative[cumulative.count - 1]
        let target = min(u * total, total.nextDown)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > target { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
