import Foundation
import Mercer

/// How the first value of a parameter is made. Names and formulas are those of `torch.nn.init`.
///
/// ```swift
/// Linear(768, 3072, weight: .truncatedNormal(std: 0.02), bias: .zeros)
/// ```
public struct Initializer: Sendable {
    private let make: @Sendable (_ shape: [Int], _ fans: Fans, _ key: RandomKey) -> Tensor

    /// An initialiser of your own.
    public init(_ make: @escaping @Sendable (_ shape: [Int], _ fans: Fans, _ key: RandomKey) -> Tensor) {
        self.make = make
    }

    /// The initial value, float32.
    public func callAsFunction(_ shape: [Int], fans: Fans, key: RandomKey) -> Tensor {
        make(shape, fans, key)
    }

    public static let zeros = constant(0)
    public static let ones = constant(1)

    /// One number everywhere.
    public static func constant(_ value: Double) -> Initializer {
        Initializer { shape, _, _ in .full(shape, value) }
    }

    /// Uniform in [low, high).
    public static func uniform(_ low: Double = 0, _ high: Double = 1) -> Initializer {
        Initializer { shape, _, key in Random.uniform(low..<high, shape, key: key) }
    }

    /// Normal.
    public static func normal(mean: Double = 0, std: Double = 1) -> Initializer {
        Initializer { shape, _, key in Random.normal(shape, loc: mean, scale: std, key: key) }
    }

    /// Normal, cut to [low, high]: absolute bounds as in `trunc_normal_`, not multiples of `std`.
    public static func truncatedNormal(
        mean: Double = 0, std: Double = 1, low: Double = -2, high: Double = 2
    ) -> Initializer {
        Initializer { shape, _, key in
            Random.truncatedNormal(low...high, shape, loc: mean, scale: std, key: key)
        }
    }

    /// Glorot & Bengio 2010: U(-a, a), a = gain √(6 / (fan-in + fan-out)).
    public static func xavierUniform(gain: Double = 1) -> Initializer {
        Initializer { shape, fans, key in
            let bound = gain * (6 / Double(fans.input + fans.output)).squareRoot()
            return Random.uniform(-bound..<bound, shape, key: key)
        }
    }

    /// Glorot & Bengio 2010: N(0, σ²), σ = gain √(2 / (fan-in + fan-out)).
    public static func xavierNormal(gain: Double = 1) -> Initializer {
        Initializer { shape, fans, key in
            let std = gain * (2 / Double(fans.input + fans.output)).squareRoot()
            return Random.normal(shape, scale: std, key: key)
        }
    }

    /// He et al. 2015: U(-b, b), b = gain √(3 / fan). With the default, `.leakyReLU(√5)`, b = 1/√fan-in, which is
    /// PyTorch's default for linear layers and convolutions.
    public static func kaimingUniform(
        _ nonlinearity: Nonlinearity = .leakyReLU(5.squareRoot()), mode: FanMode = .input
    ) -> Initializer {
        Initializer { shape, fans, key in
            let bound = nonlinearity.gain * (3 / Double(mode.fan(fans))).squareRoot()
            return Random.uniform(-bound..<bound, shape, key: key)
        }
    }

    /// He et al. 2015: N(0, σ²), σ = gain / √fan.
    public static func kaimingNormal(
        _ nonlinearity: Nonlinearity = .relu, mode: FanMode = .input
    ) -> Initializer {
        Initializer { shape, fans, key in
            let std = nonlinearity.gain / Double(mode.fan(fans)).squareRoot()
            return Random.normal(shape, scale: std, key: key)
        }
    }

    /// Saxe et al. 2013: rows, or columns where there are more rows, of a random orthogonal matrix times `gain`.
    /// All axes but the first are flattened.
    public static func orthogonal(gain: Double = 1) -> Initializer {
        Initializer { shape, _, key in
            precondition(shape.count >= 2, "orthogonal: shape \(shape) has fewer than two axes")
            return orthogonalMatrix(shape[0], shape.dropFirst().reduce(1, *), gain, key).reshaped(shape)
        }
    }

    /// The identity (`eye_`), and for convolutions (`dirac_`) the kernel that passes each channel on.
    public static let identity = Initializer { shape, _, _ in
        precondition(shape.count >= 2, "identity: shape \(shape) has fewer than two axes")
        let spatial = Array(shape.dropFirst().dropLast())
        let inputs = shape.last!
        let size = spatial.reduce(1, *)
        // The middle position; with even lengths the later one, as PyTorch takes it.
        let middle = spatial.reduce(0) { $0 * $1 + $1 / 2 }
        return Tensor(shape, of: Float.self) { elements in
            elements.initialize(repeating: 0)
            for channel in 0..<min(shape[0], inputs) {
                elements[(channel * size + middle) * inputs + channel] = 1
            }
        }
    }
}

/// Which fan Kaiming initialisation keeps the variance for: forward (`input`) or backward (`output`).
public enum FanMode: Sendable {
    case input
    case output

    func fan(_ fans: Fans) -> Int { max(1, self == .input ? fans.input : fans.output) }
}

/// What follows a layer; scales its initial weights (`torch.nn.init.calculate_gain`).
public enum Nonlinearity: Sendable {
    case linear
    case sigmoid
    case tanh
    case relu
    /// With the slope of its negative part.
    case leakyReLU(Double)
    case selu

    public var gain: Double {
        switch self {
        case .linear, .sigmoid: 1
        case .tanh: 5.0 / 3
        case .relu: 2.squareRoot()
        case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
        case .selu: 0.75
        }
    }
}

/// A matrix with orthonormal rows (or columns, where there are fewer), from the QR decomposition of a normal one
/// with positive diagonal of R: Gram-Schmidt, twice for accuracy.
private func orthogonalMatrix(_ rows: Int, _ columns: Int, _ gain: Double, _ key: RandomKey) -> Tensor {
    let count = min(rows, columns)
    let length = max(rows, columns)
    var vectors = Random.normal([count, length], key: key).toArray(Float.self).map(Double.init)
    vectors.withUnsafeMutableBufferPointer { v in
        for i in 0..<count {
            let row = i * length
            for _ in 0..<2 {
                for j in 0..<i {
                    var dot = 0.0
                    for k in 0..<length { dot += v[row + k] * v[j * length + k] }
                    for k in 0..<length { v[row + k] -= dot * v[j * length + k] }
                }
            }
            var square = 0.0
            for k in 0..<length { square += v[row + k] * v[row + k] }
            let scale = 1 / square.squareRoot()
            for k in 0..<length { v[row + k] *= scale }
        }
    }
    let matrix = Tensor([count, length], of: Float.self) { elements in
        for i in 0..<(count * length) { elements[i] = Float(vectors[i] * gain) }
    }
    return rows <= columns ? matrix : matrix.transposed().contiguous()
}
