import Foundation
import Mercer
import MercerImage
import MercerNN

/// `espcn.safetensors`: networks with their gradients, both orders of the sub-pixel shuffle, steps of Adam, SRCNN,
/// counts of parameters.
enum ESPCNOracle {
    private static let forward = Tolerance(bound: 1e-5)
    private static let gradient = Tolerance(bound: 1e-4)

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        let config = file.json("config")
        let tags = Set(file.tensors.keys.map { String($0.split(separator: "/")[0]) }).sorted()
        for tag in tags {
            let names = Set(
                file.tensors.keys.filter { $0 == tag || $0.hasPrefix(tag + "/") }
                    .map { String($0.dropFirst(tag.count + 1)) })
            let tensors = Tensors(file, tag)
            if tag == "params" {
                tally.count(tag, counts(file.tensors[tag]!))
            } else if tag.hasPrefix("shuffle"), let factor = Int(tag.dropFirst("shuffle".count)) {
                tally.count(tag, shuffle(tensors, factor, names))
            } else if tag.hasPrefix("srcnn") {
                tally.count(tag, srcnn(tensors, names))
            } else if names.contains("start/conv1.weight") {
                tally.count(tag, adam(tensors, config[tag] as? [String: Any] ?? [:], names))
            } else {
                tally.count(tag, network(tensors, config[tag] as? [String: Any] ?? [:], names))
            }
        }
        return tally
    }

    /// The tensors of a case.
    private struct Tensors {
        private let all: [String: Tensor]

        init(_ file: OracleFile, _ tag: String) {
            var own: [String: Tensor] = [:]
            for (key, value) in file.tensors where key.hasPrefix(tag + "/") {
                own[String(key.dropFirst(tag.count + 1))] = value
            }
            all = own
        }

        subscript(_ name: String) -> Tensor? { all[name] }

        func under(_ prefix: String) -> [String: Tensor] {
            var found: [String: Tensor] = [:]
            for (key, value) in all where key.hasPrefix(prefix) {
                let name = String(key.dropFirst(prefix.count))
                if name.hasPrefix("conv") { found[name] = value }
            }
            return found
        }
    }

    private static func unknown(_ names: Set<String>, _ known: Set<String>, _ prefixes: [String]) -> [String] {
        names.filter { name in !known.contains(name) && !prefixes.contains { name.hasPrefix($0) } }
            .map { "unknown key \($0)" }
    }

    private static func counts(_ expected: Tensor) -> [String] {
        let scales = [2, 3, 4, 8]
        let found = scales.prefix(expected.count).map { ESPCN(scale: $0).numberOfParameters() }
        let counts = expected.asType(.float64).toArray(Double.self)
        return found.map(Double.init) == counts ? [] : ["parameters \(found), expected \(counts)"]
    }

    private static func shuffle(_ t: Tensors, _ factor: Int, _ names: Set<String>) -> [String] {
        guard let x = t["x"] else { return ["the case has no x"] }
        var problems = unknown(names, ["x", "torch", "paper"], [])
        for (name, order) in [("torch", SubPixelOrder.torch), ("paper", .depthToSpace)] {
            guard let expected = t[name] else { continue }
            let y = SubPixel.shuffle(x, by: factor, order: order)
            problems += [
                Tolerance(bound: 0).problem(name, y, expected),
                Tolerance(bound: 0).problem("\(name) back", SubPixel.unshuffle(y, by: factor, order: order), x),
            ].compactMap { $0 }
        }
        return problems
    }

    private static func build(
        _ weights: [String: Tensor], _ config: [String: Any], from x: Tensor, to y: Tensor
    ) throws -> ESPCN {
        let order: SubPixelOrder = (config["shuffle"] as? String) == "paper" ? .depthToSpace : .torch
        let activation = SubPixelActivation(rawValue: config["activation"] as? String ?? "tanh")!
        let net = ESPCN(
            scale: y.shape[1] / x.shape[1], channels: x.shape[3], activation: activation,
            maps: (weights["conv1.weight"]!.shape[0], weights["conv2.weight"]!.shape[0]), order: order)
        try net.load(weights)
        return net
    }

    private static func network(_ t: Tensors, _ config: [String: Any], _ names: Set<String>) -> [String] {
        guard let x = t["x"], let y = t["y"], t["conv2.weight"] != nil else {
            return ["unknown case of keys \(names.sorted())"]
        }
        var problems = unknown(names, ["x", "y", "target", "loss"], ["conv", "grad/conv", "grad/x"])
        do {
            let net = try build(t.under(""), config, from: x, to: y)
            problems += [forward.problem("y", net(x), y)].compactMap { $0 }
            let enlarger = net.fast
            for n in 0..<x.shape[0] {
                problems += [forward.problem("y[\(n)] line by line", enlarger(x[n]), y[n])].compactMap { $0 }
            }
            guard let target = t["target"] else { return problems }
            var variables = net.parameters()
            variables["x"] = x
            let keys = variables.keys
            let step = valueAndGrad { (v: ModuleParameters) -> Tensor in
                net.update(parameters: v.filter { key, _ in key != "x" })
                return mseLoss(net(v["x"]!), target)
            }
            let (loss, gradients) = step(variables)
            if let expected = t["loss"] {
                problems += [forward.problem("loss", loss.reshaped(1), expected)].compactMap { $0 }
            }
            net.update(parameters: variables.filter { key, _ in key != "x" })
            let layout = try torchLayout(net, gradients.filter { key, _ in key != "x" })
            for key in keys {
                guard let expected = t["grad/\(key)"] else { continue }
                problems += [gradient.problem("grad/\(key)", key == "x" ? gradients["x"] : layout[key], expected)]
                    .compactMap { $0 }
            }
            return problems
        } catch {
            return ["\(error)"]
        }
    }

    /// Gradients in PyTorch's layout, through the network's own conversion.
    private static func torchLayout(_ net: ESPCN, _ gradients: ModuleParameters) throws -> [String: Tensor] {
        let copy = ESPCN(
            scale: net.scale, channels: net.channels, activation: net.activation,
            maps: (net.conv1.weight.shape[0], net.conv2.weight.shape[0]), order: net.order)
        copy.update(parameters: gradients)
        return copy.tensors(layout: .torch)
    }

    private static func adam(_ t: Tensors, _ config: [String: Any], _ names: Set<String>) -> [String] {
        guard let x = t["x"], let target = t["target"], let losses = t["losses"] else {
            return ["the case has no x, target or losses"]
        }
        var problems = unknown(names, ["x", "target", "losses"], ["start/conv", "end/conv"])
        do {
            let net = try build(t.under("start/"), config, from: x, to: target)
            let optimizer = Adam(
                learningRate: 1e-3, groups: [.init(learningRateScale: 0.1) { key, _ in key.hasPrefix("conv3.") }])
            var found: [Double] = []
            for _ in 0..<losses.count {
                let (loss, gradients) = valueAndGrad(net) { net in mseLoss(net(x), target) }
                optimizer.update(net, gradients)
                found.append(loss.doubleValue)
            }
            problems += [forward.problem("losses", Tensor(found), losses)].compactMap { $0 }
            let end = net.tensors(layout: .torch)
            for (key, expected) in t.under("end/") {
                problems += [forward.problem("end/\(key)", end[key], expected)].compactMap { $0 }
            }
            return problems
        } catch {
            return ["\(error)"]
        }
    }

    private static func srcnn(_ t: Tensors, _ names: Set<String>) -> [String] {
        guard let x = t["x"], let y = t["y"], let first = t["conv1.weight"], let second = t["conv2.weight"] else {
            return ["the case has no x, y or weights"]
        }
        var problems = unknown(names, ["x", "y"], ["conv"])
        do {
            let net = SRCNN(
                middle: second.shape[2], channels: x.shape[3], maps: (first.shape[0], second.shape[0]))
            try net.load(t.under(""))
            problems += [
                forward.problem("y", net(x), y), forward.problem("y line by line", net.fast(x[0]), y[0]),
            ].compactMap { $0 }
            return problems
        } catch {
            return ["\(error)"]
        }
    }
}
