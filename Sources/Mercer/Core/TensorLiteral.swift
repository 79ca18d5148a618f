/// What stands between the brackets of a tensor literal: numbers, or brackets of the same form.
///
/// A number alone is no tensor literal: beside a tensor it would become a float32 tensor, and `x * 0.1` would lose the
/// digits of a float64 `x` and the type of a float16 one. See ``TensorScalar``.
public enum TensorLiteral: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
    Sendable
{
    case number(Float)
    case row([TensorLiteral])

    public init(floatLiteral value: Double) { self = .number(Float(value)) }
    public init(integerLiteral value: Int) { self = .number(Float(value)) }
    public init(arrayLiteral elements: TensorLiteral...) { self = .row(elements) }

    fileprivate var shape: [Int] {
        switch self {
        case .number: []
        case .row(let elements): [elements.count] + (elements.first?.shape ?? [])
        }
    }

    fileprivate func append(to numbers: inout [Float], _ shape: ArraySlice<Int>) {
        switch self {
        case .number(let value):
            precondition(
                shape.isEmpty, "tensor literal: a number where a row of \(shape.first ?? 0) is expected")
            numbers.append(value)
        case .row(let elements):
            precondition(
                elements.count == shape.first,
                "tensor literal: a row of \(elements.count) beside rows of \(shape.first ?? 0)")
            for element in elements { element.append(to: &numbers, shape.dropFirst()) }
        }
    }
}

extension Tensor: ExpressibleByArrayLiteral {
    /// A float32 tensor from nested rows of numbers: `let a: Tensor = [[1, 2], [3, 4]]`.
    public init(arrayLiteral elements: TensorLiteral...) {
        let literal = TensorLiteral.row(elements)
        var numbers: [Float] = []
        literal.append(to: &numbers, literal.shape[...])
        self.init(numbers, literal.shape)
    }
}
