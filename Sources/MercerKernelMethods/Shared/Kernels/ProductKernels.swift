import Mercer

// Kernels of the dot product.

/// x·z/d, with an offset: variance · x·z / d + bias.
public struct LinearKernel: KernelFunction {
    public var variance: Tensor
    public var bias: Tensor

    @_disfavoredOverload
    public init(variance: Tensor, bias: Tensor) {
        self.variance = variance
        self.bias = bias
    }
    public init(variance: Double = 1, bias: Double = 0) {
        self.init(variance: Tensor(variance), bias: Tensor(bias))
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor {
        matmul(x, z.transposed()) * (variance.asType(x.dtype) / x.shape[1]) + bias.asType(x.dtype)
    }

    public func diagonal(_ x: Tensor) -> Tensor {
        (x * x).sum(axis: 1) * (variance.asType(x.dtype) / x.shape[1]) + bias.asType(x.dtype)
    }
}

/// (γ x·z + c)^p.
public struct PolynomialKernel: KernelFunction {
    public var degree: Int
    public var scale: Tensor
    public var offset: Tensor

    @_disfavoredOverload
    public init(degree: Int, scale: Tensor, offset: Tensor) {
        precondition(degree >= 1, "PolynomialKernel: degree \(degree)")
        self.degree = degree
        self.scale = scale
        self.offset = offset
    }
    public init(degree: Int, scale: Double = 1, offset: Double = 1) {
        self.init(degree: degree, scale: Tensor(scale), offset: Tensor(offset))
    }

    public func callAsFunction(_ x: Tensor, _ z: Tensor) -> Tensor { raised(matmul(x, z.transposed())) }
    public func diagonal(_ x: Tensor) -> Tensor { raised((x * x).sum(axis: 1)) }

    private func raised(_ products: Tensor) -> Tensor {
        let base = products * scale.asType(products.dtype) + offset.asType(products.dtype)
        return (1..<degree).reduce(base) { power, _ in power * base }
    }
}
