/// A value made of tensors: a tensor, an array or a dictionary of them, nested as one likes. What gradient functions
/// take and return.
public protocol TensorTree {
    /// All tensors, in a fixed order.
    var tensors: [Tensor] { get }
    /// The same structure with other tensors, in the order of ``tensors``.
    func replacingTensors(_ tensors: [Tensor]) -> Self
}

extension Tensor: TensorTree {
    public var tensors: [Tensor] { [self] }
    public func replacingTensors(_ tensors: [Tensor]) -> Tensor { tensors[0] }
}

extension Array: TensorTree where Element: TensorTree {
    public var tensors: [Tensor] { flatMap(\.tensors) }

    public func replacingTensors(_ tensors: [Tensor]) -> [Element] {
        var next = 0
        return map { element in
            let count = element.tensors.count
            defer { next += count }
            return element.replacingTensors(Array<Tensor>(tensors[next..<(next + count)]))
        }
    }
}

extension Dictionary: TensorTree where Key: Comparable, Value: TensorTree {
    public var tensors: [Tensor] { keys.sorted().flatMap { self[$0]!.tensors } }

    public func replacingTensors(_ tensors: [Tensor]) -> [Key: Value] {
        var next = 0
        var result = self
        for key in keys.sorted() {
            let value = self[key]!
            let count = value.tensors.count
            result[key] = value.replacingTensors(Array<Tensor>(tensors[next..<(next + count)]))
            next += count
        }
        return result
    }
}
