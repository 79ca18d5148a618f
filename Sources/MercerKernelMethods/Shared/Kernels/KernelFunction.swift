import Mercer

/// A positive-definite function of two points.
///
/// Kernels are made of tensor operations, so gradients flow to the points and to every hyperparameter inside a
/// gradient call; they add and multiply.
///
/// ```swift
/// let kernel = SquaredExponential(lengthScale: Tensor([0.5, 2.0])) * 3.0 + White(0.01)
/// let gram = kernel(x, x)          // [n, n]
/// ```
public protocol KernelFunction: Sendable {
    /// k(xᵢ, zⱼ) for the rows of two matrices, `[n, d]` and `[m, d]` → `[n, m]`.
    func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor

    /// k(xᵢ, xᵢ), `[n]`.
    func diagonal(_ x: Tensor) -> Tensor
}

extension KernelFunction {
    /// The Gram matrix of one set of points.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, x) }

    public static func + (a: Self, b: some KernelFunction) -> SumKernel { SumKernel([a, b]) }
    public static func * (a: Self, b: some KernelFunction) -> ProductKernel { ProductKernel([a, b]) }
    public static func * (a: Self, height: Double) -> ScaledKernel { ScaledKernel(a, height: Tensor(height)) }
}

/// Σ k.
public struct SumKernel: KernelFunction {
    public var terms: [any KernelFunction]

    public init(_ terms: [any KernelFunction]) {
        precondition(!terms.isEmpty, "SumKernel: no terms")
        self.terms = terms
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        terms.dropFirst().reduce(terms[0](x, z)) { $0 + $1(x, z) }
    }

    public func diagonal(_ x: Tensor) -> Tensor {
        terms.dropFirst().reduce(terms[0].diagonal(x)) { $0 + $1.diagonal(x) }
    }
}

/// Π k.
public struct ProductKernel: KernelFunction {
    public var factors: [any KernelFunction]

    public init(_ factors: [any KernelFunction]) {
        precondition(!factors.isEmpty, "ProductKernel: no factors")
        self.factors = factors
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        factors.dropFirst().reduce(factors[0](x, z)) { $0 * $1(x, z) }
    }

    public func diagonal(_ x: Tensor) -> Tensor {
        factors.dropFirst().reduce(factors[0].diagonal(x)) { $0 * $1.diagonal(x) }
    }
}

/// height · k.
public struct ScaledKernel: KernelFunction {
    public var kernel: any KernelFunction
    public var height: Tensor

    public init(_ kernel: any KernelFunction, height: Tensor) {
        self.kernel = kernel
        self.height = height
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor { kernel(x, z) * height }
    public func diagonal(_ x: Tensor) -> Tensor { kernel.diagonal(x) * height }
}
