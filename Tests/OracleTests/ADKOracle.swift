import Foundation
import Mercer
import MercerImage
import MercerNN

/// `adk-net.safetensors`: networks with their kernels, results and gradients, and the operator alone.
enum ADKOracle {
    private static let forward = Tolerance(bound: 1e-5)
    private static let gradient = Tolerance(bound: 1e-4)

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        let config = file.json("config")
        // A case is what stands before `x`.
        let tags = file.tensors.keys.filter { $0 == "x" || $0.hasSuffix("/x") && !$0.hasSuffix("grad/x") }
            .map { String($0.dropLast($0 == "x" ? 1 : 2)) }.sorted()
        var known: Set<String> = []
        for tag in tags {
            let prefix = tag.isEmpty ? "" : tag + "/"
            func own(_ name: String) -> Tensor? {
                guard let tensor = file.tensors[prefix + name] else { return nil }
                known.insert(prefix + name)
                return tensor
            }
            var weights: [String: Tensor] = [:]
            var gradients: [String: Tensor] = [:]
            for (key, tensor) in file.tensors where key.hasPrefix(prefix + "net/") {
                weights[String(key.dropFirst(prefix.count + 4))] = tensor
                known.insert(key)
            }
            for (key, tensor) in file.tensors where key.hasPrefix(prefix + "grad/") {
                gradients[String(key.dropFirst(prefix.count + 5))] = tensor
                known.insert(key)
            }
            let settings = config[tag] as? [String: Any] ?? [:]
            let name = tag.isEmpty ? "net" : tag
            let sizes = own("scale_k")?.asType(.int64).toArray(Int64.self).map(Int.init)
            let (x, kernels, y) = (own("x")!, own("kernels"), own("y"))
            let (target, loss) = (own("target"), own("loss"))
            guard let scale = settings["scale"] as? Int ?? sizes?.first else {
                tally.count(name, ["no scale is given"])
                continue
            }
            if !weights.isEmpty {
                tally.count(
                    name,
                    network(settings, scale, weights, gradients, x: x, kernels, y, target, loss))
            }
            if let k = own("op/kernels") {
                tally.count(
                    "\(name) operator",
                    operation(
                        x, k, scale, y: own("op/y"), probe: own("op/probe"), gradX: own("op/grad_x"),
                        gradKernels: own("op/grad_kernels")))
            }
        }
        for key in file.tensors.keys.sorted() where !known.contains(key) { tally.count(key, ["unknown key"]) }
        return tally
    }

    /// Blocks under a prefix.
    private static func blocks(_ weights: [String: Tensor], _ prefix: String) -> Int {
        Set(weights.keys.filter { $0.hasPrefix(prefix) }.map { $0.dropFirst(prefix.count).split(separator: ".")[0] })
            .count
    }

    private static func network(
        _ settings: [String: Any], _ scale: Int, _ weights: [String: Tensor], _ gradients: [String: Tensor],
        x: Tensor, _ kernels: Tensor?, _ y: Tensor?, _ target: Tensor?, _ loss: Tensor?
    ) -> [String] {
        guard let project = weights["generators.0.project.1.weight"], let head = weights["head.1.weight"] else {
            return ["the case has no projection or no head"]
        }
        let side = Int(Double(project.shape[0]).squareRoot().rounded())
        let size = ADKSize(
            channels: head.shape[0], blocks: blocks(weights, "body."), trunk: blocks(weights, "generators.0.trunk."),
            branch: blocks(weights, "generators.0.branch."))
        guard let normalisation = KernelNormalisation(rawValue: settings["normalisation"] as? String ?? "softmax")
        else { return ["unknown normalisation \(settings["normalisation"] ?? "")"] }
        let net = ADKNet(
            scale: scale, kernel: side, size: size, normalisation: normalisation,
            sharesKernels: blocks(weights, "generators.") == 1)
        do {
            try net.load(weights)
        } catch {
            return ["\(error)"]
        }
        var problems: [String?] = []
        if let kernels { problems.append(forward.problem("kernels", net.kernels(x), kernels)) }
        if let y { problems.append(forward.problem("y", net(x), y)) }
        guard let target else { return problems.compactMap { $0 } }
        var variables = net.parameters()
        variables["x"] = x
        let step = valueAndGrad { (v: ModuleParameters) -> Tensor in
            net.update(parameters: v.filter { key, _ in key != "x" })
            return l1Loss(net(v["x"]!), target)
        }
        let (value, found) = step(variables)
        if let loss { problems.append(forward.problem("loss", value.reshaped(1), loss)) }
        // In PyTorch's layout, through the network's own conversion.
        net.update(parameters: found.filter { key, _ in key != "x" })
        var own = net.tensors(layout: .torch)
        own["x"] = found["x"]
        for (key, expected) in gradients {
            problems.append(gradient.problem("grad/\(key)", own[key], expected))
        }
        return problems.compactMap { $0 }
    }

    private static func operation(
        _ x: Tensor, _ kernels: Tensor, _ scale: Int, y: Tensor?, probe: Tensor?, gradX: Tensor?, gradKernels: Tensor?
    ) -> [String] {
        var problems: [String?] = []
        if let y {
            problems.append(
                forward.problem("y", AdaptiveResample.apply(x, kernels: kernels, scale: scale), y))
        }
        if let probe {
            let found = grad { (v: [Tensor]) -> Tensor in
                (AdaptiveResample.apply(v[0], kernels: v[1], scale: scale) * probe).sum()
            }([x, kernels])
            if let gradX { problems.append(gradient.problem("grad_x", found[0], gradX)) }
            if let gradKernels { problems.append(gradient.problem("grad_kernels", found[1], gradKernels)) }
        }
        return problems.compactMap { $0 }
    }
}
