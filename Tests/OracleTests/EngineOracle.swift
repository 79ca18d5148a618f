import Foundation
import Mercer
import MercerNN

/// `engine.safetensors`: operations and their gradients, optimisers, a Hessian-vector product.
///
/// Keys are `<case>/<name>`, the metadata entry `<case>` is JSON with `op` and its options. Inputs by name, those
/// without gradient with an underscore; `y` (or `y0`, `y1` …) results, `gy` the gradient that comes in, `g_x` …
/// those that go out.
enum EngineOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var tally = OracleTally()
        let names = Set(file.tensors.keys.map { String($0.prefix { $0 != "/" }) })
        for name in names.sorted() { tally.count(name, try problems(EngineCase(name, file))) }
        return tally
    }

    private static func problems(_ given: EngineCase) throws -> [String] {
        if given.op == "hvp" { return hessianVectorProductProblems(given) }
        if let problems = try OptimizerOracle.problems(given) { return problems }
        guard let operation = EngineOperations.table[given.op] else { return ["no such operation: \(given.op)"] }

        let names = given.differentiable
        let forward: ([Tensor]) -> [Tensor] = { tensors in
            operation(given.with(Dictionary(uniqueKeysWithValues: zip(names, tensors))))
        }
        let expected = given.results
        let inputs = names.map { given.tensors[$0]! }
        let plain = forward(inputs)
        let exact = inputs.first?.dtype == .float64
        var problems = expected.enumerated().compactMap { index, result in
            (exact ? Tolerance.double : .forward).problem(
                result.name, index < plain.count ? plain[index] : nil, result.tensor)
        }
        guard problems.isEmpty else { return problems }
        let cotangents = plain.enumerated().map { index, result in
            (given.tensors[plain.count == 1 ? "gy" : "gy\(index)"] ?? given.tensors["gy\(index)"])?
                .asType(result.dtype) ?? Tensor.zeros(result.shape, result.dtype)
        }
        let (_, gradients) = vjp(forward, primals: inputs, cotangents: cotangents)
        for (name, gradient) in zip(names, gradients) {
            guard let wanted = given.tensors["g_\(name)"] else { continue }
            problems += [
                (exact ? Tolerance.double : .gradient).problem("g_\(name)", gradient, wanted)
            ].compactMap { $0 }
        }
        return problems
    }

    private static func hessianVectorProductProblems(_ given: EngineCase) -> [String] {
        guard given.text("f") == "sum(gelu_erf(x w)^2)" else { return ["no such function: \(given.text("f"))"] }
        let (gradient, product) = hessianVectorProduct(
            { w in square(gelu(matmul(given["x"], w[0]))).sum() }, primals: [given["w"]], vector: [given["v"]])
        return [
            Tolerance.gradient.problem("grad", gradient[0], given["grad"]),
            Tolerance.gradient.problem("hv", product[0], given["hv"]),
        ].compactMap { $0 }
    }
}

/// One case of the file.
struct EngineCase {
    let name: String
    let op: String
    private(set) var tensors: [String: Tensor] = [:]
    private let options: [String: Any]

    init(_ name: String, _ file: OracleFile) {
        self.name = name
        options = file.json(name)
        op = options["op"] as? String ?? ""
        for (key, tensor) in file.tensors where key.hasPrefix(name + "/") {
            tensors[String(key.dropFirst(name.count + 1))] = tensor
        }
    }

    subscript(_ name: String) -> Tensor { tensors[name]! }

    /// The same case with some of its tensors replaced.
    func with(_ replacements: [String: Tensor]) -> EngineCase {
        var result = self
        result.tensors.merge(replacements) { _, new in new }
        return result
    }

    /// Names of the inputs that have a gradient.
    var differentiable: [String] { ["a", "b", "k", "q", "s", "v", "w", "x"].filter { tensors[$0] != nil } }

    /// The expected results in order.
    var results: [(name: String, tensor: Tensor)] {
        if let y = tensors["y"] { return [("y", y)] }
        return (0...).lazy.map { "y\($0)" }.prefix { tensors[$0] != nil }.map { ($0, tensors[$0]!) }
    }

    func number(_ key: String, default value: Double? = nil) -> Double {
        guard let number = (options[key] as? NSNumber)?.doubleValue ?? value else {
            fatalError("oracle case \(name): no option \(key)")
        }
        return number
    }

    func integer(_ key: String, default value: Int? = nil) -> Int {
        Int(number(key, default: value.map(Double.init)))
    }

    /// A whole number for both axes, or one for each.
    func pair(_ key: String) -> (Int, Int) {
        if let both = options[key] as? [Int] { return (both[0], both[1]) }
        return (integer(key), integer(key))
    }

    func integers(_ key: String) -> [Int] { options[key] as? [Int] ?? [integer(key)] }
    func flag(_ key: String) -> Bool { (options[key] as? Bool) ?? false }
    func text(_ key: String) -> String { options[key] as? String ?? "" }
    func dictionary(_ key: String) -> [String: Any] { options[key] as? [String: Any] ?? [:] }

    /// The axis that a name such as `cumsum_axis1` ends in, counted from 0.
    var axisInName: Int { Int(String(op.reversed().prefix { $0.isNumber }.reversed()))! }
}
