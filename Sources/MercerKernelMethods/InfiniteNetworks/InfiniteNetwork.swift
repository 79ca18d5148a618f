import COpenBLAS
import Foundation
import Mercer

/// The neural tangent kernel Θ and the covariance Σ (NNGP) of a network of infinite width (Jacot, Gabriel, Hongler,
/// "Neural Tangent Kernel: Convergence and Generalization in Neural Networks", 2018, arXiv 1806.07572).
///
/// ```swift
/// let net = try InfiniteNetwork { Dense(wStd: 1.5, bStd: 0.05); ReLU(); Dense() }
/// let k = try net.kernels(x, z)           // k.nngp, k.ntk: [n, m], float64
/// ```
public struct InfiniteNetwork: Sendable, Equatable {
    public let layers: [InfiniteLayer]

    /// - Throws: ``NetworkSpecError`` for a network without a dense head, pooling of vectors and the like.
    public init(layers: [InfiniteLayer]) throws {
        self.layers = layers
        try Self.check(layers)
    }

    /// A network line by line.
    public init(@InfiniteNetworkBuilder _ layers: () -> [InfiniteLayer]) throws { try self.init(layers: layers()) }

    /// Σ and Θ of pairs of inputs.
    public struct Kernels: Sendable {
        /// Covariance of outputs at initialisation, `[n, m]`.
        public let nngp: Tensor
        /// Θ, `[n, m]`.
        public let ntk: Tensor
    }

    /// Whether inputs are pictures `[n, height, width, channels]`.
    public var takesPictures: Bool { Self.needsPictures(layers) }

    private static func needsPictures(_ layers: [InfiniteLayer]) -> Bool {
        for layer in layers {
            switch layer {
            case .convolution, .averagePool, .sumPool, .globalAveragePool: return true
            case .dense: return false
            case .sum(let branches), .concatenation(let branches, _):
                if branches.contains(where: needsPictures) { return true }
            default: continue
            }
        }
        return false
    }

    // MARK: Kernels

    /// Kernels between the rows of `x` and those of `z`, or among the rows of `x`.
    ///
    /// Vectors `[n, d]`, or pictures `[n, height, width, channels]`. Work is shared by blocks of pairs; of a symmetric
    /// matrix only one triangle is computed. Memory beyond the results is that of a block a thread.
    ///
    /// - Parameter singlePrecision: results as float32, halving their memory; they are computed in float64.
    /// - Throws: ``KernelMethodError`` for other widths, numbers that aren't finite, pictures too large for memory.
    public func kernels(_ x: Tensor, _ z: Tensor? = nil, singlePrecision: Bool = false) throws -> Kernels {
        try check(x, "the inputs")
        if let z {
            try check(z, "the second inputs")
            guard x.shape.dropFirst() == z.shape.dropFirst() else {
                throw KernelMethodError.width(
                    found: z.shape.dropFirst().reduce(1, *), expected: x.shape.dropFirst().reduce(1, *),
                    what: "the second inputs")
            }
        }
        let (left, right) = (x.asType(.float64).contiguous(), (z ?? x).asType(.float64).contiguous())
        let result =
            takesPictures
            ? try pictureKernels(left, right, isSymmetric: z == nil)
            : vectorKernels(left, right, isSymmetric: z == nil)
        guard singlePrecision else { return result }
        return Kernels(nngp: result.nngp.asType(.float32), ntk: result.ntk.asType(.float32))
    }

    /// Σ(x, x) and Θ(x, x) of each input.
    public func diagonals(_ x: Tensor) throws -> (nngp: [Double], ntk: [Double]) {
        try check(x, "the inputs")
        let inputs = x.asType(.float64).contiguous()
        if takesPictures {
            try checkMemory(inputs)
            try checkSizes(inputs.shape[1], inputs.shape[2])
            let states = selfStates(inputs).map(\.state)
            return (states.map { $0.nngp[0] }, states.map { $0.ntk[0] })
        }
        var trace = Trace()
        var state = vectorDiagonal(inputs)
        walk(layers, &state, &trace)
        return (state.nngp, state.ntk)
    }

    private func check(_ x: Tensor, _ what: String) throws {
        let rank = takesPictures ? 4 : 2
        guard x.rank == rank else {
            throw KernelMethodError.option(
                "the shape of \(what)", found: "\(x.shape)",
                expected: rank == 4 ? "[n, height, width, channels] for this network" : "[n, columns]")
        }
        let width = x.shape.dropFirst().reduce(1, *)
        let values = x.asType(.float64).toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: bad / width + 1, column: "\(bad % width + 1)", value: "\(values[bad])")
        }
    }

    // MARK: Vectors

    private func vectorDiagonal(_ x: Tensor) -> KernelState {
        let (n, d) = (x.shape[0], x.shape[1])
        let norms = x.withUnsafeBuffer(of: Double.self) { x in
            (0..<n).map { row in
                let start = x.baseAddress! + row * d
                return dot(start, start, d) / Double(d)
            }
        }
        return KernelState(
            nngp: norms, ntk: [Double](repeating: 0, count: n), rows: n, columns: 1, isDiagonal: true, size: nil,
            selfShift: 0)
    }

    private func vectorKernels(_ x: Tensor, _ z: Tensor, isSymmetric: Bool) -> Kernels {
        let (n, m, d) = (x.shape[0], z.shape[0], x.shape[1])
        func trace(_ points: Tensor) -> Trace {
            var trace = Trace()
            var state = vectorDiagonal(points)
            walk(layers, &state, &trace)
            return trace
        }
        let traceX = trace(x)
        let traceZ = isSymmetric ? traceX : trace(z)
        _ = OpenBLASOnOneThread.set
        let block = 64
        return Self.filled(n, m) { k, t in
            x.withUnsafeBuffer(of: Double.self) { x in
                z.withUnsafeBuffer(of: Double.self) { z in
                    let (left, right) = (ReadOnlyAddress(x.baseAddress!), ReadOnlyAddress(z.baseAddress!))
                    Parallel.forEach((n + block - 1) / block) { index in
                        let rows = index * block..<min(n, (index + 1) * block)
                        let columns = (isSymmetric ? rows.lowerBound : 0)..<m
                        vectorBlock(
                            left.pointer, right.pointer, d, rows, columns, PairTraces(traceX, traceZ, rows, columns),
                            isSymmetric, k.pointer, t.pointer, m)
                    }
                }
            }
            if isSymmetric { Self.mirror([k, t], n) }
        }
    }

    /// Some rows and columns of the kernels of vectors.
    private func vectorBlock(
        _ x: UnsafePointer<Double>, _ z: UnsafePointer<Double>, _ d: Int, _ rows: Range<Int>, _ columns: Range<Int>,
        _ traces: PairTraces, _ isSymmetric: Bool, _ nngp: UnsafeMutablePointer<Double>,
        _ ntk: UnsafeMutablePointer<Double>, _ m: Int
    ) {
        let (count, width) = (rows.count, columns.count)
        var state = KernelState(
            nngp: [Double](repeating: 0, count: count * width),
            ntk: [Double](repeating: 0, count: count * width), rows: count, columns: width,
            isDiagonal: false, size: nil, selfShift: isSymmetric ? 0 : nil)
        state.nngp.withUnsafeMutableBufferPointer {
            cblas_dgemm(
                Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerTrans), Int32(count), Int32(width), Int32(d),
                1 / Double(d), x + rows.lowerBound * d, Int32(d), z + columns.lowerBound * d, Int32(d), 0,
                $0.baseAddress!, Int32(width))
        }
        var reading = traces
        walk(layers, &state, &reading)
        for r in 0..<count {
            let target = (rows.lowerBound + r) * m + columns.lowerBound
            state.nngp.withUnsafeBufferPointer {
                (nngp + target).update(from: $0.baseAddress! + r * width, count: width)
            }
            state.ntk.withUnsafeBufferPointer { (ntk + target).update(from: $0.baseAddress! + r * width, count: width) }
        }
    }

    /// Two matrices that `body` fills.
    private static func filled(
        _ n: Int, _ m: Int, _ body: (UncheckedAddress<Double>, UncheckedAddress<Double>) -> Void
    ) -> Kernels {
        var ntk: Tensor?
        let nngp = Tensor([n, m], of: Double.self) { k in
            ntk = Tensor([n, m], of: Double.self) { t in
                if n * m > 0 { body(UncheckedAddress(k.baseAddress), UncheckedAddress(t.baseAddress)) }
            }
        }
        return Kernels(nngp: nngp, ntk: ntk!)
    }

    /// Copies the upper triangle to the lower one, in tiles.
    private static func mirror(_ matrices: [UncheckedAddress<Double>], _ n: Int) {
        let tile = 64
        Parallel.forEach((n + tile - 1) / tile) { index in
            let rows = index * tile..<min(n, (index + 1) * tile)
            for matrix in matrices {
                for c in Swift.stride(from: 0, to: rows.upperBound, by: tile) {
                    for r in rows {
                        for j in c..<min(c + tile, r) { matrix.pointer[r * n + j] = matrix.pointer[j * n + r] }
                    }
                }
            }
        }
    }

    // MARK: Pictures

    /// All pairs of pixels of two pictures, or equal ones only.
    private func pictureState(
        _ x: UnsafePointer<Double>, _ z: UnsafePointer<Double>, _ shape: [Int], isSelf: Bool
    ) -> KernelState {
        let (height, width, channels) = (shape[1], shape[2], shape[3])
        let pixels = height * width
        let scale = 1 / Double(channels)
        let isDiagonal = !Self.needsPairs(layers)
        var nngp = [Double](repeating: 0, count: isDiagonal ? pixels : pixels * pixels)
        for p in 0..<pixels {
            if isDiagonal {
                nngp[p] = scale * dot(x + p * channels, z + p * channels, channels)
            } else {
                for q in 0..<pixels {
                    nngp[p * pixels + q] = scale * dot(x + p * channels, z + q * channels, channels)
                }
            }
        }
        return KernelState(
            nngp: nngp, ntk: [Double](repeating: 0, count: nngp.count), rows: pixels,
            columns: isDiagonal ? 1 : pixels, isDiagonal: isDiagonal, size: (height, width),
            selfShift: isSelf ? 0 : nil)
    }

    static func needsPairs(_ layers: some Sequence<InfiniteLayer>) -> Bool { layers.contains { $0.isPooling } }

    /// A picture with itself.
    private func selfState(_ x: Tensor, _ index: Int) -> (state: KernelState, trace: Trace) {
        let width = x.shape.dropFirst().reduce(1, *)
        return x.withUnsafeBuffer(of: Double.self) { values in
            let picture = values.baseAddress! + index * width
            var trace = Trace()
            var state = pictureState(picture, picture, x.shape, isSelf: true)
            walk(layers, &state, &trace)
            return (state, trace)
        }
    }

    private func selfStates(_ x: Tensor) -> [(state: KernelState, trace: Trace)] {
        (0..<x.shape[0]).map { selfState(x, $0) }
    }

    private func pictureKernels(_ x: Tensor, _ z: Tensor, isSymmetric: Bool) throws -> Kernels {
        let (n, m, width) = (x.shape[0], z.shape[0], x.shape.dropFirst().reduce(1, *))
        try checkMemory(x)
        try checkSizes(x.shape[1], x.shape[2])
        let own = selfStates(x)
        let other = isSymmetric ? own : selfStates(z)
        let shape = x.shape
        return Self.filled(n, m) { k, t in
            x.withUnsafeBuffer(of: Double.self) { x in
                z.withUnsafeBuffer(of: Double.self) { z in
                    let (left, right) = (ReadOnlyAddress(x.baseAddress!), ReadOnlyAddress(z.baseAddress!))
                    Parallel.forEach(n * m) { pair in
                        let (i, j) = (pair / m, pair % m)
                        if isSymmetric && j < i { return }
                        var state = own[i].state
                        if !(isSymmetric && i == j) {
                            var reading = PairTraces(own[i].trace, other[j].trace)
                            state = pictureState(
                                left.pointer + i * width, right.pointer + j * width, shape, isSelf: false)
                            walk(layers, &state, &reading)
                        }
                        for place in isSymmetric ? [i * m + j, j * m + i] : [i * m + j] {
                            k.pointer[place] = state.nngp[0]
                            t.pointer[place] = state.ntk[0]
                        }
                    }
                }
            }
        }
    }

    private func checkMemory(_ x: Tensor) throws {
        let pixels = x.shape[1] * x.shape[2]
        let needed = (Self.needsPairs(layers) ? pixels * pixels : pixels) * 8 * 6 * Parallel.threads
        guard needed <= Self.memoryLimit else {
            throw KernelMethodError.memory(
                "all pairs of pixels of two \(x.shape[1])×\(x.shape[2]) pictures", needed: needed,
                advice: "make the pictures smaller, or use a network without pooling")
        }
    }

    /// What a block of pixel pairs may take at most: 16 GB.
    static let memoryLimit = 16_000_000_000
}

/// OpenBLAS is called from the threads of Mercer's pool.
enum OpenBLASOnOneThread {
    static let set: Void = openblas_set_num_threads(1)
}

/// A pointer that closures on several threads read through.
struct ReadOnlyAddress<Element>: @unchecked Sendable {
    let pointer: UnsafePointer<Element>

    init(_ pointer: UnsafePointer<Element>) { self.pointer = pointer }
}
