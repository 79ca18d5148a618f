// Operations as free functions and as methods: `sum(x, axis: 0)` and `x.sum(axis: 0)` are the same. Where the operation
// itself is a method the function is here, and the other way round.

/// The sum over axes. See ``Tensor/sum(axes:keepDims:)``.
public func sum(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    x.sum(axes: axes, keepDims: keepDims)
}
/// The sum over one axis.
public func sum(_ x: Tensor, axis: Int, keepDims: Bool = false) -> Tensor {
    x.sum(axis: axis, keepDims: keepDims)
}

/// The mean over axes. See ``Tensor/mean(axes:keepDims:)``.
public func mean(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    x.mean(axes: axes, keepDims: keepDims)
}
/// The mean over one axis.
public func mean(_ x: Tensor, axis: Int, keepDims: Bool = false) -> Tensor {
    x.mean(axis: axis, keepDims: keepDims)
}

/// The variance over axes. See ``Tensor/variance(axes:keepDims:unbiased:)``.
public func variance(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
    x.variance(axes: axes, keepDims: keepDims, unbiased: unbiased)
}
/// The variance over one axis.
public func variance(_ x: Tensor, axis: Int, keepDims: Bool = false, unbiased: Bool = true) -> Tensor {
    x.variance(axis: axis, keepDims: keepDims, unbiased: unbiased)
}

/// The largest element over axes. See ``Tensor/max(axes:keepDims:)``.
public func max(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    x.max(axes: axes, keepDims: keepDims)
}
/// The largest element over one axis.
public func max(_ x: Tensor, axis: Int, keepDims: Bool = false) -> Tensor {
    x.max(axis: axis, keepDims: keepDims)
}

/// The smallest element over axes. See ``Tensor/min(axes:keepDims:)``.
public func min(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    x.min(axes: axes, keepDims: keepDims)
}
/// The smallest element over one axis.
public func min(_ x: Tensor, axis: Int, keepDims: Bool = false) -> Tensor {
    x.min(axis: axis, keepDims: keepDims)
}

/// The product over axes. See ``Tensor/product(axes:keepDims:)``.
public func product(_ x: Tensor, axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
    x.product(axes: axes, keepDims: keepDims)
}

/// The position of the largest element. See ``Tensor/argMax(axis:keepDims:)``.
public func argMax(_ x: Tensor, axis: Int? = nil, keepDims: Bool = false) -> Tensor {
    x.argMax(axis: axis, keepDims: keepDims)
}
/// The position of the smallest element. See ``Tensor/argMin(axis:keepDims:)``.
public func argMin(_ x: Tensor, axis: Int? = nil, keepDims: Bool = false) -> Tensor {
    x.argMin(axis: axis, keepDims: keepDims)
}

extension Tensor {
    /// x². See ``square(_:)``.
    public func square() -> Tensor { Mercer.square(self) }
    /// √x. See ``sqrt(_:)``.
    public func sqrt() -> Tensor { Mercer.sqrt(self) }
    /// 1/√x. See ``rsqrt(_:)``.
    public func rsqrt() -> Tensor { Mercer.rsqrt(self) }
    /// 1/x. See ``reciprocal(_:)``.
    public func reciprocal() -> Tensor { Mercer.reciprocal(self) }
    /// eˣ. See ``exp(_:)``.
    public func exp() -> Tensor { Mercer.exp(self) }
    /// The natural logarithm. See ``log(_:)``.
    public func log() -> Tensor { Mercer.log(self) }
    /// |x|. See ``abs(_:)``.
    public func abs() -> Tensor { Mercer.abs(self) }
    /// The next whole number below.
    public func floor() -> Tensor { Mercer.floor(self) }
    /// The nearest whole number, halves to the even one.
    public func round() -> Tensor { Mercer.round(self) }
    /// x to the power of a number. See ``power(_:_:)``.
    public func power<S: TensorScalar>(_ exponent: S) -> Tensor { Mercer.power(self, exponent) }
    /// The running sum. See ``cumsum(_:axis:reverse:)``.
    public func cumsum(axis: Int, reverse: Bool = false) -> Tensor {
        Mercer.cumsum(self, axis: axis, reverse: reverse)
    }
    /// ln Σ eˣ over axes. See ``logSumExp(_:axes:keepDims:)``.
    public func logSumExp(axes: [Int]? = nil, keepDims: Bool = false) -> Tensor {
        Mercer.logSumExp(self, axes: axes, keepDims: keepDims)
    }
    /// Whether all elements are close to each other. See ``allClose(_:_:rtol:atol:equalNaN:)``.
    public func allClose(_ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNaN: Bool = false)
        -> Bool
    {
        Mercer.allClose(self, other, rtol: rtol, atol: atol, equalNaN: equalNaN)
    }
}
