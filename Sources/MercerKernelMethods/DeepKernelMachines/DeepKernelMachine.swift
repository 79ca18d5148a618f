import Foundation
import Mercer

/// A sparse deep kernel machine: layers of kernels and of learned Gram matrices over inducing points.
///
/// Source: A. X. Yang et al., "A theory of representation learning gives a deep generalisation of kernel methods", 2023
/// (arXiv 2108.13097); the layers are those of the authors' later library. Each Gram layer's matrix is a parameter; what it
/// may learn is bounded by ν times its divergence from the kernel of the layer before.
///
/// ```swift
/// var net = try DeepKernelMachine {
///     Inducing(x, count: 100)
///     SquaredExponential()
///     GramLayer(nu: 30)
///     SquaredExponential()
///     GramLayer(nu: 30)
///     SquaredExponential()
///     GaussianOutput()
/// }
/// try net.fit(x, y)
/// let (mean, variance) = try net.predict(xNew)
/// ```
/// Parameters have the official library's names, by the layer's number: `0.X`, `3.V`, `3.latent_Gscale`, `2.log_bias_var`,
/// `7.mu`, `7.L`; number 1 is the layer from points to Gram matrices. Those that the library lacks: `1.log_lengthscales`
/// (one a column), `<kernel>.log_lengthscale`, `<kernel>.log_height`, `<output>.log_noise_var`.
public struct DeepKernelMachine: Sendable {
    public let layers: [Layer]
    public var parameters: [String: Tensor]
    /// ε of d → d(1 + ρ) + ε on the diagonals of kernels.
    public var jitter: Double
    /// ρ; as large as ε in the sparse machine, 0 in the full one.
    public var relativeJitter: Double

    /// A layer behind the input (number 0) and the Gram matrix of points (number 1).
    public enum Layer: Sendable, Codable, Equatable {
        /// One kernel, or the sum of several with softmax weights.
        case kernel([GramKernel])
        /// Divided by the diagonals' roots: each point's own, or the inducing points' mean.
        case normalisation(isLocal: Bool)
        /// ν; infinity keeps the kernel as it is.
        case gram(nu: Double)
        case gaussianOutput
        case categoricalOutput(classes: Int)
    }

    /// - Parameter relativeJitter: as large as `jitter` unless given.
    public init(
        layers: [Layer], parameters: [String: Tensor], jitter: Double = 1e-6, relativeJitter: Double? = nil
    ) {
        self.layers = layers
        self.parameters = parameters
        self.jitter = jitter
        self.relativeJitter = relativeJitter ?? jitter
    }

    /// The number of a layer in names.
    static func number(_ place: Int) -> Int { place + 2 }

    /// A parameter's name, of the layer at a place.
    static func name(_ place: Int, _ parameter: String) -> String { "\(number(place)).\(parameter)" }

    public var inducingCount: Int { parameters["0.X"]!.shape[0] }
    public var columns: Int { parameters["0.X"]!.shape[1] }

    /// ν of every Gram layer in order.
    public var nus: [Double] {
        layers.compactMap { if case .gram(let nu) = $0 { nu } else { nil } }
    }

    var isClassifier: Bool { if case .categoricalOutput = layers.last { true } else { false } }

    // MARK: Forward

    /// What a pass through the layers gives.
    public struct Pass: Sendable {
        /// Triples behind each Gram layer, by the layer's number.
        public var grams: [Int: GramTriple] = [:]
        /// Kernels that each Gram layer saw.
        public var kernels: [Int: Tensor] = [:]
        /// −ν KL of each Gram layer, and the output's term, by number.
        public var terms: [Int: Tensor] = [:]
        /// The triple that the output saw.
        public var last: GramTriple?
        /// Means `[T, outputs]` and variances `[T]` of the latent function, where the machine has `mu` and `L`.
        public var mean: Tensor?
        public var variance: Tensor?

        /// The sum of all terms.
        public var regulariser: Tensor? {
            let list = terms.keys.sorted().map { terms[$0]! }
            return list.first.map { list.dropFirst().reduce($0, +) }
        }
    }

    /// A pass of points `[T, columns]` with parameters of one's own, so that gradients can be taken.
    ///
    /// - Parameter withTerms: whether divergences are wanted too; predictions do without.
    /// - Throws: ``DeepKernelError/notPositiveDefinite(layer:)``.
    public func forward(
        _ x: Tensor, parameters: [String: Tensor]? = nil, withTerms: Bool = true
    ) throws -> Pass {
        let parameters = parameters ?? self.parameters
        var xi = parameters["0.X"]!
        var xt = x
        if let scales = parameters["1.log_lengthscales"] {
            let inverse = exp(-scales)
            (xi, xt) = (xi * inverse, xt * inverse)
        }
        var g = GramTriple(inducing: xi, points: xt)
        var pass = Pass()
        for (place, layer) in layers.enumerated() {
            let number = Self.number(place)
            do {
                switch layer {
                case .kernel(let kernels): g = kernel(kernels, g, place, parameters)
                case .normalisation(let isLocal): g = normalised(g, isLocal, place, parameters)
                case .gram(let nu):
                    pass.kernels[number] = g.inducing
                    if nu.isFinite {
                        let (next, divergence) = try gramLayer(g, place, parameters, withTerms)
                        g = next
                        pass.terms[number] = divergence.map { $0 * -nu }
                    }
                    pass.grams[number] = g
                case .gaussianOutput, .categoricalOutput:
                    pass.last = g
                    if parameters[Self.name(place, "mu")] != nil { try output(g, place, parameters, withTerms, &pass) }
                }
            } catch is LinearAlgebraError {
                throw DeepKernelError.notPositiveDefinite(layer: number)
            }
        }
        return pass
    }

    private func kernel(
        _ kernels: [GramKernel], _ g: GramTriple, _ place: Int, _ parameters: [String: Tensor]
    ) -> GramTriple {
        let scale = parameters[Self.name(place, "log_lengthscale")].map { exp($0 * -2) }
        let triples = kernels.map { $0(g, inverseSquare: scale, jitter: jitter) }
        var k = triples[0]
        if kernels.count > 1 {
            k = GramTriple.sum(triples, weights: softmax(parameters[Self.name(place, "logits")]!))
        }
        if let weight = parameters[Self.name(place, "log_weight_var")].map({ exp($0) }),
            let bias = parameters[Self.name(place, "log_bias_var")].map({ exp($0) })
        {
            k = GramTriple(
                inducing: k.inducing * weight + bias, cross: k.cross * weight + bias,
                diagonal: k.diagonal * weight + bias)
        }
        if let height = parameters[Self.name(place, "log_height")].map({ exp($0) }) {
            k = GramTriple(inducing: k.inducing * height, cross: k.cross * height, diagonal: k.diagonal * height)
        }
        return k.stabilised(jitter, relative: relativeJitter)
    }

    private func normalised(
        _ g: GramTriple, _ isLocal: Bool, _ place: Int, _ parameters: [String: Tensor]
    ) -> GramTriple {
        let own = g.inducing.diagonal()
        let (rows, points): (Tensor, Tensor)
        if isLocal {
            (rows, points) = (sqrt(own), sqrt(g.diagonal))
        } else {
            let mean = sqrt(own.mean())
            (rows, points) = (mean.broadcast(to: own.shape), mean.broadcast(to: g.diagonal.shape))
        }
        let scale = exp(parameters[Self.name(place, "log_scale")]!)
        let columns = rows.expandedDimensions(axis: 0)
        return GramTriple(
            inducing: g.inducing / (rows.expandedDimensions(axis: 1) * columns) * scale,
            cross: g.cross / (points.expandedDimensions(axis: 1) * columns) * scale,
            diagonal: g.diagonal / (points * points) * scale)
    }

    /// The learned Gram matrix of a layer, extended to the batch by the conditional law of its features, and its divergence
    /// from the kernel.
    private func gramLayer(
        _ k: GramTriple, _ place: Int, _ parameters: [String: Tensor], _ withTerms: Bool
    ) throws -> (GramTriple, Tensor?) {
        let v = parameters[Self.name(place, "V")]!
        let p = Double(v.shape[0])
        let g: Tensor =
            matmul(v, v.transposed()) * (exp(parameters[Self.name(place, "latent_Gscale")]!) / p)
        let (inverse, log) = try inverseAndLogDeterminant(k.inducing)
        let weights = matmul(inverse, g)
        // g_t = k_t − k_tᵀ(K⁻¹ − K⁻¹GK⁻¹)k_t keeps the residual variance.
        let loss = inverse - matmul(weights, inverse)
        let triple = GramTriple(
            inducing: g, cross: matmul(k.cross, weights), diagonal: k.diagonal - quadraticForms(k.cross, loss))
        guard withTerms else { return (triple, nil) }
        return (triple, try gramDivergence(g, inverse: inverse, logDeterminant: log))
    }

    /// Latent means and variances, and −KL of the output's features.
    private func output(
        _ k: GramTriple, _ place: Int, _ parameters: [String: Tensor], _ withTerms: Bool, _ pass: inout Pass
    ) throws {
        let (mu, l) = (parameters[Self.name(place, "mu")]!, parameters[Self.name(place, "L")]!)
        guard withTerms else {
            // Without terms there is no need for K⁻¹, whose rounding shows where noise is small and K nearly singular.
            let factor = try LinearAlgebra.cholesky(k.inducing)
            let half = LinearAlgebra.triangularSolve(factor, k.cross.transposed())
            let weights = LinearAlgebra.triangularSolve(factor, half, transposed: true)
            let spread = matmul(l.transposed(), weights)
            pass.mean = matmul(half.transposed(), LinearAlgebra.triangularSolve(factor, mu))
            pass.variance =
                k.diagonal - (half * half).sum(axis: 0) + (spread * spread).sum(axis: 0) / Double(l.shape[0])
            return
        }
        let a = matmul(l, l.transposed()) / Double(l.shape[0])
        let (inverse, log) = try inverseAndLogDeterminant(k.inducing)
        let solved = matmul(inverse, mu)
        pass.mean = matmul(k.cross, solved)
        pass.variance = k.diagonal - quadraticForms(k.cross, inverse - matmul(matmul(inverse, a), inverse))
        let divergence = try gramDivergence(a, inverse: inverse, logDeterminant: log)
        // The features' divergence over the number of outputs.
        pass.terms[Self.number(place)] = -(divergence + (mu * solved).sum() * (0.5 / Double(mu.shape[1])))
    }

    // MARK: Likelihoods

    /// Mean over points, summed over outputs, of E log N(y; f, σ²) with f ~ N(mean, variance).
    public static func gaussianLikelihood(
        _ y: Tensor, mean: Tensor, variance: Tensor, noise: Tensor
    ) -> Tensor {
        let r = y - mean
        let squares: Tensor = (r * r).sum(axis: 1) + variance * Double(y.shape[1])
        let constant = Double(y.shape[1]) * 0.5
        return (squares / noise).mean() * -0.5 - (log(noise) + Foundation.log(2 * Double.pi)) * constant
    }

    /// Samples of log softmax(mean + √variance · noise): `[samples, T, classes]`.
    static func logProbabilities(mean: Tensor, variance: Tensor, noise: Tensor) -> Tensor {
        let logits = mean + sqrt(variance).expandedDimensions(axis: 1) * noise
        return logits - logits.logSumExp(axes: [2], keepDims: true)
    }

    /// Mean over points of E log softmax(f)_label, over the samples of standard normal `noise`, `[samples, T, classes]`.
    public static func categoricalLikelihood(
        _ labels: [Int], mean: Tensor, variance: Tensor, noise: Tensor
    ) -> Tensor {
        let mask = oneHot(Tensor(labels), classes: mean.shape[1], .float64)
        return (logProbabilities(mean: mean, variance: variance, noise: noise) * mask).sum(axes: [2]).mean()
    }

    /// log E softmax(f) over the samples: `[T, classes]`.
    public static func predictiveLogProbabilities(mean: Tensor, variance: Tensor, noise: Tensor) -> Tensor {
        logProbabilities(mean: mean, variance: variance, noise: noise).logSumExp(axes: [0])
            - Foundation.log(Double(noise.shape[0]))
    }
}

/// What can go wrong in a deep kernel machine.
public enum DeepKernelError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// A kernel or Gram matrix lost positive definiteness.
    case notPositiveDefinite(layer: Int)
    /// It did at the largest jitter too.
    case notPositiveDefiniteAtAnyJitter(layer: Int, step: Int)
    /// The objective was not a number three times in spite of smaller rates.
    case diverged(step: Int)

    public var description: String {
        switch self {
        case .notPositiveDefinite(let layer): "the matrix of layer \(layer) is not positive definite"
        case .notPositiveDefiniteAtAnyJitter(let layer, let step):
            "the matrix of layer \(layer) is not positive definite at step \(step), even with a jitter of 0.01; a lower rate "
                + "or fewer inducing points would help"
        case .diverged(let step):
            "the objective is not a number at step \(step) after three restarts at half the rate; choose a lower --rate"
        }
    }

    public var errorDescription: String? { description }
}
