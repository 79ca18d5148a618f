/// How ``interpolate(_:size:mode:alignCorners:antialias:)`` fills in between pixels.
public enum InterpolationMode: String, Sendable, CaseIterable {
    case nearest
    case nearestExact = "nearest-exact"
    case bilinear, bicubic, area

    var method: ResampleMethod {
        switch self {
        case .nearest: .nearest
        case .nearestExact: .nearestExact
        case .bilinear: .bilinear
        case .bicubic: .bicubic
        case .area: .area
        }
    }
}

/// Pictures in another size, as PyTorch's `interpolate` has it.
///
/// - Parameters:
///   - x: `[N, H, W, C]`, also `[N, L, C]` for the modes nearest, nearest-exact, linear (`bilinear`) and area.
///   - size: height and width of the result; one number for `[N, L, C]`.
///   - alignCorners: whether the centres of the outermost pixels stay in place (bilinear and bicubic).
///   - antialias: whether the filter grows with the reduction (bilinear and bicubic).
public func interpolate(
    _ x: Tensor, size: [Int], mode: InterpolationMode = .nearest, alignCorners: Bool = false,
    antialias: Bool = false
) -> Tensor {
    if x.rank == 3 && size.count == 1 {
        let y = interpolate(
            x.expandedDimensions(axis: 2), size: [size[0], 1], mode: mode, alignCorners: alignCorners,
            antialias: antialias)
        return y.squeezed(axis: 2)
    }
    precondition(
        x.rank == 4 && size.count == 2 && size.allSatisfy { $0 > 0 },
        "interpolate: from shape \(x.shape) to size \(size); [N, H, W, C] and [height, width] are needed")
    precondition(
        !(alignCorners || antialias) || mode == .bilinear || mode == .bicubic,
        "interpolate: alignCorners and antialias belong to bilinear and bicubic, not to \(mode.rawValue)")
    precondition(!(alignCorners && antialias), "interpolate: antialias with alignCorners isn't defined")
    let rule = ResampleRule.torch(
        mode.method, antialias: antialias ? true : nil, alignCorners: alignCorners)
    return Resample.resize(x, to: (size[0], size[1]), rule)
}

/// Pictures larger or smaller by a factor, as PyTorch's `interpolate` with `scale_factor` has it: the result has
/// ⌊n · factor⌋ pixels a side, and the weights come from the factor.
public func interpolate(
    _ x: Tensor, scaleFactor: Double, mode: InterpolationMode = .nearest, antialias: Bool = false
) -> Tensor {
    precondition(x.rank == 4, "interpolate: shape \(x.shape) is not [N, H, W, C]")
    precondition(scaleFactor > 0 && scaleFactor.isFinite, "interpolate: by \(scaleFactor)")
    let rule = ResampleRule.torch(mode.method, antialias: antialias ? true : nil)
    func resampler(_ n: Int) -> Resampler {
        Resampler(
            input: n, output: max(1, Int(Double(n) * scaleFactor)), rule: rule, scale: 1 / scaleFactor)
    }
    return Resample.apply(vertical: resampler(x.shape[1]), horizontal: resampler(x.shape[2]), to: x)
}
