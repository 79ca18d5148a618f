import Mercer
import MercerNN

extension ESPCN {
    /// A network from a file with the parameters of a PyTorch port, `conv1.weight` … `conv3.bias`, or of Mercer's own
    /// training, whose metadata says activation and order; without it they are tanh and PyTorch's.
    ///
    /// Sizes follow from the shapes.
    ///
    /// - Parameter scale: the scale that is needed; nil for whatever the file has.
    /// - Throws: ``ESPCNError``, and what reading the file throws.
    public static func load(_ path: String, scale expected: Int? = nil) throws -> ESPCN {
        let tensors = try loadTensors(path)
        let metadata = path.hasSuffix(".safetensors") ? try Safetensors(contentsOf: path).metadata : [:]
        func shape(_ name: String, kernel: Int) throws -> [Int] {
            guard let shape = tensors[name]?.shape else {
                throw ESPCNError.weights(path: path, reason: "there is no \(name)")
            }
            guard shape.count == 4, shape[2] == kernel, shape[3] == kernel else {
                throw ESPCNError.weights(
                    path: path, reason: "\(name) has shape \(shape), not [outputs, inputs, \(kernel), \(kernel)]")
            }
            return shape
        }
        let first = try shape("conv1.weight", kernel: 5)
        let second = try shape("conv2.weight", kernel: 3)
        let third = try shape("conv3.weight", kernel: 3)
        let channels = first[1]
        let phases = channels > 0 ? third[0] / channels : 0
        let scale = Int(Double(phases).squareRoot().rounded())
        guard scale > 1, scale * scale * channels == third[0] else {
            throw ESPCNError.weights(
                path: path, reason: "conv3.weight has \(third[0]) outputs, not \(channels) times a square")
        }
        if let expected, expected != scale {
            throw ESPCNError.scale(path: path, found: scale, expected: expected)
        }
        let net = ESPCN(
            scale: scale, channels: channels,
            activation: metadata["activation"].flatMap(SubPixelActivation.init) ?? .tanh,
            maps: (first[0], second[0]), order: metadata["order"].flatMap(SubPixelOrder.init) ?? .torch)
        try net.load(tensors, from: path)
        return net
    }

    /// The network with the weights that come with Mercer.
    ///
    /// - Throws: ``ESPCNError/noWeights(scale:available:)``.
    public static func bundled(scale: Int) throws -> ESPCN {
        guard let path = BundledWeights.path("espcn-x\(scale)") else {
            throw ESPCNError.noWeights(scale: scale, available: bundledScales)
        }
        return try load(path, scale: scale)
    }

    /// The scales that weights come with Mercer for.
    public static var bundledScales: [Int] {
        BundledWeights.names.compactMap { name in
            name.hasPrefix("espcn-x") ? Int(name.dropFirst("espcn-x".count)) : nil
        }.sorted()
    }

    /// Writes the parameters in PyTorch's layout, with what ``load(_:scale:)`` needs and what else is to be known.
    public func write(to path: String, metadata: [String: String] = [:]) throws {
        let own = [
            "method": "espcn", "scale": "\(scale)", "channels": "\(channels)", "activation": activation.rawValue,
            "order": order.rawValue,
        ]
        try save(to: path, metadata: metadata.merging(own) { _, own in own })
    }
}
