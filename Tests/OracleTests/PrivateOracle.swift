import Foundation
import Mercer
import MercerKernelMethods

/// `dp-kde`: sketches and mechanisms of private similarity with their noise given.
struct PrivateOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = PrivateOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let fine = Tolerance(bound: 1e-10)
    private let close = Tolerance(bound: 1e-9)

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("dp-kde has no \(key)") }
        return tensor
    }

    private func numbers(_ key: String) -> [Double] {
        let tensor = tensor(key)
        return tensor.dtype == .int64
            ? tensor.toArray(Int64.self).map(Double.init) : tensor.toArray(Double.self)
    }

    private func points(_ key: String) -> PointSet<Double> { PointSet<Double>(tensor(key)) }

    private mutating func compare(_ key: String, _ actual: [Double], _ tolerance: Tolerance? = nil) {
        let expected = tensor(key)
        let problem =
            actual.count == expected.count
            ? (tolerance ?? fine).problem(key, Tensor(actual, expected.shape), expected)
            : "\(key) has \(actual.count) numbers, expected \(expected.count)"
        tally.count(key, problem.map { [$0] } ?? [])
    }

    /// Keys that are inputs of other cases.
    private static let inputs: Set<String> = [
        "rff.x", "rff.query", "rff.omega", "rff.phase", "rff.noise_on_mean", "rff.epsilon", "freq.normal",
        "freq.normal0",
        "jl.matrix", "jl.r", "jl.k", "tree.x", "tree.query", "tree.range", "tree.noise", "tree.alpha",
        "tree.interval",
        "mech.eps_delta", "mech.discrete_laplace_scale", "embed.matrix", "class.label", "class.noise_sum",
        "class.noise_count", "class.query", "fgt.x", "fgt.query",
    ]

    private mutating func check(_ key: String) throws {
        if Self.inputs.contains(key) { return }
        switch key.split(separator: ".")[0] {
        case "rff": checkFeatures(key)
        case "exact": try checkExact(key)
        case "freq": checkFrequencies(key)
        case "jl": checkProjection(key)
        case "tree": try checkTree(key)
        case "expsum": try checkExponentialSum(key)
        case "mech": checkMechanism(key)
        case "embed": checkEmbedding(key)
        case "class": try checkClassifier(key)
        case "fgt": checkLattice(key)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private func features() -> RandomFeatures {
        RandomFeatures(
            frequencies: tensor("rff.omega").transposed().contiguous().toArray(Double.self),
            phases: numbers("rff.phase"),
            dimension: tensor("rff.omega").shape[0])
    }

    private mutating func checkFeatures(_ key: String) {
        let features = features()
        let n = Double(tensor("rff.x").shape[0])
        switch key {
        case "rff.sum": compare(key, features.sums(points("rff.x")))
        case "rff.laplace_scale_on_mean":
            compare(key, [features.sensitivity.l1 / (numbers("rff.epsilon")[0] * n)])
        case "rff.non_private", "rff.private":
            var means = features.sums(points("rff.x")).map { $0 / n }
            if key == "rff.private" { means = zip(means, numbers("rff.noise_on_mean")).map(+) }
            compare(key, features.estimates(means: means, points("rff.query")).map(\.estimate))
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkExact(_ key: String) throws {
        let functions: [String: SimilarityFunction] = [
            "exact.gaussian": .kernel(.gaussian, bandwidth: 1),
            "exact.exponential": .kernel(.exponential, bandwidth: 1),
            "exact.laplace_l1": .kernel(.laplace, bandwidth: 1),
            "exact.cauchy": .inverse(.gaussian, bandwidth: 1),
            "exact.inverse_l2": .inverse(.exponential, bandwidth: 1),
            "exact.inverse_l1": .inverse(.laplace, bandwidth: 1), "exact.sum_l1": .l1, "exact.sum_l2": .l2,
            "exact.sum_l2_squared": .squaredL2,
        ]
        guard let function = functions[key] else { return tally.count(key, ["no runner knows it"]) }
        let sums = function.exactSums(points("rff.x"), points("rff.query"))
        let n = Double(tensor("rff.x").shape[0])
        compare(key, key.contains("sum") ? sums : sums.map { $0 / n })
    }

    private mutating func checkFrequencies(_ key: String) {
        guard key == "freq.exponential" else { return tally.count(key, ["no runner knows it"]) }
        let normal0 = numbers("freq.normal0")
        let d = tensor("freq.normal").shape[0]
        let columns = tensor("freq.normal").transposed().contiguous().toArray(Double.self)
        // One feature a row here, one a column in the file.
        let rows = normal0.indices.flatMap { i in
            FeatureKernel.exponentialFrequencies(
                Array(columns[i * d..<(i + 1) * d]), normal0[i], bandwidth: 1)
        }
        compare(key, Tensor(rows, [normal0.count, d]).transposed().contiguous().toArray(Double.self))
    }

    private mutating func checkProjection(_ key: String) {
        let r = numbers("jl.r")
        let k = numbers("jl.k").map { Int($0) }
        switch key {
        case "jl.gaussian_after":
            let projection = Projection(
                matrix: numbers("jl.matrix"), dimension: tensor("jl.matrix").shape[1])
            let x = projection.apply(points("rff.x"))
            let sums = SimilarityFunction.kernel(.gaussian, bandwidth: 1)
                .exactSums(x, projection.apply(points("rff.query")))
            compare(key, sums.map { $0 / Double(x.count) })
        case "jl.expected_gaussian":
            compare(key, k.flatMap { k in r.map { ProjectionBias.gaussian($0, reduced: k) } })
        case "jl.expected_exponential":
            compare(key, k.flatMap { k in r.map { ProjectionBias.exponential($0, reduced: k) } }, close)
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private func leaves() -> [Double] {
        let nodes = tensor("tree.noise").count
        // A binary tree of m leaves has 2m − 1 nodes.
        var leaves = [Double](repeating: 0, count: (nodes + 1) / 2)
        let range = numbers("tree.range")[0]
        for value in numbers("tree.x") {
            leaves[DistanceTree.cell(value, range: range, cells: leaves.count)] += 1
        }
        return leaves
    }

    private func noisyTree() -> CountTree {
        let exact = CountTree(leaves: leaves())
        return CountTree(nodes: zip(exact.nodes, numbers("tree.noise")).map(+), cells: exact.cells)
    }

    private mutating func checkTree(_ key: String) throws {
        let parts = key.split(separator: ".").map(String.init)
        let range = numbers("tree.range")[0]
        let queries = numbers("tree.query")
        switch key {
        case "tree.count": compare(key, CountTree(leaves: leaves()).nodes)
        case "tree.laplace_scale":
            let levels = Double(CountTree(leaves: leaves()).levels)
            compare(key, [levels / numbers("rff.epsilon")[0]])
        case "tree.interval_sum":
            let ends = numbers("tree.interval").map { Int($0) }
            let tree = noisyTree()
            compare(
                key, Swift.stride(from: 0, to: ends.count, by: 2).map { tree.sum(ends[$0]..<ends[$0 + 1]) })
        case "tree.exact_on_grid":
            let tree = DistanceTree(counts: CountTree(leaves: leaves()), range: range)
            compare(key, queries.map(tree.exactSum))
        default:
            guard parts.count == 4, parts[1] == "answer", parts[2].hasPrefix("p"),
                let p = Double(parts[2].dropFirst()),
                let weight = RingWeight(rawValue: parts[3])
            else { return tally.count(key, ["no runner knows it"]) }
            let tree = DistanceTree(counts: noisyTree(), range: range)
            compare(
                key,
                numbers("tree.alpha").flatMap { alpha in
                    let rings = tree.rings(power: p, alpha: alpha, weight: weight)
                    return queries.map { tree.sum(from: $0, over: rings).sum }
                })
        }
    }

    private mutating func checkExponentialSum(_ key: String) throws {
        if key == "expsum.cauchy_estimate" {
            let sum = try ExponentialSum.reciprocal(accuracy: 1e-3)
            let (x, y) = (points("rff.x"), points("rff.query"))
            let squares = squaredDistances(y, x).toArray(Double.self)
            return compare(
                key,
                (0..<y.count).map { row in
                    (0..<x.count).reduce(0) { $0 + sum(1 + squares[row * x.count + $1]) } / Double(x.count)
                })
        }
        let parts = key.dropFirst("expsum.".count).split(separator: ".").map(String.init)
        guard let name = parts.last, let alpha = Double(parts.dropLast().joined(separator: ".")) else {
            return tally.count(key, ["no runner knows it"])
        }
        let sum = try ExponentialSum.reciprocal(accuracy: alpha)
        switch name {
        case "weight": compare(key, sum.weights)
        case "rate": compare(key, sum.rates)
        // The file's error is the largest over 2 000 equal steps of [1, 50].
        case "max_error":
            compare(key, [sum.largestError(over: (0..<2000).map { 1 + 49 * Double($0) / 1999 })])
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkMechanism(_ key: String) {
        let pairs = numbers("mech.eps_delta")
        let budgets = Swift.stride(from: 0, to: pairs.count, by: 2).map {
            (epsilon: pairs[$0], delta: pairs[$0 + 1])
        }
        switch key {
        case "mech.gaussian_analytic_sigma":
            compare(
                key, budgets.map { GaussianMechanism.deviation(epsilon: $0.epsilon, delta: $0.delta) }, close)
        case "mech.gaussian_classic_sigma":
            compare(
                key, budgets.map { GaussianMechanism.classicDeviation(epsilon: $0.epsilon, delta: $0.delta) },
                close)
        case "mech.zcdp_rho":
            compare(key, budgets.map { PrivacyAccountant.rho(epsilon: $0.epsilon, delta: $0.delta) })
        case "mech.discrete_laplace_pmf":
            let scale = numbers("mech.discrete_laplace_scale")[0]
            let half = tensor(key).count / 2
            compare(key, (-half...half).map { DiscreteLaplace.probability($0, scale: scale) })
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkEmbedding(_ key: String) {
        guard key == "embed.sum_l2_estimate" else { return tally.count(key, ["no runner knows it"]) }
        let matrix = tensor("embed.matrix")
        let embedding = Projection(matrix: numbers("embed.matrix"), dimension: matrix.shape[1])
        let sums = SimilarityFunction.l1.exactSums(
            embedding.apply(points("rff.x")), embedding.apply(points("rff.query")))
        compare(key, sums.map { $0 * (Double.pi / 2).squareRoot() / Double(matrix.shape[0]) })
    }

    private mutating func checkClassifier(_ key: String) throws {
        let labels = tensor("class.label").toArray(Int64.self).map(Int.init)
        let classes = tensor("class.noise_count").count
        let x = points("rff.x")
        var unit = x.values
        for row in 0..<x.count {
            for k in row * x.dimension..<(row + 1) * x.dimension {
                unit[k] /= x.squaredNorms[row].squareRoot()
            }
        }
        let rows = PointSet<Double>(unit, count: x.count, dimension: x.dimension)
        let (sums, counts) = PrivateClassifier.classSums(rows, labels, classes: classes)
        switch key {
        case "class.sum": return compare(key, sums)
        case "class.count": return compare(key, counts)
        default: break
        }
        let classifier = try PrivateClassifier(
            sums: Tensor(zip(sums, numbers("class.noise_sum")).map(+), [classes, x.dimension]),
            counts: zip(counts, numbers("class.noise_count")).map(+), classes: (0..<classes).map(String.init))
        let scores = classifier.scores(features: tensor("class.query"))
        switch key {
        case "class.mean_squared_distance": compare(key, scores.toArray(Double.self))
        case "class.prediction":
            let predicted = scores.argMin(axis: 1).asType(.int64).toArray(Int64.self)
            tally.count(
                key, predicted == tensor(key).toArray(Int64.self) ? [] : ["\(key) is \(predicted)"])
        default: tally.count(key, ["no runner knows it"])
        }
    }

    private mutating func checkLattice(_ key: String) {
        let (x, queries) = (points("fgt.x"), points("fgt.query"))
        if key == "fgt.exact" {
            let sums = SimilarityFunction.kernel(.gaussian, bandwidth: 1).exactSums(x, queries)
            return compare(key, sums.map { $0 / Double(x.count) })
        }
        let parts = key.split(separator: ".").map(String.init)
        guard parts.count == 3, parts[1].hasPrefix("rho"), let order = Int(parts[1].dropFirst(3)) else {
            return tally.count(key, ["no runner knows it"])
        }
        let cells = tensor("fgt.\(parts[1]).sketch").shape[0]
        let side = Int(pow(Double(cells), 1 / Double(x.dimension)).rounded())
        let sketch = FastGaussSketch(
            x, order: order, origin: [Int](repeating: 0, count: x.dimension),
            sides: [Int](repeating: side, count: x.dimension))
        switch parts[2] {
        case "sketch": compare(key, sketch.moments)
        case "kde":
            compare(key, (0..<queries.count).map { sketch.estimate(Array(queries[$0])).estimate })
        case "laplace_scale_on_mean":
            let sensitivity = FastGaussSketch.sensitivity(dimension: x.dimension, order: order)
            compare(key, [sensitivity / (numbers("rff.epsilon")[0] * Double(x.count))])
        default: tally.count(key, ["no runner knows it"])
        }
    }
}
