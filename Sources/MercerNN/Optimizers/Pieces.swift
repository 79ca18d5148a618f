import Mercer

/// Many arrays cut into pieces, for one parallel loop over all of them.
///
/// Pieces have at most ``length`` elements and are gathered into tasks of about as many; both follow from the
/// counts alone, so what is summed by pieces is the same for any number of threads.
struct Pieces {
    struct Piece {
        let array: Int
        let start: Int
        let count: Int
    }

    /// Four arrays of it in float32 stay within a core's second-level cache.
    static let length = 16384

    let pieces: [Piece]
    private let tasks: [Range<Int>]

    init(of counts: [Int]) {
        var pieces: [Piece] = []
        var tasks: [Range<Int>] = []
        var (first, elements) = (0, 0)
        for (array, total) in counts.enumerated() {
            for start in stride(from: 0, to: total, by: Pieces.length) {
                let count = min(Pieces.length, total - start)
                if elements + count > Pieces.length {
                    if first < pieces.count { tasks.append(first..<pieces.count) }
                    (first, elements) = (pieces.count, 0)
                }
                pieces.append(Piece(array: array, start: start, count: count))
                elements += count
            }
        }
        if first < pieces.count { tasks.append(first..<pieces.count) }
        self.pieces = pieces
        self.tasks = tasks
    }

    /// Calls `body` once for each piece, on several threads.
    func forEach(_ body: (_ index: Int, Piece) -> Void) {
        Parallel.forEach(tasks.count) { task in
            for index in tasks[task] { body(index, pieces[index]) }
        }
    }
}

/// A kernel over an array that changes and one that is read.
typealias PairKernel = (UnsafeMutableRawPointer, UnsafeRawPointer, Double, Int) -> Void

/// Runs a kernel with the factor `a` over pairs of tensors of one shape, the targets in place: float32 and float64
/// by their kernels, narrower ones through float32. Tensors that aren't floating point are copied.
func combine(
    _ sources: [Tensor], _ a: Double, into targets: inout [Tensor], float32: PairKernel, float64: PairKernel
) {
    let types = targets.map(\.dtype)
    var dense: [Tensor] = []
    var addresses: [UnsafeMutableRawPointer?] = []
    for index in targets.indices {
        precondition(
            sources[index].shape == targets[index].shape,
            "tensors of shapes \(targets[index].shape) and \(sources[index].shape) are combined")
        guard types[index].isFloatingPoint else {
            targets[index] = sources[index]
            dense.append(sources[index])
            addresses.append(nil)
            continue
        }
        let type: DType = types[index] == .float64 ? .float64 : .float32
        if types[index] != type { targets[index] = targets[index].asType(type) }
        let source = sources[index]
        dense.append((source.dtype == type ? source : source.asType(type)).contiguous())
        addresses.append(targets[index].mutableAddress)
    }
    let reads = dense.map { tensor in tensor.withUnsafeBytes { $0.baseAddress } }
    Pieces(of: dense.indices.map { addresses[$0] == nil ? 0 : dense[$0].count }).forEach { _, piece in
        let isDouble = types[piece.array] == .float64
        let offset = piece.start * (isDouble ? 8 : 4)
        (isDouble ? float64 : float32)(
            addresses[piece.array]! + offset, reads[piece.array]! + offset, a, piece.count)
    }
    withExtendedLifetime(dense) {}
    for index in targets.indices where targets[index].dtype != types[index] {
        targets[index] = targets[index].asType(types[index])
    }
}

/// The sum of squares of all elements of tensors, by pieces in double precision.
func sumOfSquares(_ tensors: [Tensor]) -> Double {
    let dense = tensors.map { tensor in
        let type: DType = tensor.dtype == .float64 ? .float64 : .float32
        return (tensor.dtype == type ? tensor : tensor.asType(type)).contiguous()
    }
    let addresses = dense.map { tensor in tensor.withUnsafeBytes { $0.baseAddress! } }
    let pieces = Pieces(of: dense.map(\.count))
    let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: pieces.pieces.count)
    defer { sums.deallocate() }
    pieces.forEach { index, piece in
        let isDouble = dense[piece.array].dtype == .float64
        let kernel = isDouble ? optimizerKernels.sum_of_squares_f64 : optimizerKernels.sum_of_squares_f32
        sums.initializeElement(
            at: index, to: kernel(addresses[piece.array] + piece.start * (isDouble ? 8 : 4), piece.count))
    }
    return withExtendedLifetime(dense) { sums.reduce(0, +) }
}
