import Foundation
import Mercer

/// The objective of DRP (Tang et al. 2023, equation 8) for networks' pictures x and r, given y and k̂.
///
/// *paper*: mean (k̂⊗x + s + r − y)² + w·mean |r| + c·TV(x), s constant: s = DCTᵀ soft(DCT(y − k̂⊗x − r), τ).
///
/// *official*: the same mean + λ₁ Σ|T(s)| + λ₂ Σ|r| + c·TV(x), s = soft(y − k̂⊗x − r/L, λ₁) with its gradient, where T
/// is the code's transform that isn't the DCT. The data term then is the mean of ((1 − 1/L)·r)²: the picture learns
/// through λ₁ and c alone.
public struct ResidualPriorObjective: Sendable {
    /// Which of the two.
    public enum Variant: String, Sendable, Codable, CaseIterable {
        case paper, official
    }

    public var variant: Variant
    /// τ of *paper*, λ₁ of *official*; nil leaves s out.
    public var lambda1: Double?
    /// w of *paper*, λ₂ of *official*.
    public var lambda2: Double
    /// c.
    public var tv: Double
    /// L of *official*.
    public var lipschitz = 0.1

    public init(_ variant: Variant, lambda1: Double?, lambda2: Double, tv: Double) {
        self.variant = variant
        self.lambda1 = lambda1
        self.lambda2 = lambda2
        self.tv = tv
    }

    /// The constants of a variant: re-tuned for *paper*, where s is left out, published for *official*.
    public static func standard(_ variant: Variant) -> ResidualPriorObjective {
        switch variant {
        case .paper: ResidualPriorObjective(.paper, lambda1: nil, lambda2: 0.02, tv: 0.02)
        case .official: ResidualPriorObjective(.official, lambda1: 5e-7, lambda2: 5e-5, tv: 2)
        }
    }

    /// The sparse artefacts s that go with x and r; nil where they are left out. Constant for *paper*.
    public func artefacts(blurred y: Tensor, reblurred: Tensor, residual: Tensor?) -> Tensor? {
        guard let lambda1 else { return nil }
        switch variant {
        case .paper:
            let kx = reblurred.detached
            let rest: Tensor = residual.map { y - kx - $0.detached } ?? (y - kx)
            return idctn(softShrink(dctn(rest, axes: [1, 2]), lambda1), axes: [1, 2])
        case .official:
            let rest: Tensor = residual.map { y - reblurred - $0 / lipschitz } ?? (y - reblurred)
            return softShrink(rest, lambda1)
        }
    }

    /// The value, a scalar.
    ///
    /// - Parameters:
    ///   - picture: x.
    ///   - reblurred: k̂ ⊗ x.
    ///   - residual: r; nil for the deep image prior, which has none.
    ///   - artefacts: s.
    public func value(
        blurred y: Tensor, picture: Tensor, reblurred: Tensor, residual: Tensor?, artefacts: Tensor?
    ) -> Tensor {
        var rest: Tensor = reblurred - y
        if let artefacts { rest = rest + artefacts }
        if let residual { rest = rest + residual }
        var loss: Tensor = square(rest).mean()
        if let residual {
            let size: Tensor = abs(residual)
            loss = loss + (variant == .paper ? size.mean() : size.sum()) * lambda2
        }
        if variant == .official, let artefacts, let lambda1 {
            loss = loss + abs(Self.officialTransform(artefacts)).sum() * lambda1
        }
        return tv == 0 ? loss : loss + Self.totalVariation(picture) * tv
    }

    /// 2·(mean of squared vertical + mean of squared horizontal differences) of `[N, H, W, C]`: squared, so that it
    /// is a smoothness.
    public static func totalVariation(_ x: Tensor) -> Tensor {
        let vertical: Tensor = x[0..., 1..., 0..., 0...] - x[0..., 0..<(x.shape[1] - 1), 0..., 0...]
        let horizontal: Tensor = x[0..., 0..., 1..., 0...] - x[0..., 0..., 0..<(x.shape[2] - 1), 0...]
        return (square(vertical).mean() + square(horizontal).mean()) * 2.0
    }

    /// The official code's `dct_2d` of `[N, H, W, C]`: on both axes 2·Re(e^(−iπk/2N)·FFT(x)), without the
    /// permutation that would make it a cosine transform.
    public static func officialTransform(_ x: Tensor) -> Tensor {
        [2, 1].reduce(x) { officialTransform($0, axis: $1) }
    }

    private static func officialTransform(_ x: Tensor, axis: Int) -> Tensor {
        let n = x.shape[axis]
        let angles = (0..<n).map { -Double.pi * Double($0) / Double(2 * n) }
        var shape = [1, 1, 1, 1]
        shape[axis] = n
        let turn = complex(
            Tensor(angles.map(cos), shape).asType(x.dtype), Tensor(angles.map(sin), shape).asType(x.dtype))
        return (fft(x, axis: axis) * turn).realPart() * 2.0
    }
}
