import Foundation
import Mercer
import MercerNN

extension ArbitraryRescaler {
    /// The network that weights are for, by their names `operations.{i}.{F,G,H}.conv{1…5}.{weight,bias}` and shapes.
    ///
    /// - Parameters:
    ///   - weights: in PyTorch's layout; keys may begin with `module.`.
    ///   - encoding: what the blocks are told.
    ///   - splits: whether x is split before the net.
    ///   - name: what they came from, for errors.
    public convenience init(
        weights: [String: Tensor], encoding: ScaleEncoding = .full, splits: Bool = true, from name: String
    ) throws {
        let named = InvertibleRescaler.official(weights)
        let blocks = Set(
            named.keys.compactMap { key -> Int? in
                let parts = key.split(separator: ".")
                return parts.count == 5 && parts[0] == "operations" ? Int(parts[1]) : nil
            })
        guard !blocks.isEmpty, blocks == Set(0..<blocks.count),
            let first = named["operations.0.F.conv1.weight"], first.rank == 4,
            let levels = [0, 1, 2].first(where: { first.shape[1] == (3 << (2 * $0)) + ScaleEncoding.channels })
        else { throw RescaleError.notAnInvertibleNetwork(name) }
        self.init(
            Configuration(
                blocks: blocks.count, growth: first.shape[0], haarLevels: levels, encoding: encoding, splits: splits))
        try load(named, from: name)
    }

    /// The network of a file; what its metadata says of encoding and splitting holds.
    public convenience init(contentsOf path: String) throws {
        let metadata = path.hasSuffix(".safetensors") ? try Safetensors(contentsOf: path).metadata : [:]
        try self.init(
            weights: try loadTensors(path),
            encoding: metadata["encoding"].flatMap(ScaleEncoding.init(rawValue:)) ?? .full,
            splits: metadata["splits"] != "false", from: path)
    }
}
