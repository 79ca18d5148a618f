import Mercer
import Synchronization

/// A part of a network: a tree of named parameters and other modules.
///
/// Subclasses declare parameters with ``ParameterInfo``, buffers with ``BufferInfo``, and hold other modules in
/// properties, arrays, dictionaries or optionals; reflection finds them. Keys are the names of the properties,
/// joined by dots, as in PyTorch: `layers.0.weight`.
///
/// ```swift
/// final class Net: Module, UnaryLayer {
///     let hidden = Linear(784, 128)
///     let output = Linear(128, 10)
///     func callAsFunction(_ x: Tensor) -> Tensor { output(relu(hidden(x))) }
/// }
/// let net = Net()
/// net.initialize(RandomKey(1))
/// net.parameters().keys      // hidden.weight, hidden.bias, output.weight, output.bias
/// ```
///
/// The tree is read once and remembered. Setting a marked property makes it be read again; after changing a plain
/// property that holds modules (appending to an array), call ``Module/structureChanged()``. A module isn't safe to
/// change from two threads.
open class Module {
    /// Whether layers behave as in training (dropout drops, batch normalisation uses the batch). See ``train(_:)``.
    public private(set) var isTraining = true
    private var cachedStructure: ModuleStructure?

    public init() {}

    /// Everything that this module consists of, read by reflection when it has changed.
    var structure: ModuleStructure {
        let version = Module.structureVersion.load(ordering: .relaxed)
        if let cachedStructure, cachedStructure.version == version { return cachedStructure }
        let structure = ModuleStructure(of: self, version: version)
        cachedStructure = structure
        return structure
    }

    /// Says that modules or parameters were added, removed or replaced in a property without a wrapper.
    public static func structureChanged() { structureVersion.wrappingAdd(1, ordering: .relaxed) }
    private static let structureVersion = Atomic<Int>(0)

    // MARK: Modules

    /// This module and all below it, with their dotted keys; its own is "". Each once.
    public func namedModules() -> [(key: String, module: Module)] { structure.modules }

    /// This module and all below it, each once.
    public func modules() -> [Module] { structure.modules.map(\.module) }

    /// Calls `body` for this module and all below it.
    @discardableResult
    public func apply(_ body: (Module) throws -> Void) rethrows -> Self {
        for (_, module) in structure.modules { try body(module) }
        return self
    }

    /// Sets training or evaluation mode here and below.
    public func train(_ mode: Bool = true) {
        for (_, module) in structure.modules { module.isTraining = mode }
    }

    /// Sets evaluation mode here and below.
    public func eval() { train(false) }

    /// Runs `body` in evaluation mode, then gives each module its mode back.
    public func evaluating<R>(_ body: () throws -> R) rethrows -> R {
        let modes = structure.modules.map { ($0.module, $0.module.isTraining) }
        eval()
        defer { for (module, mode) in modes { module.isTraining = mode } }
        return try body()
    }

    // MARK: Parameters

    /// All parameters, frozen ones included; a shared one once, under its first key.
    public func parameters() -> ModuleParameters { structure.parameters.values }

    /// The parameters that aren't frozen.
    public func trainableParameters() -> ModuleParameters { structure.trainable.values }

    /// The buffers that are saved.
    public func buffers() -> ModuleParameters { structure.buffers.values }

    /// Parameters and saved buffers: all that makes up the state of a model.
    public func state() -> ModuleParameters { structure.saved.values }

    /// The number of elements of all parameters, shared ones once. Needs no values.
    public func numberOfParameters(trainableOnly: Bool = false) -> Int {
        let set = trainableOnly ? structure.trainable : structure.parameters
        return set.slots.reduce(0) { $0 + $1.count }
    }

    /// Sets parameters and buffers by key. Keys that the module doesn't have, and other shapes, are errors in code.
    public func update(parameters: ModuleParameters) {
        let structure = structure
        for set in [structure.trainable, structure.parameters, structure.saved]
        where set.keys === parameters.layout {
            set.set(parameters)
            return
        }
        for (key, value) in parameters {
            guard let slot = structure.slot(key) else {
                preconditionFailure("update: \(type(of: self)) has no parameter \(key)")
            }
            precondition(
                slot.shape == value.shape,
                "update: \(key) has shape \(slot.shape), the new value \(value.shape)")
            slot.value = value
        }
    }

    /// Replaces each parameter, for example by one of another type: `model.mapParameters { $0.asType(.bfloat16) }`.
    public func mapParameters(
        where isIncluded: (String) -> Bool = { _ in true }, _ transform: (Tensor) -> Tensor
    ) {
        let set = structure.parameters
        for (key, slot) in zip(set.keys.names, set.slots) where isIncluded(key) {
            slot.value = transform(slot.value.detached)
        }
    }

    /// The parameter or buffer under a key; nil where there is none.
    public func parameter(_ key: String) -> Parameter? { structure.slot(key) }

    /// Sets all parameters that have an initialiser to their initial values.
    ///
    /// Each draws from `key` folded with its own dotted key, so its numbers depend on neither the order of
    /// construction nor the other parameters.
    @discardableResult
    public func initialize(_ key: RandomKey) -> Self {
        for set in [structure.parameters, structure.buffers] {
            for (name, slot) in zip(set.keys.names, set.slots) { slot.initialize(key.fold(in: name)) }
        }
        return self
    }

    /// Gives every source of random numbers (dropout, …) its numbers for one step: `key` folded with its place.
    ///
    /// Call it before each training step with a key that follows from seed and step; the step can then be repeated,
    /// alone or after a restart, on any number of threads.
    public func seed(_ key: RandomKey) {
        for (name, source) in structure.randomSources { source.seed(key.fold(in: name)) }
    }

    // MARK: Freezing

    /// Excludes parameters from training: no gradient, no optimiser state, and activations that only their
    /// gradients would need aren't kept.
    ///
    /// - Parameter isIncluded: by dotted key from this module; by default all.
    public func freeze(where isIncluded: (String) -> Bool = { _ in true }) {
        setFrozen(true, isIncluded)
    }

    /// Includes parameters in training again.
    public func unfreeze(where isIncluded: (String) -> Bool = { _ in true }) {
        setFrozen(false, isIncluded)
    }

    private func setFrozen(_ frozen: Bool, _ isIncluded: (String) -> Bool) {
        let set = structure.parameters
        for (key, slot) in zip(set.keys.names, set.slots) where isIncluded(key) { slot.isFrozen = frozen }
    }
}
