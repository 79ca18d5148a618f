import CKernels

/// Float or Double with the kernels of the Fourier transforms. See `fft.h` for what each does.
protocol TransformNumber: BinaryFloatingPoint & TensorElement & Sendable {
    /// Sequences that are transformed at once: the values in 64 bytes.
    static var lanes: Int { get }
    static var plans: PlanCache<Self> { get }

    static func pass(
        _ radix: Int, _ m: Int, _ width: Int, _ x: Block<Self>, _ y: Block<Self>,
        _ twiddles: UnsafePointer<Self>, _ roots: UnsafePointer<Self>)
    static func gather(
        _ x: UnsafePointer<Self>, step: Int, laneStep: Int, _ n: Int, lanes: Int, _ block: Block<Self>)
    static func scatter(
        _ block: Block<Self>, _ y: UnsafeMutablePointer<Self>, step: Int, laneStep: Int, _ n: Int, lanes: Int,
        scale: Self)
    static func gatherReal(
        _ x: UnsafePointer<Self>, step: Int, laneStep: Int, _ n: Int, lanes: Int,
        _ re: UnsafeMutablePointer<Self>)
    static func scatterReal(
        _ re: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>, step: Int, laneStep: Int, _ n: Int,
        lanes: Int,
        scale: Self)
    static func split(_ n: Int, _ z: Block<Self>, _ a: Block<Self>, _ b: Block<Self>)
    static func join(_ n: Int, _ a: Block<Self>, _ b: Block<Self>, _ z: Block<Self>)
    static func multiplyRows(_ n: Int, _ x: Block<Self>, _ c: Block<Self>, _ y: Block<Self>)
    static func twist(
        _ n: Int, first: Int, lanes: Int, shift: Int, coarse: UnsafePointer<Self>, fine: UnsafePointer<Self>,
        _ z: Block<Self>)
    static func hadamard(_ x: UnsafeMutablePointer<Self>, _ n: Int, scale: Self)
}

/// Real and imaginary parts of a block of sequences, or of one sequence of factors.
struct Block<R> {
    var re: UnsafeMutablePointer<R>
    var im: UnsafeMutablePointer<R>

    /// i times the complex conjugate: a forward transform between two of these is an inverse one.
    var exchanged: Block { Block(re: im, im: re) }
}

private let kernels = mercer_fft(Int32(InstructionSet.current.rawValue)).pointee

extension Float: TransformNumber {
    static let lanes = 16
    static let plans = PlanCache<Float>()

    static func pass(
        _ radix: Int, _ m: Int, _ width: Int, _ x: Block<Float>, _ y: Block<Float>,
        _ twiddles: UnsafePointer<Float>,
        _ roots: UnsafePointer<Float>
    ) {
        kernels.pass_f32(radix, m, width, x.re, x.im, y.re, y.im, twiddles, roots)
    }
    static func gather(
        _ x: UnsafePointer<Float>, step: Int, laneStep: Int, _ n: Int, lanes: Int, _ block: Block<Float>
    ) {
        kernels.gather_f32(x, step, laneStep, n, lanes, block.re, block.im)
    }
    static func scatter(
        _ block: Block<Float>, _ y: UnsafeMutablePointer<Float>, step: Int, laneStep: Int, _ n: Int,
        lanes: Int,
        scale: Float
    ) {
        kernels.scatter_f32(block.re, block.im, y, step, laneStep, n, lanes, scale)
    }
    static func gatherReal(
        _ x: UnsafePointer<Float>, step: Int, laneStep: Int, _ n: Int, lanes: Int,
        _ re: UnsafeMutablePointer<Float>
    ) {
        kernels.gather_real_f32(x, step, laneStep, n, lanes, re)
    }
    static func scatterReal(
        _ re: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, step: Int, laneStep: Int, _ n: Int,
        lanes: Int,
        scale: Float
    ) {
        kernels.scatter_real_f32(re, y, step, laneStep, n, lanes, scale)
    }
    static func split(_ n: Int, _ z: Block<Float>, _ a: Block<Float>, _ b: Block<Float>) {
        kernels.split_f32(n, z.re, z.im, a.re, a.im, b.re, b.im)
    }
    static func join(_ n: Int, _ a: Block<Float>, _ b: Block<Float>, _ z: Block<Float>) {
        kernels.join_f32(n, a.re, a.im, b.re, b.im, z.re, z.im)
    }
    static func multiplyRows(_ n: Int, _ x: Block<Float>, _ c: Block<Float>, _ y: Block<Float>) {
        kernels.multiply_rows_f32(n, x.re, x.im, c.re, c.im, y.re, y.im)
    }
    static func twist(
        _ n: Int, first: Int, lanes: Int, shift: Int, coarse: UnsafePointer<Float>,
        fine: UnsafePointer<Float>,
        _ z: Block<Float>
    ) {
        kernels.twist_f32(n, first, lanes, Int32(shift), coarse, fine, z.re, z.im)
    }
    static func hadamard(_ x: UnsafeMutablePointer<Float>, _ n: Int, scale: Float) {
        kernels.hadamard_f32(x, n, scale)
    }
}

extension Double: TransformNumber {
    static let lanes = 8
    static let plans = PlanCache<Double>()

    static func pass(
        _ radix: Int, _ m: Int, _ width: Int, _ x: Block<Double>, _ y: Block<Double>,
        _ twiddles: UnsafePointer<Double>,
        _ roots: UnsafePointer<Double>
    ) {
        kernels.pass_f64(radix, m, width, x.re, x.im, y.re, y.im, twiddles, roots)
    }
    static func gather(
        _ x: UnsafePointer<Double>, step: Int, laneStep: Int, _ n: Int, lanes: Int, _ block: Block<Double>
    ) {
        kernels.gather_f64(x, step, laneStep, n, lanes, block.re, block.im)
    }
    static func scatter(
        _ block: Block<Double>, _ y: UnsafeMutablePointer<Double>, step: Int, laneStep: Int, _ n: Int,
        lanes: Int,
        scale: Double
    ) {
        kernels.scatter_f64(block.re, block.im, y, step, laneStep, n, lanes, scale)
    }
    static func gatherReal(
        _ x: UnsafePointer<Double>, step: Int, laneStep: Int, _ n: Int, lanes: Int,
        _ re: UnsafeMutablePointer<Double>
    ) {
        kernels.gather_real_f64(x, step, laneStep, n, lanes, re)
    }
    static func scatterReal(
        _ re: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>, step: Int, laneStep: Int, _ n: Int,
        lanes: Int,
        scale: Double
    ) {
        kernels.scatter_real_f64(re, y, step, laneStep, n, lanes, scale)
    }
    static func split(_ n: Int, _ z: Block<Double>, _ a: Block<Double>, _ b: Block<Double>) {
        kernels.split_f64(n, z.re, z.im, a.re, a.im, b.re, b.im)
    }
    static func join(_ n: Int, _ a: Block<Double>, _ b: Block<Double>, _ z: Block<Double>) {
        kernels.join_f64(n, a.re, a.im, b.re, b.im, z.re, z.im)
    }
    static func multiplyRows(_ n: Int, _ x: Block<Double>, _ c: Block<Double>, _ y: Block<Double>) {
        kernels.multiply_rows_f64(n, x.re, x.im, c.re, c.im, y.re, y.im)
    }
    static func twist(
        _ n: Int, first: Int, lanes: Int, shift: Int, coarse: UnsafePointer<Double>,
        fine: UnsafePointer<Double>,
        _ z: Block<Double>
    ) {
        kernels.twist_f64(n, first, lanes, Int32(shift), coarse, fine, z.re, z.im)
    }
    static func hadamard(_ x: UnsafeMutablePointer<Double>, _ n: Int, scale: Double) {
        kernels.hadamard_f64(x, n, scale)
    }
}
