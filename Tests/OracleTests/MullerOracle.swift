import Foundation
import Mercer
import MercerImage
import MercerNN

/// `muller.safetensors`: every convention of the resampling library, Pillow's bytes, MULLER with its gradients, and
/// the frequency response of the published weights.
enum MullerOracle {
    private static let tolerance = Tolerance(bound: 1e-5, isAbsolute: true)
    private static let relative = Tolerance(bound: 1e-4)
    /// Inputs and what belongs to a case as its input.
    private static let inputs: Set<String> = ["x", "u8/x", "u8/box", "response/frequency"]

    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        var tags: Set<String> = []
        for key in file.tensors.keys.sorted() where !inputs.contains(key) {
            let parts = key.split(separator: "/").map(String.init)
            switch parts.first {
            case "muller" where parts.count == 3:
                if tags.insert(parts[1]).inserted { tally.count("muller/\(parts[1])", muller(file, parts[1])) }
            case "u8" where parts.count == 2: tally.count(key, bytes(file, key, parts[1]))
            case "response" where parts.count == 2: tally.count(key, response(file, key, parts[1]))
            case "gauss" where parts.count == 2: tally.count(key, gauss(file.tensors[key]!, parts[1]))
            case "matlab" where parts.count == 3: tally.count(key, matlab(file, key, parts[1], parts[2]))
            case "tf", "torch", "pillow":
                tally.count(key, parts.count == 3 ? resized(file, key, parts) : ["unknown key"])
            default: tally.count(key, ["unknown key"])
            }
        }
        return tally
    }

    private static func picture(_ file: OracleFile) -> Tensor? { file.tensors["x"] }
    private static func grey(_ file: OracleFile) -> Tensor? {
        picture(file).map { $0[0..., 0..., 0..., 0..<1].contiguous() }
    }

    private static func resized(_ file: OracleFile, _ key: String, _ parts: [String]) -> [String] {
        let expected = file.tensors[key]!
        guard let x = grey(file) else { return ["the file has no x"] }
        let antialias = parts[1].hasSuffix("-aa")
        let name = antialias ? String(parts[1].dropLast(3)) : parts[1]
        let convention: ResampleConvention =
            switch parts[0] {
            case "tf": .tensorflow
            case "torch": .torch
            default: .pillow
            }
        guard let method = ResampleMethod(named: name) else { return ["unknown method \(name)"] }
        do {
            let rule = try ResampleRule(method, convention, antialias: antialias ? true : nil)
            let y = Resample.resize(x, to: (expected.shape[1], expected.shape[2]), rule)
            return [tolerance.problem("y", y, expected)].compactMap { $0 }
        } catch {
            return ["\(error)"]
        }
    }

    private static func matlab(_ file: OracleFile, _ key: String, _ name: String, _ scale: String) -> [String] {
        guard let x = grey(file) else { return ["the file has no x"] }
        guard let method = ResampleMethod(named: name), let factor = Double(scale) else { return ["unknown key"] }
        let y = Resample.imresize(x, by: factor, .matlab(method))
        return [tolerance.problem("y", y, file.tensors[key]!)].compactMap { $0 }
    }

    private static func bytes(_ file: OracleFile, _ key: String, _ name: String) -> [String] {
        guard let x = file.tensors["u8/x"] else { return ["the file has no u8/x"] }
        guard name.hasPrefix("pillow-") else { return ["unknown key"] }
        var words = name.dropFirst(7).split(separator: "-").map(String.init)
        var box: ResampleBox?
        if words.last == "box" && words.count == 2 {
            guard let corners = file.tensors["u8/box"]?.toArray(Double.self), corners.count == 4 else {
                return ["the file has no u8/box"]
            }
            box = ResampleBox(left: corners[0], top: corners[1], right: corners[2], bottom: corners[3])
            words.removeLast()
        }
        guard words.count == 1, let method = ResampleMethod(named: words[0]) else { return ["unknown key"] }
        let expected = file.tensors[key]!
        let y = Resample.resize(
            x, to: (expected.shape[0], expected.shape[1]), .pillow(method), box: box)
        guard y.shape == expected.shape else { return ["shape \(y.shape), expected \(expected.shape)"] }
        let different = zip(y.toArray(UInt8.self), expected.toArray(UInt8.self)).count { $0 != $1 }
        return different == 0 ? [] : ["\(different) bytes differ"]
    }

    private static func gauss(_ expected: Tensor, _ name: String) -> [String] {
        let words = name.split(separator: "-")
        guard words.count == 2, let kernel = Int(words[0]), let sigma = Double(words[1]) else {
            return ["unknown key"]
        }
        let taps = Tensor(Resampler.gaussian(kernel: kernel, sigma: sigma))
        return [Tolerance.double.problem("taps", taps, expected)].compactMap { $0 }
    }

    private static func response(_ file: OracleFile, _ key: String, _ name: String) -> [String] {
        guard let frequencies = file.tensors["response/frequency"]?.toArray(Double.self) else {
            return ["the file has no response/frequency"]
        }
        let taps = Resampler.gaussian(kernel: 5, sigma: 1)
        let gains: [Double]
        switch name {
        case "gaussian": gains = frequencies.map { MullerWeights.blurResponse(at: $0, taps) }
        case "resnet50": gains = frequencies.map { MullerWeights.resnet50.response(at: $0, blur: taps) }
        default: return ["unknown key"]
        }
        return [tolerance.problem(name, Tensor(gains), file.tensors[key]!)].compactMap { $0 }
    }

    /// What the tag of a case means beside its shapes.
    private static func settings(_ tag: String, layers: Int) throws -> MullerSettings? {
        switch tag {
        case "resnet50", "up": try MullerSettings(layers: layers)
        case "three": try MullerSettings(layers: layers, kernel: 7, sigma: 1.5)
        case "pool": try MullerSettings(layers: layers, pool: true)
        case "bicubic": try MullerSettings(base: .tensorflow(.bicubic), layers: layers)
        case "antialias": try MullerSettings(base: .tensorflow(.bilinear, antialias: true), layers: layers)
        case "reflect": try MullerSettings(layers: layers, border: .reflect)
        default: nil
        }
    }

    private static func muller(_ file: OracleFile, _ tag: String) -> [String] {
        func tensor(_ name: String) -> Tensor? { file.tensors["muller/\(tag)/\(name)"] }
        let known: Set<String> = ["weights_biases", "y", "probe", "grad_weight", "grad_bias", "grad_x"]
        let names = file.tensors.keys.filter { $0.hasPrefix("muller/\(tag)/") }.map { $0.split(separator: "/")[2] }
        if let other = names.first(where: { !known.contains(String($0)) }) { return ["unknown key \(other)"] }
        guard let x = picture(file) else { return ["the file has no x"] }
        guard let list = tensor("weights_biases")?.toArray(Double.self), let y = tensor("y") else {
            return ["the case has no weights_biases or no y"]
        }
        do {
            let weights = try MullerWeights(list)
            guard let settings = try settings(tag, layers: weights.layers) else { return ["unknown case"] }
            let layer = Muller(size: (y.shape[1], y.shape[2]), settings: settings)
            layer.weights = weights
            var problems = [tolerance.problem("y", layer(x), y)]
            guard let probe = tensor("probe") else { return problems.compactMap { $0 } }
            let (gradients, gradientX) = layer.gradients(of: x, probe: probe)
            if let expected = tensor("grad_weight") {
                problems.append(relative.problem("grad_weight", gradients.weight, expected))
            }
            if let expected = tensor("grad_bias") {
                problems.append(relative.problem("grad_bias", gradients.bias, expected))
            }
            if let expected = tensor("grad_x") { problems.append(relative.problem("grad_x", gradientX, expected)) }
            return problems.compactMap { $0 }
        } catch {
            return ["\(error)"]
        }
    }
}

extension Muller {
    /// The gradients of Σ y·probe with respect to weights, biases and x.
    fileprivate func gradients(
        of x: Tensor, probe: Tensor
    ) -> (parameters: (weight: Tensor, bias: Tensor), x: Tensor) {
        var variables = parameters()
        let keys = variables.keys
        variables["x"] = x
        let all = grad { (v: ModuleParameters) -> Tensor in
            self.update(parameters: v.filter { key, _ in key != "x" })
            return (self(v["x"]!) * probe).sum()
        }(variables)
        self.update(parameters: variables.filter { key, _ in key != "x" })
        func collected(_ prefix: String) -> Tensor {
            let values = (1...settings.layers).map { all["\(prefix)_\($0)"]!.doubleValue }
            precondition(keys.count == 2 * values.count)
            return Tensor(values)
        }
        return ((collected("weight"), collected("bias")), all["x"]!)
    }
}
