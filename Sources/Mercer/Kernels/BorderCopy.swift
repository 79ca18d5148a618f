import Foundation

/// Copies of tensors that go on beyond their borders with elements of their own, and the transpose, which adds.
struct BorderCopy {
    /// Consecutive places of the result that take consecutive places of the source, along one axis.
    private struct Run {
        var target: Int
        var source: Int
        var count: Int
    }

    private let input: [Int]
    private let output: [Int]
    /// For each axis which place of the source each place of the result takes.
    private let places: [[Int]]
    /// The axis that is walked by runs: the last one with a border.
    private let axis: Int
    private let runs: [Run]
    /// Elements of one place on that axis.
    private let inner: Int

    /// - Parameter places: for each axis the source's place for each of the result's.
    init(_ input: [Int], places: [[Int]]) {
        self.input = input
        self.places = places
        output = places.map(\.count)
        axis = (0..<input.count).last { places[$0] != Array(0..<input[$0]) } ?? 0
        inner = input[(axis + 1)...].reduce(1, *)
        var runs: [Run] = []
        for (target, source) in places[axis].enumerated() {
            if let last = runs.last, last.source + last.count == source {
                runs[runs.count - 1].count += 1
            } else {
                runs.append(Run(target: target, source: source, count: 1))
            }
        }
        self.runs = runs
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let dense = x.detached.contiguous()
        let y = Tensor(uninitialized: output, x.dtype)
        let size = x.dtype.size
        nonisolated(unsafe) let (from, to) = (dense.rawPointer, y.rawPointer)
        let rows = y.count == 0 ? 0 : output[..<axis].reduce(1, *)
        let (long, short) = (output[axis] * inner, input[axis] * inner)
        Parallel.forRanges(rows, grain: max(1, 16384 / max(1, long))) { range in
            for row in range {
                let (target, source) = (to + row * long * size, from + sourceRow(row) * short * size)
                for run in runs {
                    memcpy(
                        target + run.target * inner * size, source + run.source * inner * size,
                        run.count * inner * size)
                }
            }
        }
        withExtendedLifetime(dense) {}
        guard x.isTracked else { return y }
        return y.tracked("padded", from: x) { added($0.gradient) }
    }

    /// Adds each element of the result's shape to the one that it was taken from.
    private func added(_ gradient: Tensor) -> Tensor {
        let dense = gradient.detached.contiguous()
        let result = Tensor.zeros(input, gradient.dtype)
        // What lies before the first border stays apart, and so do blocks of the innermost elements.
        let first = (0..<input.count).first { places[$0] != Array(0..<input[$0]) } ?? 0
        let outer = output[..<first].reduce(1, *)
        let rows = output[first..<max(first, axis)].reduce(1, *)
        let adder = Adder(dense, result)
        let (long, short) = (output[axis] * inner, input[axis] * inner)
        if gradient.count > 0 && result.count > 0 {
            Parallel.forEach(outer) { o in
                for row in (o * rows)..<((o + 1) * rows) {
                    let source = sourceRow(row) * short
                    for run in runs {
                        adder.add(
                            from: row * long + run.target * inner, to: source + run.source * inner,
                            count: run.count * inner)
                    }
                }
            }
        }
        guard gradient.isTracked else { return result }
        return result.tracked("paddedGradient", from: gradient) { self($0.gradient) }
    }

    /// The row of the source that a row of the result takes.
    private func sourceRow(_ row: Int) -> Int {
        var (rest, result, step) = (row, 0, 1)
        for a in stride(from: axis - 1, through: 0, by: -1) {
            result += places[a][rest % output[a]] * step
            rest /= output[a]
            step *= input[a]
        }
        return result
    }
}
