import Mercer

/// A module from one tensor to one tensor, as ``Sequential`` takes them.
public protocol UnaryLayer: Module {
    func callAsFunction(_ x: Tensor) -> Tensor

    /// The shape of the result for an input of shape `shape`, computed without values.
    ///
    /// A layer that computes adds what it does with ``ModelCost/record(_:output:multiplyAdds:)``; a module made of
    /// others calls their `trace` in the order of its ``callAsFunction(_:)``. A layer without modules or parameters
    /// inside keeps the shape by default and costs nothing.
    func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int]
}

extension UnaryLayer {
    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        precondition(
            modules().count == 1 && numberOfParameters() == 0,
            "describe: \(type(of: self)) holds modules or parameters and needs a `trace` of its own")
        cost.record(self, output: shape)
        return shape
    }

    /// Shapes, parameters and multiply-adds of each layer for an input of a shape; no tensor is made.
    ///
    /// ```swift
    /// print(ResNet(.resnet50).describe(inputShape: [1, 224, 224, 3]))
    /// ```
    public func describe(inputShape: [Int]) -> ModelDescription {
        var cost = ModelCost()
        let output = trace(inputShape, &cost)
        return ModelDescription(of: self, cost, input: inputShape, output: output)
    }
}
