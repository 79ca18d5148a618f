import Foundation
import Mercer
import MercerImage
import MercerNN

/// `iarn.safetensors`: encoding, splitting, both directions, losses and gradients for every size in the file. Gradients
/// are taken twice: with stored activations and by inversion.
enum ArbitraryOracle {
    private static let tolerance = Tolerance(bound: 3e-5)
    private static let gradientTolerance = 3e-4

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        guard let x = file.tensors["x"] else {
            tally.count("x", ["the file has no x"])
            return tally
        }
        let network = try network(file)
        let keys = file.tensors.keys.filter { $0 != "x" && !$0.hasPrefix("net/") }.sorted()
        var tags: [String: [String]] = [:]
        for key in keys {
            let parts = key.split(separator: "/", maxSplits: 2).map(String.init)
            guard parts.count > 1, size(parts[1]) != nil else {
                tally.count(key, ["unknown key"])
                continue
            }
            tags[parts[1], default: []].append(key)
        }
        for (tag, keys) in tags.sorted(by: { $0.key < $1.key }) {
            try checked(file, network, x, tag, keys, &tally)
        }
        return tally
    }

    private static func size(_ tag: String) -> (height: Int, width: Int)? {
        let numbers = tag.split(separator: "x").compactMap { Int($0) }
        return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
    }

    /// A network built from the names and shapes of its weights in the file.
    private static func network(_ file: OracleFile) throws -> ArbitraryRescaler {
        var weights: [String: Tensor] = [:]
        for (key, tensor) in file.tensors where key.hasPrefix("net/") {
            weights[String(key.dropFirst("net/".count))] = tensor
        }
        return try ArbitraryRescaler(weights: weights, from: file.name)
    }

    private static func checked(
        _ file: OracleFile, _ network: ArbitraryRescaler, _ x: Tensor, _ tag: String, _ keys: [String],
        _ tally: inout OracleTally
    ) throws {
        let sizes = ArbitraryRescaler.Sizes((x.shape[1], x.shape[2]), to: size(tag)!)
        let (lr, _, z) = network.reduce(x, sizes)
        let low = Quantisation.straightThrough(lr)
        // The oracle weighs the guide by 16 whatever the size.
        let gradients = ActivationMemory.allCases.map { memory in
            network.activationMemory = memory
            return (
                memory,
                valueAndGrad(network) { network in
                    let losses = ArbitraryLosses(network, x, sizes)
                    return [
                        losses.total(guideWeight: 16), losses.guide, losses.reconstruction, losses.latent,
                        losses.cycle,
                    ]
                }
            )
        }
        func problems(_ name: String, _ actual: Tensor?, _ expected: Tensor) -> [String] {
            [tolerance.problem(name, actual, expected)].compactMap { $0 }
        }
        for key in keys {
            let parts = key.split(separator: "/", maxSplits: 2).map(String.init)
            let expected = file.tensors[key]!
            switch parts[0] {
            case "encoding": tally.count(key, problems(key, ScaleEncoding.full(sizes.large, to: sizes.small), expected))
            case "low": tally.count(key, problems(key, network.split(x, sizes).first, expected))
            case "lr": tally.count(key, problems(key, lr, expected))
            case "lr_quantised": tally.count(key, quantised(low, expected))
            case "restored": tally.count(key, problems(key, network.enlarge(low, sizes), expected))
            case "latent_energy":
                let energy = Double(x.shape[0])
                let sum = z.asType(.float64).square().sum().doubleValue / energy
                tally.count(key, relative("energy", sum, expected.doubleValue, 1e-5))
            case "losses":
                tally.count(
                    key,
                    gradients.flatMap { memory, result in
                        zip(result.0[1...], expected.toArray(Double.self)).flatMap {
                            relative("\(memory) loss", $0.doubleValue, $1, 3e-5)
                        }
                    })
            case "grad_norm":
                tally.count(
                    key,
                    gradients.flatMap {
                        relative("\($0) norm", globalNorm($1.1), expected.doubleValue, gradientTolerance)
                    })
            case "grad" where parts.count == 3:
                tally.count(
                    key,
                    gradients.flatMap { memory, result -> [String] in
                        guard let gradient = result.1[parts[2]] else { return ["the network has no \(parts[2])"] }
                        let official =
                            gradient.rank == 4 ? gradient.transposed(0, 3, 1, 2).contiguous() : gradient
                        return DualLatentOracle.relativeProblems(
                            "\(memory) \(parts[2])", official, expected, gradientTolerance)
                    })
            default: tally.count(key, ["unknown key"])
            }
        }
    }

    private static func relative(_ name: String, _ actual: Double, _ expected: Double, _ bound: Double) -> [String] {
        let off = abs(actual - expected) / max(abs(expected), 1e-12)
        return off <= bound ? [] : ["\(name) off by \(off) of \(expected)"]
    }

    /// 99.9 % of the levels equal, the others one apart.
    private static func quantised(_ actual: Tensor, _ expected: Tensor) -> [String] {
        guard actual.shape == expected.shape else { return ["shape \(actual.shape), expected \(expected.shape)"] }
        let levels = ((actual - expected) * 255.0).abs().toArray(Float.self)
        let different = levels.count { $0 > 0.01 }
        let far = levels.count { $0 > 1.01 }
        // Of a small picture one level is more than a thousandth.
        let allowed = max(1, levels.count / 1000)
        return different <= allowed && far == 0 ? [] : ["\(different) of \(levels.count) levels differ, \(far) by more"]
    }
}
