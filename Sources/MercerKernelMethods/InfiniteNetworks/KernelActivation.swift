import Foundation
import Mercer

/// A non-linearity σ whose Gaussian expectations E[σ(u)σ(v)] and E[σ′(u)σ′(v)], (u, v) ~ N(0, [[a, c], [c, b]]), are known
/// in closed form or by quadrature. Since d/dc E[σσ] = E[σ′σ′] every pair can be checked by differences.
public enum KernelActivation: Sendable, Equatable {
    /// a₋ min(x, 0) + a₊ max(x, 0): ReLU (0, 1), leaky ReLU (α, 1), absolute value (−1, 1).
    case abReLU(negative: Double, positive: Double)
    case identity
    /// erf(x), not erf(x/√2).
    case erf
    /// ½ erf(x/2.402…) + ½, close to the logistic function.
    case sigmoidLike
    /// x Φ(x).
    case gelu
    /// A sin(Bx + C).
    case sine(amplitude: Double, frequency: Double, phase: Double)
    /// √2 sin(√(2γ) x + π/4), whose kernel is e^{−γ|·|²}.
    case rbf(gamma: Double)
    /// e^{−x²}.
    case gaussian
    /// e^{−x²} sin x.
    case gabor
    case cubic
    case sign
    /// s e^{γ(c/s + shift)}: a kernel without a finite network.
    case expNormalized(gamma: Double, shift: Double)
    /// tanh by quadrature.
    case tanh
    /// x/(1 + e^{−x}) by quadrature.
    case silu
    /// log(1 + eˣ) by quadrature.
    case softplus

    public static let relu = abReLU(negative: 0, positive: 1)
    public static let abs = abReLU(negative: -1, positive: 1)
    public static func leakyReLU(_ slope: Double) -> KernelActivation { .abReLU(negative: slope, positive: 1) }
    public static let sin = sine(amplitude: 1, frequency: 1, phase: 0)
    public static let cos = sine(amplitude: 1, frequency: 1, phase: .pi / 2)

    /// What names are understood.
    public static let names =
        "relu, leaky_relu_SLOPE, abs, identity, erf, sigmoid_like, gelu, sin, cos, rbf_GAMMA, gaussian, gabor, cubic, "
        + "sign, exp_normalized, tanh, silu, softplus"

    /// An activation by its name; nil where there is none.
    public init?(_ name: String) {
        func number(after prefix: String) -> Double? {
            name.hasPrefix(prefix) ? Double(name.dropFirst(prefix.count)) : nil
        }
        switch name {
        case "relu": self = .relu
        case "abs": self = .abs
        case "identity": self = .identity
        case "erf": self = .erf
        case "sigmoid_like": self = .sigmoidLike
        case "gelu": self = .gelu
        case "sin": self = .sin
        case "cos": self = .cos
        case "gaussian": self = .gaussian
        case "gabor": self = .gabor
        case "cubic": self = .cubic
        case "sign": self = .sign
        case "exp_normalized": self = .expNormalized(gamma: 1, shift: 1)
        case "tanh": self = .tanh
        case "silu": self = .silu
        case "softplus": self = .softplus
        default:
            if let slope = number(after: "leaky_relu_"), slope.isFinite {
                self = .leakyReLU(slope)
            } else if let gamma = number(after: "rbf_"), gamma > 0, gamma.isFinite {
                self = .rbf(gamma: gamma)
            } else {
                return nil
            }
        }
    }

    /// Whether a network of finite width can have it.
    public var hasFiniteNetwork: Bool { if case .expNormalized = self { false } else { true } }

    // MARK: Expectations

    /// E[σ(u)σ(v)] and E[σ′(u)σ′(v)].
    @inline(__always)
    public func expectations(_ a: Double, _ b: Double, _ c: Double) -> (value: Double, slope: Double) {
        switch self {
        case .abReLU(let negative, let positive):
            let (value, slope) = Self.arcCosine(a, b, c)
            let (square, product) = ((positive - negative) * (positive - negative), negative * positive)
            return (square * value + product * c, square * slope + product)
        case .identity: return (c, 1)
        case .erf: return Self.erf(a, b, c)
        case .sigmoidLike:
            let scale = 1 / (Self.sigmoidScale * Self.sigmoidScale)
            let (value, slope) = Self.erf(a * scale, b * scale, c * scale)
            return (0.25 * value + 0.25, 0.25 * scale * slope)
        case .gelu: return Self.gelu(a, b, c)
        case .sine(let amplitude, let frequency, let phase):
            let (f2, half) = (frequency * frequency, 0.5 * (a + b))
            let near = exp(f2 * (c - half))
            let far = exp(-f2 * (c + half)) * Foundation.cos(2 * phase)
            let scale = 0.5 * amplitude * amplitude
            return (scale * (near - far), scale * f2 * (near + far))
        case .rbf(let gamma):
            let value = exp(-gamma * (a + b - 2 * c))
            return (value, 2 * gamma * value)
        case .gaussian:
            let d = (1 + 2 * a) * (1 + 2 * b) - 4 * c * c
            return (1 / d.squareRoot(), 4 * c / (d * d.squareRoot()))
        case .gabor: return Self.gabor(a, b, c)
        case .cubic: return (6 * c * c * c + 9 * a * b * c, 9 * a * b + 18 * c * c)
        case .sign:
            let s = (a * b).squareRoot()
            return (s > 0 ? 2 / .pi * asin(max(-1, min(1, c / s))) : 0, 0)
        case .expNormalized(let gamma, let shift):
            let s = (a * b).squareRoot()
            let value = exp(gamma * ((s > 0 ? max(-1, min(1, c / s)) : 0) + shift))
            return (s * value, gamma * value)
        case .tanh, .silu, .softplus: return GaussianPair.standard.expectations(a, b, c, self)
        }
    }

    /// ReLU: ½ of the arc-cosine kernel of degree 1. The angle comes from atan2, which has no domain to leave; what
    /// rounding leaves of ab − c² for equal points counts as 0, or the root would make 1e-8 of it.
    @inline(__always)
    static func arcCosine(_ a: Double, _ b: Double, _ c: Double) -> (Double, Double) {
        let square = a * b - c * c
        let root = square > 32 * Double.ulpOfOne * a * b ? square.squareRoot() : 0
        let rest = Double.pi - atan2(root, c)
        return ((root + rest * c) * (0.5 / Double.pi), rest * (0.5 / Double.pi))
    }

    static let sigmoidScale = 2.4020563531719796

    private static func erf(_ a: Double, _ b: Double, _ c: Double) -> (Double, Double) {
        let product = (1 + 2 * a) * (1 + 2 * b)
        let d = max(product - 4 * c * c, .leastNormalMagnitude)
        return (
            2 / .pi * asin(max(-1, min(1, 2 * c / product.squareRoot()))), 4 / .pi / d.squareRoot()
        )
    }

    private static func gelu(_ a: Double, _ b: Double, _ c: Double) -> (Double, Double) {
        let product = (1 + a) * (1 + b)
        let square = max(product - c * c, .leastNormalMagnitude)
        let delta = square.squareRoot()
        let angle = atan2(c, delta)
        let value = 0.25 * c + ((c * c + a * b * square) / (product * delta) + c * angle) / (2 * .pi)
        let inner = 1 / square + (1 - a * b) / product + 1
        return (value, 0.25 + angle / (2 * .pi) + inner * c / (2 * .pi * delta))
    }

    private static func gabor(_ a: Double, _ b: Double, _ c: Double) -> (Double, Double) {
        let kappa = 2 * (a + b) + 4 * (a * b - c * c) + 1
        let nu = a + b + 4 * (a * b - c * c) + 2 * c
        let (kappaSlope, nuSlope) = (-8 * c, 2 - 8 * c)
        let decay = exp(-nu / (2 * kappa))
        let growth = exp(2 * c / kappa)
        let scale = 0.5 / kappa.squareRoot()
        let decaySlope = -decay * (nuSlope * kappa - nu * kappaSlope) / (2 * kappa * kappa)
        let growthSlope = growth * 2 * (kappa - c * kappaSlope) / (kappa * kappa)
        let scaleSlope = -0.5 * scale * kappaSlope / kappa
        let value = decay * (growth - 1) * scale
        let slope = (decaySlope * scale + decay * scaleSlope) * (growth - 1) + decay * growthSlope * scale
        return (value, slope)
    }

    // MARK: The function itself

    /// σ(x), σ′(x), σ″(x); where σ has a kink or a jump the derivative is that to its left.
    public func jet(_ x: Double) -> (value: Double, first: Double, second: Double) {
        switch self {
        case .abReLU(let negative, let positive):
            let slope = x > 0 ? positive : negative
            return (slope * x, slope, 0)
        case .identity: return (x, 1, 0)
        case .erf:
            let slope = 2 / Double.pi.squareRoot() * exp(-x * x)
            return (Foundation.erf(x), slope, -2 * x * slope)
        case .sigmoidLike:
            let t = x / Self.sigmoidScale
            let slope = exp(-t * t) / Double.pi.squareRoot()
            return (
                0.5 * Foundation.erf(t) + 0.5, slope / Self.sigmoidScale,
                -2 * t * slope / (Self.sigmoidScale * Self.sigmoidScale)
            )
        case .gelu:
            let (cdf, density) = (Special.normalCDF(x), exp(-0.5 * x * x) / (2 * Double.pi).squareRoot())
            return (x * cdf, cdf + x * density, density * (2 - x * x))
        case .sine(let amplitude, let frequency, let phase):
            let (s, c) = (Foundation.sin(frequency * x + phase), Foundation.cos(frequency * x + phase))
            return (amplitude * s, amplitude * frequency * c, -amplitude * frequency * frequency * s)
        case .rbf(let gamma):
            return KernelActivation.sine(
                amplitude: 2.0.squareRoot(), frequency: (2 * gamma).squareRoot(), phase: .pi / 4
            ).jet(x)
        case .gaussian:
            let g = exp(-x * x)
            return (g, -2 * x * g, (4 * x * x - 2) * g)
        case .gabor:
            let (g, s, c) = (exp(-x * x), Foundation.sin(x), Foundation.cos(x))
            return (g * s, g * (c - 2 * x * s), g * ((4 * x * x - 3) * s - 4 * x * c))
        case .cubic: return (x * x * x, 3 * x * x, 6 * x)
        case .sign: return (x > 0 ? 1 : x < 0 ? -1 : 0, 0, 0)
        case .expNormalized: preconditionFailure("exp-normalised has no finite network")
        case .tanh:
            let t = Foundation.tanh(x)
            return (t, 1 - t * t, -2 * t * (1 - t * t))
        case .silu:
            let s = 1 / (1 + exp(-x))
            let slope = s * (1 - s)
            return (x * s, s + x * slope, slope * (2 + x * (1 - 2 * s)))
        case .softplus:
            let s = 1 / (1 + exp(-x))
            return (max(x, 0) + log1p(exp(-Swift.abs(x))), s, s * (1 - s))
        }
    }
}

/// Expectations over a pair of Gaussians by Gauss-Hermite quadrature on the pair that its Cholesky factor whitens.
public struct GaussianPair: Sendable {
    private let nodes: [Double]
    private let weights: [Double]

    /// 25 nodes a side.
    public static let standard = GaussianPair(nodes: 25)

    public init(nodes count: Int) {
        let rule = Quadrature.gaussHermite(count)
        nodes = rule.nodes.map { $0 * 2.0.squareRoot() }
        weights = rule.weights.map { $0 / Double.pi.squareRoot() }
    }

    /// E[f(u) f(v)].
    public func expectation(_ a: Double, _ b: Double, _ c: Double, _ f: (Double) -> Double) -> Double {
        sum(a, b, c) { (f($0), 0) }.value
    }

    /// E[σσ] and E[σ′σ′].
    func expectations(
        _ a: Double, _ b: Double, _ c: Double, _ activation: KernelActivation
    ) -> (value: Double, slope: Double) {
        sum(a, b, c) {
            let jet = activation.jet($0)
            return (jet.value, jet.first)
        }
    }

    private func sum(
        _ a: Double, _ b: Double, _ c: Double, _ f: (Double) -> (Double, Double)
    ) -> (value: Double, slope: Double) {
        let root = a.squareRoot()
        let shared = root > 0 ? c / root : 0
        let own = max(0, b - shared * shared).squareRoot()
        var (value, slope) = (0.0, 0.0)
        for (x, wx) in zip(nodes, weights) {
            let left = f(root * x)
            var (inner, innerSlope) = (0.0, 0.0)
            for (y, wy) in zip(nodes, weights) {
                let right = f(shared * x + own * y)
                inner += wy * right.0
                innerSlope += wy * right.1
            }
            value += wx * left.0 * inner
            slope += wx * left.1 * innerSlope
        }
        return (value, slope)
    }
}
