import Foundation
import Mercer
import MercerNN

extension InvertibleRescaler {
    /// The network that weights of the official names and shapes are for. Keys may begin with `module.`; Haar weights
    /// are ignored.
    ///
    /// - Parameters:
    ///   - weights: `operations.{i}.{F,G,H}.conv{1…5}.{weight,bias}`, in PyTorch's layout.
    ///   - name: what they came from, for errors.
    /// - Throws: ``RescaleError``, or a `ModelFileError` where tensors are missing.
    public convenience init(weights: [String: Tensor], from name: String) throws {
        let named = Self.official(weights)
        let configuration = try Self.configuration(of: named, from: name)
        self.init(configuration)
        try load(named, from: name)
    }

    /// The network of a file: safetensors, or PyTorch's `.pth`.
    public convenience init(contentsOf path: String) throws {
        try self.init(weights: try loadTensors(path), from: path)
    }

    /// Weights under the network's own keys.
    static func official(_ weights: [String: Tensor]) -> [String: Tensor] {
        var named: [String: Tensor] = [:]
        for (key, tensor) in weights where !key.hasSuffix(".haar_weights") {
            named[key.hasPrefix("module.") ? String(key.dropFirst("module.".count)) : key] = tensor
        }
        return named
    }

    /// What a network is made of, from the shapes of its weights.
    static func configuration(of weights: [String: Tensor], from name: String) throws -> Configuration {
        let wrong = RescaleError.notAnInvertibleNetwork(name)
        let indices = Set(
            weights.keys.compactMap { key -> Int? in
                let parts = key.split(separator: ".")
                return parts.count == 5 && parts[0] == "operations" ? Int(parts[1]) : nil
            }
        ).sorted()
        // Each run of neighbouring blocks is a level; the index before it is its transform.
        var blocks: [Int] = []
        for (place, index) in indices.enumerated() {
            if place > 0 && indices[place - 1] == index - 1 { blocks[blocks.count - 1] += 1 } else { blocks.append(1) }
        }
        guard let last = indices.last, indices.first == 1, last == blocks.count + indices.count - 1,
            let first = weights["operations.\(last).F.conv1.weight"],
            let final = weights["operations.\(last).F.conv5.weight"], first.rank == 4, final.rank == 4,
            final.shape[0] == 3
        else { throw wrong }
        let mixing = weights["operations.0.conv_weights"]
        let scale = mixing.map { Int(Double($0.shape[0]).squareRoot()) } ?? 1 << blocks.count
        let latent = first.shape[1] - (3 * scale * scale - 3)
        guard latent >= 0 else { throw wrong }
        return try Configuration(scale: scale, blocks: blocks, growth: first.shape[0], downLatent: latent).checked()
    }
}

extension InvertibleRescaler.Configuration: CustomStringConvertible {
    public var description: String {
        "scale \(scale), blocks \(blocks.map(String.init).joined(separator: ",")), growth \(growth)"
            + (downLatent > 0 ? ", \(downLatent) latent channels" : "")
    }
}
