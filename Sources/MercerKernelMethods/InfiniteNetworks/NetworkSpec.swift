import Foundation

extension InfiniteNetwork {
    /// A network by a short name: `mlp:3` (three dense layers), `cnn:3` (convolutions, flatten, dense), `cnn-gap:3` (with
    /// global average pooling), `myrtle5`, `myrtle7`, `myrtle10`, or the path of a JSON file.
    ///
    /// - Throws: ``NetworkSpecError``, ``KernelMethodError``.
    public init(
        spec: String, activation: KernelActivation = .relu, wStd: Double = 2.0.squareRoot(), bStd: Double = 0.1
    ) throws {
        let parts = spec.split(separator: ":").map(String.init)
        let act = InfiniteLayer.activation(activation)
        let dense = InfiniteLayer.dense(wStd: wStd, bStd: bStd)
        let conv = InfiniteLayer.convolution(height: 3, width: 3, wStd: wStd, bStd: bStd)
        func count() throws -> Int {
            guard parts.count == 2, let n = Int(parts[1]), n >= 1, n <= 1000 else {
                throw KernelMethodError.option(
                    "--net", found: "'\(spec)'", expected: "\(parts[0]):N with 1 to 1000 layers")
            }
            return n
        }
        switch parts.first {
        case "mlp":
            let n = try count()
            try self.init(layers: (0..<n).flatMap { $0 < n - 1 ? [dense, act] : [dense] })
        case "cnn":
            try self.init(layers: (0..<(try count())).flatMap { _ in [conv, act] } + [.flatten, dense])
        case "cnn-gap":
            try self.init(layers: (0..<(try count())).flatMap { _ in [conv, act] } + [.globalAveragePool, dense])
        case "myrtle5": try self.init(layers: Self.myrtle([2, 1, 1], conv, act, dense))
        case "myrtle7": try self.init(layers: Self.myrtle([2, 2, 2], conv, act, dense))
        case "myrtle10": try self.init(layers: Self.myrtle([3, 3, 3], conv, act, dense))
        default:
            guard spec.hasSuffix(".json") else {
                throw KernelMethodError.option(
                    "--net", found: "'\(spec)'",
                    expected: "mlp:N, cnn:N, cnn-gap:N, myrtle5, myrtle7, myrtle10 or a .json file")
            }
            try self.init(contentsOf: spec)
        }
    }

    /// Groups of 3 × 3 convolutions, a 2 × 2 pooling after each, two more at the end.
    private static func myrtle(
        _ groups: [Int], _ conv: InfiniteLayer, _ act: InfiniteLayer, _ dense: InfiniteLayer
    ) -> [InfiniteLayer] {
        var layers: [InfiniteLayer] = []
        for group in groups {
            for _ in 0..<group { layers += [conv, act] }
            layers.append(.averagePool(2))
        }
        return layers + [.averagePool(2), .averagePool(2), .flatten, dense]
    }

    // MARK: JSON

    /// Reads `{"layers": [{"type": "dense", "w_std": 1.4, "b_std": 0.1}, {"type": "relu"}, …]}`.
    public init(contentsOf path: String) throws {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            throw KernelMethodError.file(path, reason: "it can't be read: \(error.localizedDescription)")
        }
        try self.init(json: data, name: path)
    }

    /// Reads a spec from JSON text.
    public init(json data: Data, name: String) throws {
        guard let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
            let list = object["layers"] as? [[String: Any]]
        else { throw KernelMethodError.file(name, reason: "it isn't JSON with a list of 'layers'") }
        try self.init(layers: Self.layers(list, prefix: ""))
    }

    private static func layers(_ list: [[String: Any]], prefix: String) throws -> [InfiniteLayer] {
        try list.enumerated().map { try layer($0.element, place: "\(prefix)\($0.offset + 1)") }
    }

    private static func layer(_ object: [String: Any], place: String) throws -> InfiniteLayer {
        guard let type = object["type"] as? String else {
            throw NetworkSpecError(layer: place, reason: "it has no 'type'")
        }
        func number(_ key: String, _ standard: Double) throws -> Double {
            guard let value = object[key] else { return standard }
            guard let number = (value as? NSNumber)?.doubleValue, number.isFinite else {
                throw NetworkSpecError(layer: place, reason: "'\(key)' isn't a number")
            }
            return number
        }
        func count(_ key: String, _ standard: Int) throws -> Int {
            let value = try number(key, Double(standard))
            guard value == value.rounded(), (1...10_000).contains(value) else {
                throw NetworkSpecError(layer: place, reason: "'\(key)' is \(value), not a whole number from 1 to 10000")
            }
            return Int(value)
        }
        func padding(_ standard: KernelPadding) throws -> KernelPadding {
            guard let text = object["padding"] as? String else { return standard }
            guard let padding = KernelPadding(rawValue: text.lowercased()) else {
                throw NetworkSpecError(layer: place, reason: "padding '\(text)' isn't same, valid or circular")
            }
            return padding
        }
        func branches() throws -> [[InfiniteLayer]] {
            guard let lists = object["branches"] as? [[[String: Any]]], !lists.isEmpty else {
                throw NetworkSpecError(layer: place, reason: "it has no 'branches'")
            }
            return try lists.enumerated().map {
                try layers($0.element, prefix: "\(place).\($0.offset + 1).")
            }
        }
        let (w, b) = (try number("w_std", 1), try number("b_std", 0))
        switch type {
        case "dense": return .dense(wStd: w, bStd: b)
        case "conv":
            let square = object["filter"] is [Int] ? 3 : try count("filter", 3)
            let size = object["filter"] as? [Int] ?? [square, square]
            guard size.count == 2, size.allSatisfy({ (1...10_000).contains($0) }) else {
                throw NetworkSpecError(layer: place, reason: "'filter' isn't a whole number from 1 to 10000, or two")
            }
            return .convolution(
                height: size[0], width: size[1], stride: try count("stride", 1), padding: try padding(.same),
                wStd: w, bStd: b)
        case "avg_pool", "sum_pool":
            let window = try count("window", 2)
            let stride = object["stride"] == nil ? nil : try count("stride", 1)
            return type == "avg_pool"
                ? .averagePool(window, stride: stride, padding: try padding(.valid))
                : .sumPool(window, stride: stride, padding: try padding(.valid))
        case "global_avg_pool": return .globalAveragePool
        case "flatten": return .flatten
        case "layer_norm": return .layerNorm
        case "identity": return .identity
        case "dropout":
            let rate = try number("rate", 0.5)
            guard rate > 0, rate <= 1 else {
                throw NetworkSpecError(
                    layer: place, reason: "'rate' is \(rate), not the share from 0 to 1 that is kept")
            }
            return .dropout(rate: rate)
        case "sum": return .sum(try branches())
        case "residual":
            guard let list = object["layers"] as? [[String: Any]] else {
                throw NetworkSpecError(layer: place, reason: "it has no 'layers'")
            }
            return .sum([[.identity], try layers(list, prefix: "\(place).")])
        case "concat":
            let parts = try branches()
            let channels = object["channels"] as? [Int] ?? [Int](repeating: 1, count: parts.count)
            guard channels.count == parts.count, channels.allSatisfy({ $0 > 0 }) else {
                throw NetworkSpecError(layer: place, reason: "'channels' isn't a positive number a branch")
            }
            return .concatenation(parts, channels: channels)
        default:
            if type == "leaky_relu" { return .activation(.leakyReLU(try number("slope", 0.01))) }
            if type == "rbf" { return .activation(.rbf(gamma: try number("gamma", 1))) }
            if type == "exp_normalized" {
                return .activation(.expNormalized(gamma: try number("gamma", 1), shift: try number("shift", -1)))
            }
            guard let activation = KernelActivation(type) else {
                throw NetworkSpecError(
                    layer: place,
                    reason: "'\(type)' is unknown; layers are dense, conv, avg_pool, sum_pool, global_avg_pool, "
                        + "flatten, layer_norm, dropout, residual, sum, concat, activations \(KernelActivation.names)")
            }
            return .activation(activation)
        }
    }
}
