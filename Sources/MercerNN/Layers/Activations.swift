import Mercer

// Activations as layers, for `Sequential`. Each is the function of the same name, which says the formula.

/// max(x, 0). See ``relu(_:)``.
public final class ReLU: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { relu(x) }
}

/// x between 0 and 6. See ``relu6(_:)``.
public final class ReLU6: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { relu6(x) }
}

/// x above 0, a small slope below. See ``leakyRelu(_:negativeSlope:)``.
public final class LeakyReLU: Module, UnaryLayer {
    public let negativeSlope: Double

    public init(_ negativeSlope: Double = 0.01) { self.negativeSlope = negativeSlope }

    public func callAsFunction(_ x: Tensor) -> Tensor { leakyRelu(x, negativeSlope: negativeSlope) }
}

/// x above 0, a learnt slope below; `weight` is `[1]` or `[channels]`. See ``prelu(_:_:)``.
public final class PReLU: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor

    public init(_ channels: Int = 1, start: Double = 0.25) {
        _weight = ParameterInfo(Parameter([channels], initializer: .constant(start)))
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { prelu(x, weight) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

/// x above 0, α(eˣ - 1) below. See ``elu(_:alpha:)``.
public final class ELU: Module, UnaryLayer {
    public let alpha: Double

    public init(_ alpha: Double = 1) { self.alpha = alpha }

    public func callAsFunction(_ x: Tensor) -> Tensor { elu(x, alpha: alpha) }
}

/// See ``selu(_:)``.
public final class SELU: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { selu(x) }
}

/// x Φ(x), exactly or by PyTorch's `tanh` formula. See ``gelu(_:)``.
public final class GELU: Module, UnaryLayer {
    /// How Φ is computed.
    public enum Approximation: Sendable {
        case none
        case tanh
    }

    public let approximation: Approximation

    public init(approximation: Approximation = .none) { self.approximation = approximation }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        approximation == .tanh ? geluApproximate(x) : gelu(x)
    }
}

/// x sigmoid(x). See ``silu(_:)``.
public final class SiLU: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { silu(x) }
}

/// x tanh(softplus(x)). See ``mish(_:)``.
public final class Mish: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { mish(x) }
}

/// 1 / (1 + e⁻ˣ). See ``sigmoid(_:)``.
public final class Sigmoid: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { sigmoid(x) }
}

/// See ``logSigmoid(_:)``.
public final class LogSigmoid: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { logSigmoid(x) }
}

/// The hyperbolic tangent.
public final class Tanh: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { tanh(x) }
}

/// ln(1 + eᵝˣ) / β. See ``softplus(_:beta:threshold:)``.
public final class Softplus: Module, UnaryLayer {
    public let beta: Double
    public let threshold: Double

    public init(beta: Double = 1, threshold: Double = 20) {
        self.beta = beta
        self.threshold = threshold
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { softplus(x, beta: beta, threshold: threshold) }
}

/// x / (1 + |x|). See ``softsign(_:)``.
public final class Softsign: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { softsign(x) }
}

/// See ``hardSigmoid(_:)``.
public final class HardSigmoid: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { hardSigmoid(x) }
}

/// x hardSigmoid(x). See ``hardSwish(_:)``.
public final class HardSwish: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { hardSwish(x) }
}

/// x between -1 and 1. See ``hardTanh(_:)``.
public final class HardTanh: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { hardTanh(x) }
}

/// eˣ as shares of their sum along an axis. See ``softmax(_:axis:)``.
public final class Softmax: Module, UnaryLayer {
    public let axis: Int

    public init(axis: Int = -1) { self.axis = axis }

    public func callAsFunction(_ x: Tensor) -> Tensor { softmax(x, axis: axis) }
}

/// The logarithm of ``Softmax``. See ``logSoftmax(_:axis:)``.
public final class LogSoftmax: Module, UnaryLayer {
    public let axis: Int

    public init(axis: Int = -1) { self.axis = axis }

    public func callAsFunction(_ x: Tensor) -> Tensor { logSoftmax(x, axis: axis) }
}

/// The first half of an axis times the sigmoid of the second, which halves the axis. See ``glu(_:axis:)``.
public final class GLU: Module, UnaryLayer {
    public let axis: Int

    public init(axis: Int = -1) { self.axis = axis }

    public func callAsFunction(_ x: Tensor) -> Tensor { glu(x, axis: axis) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        var output = shape
        output[(axis + shape.count) % shape.count] /= 2
        cost.record(self, output: output)
        return output
    }
}
