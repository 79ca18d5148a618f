import Foundation

/// Scaled dot-product attention: softmax(scale · q·kᵀ + mask) · v.
///
/// In float32 no matrix of all scores is ever made, neither forward nor backward: memory is linear in the number of
/// tokens. A query that may see nothing gets zeros.
///
/// - Parameters:
///   - queries: `[batch, heads, tokens, head]`.
///   - keys: `[batch, heads, tokens, head]`; with fewer heads than the queries each serves as many query heads
///     (grouped-query attention).
///   - values: `[batch, heads, tokens, any]`.
///   - scale: 1/√head by default.
///   - mask: broadcast to `[batch, heads, queries, keys]`: added to the scores, or, of type bool, true where a
///     query may see a key.
///   - causal: whether query i sees keys 0...i only.
/// - Returns: `[batch, heads, queries, any]`.
public func scaledDotProductAttention(
    queries: Tensor, keys: Tensor, values: Tensor, scale: Float? = nil, mask: Tensor? = nil, causal: Bool = false
) -> Tensor {
    precondition(
        queries.rank == 4 && keys.rank == 4 && values.rank == 4 && queries.shape[0] == keys.shape[0]
            && keys.shape[0] == values.shape[0] && keys.shape[1] == values.shape[1]
            && keys.shape[2] == values.shape[2] && queries.shape[3] == keys.shape[3] && keys.shape[1] > 0
            && queries.shape[1] % keys.shape[1] == 0,
        "scaledDotProductAttention: queries of shape \(queries.shape), keys \(keys.shape) and values \(values.shape); expected [batch, heads, tokens, head], the query heads a multiple of the others'"
    )
    let scores = [queries.shape[0], queries.shape[1], queries.shape[2], keys.shape[2]]
    if let mask {
        precondition(
            mask.rank <= 4 && Shape.broadcast(mask.shape, scores, "scaledDotProductAttention mask") == scores,
            "scaledDotProductAttention: a mask of shape \(mask.shape) doesn't broadcast to scores of shape \(scores)")
    }
    let type = queries.dtype.promoted(with: keys.dtype).promoted(with: values.dtype)
    if queries.dtype != type || keys.dtype != type || values.dtype != type {
        return scaledDotProductAttention(
            queries: queries.asType(type), keys: keys.asType(type), values: values.asType(type), scale: scale,
            mask: mask, causal: causal)
    }
    let factor = scale.map(Double.init) ?? 1 / Double(max(1, queries.shape[3])).squareRoot()
    switch type {
    case .float32:
        if mask?.isTracked == true { break }
        return Attention(scale: factor, mask: mask?.detached, causal: causal)(queries, keys, values)
    case .float64: break
    default:
        return scaledDotProductAttention(
            queries: queries.asType(.float32), keys: keys.asType(.float32), values: values.asType(.float32),
            scale: scale, mask: mask, causal: causal
        ).asType(type)
    }
    return Attention(scale: factor, mask: mask, causal: causal).composed(queries, keys, values)
}

struct Attention {
    let scale: Double
    let mask: Tensor?
    let causal: Bool

    /// The fused form, for float32.
    func callAsFunction(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        let isTracked = q.isTracked || k.isTracked || v.isTracked
        let out = Tensor(uninitialized: [q.shape[0], q.shape[1], q.shape[2], v.shape[3]], .float32)
        let logSums = isTracked ? Tensor(uninitialized: Array(q.shape.dropLast()), .float32) : nil
        if out.count > 0 {
            let inputs = [q, k, v].map(rows)
            withExtendedLifetime(inputs) {
                tiles(q, k, v).forward(
                    .init(inputs[0]), .init(inputs[1]), .init(inputs[2]), .init(out),
                    logSums: logSums?.mutablePointer(Float.self))
            }
        }
        guard isTracked, let logSums else { return out }
        return out.tracked("scaledDotProductAttention", from: [q, k, v], keepsOutput: true) { back in
            if Gradients.isRecording {
                return vjp({ [composed($0[0], $0[1], $0[2])] }, primals: [q, k, v], cotangents: [back.gradient])
                    .gradients
            }
            let results = backward(
                q.detached, k.detached, v.detached, back.output.detached, logSums, back.gradient.detached)
            return (0..<3).map { back.needs($0) ? results[$0] : nil }
        }
    }

    private func backward(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ out: Tensor, _ logSums: Tensor, _ gradient: Tensor
    ) -> [Tensor] {
        let results = [q, k, v].map { Tensor(uninitialized: $0.shape, .float32) }
        if out.count == 0 || k.count == 0 { return [q, k, v].map { Tensor.zeros(like: $0) } }
        let inputs = [q, k, v, out, gradient].map(rows)
        withExtendedLifetime((inputs, logSums)) {
            tiles(q, k, v).backward(
                .init(inputs[0]), .init(inputs[1]), .init(inputs[2]), .init(inputs[3]), .init(inputs[4]),
                logSums: logSums.pointer(Float.self), .init(results[0]), .init(results[1]), .init(results[2]))
        }
        return results
    }

    /// The tensor itself where its last axis is dense.
    private func rows(_ x: Tensor) -> Tensor {
        x.strides[3] == 1 || x.shape[3] == 1 ? x.detached : x.detached.denseCopy()
    }

    private func tiles(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> AttentionTiles {
        AttentionTiles(
            batch: q.shape[0], heads: q.shape[1], group: q.shape[1] / k.shape[1], queries: q.shape[2],
            keys: k.shape[2], width: q.shape[3], valueWidth: v.shape[3], scale: Float(scale), causal: causal,
            mask: mask.map { tileMask($0, [q.shape[0], q.shape[1], q.shape[2], k.shape[2]]) })
    }

    private func tileMask(_ mask: Tensor, _ shape: [Int]) -> AttentionTiles.Mask {
        var prepared = mask.dtype == .bool ? mask : mask.asType(.float32)
        if let last = prepared.shape.last, last > 1, prepared.strides[prepared.rank - 1] != 1 {
            prepared = prepared.denseCopy()
        }
        return AttentionTiles.Mask(
            tensor: prepared, strides: Shape.broadcastStrides(prepared.shape, prepared.strides, to: shape))
    }

    /// The same of tensor operations, with derivatives of any order.
    func composed(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        let (batch, heads, shared) = (q.shape[0], q.shape[1], k.shape[1])
        let grouped = [batch, shared, heads / shared, q.shape[2]]
        let scores = matmul(q.reshaped(grouped + [q.shape[3]]), k.expandedDimensions(axis: 2).T)
            .reshaped([batch, heads, q.shape[2], k.shape[2]])
        let weights = masked(scores * Tensor.scalar(scale, q.dtype))
        return matmul(
            weights.reshaped(grouped + [k.shape[2]]), v.expandedDimensions(axis: 2)
        ).reshaped([batch, heads, q.shape[2], v.shape[3]])
    }

    private func masked(_ scores: Tensor) -> Tensor {
        if scores.count == 0 { return scores }
        let hidden = Tensor.scalar(-1e30, scores.dtype)
        var visible = mask?.dtype == .bool ? mask : nil
        if causal {
            let (rows, columns) = (Tensor.arange(scores.shape[2]), Tensor.arange(scores.shape[3]))
            let past = rows.expandedDimensions(axis: 1) .>= columns
            visible = visible.map { $0 .&& past } ?? past
        }
        var shifted = scores
        if let mask, mask.dtype != .bool { shifted = shifted + mask.asType(scores.dtype) }
        if let visible { shifted = which(visible, shifted, hidden) }
        let maximum = shifted.detached.max(axis: -1, keepDims: true)
        shifted = shifted - which(maximum .< Tensor.scalar(-1e29, scores.dtype), Tensor.zeros(like: maximum), maximum)
        var weights = exp(shifted)
        if let visible { weights = which(visible, weights, Tensor.scalar(0, scores.dtype)) }
        let sums = weights.sum(axis: -1, keepDims: true)
        return weights / which(sums .== Tensor.scalar(0, scores.dtype), Tensor.ones(like: sums), sums)
    }
}
