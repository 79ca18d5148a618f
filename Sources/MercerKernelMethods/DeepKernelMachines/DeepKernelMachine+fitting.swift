import Foundation
import Mercer
import MercerNN

/// How a sparse deep kernel machine is trained: Adam on the objective per row.
public struct DeepKernelTraining: Sendable {
    public var steps = 1000
    /// Adam's rate; the last quarter of the steps takes a tenth of it.
    public var rate = 0.01
    /// Rows a step; nil for all.
    public var batch: Int?
    /// Whether μ and A of a Gaussian output of one column are at their best, in closed form, at each step on all rows;
    /// else Adam learns them as in the paper. The closed form reaches a higher objective in as many steps, and with it
    /// a small ν overfits sooner.
    public var collapsesOutput = false
    /// Samples of a categorical output.
    public var samples = 100
    public var seed: UInt64 = 0
    /// Where states are kept; nil for nowhere. A training that was stopped goes on from the newest and ends with the same
    /// bits.
    public var checkpoints: Checkpoints?
    /// Steps between states; one is also written at the end and when `progress` throws.
    public var checkpointInterval = 100

    public init() {}

    /// What a training saw.
    public struct History: Sendable {
        /// The objective per row, at each step.
        public internal(set) var objective: [Double] = []
        /// Jitters that were raised and rates that were halved, in words.
        public internal(set) var notes: [String] = []
    }
}

extension DeepKernelMachine {
    /// Trains on rows `[n, columns]` and targets `[n]` or `[n, outputs]`, standardised by whoever calls.
    @discardableResult public mutating func fit(
        _ x: Tensor, _ y: Tensor, _ training: DeepKernelTraining = DeepKernelTraining(),
        progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> DeepKernelTraining.History {
        let targets = (y.rank == 1 ? y.expandedDimensions(axis: 1) : y).asType(.float64)
        let rows = x.asType(.float64)
        let n = Double(x.shape[0])
        let isCollapsed = training.collapsesOutput && training.batch == nil && targets.shape[1] == 1
        if !isCollapsed { try addOutputParameters(outputs: targets.shape[1]) }
        let history = try train(rows, [rows, targets], training, progress) { machine, chosen, parameters, _ in
            let (x, y) = chosen.map { (rows.take($0, axis: 0), targets.take($0, axis: 0)) } ?? (rows, targets)
            let pass = try machine.forward(x, parameters: parameters)
            let variance = machine.noiseVariance(parameters)
            if isCollapsed {
                let bound = try machine.naming(machine.layers.count - 1) {
                    try collapsedBound(pass.last!, y, noise: variance)
                }
                return ((pass.regulariser.map { $0 + bound } ?? bound) / n).reshaped([])
            }
            let likelihood = Self.gaussianLikelihood(y, mean: pass.mean!, variance: pass.variance!, noise: variance)
            return (likelihood + pass.regulariser! / n).reshaped([])
        }
        if isCollapsed { try setBestOutput(rows, targets) }
        return history
    }

    /// Trains on classes, numbered from 0.
    @discardableResult public mutating func fit(
        _ x: Tensor, labels: [Int], _ training: DeepKernelTraining = DeepKernelTraining(),
        progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> DeepKernelTraining.History {
        guard case .categoricalOutput(let classes) = layers.last else {
            preconditionFailure("DeepKernelMachine: labels for a machine without a categorical output")
        }
        let rows = x.asType(.float64)
        let n = Double(x.shape[0])
        try addOutputParameters(outputs: classes)
        return try train(rows, [rows, Tensor(labels)], training, progress) { machine, chosen, parameters, key in
            let places = chosen?.toArray(Int64.self).map(Int.init)
            let pass = try machine.forward(
                chosen.map { rows.take($0, axis: 0) } ?? rows, parameters: parameters)
            let y = places.map { $0.map { labels[$0] } } ?? labels
            let noise = Random.normal([training.samples, y.count, classes], dtype: .float64, key: key)
            let likelihood = Self.categoricalLikelihood(
                y, mean: pass.mean!, variance: clip(pass.variance!, min: 1e-12), noise: noise)
            return (likelihood + pass.regulariser! / n).reshaped([])
        }
    }

    /// μ and A of the best Gaussian output, in closed form: with K = LLᵀ, V = L⁻¹K_it and B = I + VVᵀ/σ², which is well
    /// conditioned whatever K is, μ = L B⁻¹V y/σ² and A = L B⁻¹Lᵀ.
    mutating func setBestOutput(_ x: Tensor, _ y: Tensor) throws {
        let place = layers.count - 1
        let k = try forward(x, withTerms: false).last!
        let noise = noiseVariance(parameters)
        let (mu, root) = try naming(place) {
            let factor = try LinearAlgebra.cholesky(k.inducing)
            let v = LinearAlgebra.triangularSolve(factor, k.cross.transposed())
            let b = try LinearAlgebra.cholesky(
                Tensor.eye(v.shape[0], nil, .float64) + matmul(v, v.transposed()) / noise)
            let half = LinearAlgebra.triangularSolve(b, matmul(v, y / noise))
            return (
                matmul(factor, LinearAlgebra.triangularSolve(b.transposed(), half, lower: false)),
                LinearAlgebra.triangularSolve(b, factor.transposed()).transposed()
            )
        }
        parameters[Self.name(place, "mu")] = mu
        parameters[Self.name(place, "L")] = root * Double(inducingCount).squareRoot()
    }

    /// Runs `work` on the matrices of a layer; an error about one of them names the layer.
    private func naming<Result>(_ place: Int, _ work: () throws -> Result) throws -> Result {
        do {
            return try work()
        } catch is LinearAlgebraError {
            throw DeepKernelError.notPositiveDefinite(layer: Self.number(place))
        }
    }

    /// Raises the jitter tenfold, and says so.
    ///
    /// - Throws: ``DeepKernelError/notPositiveDefiniteAtAnyJitter(layer:step:)`` where it is 0.01 already.
    mutating func raiseJitter(layer: Int, step: Int) throws -> String {
        guard jitter < 0.99e-2 else { throw DeepKernelError.notPositiveDefiniteAtAnyJitter(layer: layer, step: step) }
        let ratio = jitter > 0 ? relativeJitter / jitter : 0
        jitter = max(jitter, 1e-9) * 10
        relativeJitter = jitter * ratio
        return "layer \(layer) at step \(step): jitter raised to \(jitter)"
    }

    /// Adam with the policies of failure: the jitter is raised tenfold up to 0.01 where a matrix isn't positive definite; where
    /// the objective is not a number the best parameters come back and the rate is halved, three times at most. On all rows
    /// the parameters of the best objective are those that stay.
    ///
    /// - Parameter data: what the objective is computed from, by which states of other data are told.
    private mutating func train(
        _ x: Tensor, _ data: [Tensor], _ training: DeepKernelTraining, _ progress: (Int, Double) throws -> Void,
        objective: @escaping (DeepKernelMachine, Tensor?, [String: Tensor], RandomKey) throws -> Tensor
    ) throws -> DeepKernelTraining.History {
        let names = parameters.keys.sorted()
        var state = DeepKernelState(parameters)
        let states = training.checkpoints.map { DeepKernelStates($0, of: self, training, data) }
        try states?.resume(&state, &self)
        let key = RandomKey(training.seed)
        while state.step < training.steps {
            let step = state.step
            let chosen = training.batch.map { size -> Tensor in
                Random.permutation(x.shape[0], key: key.fold(in: step))[0..<min(size, x.shape[0])]
            }
            let machine = self
            let loss: ([Tensor]) throws -> Tensor = { list in
                let named = Dictionary(uniqueKeysWithValues: zip(names, list))
                return -(try objective(machine, chosen, named, key.fold(in: -1 - step)))
            }
            let result: (Tensor, [Tensor])
            do {
                result = try valueAndGrad(loss)(names.map { parameters[$0]! })
            } catch DeepKernelError.notPositiveDefinite(let layer) {
                state.history.notes.append(try raiseJitter(layer: layer, step: step))
                continue
            }
            let value = -result.0.doubleValue
            guard value.isFinite, result.1.allSatisfy({ $0.sum().doubleValue.isFinite }) else {
                state.halvings += 1
                guard state.halvings <= 3 else { throw DeepKernelError.diverged(step: step) }
                state.factor /= 2
                parameters = state.best
                state.forgetMoments()
                state.history.notes.append("step \(step): the objective is not a number; the rate is halved")
                continue
            }
            state.history.objective.append(value)
            if value > state.bestValue { (state.bestValue, state.best) = (value, parameters) }
            let rate = training.rate * state.factor * (step >= training.steps * 3 / 4 ? 0.1 : 1)
            state.move(&parameters, against: Dictionary(uniqueKeysWithValues: zip(names, result.1)), rate: rate)
            do {
                try progress(state.step, value)
            } catch {
                try states?.save(state, self)
                throw error
            }
            if state.step == training.steps || state.step % training.checkpointInterval == 0 {
                try states?.save(state, self)
            }
        }
        if training.batch == nil && !isClassifier { parameters = state.best }
        return state.history
    }

    // MARK: Prediction

    /// Means `[T, outputs]` and variances `[T]` of the latent function at rows, in blocks of 2 048.
    public func predict(_ x: Tensor) throws -> (mean: Tensor, variance: Tensor) {
        let rows = x.asType(.float64)
        let parts = try Swift.stride(from: 0, to: x.shape[0], by: 2048).map { start -> (Tensor, Tensor) in
            let pass = try forward(rows[start..<min(x.shape[0], start + 2048)], withTerms: false)
            return (pass.mean!, clip(pass.variance!, min: 0))
        }
        return (concatenated(parts.map(\.0)), concatenated(parts.map(\.1)))
    }

    /// σ² of a Gaussian output.
    public var noiseVariance: Double { noiseVariance(parameters).doubleValue }

    /// σ² of a Gaussian output with some parameters, of one element. It is 10⁻⁶ at least, where targets have a variance of 1:
    /// targets without noise would draw it to 0, and the kernel matrix alone is singular to rounding.
    func noiseVariance(_ parameters: [String: Tensor]) -> Tensor {
        clip(exp(parameters[Self.name(layers.count - 1, "log_noise_var")]!), min: 1e-6)
    }

    /// KL(G ‖ K) of each Gram layer, by number: how much it learned.
    public func divergences() throws -> [(layer: Int, divergence: Double)] {
        let pass = try forward(parameters["0.X"]![0..<1])
        return layers.enumerated().compactMap { place, layer in
            guard case .gram(let nu) = layer else { return nil }
            let number = Self.number(place)
            return (number, nu.isFinite ? -pass.terms[number]!.doubleValue / nu : 0)
        }
    }
}

/// The sum over rows of the expected log likelihood, minus the output features' divergence, for the Gaussian output of one
/// column with its best μ and A: log N(y; 0, Q + σ²I) − tr(K_tt − Q)/2σ², Q = K_ti K_ii⁻¹ K_it (M. Titsias, 2009).
private func collapsedBound(_ k: GramTriple, _ y: Tensor, noise: Tensor) throws -> Tensor {
    let n = Double(y.shape[0])
    let products = matmul(k.cross.transposed(), k.cross)
    let (inverse, logK) = try inverseAndLogDeterminant(k.inducing)
    let (solved, logSystem) = try inverseAndLogDeterminant(k.inducing + products / noise)
    let target = matmul(k.cross.transposed(), y)
    let fitted: Tensor = (target * matmul(solved, target)).sum() / (noise * noise)
    let squares: Tensor = (y * y).sum() / noise - fitted
    let logDeterminant: Tensor = logSystem - logK + log(noise) * n
    let rest: Tensor = (k.diagonal.sum() - (inverse * products).sum()) / noise
    return (squares + logDeterminant + rest + n * Foundation.log(2 * Double.pi)) * -0.5
}
