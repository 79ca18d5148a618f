/// A Swift number that may stand beside a tensor in arithmetic and comparisons: `x * 2`, `1 - x`, `x .< 0.5`.
///
/// It takes the tensor's type, unless its category is higher: a floating-point number beside an integer tensor makes
/// float32, a whole number beside a bool tensor int64.
public protocol TensorScalar: Sendable {
    /// The nearest float64.
    var scalarValue: Double { get }
    /// The number as a tensor without axes, for an operation with a tensor of type `dtype`.
    func scalarTensor(beside dtype: DType) -> Tensor
}

extension TensorScalar where Self: BinaryFloatingPoint {
    public var scalarValue: Double { Double(self) }

    public func scalarTensor(beside dtype: DType) -> Tensor {
        .scalar(Double(self), dtype.isFloatingPoint || dtype.isComplex ? dtype : .float32)
    }
}

extension TensorScalar where Self: BinaryInteger {
    public var scalarValue: Double { Double(self) }

    public func scalarTensor(beside dtype: DType) -> Tensor {
        if dtype.isFloatingPoint || dtype.isComplex { return .scalar(Double(self), dtype) }
        let wide = Tensor(Int64(self))
        return dtype.isInteger ? wide.asType(dtype) : wide
    }
}

extension Int: TensorScalar {}
extension Int32: TensorScalar {}
extension Int64: TensorScalar {}
extension UInt8: TensorScalar {}
extension Float: TensorScalar {}
extension Double: TensorScalar {}
