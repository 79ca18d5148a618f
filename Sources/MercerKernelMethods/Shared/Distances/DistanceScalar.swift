import CKernels
import COpenBLAS
import Mercer

/// float32 or float64, with the loops over tiles of distances that are compiled for it.
public protocol DistanceScalar: TensorElement, BinaryFloatingPoint {
    /// Squared distances below this share of |x|² + |y|² are computed from the coordinates, since the difference
    /// |x|² + |y|² − 2x·y has lost that many digits.
    static var nearness: Self { get }

    /// `result[rows × columns] = a[rows × inner] · b[columns × inner]ᵀ` on this thread.
    static func product(
        _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, into result: UnsafeMutablePointer<Self>,
        rows: Int, columns: Int, inner: Int)

    /// `result[rows × columns] = factor · result + a[rows × inner] · b[inner × columns]` on this thread.
    static func accumulate(
        _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>, into result: UnsafeMutablePointer<Self>,
        rows: Int, columns: Int, inner: Int, factor: Self)

    /// Dot products to squared distances in place; returns the smallest.
    static func distances(
        _ dot: UnsafeMutablePointer<Self>, _ norms: UnsafePointer<Self>, _ count: Int, norm: Self,
        _ x: UnsafePointer<Self>, _ y: UnsafePointer<Self>, dimension: Int
    ) -> Self

    /// Adds Σ w k, Σ (w k)², Σ w k r over squared distances r to `out`.
    static func kernelSums(
        _ kernel: Int32, _ r: UnsafePointer<Self>, weights: UnsafePointer<Self>?, _ count: Int, base: Self,
        bandwidth: Self, into out: UnsafeMutablePointer<Double>)

    /// The same sums for the Gaussian at h, h/√2, h/2, …, three numbers each.
    static func gaussianChain(
        _ r: UnsafePointer<Self>, weights: UnsafePointer<Self>?, _ count: Int, base: Self, bandwidth: Self,
        levels: Int, into out: UnsafeMutablePointer<Double>)

    /// r → scale · exp((base − r) / 2h²) in place.
    static func gaussian(
        _ r: UnsafeMutablePointer<Self>, _ count: Int, base: Self, bandwidth: Self, scale: Self)

    /// Adds Σ over rows of cos(dot + phase) to each of the sums.
    static func cosineSums(
        _ dot: UnsafePointer<Self>, rows: Int, _ count: Int, phase: UnsafePointer<Self>,
        into sums: UnsafeMutablePointer<Double>)

    /// Adds Σ fᵢ cos(dotᵢ + phaseᵢ) and Σ cos² to `out`.
    static func cosineDot(
        _ dot: UnsafePointer<Self>, _ count: Int, phase: UnsafePointer<Self>, _ f: UnsafePointer<Self>,
        into out: UnsafeMutablePointer<Double>)
}

/// The loops for the instruction set in force. Reading it holds OpenBLAS to one thread: Mercer's own pool calls it
/// on blocks, so that results don't depend on the number of threads.
nonisolated(unsafe) private let loops: UnsafePointer<mercer_similarity_kernels> = {
    openblas_set_num_threads(1)
    return mercer_similarity(Int32(InstructionSet.current.rawValue))
}()

extension Double: DistanceScalar {
    public static var nearness: Double { 1e-5 }

    public static func product(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>,
        rows: Int, columns: Int, inner: Int
    ) {
        _ = loops
        cblas_dgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerTrans), Int32(rows), Int32(columns),
            Int32(inner), 1, a, Int32(inner), b, Int32(inner), 0, result, Int32(columns))
    }

    public static func accumulate(
        _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, into result: UnsafeMutablePointer<Double>,
        rows: Int, columns: Int, inner: Int, factor: Double
    ) {
        _ = loops
        cblas_dgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerNoTrans), Int32(rows), Int32(columns),
            Int32(inner), 1, a, Int32(inner), b, Int32(columns), factor, result, Int32(columns))
    }

    public static func distances(
        _ dot: UnsafeMutablePointer<Double>, _ norms: UnsafePointer<Double>, _ count: Int, norm: Double,
        _ x: UnsafePointer<Double>, _ y: UnsafePointer<Double>, dimension: Int
    ) -> Double {
        loops.pointee.distances_f64(dot, norms, count, norm, nearness, x, y, dimension)
    }

    public static func kernelSums(
        _ kernel: Int32, _ r: UnsafePointer<Double>, weights: UnsafePointer<Double>?, _ count: Int,
        base: Double, bandwidth: Double, into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.kernel_sums_f64(kernel, r, weights, count, base, bandwidth, out)
    }

    public static func gaussianChain(
        _ r: UnsafePointer<Double>, weights: UnsafePointer<Double>?, _ count: Int, base: Double,
        bandwidth: Double,
        levels: Int, into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.gaussian_chain_f64(r, weights, count, base, bandwidth, Int32(levels), out)
    }

    public static func gaussian(
        _ r: UnsafeMutablePointer<Double>, _ count: Int, base: Double, bandwidth: Double, scale: Double
    ) {
        loops.pointee.gaussian_f64(r, count, base, bandwidth, scale)
    }

    public static func cosineSums(
        _ dot: UnsafePointer<Double>, rows: Int, _ count: Int, phase: UnsafePointer<Double>,
        into sums: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.cosine_sums_f64(dot, rows, count, phase, sums)
    }

    public static func cosineDot(
        _ dot: UnsafePointer<Double>, _ count: Int, phase: UnsafePointer<Double>, _ f: UnsafePointer<Double>,
        into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.cosine_dot_f64(dot, count, phase, f, out)
    }
}

extension Float: DistanceScalar {
    public static var nearness: Float { 1e-2 }

    public static func product(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int
    ) {
        _ = loops
        cblas_sgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerTrans), Int32(rows), Int32(columns),
            Int32(inner), 1, a, Int32(inner), b, Int32(inner), 0, result, Int32(columns))
    }

    public static func accumulate(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, into result: UnsafeMutablePointer<Float>,
        rows: Int, columns: Int, inner: Int, factor: Float
    ) {
        _ = loops
        cblas_sgemm(
            Int32(MercerRowMajor), Int32(MercerNoTrans), Int32(MercerNoTrans), Int32(rows), Int32(columns),
            Int32(inner), 1, a, Int32(inner), b, Int32(columns), factor, result, Int32(columns))
    }

    public static func distances(
        _ dot: UnsafeMutablePointer<Float>, _ norms: UnsafePointer<Float>, _ count: Int, norm: Float,
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, dimension: Int
    ) -> Float {
        loops.pointee.distances_f32(dot, norms, count, norm, nearness, x, y, dimension)
    }

    public static func kernelSums(
        _ kernel: Int32, _ r: UnsafePointer<Float>, weights: UnsafePointer<Float>?, _ count: Int,
        base: Float, bandwidth: Float, into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.kernel_sums_f32(kernel, r, weights, count, base, bandwidth, out)
    }

    public static func gaussianChain(
        _ r: UnsafePointer<Float>, weights: UnsafePointer<Float>?, _ count: Int, base: Float,
        bandwidth: Float,
        levels: Int, into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.gaussian_chain_f32(r, weights, count, base, bandwidth, Int32(levels), out)
    }

    public static func gaussian(
        _ r: UnsafeMutablePointer<Float>, _ count: Int, base: Float, bandwidth: Float, scale: Float
    ) {
        loops.pointee.gaussian_f32(r, count, base, bandwidth, scale)
    }

    public static func cosineSums(
        _ dot: UnsafePointer<Float>, rows: Int, _ count: Int, phase: UnsafePointer<Float>,
        into sums: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.cosine_sums_f32(dot, rows, count, phase, sums)
    }

    public static func cosineDot(
        _ dot: UnsafePointer<Float>, _ count: Int, phase: UnsafePointer<Float>, _ f: UnsafePointer<Float>,
        into out: UnsafeMutablePointer<Double>
    ) {
        loops.pointee.cosine_dot_f32(dot, count, phase, f, out)
    }
}
