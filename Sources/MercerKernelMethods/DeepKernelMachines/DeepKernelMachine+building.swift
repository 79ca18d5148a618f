import Mercer

/// The inducing points of a deep kernel machine: a random subset of rows, moved a little.
public struct Inducing: Sendable {
    let points: Tensor

    /// - Parameters:
    ///   - x: rows, `[n, columns]`.
    ///   - count: how many points; all rows where there are no more.
    public init(_ x: Tensor, count: Int, seed: UInt64 = 0) {
        precondition(x.rank == 2 && count >= 1, "Inducing: \(count) points of rows of shape \(x.shape)")
        let wide = x.asType(.float64)
        let chosen = SplitMix64.permutation(x.shape[0], seed: seed).prefix(count).sorted()
        let noise = Random.normal(
            [chosen.count, x.shape[1]], dtype: .float64, key: RandomKey(seed).fold(in: 17))
        points = wide.take(Tensor(chosen), axis: 0) + noise * 1e-3
    }

    /// Points of one's own.
    public init(points: Tensor) { self.points = points.asType(.float64) }
}

/// A learned Gram matrix.
public struct GramLayer: Sendable {
    let nu: Double

    /// - Parameter nu: ν > 0, how firmly it is held to the kernel; infinity for no learning.
    public init(nu: Double) {
        precondition(nu > 0, "GramLayer: ν is \(nu)")
        self.nu = nu
    }
}

/// Outputs with Gaussian noise.
public struct GaussianOutput: Sendable {
    public init() {}
}

/// Outputs that are classes.
public struct CategoricalOutput: Sendable {
    let classes: Int
    public init(classes: Int) { self.classes = classes }
}

/// Parts of a deep kernel machine, in order.
@resultBuilder public enum DeepKernelBuilder {
    public enum Part: Sendable {
        case inducing(Inducing)
        case layer(DeepKernelMachine.Layer)
    }

    public static func buildExpression(_ part: Inducing) -> [Part] { [.inducing(part)] }
    public static func buildExpression(_ part: GramLayer) -> [Part] { [.layer(.gram(nu: part.nu))] }
    public static func buildExpression(_: SquaredExponential) -> [Part] {
        [.layer(.kernel([.squaredExponential]))]
    }
    public static func buildExpression(_: LinearKernel) -> [Part] { [.layer(.kernel([.linear]))] }
    public static func buildExpression(_ kernel: GramKernel) -> [Part] { [.layer(.kernel([kernel]))] }
    public static func buildExpression(_ layer: DeepKernelMachine.Layer) -> [Part] { [.layer(layer)] }
    public static func buildExpression(_: GaussianOutput) -> [Part] { [.layer(.gaussianOutput)] }
    public static func buildExpression(_ part: CategoricalOutput) -> [Part] {
        [.layer(.categoricalOutput(classes: part.classes))]
    }
    public static func buildBlock(_ parts: [Part]...) -> [Part] { parts.flatMap { $0 } }
    public static func buildArray(_ parts: [[Part]]) -> [Part] { parts.flatMap { $0 } }
}

extension DeepKernelMachine {
    /// A machine of these parts, at the network's Gaussian process: every Gram matrix is the kernel it is held to.
    ///
    /// - Throws: ``DeepKernelError`` where a kernel isn't positive definite.
    public init(jitter: Double = 1e-6, @DeepKernelBuilder _ parts: () -> [DeepKernelBuilder.Part]) throws {
        let list = parts()
        var layers: [Layer] = []
        var inducing: Inducing?
        for part in list {
            switch part {
            case .inducing(let points): inducing = points
            case .layer(let layer): layers.append(layer)
            }
        }
        guard let inducing else { preconditionFailure("DeepKernelMachine: no Inducing part") }
        try self.init(layers: layers, inducing: inducing, jitter: jitter)
    }

    /// A machine of `count` Gram layers with a kernel before each and one behind the last.
    public static func layers(
        _ count: Int, kernel: [GramKernel], nu: Double, normalisation: Bool?, output: Layer
    ) -> [Layer] {
        let norm = normalisation.map { [Layer.normalisation(isLocal: $0)] } ?? []
        return (0..<count).flatMap { _ in [Layer.kernel(kernel), .gram(nu: nu)] + norm } + [.kernel(kernel), output]
    }

    public init(
        layers: [Layer], inducing: Inducing, jitter: Double = 1e-6, relativeJitter: Double? = nil
    ) throws {
        self.init(
            layers: layers, parameters: ["0.X": inducing.points], jitter: jitter, relativeJitter: relativeJitter)
        let scalar = Tensor.zeros([1], .float64)
        parameters["1.log_lengthscales"] = Tensor.zeros([columns], .float64)
        let lastKernel = layers.lastIndex { if case .kernel = $0 { true } else { false } }
        for (place, layer) in layers.enumerated() {
            switch layer {
            case .kernel(let kernels):
                if kernels.contains(.squaredExponential) { parameters[Self.name(place, "log_lengthscale")] = scalar }
                if kernels.contains(.relu) {
                    parameters[Self.name(place, "log_weight_var")] = scalar
                    parameters[Self.name(place, "log_bias_var")] = Mercer.log(scalar + 0.1)
                }
                if kernels.count > 1 {
                    parameters[Self.name(place, "logits")] = Tensor.zeros([kernels.count], .float64)
                }
                if place == lastKernel { parameters[Self.name(place, "log_height")] = scalar }
            case .normalisation: parameters[Self.name(place, "log_scale")] = scalar
            case .gram(let nu):
                if nu.isFinite { parameters[Self.name(place, "latent_Gscale")] = scalar }
            case .gaussianOutput: parameters[Self.name(place, "log_noise_var")] = Mercer.log(scalar + 0.3)
            case .categoricalOutput: break
            }
        }
        try startAtTheProcess()
    }

    /// Takes the parameters of a trained machine of as many layers and points, with Gram matrices equal to their kernels.
    mutating func start(at process: DeepKernelMachine) throws {
        precondition(
            layers.count == process.layers.count && inducingCount == process.inducingCount,
            "DeepKernelMachine: another number of layers or points to start at")
        parameters.merge(process.parameters) { $1 }
        try startAtTheProcess()
    }

    /// V = √P chol(K) with the Gram matrices so far equal to their kernels.
    mutating func startAtTheProcess() throws {
        let free = DeepKernelMachine(
            layers: layers.map { if case .gram = $0 { .gram(nu: .infinity) } else { $0 } },
            parameters: parameters.filter { !$0.key.hasSuffix(".mu") && !$0.key.hasSuffix(".L") },
            jitter: jitter, relativeJitter: relativeJitter)
        let pass = try free.forward(parameters["0.X"]![0..<1], withTerms: false)
        for (place, layer) in layers.enumerated() {
            guard case .gram(let nu) = layer, nu.isFinite else { continue }
            let number = Self.number(place)
            do {
                parameters[Self.name(place, "V")] =
                    try LinearAlgebra.cholesky(pass.kernels[number]!) * Double(inducingCount).squareRoot()
            } catch is LinearAlgebraError {
                throw DeepKernelError.notPositiveDefinite(layer: number)
            }
        }
    }

    /// Output parameters at the prior, μ = 0 and A = K, where there are none yet.
    mutating func addOutputParameters(outputs: Int) throws {
        let place = layers.count - 1
        if parameters[Self.name(place, "mu")]?.shape == [inducingCount, outputs] { return }
        let last = try forward(parameters["0.X"]![0..<1], withTerms: false).last!
        parameters[Self.name(place, "mu")] = Tensor.zeros([inducingCount, outputs], .float64)
        do {
            parameters[Self.name(place, "L")] =
                try LinearAlgebra.cholesky(last.inducing) * Double(inducingCount).squareRoot()
        } catch is LinearAlgebraError {
            throw DeepKernelError.notPositiveDefinite(layer: Self.number(place))
        }
    }
}
