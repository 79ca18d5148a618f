import Mercer

/// What reflection found in a module and all below it.
final class ModuleStructure {
    /// Some of the module's tensors, with their keys.
    struct TensorSet {
        let keys: ModuleParameters.Keys
        let slots: [Parameter]

        init(_ pairs: [(String, Parameter)]) {
            keys = ModuleParameters.Keys(pairs.map(\.0))
            slots = pairs.map(\.1)
        }

        var values: ModuleParameters { ModuleParameters(keys, slots.map(\.value)) }

        /// Sets the values, in the order of the keys.
        func set(_ values: ModuleParameters) {
            for (slot, value) in zip(slots, values.values) { slot.value = value }
        }
    }

    let version: Int
    let modules: [(key: String, module: Module)]
    let randomSources: [(key: String, source: RandomSource)]
    let parameters: TensorSet
    let trainable: TensorSet
    let buffers: TensorSet
    let saved: TensorSet
    /// Further keys of shared tensors, and of unsaved ones, to the slot.
    private let others: [String: Parameter]
    /// Further keys of shared tensors to the key under which they are listed.
    let aliases: [String: String]

    init(of root: Module, version: Int) {
        self.version = version
        var walk = Walk()
        walk.visit(root, "")
        modules = walk.modules
        randomSources = walk.randomSources
        parameters = TensorSet(walk.tensors.filter { $0.1.role == .parameter })
        trainable = TensorSet(walk.tensors.filter { $0.1.role == .parameter && !$0.1.isFrozen })
        buffers = TensorSet(walk.tensors.filter { $0.1.role == .buffer })
        saved = TensorSet(walk.tensors.filter { $0.1.role != .unsavedBuffer })
        aliases = walk.aliases
        var others = [String: Parameter](
            uniqueKeysWithValues: walk.tensors.filter { $0.1.role == .unsavedBuffer })
        for (alias, key) in walk.aliases { others[alias] = walk.tensors.first { $0.0 == key }?.1 }
        self.others = others
    }

    func slot(_ key: String) -> Parameter? {
        saved.keys.places[key].map { saved.slots[$0] } ?? others[key]
    }

    /// A walk over properties in order of declaration. What is met a second time is shared: its further keys become
    /// aliases of the first.
    private struct Walk {
        var modules: [(key: String, module: Module)] = []
        var tensors: [(String, Parameter)] = []
        var randomSources: [(key: String, source: RandomSource)] = []
        var aliases: [String: String] = [:]
        private var keys: [ObjectIdentifier: String] = [:]

        mutating func visit(_ module: Module, _ key: String) {
            if let first = keys[ObjectIdentifier(module)] {
                addAliases(of: module, first, key)
                return
            }
            keys[ObjectIdentifier(module)] = key
            modules.append((key, module))
            var mirror: Mirror? = Mirror(reflecting: module)
            var levels: [Mirror] = []
            while let level = mirror, level.subjectType != Module.self {
                levels.append(level)
                mirror = level.superclassMirror
            }
            for level in levels.reversed() {
                for child in level.children {
                    guard let label = child.label else { continue }
                    visitProperty(
                        child.value, label.hasPrefix("_") ? String(label.dropFirst()) : label, key, module)
                }
            }
        }

        private mutating func visitProperty(_ value: Any, _ label: String, _ prefix: String, _ owner: Module) {
            switch value {
            case let module as Module:
                visit(module, prefix.joined(label))
            case let info as any ReflectedModule:
                if let value = info.anyValue { visitProperty(value, info.key ?? label, prefix, owner) }
            case let info as any ReflectedParameters:
                let key = prefix.joined(info.key ?? label)
                for (index, slot) in info.slots.enumerated() {
                    add(slot, info.isIndexed ? key.joined("\(index)") : key)
                }
            case let source as RandomSource:
                randomSources.append((prefix.joined(label), source))
            case is Tensor, is [Tensor]:
                preconditionFailure(
                    "\(type(of: owner)): property \(label) is a tensor without a mark; declare it "
                        + "@ParameterInfo (trained), @BufferInfo (saved) or @BufferInfo(isSaved: false)")
            default:
                visitContainer(value, label, prefix, owner)
            }
        }

        /// Looks for modules in arrays, dictionaries, tuples and optionals.
        private mutating func visitContainer(
            _ value: Any, _ label: String, _ prefix: String, _ owner: Module
        ) {
            let mirror = Mirror(reflecting: value)
            switch mirror.displayStyle {
            case .optional:
                if let some = mirror.children.first { visitProperty(some.value, label, prefix, owner) }
            case .collection:
                guard let first = mirror.children.first, mayHoldModules(first.value) else { return }
                for (index, child) in mirror.children.enumerated() {
                    visitProperty(child.value, "\(index)", prefix.joined(label), owner)
                }
            case .tuple:
                for (index, child) in mirror.children.enumerated() where mayHoldModules(child.value) {
                    visitProperty(child.value, "\(index)", prefix.joined(label), owner)
                }
            case .dictionary:
                var pairs: [(String, Any)] = []
                for child in mirror.children {
                    let pair = Array(Mirror(reflecting: child.value).children)
                    guard pair.count == 2, let key = pair[0].value as? String else { return }
                    pairs.append((key, pair[1].value))
                }
                for (key, value) in pairs.sorted(by: { $0.0 < $1.0 }) where mayHoldModules(value) {
                    visitProperty(value, key, prefix.joined(label), owner)
                }
            default:
                break
            }
        }

        private func mayHoldModules(_ value: Any) -> Bool {
            if value is Module || value is Tensor { return true }
            switch Mirror(reflecting: value).displayStyle {
            case .optional, .collection, .tuple, .dictionary: return true
            default: return false
            }
        }

        private mutating func add(_ slot: Parameter, _ key: String) {
            if let first = keys[ObjectIdentifier(slot)] {
                aliases[key] = first
            } else {
                keys[ObjectIdentifier(slot)] = key
                tensors.append((key, slot))
            }
        }

        /// A module that was met before under `first`: what it holds gets further keys under `key`.
        private mutating func addAliases(of module: Module, _ first: String, _ key: String) {
            let prefix = first.isEmpty ? "" : first + "."
            for (name, _) in tensors where name.hasPrefix(prefix) {
                aliases[key.joined(String(name.dropFirst(prefix.count)))] = name
            }
        }
    }
}

extension String {
    /// A dotted key: this, a dot and `part`; one alone where the other is empty.
    fileprivate func joined(_ part: String) -> String {
        part.isEmpty ? self : isEmpty ? part : self + "." + part
    }
}
