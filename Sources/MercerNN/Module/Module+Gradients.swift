import Mercer

/// The value of a function of a model, and its gradient with respect to the model's trainable parameters.
///
/// ```swift
/// let (loss, gradients) = valueAndGrad(model) { model in crossEntropy(model(images), labels) }
/// optimizer.update(model, gradients)
/// ```
///
/// Frozen parameters are constants: they get no gradient, and what only their gradient would need isn't kept.
///
/// - Parameter f: returns a scalar first (`out.tensors[0]`); what else it returns isn't differentiated.
/// - Returns: the value, without gradient, and the gradients under the keys of ``Module/trainableParameters()``.
public func valueAndGrad<M: Module, Out: TensorTree, Failure: Error>(
    _ model: M, _ f: (M) throws(Failure) -> Out
) throws(Failure) -> (Out, ModuleParameters) {
    let trainable = model.structure.trainable
    let values = trainable.values
    defer { trainable.set(values) }
    let result: Result<(Out, ModuleParameters), any Error> = withoutActuallyEscaping(f) { f in
        let call: (ModuleParameters) throws -> (Out, ModuleParameters) = valueAndGrad {
            (variables: ModuleParameters) throws -> Out in
            trainable.set(variables)
            return try f(model)
        }
        return Result { try call(values) }
    }
    switch result {
    case .success(let value): return value
    case .failure(let error): throw error as! Failure
    }
}

/// A function of a model and further arguments, as a function to its value and the gradient with respect to the
/// model's trainable parameters.
///
/// ```swift
/// let step = valueAndGrad(model) { (model: Net, x: Tensor, y: Tensor) in crossEntropy(model(x), y) }
/// let (loss, gradients) = step(model, images, labels)
/// ```
public func valueAndGrad<M: Module, Argument, each Other, Out: TensorTree>(
    _ model: M, _ f: @escaping (M, Argument, repeat each Other) -> Out
) -> (M, Argument, repeat each Other) -> (Out, ModuleParameters) {
    { (model: M, argument: Argument, other: repeat each Other) in
        valueAndGrad(model) { model in f(model, argument, repeat each other) }
    }
}
