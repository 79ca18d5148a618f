import Mercer

/// What a property marked ``ParameterInfo`` or ``BufferInfo`` can be: `Tensor`, `Tensor?` or `[Tensor]`.
public protocol ParameterValue {
    static func read(_ slots: [Parameter]) -> Self
    var parameterTensors: [Tensor] { get }
    /// Whether elements get keys of their own: `name.0`, `name.1`…
    static var isIndexed: Bool { get }
}

extension Tensor: ParameterValue {
    public static func read(_ slots: [Parameter]) -> Tensor {
        guard let slot = slots.first else {
            preconditionFailure("a parameter was read before it was set: give it a value in the initialiser")
        }
        return slot.value
    }
    public var parameterTensors: [Tensor] { [self] }
    public static var isIndexed: Bool { false }
}

extension Optional: ParameterValue where Wrapped == Tensor {
    public static func read(_ slots: [Parameter]) -> Tensor? { slots.first?.value }
    public var parameterTensors: [Tensor] { map { [$0] } ?? [] }
    public static var isIndexed: Bool { false }
}

extension Array: ParameterValue where Element == Tensor {
    public static func read(_ slots: [Parameter]) -> [Tensor] { slots.map(\.value) }
    public var parameterTensors: [Tensor] { self }
    public static var isIndexed: Bool { true }
}

/// Marks a property of a ``Module`` as a parameter, which is trained.
///
/// ```swift
/// final class Scale: Module {
///     @ParameterInfo(key: "gamma") var scale: Tensor
///     init(_ width: Int) {
///         _scale = ParameterInfo(Parameter([width], initializer: .ones), key: "gamma")
///     }
/// }
/// ```
///
/// The value is a `Tensor`, a `Tensor?` (absent where nil) or a `[Tensor]`. Two modules share a parameter by
/// `a.$weight = b.$weight`: it is then counted, saved and updated once.
@propertyWrapper
public struct ParameterInfo<Value: ParameterValue> {
    let key: String?
    var slots: [Parameter]

    /// A parameter with a value. `key` is its name in ``Module/parameters()``, by default the property's.
    public init(wrappedValue: Value, key: String? = nil) {
        self.key = key
        slots = wrappedValue.parameterTensors.map { Parameter($0) }
    }

    /// A parameter whose value is set in the module's initialiser.
    public init(key: String? = nil) {
        self.key = key
        slots = []
    }

    /// A parameter with an initialiser, a layout of its own or one that is shared; absent where nil.
    public init(_ parameter: Parameter?, key: String? = nil) {
        self.key = key
        slots = parameter.map { [$0] } ?? []
    }

    /// Parameters with initialisers, for a `[Tensor]`.
    public init(_ parameters: [Parameter], key: String? = nil) {
        self.key = key
        slots = parameters
    }

    public var wrappedValue: Value {
        get { Value.read(slots) }
        set { assign(newValue.parameterTensors, to: &slots) { Parameter($0) } }
    }

    /// The parameter itself, to share it between modules.
    public var projectedValue: ParameterInfo {
        get { self }
        set {
            slots = newValue.slots
            Module.structureChanged()
        }
    }

    /// The parameter behind the property; nil where it is absent.
    public var parameter: Parameter? { slots.first }
}

/// Marks a property of a ``Module`` as a buffer: kept and saved with the parameters but not trained, like the
/// running statistics of batch normalisation.
@propertyWrapper
public struct BufferInfo<Value: ParameterValue> {
    let key: String?
    var slots: [Parameter]
    private let role: Parameter.Role

    /// A buffer with a value.
    ///
    /// - Parameters:
    ///   - key: its name among the parameters, by default the property's.
    ///   - isSaved: false for tables that can be made again.
    public init(wrappedValue: Value, key: String? = nil, isSaved: Bool = true) {
        let role: Parameter.Role = isSaved ? .buffer : .unsavedBuffer
        self.key = key
        self.role = role
        slots = wrappedValue.parameterTensors.map { Parameter($0, role: role) }
    }

    /// A buffer whose value is set in the module's initialiser.
    public init(key: String? = nil, isSaved: Bool = true) {
        self.key = key
        role = isSaved ? .buffer : .unsavedBuffer
        slots = []
    }

    public var wrappedValue: Value {
        get { Value.read(slots) }
        set { assign(newValue.parameterTensors, to: &slots) { [role] in Parameter($0, role: role) } }
    }

    /// The buffer itself.
    public var projectedValue: BufferInfo {
        get { self }
        set {
            slots = newValue.slots
            Module.structureChanged()
        }
    }
}

/// Sets the values of slots; makes new slots where their number changes.
private func assign(_ tensors: [Tensor], to slots: inout [Parameter], _ make: (Tensor) -> Parameter) {
    if tensors.count == slots.count {
        for (slot, tensor) in zip(slots, tensors) { slot.value = tensor }
    } else {
        slots = tensors.map(make)
        Module.structureChanged()
    }
}

/// Marks a property of a ``Module`` as a module with a key of its own, or one that will be replaced.
///
/// Properties that are modules, or arrays, dictionaries and optionals of modules, are found without it under the
/// property's name.
///
/// ```swift
/// @ModuleInfo(key: "self_attn") var attention: MultiHeadAttention
/// ```
@propertyWrapper
public struct ModuleInfo<Value> {
    let key: String?
    var value: Value?

    /// A module under a name of its own; nil keeps the property's. With an empty key, what an array or a dictionary
    /// holds stands directly under the owner's key (`0.weight`).
    public init(wrappedValue: Value, key: String? = nil) {
        self.key = key
        value = wrappedValue
    }

    /// A module that is set in the initialiser: `_attention.wrappedValue = …`.
    public init(key: String? = nil) {
        self.key = key
    }

    public var wrappedValue: Value {
        get {
            guard let value else {
                preconditionFailure(
                    "module \(key ?? "") was read before it was set: set it in the initialiser")
            }
            return value
        }
        set {
            value = newValue
            Module.structureChanged()
        }
    }
}

/// What reflection asks of a property wrapper.
protocol ReflectedProperty {
    var key: String? { get }
}

protocol ReflectedParameters: ReflectedProperty {
    var slots: [Parameter] { get }
    var isIndexed: Bool { get }
}

extension ParameterInfo: ReflectedParameters {
    var isIndexed: Bool { Value.isIndexed }
}

extension BufferInfo: ReflectedParameters {
    var isIndexed: Bool { Value.isIndexed }
}

protocol ReflectedModule: ReflectedProperty {
    var anyValue: Any? { get }
}

extension ModuleInfo: ReflectedModule {
    var anyValue: Any? { value }
}
