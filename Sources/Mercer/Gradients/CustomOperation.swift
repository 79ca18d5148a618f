/// An operation of your own with a backward of your own.
///
/// ```swift
/// let y = customOperation([x], forward: { [$0[0].rounded()] }, backward: { _, _, gradients in [gradients[0]] })
/// ```
///
/// - Parameters:
///   - forward: computes the results; nothing that it does is recorded.
///   - backward: given inputs, results and the gradients with respect to the results (zeros where nothing depends
///     on one), returns the gradient with respect to each input, nil for none. Written with tensor operations it is
///     differentiable itself.
/// - Returns: the results of `forward`.
public func customOperation(
    _ inputs: [Tensor], name: StaticString = "customOperation", forward: ([Tensor]) -> [Tensor],
    backward: @escaping (_ inputs: [Tensor], _ results: [Tensor], _ gradients: [Tensor]) -> [Tensor?]
) -> [Tensor] {
    guard inputs.contains(where: \.isTracked) else { return forward(inputs) }
    let results = Gradients.paused { forward(inputs) }
    return Tensor.tracked(name, results, from: inputs, keepsOutputs: true) { back in
        let outputs = results.indices.map { back.output($0) }
        let gradients = zip(back.gradients, outputs).map { gradient, output in
            gradient ?? Tensor.zeros(output.shape, output.dtype)
        }
        return backward(inputs, outputs, gradients)
    }
}
