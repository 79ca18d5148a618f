import CKernels
import Mercer

/// Tensors of a module under their dotted keys (`layers.0.weight`), in the order of the module's properties.
///
/// What ``Module/parameters()``, gradients and optimiser states are. It is a ``TensorTree``, so gradient functions
/// take and return it.
public struct ModuleParameters: TensorTree, Sendable, Sequence, ExpressibleByDictionaryLiteral {
    /// Keys with their places. Shared by all values of one structure, so that equality is a comparison of addresses
    /// and a training step copies no strings.
    final class Keys: Sendable {
        let names: [String]
        let places: [String: Int]

        init(_ names: [String]) {
            self.names = names
            places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in
                preconditionFailure("module parameters: two tensors have the key \(names[first])")
            }
        }
    }

    let layout: Keys
    /// The tensors, in the order of ``keys``.
    public private(set) var values: [Tensor]

    init(_ layout: Keys, _ values: [Tensor]) {
        self.layout = layout
        self.values = values
    }

    /// Tensors under keys that differ.
    public init(_ pairs: [(String, Tensor)]) {
        self.init(Keys(pairs.map(\.0)), pairs.map(\.1))
    }

    /// Tensors of a dictionary, sorted by key.
    public init(_ dictionary: [String: Tensor]) {
        self.init(dictionary.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    public init(dictionaryLiteral elements: (String, Tensor)...) { self.init(elements) }

    /// The dotted keys.
    public var keys: [String] { layout.names }

    /// The number of tensors.
    public var count: Int { values.count }
    public var isEmpty: Bool { values.isEmpty }

    /// The number of elements of all tensors.
    public var elementCount: Int { values.reduce(0) { $0 + $1.count } }

    /// The tensor under a key. Setting nil removes it, a new key comes last.
    public subscript(key: String) -> Tensor? {
        get { layout.places[key].map { values[$0] } }
        set {
            switch (layout.places[key], newValue) {
            case (let place?, let tensor?): values[place] = tensor
            case (nil, let tensor?): self = ModuleParameters(Array(self) + [(key, tensor)])
            case (_?, nil): self = filter { name, _ in name != key }
            case (nil, nil): break
            }
        }
    }

    /// The tensors for which `isIncluded` holds.
    public func filter(_ isIncluded: (String, Tensor) throws -> Bool) rethrows -> ModuleParameters {
        ModuleParameters(try Array(self).filter { try isIncluded($0.0, $0.1) })
    }

    /// Other tensors under the same keys.
    public func mapValues(_ transform: (Tensor) throws -> Tensor) rethrows -> ModuleParameters {
        ModuleParameters(layout, try values.map(transform))
    }

    /// Changes the tensors where they lie.
    mutating func withValues(_ body: (inout [Tensor]) -> Void) { body(&values) }

    /// Adds tensors with the same keys, in place.
    mutating func add(_ other: ModuleParameters) {
        precondition(other.keys == keys, "sum of tensors with the keys \(keys) and \(other.keys)")
        combine(
            other.values, 1, into: &values, float32: optimizerKernels.add_scaled_f32,
            float64: optimizerKernels.add_scaled_f64)
    }

    /// The same as a dictionary.
    public var dictionary: [String: Tensor] { Dictionary(uniqueKeysWithValues: zip(keys, values)) }

    public func makeIterator() -> Zip2Sequence<[String], [Tensor]>.Iterator {
        zip(layout.names, values).makeIterator()
    }

    public var tensors: [Tensor] { values }

    public func replacingTensors(_ tensors: [Tensor]) -> ModuleParameters {
        ModuleParameters(layout, tensors)
    }
}
