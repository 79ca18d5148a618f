import Mercer
import MercerNN

extension ADKNet {
    /// A network from a file of its parameters; sizes follow from names and shapes, the normalisation from the
    /// metadata (`none` without it).
    ///
    /// - Throws: ``ADKError``, and what reading the file throws.
    public static func load(_ path: String, scale expected: Int? = nil, kernel: Int? = nil) throws -> ADKNet {
        let tensors = try loadTensors(path)
        let metadata = path.hasSuffix(".safetensors") ? try Safetensors(contentsOf: path).metadata : [:]
        guard let head = tensors["head.1.weight"]?.shape, let down = tensors["down.weight"]?.shape,
            let project = tensors["generators.0.project.1.weight"]?.shape, head.count == 4, down.count == 4,
            project.count == 4, head[0] > 0
        else {
            throw ADKError.weights(path: path, reason: "head.1, down or generators.0.project.1 are missing")
        }
        func root(_ square: Int) -> Int { Int(Double(square).squareRoot().rounded()) }
        let (scale, side) = (root(down[1] / head[0]), root(project[0]))
        guard scale > 1, scale * scale * head[0] == down[1], side * side == project[0], side >= scale else {
            throw ADKError.weights(
                path: path, reason: "down has shape \(down) and the projection \(project), which fit no s and k")
        }
        if let expected, expected != scale { throw ADKError.scale(path: path, found: scale, expected: expected) }
        if let kernel, kernel != side { throw ADKError.kernel(path: path, found: side, expected: kernel) }
        func blocks(_ prefix: String) -> Int {
            Set(
                tensors.keys.filter { $0.hasPrefix(prefix) }
                    .map { $0.dropFirst(prefix.count).split(separator: ".")[0] }
            ).count
        }
        let net = ADKNet(
            scale: scale, kernel: side,
            size: ADKSize(
                channels: head[0], blocks: blocks("body."), trunk: blocks("generators.0.trunk."),
                branch: blocks("generators.0.branch.")),
            normalisation: metadata["normalisation"].flatMap(KernelNormalisation.init) ?? .none,
            sharesKernels: blocks("generators.") == 1, movesTaps: tensors["offsets.project.1.weight"] != nil)
        try net.load(tensors, from: path)
        return net
    }

    /// The network with the weights that come with Mercer.
    public static func bundled(scale: Int = 2) throws -> ADKNet {
        guard let path = BundledWeights.path("adk-x\(scale)") else { throw ADKError.noWeights(scale: scale) }
        return try load(path, scale: scale)
    }

    /// Writes the parameters in PyTorch's layout, with what ``load(_:scale:kernel:)`` needs and what else is to be known.
    public func write(to path: String, metadata: [String: String] = [:]) throws {
        fold()
        let own = [
            "method": "adk", "scale": "\(scale)", "kernel": "\(kernel)", "normalisation": normalisation.rawValue,
        ]
        try save(to: path, metadata: metadata.merging(own) { _, own in own })
    }
}
