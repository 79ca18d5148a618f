import Foundation
import Mercer
import MercerKernelMethods

/// `deep-kernel-machine`: divergences, layers and gradients of the sparse machine (the authors' library), categorical
/// likelihoods, optima of the full and of linear machines.
struct DeepKernelOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = DeepKernelOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private var models: [String: (machine: DeepKernelMachine, pass: DeepKernelMachine.Pass)] = [:]
    private var gradients: [String: [String: Tensor]] = [:]
    private let fine = Tolerance(bound: 1e-9)
    private let slopes = Tolerance(bound: 1e-7)
    private let optima = Tolerance(bound: 1e-6)
    /// The official library's.
    private let jitter = 1e-4

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("deep-kernel-machine has no \(key)") }
        return tensor
    }

    private mutating func compare(_ key: String, _ actual: Tensor?, _ tolerance: Tolerance? = nil) {
        let expected = tensor(key)
        let shaped = actual.map { $0.count == expected.count ? $0.reshaped(expected.shape) : $0 }
        tally.count(key, (tolerance ?? fine).problem(key, shaped, expected).map { [$0] } ?? [])
    }

    private mutating func unknown(_ key: String) { tally.count(key, ["no runner knows it"]) }

    private mutating func check(_ key: String) throws {
        let parts = key.split(separator: ".").map(String.init)
        let inputs = ["x", "x_inducing", "y", "noise_variance", "dof", "num_datapoints"]
        if inputs.contains(key) { return }
        switch parts[0] {
        case "param": return
        case "kl": try checkDivergence(key)
        case "f2g": checkGram(key, parts)
        case "kernel": try checkKernel(key, parts)
        case "model": try checkModel(key, parts)
        case "cat": try checkCategorical(key)
        case "full": try checkFull(key, parts)
        case "linear": try checkLinear(key, parts)
        default: unknown(key)
        }
    }

    private mutating func checkDivergence(_ key: String) throws {
        if key == "kl.G" || key == "kl.K" { return }
        let divergence: ([Tensor]) throws -> Tensor = { try gramDivergence($0[0], $0[1]).reshaped([]) }
        let (value, gradients) = try valueAndGrad(divergence)([tensor("kl.G"), tensor("kl.K")])
        switch key {
        case "kl.value": compare(key, value)
        case "kl.grad_G": compare(key, gradients[0], slopes)
        case "kl.grad_K": compare(key, gradients[1], slopes)
        default: unknown(key)
        }
    }

    private mutating func part(_ key: String, _ name: String, of triple: GramTriple?) {
        switch name {
        case "ii": compare(key, triple?.inducing)
        case "ti": compare(key, triple?.cross)
        case "t": compare(key, triple?.diagonal)
        default: unknown(key)
        }
    }

    private mutating func checkGram(_ key: String, _ parts: [String]) {
        part(key, parts[1], of: GramTriple(inducing: tensor("x_inducing"), points: tensor("x")))
    }

    /// A machine that is one kernel.
    private mutating func checkKernel(_ key: String, _ parts: [String]) throws {
        guard let kernel = GramKernel(rawValue: parts[1]) else { return unknown(key) }
        let machine = DeepKernelMachine(
            layers: [.kernel([kernel]), .gaussianOutput],
            parameters: parameters(kernel, places: [0], from: ["0.X": tensor("x_inducing")]), jitter: jitter)
        part(key, parts[2], of: try machine.forward(tensor("x")).last)
    }

    /// The ReLU kernel's own parameters: weight variance 1, bias variance 0.1.
    private func parameters(
        _ kernel: GramKernel, places: [Int], from start: [String: Tensor]
    ) -> [String: Tensor] {
        var result = start
        if kernel == .relu {
            for place in places {
                result["\(place + 2).log_weight_var"] = Tensor([0.0])
                result["\(place + 2).log_bias_var"] = Tensor([log(0.1)])
            }
        }
        return result
    }

    /// The machine of the file's parameters: a kernel before each Gram layer that has a V, and one before the output.
    private mutating func model(_ name: String) throws -> (machine: DeepKernelMachine, pass: DeepKernelMachine.Pass)? {
        if let found = models[name] { return found }
        guard let kernel = GramKernel(rawValue: name) else { return nil }
        let nu = tensor("dof").doubleValue
        var parameters: [String: Tensor] = [:]
        for (key, value) in file.tensors where key.hasPrefix("param.") {
            parameters[String(key.dropFirst("param.".count))] = value
        }
        let grams = parameters.keys.filter { $0.hasSuffix(".V") }.count
        let layers =
            (0..<grams).flatMap { _ in [DeepKernelMachine.Layer.kernel([kernel]), .gram(nu: nu)] }
            + [.kernel([kernel]), .gaussianOutput]
        let places = layers.indices.filter { if case .kernel = layers[$0] { true } else { false } }
        let machine = DeepKernelMachine(
            layers: layers, parameters: self.parameters(kernel, places: places, from: parameters), jitter: jitter)
        let found = (machine: machine, pass: try machine.forward(tensor("x")))
        models[name] = found
        return found
    }

    private func objective(
        _ machine: DeepKernelMachine, _ parameters: [String: Tensor]
    ) throws -> (likelihood: Tensor, whole: Tensor) {
        let pass = try machine.forward(tensor("x"), parameters: parameters)
        let likelihood = DeepKernelMachine.gaussianLikelihood(
            tensor("y"), mean: pass.mean!, variance: pass.variance!, noise: tensor("noise_variance"))
        let whole: Tensor = likelihood + pass.regulariser! / tensor("num_datapoints").doubleValue
        return (likelihood, whole.reshaped([]))
    }

    /// `model.<kernel>.gram<n>.<part>`, `.mean`, `.variance`, `.output_objective`, `.expected_loglik_mean`, `.objective`,
    /// `.grad.<parameter>`.
    private mutating func checkModel(_ key: String, _ parts: [String]) throws {
        guard let (machine, pass) = try model(parts[1]) else { return unknown(key) }
        if parts[2].hasPrefix("gram"), let number = Int(parts[2].dropFirst(4)) {
            if parts[3] == "objective" { return compare(key, pass.terms[number]) }
            return part(key, parts[3], of: pass.grams[number])
        }
        switch parts[2] {
        case "mean": compare(key, pass.mean)
        case "variance": compare(key, pass.variance)
        case "output_objective": compare(key, pass.terms.keys.max().flatMap { pass.terms[$0] })
        case "expected_loglik_mean": compare(key, try objective(machine, machine.parameters).likelihood)
        case "objective": compare(key, try objective(machine, machine.parameters).whole)
        case "grad":
            if gradients[parts[1]] == nil {
                let names = machine.parameters.keys.sorted()
                let function: ([Tensor]) throws -> Tensor = { [self] list in
                    try objective(machine, Dictionary(uniqueKeysWithValues: zip(names, list))).whole
                }
                let (_, found) = try valueAndGrad(function)(names.map { machine.parameters[$0]! })
                gradients[parts[1]] = Dictionary(uniqueKeysWithValues: zip(names, found))
            }
            compare(key, gradients[parts[1]]![parts[3...].joined(separator: ".")], slopes)
        default: unknown(key)
        }
    }

    private mutating func checkCategorical(_ key: String) throws {
        if key == "cat.noise" || key == "cat.label" { return }
        let names = Set(file.tensors.keys.filter { $0.hasPrefix("model.") }.map { $0.split(separator: ".")[1] })
        guard let name = names.contains("sqexp") ? "sqexp" : names.sorted().first.map(String.init),
            let (_, pass) = try model(name)
        else { return tally.count(key, ["there is no model for it"]) }
        let noise = tensor("cat.noise")
        switch key {
        case "cat.expected_loglik_mean":
            let labels = tensor("cat.label").asType(.float64).toArray(Double.self).map { Int($0) }
            compare(
                key,
                DeepKernelMachine.categoricalLikelihood(
                    labels, mean: pass.mean!, variance: pass.variance!, noise: noise))
        case "cat.predictive_logprob":
            compare(
                key,
                DeepKernelMachine.predictiveLogProbabilities(
                    mean: pass.mean!, variance: pass.variance!, noise: noise))
        default: unknown(key)
        }
    }

    /// `full.<case>.{nu,G1…,objective}`; `full.nngp.G1…`.
    private mutating func checkFull(_ key: String, _ parts: [String]) throws {
        if parts.count == 2 || parts.last == "nu" { return }
        let prefix = "full.\(parts[1])"
        let isProcess = parts[1] == "nngp"
        let layers = file.tensors.keys.filter { $0.hasPrefix(prefix + ".G") }.count
        let nus =
            isProcess
            ? [Double](repeating: .infinity, count: layers)
            : tensor(prefix + ".nu").asType(.float64).toArray(Double.self)
        var machine = try FullDeepKernelMachine(
            tensor("full.x"), tensor("full.y"), nus: nus, noiseVariance: tensor("full.noise_variance").doubleValue,
            jitter: tensor("full.jitter").doubleValue)
        // Length scales stay at one.
        if !isProcess { try machine.fit(maxIterations: 20_000, tolerance: 0, gradientTolerance: 1e-9) }
        if parts[2] == "objective" { return compare(key, Tensor([machine.objective]), optima) }
        guard let layer = Int(parts[2].dropFirst()), (1...layers).contains(layer) else { return unknown(key) }
        compare(key, try machine.grams()[layer - 1], isProcess ? fine : optima)
    }

    /// `linear.equal.G<ℓ>` in closed form and by optimisation, `linear.unequal.G<ℓ>`.
    private mutating func checkLinear(_ key: String, _ parts: [String]) throws {
        if ["linear.G0", "linear.GL1", "linear.unequal.nu"].contains(key) { return }
        let (first, last) = (tensor("linear.G0"), tensor("linear.GL1"))
        guard parts.count == 3, let layer = Int(parts[2].dropFirst()) else { return unknown(key) }
        let layers = file.tensors.keys.filter { $0.hasPrefix("linear.\(parts[1]).G") }.count
        switch parts[1] {
        case "equal":
            let closed = try LinearDeepKernel.geodesic(from: first, to: last, layers: layers)[layer - 1]
            let found = try LinearDeepKernel.optimum(
                from: first, to: last, nus: [Double](repeating: 1, count: layers + 1))[layer - 1]
            let problems = [
                fine.problem("\(key) in closed form", closed, tensor(key)),
                optima.problem("\(key) by optimisation", found, tensor(key)),
            ].compactMap { $0 }
            tally.count(key, problems)
        case "unequal":
            let nus = tensor("linear.unequal.nu").asType(.float64).toArray(Double.self)
            compare(key, try LinearDeepKernel.optimum(from: first, to: last, nus: nus)[layer - 1], optima)
        default: unknown(key)
        }
    }
}
