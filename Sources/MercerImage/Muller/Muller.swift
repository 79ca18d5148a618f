import Mercer
import MercerNN
import Synchronization

/// The MULLER resizer as a layer: a base resizer that boosts the frequency bands its weights choose.
///
/// y = R x + Σₗ tanh(αₗ R dₗ + βₗ), dₗ = Bˡx − Bˡ⁻¹x (blurred minus sharp). `[N, H, W, C]` in [0, 1] to
/// `[N, h, w, C]`; the parameters `weight_l` and `bias_l` are single numbers for all channels, zero at the start, when
/// y = R x. Gradients go to them and to x.
///
/// ```swift
/// let resize = Muller(size: (224, 224))
/// resize.weights = .resnet50
/// let y = resize(photographs)
/// ```
///
/// Source: Tu, Milanfar, Talebi 2023 (arXiv 2304.02859), equations 1–4.
public final class Muller: Module, UnaryLayer {
    /// Height and width of the result.
    public let size: (height: Int, width: Int)
    public let settings: MullerSettings
    @ModuleInfo(key: "") var level: MullerLevel
    private var cache: (input: [Int], maps: [(vertical: Resampler, horizontal: Resampler)])?

    public init(size: (height: Int, width: Int), settings: MullerSettings) {
        precondition(
            size.height > 0 && size.width > 0, "Muller: a result of \(size.height)x\(size.width) pixels")
        self.size = size
        self.settings = settings
        _level = ModuleInfo(wrappedValue: MullerLevel(1, of: settings.layers), key: "")
    }

    /// A layer of the given size; settings that don't exist stop the program.
    public convenience init(
        size: (Int, Int), base: ResampleRule = .tensorflow(.bilinear, antialias: false), layers: Int = 2,
        kernel: Int = 5, sigma: Double = 1, pool: Bool = false, border: BlurBorder = .zero
    ) {
        do {
            let settings = try MullerSettings(
                base: base, layers: layers, kernel: kernel, sigma: sigma, pool: pool, border: border)
            self.init(size: (size.0, size.1), settings: settings)
        } catch {
            preconditionFailure("Muller: \(error)")
        }
    }

    /// The learnt numbers.
    public var weights: MullerWeights {
        get {
            let list = levels.flatMap { [$0.weight.doubleValue, $0.bias.doubleValue] }
            return (try? MullerWeights(list)) ?? .zeros(layers: settings.layers)
        }
        set {
            precondition(
                newValue.layers == settings.layers,
                "Muller: weights of \(newValue.layers) layers for \(settings.layers)")
            for (l, level) in levels.enumerated() {
                level.weight = Tensor(Float(newValue.scales[l]))
                level.bias = Tensor(Float(newValue.biases[l]))
            }
        }
    }

    private var levels: [MullerLevel] { Array(sequence(first: level) { $0.next }) }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        precondition(
            x.rank == 4 && x.count > 0 && x.dtype.isFloatingPoint,
            "Muller: a \(x.dtype) tensor of shape \(x.shape) where [N, H, W, C] of numbers in [0, 1] is needed")
        let maps = maps(for: x)
        let levels = levels
        if x.dtype == .float32 && !x.isTracked && !levels.contains(where: { $0.weight.isTracked || $0.bias.isTracked }) {
            return MullerResampling(maps, weights, channels: x.shape[3])(x)
        }
        var sharp = Resample.apply(vertical: maps[0].vertical, horizontal: maps[0].horizontal, to: x)
        var y = sharp
        for (level, map) in zip(levels, maps.dropFirst()) {
            let blurred = Resample.apply(vertical: map.vertical, horizontal: map.horizontal, to: x)
            y = y + tanh(level.weight.asType(x.dtype) * (blurred - sharp) + level.bias.asType(x.dtype))
            sharp = blurred
        }
        return y
    }

    /// The residuals in the output's size, R(dₗ) for l = 1…L: the bands that the weights act on.
    public func bands(of x: Tensor) -> [Tensor] {
        let pictures = maps(for: x).map { Resample.apply(vertical: $0.vertical, horizontal: $0.horizontal, to: x) }
        return zip(pictures.dropFirst(), pictures).map { $0 - $1 }
    }

    private func maps(for x: Tensor) -> [(vertical: Resampler, horizontal: Resampler)] {
        if let cache, cache.input == x.shape { return cache.maps }
        let maps = settings.maps(from: (x.shape[1], x.shape[2]), to: size)
        cache = (x.shape, maps)
        return maps
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        precondition(shape.count == 4, "Muller: an input of shape \(shape) where [N, H, W, C] is needed")
        let output = [shape[0], size.height, size.width, shape[3]]
        let count = MullerCost(settings, from: (shape[1], shape[2]), to: size, channels: shape[3])
        cost.record(self, output: output, multiplyAdds: shape[0] * count.collapsed)
        return output
    }
}

/// Scale and bias of one residual, and those of the next.
final class MullerLevel: Module {
    @ParameterInfo var weight: Tensor
    @ParameterInfo var bias: Tensor
    @ModuleInfo(key: "") var next: MullerLevel?

    init(_ index: Int, of count: Int) {
        _weight = ParameterInfo(Parameter([], initializer: .zeros), key: "weight_\(index)")
        _bias = ParameterInfo(Parameter([], initializer: .zeros), key: "bias_\(index)")
        _next = ModuleInfo(wrappedValue: index < count ? MullerLevel(index + 1, of: count) : nil, key: "")
    }
}
