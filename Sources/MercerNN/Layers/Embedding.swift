import Mercer

/// A table of vectors, looked up by number: `[…]` whole numbers to `[…, width]`.
///
/// `weight` is `[count, width]` and starts from N(0, 1).
public final class Embedding: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor

    public init(_ count: Int, _ width: Int, weight: Initializer = .normal()) {
        _weight = ParameterInfo(Parameter([count, width], initializer: weight))
    }

    public func callAsFunction(_ indices: Tensor) -> Tensor { embedding(indices, weight) }

    /// The table as a linear layer without bias: `[…, width]` to `[…, count]`, for tied outputs.
    public func asLinear(_ x: Tensor) -> Tensor { linear(x, weight) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = shape + [$weight.parameter!.shape[1]]
        cost.record(self, output: output)
        return output
    }
}
