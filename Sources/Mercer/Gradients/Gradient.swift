import CKernels

// Gradients of functions of tensors, define-by-run: a call records the operations on its variables and walks back.
// Nested calls are ordinary: inside another gradient call the backward walk is recorded too.

/// A function's value and its gradient with respect to all tensors of its argument.
///
/// ```swift
/// let f = valueAndGrad { (w: Tensor) in (w * w).sum() }
/// let (value, gradient) = f(Tensor([1, 2, 3] as [Float]))        // 14, [2, 4, 6]
/// ```
///
/// - Parameter f: returns a scalar first (`out.tensors[0]`); what else it returns isn't differentiated.
/// - Returns: a function to the value of `f` and the gradient, of the argument's structure, shapes and types. It is
///   zero for a tensor that the value doesn't depend on. Integer tensors get zeros.
public func valueAndGrad<In: TensorTree, Out: TensorTree>(
    _ f: @escaping (In) throws -> Out
) -> (In) throws -> (Out, In) {
    { input in
        let (value, gradients) = try Gradients.withVariables(input.tensors) { variables in
            let out = try f(input.replacingTensors(variables.tensors))
            let loss = out.tensors[0]
            precondition(
                loss.count == 1,
                "valueAndGrad: the function's value has shape \(loss.shape), not a single number")
            let gradients = variables.pullBack([loss], [Tensor.full(loss.shape, 1, loss.dtype)])
            return (out.replacingTensors(variables.results(out.tensors)), gradients)
        }
        return (value, input.replacingTensors(gradients))
    }
}

/// A function's value and its gradient; for a function that doesn't throw.
public func valueAndGrad<In: TensorTree, Out: TensorTree>(_ f: @escaping (In) -> Out) -> (In) -> (Out, In) {
    let throwing: (In) throws -> (Out, In) = valueAndGrad { (input: In) throws -> Out in f(input) }
    return { input in try! throwing(input) }
}

/// The gradient of a function whose value is a scalar. See ``valueAndGrad(_:)``.
public func grad<In: TensorTree>(_ f: @escaping (In) -> Tensor) -> (In) -> In {
    let both: (In) -> (Tensor, In) = valueAndGrad(f)
    return { both($0).1 }
}

/// The value of `f` and the vector-Jacobian product vᵀJ at `primals`.
///
/// - Parameter cotangents: one for each result of `f`, of its shape.
public func vjp(
    _ f: ([Tensor]) -> [Tensor], primals: [Tensor], cotangents: [Tensor]
) -> (values: [Tensor], gradients: [Tensor]) {
    Gradients.withVariables(primals) { variables in
        let out = f(variables.tensors)
        precondition(
            out.map(\.shape) == cotangents.map(\.shape),
            "vjp: results of shapes \(out.map(\.shape)), cotangents of \(cotangents.map(\.shape))")
        let gradients = variables.pullBack(out, cotangents)
        return (variables.results(out), gradients)
    }
}

/// The value of `f` and the Jacobian-vector product Jv at `primals`: the derivative of `f` along `tangents`.
///
/// vᵀJ is linear in v, so that its own vector-Jacobian product is Jv: two backward walks, no forward rules.
public func jvp(
    _ f: ([Tensor]) -> [Tensor], primals: [Tensor], tangents: [Tensor]
) -> (values: [Tensor], derivatives: [Tensor]) {
    precondition(
        primals.map(\.shape) == tangents.map(\.shape),
        "jvp: primals of shapes \(primals.map(\.shape)), tangents of \(tangents.map(\.shape))")
    let values = f(primals)
    let zeros = values.map { Tensor.zeros($0.shape, $0.dtype) }
    let derivatives = vjp(
        { cotangents in vjp(f, primals: primals, cotangents: cotangents).gradients },
        primals: zeros, cotangents: tangents
    ).gradients
    return (values, derivatives)
}

/// The gradient of a scalar function and its Hessian's product with a vector, Hv.
public func hessianVectorProduct(
    _ f: @escaping ([Tensor]) -> Tensor, primals: [Tensor], vector: [Tensor]
) -> (gradient: [Tensor], product: [Tensor]) {
    let (gradient, product) = vjp(
        { x in grad { (y: [Tensor]) in f(y) }(x) }, primals: primals, cotangents: vector)
    return (gradient, product)
}

/// A tensor's values as a constant: no gradient passes through.
public func stopGradient(_ x: Tensor) -> Tensor { x.detached }

extension Gradients {
    /// The variables of one gradient call.
    struct Variables {
        let tensors: [Tensor]
        fileprivate let level: Int32
        fileprivate let recordsBackward: Bool

        /// Examples of a per-example gradient call.
        func asExamples(_ tensors: [Tensor]) -> [Tensor] {
            tensors.map { tensor in
                guard tensor.dtype.isFloatingPoint else { return tensor.detached }
                var example = tensor
                example.node = Node.example(level: level)
                example.outputIndex = 0
                return example
            }
        }

        /// The gradients of the variables, given those of `results`. May be called once.
        func pullBack(_ results: [Tensor], _ cotangents: [Tensor], exampleCount: Int? = nil) -> [Tensor] {
            let walk = BackwardWalk(
                variables: tensors.compactMap(\.node), level: level, releases: !recordsBackward,
                exampleCount: exampleCount)
            return pullBack(results, cotangents, by: walk)
        }

        /// The gradients of the variables as a part of the walk `outer`, which gets those of its own variables.
        func pullBack(_ results: [Tensor], _ cotangents: [Tensor?], within outer: BackwardWalk) -> [Tensor] {
            let walk = BackwardWalk(
                variables: tensors.compactMap(\.node), level: outer.level, releases: false,
                exampleCount: outer.exampleCount, within: outer)
            return pullBack(results, cotangents, by: walk)
        }

        private func pullBack(_ results: [Tensor], _ cotangents: [Tensor?], by walk: BackwardWalk) -> [Tensor] {
            let state = mercer_thread_state()
            let paused = state.pointee.recording_paused
            state.pointee.recording_paused = recordsBackward ? 0 : 1
            defer { state.pointee.recording_paused = paused }
            var roots: [Node] = []
            for (result, cotangent) in zip(results, cotangents) {
                guard let cotangent, let source = result.source, source.node.level >= walk.level else {
                    continue
                }
                walk.add(cotangent, to: source)
                roots.append(source.node)
            }
            walk.run(from: roots)
            return tensors.map { variable in
                if let node = variable.node, let gradient = walk.gradient(of: node) { return gradient }
                let shape = walk.exampleCount.map { [$0] + variable.shape } ?? variable.shape
                return Tensor.zeros(shape, variable.dtype)
            }
        }

        /// Results as the caller may have them: without their operations, unless an outer call needs these.
        func results(_ tensors: [Tensor]) -> [Tensor] { recordsBackward ? tensors : tensors.map(\.detached) }
    }

    /// Opens a gradient call: `body` gets variables with the values of `tensors`.
    static func withVariables<R>(_ tensors: [Tensor], _ body: (Variables) throws -> R) rethrows -> R {
        let state = mercer_thread_state()
        let outerRecords = isRecording
        let paused = state.pointee.recording_paused
        state.pointee.gradient_depth += 1
        state.pointee.recording_paused = 0
        defer {
            state.pointee.gradient_depth -= 1
            state.pointee.recording_paused = paused
        }
        let level = state.pointee.gradient_depth
        let variables = tensors.map { tensor in
            guard tensor.dtype.isFloatingPoint || tensor.dtype.isComplex else { return tensor.detached }
            var variable = tensor
            variable.node = Node.variable(level: level, from: outerRecords ? tensor.source : nil)
            variable.outputIndex = 0
            return variable
        }
        return try body(Variables(tensors: variables, level: level, recordsBackward: outerRecords))
    }
}
