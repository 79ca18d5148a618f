/// The loop nest of an elementwise operation with a dense result: operands broadcast to its shape, axes of length 1
/// dropped, neighbouring axes that step alike merged, so that most operations become one run and the rest few.
///
/// Along the innermost axis every operand steps by 0 or 1: one that doesn't is copied densely first.
struct LoopPlan {
    /// The operands, dense where they had to be copied.
    let operands: [Tensor]
    /// Steps of the operands along the innermost axis, 0 or 1.
    let innerSteps: SIMD4<Int>
    /// Merged axes, innermost last; at least one.
    private var lengths: [Int]
    /// For each merged axis the steps of the operands, in elements.
    private var steps: [SIMD4<Int>]
    private let count: Int

    /// Below this length of the innermost axis operands are copied to the full shape rather than walked run by run.
    private static let shortestRun = 16

    init(_ shape: [Int], _ operands: Tensor...) {
        var operands = operands.map { tensor in
            guard !tensor.isContiguous, let last = tensor.strides.last, last > 1 || last < 0 else {
                return tensor
            }
            return tensor.detached.denseCopy()
        }
        count = Shape.count(shape)
        (lengths, steps) = Self.merged(shape, operands)
        let inner = steps[steps.count - 1]
        let uneven = (0..<operands.count).contains { inner[$0] != 0 && inner[$0] != 1 }
        if uneven || (lengths.count > 1 && lengths[lengths.count - 1] < Self.shortestRun && count > 256) {
            operands = operands.map { tensor in
                if tensor.count == 1 || (tensor.shape == shape && tensor.isContiguous) { return tensor }
                return tensor.detached.broadcast(to: shape).denseCopy()
            }
            (lengths, steps) = Self.merged(shape, operands)
        }
        self.operands = operands
        innerSteps = steps[steps.count - 1]
    }

    private static func merged(_ shape: [Int], _ operands: [Tensor]) -> ([Int], [SIMD4<Int>]) {
        var perAxis = [SIMD4<Int>](repeating: .zero, count: shape.count)
        for (i, operand) in operands.enumerated() {
            let lead = shape.count - operand.rank
            let strides = operand.strides
            for axis in 0..<operand.rank where operand.shape[axis] != 1 {
                perAxis[lead + axis][i] = strides[axis]
            }
        }
        var lengths: [Int] = []
        var steps: [SIMD4<Int>] = []
        for axis in 0..<shape.count where shape[axis] != 1 {
            let last = lengths.count - 1
            if last >= 0, steps[last] == perAxis[axis] &* shape[axis] {
                lengths[last] *= shape[axis]
                steps[last] = perAxis[axis]
            } else {
                lengths.append(shape[axis])
                steps.append(perAxis[axis])
            }
        }
        if lengths.isEmpty { return ([1], [.zero]) }
        return (lengths, steps)
    }

    /// Calls `body` with runs that cover the result: the first element's index, the operands' offsets there, and the
    /// number of elements. On the pool, in chunks of about `grain` elements.
    ///
    /// Not optimised, so that the loops are compiled once and not again for each closure that is passed.
    @inline(never)
    @_optimize(none)
    func forEachRun(grain: Int, _ body: (_ output: Int, _ offsets: SIMD4<Int>, _ n: Int) -> Void) {
        runs(grain: grain, body)
    }

    private func runs(grain: Int, _ body: (_ output: Int, _ offsets: SIMD4<Int>, _ n: Int) -> Void) {
        if count == 0 { return }
        let rank = lengths.count
        let inner = lengths[rank - 1]
        if rank == 1 {
            Parallel.forRanges(inner, grain: grain) { range in
                body(range.lowerBound, innerSteps &* range.lowerBound, range.count)
            }
            return
        }
        let rows = count / inner
        // Long rows are cut, short ones taken several at a time.
        let piece = min(inner, grain)
        let pieces = (inner + piece - 1) / piece
        let rowsPerChunk = max(1, grain / inner)
        let rowChunks = (rows + rowsPerChunk - 1) / rowsPerChunk
        Parallel.forEach(rowChunks * pieces) { chunk in
            let (rowChunk, part) = chunk.quotientAndRemainder(dividingBy: pieces)
            let first = rowChunk * rowsPerChunk
            let start = part * piece
            let n = min(piece, inner - start)
            var position = self.position(ofRow: first)
            for row in first..<min(first + rowsPerChunk, rows) {
                body(row * inner + start, position.offsets &+ innerSteps &* start, n)
                position.advance(lengths, steps)
            }
        }
    }

    /// A place in the outer axes.
    private struct Position {
        var offsets: SIMD4<Int>
        var index: [Int]

        @inline(__always)
        mutating func advance(_ lengths: [Int], _ steps: [SIMD4<Int>]) {
            var axis = lengths.count - 2
            while axis >= 0 {
                index[axis] += 1
                offsets &+= steps[axis]
                if index[axis] < lengths[axis] { return }
                index[axis] = 0
                offsets &-= steps[axis] &* lengths[axis]
                axis -= 1
            }
        }
    }

    private func position(ofRow row: Int) -> Position {
        var position = Position(offsets: .zero, index: [Int](repeating: 0, count: lengths.count - 1))
        var rest = row
        for axis in stride(from: lengths.count - 2, through: 0, by: -1) {
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: lengths[axis])
            position.index[axis] = remainder
            position.offsets &+= steps[axis] &* remainder
            rest = quotient
        }
        return position
    }
}
