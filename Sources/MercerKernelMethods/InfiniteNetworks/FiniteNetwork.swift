import Foundation
import Mercer

/// A network of finite width in the NTK parametrisation: dense layers W_std/√fan_in · W x + b_std · b with an activation
/// after each but the last.
public struct FiniteNetwork: Sendable {
    /// A dense layer.
    public struct Layer: Sendable {
        /// `[out, in]`.
        public var weight: Tensor
        /// `[out]`.
        public var bias: Tensor
        public let wStd: Double
        public let bStd: Double
        /// What follows; identity for the last layer.
        public let activation: KernelActivation

        var fanIn: Int { weight.shape[1] }
        var scale: Double { wStd / Double(fanIn).squareRoot() }
    }

    public internal(set) var layers: [Layer]

    public init(layers: [Layer]) {
        precondition(!layers.isEmpty, "FiniteNetwork: no layers")
        self.layers = layers
    }

    /// The dense layers of an infinite network at some widths, drawn at random.
    ///
    /// - Parameters:
    ///   - widths: inputs, hidden layers, outputs.
    /// - Throws: ``NetworkSpecError`` for layers other than dense ones and activations.
    public init(_ network: InfiniteNetwork, widths: [Int], key: RandomKey, dtype: DType = .float64) throws {
        let plan = try Self.plan(network)
        guard widths.count == plan.count + 1, widths.allSatisfy({ $0 > 0 }) else {
            throw KernelMethodError.length("widths", found: widths.count, expected: plan.count + 1)
        }
        layers = plan.enumerated().map { l, spec in
            Layer(
                weight: Random.normal([widths[l + 1], widths[l]], dtype: dtype, key: key.fold(in: 2 * l)),
                bias: Random.normal([widths[l + 1]], dtype: dtype, key: key.fold(in: 2 * l + 1)),
                wStd: spec.wStd, bStd: spec.bStd, activation: spec.activation)
        }
    }

    /// Weights of a file: `0.weight` `[out, in]`, `0.bias`, `1.weight`, …
    ///
    /// - Parameter isStandard: the file has the standard parametrisation, W_std/√fan_in · W and b_std · b.
    public init(_ network: InfiniteNetwork, tensors: [String: Tensor], file: String, isStandard: Bool = false) throws {
        let plan = try Self.plan(network)
        layers = try plan.enumerated().map { l, spec in
            guard let weight = tensors["\(l).weight"], weight.rank == 2 else {
                throw KernelMethodError.file(file, reason: "it has no matrix '\(l).weight' for dense layer \(l + 1)")
            }
            let out = weight.shape[0]
            let bias = tensors["\(l).bias"] ?? Tensor.zeros([out], .float64)
            guard bias.shape == [out] else {
                throw KernelMethodError.file(file, reason: "'\(l).bias' has shape \(bias.shape), not [\(out)]")
            }
            var layer = Layer(
                weight: weight.asType(.float64), bias: bias.asType(.float64), wStd: spec.wStd, bStd: spec.bStd,
                activation: spec.activation)
            if isStandard {
                layer.weight = layer.weight / layer.scale
                layer.bias = spec.bStd > 0 ? layer.bias / spec.bStd : layer.bias
            }
            return layer
        }
        for l in 1..<max(1, layers.count) where layers[l].fanIn != layers[l - 1].weight.shape[0] {
            throw KernelMethodError.file(
                file,
                reason: "'\(l).weight' takes \(layers[l].fanIn) inputs, but layer \(l) has "
                    + "\(layers[l - 1].weight.shape[0]) outputs")
        }
    }

    private static func plan(
        _ network: InfiniteNetwork
    ) throws -> [(wStd: Double, bStd: Double, activation: KernelActivation)] {
        var plan: [(wStd: Double, bStd: Double, activation: KernelActivation)] = []
        for (place, layer) in network.layers.enumerated() {
            switch layer {
            case .dense(let wStd, let bStd): plan.append((wStd, bStd, .identity))
            case .activation(let activation):
                guard activation.hasFiniteNetwork else {
                    throw NetworkSpecError(layer: "\(place + 1)", reason: "exp_normalized has no finite network")
                }
                guard !plan.isEmpty, plan[plan.count - 1].activation == .identity else {
                    throw NetworkSpecError(
                        layer: "\(place + 1)", reason: "an activation of a finite network follows a dense layer")
                }
                plan[plan.count - 1].activation = activation
            default:
                throw NetworkSpecError(
                    layer: "\(place + 1)",
                    reason: "finite networks have dense layers and activations, not \(layer.name)")
            }
        }
        return plan
    }

    /// Weights and biases in the standard parametrisation, by the names of ``init(_:tensors:file:isStandard:)``.
    public var standardTensors: [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        for (l, layer) in layers.enumerated() {
            tensors["\(l).weight"] = layer.weight * layer.scale
            tensors["\(l).bias"] = layer.bias * layer.bStd
        }
        return tensors
    }

    public var inputs: Int { layers[0].fanIn }
    public var outputs: Int { layers[layers.count - 1].weight.shape[0] }

    // MARK: Forward and backward

    /// What a forward pass leaves: inputs and slopes of each layer.
    struct Pass {
        /// α before each layer, `[n, in]`.
        var inputs: [Tensor]
        /// σ′ behind each layer, `[n, out]`; nil where it is 1.
        var slopes: [Tensor?]
        /// σ″ behind each layer, where asked for.
        var curvatures: [Tensor?]
        var output: Tensor
    }

    func pass(_ x: Tensor, curvature: Bool = false) -> Pass {
        var pass = Pass(inputs: [], slopes: [], curvatures: [], output: x)
        for layer in layers {
            pass.inputs.append(pass.output)
            let h = matmul(pass.output, layer.weight.transposed()) * layer.scale + layer.bias * layer.bStd
            let (value, slope, second) = Self.activate(h, layer.activation, curvature: curvature)
            pass.slopes.append(slope)
            pass.curvatures.append(second)
            pass.output = value
        }
        return pass
    }

    private static func activate(
        _ h: Tensor, _ activation: KernelActivation, curvature: Bool
    ) -> (Tensor, Tensor?, Tensor?) {
        if activation == .identity { return (h, nil, nil) }
        if activation == .relu {
            let slope = (h .> 0).asType(h.dtype)
            return (h * slope, slope, nil)
        }
        let values = h.asType(.float64).toArray(Double.self)
        var (value, slope, second) = (values, values, [Double]())
        if curvature { second = values }
        for i in values.indices {
            let jet = activation.jet(values[i])
            (value[i], slope[i]) = (jet.value, jet.first)
            if curvature { second[i] = jet.second }
        }
        func tensor(_ list: [Double]) -> Tensor { Tensor(list, h.shape).asType(h.dtype) }
        return (tensor(value), tensor(slope), curvature ? tensor(second) : nil)
    }

    /// f(x), `[n, k]`.
    public func callAsFunction(_ x: Tensor) -> Tensor { pass(x).output }

    /// Gradients of Σ cotangent · f with respect to weights and biases, layer by layer.
    func pullBack(_ pass: Pass, _ cotangent: Tensor) -> [(weight: Tensor, bias: Tensor)] {
        var gradients: [(weight: Tensor, bias: Tensor)] = []
        var delta = cotangent
        for l in layers.indices.reversed() {
            if let slope = pass.slopes[l] { delta = delta * slope }
            gradients.append(
                (
                    matmul(delta.transposed(), pass.inputs[l]) * layers[l].scale,
                    delta.sum(axes: [0]) * layers[l].bStd
                ))
            if l > 0 { delta = matmul(delta, layers[l].weight) * layers[l].scale }
        }
        return gradients.reversed()
    }

    /// f, the derivative of f along a direction of parameters, and half the second one's double.
    private func jets(
        _ x: Tensor, _ direction: [(weight: Tensor, bias: Tensor)], second: Bool
    ) -> (value: Tensor, first: Tensor, second: Tensor) {
        let zero = x * 0.0
        var (a, a1, a2) = (x, zero, zero)
        for (layer, step) in zip(layers, direction) {
            let (w, dw) = (layer.weight.transposed(), step.weight.transposed())
            let h = matmul(a, w) * layer.scale + layer.bias * layer.bStd
            let moved: Tensor = matmul(a1, w) + matmul(a, dw)
            let h1 = moved * layer.scale + step.bias * layer.bStd
            let bent: Tensor = matmul(a2, w) + matmul(a1, dw) * 2.0
            let h2 = bent * layer.scale
            let (value, slope, curvature) = Self.activate(h, layer.activation, curvature: second)
            a = value
            a2 = slope.map { $0 * h2 } ?? h2
            if let curvature { a2 = a2 + curvature * h1 * h1 }
            a1 = slope.map { $0 * h1 } ?? h1
        }
        return (a, a1, a2)
    }

    /// J · direction, `[n, k]`.
    public func derivative(_ x: Tensor, along direction: [(weight: Tensor, bias: Tensor)]) -> Tensor {
        jets(x, direction, second: false).first
    }

    /// The Taylor model of f at these parameters, moved by `direction`: f + J Δ, and ½ Δᵀ H Δ with order 2.
    public func taylor(_ x: Tensor, moved direction: [(weight: Tensor, bias: Tensor)], order: Int = 1) -> Tensor {
        precondition(order == 1 || order == 2, "FiniteNetwork.taylor: order \(order), 1 or 2 are possible")
        let (value, first, second) = jets(x, direction, second: order == 2)
        return order == 1 ? value + first : value + first + second * 0.5
    }

    /// The network with parameters moved.
    public func moved(_ direction: [(weight: Tensor, bias: Tensor)]) -> FiniteNetwork {
        var result = self
        for (l, step) in direction.enumerated() {
            result.layers[l].weight = layers[l].weight + step.weight
            result.layers[l].bias = layers[l].bias + step.bias
        }
        return result
    }

    // MARK: Training

    /// Steps of gradient descent on (1/2Nk)|f − y|².
    ///
    /// - Parameters:
    ///   - x: `[N, inputs]`.
    ///   - y: `[N, k]`.
    ///   - batch: how many of the N points a step takes, drawn anew each time without repetition; all of them unless
    ///     given.
    ///   - key: of the draws.
    ///   - each: called with the step's number, from 1, and the outputs of its points before it.
    public mutating func train(
        _ x: Tensor, _ y: Tensor, rate: Double, steps: Int, batch: Int? = nil, key: RandomKey = RandomKey(0),
        each: (Int, Tensor) -> Void = { _, _ in }
    ) {
        let size = min(batch ?? x.shape[0], x.shape[0])
        precondition(size > 0, "FiniteNetwork: a batch of \(size) of \(x.shape[0]) points")
        let scale = rate / Double(size * y.shape[1])
        for step in 0..<steps {
            var (points, targets) = (x, y)
            if size < x.shape[0] {
                let chosen = Random.permutation(x.shape[0], key: key.fold(in: step))[0..<size]
                (points, targets) = (x.take(chosen, axis: 0), y.take(chosen, axis: 0))
            }
            let pass = pass(points)
            each(step + 1, pass.output)
            let gradients = pullBack(pass, (pass.output - targets) * -scale)
            for (l, gradient) in gradients.enumerated() {
                layers[l].weight = layers[l].weight + gradient.weight
                layers[l].bias = layers[l].bias + gradient.bias
            }
        }
    }
}
