/// A linear map of a line of numbers in which each output depends on a few neighbouring inputs: the sparse rows of
/// a resizing, a blur, a pooling, or of several of them composed.
///
/// ```swift
/// let reduce = Resampler(input: 3840, output: 960, rule: .pillow(.lanczos3))
/// let blurThenReduce = reduce.composed(after: .gaussianBlur(length: 3840, kernel: 5, sigma: 1, border: .reflect))
/// ```
public struct Resampler: Sendable, Hashable {
    /// The length of the lines it takes.
    public let inputLength: Int
    /// The first input of each output.
    public let starts: [Int]
    /// Where the weights of each output begin in `weights`; one more than there are outputs.
    public let offsets: [Int]
    /// The weights of all outputs, one after the other.
    public let weights: [Double]

    /// The length of the lines it makes.
    public var outputLength: Int { starts.count }

    /// How many inputs an output depends on, at most.
    public var taps: Int { (0..<outputLength).reduce(0) { max($0, offsets[$1 + 1] - offsets[$1]) } }

    /// - Parameter rows: for each output the first input and the weights from there on. Zeros at the ends are dropped.
    public init(input: Int, rows: [(start: Int, weights: [Double])]) {
        inputLength = input
        var starts: [Int] = []
        var offsets = [0]
        var packed: [Double] = []
        starts.reserveCapacity(rows.count)
        offsets.reserveCapacity(rows.count + 1)
        for row in rows {
            let first = row.weights.firstIndex { $0 != 0 } ?? row.weights.endIndex
            let end = (row.weights.lastIndex { $0 != 0 } ?? first - 1) + 1
            let start = first < end ? row.start + first : 0
            precondition(
                start >= 0 && start + (end - first) <= input,
                "Resampler: a row reads \(start)..<\(start + end - first) of \(input) inputs")
            starts.append(start)
            packed.append(contentsOf: row.weights[first..<end])
            offsets.append(packed.count)
        }
        self.starts = starts
        self.offsets = offsets
        weights = packed
    }

    /// The line as it is.
    public static func identity(_ length: Int) -> Resampler {
        Resampler(input: length, rows: (0..<length).map { ($0, [1]) })
    }

    /// Whether every output is the input at its place.
    public var isIdentity: Bool {
        inputLength == outputLength && weights.count == outputLength
            && starts.indices.allSatisfy { starts[$0] == $0 && weights[$0] == 1 }
    }

    /// The weights of one output, beginning at `starts[output]`.
    public func row(_ output: Int) -> ArraySlice<Double> { weights[offsets[output]..<offsets[output + 1]] }

    /// This map of the result of another: the product of the two matrices.
    public func composed(after first: Resampler) -> Resampler {
        precondition(
            first.outputLength == inputLength,
            "Resampler: \(first.outputLength) outputs can't be the \(inputLength) inputs of the next")
        var rows: [(start: Int, weights: [Double])] = []
        rows.reserveCapacity(outputLength)
        for i in 0..<outputLength {
            let taps = starts[i]..<(starts[i] + offsets[i + 1] - offsets[i])
            let inner = taps.filter { first.offsets[$0 + 1] > first.offsets[$0] }
            guard let low = inner.map({ first.starts[$0] }).min() else {
                rows.append((0, []))
                continue
            }
            let high = inner.map { first.starts[$0] + first.offsets[$0 + 1] - first.offsets[$0] }.max()!
            var sum = [Double](repeating: 0, count: high - low)
            for j in inner {
                let weight = weights[offsets[i] + j - starts[i]]
                var place = first.starts[j] - low
                for w in first.row(j) {
                    sum[place] += weight * w
                    place += 1
                }
            }
            rows.append((low, sum))
        }
        return Resampler(input: first.inputLength, rows: rows)
    }

    /// The transposed map: how a gradient passes back.
    public var transposed: Resampler {
        var low = [Int](repeating: Int.max, count: inputLength)
        var high = [Int](repeating: 0, count: inputLength)
        for i in 0..<outputLength {
            for j in starts[i]..<(starts[i] + offsets[i + 1] - offsets[i]) {
                low[j] = min(low[j], i)
                high[j] = i + 1
            }
        }
        var rows: [(start: Int, weights: [Double])] = (0..<inputLength).map { j in
            low[j] == Int.max ? (0, []) : (low[j], [Double](repeating: 0, count: high[j] - low[j]))
        }
        for i in 0..<outputLength {
            var j = starts[i]
            for w in row(i) {
                rows[j].weights[i - rows[j].start] = w
                j += 1
            }
        }
        return Resampler(input: outputLength, rows: rows)
    }
}
