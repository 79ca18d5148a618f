/// A chain of 3×3 convolutions each of which reads the input and all earlier results: the dense block of Huang et al.
/// 2017 as image networks use it, with leaky rectifiers between, in single precision.
///
/// map_k = leakyReLU(conv_k([x, map_1, …, map_{k-1}])) for all but the last convolution; y is the last one's result.
/// All maps lie in one buffer that every convolution reads in place: nothing is concatenated by copying, neither
/// forwards nor backwards.
public enum DenseConvolution {
    /// The weights of a chain.
    public struct Weights {
        /// `[outputs, 3, 3, inputs + grown]` each.
        public let weights: [Tensor]
        /// `[outputs]` each.
        public let biases: [Tensor]
        /// The slope of the rectifiers below 0; it must be positive.
        public let negativeSlope: Double

        public init(weights: [Tensor], biases: [Tensor], negativeSlope: Double = 0.2) {
            precondition(
                !weights.isEmpty && weights.count == biases.count,
                "DenseConvolution: \(weights.count) weights and \(biases.count) biases")
            precondition(negativeSlope > 0, "DenseConvolution: a slope of \(negativeSlope) can't be undone")
            self.weights = weights.map { $0.detached.contiguous() }
            self.biases = biases.map { $0.detached.contiguous() }
            self.negativeSlope = negativeSlope
            var depth = weights[0].shape[weights[0].rank - 1]
            for (weight, bias) in zip(weights, biases) {
                precondition(
                    weight.dtype == .float32 && bias.dtype == .float32 && bias.shape == [weight.shape[0]]
                        && weight.shape == [weight.shape[0], 3, 3, depth],
                    "DenseConvolution: weight of shape \(weight.shape) with bias \(bias.shape), "
                        + "float32 [outputs, 3, 3, \(depth)] is needed")
                depth += weight.shape[0]
            }
        }

        /// Channels of the input.
        public var inputs: Int { weights[0].shape[3] }
    }

    /// The results of a chain without gradients: y, `[batch, height, width, outputs]`, and the buffer of all maps,
    /// `[batch, height, width, inputs + grown]`, which ``backward(maps:gradient:_:wantsWeights:)`` takes.
    ///
    /// - Parameter inputs: `[batch or 1, height, width, channels]` each, side by side the input's channels.
    public static func forward(_ inputs: [Tensor], _ weights: Weights) -> (y: Tensor, maps: Tensor) {
        let first = inputs[0]
        precondition(
            inputs.allSatisfy { $0.rank == 4 && $0.dtype == .float32 }
                && inputs.reduce(0) { $0 + $1.shape[3] } == weights.inputs,
            "DenseConvolution: inputs of shapes \(inputs.map(\.shape)) for weights of \(weights.inputs) channels")
        let product = product(first.shape, weights)
        let pixels = Array(first.shape[..<3])
        let maps = Tensor(uninitialized: pixels + [product.total], .float32)
        var start = 0
        for input in inputs {
            let channels = input.shape[3]
            let place = maps[0..., 0..., 0..., start..<(start + channels)]
            StridedCopy.copy(from: input.detached.broadcast(to: place.shape), to: place)
            start += channels
        }
        let y = Tensor(uninitialized: pixels + [product.outputs], .float32)
        if y.count > 0 {
            product.forward(
                maps.mutablePointer(Float.self), weights: weights.weights.map { $0.pointer(Float.self) },
                biases: weights.biases.map { $0.pointer(Float.self) }, slope: Float(weights.negativeSlope),
                y.mutablePointer(Float.self))
        }
        return (y, maps)
    }

    /// The gradients with respect to the input (all its channels), the weights and the biases.
    ///
    /// - Parameters:
    ///   - maps: of ``forward(_:_:)``.
    ///   - gradient: with respect to y.
    public static func backward(
        maps: Tensor, gradient: Tensor, _ weights: Weights, wantsWeights: Bool = true
    ) -> (input: Tensor, weights: [Tensor], biases: [Tensor]) {
        let product = product(maps.shape, weights)
        let pixels = Array(maps.shape[..<3])
        precondition(
            maps.isContiguous && maps.shape[3] == product.total && gradient.shape == pixels + [product.outputs],
            "DenseConvolution.backward: maps of shape \(maps.shape), gradient of shape \(gradient.shape)")
        let gradients = Tensor(uninitialized: pixels + [product.total + product.outputs], .float32)
        StridedCopy.copy(
            from: gradient.detached, to: gradients[0..., 0..., 0..., product.total..<(product.total + product.outputs)])
        let results =
            wantsWeights ? weights.weights.map { Tensor(uninitialized: $0.shape, .float32) } : []
        let sums = wantsWeights ? weights.biases.map { Tensor(uninitialized: $0.shape, .float32) } : []
        if maps.count > 0 {
            product.backward(
                maps.pointer(Float.self), gradients.mutablePointer(Float.self),
                weights: weights.weights.map { $0.pointer(Float.self) }, slope: Float(weights.negativeSlope),
                weightGradients: wantsWeights ? results.map { $0.mutablePointer(Float.self) } : nil,
                biasGradients: wantsWeights ? sums.map { $0.mutablePointer(Float.self) } : nil)
        }
        return (gradients[0..., 0..., 0..., 0..<weights.inputs], results, sums)
    }

    private static func product(_ shape: [Int], _ weights: Weights) -> DenseConvolutionProduct {
        DenseConvolutionProduct(
            batch: shape[0], height: shape[1], width: shape[2], inputs: weights.inputs,
            growth: weights.weights.dropLast().map { $0.shape[0] }, outputs: weights.weights.last!.shape[0])
    }
}

/// A chain of convolutions with gradients; see ``DenseConvolution``. The buffer of all maps is kept for the backward
/// walk.
///
/// - Parameters:
///   - inputs: `[batch or 1, height, width, channels]` each, side by side the input's channels. Only the first may
///     depend on variables.
///   - weights: `[outputs, 3, 3, inputs + grown]` each.
/// - Returns: `[batch, height, width, outputs of the last weight]`.
public func denseConvolution(
    _ inputs: [Tensor], weights: [Tensor], biases: [Tensor], negativeSlope: Double = 0.2
) -> Tensor {
    let chain = DenseConvolution.Weights(weights: weights, biases: biases, negativeSlope: negativeSlope)
    precondition(!inputs.dropFirst().contains(where: \.isTracked), "denseConvolution: only the first input is varied")
    let (y, maps) = DenseConvolution.forward(inputs, chain)
    let sources = [inputs[0]] + weights + biases
    guard sources.contains(where: \.isTracked) else { return y }
    let channels = inputs[0].shape[3]
    return y.tracked("denseConvolution", from: sources) { back in
        precondition(
            !back.gradient.isTracked, "denseConvolution has no second derivative; build the chain of conv2d for that")
        let wantsWeights = (1..<sources.count).contains { back.needs($0) }
        let gradients = DenseConvolution.backward(
            maps: maps, gradient: back.gradient, chain, wantsWeights: wantsWeights)
        let input = gradients.input[0..., 0..., 0..., 0..<channels].contiguous()
        guard wantsWeights else { return [input] + [Tensor?](repeating: nil, count: sources.count - 1) }
        return [input] + gradients.weights + gradients.biases
    }
}
