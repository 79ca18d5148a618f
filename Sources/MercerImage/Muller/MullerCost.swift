import Mercer

/// Multiply-adds of MULLER for one picture, counted.
public struct MullerCost: Sendable, Hashable {
    /// The L blurs of the whole picture, width and height pass, in the plain form.
    public let blur: Int
    /// The L + 1 base resizings in the plain form, a linear interpolation as three mixtures of two numbers each.
    public let resize: Int
    /// Scale, bias and sum of each residual in the plain form.
    public let pointwise: Int
    /// All of it in the collapsed form that Mercer computes: L + 1 separable resamplings straight to the output.
    public let collapsed: Int

    /// The plain form: as the equations are written.
    public var plain: Int { blur + resize + pointwise }

    public init(
        _ settings: MullerSettings, from input: (height: Int, width: Int), to size: (height: Int, width: Int),
        channels: Int
    ) {
        let layers = settings.layers
        let output = size.height * size.width * channels
        blur = layers * 2 * settings.kernel * input.height * input.width * channels
        let base = settings.maps(from: input, to: size)[0]
        if settings.base.method == .bilinear && !settings.base.antialias && !settings.pool {
            resize = (layers + 1) * output * 6
        } else {
            resize = (layers + 1) * Self.separable(base, channels)
        }
        pointwise = layers * output * 3
        let maps = settings.maps(from: input, to: size)
        collapsed = maps.reduce(0) { $0 + Self.separable($1, channels) } + pointwise
    }

    /// Height pass first, as ``SeparableResampling`` does it.
    private static func separable(_ map: (vertical: Resampler, horizontal: Resampler), _ channels: Int) -> Int {
        let vertical = map.vertical.weights.count * map.horizontal.inputLength
        return channels * (vertical + map.horizontal.weights.count * map.vertical.outputLength)
    }
}
