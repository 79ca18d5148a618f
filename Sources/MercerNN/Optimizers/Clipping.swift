import Mercer

/// The Euclidean norm of all gradients together.
///
/// Summed in double precision over pieces of fixed size, so it is the same for any number of threads.
public func globalNorm(_ gradients: ModuleParameters) -> Double {
    sumOfSquares(gradients.values).squareRoot()
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
