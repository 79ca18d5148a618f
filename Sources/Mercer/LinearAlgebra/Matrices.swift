/// A stack of row-major float64 matrices in a tensor: what the operations on matrices have in common.
struct Matrices {
    let tensor: Tensor
    let rows: Int
    let columns: Int
    let count: Int

    /// A dense view of `x`, or a copy of its own where the matrices are to be overwritten.
    init(_ x: Tensor, copied: Bool = false) {
        rows = x.shape[x.rank - 2]
        columns = x.shape[x.rank - 1]
        count = x.shape.dropLast(2).reduce(1, *)
        tensor = copied ? x.detached.denseCopy() : x.detached.contiguous()
    }

    /// Matrices whose elements have not been set yet.
    init(uninitialized batch: [Int], _ rows: Int, _ columns: Int) {
        self.init(Tensor(uninitialized: batch + [rows, columns], .float64))
    }

    func pointer(_ index: Int) -> UnsafePointer<Double> {
        tensor.pointer(Double.self) + index * rows * columns
    }

    func mutablePointer(_ index: Int) -> UnsafeMutablePointer<Double> {
        tensor.mutablePointer(Double.self) + index * rows * columns
    }

    /// Runs `body` on each matrix of a stack and returns the first failure: which matrix and LAPACK's `info`.
    static func forEach(_ count: Int, _ body: (Int) -> Int) -> (matrix: Int, info: Int)? {
        _ = LAPACK.onOneThread
        var infos = [Int](repeating: 0, count: count)
        infos.withUnsafeMutableBufferPointer { infos in
            let base = infos.baseAddress
            Parallel.forEach(count) { base![$0] = body($0) }
        }
        return infos.firstIndex { $0 != 0 }.map { ($0, infos[$0]) }
    }
}

extension LinearAlgebra {
    /// Checks that `x` is a matrix or a stack of them.
    static func requireMatrices(_ x: Tensor, _ operation: StaticString, square: Bool = false) {
        precondition(
            x.rank >= 2 && !x.dtype.isComplex,
            "\(operation): expected real matrices, found \(x.dtype) of shape \(x.shape)")
        precondition(
            !square || x.shape[x.rank - 1] == x.shape[x.rank - 2],
            "\(operation): expected square matrices, found shape \(x.shape)")
    }

    /// Computes in double precision whatever the type of the operand; the result has its type again.
    static func inDouble(_ x: Tensor, _ body: (Tensor) throws -> Tensor) rethrows -> Tensor {
        if x.dtype == .float64 { return try body(x) }
        return try body(x.asType(.float64)).asType(x.dtype.asFloatingPoint)
    }

    static func inDouble(_ a: Tensor, _ b: Tensor, _ body: (Tensor, Tensor) throws -> Tensor) rethrows
        -> Tensor
    {
        let dtype = a.dtype.promoted(with: b.dtype).asFloatingPoint
        let result = try body(a.asType(.float64), b.asType(.float64))
        return result.asType(dtype)
    }

    /// Two stacks of matrices stretched to one batch shape.
    static func withCommonBatch(_ a: Tensor, _ b: Tensor, _ operation: StaticString) -> (Tensor, Tensor) {
        let (batchA, batchB) = (Array(a.shape.dropLast(2)), Array(b.shape.dropLast(2)))
        if batchA == batchB { return (a, b) }
        let batch = Shape.broadcast(batchA, batchB, operation)
        return (a.broadcast(to: batch + a.shape.suffix(2)), b.broadcast(to: batch + b.shape.suffix(2)))
    }
}

extension Tensor {
    /// Matrices with rows and columns exchanged.
    var matrixTransposed: Tensor { swappedAxes(-1, -2) }
}
