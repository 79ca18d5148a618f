import Mercer

/// Sets each element to 0 with probability `p` in training and scales the others by 1 / (1 - p); in evaluation it
/// changes nothing.
///
/// Which elements follows from the layer's ``RandomSource`` and the element's place, so it is the same for any
/// number of threads and can be repeated; the mask isn't kept for the gradient but drawn again.
public final class Dropout: Module, UnaryLayer {
    public let p: Double
    let random = RandomSource()

    public init(_ p: Double = 0.5) {
        precondition(p >= 0 && p <= 1, "Dropout: the probability is \(p)")
        self.p = p
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        isTraining && p > 0 ? dropout(x, p, key: random.next()) : x
    }
}

/// Stochastic depth: in training sets whole examples to 0 with probability `p` and scales the others by 1 / (1 - p).
/// It stands at the end of a residual branch (Huang et al. 2016).
public final class DropPath: Module, UnaryLayer {
    public let p: Double
    /// Whether what remains is scaled.
    public let scales: Bool
    let random = RandomSource()

    public init(_ p: Double, scales: Bool = true) {
        precondition(p >= 0 && p < 1, "DropPath: the probability is \(p)")
        self.p = p
        self.scales = scales
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard isTraining && p > 0 else { return x }
        let shape = [x.shape[0]] + [Int](repeating: 1, count: x.rank - 1)
        return masked(x, keep: 1 - p, scale: scales ? 1 / (1 - p) : 1, shape: shape, key: random.next())
    }
}

/// `x` with elements set to 0 with probability `p` and the others scaled by 1 / (1 - p); which ones follows from the
/// key and their place.
public func dropout(_ x: Tensor, _ p: Double, key: RandomKey) -> Tensor {
    masked(x, keep: 1 - p, scale: p < 1 ? 1 / (1 - p) : 0, shape: x.shape, key: key)
}

/// `x` times a mask that is `scale` with probability `keep`, drawn in a shape that stretches to that of `x`. Linear
/// in `x`, so its gradient is the same function with the same key.
private func masked(_ x: Tensor, keep: Double, scale: Double, shape: [Int], key: RandomKey) -> Tensor {
    let mask = Random.bernoulli(keep, shape, key: key).asType(x.dtype) * scale
    let y = x.detached * mask
    guard x.isTracked else { return y }
    return y.tracked("dropout", from: x) { back in
        masked(back.gradient, keep: keep, scale: scale, shape: shape, key: key)
    }
}
