import Foundation
import Mercer

/// How good a fused picture of many bands is, with a reference and without one. Pictures are `[N, H, W, bands]`.
public enum MultispectralMetrics {
    /// ERGAS (Wald 2000), 100/R·√(mean over bands of mean squared error / mean²); 0 is perfect.
    ///
    /// - Throws: ``PansharpeningError/constantBand(_:)`` where a band of the reference has the mean 0.
    public static func ergas(reference: Tensor, output: Tensor, ratio: Int = 4) throws -> Double {
        let (m, y) = (reference.asType(.float64), output.asType(.float64))
        let mean = m.mean(axes: [0, 1, 2])
        if let band = mean.toArray(Double.self).firstIndex(where: { $0 == 0 || !$0.isFinite }) {
            throw PansharpeningError.constantBand(band + 1)
        }
        let error: Tensor = square(m - y).mean(axes: [0, 1, 2])
        return 100 / Double(ratio) * (error / square(mean)).mean().doubleValue.squareRoot()
    }

    /// The mean angle between the spectra in degrees; 0 is perfect. Pixels that are 0 count as right.
    public static func sam(reference: Tensor, output: Tensor) -> Double {
        let (m, y) = (reference.asType(.float64), output.asType(.float64))
        let bands = m.dim(3)
        let (a, b) = (m.contiguous().toArray(Double.self), y.contiguous().toArray(Double.self))
        var sum = 0.0
        let pixels = a.count / bands
        for pixel in 0..<pixels {
            var (product, first, second) = (0.0, 0.0, 0.0)
            for band in (pixel * bands)..<((pixel + 1) * bands) {
                product += a[band] * b[band]
                first += a[band] * a[band]
                second += b[band] * b[band]
            }
            let size = (first * second).squareRoot()
            if size > 0 { sum += Foundation.acos(min(1, max(-1, product / size))) }
        }
        return sum / Double(pixels) * 180 / .pi
    }

    /// Q2ⁿ on blocks of 32, numbers rounded to whole ones; 1 is perfect.
    public static func q2n(reference: Tensor, output: Tensor) -> Double {
        HypercomplexQuality.q2n(reference: reference, output: output, rounding: .official).doubleValue
    }

    /// Khan's spectral distortion D_λ: 1 − Q2ⁿ of the picture seen again through the sensor and the multispectral one.
    /// Both in whole digital numbers.
    public static func dLambdaKhan(fused: Tensor, ms: Tensor, _ reprojection: Reprojection) -> Double {
        1 - q2n(reference: ms, output: reprojection(fused.asType(.float32)))
    }

    /// D_ρ: the mean of 1 − ρ of each band with the panchromatic picture, windows of half-width 2.
    public static func dRho(fused: Tensor, pan: Tensor) -> Double {
        let rho = LocalCorrelation.map(fused.asType(.float64), pan.asType(.float64), halfWidth: 2)
        return 1 - clip(rho, min: -1, max: 1).mean().doubleValue
    }

    /// D_S (Alparone et al. 2008): how far each band's likeness to the panchromatic picture (Q on 32×32 windows)
    /// differs from the likeness before (8×8 windows, panchromatic picture reduced by MATLAB's bicubic).
    public static func ds(fused: Tensor, ms: Tensor, pan: Tensor, ratio: Int = 4) -> Double {
        let small = Resample.imresize(pan.asType(.float64), by: 1 / Double(ratio))
        let (high, low) = (quality(fused, pan, 32), quality(ms, small, 32 / ratio))
        return abs(high - low).mean().doubleValue
    }

    /// D_S^R: the part of the panchromatic picture's variance that no sum of the bands explains.
    public static func dsR(fused: Tensor, pan: Tensor) throws -> Double {
        let bands = fused.dim(3)
        let a = fused.asType(.float64).reshaped([-1, bands])
        let p = pan.asType(.float64).reshaped([-1, 1])
        let weights = try LinearAlgebra.solve(matmul(a.T, a), matmul(a.T, p))
        let rest: Tensor = p - matmul(a, weights)
        return variance(rest).doubleValue / variance(p).doubleValue
    }

    /// Wang's and Bovik's Q of each band over sliding windows, `[bands]`.
    private static func quality(_ y: Tensor, _ x: Tensor, _ side: Int) -> Tensor {
        let (a, b) = (y.asType(.float64), x.asType(.float64))
        let n = Double(side * side)
        func sums(_ x: Tensor) -> Tensor {
            let table = padded(cumsum(cumsum(x, axis: 1), axis: 2), [(0, 0), (1, 0), (1, 0), (0, 0)])
            let (h, w) = (table.dim(1), table.dim(2))
            let rows: Tensor = table[0..., side..., 0..., 0...] - table[0..., 0..<(h - side), 0..., 0...]
            return rows[0..., 0..., side..., 0...] - rows[0..., 0..., 0..<(w - side), 0...]
        }
        let (sa, sb) = (sums(a), sums(b))
        let product: Tensor = sa * sb
        let squares: Tensor = square(sa) + square(sb)
        let spread: Tensor = (sums(square(a)) + sums(square(b))) * n - squares
        let numerator: Tensor = (sums(a * b) * n - product) * product * 4.0
        let denominator: Tensor = spread * squares
        let ones = Tensor.ones(denominator.shape, .float64)
        let flat: Tensor = which(squares .== 0.0, ones, product * 2.0 / which(squares .== 0.0, ones, squares))
        let map = which(denominator .== 0.0, flat, numerator / which(denominator .== 0.0, ones, denominator))
        return map.mean(axes: [0, 1, 2])
    }
}
