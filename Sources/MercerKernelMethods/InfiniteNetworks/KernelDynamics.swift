import Foundation
import Mercer

/// Training of an infinitely wide network by gradient flow on (1/2Nk)|f − y|²: f_t(X) = y + e^{−ηtΘ/(Nk)}(f₀(X) − y). One
/// eigendecomposition serves all times.
///
/// ```swift
/// let dynamics = try KernelDynamics(ntk: k.ntk, targets: y)
/// let outputs = dynamics.predict(time: 100, initial: f0)
/// ```
public struct KernelDynamics: Sendable {
    /// N and k.
    public let count: Int
    public let outputs: Int
    /// η; it scales the time.
    public let rate: Double
    /// Eigenvalues of Θ, ascending; negative ones of rounding are 0.
    public let eigenvalues: [Double]
    /// Their eigenvectors, columns of `[N, N]`.
    public let eigenvectors: Tensor
    private let targets: Tensor

    /// - Parameters:
    ///   - ntk: Θ(X, X), `[N, N]`.
    ///   - targets: y, `[N, k]`.
    ///   - ridge: added to the diagonal, in units of its mean unless `absoluteRidge`.
    /// - Throws: ``KernelMethodError`` for other sizes; what the eigensolver throws.
    public init(
        ntk: Tensor, targets: Tensor, ridge: Double = 0, absoluteRidge: Bool = false, rate: Double = 1
    ) throws {
        let n = ntk.shape[0]
        guard targets.rank == 2, targets.shape[0] == n else {
            throw KernelMethodError.length("rows of targets", found: targets.shape[0], expected: n)
        }
        guard rate > 0, rate.isFinite else {
            throw KernelMethodError.option("--rate", found: "\(rate)", expected: "a positive number")
        }
        var matrix = ntk.asType(.float64)
        if ridge > 0 {
            let mean = matrix.diagonal().sum().item(Double.self) / Double(n)
            matrix = matrix + Tensor.eye(n, nil, .float64) * (absoluteRidge ? ridge : ridge * mean)
        }
        let (values, vectors) = try LinearAlgebra.eigh(matrix)
        eigenvalues = values.toArray(Double.self).map { max(0, $0) }
        eigenvectors = vectors
        self.targets = targets.asType(.float64)
        (count, outputs, self.rate) = (n, targets.shape[1], rate)
    }

    /// The largest stable learning rate of gradient descent, 2Nk/λ_max; times 1 + m with momentum m.
    public func largestStableRate(momentum: Double = 0) -> Double {
        2 * Double(count * outputs) * (1 + momentum) / eigenvalues.last!
    }

    /// The time in which each component's error falls to 1/e, Nk/(ηλ), in the order of ``eigenvalues``.
    public var foldingTimes: [Double] { eigenvalues.map { Double(count * outputs) / (rate * $0) } }

    /// λ below which a component counts as never learnt.
    private var floor: Double { eigenvalues.last! * Double(count) * .ulpOfOne }

    /// e^{−ηtλ/(Nk)}.
    private func decay(_ time: Double) -> [Double] {
        eigenvalues.map { lambda in
            if time.isInfinite { return lambda > floor ? 0 : 1 }
            return exp(-rate * time * lambda / Double(count * outputs))
        }
    }

    /// (1 − e^{−ηtλ/(Nk)})/λ, with its limit for tiny λ.
    private func gain(_ time: Double) -> [Double] {
        eigenvalues.map { lambda in
            if time.isInfinite { return lambda > floor ? 1 / lambda : 0 }
            let unit = rate * time / Double(count * outputs)
            let x = unit * lambda
            return x < 1e-300 ? unit : -expm1(-x) / lambda
        }
    }

    private func function(_ spectrum: [Double], _ x: Tensor) -> Tensor {
        let column = Tensor(spectrum, [count, 1])
        return matmul(eigenvectors, matmul(eigenvectors.transposed(), x) * column)
    }

    /// Outputs at the training points at a time, `[N, k]`.
    ///
    /// - Parameter initial: f₀(X); 0 unless given.
    /// - Throws: ``KernelMethodError`` for a negative time.
    public func predict(time: Double, initial: Tensor? = nil) throws -> Tensor {
        try Self.check(time)
        let start = initial ?? Tensor.zeros([count, outputs], .float64)
        return targets + function(decay(time), start - targets)
    }

    /// Outputs at test points: f₀(x) + Θ_{xX}Θ⁻¹(1 − e^{−ηtΘ/(Nk)})(y − f₀(X)).
    ///
    /// - Parameters:
    ///   - testKernel: Θ(x, X), `[n, N]`.
    ///   - testInitial: f₀(x); 0 unless given.
    public func predict(
        time: Double, testKernel: Tensor, initial: Tensor? = nil, testInitial: Tensor? = nil
    ) throws -> Tensor {
        try Self.check(time)
        let residual = initial.map { targets - $0 } ?? targets
        let change = matmul(testKernel.asType(.float64), function(gain(time), residual))
        return testInitial.map { $0 + change } ?? change
    }

    /// Mean and covariance at test points of networks that start at f₀ ~ GP(0, Σ) and train for a time.
    ///
    /// - Parameters:
    ///   - testKernel: Θ(x, X).
    ///   - nngp: Σ(X, X); `testTrain`: Σ(x, X); `test`: Σ(x, x).
    public func ensemble(
        time: Double, testKernel: Tensor, nngp: Tensor, testTrain: Tensor, test: Tensor
    ) throws -> (mean: Tensor, covariance: Tensor) {
        let mean = try predict(time: time, testKernel: testKernel)
        // P = Θ_{xX}Θ⁻¹(1 − e^{…}), from the right since Θ is symmetric.
        let p = function(gain(time), testKernel.asType(.float64).transposed()).transposed()
        let cross = matmul(p, testTrain.asType(.float64).transposed())
        let spread = matmul(matmul(p, nngp.asType(.float64)), p.transposed())
        return (mean, test.asType(.float64) + spread - cross - cross.transposed())
    }

    private static func check(_ time: Double) throws {
        guard time >= 0 else {
            throw KernelMethodError.option("--time", found: "\(time)", expected: "0 or more, or inf")
        }
    }
}

/// Regression with a Gaussian process of a given covariance.
public struct KernelRegression: Sendable {
    /// (K + λ)⁻¹ y, `[N, k]`.
    public let weights: Tensor
    private let factor: Tensor

    /// - Parameter ridge: λ in units of the mean diagonal, unless `absolute`.
    /// - Throws: ``KernelMethodError/singular(_:advice:)``, with the pair of equal points if there is one.
    public init(_ kernel: Tensor, targets: Tensor, ridge: Double, absolute: Bool = false) throws {
        guard ridge >= 0, ridge.isFinite else {
            throw KernelMethodError.option("--ridge", found: "\(ridge)", expected: "0 or more")
        }
        let n = kernel.shape[0]
        guard targets.shape[0] == n else {
            throw KernelMethodError.length("rows of targets", found: targets.shape[0], expected: n)
        }
        let matrix = kernel.asType(.float64)
        let mean = matrix.diagonal().sum().item(Double.self) / Double(n)
        let shifted = matrix + Tensor.eye(n, nil, .float64) * (absolute ? ridge : ridge * mean)
        do {
            factor = try LinearAlgebra.cholesky(shifted)
        } catch is LinearAlgebraError {
            throw Self.singular(matrix)
        }
        // A factor that rounding alone made positive solves nothing.
        let diagonal = factor.diagonal().toArray(Double.self)
        guard diagonal.min()! > 1e-7 * diagonal.max()! else { throw Self.singular(matrix) }
        weights = LinearAlgebra.choleskySolve(factor, targets.asType(.float64))
    }

    private static func singular(_ kernel: Tensor) -> KernelMethodError {
        let n = kernel.shape[0]
        let k = kernel.toArray(Double.self)
        for i in 0..<n {
            for j in 0..<i where k[i * n + i] + k[j * n + j] - 2 * k[i * n + j] <= 1e-12 * k[i * n + i] {
                return .singular(
                    "the kernel matrix",
                    advice: "rows \(j + 1) and \(i + 1) are equal for it; give a --ridge, such as 1e-6")
            }
        }
        return .singular("the kernel matrix", advice: "give a larger --ridge, such as 1e-6")
    }

    /// Means at test points, K(x, X) weights.
    public func mean(_ testTrain: Tensor) -> Tensor { matmul(testTrain.asType(.float64), weights) }

    /// K_xx − K_xX (K + λ)⁻¹ K_Xx, the covariance of the posterior.
    public func covariance(testTrain: Tensor, test: Tensor) -> Tensor {
        let half = LinearAlgebra.triangularSolve(factor, testTrain.asType(.float64).transposed())
        return test.asType(.float64) - matmul(half.transposed(), half)
    }

    /// Its diagonal alone.
    public func variances(testTrain: Tensor, testDiagonal: [Double]) -> [Double] {
        let half = LinearAlgebra.triangularSolve(factor, testTrain.asType(.float64).transposed())
        let taken = (half * half).sum(axes: [0]).toArray(Double.self)
        return zip(testDiagonal, taken).map { max(0, $0 - $1) }
    }
}
