import Foundation
import Mercer
import MercerImage
import MercerNN

/// `dlv-irn.safetensors`: Haar, IRN in both directions with losses, gradients and log-Jacobian, and the network with
/// a second latent variable. Every gradient is taken twice: with stored activations and by inversion.
enum DualLatentOracle {
    private static let tolerance = Tolerance(bound: 2e-5)
    private static let lossTolerance = 1e-5
    private static let gradientTolerance = 2e-4

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        guard let x = file.tensors["x"] else {
            tally.count("x", ["the file has no x"])
            return tally
        }
        let configs = file.json("config")
        for key in file.tensors.keys.sorted() where !key.contains("/operations.") {
            let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
            switch parts[0] {
            case "x": continue
            case "haar": tally.count(key, problems("haar", Haar.forward(x), file.tensors[key]!))
            case "bicubic":
                tally.count(key, problems("bicubic", bicubic(x, like: file.tensors[key]!), file.tensors[key]!))
            case "params": tally.count(key, parameters(file.tensors[key]!))
            case "irn", "dlv": continue
            default: tally.count(key, ["unknown key"])
            }
        }
        for tag in ["irn", "dlv"] where file.tensors.keys.contains(where: { $0.hasPrefix("\(tag)/") }) {
            let config = configs[tag] as? [String: Any] ?? configs[""] as? [String: Any] ?? [:]
            try network(file, tag, x, config, &tally)
        }
        return tally
    }

    private static func problems(
        _ name: String, _ actual: Tensor?, _ expected: Tensor, _ tolerance: Tolerance = tolerance
    ) -> [String] {
        [tolerance.problem(name, actual, expected)].compactMap { $0 }
    }

    private static func bicubic(_ x: Tensor, like small: Tensor) -> Tensor {
        Resample.resize(x, to: (small.shape[1], small.shape[2]), .matlab(.bicubic))
    }

    private static func parameters(_ expected: Tensor) -> [String] {
        let published: [InvertibleRescaler.Configuration] = [.x2, .x4, .x8]
        let counts = published.map { Double(InvertibleRescaler($0).numberOfParameters()) }
        return problems(
            "params", Tensor(counts), expected.asType(.float64), Tolerance(bound: 0, isAbsolute: true))
    }

    /// A network built from the names and shapes of its weights in the file.
    private static func rescaler(
        _ file: OracleFile, _ tag: String, _ x: Tensor, _ config: [String: Any]
    ) throws -> InvertibleRescaler {
        let prefix = "\(tag)/"
        var weights: [String: Tensor] = [:]
        for (key, tensor) in file.tensors where key.hasPrefix(prefix + "operations.") {
            weights[String(key.dropFirst(prefix.count))] = tensor
        }
        let network = try InvertibleRescaler(weights: weights, from: "\(file.name) \(tag)")
        if tag == "dlv", let channels = config["downLatentChannels"] as? Int,
            network.configuration.downLatent != channels
        {
            throw RescaleError.weights(
                file.name, found: "\(network.configuration.downLatent) latent channels", expected: "\(channels)")
        }
        return network
    }

    private static func network(
        _ file: OracleFile, _ tag: String, _ x: Tensor, _ config: [String: Any], _ tally: inout OracleTally
    ) throws {
        let network = try rescaler(file, tag, x, config)
        func tensor(_ name: String) -> Tensor? { file.tensors["\(tag)/\(name)"] }
        let zDown = tensor("z_down")
        let zUp = tensor(tag == "irn" ? "z" : "z_up")
        let halves = network.forward(x, latent: zDown)
        let low = Quantisation.straightThrough(halves.first)
        let back = network.inverse(Halves(low, zUp ?? .zeros(halves.second.shape)))
        let small = tensor("forward").map { Array($0.shape[..<3]) } ?? low.shape
        let reference = bicubic(x, like: .zeros(small))
        let guideWeight = Double(network.configuration.scale * network.configuration.scale)
        let gradients = ActivationMemory.allCases.map { memory in
            network.activationMemory = memory
            return (
                memory,
                valueAndGrad(network) { network in
                    let losses = RescaleLosses(network, x, reference: reference, zDown: zDown, zUp: zUp)
                    return [
                        losses.total(guideWeight: guideWeight), losses.guide, losses.reconstruction, losses.latent,
                    ]
                }
            )
        }
        for key in file.tensors.keys.sorted() where key.hasPrefix("\(tag)/") && !key.contains("/operations.") {
            let name = String(key.dropFirst(tag.count + 1))
            let expected = file.tensors[key]!
            switch name {
            case "z_down", "z", "z_up": continue
            case "forward": tally.count(key, problems(name, halves.joined, expected))
            case "lr_quantised": tally.count(key, problems(name, low, expected))
            case "inverse": tally.count(key, problems(name, back.x, expected))
            case "z_down_recovered": tally.count(key, problems(name, back.latent, expected))
            case "zero_latent_lr":
                tally.count(key, problems(name, network.forward(x, latent: nil).first, expected))
            case "log_jacobian":
                tally.count(
                    key, problems(name, Tensor([network.logJacobian(x, latent: zDown).blocks]), expected))
            case "losses":
                tally.count(
                    key,
                    gradients.flatMap { memory, result in
                        zip(result.0[1...], expected.toArray(Double.self)).compactMap { value, wanted in
                            let off = abs(value.doubleValue - wanted) / max(abs(wanted), 1e-12)
                            return off <= lossTolerance ? nil : "\(memory) loss off by \(off) of \(wanted)"
                        }
                    })
            case "grad_norm":
                tally.count(
                    key,
                    gradients.compactMap { memory, result in
                        let off = abs(globalNorm(result.1) / expected.doubleValue - 1)
                        return off <= gradientTolerance ? nil : "\(memory) norm off by \(off)"
                    })
            default: tally.count(key, ["unknown key"])
            }
        }
        let prefix = "\(tag)/grad/"
        for key in file.tensors.keys.sorted() where key.hasPrefix(prefix) {
            let expected = file.tensors[key]!
            let name = String(key.dropFirst(prefix.count))
            tally.count(
                key,
                gradients.flatMap { memory, result -> [String] in
                    guard let gradient = result.1[name] else { return ["\(memory): the network has no \(name)"] }
                    let official = gradient.rank == 4 ? gradient.transposed(0, 3, 1, 2).contiguous() : gradient
                    return relativeProblems("\(memory) \(name)", official, expected, gradientTolerance)
                })
        }
    }

    /// Differences as a part of the largest expected magnitude.
    static func relativeProblems(
        _ name: String, _ actual: Tensor, _ expected: Tensor, _ bound: Double
    ) -> [String] {
        let scale = max(abs(expected).max().doubleValue, 1e-12)
        return problems(
            name, actual / scale, expected / scale, Tolerance(bound: bound, isAbsolute: true))
    }
}
