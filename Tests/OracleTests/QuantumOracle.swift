import Foundation
import Mercer
import MercerKernelMethods

/// `quantum-kernel`: states and kernels of feature maps (Qiskit), Pauli vectors, artificial data, support vectors,
/// variational classifiers with gradients, noise and its extrapolation, projection.
struct QuantumOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = QuantumOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let fine = Tolerance(bound: 1e-12)

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("quantum-kernel has no \(key)") }
        return tensor
    }

    private func numbers(_ key: String) -> [Double] { tensor(key).asType(.float64).toArray(Double.self) }

    private mutating func compare(_ key: String, _ actual: Tensor, _ tolerance: Tolerance? = nil) {
        tally.count(key, (tolerance ?? fine).problem(key, actual, tensor(key)).map { [$0] } ?? [])
    }

    private mutating func compare(_ key: String, _ actual: [Double], _ tolerance: Tolerance? = nil) {
        let expected = tensor(key)
        guard actual.count == expected.count else {
            return tally.count(key, ["\(key) has \(actual.count) numbers, expected \(expected.count)"])
        }
        compare(key, Tensor(actual, expected.shape), tolerance)
    }

    private mutating func unknown(_ key: String) { tally.count(key, ["no runner knows it"]) }

    private mutating func check(_ key: String) throws {
        let parts = key.split(separator: ".").map(String.init)
        switch parts[0] {
        case "map": try checkMap(key, parts)
        case "pauli": checkPauli(key)
        case "adhoc": checkAdHoc(key, parts)
        case "svm": try checkSupportVectors(key)
        case "vqc": checkVariational(key, parts)
        case "noise": try checkNoise(key)
        case "psd": try checkProjection(key)
        default: unknown(key)
        }
    }

    // MARK: Feature maps

    /// `map.<pairs>.n<k>[.reps<r>].<name>`.
    private mutating func checkMap(_ key: String, _ parts: [String]) throws {
        let name = parts.last!
        if ["x", "y"].contains(name) { return }
        guard let pairs = QubitPairs(rawValue: parts[1]) else { return unknown(key) }
        let prefix = parts.dropLast().joined(separator: ".")
        let reps = parts.first { $0.hasPrefix("reps") }.flatMap { Int($0.dropFirst(4)) } ?? 2
        let x = tensor("\(prefix).x")
        let map = ZZFeatureMap(qubits: x.shape[1], reps: reps, pairs: pairs)
        let kernel = QuantumKernel(map)
        switch name {
        case "state_x": compare(key, StateVectors(map, x).amplitudes.transposed(0, 2, 1))
        case "kernel_xx", "kernel": compare(key, try kernel.matrix(x))
        case "kernel_yx": compare(key, try kernel.matrix(tensor("\(prefix).y"), x))
        default: unknown(key)
        }
    }

    private mutating func checkPauli(_ key: String) {
        if key == "pauli.x" { return }
        guard key == "pauli.vector" else { return unknown(key) }
        let x = tensor("pauli.x")
        compare(key, StateVectors(ZZFeatureMap(qubits: x.shape[1]), x).pauliVector())
    }

    /// `adhoc.n<k>.<name>`.
    private mutating func checkAdHoc(_ key: String, _ parts: [String]) {
        let name = parts[2...].joined(separator: ".")
        if ["V", "x"].contains(name) { return }
        let x = tensor("adhoc.\(parts[1]).x")
        let map = ZZFeatureMap(qubits: x.shape[1])
        let gap = name.hasPrefix("label_gap") ? Double(name.dropFirst(9)) : 0
        guard let gap else { return unknown(key) }
        let data = AdHocData(map, unitary: tensor("adhoc.\(parts[1]).V"), gap: gap)
        if name == "expectation" { return compare(key, data.expectation(x)) }
        guard name.hasPrefix("label_gap") else { return unknown(key) }
        compare(key, data.labels(x).map(Double.init))
    }

    // MARK: Support vectors

    /// `svm.<case>.<name>`, the case `C<value>` or one with labels and a `C` of its own.
    private mutating func checkSupportVectors(_ key: String) throws {
        if key == "svm.x" || key == "svm.y" { return }
        let x = tensor("svm.x")
        let kernel = try QuantumKernel(ZZFeatureMap(qubits: x.shape[1])).matrix(x)
        if key == "svm.kernel" { return compare(key, kernel) }
        let cut = key.lastIndex(of: ".")!
        let (prefix, name) = (String(key[..<cut]), String(key[key.index(after: cut)...]))
        if ["C", "y"].contains(name) { return }
        let spelled = Double(prefix.dropFirst("svm.C".count))
        guard let C = file.tensors["\(prefix).C"].map({ $0.doubleValue }) ?? spelled else { return unknown(key) }
        let labels = numbers(file.tensors["\(prefix).y"] == nil ? "svm.y" : "\(prefix).y")
        let machine = try SupportVectorMachine(
            kernel: kernel, labels: labels.map { Int($0) }, C: C, tolerance: 1e-12, maxIterations: 2_000_000)
        let coarse = Tolerance(bound: 1e-6)
        switch name {
        case "alpha": compare(key, machine.alphas, coarse)
        case "bias": compare(key, [machine.bias], coarse)
        case "decision": compare(key, machine.decision(kernel), coarse)
        case "dual": compare(key, [machine.dual], Tolerance(bound: 1e-8))
        default: unknown(key)
        }
    }

    // MARK: Variational classifier

    private mutating func checkVariational(_ key: String, _ parts: [String]) {
        let name = parts[2]
        if ["theta", "x", "y", "shots", "bias"].contains(name) { return }
        let prefix = "vqc.\(parts[1])."
        let (theta, x) = (tensor(prefix + "theta"), tensor(prefix + "x"))
        let map = ZZFeatureMap(qubits: x.shape[1])
        let classifier = VariationalClassifier(
            map, depth: theta.shape[0] - 1, angles: theta.toArray(Double.self),
            bias: tensor(prefix + "bias").doubleValue)
        let labels = numbers(prefix + "y").map { Int($0) }
        let shots = tensor(prefix + "shots").doubleValue
        let encoded = StateVectors(map, x)
        switch name {
        case "W": compare(key, classifier.unitary())
        case "p_plus": compare(key, classifier.positiveProbabilities(encoded))
        case "cost":
            let p = classifier.positiveProbabilities(encoded)
            compare(
                key,
                [VariationalClassifier.cost(p, labels: labels, bias: classifier.bias, shots: shots)])
        case "grad_theta":
            let one = classifier.costAndGradient(encoded, labels: labels, shots: shots)
            compare(key, one.angles, Tolerance(bound: 1e-7))
        case "grad_bias":
            let one = classifier.costAndGradient(encoded, labels: labels, shots: shots)
            compare(key, [one.bias], Tolerance(bound: 1e-7))
        default: unknown(key)
        }
    }

    // MARK: Noise and projection

    /// `noise.kernel_c<stretch>`, `noise.extrapolated` from the two smallest stretches, `noise.exact`.
    private mutating func checkNoise(_ key: String) throws {
        if key == "noise.x" || key == "noise.p" { return }
        let (x, p) = (tensor("noise.x"), numbers("noise.p"))
        let map = ZZFeatureMap(qubits: x.shape[1])
        let noisy = try NoisyKernel(map, oneQubit: p[0], twoQubit: p[1])
        if key == "noise.exact" { return compare(key, try QuantumKernel(map).matrix(x)) }
        if key.hasPrefix("noise.kernel_c") {
            guard let stretch = Double(key.dropFirst("noise.kernel_c".count)) else { return unknown(key) }
            return compare(key, try noisy.stretched(stretch).matrix(x, x), Tolerance(bound: 1e-10))
        }
        guard key == "noise.extrapolated" else { return unknown(key) }
        let stretches = file.tensors.keys.filter { $0.hasPrefix("noise.kernel_c") }
            .compactMap { Double($0.dropFirst("noise.kernel_c".count)) }.sorted()
        guard stretches.count >= 2 else { return tally.count(key, ["it needs two stretches"]) }
        let (c1, c2) = (stretches[0], stretches[1])
        compare(
            key,
            NoisyKernel.extrapolated(
                try noisy.stretched(c1).matrix(x, x), at: c1, try noisy.stretched(c2).matrix(x, x), at: c2),
            Tolerance(bound: 1e-10))
    }

    private mutating func checkProjection(_ key: String) throws {
        if key == "psd.in" { return }
        let (matrix, eigenvalues) = try MeasuredKernel.projected(tensor("psd.in"))
        switch key {
        case "psd.out": compare(key, matrix)
        case "psd.eigenvalues": compare(key, eigenvalues.sorted())
        default: unknown(key)
        }
    }
}
