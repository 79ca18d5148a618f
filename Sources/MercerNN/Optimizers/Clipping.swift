import CKernels
import Mercer

/// The Euclidean norm of all gradients together.
///
/// Summed in double precision over pieces of fixed size, so it is the same for any number of threads.
public func globalNorm(_ gradients: ModuleParameters) -> Double {
    gradients.values.reduce(0) { $0 + sumOfSquares($1) }.squareRoot()
}

/// The factor by which gradients of norm `norm` are multiplied so that it is at most `maximum`
/// (`torch.nn.utils.clip_grad_norm_`: maximum / (norm + 10⁻⁶), at most 1). Give it to
/// ``Optimizer/update(_:_:gradientScale:)``, which then needs no pass of its own.
public func clipScale(_ maximum: Double, norm: Double) -> Double {
    min(1, maximum / (norm + 1e-6))
}

/// Gradients clipped so that their common norm is at most `maximum`, and their norm before.
public func clipped(
    _ gradients: ModuleParameters, norm maximum: Double
) -> (gradients: ModuleParameters, norm: Double) {
    let norm = globalNorm(gradients)
    let scale = clipScale(maximum, norm: norm)
    if scale == 1 { return (gradients, norm) }
    return (gradients.mapValues { $0 * scale }, norm)
}

/// Gradients with each element brought into [-limit, limit].
public func clipped(_ gradients: ModuleParameters, value limit: Double) -> ModuleParameters {
    gradients.mapValues { clip($0, min: -limit, max: limit) }
}

/// The sum of squares of a tensor's elements.
func sumOfSquares(_ x: Tensor) -> Double {
    let wide = x.dtype == .float32 || x.dtype == .float64 ? x : x.asType(.float32)
    let length = UpdatePlan.pieceLength
    let size = wide.dtype.size
    let kernel = size == 8 ? optimizerKernels.sum_of_squares_f64 : optimizerKernels.sum_of_squares_f32
    var sums = [Double](repeating: 0, count: (wide.count + length - 1) / length)
    wide.withUnsafeBytes { bytes in
        sums.withUnsafeMutableBufferPointer { sums in
            let sums = UnsafeMutableBufferPointer(rebasing: sums[...])
            Parallel.forRanges(wide.count, grain: length) { range in
                sums[range.lowerBound / length] = kernel(
                    bytes.baseAddress! + range.lowerBound * size, range.count)
            }
        }
    }
    return sums.reduce(0, +)
}
