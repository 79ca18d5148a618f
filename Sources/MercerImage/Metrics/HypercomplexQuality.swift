import Foundation
import Mercer

/// Q2ⁿ (Garzelli & Nencini 2009): the quality index of pictures of many bands, whose pixels are taken as hypercomplex
/// numbers; with four bands Q4. 1 for equal pictures.
public enum HypercomplexQuality {
    /// How numbers become whole ones, as the official code has them.
    public enum Rounding: Sendable {
        /// Rounded; no gradient passes.
        case official
        /// Rounded; the gradient passes as if they weren't.
        case straightThrough
        /// Left as they are.
        case none
    }

    /// The mean over blocks of the modulus of the index.
    ///
    /// Bands are filled up by zeros to a power of two; sides to whole blocks by reflection.
    ///
    /// - Parameters:
    ///   - reference, output: `[N, H, W, C]`; gradients go to `output`.
    ///   - block: the side of a block, and how far the next one is.
    /// - Returns: a scalar, float64.
    public static func q2n(
        reference: Tensor, output: Tensor, block: Int = 32, rounding: Rounding = .straightThrough
    ) -> Tensor {
        precondition(
            reference.shape == output.shape && reference.rank == 4,
            "q2n: pictures of shapes \(reference.shape) and \(output.shape)")
        let pixels = Double(block * block)
        let z1 = blocks(rounded(reference.detached.asType(.float64), rounding), block)
        var z2 = blocks(rounded(output.asType(.float64), rounding), block)
        // Both in the reference's units: (v − m)/s + 1.
        let mean = z1.map { $0.mean(axes: [1], keepDims: true) }
        let deviation = z1.map { band -> Tensor in
            let s = sqrt(variance(band, axes: [1], keepDims: true, unbiased: true))
            return which(s .== 0.0, Tensor.full(s.shape, .ulpOfOne, .float64), s)
        }
        let a = z1.indices.map { band -> Tensor in (z1[band] - mean[band]) / deviation[band] + 1.0 }
        z2 = z2.indices.map { band -> Tensor in
            let scaled: Tensor = (z2[band] - mean[band]) / deviation[band] + 1.0
            return band == 0 ? scaled : -scaled
        }
        func means(_ z: [Tensor]) -> [Tensor] { z.map { $0.mean(axes: [1], keepDims: true) } }
        func power(_ z: [Tensor]) -> Tensor { z.dropFirst().reduce(square(z[0])) { $0 + square($1) } }
        let (m1, m2) = (means(a), means(z2))
        let (p1, p2) = (power(m1), power(m2))
        let correction = pixels / (pixels - 1)
        let spread: Tensor =
            (power(a).mean(axes: [1], keepDims: true) + power(z2).mean(axes: [1], keepDims: true) - p1 - p2)
            * correction
        let bias: Tensor = sqrt(p1 * p2) * 2.0 / (p1 + p2)
        let (product, constant) = (multiplied(a, z2), multiplied(m1, m2))
        let covariance = product.indices.map { part -> Tensor in
            (product[part].mean(axes: [1], keepDims: true) - constant[part]) * correction
        }
        let isFlat: Tensor = spread.detached .== 0.0
        let safe: Tensor = which(isFlat, Tensor.ones(spread.shape, .float64), spread)
        let modulus: Tensor = sqrt(power(covariance) + 1e-60) * bias * 2.0 / safe
        return which(isFlat, bias, modulus).mean()
    }

    private static func rounded(_ x: Tensor, _ rounding: Rounding) -> Tensor {
        switch rounding {
        case .none: x
        case .official: round(x.detached)
        case .straightThrough: x + (round(x.detached) - x.detached)
        }
    }

    /// For each component `[blocks, pixels]`.
    private static func blocks(_ x: Tensor, _ block: Int) -> [Tensor] {
        let (n, h, w, bands) = (x.dim(0), x.dim(1), x.dim(2), x.dim(3))
        let (down, right) = ((h + block - 1) / block, (w + block - 1) / block)
        let whole =
            down * block == h && right * block == w
            ? x
            : padded(x, [(0, 0), (0, down * block - h), (0, right * block - w), (0, 0)], mode: .reflect)
        let parts = whole.reshaped([n, down, block, right, block, bands]).transposed(axes: [5, 0, 1, 3, 2, 4])
            .reshaped([bands, n * down * right, block * block])
        var power = 1
        while power < bands { power *= 2 }
        let zeros = Tensor.zeros([n * down * right, block * block], .float64)
        return (0..<power).map { $0 < bands ? parts[$0] : zeros }
    }

    private static func conjugate(_ x: [Tensor]) -> [Tensor] { [x[0]] + x.dropFirst().map { -$0 } }

    /// The Cayley-Dickson product, in the order of the quality index's definition.
    static func multiplied(_ x: [Tensor], _ y: [Tensor]) -> [Tensor] {
        if x.count == 1 { return [x[0] * y[0]] }
        let half = x.count / 2
        let (a, b) = (Array(x[..<half]), conjugate(Array(x[half...])))
        let (c, d) = (Array(y[..<half]), conjugate(Array(y[half...])))
        if half == 1 {
            let real: Tensor = a[0] * c[0] - d[0] * b[0]
            let other: Tensor = a[0] * d[0] + c[0] * b[0]
            return [real, other]
        }
        let first = zip(multiplied(a, c), multiplied(d, conjugate(b))).map { (p: Tensor, q: Tensor) -> Tensor in p - q }
        let second = zip(multiplied(conjugate(a), d), multiplied(c, b)).map { (p: Tensor, q: Tensor) -> Tensor in p + q
        }
        return first + second
    }
}
