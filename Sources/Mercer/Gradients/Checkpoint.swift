/// Runs `body` without keeping its intermediate results; the backward walk computes them again.
///
/// Peak memory falls by what `body` would have kept, for the price of a second forward run. `body` must compute the
/// same when it runs again (key its random numbers). Variables that it captures, parameters for instance, get their
/// gradients too; other tensors that depend on a variable must be passed in `inputs`.
public func checkpoint(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> [Tensor]) -> [Tensor] {
    guard Gradients.isRecording else { return body(inputs) }
    let results = Gradients.paused { body(inputs) }
    return Tensor.tracked("checkpoint", results, from: inputs, capturesVariables: true) { back in
        Gradients.withVariables(inputs) { variables in
            let again = body(variables.tensors)
            return variables.pullBack(again, back.gradients, within: back.walk)
        }
    }
}

/// Runs `body` without keeping its intermediate results. See ``checkpoint(_:_:)-([Tensor],_)``.
public func checkpoint(_ input: Tensor, _ body: @escaping (Tensor) -> Tensor) -> Tensor {
    checkpoint([input]) { [body($0[0])] }[0]
}
