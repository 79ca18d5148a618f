import Foundation
import Mercer
import MercerImage
import MercerNN

/// `lambda-pnn.safetensors`: interpolation, sensor kernels, network, losses with gradients, quality indices.
struct PansharpeningOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = try PansharpeningOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let sensor: SatelliteSensor
    private let ratio: Int
    private let crop: [Int]
    private let enlarged: Tensor
    private let net: LambdaPNN
    private let fused: Tensor
    private let target: LambdaObjective.Target
    private let objective: LambdaObjective
    private let gradients: [String: Tensor]
    private let terms: LambdaObjective.Terms
    private let fine = Tolerance(bound: 1e-5)

    private init(_ file: OracleFile) throws {
        self.file = file
        func tensor(_ key: String) -> Tensor {
            guard let tensor = file.tensors[key] else { preconditionFailure("lambda-pnn has no \(key)") }
            return tensor
        }
        let config = file.json("config")[""] as? [String: Any] ?? [:]
        let (ms, pan) = (tensor("ms"), tensor("pan"))
        ratio = pan.dim(1) / ms.dim(1)
        let named = try SatelliteSensor(config["sensor"] as? String ?? "GE1")
        sensor =
            named.gains.count == ms.dim(3)
            ? named
            : SatelliteSensor(
                name: named.name, gains: (0..<ms.dim(3)).map { named.gains[$0 % named.gains.count] },
                panGain: named.panGain)
        crop = file.tensors["crop"]?.toArray(Int64.self).map { Int($0) } ?? [0, pan.dim(1), 0, pan.dim(2)]
        enlarged = Interpolation23.enlarged(ms, ratio: ratio)
        var parameters: [String: Tensor] = [:]
        for (key, value) in file.tensors where key.hasPrefix("net/") { parameters[String(key.dropFirst(4))] = value }
        let net = try LambdaPNN(parameters: parameters, from: "net/")
        self.net = net
        let x = concatenated([enlarged, pan], axis: 3)
        fused = net(x)
        let target = LambdaObjective.Target(
            ms: ms, enlarged: enlarged, pan: pan, sensor: sensor, ratio: ratio, scale: 2048)
        self.target = target
        let objective = LambdaObjective(
            alpha: config["alpha"] as? Double ?? 0.075, beta: 1, gamma: config["gamma"] as? Double ?? 4,
            rounding: .official)
        self.objective = objective
        let reprojection = Reprojection(sensor, ratio: ratio)
        terms = objective.terms(fused, target, reprojection)
        let (_, gradients) = valueAndGrad(net) { net in
            objective.value(objective.terms(net(x), target, reprojection))
        }
        // PyTorch's layout.
        self.gradients = gradients.dictionary.mapValues { $0.rank == 4 ? $0.movedAxis(-1, to: 1).contiguous() : $0 }
    }

    private func cropped(_ x: Tensor) -> Tensor {
        x[0..., crop[0]..<crop[1], crop[2]..<crop[3], 0...].contiguous()
    }

    private mutating func check(_ key: String) throws {
        let expected = file.tensors[key]!
        if ["crop", "ms", "pan", "index/reference", "index/output"].contains(key) || key.hasPrefix("net/") { return }
        if key.hasPrefix("grad/") {
            let scale = abs(expected).max().doubleValue
            let bound = Tolerance(bound: 1e-4 * scale + 1e-9, isAbsolute: true)
            let problem = bound.problem(key, gradients[String(key.dropFirst(5))], expected)
            return tally.count(key, problem.map { [$0] } ?? [])
        }
        tally.count(key, try problems(key, expected))
    }

    private func problems(_ key: String, _ expected: Tensor) throws -> [String] {
        func compare(_ actual: Tensor?, _ tolerance: Tolerance? = nil) -> [String] {
            [(tolerance ?? fine).problem(key, actual, expected)].compactMap { $0 }
        }
        func index(_ value: (Tensor, Tensor) throws -> Double) throws -> [String] {
            guard let reference = file.tensors["index/reference"], let output = file.tensors["index/output"] else {
                return ["the file lacks index/reference or index/output"]
            }
            let bound = Tolerance(bound: 1e-6 * abs(expected.doubleValue), isAbsolute: true)
            return compare(Tensor([try value(reference, output)]), bound)
        }
        switch key {
        case "upsampled/crop": return compare(cropped(enlarged))
        case "net_output/crop": return compare(cropped(fused))
        case "threshold/crop": return compare(cropped(target.threshold))
        case "degraded": return compare(Reprojection(sensor, ratio: ratio)(fused))
        case "mtf":
            let kernels = sensor.kernels(ratio: ratio)
            return compare(stacked([kernels[0], kernels[kernels.dim(0) - 1]]))
        case "mtf_pan": return panKernel(expected)
        case "losses":
            let values = [
                terms.ergas.doubleValue, terms.lambda?.doubleValue ?? .nan, terms.structure.doubleValue,
                terms.correlation.doubleValue,
            ]
            return compare(Tensor(values))
        case "index/q2n": return try index { MultispectralMetrics.q2n(reference: $0, output: $1) }
        case "index/ergas": return try index { try MultispectralMetrics.ergas(reference: $0, output: $1, ratio: ratio) }
        case "index/sam": return try index { MultispectralMetrics.sam(reference: $0, output: $1) }
        default:
            let parts = key.split(separator: "/")
            if parts.count == 3, parts[0] == "xcorr", parts[2] == "crop", let half = Int(parts[1]) {
                let band = enlarged[0..., 0..., 0..., 0..<1].contiguous()
                return compare(cropped(LocalCorrelation.map(band, file.tensors["pan"]!, halfWidth: half)))
            }
            return ["unknown key"]
        }
    }

    /// The file may hold the kernel, or the memory of a complex array as if it were real: real parts at even places,
    /// imaginary ones between them, and so only its first half.
    private func panKernel(_ expected: Tensor) -> [String] {
        let kernel = sensor.panKernel(ratio: ratio)
        guard let problem = fine.problem("mtf_pan", kernel, expected) else { return [] }
        let stored = expected.toArray(Double.self)
        let imaginary = Swift.stride(from: 1, to: stored.count, by: 2).map { Swift.abs(stored[$0]) }.max() ?? 1
        if imaginary > 1e-12 { return [problem] }
        let real = Swift.stride(from: 0, to: stored.count, by: 2).map { stored[$0] }
        let half = kernel.contiguous().toArray(Double.self).prefix(real.count)
        return [fine.problem("mtf_pan, real parts", Tensor(Array(half)), Tensor(real))].compactMap { $0 }
    }
}
