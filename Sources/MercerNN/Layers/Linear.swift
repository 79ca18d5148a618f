import Mercer

/// A linear layer: y = x Wᵀ + b.
///
/// `[…, inputs]` to `[…, outputs]`; `weight` is `[outputs, inputs]`, `bias` `[outputs]`. By default both start
/// uniform in ±1/√inputs, as PyTorch's.
public final class Linear: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor
    @ParameterInfo public var bias: Tensor?

    public init(
        _ inputs: Int, _ outputs: Int, bias hasBias: Bool = true,
        weight: Initializer = .kaimingUniform(), bias: Initializer? = nil
    ) {
        _weight = ParameterInfo(Parameter([outputs, inputs], initializer: weight))
        _bias = ParameterInfo(hasBias ? .bias(outputs, bias, fanIn: inputs) : nil)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { linear(x, weight, bias: bias) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let size = $weight.parameter!.shape
        precondition(shape.last == size[1], "Linear: input of shape \(shape), weight of \(size)")
        let output = Array(shape.dropLast()) + [size[0]]
        cost.record(self, output: output, multiplyAdds: output.reduce(1, *) * size[1])
        return output
    }
}

/// A bilinear layer: yₒ = x₁ᵀ Wₒ x₂ + bₒ.
///
/// `[…, inputs1]` and `[…, inputs2]` to `[…, outputs]`; `weight` is `[outputs, inputs1, inputs2]`.
public final class Bilinear: Module {
    @ParameterInfo public var weight: Tensor
    @ParameterInfo public var bias: Tensor?

    public init(_ inputs1: Int, _ inputs2: Int, _ outputs: Int, bias hasBias: Bool = true) {
        // PyTorch scales by the first input alone.
        let bound = 1 / Double(inputs1).squareRoot()
        _weight = ParameterInfo(
            Parameter([outputs, inputs1, inputs2], initializer: .uniform(-bound, bound)))
        _bias = ParameterInfo(hasBias ? .bias(outputs, nil, fanIn: inputs1) : nil)
    }

    public func callAsFunction(_ x1: Tensor, _ x2: Tensor) -> Tensor {
        let (outputs, inputs1) = (weight.shape[0], weight.shape[1])
        let lead = Array(x1.shape.dropLast())
        // x₂ through all W first: [rows, outputs · inputs1].
        let flat = weight.reshaped([outputs * inputs1, weight.shape[2]])
        let inner = linear(x2.reshaped([-1, weight.shape[2]]), flat).reshaped([-1, outputs, inputs1])
        let y = matmul(inner, x1.reshaped([-1, inputs1, 1])).reshaped(lead + [outputs])
        return bias.map { y + $0 } ?? y
    }
}

extension Parameter {
    /// A bias that starts uniform in ±1/√fan-in unless another initialiser is given.
    static func bias(_ count: Int, _ initializer: Initializer?, fanIn: Int) -> Parameter {
        let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
        return Parameter([count], initializer: initializer ?? .uniform(-bound, bound))
    }
}
