import COpenBLAS
import Foundation
import Mercer

/// The fidelity kernel K(x, z) = |⟨Φ(x)|Φ(z)⟩|² of a feature map, exactly.
///
/// ```swift
/// let map = ZZFeatureMap(qubits: 2, reps: 2, pairs: .full)
/// let k = try QuantumKernel(map).matrix(x, y)     // [rows of x, rows of y]
/// ```
/// A state is prepared once for each point, O(n·2ⁿ); the matrix is then three products of real matrices. Where the
/// states of all points would need more than ``memory``, both sides are prepared in blocks of rows.
public struct QuantumKernel: Sendable {
    public let map: any FeatureMap
    /// float64, or float32 for half the memory and errors of about 1e-6.
    public var dtype: DType
    /// Bytes that states may take.
    public var memory: Int

    public init(_ map: any FeatureMap, dtype: DType = .float64, memory: Int = 4 << 30) {
        precondition(dtype == .float64 || dtype == .float32, "QuantumKernel: \(dtype) states")
        self.map = map
        self.dtype = dtype
        self.memory = memory
    }

    /// Bytes of one state.
    private var stateBytes: Int { 2 * dtype.size << map.qubits }

    /// K(xᵢ, zⱼ): `[n, d]`, `[m, d]` → `[n, m]`, float64.
    ///
    /// - Throws: ``KernelMethodError`` for points of another width, or where not even two states fit in ``memory``.
    public func matrix(_ x: Tensor, _ z: Tensor) throws -> Tensor { try product(x, z, isSymmetric: false) }

    /// K(xᵢ, xⱼ), with a diagonal of exactly 1.
    public func matrix(_ x: Tensor) throws -> Tensor { try product(x, x, isSymmetric: true) }

    private func check(_ x: Tensor, _ what: String) throws {
        guard x.rank == 2, x.shape[1] == map.features else {
            throw KernelMethodError.width(found: x.shape.last ?? 0, expected: map.features, what: what)
        }
        guard map.qubits <= StateVectors.qubitLimit, 2 * stateBytes <= memory else {
            throw KernelMethodError.memory(
                "a kernel of \(map.qubits) qubits", needed: 2 * stateBytes,
                advice: "take fewer qubits, float32 states, or allow more with --memory")
        }
    }

    private func product(_ x: Tensor, _ z: Tensor, isSymmetric: Bool) throws -> Tensor {
        try check(x, "the points")
        try check(z, "the points they are compared with")
        let (n, m) = (x.shape[0], z.shape[0])
        let result = Tensor.zeros([n, m], .float64)
        let rows = n + (isSymmetric ? 0 : m)
        if rows * stateBytes <= memory {
            let a = StateVectors(map, x, dtype)
            let b = isSymmetric ? a : StateVectors(map, z, dtype)
            fill(result, a, 0, b, 0, isSymmetric: isSymmetric)
        } else {
            // Half of the memory for either side.
            let block = max(1, memory / 2 / stateBytes)
            for i in Swift.stride(from: 0, to: n, by: block) {
                let a = StateVectors(map, x[i..<min(n, i + block)], dtype)
                for j in Swift.stride(from: isSymmetric ? i : 0, to: m, by: block) {
                    let isDiagonal = isSymmetric && i == j
                    let b = isDiagonal ? a : StateVectors(map, z[j..<min(m, j + block)], dtype)
                    fill(result, a, i, b, j, isSymmetric: isDiagonal)
                }
            }
        }
        guard isSymmetric else { return result }
        return mirrored(result)
    }

    /// The lower triangle from the upper one, and a diagonal of ones.
    private func mirrored(_ matrix: Tensor) -> Tensor {
        let n = matrix.shape[0]
        var result = matrix
        result.withUnsafeMutableBuffer(of: Double.self) { k in
            for i in 0..<n {
                k[i * n + i] = 1
                for j in i + 1..<max(n, i + 1) { k[j * n + i] = k[i * n + j] }
            }
        }
        return result
    }

    /// Writes |⟨aᵢ|bⱼ⟩|² at row `top`, column `left`; of a symmetric block only the upper triangle is certain.
    private func fill(
        _ result: Tensor, _ a: StateVectors, _ top: Int, _ b: StateVectors, _ left: Int, isSymmetric: Bool
    ) {
        let (n, m, width) = (a.count, b.count, result.shape[1])
        // Tiles of a fixed size: the result doesn't depend on the number of threads.
        let tile = max(8, min(64, (n + 7) / 8))
        let (down, across) = ((n + tile - 1) / tile, (m + tile - 1) / tile)
        var target = result
        target.withUnsafeMutableBuffer(of: Double.self) { buffer in
            let out = UncheckedAddress(buffer.baseAddress!)
            Parallel.forEach(down * across) { index in
                let (p, q) = (index / across, index % across)
                if isSymmetric && q < p { return }
                let (rows, columns) = (p * tile..<min(n, (p + 1) * tile), q * tile..<min(m, (q + 1) * tile))
                let (real, imaginary) =
                    dtype == .float64
                    ? overlaps(a, rows, b, columns, Double.self) : overlaps(a, rows, b, columns, Float.self)
                for (i, row) in rows.enumerated() {
                    let line = out.pointer + (top + row) * width + left
                    for (j, column) in columns.enumerated() {
                        let (re, im) = (real[i * columns.count + j], imaginary[i * columns.count + j])
                        line[column] = re * re + im * im
                    }
                }
            }
        }
    }

    /// Real and imaginary parts of ⟨aᵢ|bⱼ⟩ for a tile. States lie as [real, imaginary], so that the real part is one
    /// product over both and the imaginary part is the difference of two over halves.
    private func overlaps<T: ProductScalar>(
        _ a: StateVectors, _ rows: Range<Int>, _ b: StateVectors, _ columns: Range<Int>, _: T.Type
    ) -> (real: [Double], imaginary: [Double]) {
        let size = a.dimension
        var real = [T](repeating: 0, count: rows.count * columns.count)
        var imaginary = real
        a.amplitudes.withUnsafeBuffer(of: T.self) { a in
            b.amplitudes.withUnsafeBuffer(of: T.self) { b in
                let (x, y) = (
                    a.baseAddress! + 2 * rows.lowerBound * size, b.baseAddress! + 2 * columns.lowerBound * size
                )
                let shape = (rows.count, columns.count)
                T.transposedProduct(x, y, &real, shape, inner: 2 * size, step: 2 * size, 1, 0)
                T.transposedProduct(x, y + size, &imaginary, shape, inner: size, step: 2 * size, 1, 0)
                T.transposedProduct(x + size, y, &imaginary, shape, inner: size, step: 2 * size, -1, 1)
            }
        }
        return (real.map { Double($0) }, imaginary.map { Double($0) })
    }
}

/// Real numbers whose matrices OpenBLAS multiplies.
private protocol ProductScalar: TensorElement, BinaryFloatingPoint {
    /// c = factor · a bᵀ + keep · c for rows of `inner` numbers that start every `step`.
    static func transposedProduct(
        _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, _ c: inout [Self], _ shape: (Int, Int), inner: Int,
        step: Int, _ factor: Self, _ keep: Self)
}

/// Mercer's pool calls OpenBLAS on tiles; one thread each.
private let openBLASOnOneThread: Void = openblas_set_num_threads(1)

extension Double: ProductScalar {
    fileprivate static func transposedProduct(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ c: inout [Double], _ shape: (Int, Int),
        inner: Int, step: Int, _ factor: Double, _ keep: Double
    ) {
        _ = openBLASOnOneThread
        cblas_dgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerTrans), Int32(shape.0), Int32(shape.1),
            Int32(inner), factor, a, Int32(step), b, Int32(step), keep, &c, Int32(shape.1))
    }
}

extension Float: ProductScalar {
    fileprivate static func transposedProduct(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: inout [Float], _ shape: (Int, Int),
        inner: Int, step: Int, _ factor: Float, _ keep: Float
    ) {
        _ = openBLASOnOneThread
        cblas_sgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerTrans), Int32(shape.0), Int32(shape.1),
            Int32(inner), factor, a, Int32(step), b, Int32(step), keep, &c, Int32(shape.1))
    }
}
