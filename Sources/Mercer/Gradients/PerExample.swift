/// The gradient of each example's loss with respect to the parameters, for a whole batch at once.
///
/// ```swift
/// let gradients = perExampleGradients { w, x in (linear(x[0], w[0]) - x[1]).square().sum(axes: [1]) }
/// let g = gradients([weight], [inputs, targets])        // g[0]: [examples, out, in]
/// ```
///
/// For linear layers, convolutions, norms and element-wise operations it costs little more than the gradient of the
/// batch; other operations that read a parameter are walked back once for each example, which is slower but right.
/// Operations must not mix examples (batch normalisation in training mode does).
///
/// - Parameter losses: from parameters and examples, whose tensors have the examples on their first axis, to one
///   loss for each example, `[examples]`.
/// - Returns: a function to the gradients: the parameters' structure, each tensor with the examples as a new first
///   axis.
public func perExampleGradients<Parameters: TensorTree, Examples: TensorTree>(
    _ losses: @escaping (Parameters, Examples) -> Tensor
) -> (Parameters, Examples) -> Parameters {
    { parameters, examples in
        let batch = examples.tensors
        guard let count = batch.first?.shape.first else {
            preconditionFailure("perExampleGradients: no examples")
        }
        precondition(
            batch.allSatisfy { $0.shape.first == count },
            "perExampleGradients: examples of shapes \(batch.map(\.shape)) differ in number")
        let gradients = Gradients.withVariables(parameters.tensors) { variables in
            let result = losses(
                parameters.replacingTensors(variables.tensors),
                examples.replacingTensors(variables.asExamples(batch)))
            precondition(
                result.shape == [count],
                "perExampleGradients: losses of shape \(result.shape) for \(count) examples")
            return variables.pullBack([result], [.ones([count], result.dtype)], exampleCount: count)
        }
        return parameters.replacingTensors(gradients)
    }
}

extension BackwardWalk {
    /// The gradients of one operation in a per-example walk.
    ///
    /// There, a tensor that depends on the examples has them on its first axis and so has its gradient; a tensor
    /// that depends on parameters alone has a gradient with the examples as an additional first axis.
    func gradientsForEachExample(
        _ count: Int, _ node: Node, _ gradients: [Tensor?], _ rule: (Backward) -> [Tensor?]
    ) -> [Tensor?] {
        guard node.dependsOnExamples else {
            // A function of parameters alone: the rule knows nothing of the additional axis.
            return stackedOverExamples(count, node, rule) { example in gradients.map { $0?[example] } }
        }
        var results = rule(Backward(gradients: gradients, node: node, walk: self))
        let parameters = node.sources.indices.filter { operand in
            guard let source = node.sources[operand], results[operand] != nil else { return false }
            return !source.node.dependsOnExamples
        }
        let unaware = parameters.filter { results[$0]!.shape != [count] + node.sources[$0]!.shape }
        if unaware.isEmpty { return results }
        // The rule gave the sum over the examples: it is called with the gradient of one example at a time.
        let apart = stackedOverExamples(count, node, rule) { example in
            gradients.map { gradient in
                guard let gradient else { return nil }
                var only = Tensor.zeros(like: gradient)
                only[example] = gradient[example]
                return only
            }
        }
        for operand in unaware { results[operand] = apart[operand] }
        return results
    }

    private func stackedOverExamples(
        _ count: Int, _ node: Node, _ rule: (Backward) -> [Tensor?], _ gradients: (Int) -> [Tensor?]
    ) -> [Tensor?] {
        let walk = BackwardWalk(variables: [], level: level, releases: false)
        let each = (0..<count).map { rule(Backward(gradients: gradients($0), node: node, walk: walk)) }
        return node.sources.indices.map { operand in
            guard count > 0, each[0][operand] != nil else { return nil }
            return stacked(each.map { $0[operand]! })
        }
    }
}
