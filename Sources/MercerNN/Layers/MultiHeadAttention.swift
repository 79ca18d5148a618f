import Mercer

/// Attention of several heads (Vaswani et al. 2017): heads of softmax(q kᵀ / √head) v, put side by side and
/// projected.
///
/// Tokens are `[batch, tokens, width]`, as PyTorch's with `batch_first`. With `.fused` projections the keys are
/// PyTorch's (`in_proj_weight`, `in_proj_bias`, `out_proj.weight`, `out_proj.bias`), with `.separate` ones those of
/// most published transformers (`q_proj.weight`, …).
public final class MultiHeadAttention: Module, UnaryLayer {
    /// How the projections of queries, keys and values are kept.
    public enum Projections: Sendable {
        /// As one matrix of three times the width.
        case fused
        /// As three linear layers, whose inputs may have other widths.
        case separate(keyWidth: Int? = nil, valueWidth: Int? = nil)
    }

    public let width: Int
    public let heads: Int
    /// The probability that an attention weight is dropped in training.
    public let dropoutProbability: Double
    @ParameterInfo(key: "in_proj_weight") public var inputWeight: Tensor?
    @ParameterInfo(key: "in_proj_bias") public var inputBias: Tensor?
    @ModuleInfo(key: "q_proj") public var queryProjection: Linear?
    @ModuleInfo(key: "k_proj") public var keyProjection: Linear?
    @ModuleInfo(key: "v_proj") public var valueProjection: Linear?
    @ModuleInfo(key: "out_proj") public var outputProjection: Linear
    let random = RandomSource()

    /// - Parameters:
    ///   - width: of the tokens; a multiple of `heads`.
    ///   - dropout: the probability that an attention weight is dropped in training.
    public init(
        _ width: Int, heads: Int, bias: Bool = true, dropout: Double = 0, projections: Projections = .fused
    ) {
        precondition(
            heads > 0 && width % heads == 0, "MultiHeadAttention: a width of \(width) for \(heads) heads")
        self.width = width
        self.heads = heads
        dropoutProbability = dropout
        switch projections {
        case .fused:
            _inputWeight = ParameterInfo(
                Parameter([3 * width, width], initializer: .xavierUniform()), key: "in_proj_weight")
            _inputBias = ParameterInfo(
                bias ? Parameter([3 * width], initializer: .zeros) : nil, key: "in_proj_bias")
            _queryProjection.wrappedValue = nil
            _keyProjection.wrappedValue = nil
            _valueProjection.wrappedValue = nil
        case .separate(let keyWidth, let valueWidth):
            func projection(_ inputs: Int) -> Linear {
                Linear(inputs, width, bias: bias, weight: .xavierUniform(), bias: .zeros)
            }
            _queryProjection.wrappedValue = projection(width)
            _keyProjection.wrappedValue = projection(keyWidth ?? width)
            _valueProjection.wrappedValue = projection(valueWidth ?? width)
        }
        _outputProjection.wrappedValue = Linear(width, width, bias: bias, bias: .zeros)
    }

    /// Self-attention.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// Attention.
    ///
    /// - Parameters:
    ///   - queries: `[batch, tokens, width]`.
    ///   - keys: `[batch, others, keyWidth]`; the queries by default.
    ///   - values: `[batch, others, valueWidth]`; the keys by default.
    ///   - mask: broadcast to `[batch, heads, tokens, others]`: added to the scores or, of type bool, true where a
    ///     query may see a key (PyTorch's boolean masks of this layer mean the opposite).
    ///   - causal: whether token i sees keys 0...i only.
    public func callAsFunction(
        _ queries: Tensor, keys: Tensor? = nil, values: Tensor? = nil, mask: Tensor?, causal: Bool = false
    ) -> Tensor {
        let (q, k, v) = projected(queries, keys ?? queries, values ?? keys ?? queries)
        let seen = attention(apart(q), apart(k), apart(v), mask, causal)
        return outputProjection(seen.transposed(0, 2, 1, 3).reshaped([q.shape[0], q.shape[1], width]))
    }

    private func projected(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> (Tensor, Tensor, Tensor) {
        guard let inputWeight else {
            return (queryProjection!(q), keyProjection!(k), valueProjection!(v))
        }
        if q.storage === k.storage && k.storage === v.storage && q.shape == k.shape && k.shape == v.shape {
            let all = linear(q, inputWeight, bias: inputBias).split(parts: 3, axis: -1)
            return (all[0], all[1], all[2])
        }
        let weights = inputWeight.split(parts: 3, axis: 0)
        let biases = inputBias?.split(parts: 3, axis: 0)
        return (
            linear(q, weights[0], bias: biases?[0]), linear(k, weights[1], bias: biases?[1]),
            linear(v, weights[2], bias: biases?[2])
        )
    }

    /// `[batch, tokens, width]` as `[batch, heads, tokens, head]`.
    private func apart(_ x: Tensor) -> Tensor {
        x.reshaped([x.shape[0], x.shape[1], heads, width / heads]).transposed(0, 2, 1, 3)
    }

    private func attention(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ mask: Tensor?, _ causal: Bool
    ) -> Tensor {
        let scale = 1 / Double(width / heads).squareRoot()
        guard isTraining && dropoutProbability > 0 else {
            return scaledDotProductAttention(
                queries: q, keys: k, values: v, scale: Float(scale), mask: mask, causal: causal)
        }
        // Dropping attention weights needs the matrix of them.
        var scores = matmul(q * scale, k.transposed(0, 1, 3, 2))
        let forbidden = -1e30
        if let mask {
            scores = mask.dtype == .bool ? which(mask, scores, forbidden) : scores + mask
        }
        if causal {
            let rows = Tensor.arange(q.shape[2]).expandedDimensions(axis: 1)
            scores = which(rows .>= Tensor.arange(k.shape[2]), scores, forbidden)
        }
        let weights = dropout(softmax(scores, axis: -1), dropoutProbability, key: random.next())
        return matmul(weights, v)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let (batch, tokens) = (shape[0], shape[1])
        precondition(shape.last == width, "MultiHeadAttention: input of shape \(shape), width \(width)")
        // Four projections, scores and their use.
        let products = 4 * tokens * width * width + 2 * tokens * tokens * width
        cost.record(self, output: shape, multiplyAdds: batch * products)
        return shape
    }
}
