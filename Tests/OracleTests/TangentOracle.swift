import Foundation
import Mercer
import MercerKernelMethods

/// `ntk`: kernels of infinite networks, training dynamics and empirical kernels (neural-tangents).
struct TangentOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = TangentOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let fine = Tolerance(bound: 1e-9)
    /// Where rows are equal or antipodal.
    private let coarse = Tolerance(bound: 1e-7)

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("ntk has no \(key)") }
        return tensor
    }

    private func number(_ key: String, _ standard: Double) -> Double {
        file.tensors[key].map { $0.asType(.float64).toArray(Double.self)[0] } ?? standard
    }

    private mutating func compare(_ key: String, _ actual: Tensor, _ tolerance: Tolerance? = nil) {
        let problem = (tolerance ?? fine).problem(key, actual, tensor(key))
        tally.count(key, problem.map { [$0] } ?? [])
    }

    private mutating func unknown(_ key: String) { tally.count(key, ["no runner knows it"]) }

    private mutating func check(_ key: String) throws {
        let parts = key.split(separator: ".").map(String.init)
        switch parts[0] {
        case "fc": try checkDense(key)
        case "circle": try checkCircle(key)
        case "residual": try checkResidual(key)
        case "conv": try checkConvolution(key, parts)
        case "dyn": try checkDynamics(key, parts)
        case "ensemble": try checkEnsemble(key, parts)
        case "empirical", "linear": try checkFinite(key, parts)
        default: unknown(key)
        }
    }

    // MARK: Vectors

    private func dense(_ activation: InfiniteLayer, depth: Int, _ w: Double, _ b: Double) throws -> InfiniteNetwork {
        try InfiniteNetwork(
            layers: (0..<depth).flatMap { l -> [InfiniteLayer] in
                l < depth - 1 ? [.dense(wStd: w, bStd: b), activation] : [.dense(wStd: w, bStd: b)]
            })
    }

    private mutating func checkDense(_ key: String) throws {
        // `fc.leaky_relu_0.2.ntk`: the name of an activation may have a point.
        let name = key.dropFirst("fc.".count)
        if ["x", "z", "depth", "w_std", "b_std"].contains(String(name)) { return }
        let kind = name.split(separator: ".").last!
        let activation = String(name.dropLast(kind.count + 1))
        guard let sigma = KernelActivation(activation) else { return unknown(key) }
        let net = try dense(
            .activation(sigma), depth: Int(number("fc.depth", 3)), number("fc.w_std", 1), number("fc.b_std", 0))
        let k = try net.kernels(tensor("fc.x"), tensor("fc.z"))
        try compareRows(key, kind == "nngp" ? k.nngp : k.ntk)
    }

    /// Compares equal and antipodal pairs with a wider bound than the others.
    private mutating func compareRows(_ key: String, _ actual: Tensor) throws {
        let expected = tensor(key)
        guard actual.shape == expected.shape else {
            return tally.count(key, ["shape \(actual.shape), expected \(expected.shape)"])
        }
        let (x, z) = (tensor("fc.x"), tensor("fc.z"))
        let d = x.shape[1]
        let (a, b) = (x.toArray(Double.self), z.toArray(Double.self))
        let (got, want) = (actual.toArray(Double.self), expected.toArray(Double.self))
        var problems: [String] = []
        for i in 0..<x.shape[0] {
            for j in 0..<z.shape[0] {
                let isSpecial = (0..<d).allSatisfy { abs(a[i * d + $0]) == abs(b[j * d + $0]) }
                let (e, bound) = (want[i * z.shape[0] + j], isSpecial ? 1e-7 : 1e-9)
                let off = abs(got[i * z.shape[0] + j] - e)
                if !(off <= bound * max(1, abs(e))) { problems.append("(\(i), \(j)) is off by \(off)") }
            }
        }
        tally.count(key, problems)
    }

    private mutating func checkCircle(_ key: String) throws {
        if key == "circle.gamma" { return }
        let gamma = tensor("circle.gamma").toArray(Double.self)
        let points = Tensor(gamma.flatMap { [cos($0), sin($0)] }, [gamma.count, 2])
        let net = try dense(.activation(.relu), depth: 4, 1, 0.1)
        let k = try net.kernels(Tensor([1.0, 0], [1, 2]), points)
        compare(key, key.hasSuffix("ntk") ? k.ntk : k.nngp, coarse)
    }

    private mutating func checkResidual(_ key: String) throws {
        let (w, b) = (number("fc.w_std", 1), number("fc.b_std", 0))
        let branch: [InfiniteLayer] = [
            .layerNorm, .dense(wStd: w, bStd: b), .activation(.relu), .dense(wStd: 1, bStd: 0),
        ]
        let net = try InfiniteNetwork(layers: [
            .dense(wStd: w, bStd: b), .sum([[.identity], branch]), .sum([[.identity], branch]), .activation(.relu),
            .dense(wStd: w, bStd: b),
        ])
        let k = try net.kernels(tensor("fc.x"), tensor("fc.z"))
        compare(key, key.hasSuffix("ntk") ? k.ntk : k.nngp, coarse)
    }

    // MARK: Pictures

    private mutating func checkConvolution(_ key: String, _ parts: [String]) throws {
        if parts.count == 2 { return }
        let (w, b) = (number("conv.w_std", number("fc.w_std", 1)), number("conv.b_std", number("fc.b_std", 0)))
        func conv(_ size: Int, _ stride: Int, _ padding: KernelPadding) -> InfiniteLayer {
            .convolution(height: size, width: size, stride: stride, padding: padding, wStd: w, bStd: b)
        }
        let relu = InfiniteLayer.activation(.relu)
        let layers: [InfiniteLayer]
        if parts[1] == "strided_pooled" {
            layers = [
                conv(3, 2, .same), relu, .averagePool(2, stride: 2, padding: .valid), conv(2, 1, .same), relu,
                .globalAveragePool, .dense(wStd: w, bStd: b),
            ]
        } else {
            guard let padding = KernelPadding(rawValue: parts[1]), parts.count == 4 else { return unknown(key) }
            let head: InfiniteLayer = parts[2] == "gap" ? .globalAveragePool : .flatten
            layers = [
                conv(3, 1, padding), relu, conv(3, 1, padding), relu, head, .dense(wStd: w, bStd: b),
            ]
        }
        let k = try InfiniteNetwork(layers: layers).kernels(tensor("conv.x"), tensor("conv.z"))
        compare(key, parts.last == "ntk" ? k.ntk : k.nngp)
    }

    // MARK: Dynamics

    private func erfNetwork() throws -> InfiniteNetwork { try dense(.activation(.erf), depth: 3, 1.4, 0.2) }

    private func dynamics() throws -> KernelDynamics {
        try KernelDynamics(ntk: tensor("dyn.ntk_train"), targets: tensor("dyn.y_train"))
    }

    private mutating func checkDynamics(_ key: String, _ parts: [String]) throws {
        let (train, test) = (tensor("dyn.x_train"), tensor("dyn.x_test"))
        let net = try erfNetwork()
        let times = tensor("dyn.t").toArray(Double.self)
        switch parts[1] {
        case "x_train", "x_test", "y_train", "t", "f0_train", "f0_test": return
        case "ntk_train": compare(key, try net.kernels(train).ntk, coarse)
        case "nngp_train": compare(key, try net.kernels(train).nngp, coarse)
        case "ntk_test_train": compare(key, try net.kernels(test, train).ntk)
        case "nngp_test_train": compare(key, try net.kernels(test, train).nngp)
        case "nngp_test": compare(key, try net.kernels(test).nngp, coarse)
        case "f_train":
            let dynamics = try dynamics()
            compare(key, stacked(try times.map { try dynamics.predict(time: $0, initial: tensor("dyn.f0_train")) }))
        case "f_test":
            let dynamics = try dynamics()
            compare(
                key,
                stacked(
                    try times.map {
                        try dynamics.predict(
                            time: $0, testKernel: tensor("dyn.ntk_test_train"), initial: tensor("dyn.f0_train"),
                            testInitial: tensor("dyn.f0_test"))
                    }))
        default: unknown(key)
        }
    }

    private func stacked(_ parts: [Tensor]) -> Tensor {
        concatenated(parts.map { $0.reshaped([1] + $0.shape) }, axis: 0)
    }

    private mutating func checkEnsemble(_ key: String, _ parts: [String]) throws {
        let mean: Tensor
        let covariance: Tensor
        if parts[1] == "nngp" {
            let process = try KernelRegression(tensor("dyn.nngp_train"), targets: tensor("dyn.y_train"), ridge: 0)
            mean = process.mean(tensor("dyn.nngp_test_train"))
            covariance = process.covariance(
                testTrain: tensor("dyn.nngp_test_train"), test: tensor("dyn.nngp_test"))
        } else {
            let time = parts[2] == "inf" ? Double.infinity : tensor("dyn.t").toArray(Double.self)[1]
            (mean, covariance) = try dynamics().ensemble(
                time: time, testKernel: tensor("dyn.ntk_test_train"), nngp: tensor("dyn.nngp_train"),
                testTrain: tensor("dyn.nngp_test_train"), test: tensor("dyn.nngp_test"))
        }
        switch parts.last! {
        case "mean": compare(key, mean)
        case "cov": compare(key, covariance)
        default: unknown(key)
        }
    }

    // MARK: Finite networks

    private func finite() throws -> FiniteNetwork {
        let prefix = "empirical.param."
        var tensors: [String: Tensor] = [:]
        for (key, value) in file.tensors where key.hasPrefix(prefix) {
            tensors[String(key.dropFirst(prefix.count))] = value
        }
        let depth = tensors.keys.count { $0.hasSuffix(".weight") }
        let net = try dense(.activation(.relu), depth: depth, 1.4, 0.2)
        return try FiniteNetwork(net, tensors: tensors, file: "ntk")
    }

    private mutating func checkFinite(_ key: String, _ parts: [String]) throws {
        if parts[1] == "param" || parts[1] == "delta" || parts[1] == "vector" { return }
        let net = try finite()
        let (x, z) = (tensor("dyn.x_train"), tensor("dyn.x_test"))
        switch key {
        case "empirical.f": compare(key, net(x))
        case "empirical.ntk_full":
            for route in FiniteNetwork.KernelRoute.allCases {
                compare(key, net.tangentKernel(x, z, route: route))
            }
        case "empirical.ntk_trace_mean": compare(key, net.traceKernel(x, z))
        case "empirical.ntk_vp": compare(key, net.kernelProduct(x, z, tensor("empirical.vector")))
        case "linear.f":
            let delta = net.layers.indices.map {
                (weight: tensor("linear.delta.\($0).weight"), bias: tensor("linear.delta.\($0).bias"))
            }
            compare(key, net.taylor(x, moved: delta))
        default: unknown(key)
        }
    }
}
