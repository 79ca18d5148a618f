import Foundation
import Mercer

// Kernels of the distance. Length scales are a scalar or one number a column.

/// exp(−|x − z|²/2l²); the radial basis function.
public struct SquaredExponential: KernelFunction {
    public var lengthScale: Tensor

    @_disfavoredOverload
    public init(lengthScale: Tensor) { self.lengthScale = lengthScale }
    public init(lengthScale: Double = 1) { self.lengthScale = Tensor(lengthScale) }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        exp(scaledSquaredDistances(x, z, lengthScale) * -0.5)
    }

    public func diagonal(_ x: Tensor) -> Tensor { .ones([x.shape[0]], x.dtype) }
}

/// exp(−|x − z|₁/l) in the ℓ1 norm, or exp(−|x − z|/l) in the ℓ2 norm.
public struct LaplaceKernel: KernelFunction {
    public enum Norm: Sendable { case l1, l2 }

    public var lengthScale: Tensor
    public var norm: Norm

    @_disfavoredOverload
    public init(lengthScale: Tensor, norm: Norm = .l1) {
        self.lengthScale = lengthScale
        self.norm = norm
    }
    public init(lengthScale: Double = 1, norm: Norm = .l1) {
        self.init(lengthScale: Tensor(lengthScale), norm: norm)
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        switch norm {
        case .l1: exp(-scaledAbsoluteDistances(x, z, lengthScale))
        case .l2: exp(-safeRoot(scaledSquaredDistances(x, z, lengthScale)))
        }
    }

    public func diagonal(_ x: Tensor) -> Tensor { .ones([x.shape[0]], x.dtype) }
}

/// Matérn's kernels of half-integer smoothness, of r = |x − z|/l.
public struct MaternKernel: KernelFunction {
    public enum Smoothness: Sendable {
        /// ν = ½: e^(−r).
        case half
        /// ν = 3/2: (1 + √3 r) e^(−√3 r).
        case threeHalves
        /// ν = 5/2: (1 + √5 r + 5r²/3) e^(−√5 r).
        case fiveHalves
    }

    public var lengthScale: Tensor
    public var smoothness: Smoothness

    @_disfavoredOverload
    public init(_ smoothness: Smoothness, lengthScale: Tensor) {
        self.smoothness = smoothness
        self.lengthScale = lengthScale
    }
    public init(_ smoothness: Smoothness, lengthScale: Double = 1) {
        self.init(smoothness, lengthScale: Tensor(lengthScale))
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        let squares = scaledSquaredDistances(x, z, lengthScale)
        let r = safeRoot(squares)
        switch smoothness {
        case .half: return exp(-r)
        case .threeHalves:
            let t = r * 3.0.squareRoot()
            return (t + 1) * exp(-t)
        case .fiveHalves:
            let t = r * 5.0.squareRoot()
            return (t + 1 + squares * (5 / 3.0)) * exp(-t)
        }
    }

    public func diagonal(_ x: Tensor) -> Tensor { .ones([x.shape[0]], x.dtype) }
}

/// (1 + |x − z|²/2αl²)^(−α): squared exponentials of many length scales.
public struct RationalQuadratic: KernelFunction {
    public var lengthScale: Tensor
    public var mixture: Tensor

    @_disfavoredOverload
    public init(lengthScale: Tensor, mixture: Tensor) {
        self.lengthScale = lengthScale
        self.mixture = mixture
    }
    public init(lengthScale: Double = 1, mixture: Double = 1) {
        self.init(lengthScale: Tensor(lengthScale), mixture: Tensor(mixture))
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        let alpha = mixture.asType(x.dtype)
        return exp(-alpha * log1p(scaledSquaredDistances(x, z, lengthScale) / (alpha * 2)))
    }

    public func diagonal(_ x: Tensor) -> Tensor { .ones([x.shape[0]], x.dtype) }
}

/// 1 where the rows are the same, 0 elsewhere, times a variance: independent noise.
public struct White: KernelFunction {
    public var variance: Tensor

    @_disfavoredOverload
    public init(_ variance: Tensor) { self.variance = variance }
    public init(_ variance: Double) { self.variance = Tensor(variance) }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        (squaredDistances(x.detached, z.detached) .== 0.0).asType(x.dtype) * variance.asType(x.dtype)
    }

    public func diagonal(_ x: Tensor) -> Tensor { .ones([x.shape[0]], x.dtype) * variance.asType(x.dtype) }
}
