import Foundation
import Mercer
import MercerNN

/// A deep kernel machine whose inducing points are all training points: every Gram matrix is P × P, and the likelihood is exact,
/// 𝓛 = log N(y; 0, K(G_L) + σ²I) − Σ ν_ℓ KL(N(0, G_ℓ) ‖ N(0, K(G_{ℓ−1}))).
///
/// G_ℓ = V_ℓV_ℓᵀ/P starts at the network's Gaussian process and is found by L-BFGS; O(L P³) an evaluation.
public struct FullDeepKernelMachine: Sendable {
    /// The machine with the training points as inducing points; it predicts.
    public private(set) var machine: DeepKernelMachine
    public let x: Tensor
    public let y: Tensor
    /// 𝓛 at the end.
    public private(set) var objective = -Double.infinity
    public private(set) var iterations = 0
    /// Jitters that were raised, in words.
    public private(set) var notes: [String] = []

    /// - Parameters:
    ///   - x: `[P, columns]`.
    ///   - y: `[P]` or `[P, outputs]`.
    ///   - nus: ν of each Gram layer.
    ///   - jitter: added to every kernel's diagonal.
    public init(
        _ x: Tensor, _ y: Tensor, kernel: GramKernel = .squaredExponential, nus: [Double],
        noiseVariance: Double = 0.3, jitter: Double = 1e-6
    ) throws {
        self.x = x.asType(.float64)
        self.y = (y.rank == 1 ? y.expandedDimensions(axis: 1) : y).asType(.float64)
        let layers =
            nus.flatMap { [DeepKernelMachine.Layer.kernel([kernel]), .gram(nu: $0)] }
            + [.kernel([kernel]), .gaussianOutput]
        machine = try DeepKernelMachine(
            layers: layers, inducing: Inducing(points: self.x), jitter: jitter, relativeJitter: 0)
        machine.parameters[DeepKernelMachine.name(layers.count - 1, "log_noise_var")] = Tensor([
            Foundation.log(noiseVariance)
        ])
    }

    /// G_1 … G_L.
    public func grams() throws -> [Tensor] {
        let pass = try machine.forward(x[0..<1], withTerms: false)
        return pass.grams.keys.sorted().map { pass.grams[$0]!.inducing }
    }

    /// Maximises 𝓛.
    ///
    /// - Parameters:
    ///   - trainsKernels: whether length scales, height and noise are learned as well.
    ///   - tolerance: of the relative change of 𝓛; 0 to go on until the gradient is nil.
    ///   - checkpoints: where states are kept, L-BFGS's memory included; from the newest the fit goes on, and ends with the
    ///     same bits as one that never stopped.
    ///   - checkpointInterval: iterations between states; one is also written at the end and when `progress` throws.
    ///   - progress: called with the number of evaluations before each.
    /// - Throws: ``DeepKernelError`` where the start isn't positive definite, even with a jitter of 0.01.
    public mutating func fit(
        trainsKernels: Bool = false, maxIterations: Int = 2000, tolerance: Double = 1e-8,
        gradientTolerance: Double = 1e-9, checkpoints: Checkpoints? = nil, checkpointInterval: Int = 100,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        let fixed: Set<String> = ["0.X"]
        let names = machine.parameters.keys.filter {
            !fixed.contains($0) && (trainsKernels ? !$0.hasSuffix("latent_Gscale") : $0.hasSuffix(".V"))
        }.sorted()
        // Where positive definiteness is lost at the start the jitter is raised; later it is a step too far.
        try raisingJitter(step: 0) { [x, y] machine in _ = try Self.objective(machine, x, y, machine.parameters) }
        let template = names.map { machine.parameters[$0]! }
        func tensors(_ flat: [Double]) -> [Tensor] {
            var first = 0
            return template.map { like in
                defer { first += like.count }
                return Tensor(Array(flat[first..<first + like.count]), like.shape)
            }
        }
        let start = machine
        let value: ([Tensor]) throws -> Tensor = { [x, y] list in
            var parameters = start.parameters
            for (name, tensor) in zip(names, list) { parameters[name] = tensor }
            return -(try Self.objective(start, x, y, parameters))
        }
        let both = valueAndGrad(value)
        let minimiser = LBFGS(
            memory: 20, maxIterations: maxIterations, gradientTolerance: gradientTolerance, valueTolerance: tolerance)
        let states = checkpoints.map {
            FullDeepKernelStates(
                $0, of: machine, y, names, "at most \(maxIterations) iterations to a change of \(tolerance)")
        }
        let found = try states?.newest(like: template)
        var evaluations = found?.state.evaluations ?? 0
        var last: LBFGS.State
        if let found, found.isDone {
            last = found.state
        } else {
            func evaluate(_ flat: [Double]) throws -> (value: Double, gradient: [Double]) {
                evaluations += 1
                try progress(evaluations)
                guard let (value, gradients) = try? both(tensors(flat)), value.doubleValue.isFinite else {
                    return (.infinity, flat.map { _ in 0 })
                }
                return (value.doubleValue, gradients.flatMap { $0.toArray(Double.self) })
            }
            var newest = found?.state
            let result: LBFGS.Result<[Double]>
            do {
                let start =
                    try found?.state
                    ?? minimiser.state(at: template.flatMap { $0.toArray(Double.self) }, evaluate)
                result = try minimiser.minimize(
                    from: start,
                    afterIteration: { state in
                        newest = state
                        guard state.iterations % checkpointInterval == 0 else { return }
                        try states?.save(state, tensors(state.point), isDone: false)
                    }, evaluate)
            } catch {
                if let newest { try states?.save(newest, tensors(newest.point), isDone: false) }
                throw error
            }
            last = LBFGS.State(
                point: result.point, value: result.value, gradient: result.point.map { _ in 0 },
                evaluations: result.evaluations)
            last.iterations = result.iterations
            try states?.save(last, tensors(last.point), isDone: true)
        }
        for (name, tensor) in zip(names, tensors(last.point)) { machine.parameters[name] = tensor }
        (objective, iterations) = (-last.value, last.iterations)
        try raisingJitter(step: evaluations) { [x, y] machine in try machine.setBestOutput(x, y) }
    }

    private mutating func raisingJitter(step: Int, _ work: (inout DeepKernelMachine) throws -> Void) throws {
        while true {
            do {
                return try work(&machine)
            } catch DeepKernelError.notPositiveDefinite(let layer) {
                notes.append(try machine.raiseJitter(layer: layer, step: step))
            }
        }
    }

    /// 𝓛 for some parameters.
    private static func objective(
        _ machine: DeepKernelMachine, _ x: Tensor, _ y: Tensor, _ parameters: [String: Tensor]
    ) throws -> Tensor {
        let pass = try machine.forward(x[0..<1], parameters: parameters)
        let noise = machine.noiseVariance(parameters)
        let p = x.shape[0]
        let covariance = pass.last!.inducing + Tensor.eye(p, nil, .float64) * noise
        do {
            // The best output needs the kernel without noise.
            _ = try LinearAlgebra.cholesky(pass.last!.inducing.detached)
            let (inverse, log) = try inverseAndLogDeterminant(covariance)
            let outputs = Double(y.shape[1])
            let squares: Tensor = (y * matmul(inverse, y)).sum()
            let likelihood: Tensor =
                (squares + (log + Double(p) * Foundation.log(2 * Double.pi)) * outputs) * -0.5
            return (pass.regulariser.map { $0 + likelihood } ?? likelihood).reshaped([])
        } catch is LinearAlgebraError {
            throw DeepKernelError.notPositiveDefinite(layer: DeepKernelMachine.number(machine.layers.count - 1))
        }
    }
}
