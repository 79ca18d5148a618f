import Foundation
import Mercer

/// How far the entries of a kernel differ from each other, which is what a device must resolve.
///
/// For random data the off-diagonal entries have mean about 2⁻ⁿ and a variance that shrinks exponentially with n.
public struct KernelConcentration: Sendable, Codable, Equatable {
    /// Mean and variance of the off-diagonal entries.
    public let mean: Double
    public let variance: Double
    /// R ≈ mean/variance: shots whose error is as large as the entries' standard deviation.
    public let shots: Double

    public init(_ kernel: Tensor) {
        let n = kernel.shape[0]
        precondition(kernel.shape == [n, n] && n >= 2, "KernelConcentration: a kernel of shape \(kernel.shape)")
        let values = kernel.asType(.float64).toArray(Double.self)
        var sum = 0.0
        for i in 0..<n { for j in 0..<n where i != j { sum += values[i * n + j] } }
        let count = Double(n * (n - 1))
        let mean = sum / count
        var squares = 0.0
        for i in 0..<n {
            for j in 0..<n where i != j { squares += (values[i * n + j] - mean) * (values[i * n + j] - mean) }
        }
        self.mean = mean
        variance = squares / count
        shots = mean / variance
    }

    /// Pearson's correlation of the off-diagonal entries of two kernels.
    public static func correlation(_ a: Tensor, _ b: Tensor) -> Double {
        let n = a.shape[0]
        precondition(a.shape == b.shape && a.shape == [n, n], "correlation: \(a.shape) and \(b.shape)")
        let (x, y) = (a.asType(.float64).toArray(Double.self), b.asType(.float64).toArray(Double.self))
        let places = (0..<n * n).filter { $0 / n != $0 % n }
        let count = Double(max(1, places.count))
        let (mx, my) = (places.reduce(0) { $0 + x[$1] } / count, places.reduce(0) { $0 + y[$1] } / count)
        var (xy, xx, yy) = (0.0, 0.0, 0.0)
        for k in places {
            xy += (x[k] - mx) * (y[k] - my)
            xx += (x[k] - mx) * (x[k] - mx)
            yy += (y[k] - my) * (y[k] - my)
        }
        return xy / (xx * yy).squareRoot()
    }

    /// The Gaussian kernel exp(−γ|x − z|²) whose entries correlate best with a kernel's, over `gammas`.
    public static func closestGaussian(
        _ kernel: Tensor, _ x: Tensor, gammas: [Double] = RadialKernels.gammas
    ) -> (gamma: Double, correlation: Double) {
        gammas.map { ($0, correlation(kernel, RadialKernels.matrix(x, x, gamma: $0))) }
            .filter { $0.1.isFinite }.max { $0.1 < $1.1 } ?? (gammas[0], 0)
    }
}

/// Gaussian kernels in the terms of support-vector machines, exp(−γ|x − z|²).
public enum RadialKernels {
    /// 10^{−2 … 2}.
    public static let gammas = [0.01, 0.1, 1, 10, 100]

    public static func matrix(_ x: Tensor, _ z: Tensor, gamma: Double) -> Tensor {
        SquaredExponential(lengthScale: (0.5 / gamma).squareRoot())(x.asType(.float64), z.asType(.float64))
    }
}
