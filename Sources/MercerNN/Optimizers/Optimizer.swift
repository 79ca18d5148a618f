import Mercer

/// Changes a model's parameters along their gradients.
///
/// ```swift
/// let optimizer = AdamW(learningRate: 1e-3, weightDecay: 0.05, groups: [.withoutDecay])
/// let (loss, gradients) = valueAndGrad(model) { ... }
/// optimizer.update(model, gradients)
/// ```
///
/// One optimiser is for one model: its state belongs to the parameters' keys. Parameters change in place; a step
/// gives the same bits for any number of threads. To write another rule, override ``stateNames`` and
/// ``updateTensor(_:gradient:state:settings:)``.
open class Optimizer {
    /// The step size; set it from a ``Schedule`` before each step.
    public var learningRate: Double
    /// Weight decay of parameters that no group gives another.
    public var weightDecay: Double
    public let groups: [ParameterGroup]
    /// Updates made so far.
    public private(set) var stepCount = 0

    private var states: [String: ParameterState] = [:]
    private var plan: UpdatePlan?

    public init(learningRate: Double, weightDecay: Double = 0, groups: [ParameterGroup] = []) {
        precondition(learningRate >= 0, "optimizer: the learning rate \(learningRate) is negative")
        precondition(weightDecay >= 0, "optimizer: the weight decay \(weightDecay) is negative")
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.groups = groups
    }

    /// Names of the tensors of a parameter's shape that the rule keeps for it, PyTorch's where it has some.
    open var stateNames: [String] { [] }

    /// What a state tensor starts from; zeros by default.
    open func initialState(_ name: String, _ shape: [Int], _ dtype: DType) -> Tensor {
        .zeros(shape, dtype)
    }

    /// Updates the model's parameters.
    ///
    /// - Parameters:
    ///   - gradients: under keys of the model; parameters without one stay as they are.
    ///   - gradientScale: each gradient is multiplied by it, at no cost; see ``clipScale(_:norm:)``.
    public func update(_ model: Module, _ gradients: ModuleParameters, gradientScale: Double = 1) {
        let plan = plan(for: model, gradients.layout)
        stepCount += 1
        for entry in plan.entries { entry.state.step += 1 }
        run(plan, gradients.values, gradientScale)
    }

    // MARK: The rule

    /// Updates one parameter. The rules of this library are fused instead, and don't come here.
    open func updateTensor(
        _ parameter: inout Tensor, gradient: Tensor, state: inout [Tensor], settings: UpdateSettings
    ) {
        preconditionFailure("\(type(of: self)) overrides neither updateTensor nor updateChunk")
    }

    /// Whether the rule is a kernel over chunks.
    var isFused: Bool { false }

    /// Updates a chunk of one parameter by a kernel.
    func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {}

    /// Updates all parameters by a kernel.
    func updateFused(_ update: FusedUpdate) {
        update.forEachChunk { chunk, settings in updateChunk(chunk, settings) }
    }

    private func run(_ plan: UpdatePlan, _ gradients: [Tensor], _ scale: Double) {
        let settings = plan.entries.map { entry in
            UpdateSettings(
                learningRate: learningRate * (entry.group?.learningRateScale ?? 1),
                weightDecay: entry.group?.weightDecay ?? weightDecay, step: entry.state.step,
                gradientScale: scale)
        }
        if isFused {
            let update = FusedUpdate(plan, gradients, settings)
            updateFused(update)
            update.finish()
            return
        }
        for (entry, setting) in zip(plan.entries, settings) {
            let gradient = gradients[entry.gradient]
            entry.parameter.withValue { value in
                updateTensor(
                    &value, gradient: scale == 1 ? gradient : gradient * scale,
                    state: &entry.state.tensors, settings: setting)
            }
        }
    }

    private func plan(for model: Module, _ keys: ModuleParameters.Keys) -> UpdatePlan {
        let structure = model.structure
        if let plan, plan.keys === keys, plan.structure === structure { return plan }
        let entries = keys.names.enumerated().compactMap { index, key -> UpdatePlan.Entry? in
            guard let parameter = structure.slot(key) else {
                preconditionFailure("optimizer: \(type(of: model)) has no parameter \(key)")
            }
            let shape = parameter.shape
            return UpdatePlan.Entry(
                key: key, gradient: index, parameter: parameter,
                group: groups.first { $0.contains(key, shape) },
                state: state(of: key, for: parameter))
        }
        let plan = UpdatePlan(keys: keys, structure: structure, entries: entries)
        self.plan = plan
        return plan
    }

    private func state(of key: String, for parameter: Parameter) -> ParameterState {
        if let state = states[key] {
            precondition(
                state.tensors.allSatisfy { $0.shape == parameter.shape },
                "optimizer: the state of \(key) has shape \(state.tensors[0].shape), "
                    + "the parameter \(parameter.shape)")
            return state
        }
        let dtype = parameter.dtype == .float64 ? DType.float64 : .float32
        let state = ParameterState(stateNames.map { initialState($0, parameter.shape, dtype) })
        states[key] = state
        return state
    }

    // MARK: State

    /// The state, to save: `exp_avg.layers.0.weight`, …, `step.layers.0.weight` (int64), and `step`.
    public var state: ModuleParameters {
        var pairs: [(String, Tensor)] = [("step", Tensor(Int64(stepCount)))]
        for (key, state) in states.sorted(by: { $0.key < $1.key }) {
            pairs.append(("step.\(key)", Tensor(Int64(state.step))))
            for (name, tensor) in zip(stateNames, state.tensors) { pairs.append(("\(name).\(key)", tensor)) }
        }
        return ModuleParameters(pairs)
    }

    /// Takes up a state that was saved.
    ///
    /// - Throws: ``OptimizerStateError`` where it is of another rule.
    public func restore(_ state: ModuleParameters) throws {
        guard let step = state["step"], step.count == 1 else { throw OptimizerStateError.missing("step") }
        var restored: [String: ParameterState] = [:]
        for (key, value) in state where key.hasPrefix("step.") && value.count == 1 {
            let parameter = String(key.dropFirst("step.".count))
            let tensors = try stateNames.map { name in
                guard let tensor = state["\(name).\(parameter)"] else {
                    throw OptimizerStateError.missing("\(name).\(parameter)")
                }
                return tensor
            }
            restored[parameter] = ParameterState(tensors, step: Int(value.doubleValue))
        }
        plan = nil
        states = restored
        stepCount = Int(step.doubleValue)
    }

    /// Changes the state tensors of one parameter, for parameters that grow or shrink: `transform` gets each
    /// tensor with its name. Does nothing where there is none yet.
    public func mapState(of key: String, _ transform: (_ name: String, Tensor) -> Tensor) {
        guard let state = states[key] else { return }
        state.tensors = zip(stateNames, state.tensors).map { transform($0, $1) }
        plan = nil
    }

    /// Forgets the state of parameters, to free its memory when they are frozen.
    public func removeState(where isRemoved: (String) -> Bool) {
        states = states.filter { !isRemoved($0.key) }
        plan = nil
    }

    /// Bytes of all state tensors.
    public var stateByteCount: Int {
        states.values.reduce(0) { $0 + $1.tensors.reduce(0) { $0 + $1.byteCount } }
    }
}

/// Why an optimiser couldn't take up a state.
public enum OptimizerStateError: Error, CustomStringConvertible {
    /// A tensor that the rule needs isn't there.
    case missing(String)

    public var description: String {
        switch self {
        case .missing(let key):
            "the optimiser state has no tensor \(key): it was saved by another optimiser, or other options"
        }
    }
}

/// Numbers of one update of one parameter.
public struct UpdateSettings: Sendable {
    /// With the group's multiplier.
    public let learningRate: Double
    public let weightDecay: Double
    /// The number of this update of this parameter, from 1.
    public let step: Int
    let gradientScale: Double
}

/// What an optimiser remembers of one parameter.
final class ParameterState {
    var tensors: [Tensor]
    var step: Int

    init(_ tensors: [Tensor], step: Int = 0) {
        self.tensors = tensors
        self.step = step
    }
}

/// Which parameters are updated from which gradients; made once for a model's structure.
final class UpdatePlan {
    struct Entry {
        let key: String
        /// Index of the gradient.
        let gradient: Int
        let parameter: Parameter
        let group: ParameterGroup?
        let state: ParameterState
    }

    let keys: ModuleParameters.Keys
    let structure: ModuleStructure
    let entries: [Entry]
    /// Pieces of the parameters, in the order of the entries.
    let pieces: Pieces

    init(keys: ModuleParameters.Keys, structure: ModuleStructure, entries: [Entry]) {
        self.keys = keys
        self.structure = structure
        self.entries = entries
        pieces = Pieces(of: entries.map(\.parameter.count))
    }
}
