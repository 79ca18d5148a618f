import Foundation
import Mercer
import MercerKernelMethods

/// `dpp-least-squares`: orthonormal bases, weighted fits, the chain rule, the tridiagonal model, exact expectations over
/// a finite set, thinning.
struct OptimalSamplingOracle {
    static func run(_ file: OracleFile) throws -> OracleTally {
        var oracle = OptimalSamplingOracle(file)
        for key in file.tensors.keys.sorted() { try oracle.check(key) }
        return oracle.tally
    }

    private let file: OracleFile
    private var tally = OracleTally()
    private let fine = Tolerance(bound: 1e-10)
    /// Expectations by law and weight, computed once.
    private var expectations: [String: FiniteEnumeration.Expectation] = [:]

    private init(_ file: OracleFile) { self.file = file }

    private func tensor(_ key: String) -> Tensor {
        guard let tensor = file.tensors[key] else { preconditionFailure("dpp-least-squares has no \(key)") }
        return tensor
    }

    private func numbers(_ key: String) -> [Double] { tensor(key).asType(.float64).toArray(Double.self) }

    private mutating func compare(_ key: String, _ actual: [Double], _ tolerance: Tolerance? = nil) {
        let expected = tensor(key)
        let problem =
            actual.count == expected.count
            ? (tolerance ?? fine).problem(key, Tensor(actual, expected.shape), expected.asType(.float64))
            : "\(key) has \(actual.count) numbers, expected \(expected.count)"
        tally.count(key, problem.map { [$0] } ?? [])
    }

    private mutating func unknown(_ key: String) { tally.count(key, ["no runner knows it"]) }

    private mutating func check(_ key: String) throws {
        let parts = key.split(separator: ".").map(String.init)
        switch parts[0] {
        case "n": return
        case "basis": try checkBasis(key, parts)
        case "index": try checkIndex(key, parts)
        case "tensor": try checkTensor(key, parts)
        case "fit": try checkFit(key, parts)
        case "chain": try checkChain(key, parts)
        case "jacobi": checkJacobi(key, parts)
        case "set": try checkSet(key, parts)
        case "dpp": try checkProjection(key, parts)
        case "repeat2", "volume", "iid": try checkExpectation(key, parts)
        case "thin": try checkThinning(key, parts)
        default: unknown(key)
        }
    }

    private func legendre(_ m: Int) throws -> PolynomialSpace {
        try PolynomialSpace(.legendre, index: .totalDegree(m - 1, dimension: 1))
    }

    // MARK: Bases

    private mutating func checkBasis(_ key: String, _ parts: [String]) throws {
        if parts[2] == "x" { return }
        guard parts[2] == "phi" else { return unknown(key) }
        let basis = try OrthonormalBasis(parts[1].replacingOccurrences(of: "_", with: ":"))
        let count = tensor(key).shape[1]
        compare(key, numbers("basis.\(parts[1]).x").flatMap { basis.values($0, count: count) })
    }

    private mutating func checkIndex(_ key: String, _ parts: [String]) throws {
        // `d2p3`: dimension 2, degree 3.
        let sizes = parts[2].split(whereSeparator: { "dp".contains($0) }).compactMap { Int($0) }
        guard sizes.count == 2 else { return unknown(key) }
        let set = try MultiIndexSet.named(parts[1], degree: sizes[1], dimension: sizes[0])
        compare(key, set.indices.flatMap { $0.map(Double.init) })
    }

    private mutating func checkTensor(_ key: String, _ parts: [String]) throws {
        if parts[1] == "x" { return }
        let x = tensor("tensor.x")
        let (n, d) = (x.shape[0], x.shape[1])
        let count = tensor("tensor.phi").shape[1]
        // The total degree with as many functions as the file has.
        var degree = 0
        while try MultiIndexSet.totalDegree(degree, dimension: d).indices.count < count { degree += 1 }
        let space = try PolynomialSpace(.legendre, index: .totalDegree(degree, dimension: d))
        let values = numbers("tensor.x")
        let points = (0..<n).map { Array(values[$0 * d..<($0 + 1) * d]) }
        switch parts[1] {
        case "phi": compare(key, space.features(points))
        case "christoffel_weight": compare(key, space.design(points, .optimal).weights)
        default: unknown(key)
        }
    }

    // MARK: Fits

    private mutating func checkFit(_ key: String, _ parts: [String]) throws {
        let m = tensor("fit.coef").count
        let space = try legendre(m)
        let points = numbers("fit.x").map { [$0] }
        let f = numbers("fit.f")
        let target = { (x: [Double]) in exp(x[0]) * sin(4 * x[0]) }
        let design = space.design(points, .optimal)
        let system = try WeightedLeastSquares(space, design)
        let best = space.project(nodes: 60, target)
        let bestSquared = best.squaredNorm - best.coefficients.reduce(0) { $0 + $1 * $1 }
        switch parts[1] {
        case "x": return
        case "f": compare(key, points.map(target))
        case "weight": compare(key, design.weights)
        case "gram": compare(key, design.gram.toArray(Double.self))
        case "eigenvalues":
            let expected = numbers(key)
            let values = try LinearAlgebra.eigvalsh(design.gram).toArray(Double.self)
            compare(key, values)
            let ends = [system.smallestEigenvalue, system.largestEigenvalue]
            let problem = fine.problem(
                "its ends by singular values", Tensor(ends), Tensor([expected.min()!, expected.max()!]))
            tally.count("\(key) (ends)", problem.map { [$0] } ?? [])
        case "coef": compare(key, try system.fit(f).coefficients)
        case "coef_best": compare(key, best.coefficients)
        case "error_best_squared": compare(key, [bestSquared])
        case "error_squared":
            let c = try system.fit(f).coefficients
            compare(key, [ApproximationError.squared(c, best: best.coefficients, bestSquared: bestSquared)])
        case "weight_mixture_linf": compare(key, space.design(points, .linf).weights)
        case "weight_mixture_rkhs":
            // k(x, x) = 2 + x has the mean 2.
            compare(
                key,
                points.map {
                    1 / SamplingWeight.rkhs.density(optimal: space.optimalDensity($0), kernel: (2 + $0[0]) / 2)
                })
        case "coef_mixture_linf":
            compare(key, try WeightedLeastSquares(space, space.design(points, .linf)).fit(f).coefficients)
        default: unknown(key)
        }
    }

    // MARK: Determinantal processes

    private mutating func checkChain(_ key: String, _ parts: [String]) throws {
        if parts[1] == "partial" || parts[1] == "grid" { return }
        let (partial, grid) = (numbers("chain.partial"), numbers("chain.grid"))
        let rows = tensor("chain.conditional_density")
        let first = Array(numbers("chain.conditional_density").prefix(grid.count))
        // The space's dimension is the m whose ν_m is the first row.
        func distance(_ m: Int) throws -> Double {
            let space = try legendre(m)
            return zip(grid, first).map { abs(space.optimalDensity([$0]) - $1) }.max()!
        }
        let m = try (1...60).min { try distance($0) < distance($1) }!
        let space = try legendre(m)
        var chain = ChainRule(count: m)
        var joint = 1.0
        var densities: [Double] = []
        for k in 0..<rows.shape[0] {
            densities += grid.map { chain.density(space.features([[$0]])) }
            guard k < partial.count else { break }
            let phi = space.features([[partial[k]]])
            joint *= chain.density(phi)
            chain.take(phi)
        }
        switch parts[1] {
        case "conditional_density": compare(key, densities)
        case "joint_density_of_partial": compare(key, [joint])
        default: unknown(key)
        }
    }

    private mutating func checkJacobi(_ key: String, _ parts: [String]) {
        if parts[1] == "alpha" { return }
        let matrix = TridiagonalEnsemble.jacobiMatrix(numbers("jacobi.alpha"))
        switch parts[1] {
        case "matrix":
            let m = matrix.diagonal.count
            var full = [Double](repeating: 0, count: m * m)
            for i in 0..<m {
                full[i * m + i] = matrix.diagonal[i]
                if i + 1 < m {
                    full[i * m + i + 1] = matrix.offDiagonal[i]
                    full[(i + 1) * m + i] = matrix.offDiagonal[i]
                }
            }
            compare(key, full)
        case "points":
            compare(key, Tridiagonal.eigenvalues(diagonal: matrix.diagonal, offDiagonal: matrix.offDiagonal))
        default:
            // `legendre_m6_moments`: E Σx, E Σx², E Σx⁴ of the process of six functions.
            let words = parts[1].split(separator: "_")
            guard words.count == 3, words[2] == "moments", let m = Int(words[1].dropFirst()),
                let basis = try? OrthonormalBasis(String(words[0]))
            else { return unknown(key) }
            let (nodes, weights) = basis.quadrature(m + 4)
            let density = nodes.map { x in basis.values(x, count: m).reduce(0) { $0 + $1 * $1 } }
            compare(
                key,
                [1, 2, 4].map { power in
                    nodes.indices.reduce(0) { $0 + weights[$1] * density[$1] * pow(nodes[$1], Double(power)) }
                })
        }
    }

    // MARK: A finite set

    private func rowSpace() throws -> RowSpace {
        try RowSpace(features: tensor("set.raw"), measure: numbers("set.mu"))
    }

    private mutating func checkSet(_ key: String, _ parts: [String]) throws {
        let space = try rowSpace()
        let best = space.project(numbers("set.f"))
        switch parts[1] {
        case "mu", "raw", "f": return
        case "phi": compare(key, space.phi)
        case "coef_best": compare(key, best.coefficients)
        case "error_best_squared": compare(key, [best.squaredError])
        case "christoffel": compare(key, (0..<space.rows).map(space.optimalDensity))
        default: unknown(key)
        }
    }

    private mutating func checkProjection(_ key: String, _ parts: [String]) throws {
        let space = try rowSpace()
        let enumeration = FiniteEnumeration(space, values: numbers("set.f"))
        let (subsets, probabilities) = enumeration.projectionDPP()
        switch parts[1] {
        case "subset": compare(key, subsets.flatMap { $0.map(Double.init) })
        case "probability":
            let listed = tensor("dpp.subset").asType(.float64).toArray(Double.self).map { Int($0) }
            let m = space.count
            let place = Dictionary(uniqueKeysWithValues: zip(subsets, probabilities))
            compare(
                key,
                Swift.stride(from: 0, to: listed.count, by: m).map {
                    place[listed[$0..<$0 + m].sorted()] ?? .nan
                })
        case "inclusion", "pair_inclusion":
            let n = space.rows
            var (single, pair) = ([Double](repeating: 0, count: n), [Double](repeating: 0, count: n * n))
            for (subset, p) in zip(subsets, probabilities) {
                for i in subset {
                    single[i] += p
                    for j in subset { pair[i * n + j] += p }
                }
            }
            // Files may leave the diagonal of the pairs empty.
            let expected = parts[1] == "inclusion" ? [] : numbers(key)
            if !expected.isEmpty, (0..<n).allSatisfy({ expected[$0 * n + $0] == 0 }) {
                for i in 0..<n { pair[i * n + i] = 0 }
            }
            compare(key, parts[1] == "inclusion" ? single : pair)
        case "expected_error_squared":
            let weights = (0..<space.rows).map { 1 / space.optimalDensity($0) }
            compare(key, [enumeration.repeatedDPP(times: 1, weights: weights, delta: 0.5).errorSquared])
        default: unknown(key)
        }
    }

    private mutating func checkExpectation(_ key: String, _ parts: [String]) throws {
        let space = try rowSpace()
        let isRepeated = parts[0] == "repeat2"
        let name = isRepeated ? "optimal" : parts[1]
        guard let weight = name == "mixture" ? SamplingWeight.linf : SamplingWeight(rawValue: name) else {
            return unknown(key)
        }
        let weights = (0..<space.rows).map {
            1 / weight.density(optimal: space.optimalDensity($0), kernel: 1)
        }
        if parts.last == "weight" { return compare(key, weights) }
        let n = Int(numbers("n")[0])
        if parts.last == "normaliser" {
            return compare(key, [FiniteEnumeration.volumeNormaliser(count: n, dimension: space.count)])
        }
        let law = isRepeated ? "repeat2" : "\(parts[0]).\(name)"
        if expectations[law] == nil {
            let enumeration = FiniteEnumeration(space, values: numbers("set.f"))
            expectations[law] =
                isRepeated
                ? enumeration.repeatedDPP(times: 2, weights: weights, delta: 0.5)
                : enumeration.independent(
                    count: n, weights: weights, delta: 0.5, rescaledByVolume: parts[0] == "volume")
        }
        let expectation = expectations[law]!
        switch parts.last! {
        case "expected_inverse_gram": compare(key, expectation.inverseGram)
        case "expected_error_squared": compare(key, [expectation.errorSquared])
        case "marginal": compare(key, expectation.marginal)
        case "stable_probability": compare(key, [expectation.stableProbability])
        case "expected_error_given_stable": compare(key, [expectation.errorSquaredGivenStable])
        default: unknown(key)
        }
    }

    private mutating func checkThinning(_ key: String, _ parts: [String]) throws {
        if parts[1] == "x" { return }
        let x = numbers("thin.x")
        let space = try legendre(3)
        var design = space.design(x.map { [$0] }, .optimal)
        let removed = try design.thin(floor: 0.35)
        switch parts[1] {
        case "removed": compare(key, removed.map(Double.init))
        case "kept":
            compare(key, x.indices.filter { !removed.contains($0) }.map(Double.init))
            let problem = fine.problem(
                "the points left", Tensor(design.points.map { $0[0] }),
                Tensor(numbers(key).map { x[Int($0)] }))
            tally.count("\(key) (points)", problem.map { [$0] } ?? [])
        default: unknown(key)
        }
    }
}
