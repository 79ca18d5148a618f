import Mercer

/// How a file lays out the weights of convolutions.
public enum TensorLayout: String, Sendable {
    /// Channels first, as official files have it: `[output, input / groups, height, width]`.
    case torch
    /// Channels last, as in memory here: `[output, height, width, input / groups]`.
    case mercer

    static let metadataKey = "layout"
}

extension Module {
    /// Sets parameters and buffers from tensors under PyTorch's keys.
    ///
    /// Nothing is changed where a strict load throws. Values take the type of the parameter that they are for.
    ///
    /// - Parameters:
    ///   - layout: of the tensors.
    ///   - strict: throw where keys are missing or unexpected or shapes differ. Otherwise what fits is loaded.
    ///   - rename: the model's key for a key of the tensors; nil leaves the tensor out.
    ///   - name: what the tensors came from, for the error.
    @discardableResult
    public func load(
        _ tensors: [String: Tensor], layout: TensorLayout = .torch, strict: Bool = true,
        rename: (String) -> String? = { $0 }, from name: String = "the tensors"
    ) throws -> LoadReport {
        let structure = structure
        var report = LoadReport()
        var values: [ObjectIdentifier: (Parameter, Tensor)] = [:]
        for (key, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            guard let own = rename(key) else { continue }
            guard let slot = structure.slot(own), slot.role != .unsavedBuffer else {
                report.unexpected.append(key)
                continue
            }
            let expected = layout == .torch ? slot.layout.torchShape(slot.shape) : slot.shape
            guard tensor.shape == expected else {
                report.misshapen.append(.init(key: key, found: tensor.shape, expected: expected))
                continue
            }
            // A shared parameter may be there under several keys; its first one counts.
            if structure.aliases[own] == nil || values[ObjectIdentifier(slot)] == nil {
                values[ObjectIdentifier(slot)] = (slot, tensor)
            }
        }
        let wrong = Set(report.misshapen.compactMap { rename($0.key) })
        for (key, slot) in zip(structure.saved.keys.names, structure.saved.slots) {
            if values[ObjectIdentifier(slot)] != nil {
                report.loaded.append(key)
            } else if !wrong.contains(key) {
                report.missing.append(key)
            }
        }
        if strict && !report.isComplete { throw ModelFileError.disagreement(path: name, report) }
        for (slot, tensor) in values.values {
            let value = layout == .torch ? slot.layout.mercer(tensor) : tensor
            slot.value = value.dtype == slot.dtype ? value : value.asType(slot.dtype)
        }
        return report
    }

    /// Sets parameters and buffers from a safetensors file, or a folder or index of several.
    ///
    /// - Parameter layout: of the file; by default what its metadata says, else PyTorch's.
    @discardableResult
    public func load(
        contentsOf path: String, layout: TensorLayout? = nil, strict: Bool = true,
        rename: (String) -> String? = { $0 }
    ) throws -> LoadReport {
        let said =
            path.hasSuffix(".index.json")
            ? nil : try Safetensors(contentsOf: path).metadata[TensorLayout.metadataKey]
        return try load(
            try loadTensors(path), layout: layout ?? said.flatMap(TensorLayout.init) ?? .torch,
            strict: strict, rename: rename, from: path)
    }

    /// Parameters and buffers by key, in a layout.
    public func tensors(layout: TensorLayout = .torch) -> [String: Tensor] {
        let saved = structure.saved
        let pairs = zip(saved.keys.names, saved.slots).map { key, slot in
            let value = slot.value.detached
            return (key, layout == .torch ? slot.layout.torch(value) : value)
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// Writes parameters and buffers to a safetensors file; the metadata entry `layout` says which layout.
    public func save(
        to path: String, layout: TensorLayout = .torch, metadata: [String: String] = [:]
    ) throws {
        let said = metadata.merging([TensorLayout.metadataKey: layout.rawValue]) { _, own in own }
        try saveTensors(tensors(layout: layout), to: path, metadata: said)
    }
}
