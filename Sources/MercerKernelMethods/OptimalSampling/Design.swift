import Foundation
import Mercer

/// How the points of a design are drawn.
public enum DesignSampler: Sendable, Equatable {
    /// Independent points of ν.
    case iid(count: Int)
    /// m points of the projection determinantal process.
    case dpp
    /// Several independent ones together.
    case repeatedDPP(times: Int)
    /// Generalised volume sampling: a determinantal sample and n − m independent points of ν, in random order.
    case volume(count: Int)
    /// Several independent volume samples of `count` points each.
    case repeatedVolume(count: Int, times: Int)
    /// Independent points of μ with weight 1: the baseline.
    case uniform(count: Int)

    /// A sampler by its name, for n points.
    ///
    /// - Parameter repeats: how many volume samples `volume-repeat` puts together.
    public init(_ name: String, count: Int, dimension m: Int, repeats: Int = 2) throws {
        switch name {
        case "iid": self = .iid(count: count)
        case "dpp":
            guard count == m else {
                throw KernelMethodError.option(
                    "--count", found: "\(count)",
                    expected: "\(m), the dimension of the space, for --sampler dpp; dpp-repeat takes its multiples")
            }
            self = .dpp
        case "dpp-repeat":
            guard count % m == 0, count > 0 else {
                let below = count / m * m
                let near = below > 0 ? "\(below) or \(below + m)" : "\(m)"
                throw KernelMethodError.option(
                    "--count", found: "\(count)", expected: "a multiple of \(m) for dpp-repeat, such as \(near)")
            }
            self = .repeatedDPP(times: count / m)
        case "volume": self = .volume(count: count)
        case "volume-repeat":
            guard repeats >= 1, count % repeats == 0, count / repeats >= m else {
                throw KernelMethodError.option(
                    "--count", found: "\(count)",
                    expected: "\(repeats) (--repeats) times a number that is at least \(m)")
            }
            self = .repeatedVolume(count: count / repeats, times: repeats)
        case "uniform": self = .uniform(count: count)
        default:
            throw KernelMethodError.option(
                "--sampler", found: "'\(name)'",
                expected: "iid, dpp, dpp-repeat, volume, volume-repeat or uniform")
        }
    }

    /// n for a space of m functions.
    public func pointCount(_ m: Int) -> Int {
        switch self {
        case .iid(let n), .volume(let n), .uniform(let n): n
        case .dpp: m
        case .repeatedDPP(let times): times * m
        case .repeatedVolume(let n, let times): n * times
        }
    }

    /// What `--sampler` calls it.
    public var name: String {
        switch self {
        case .iid: "iid"
        case .dpp: "dpp"
        case .repeatedDPP: "dpp-repeat"
        case .volume: "volume"
        case .repeatedVolume: "volume-repeat"
        case .uniform: "uniform"
        }
    }

    /// Whether the fit is unbiased: E[P̂f] = Pf, as long as nothing conditions the draw.
    public var isUnbiased: Bool {
        switch self {
        case .dpp, .volume, .repeatedVolume: true
        case .iid, .repeatedDPP, .uniform: false
        }
    }
}

/// Points at which to evaluate a function, their weights, and how well they determine the fit.
public struct Design<Point: Sendable>: Sendable {
    public internal(set) var points: [Point]
    /// w of each point.
    public internal(set) var weights: [Double]
    /// φ at the points, `[n, m]` row-major.
    public internal(set) var features: [Double]
    /// How many designs were drawn until one was well conditioned.
    public internal(set) var draws = 1
    /// How many points were taken out again.
    public internal(set) var removed = 0

    public var count: Int { points.count }
    var dimension: Int { features.count / max(1, points.count) }

    /// G = ΦᵀWΦ/n, `[m, m]`.
    public var gram: Tensor {
        let (n, m) = (count, dimension)
        return Tensor([m, m], of: Double.self) { g in
            for i in 0..<m * m { g[i] = 0 }
            for row in 0..<n {
                let w = weights[row] / Double(n)
                for i in 0..<m {
                    let c = w * features[row * m + i]
                    for j in 0..<m { g[i * m + j] += c * features[row * m + j] }
                }
            }
        }
    }

    /// λ_min(G) and λ_max(G).
    public func extremes() throws -> (smallest: Double, largest: Double) {
        let values = try LinearAlgebra.eigvalsh(gram).toArray(Double.self)
        return (max(0, values.first!), values.last!)
    }
}

extension ApproximationSpace {
    /// Draws a design.
    ///
    /// - Parameter weight: the reference ν of points that aren't determinantal, and the weights of all.
    /// - Throws: ``KernelMethodError`` for fewer points than the space has dimensions, or weights that don't fit the
    ///   sampler.
    public func sample(_ sampler: DesignSampler, weight: SamplingWeight = .optimal, key: RandomKey) throws
        -> Design<Point>
    {
        try check(sampler, weight)
        var generator = RandomStream(key)
        return design(
            draw(sampler, weight, using: &generator),
            sampler == .uniform(count: sampler.pointCount(count)) ? .uniform : weight)
    }

    /// Draws designs until λ_min(G) ≥ 1 − δ. A fit to such a design is no longer unbiased.
    ///
    /// - Parameter limit: how many are tried.
    /// - Throws: ``KernelMethodError`` for δ outside (0, 1), or when none of them was stable enough.
    public func sample(
        _ sampler: DesignSampler, weight: SamplingWeight = .optimal, condition delta: Double, limit: Int = 1000,
        key: RandomKey
    ) throws -> Design<Point> {
        guard delta > 0, delta < 1 else {
            throw KernelMethodError.option("--condition", found: "\(delta)", expected: "a number between 0 and 1")
        }
        try check(sampler, weight)
        var best = 0.0
        for draw in 0..<limit {
            var design = try sample(sampler, weight: weight, key: key.fold(in: draw))
            let smallest = try design.extremes().smallest
            if smallest >= 1 - delta {
                design.draws = draw + 1
                return design
            }
            best = max(best, smallest)
        }
        let needed = Stability.sufficientCount(dimension: count, delta: delta, share: weight.share)
        throw KernelMethodError.option(
            "the best λ_min of \(limit) draws", found: "\(best)",
            expected: "\(1 - delta) or more (--condition \(delta)); \(needed) points suffice half of the time even if "
                + "they are independent, repeated determinantal samples need fewer")
    }

    private func check(_ sampler: DesignSampler, _ weight: SamplingWeight) throws {
        let n = sampler.pointCount(count)
        guard n >= count else { throw KernelMethodError.tooFewPoints(found: n, dimension: count) }
        if case .repeatedVolume(let each, _) = sampler, each < count {
            throw KernelMethodError.tooFewPoints(found: each, dimension: count)
        }
        switch sampler {
        case .dpp, .repeatedDPP:
            guard weight == .optimal else {
                throw KernelMethodError.option(
                    "--weights", found: weight.rawValue,
                    expected: "optimal for determinantal samples alone; other weights belong to the extra points of "
                        + "volume sampling")
            }
        default: break
        }
    }

    private func draw(
        _ sampler: DesignSampler, _ weight: SamplingWeight, using generator: inout RandomStream
    ) -> [Point] {
        switch sampler {
        case .iid(let n): return (0..<n).map { _ in weight.draw(in: self, using: &generator) }
        case .uniform(let n): return (0..<n).map { _ in drawReference(using: &generator) }
        case .dpp: return drawProjectionDPP(using: &generator)
        case .repeatedDPP(let times):
            return (0..<times).flatMap { _ in drawProjectionDPP(using: &generator) }
        case .volume(let n): return volume(n, weight, using: &generator)
        case .repeatedVolume(let n, let times):
            return (0..<times).flatMap { _ in volume(n, weight, using: &generator) }
        }
    }

    private func volume(_ n: Int, _ weight: SamplingWeight, using generator: inout RandomStream) -> [Point] {
        var points = drawProjectionDPP(using: &generator)
        while points.count < n { points.append(weight.draw(in: self, using: &generator)) }
        // The permutation of Fisher and Yates.
        for i in Swift.stride(from: points.count - 1, to: 0, by: -1) {
            points.swapAt(i, Int(generator.integer(below: UInt64(i + 1))))
        }
        return points
    }

    /// A design of points that stand already.
    public func design(_ points: [Point], _ weight: SamplingWeight) -> Design<Point> {
        let phi = features(points)
        let weights = phi.withUnsafeBufferPointer { phi in
            points.indices.map { weight.weight(points[$0], phi.baseAddress! + $0 * count, in: self) }
        }
        return Design(points: points, weights: weights, features: phi)
    }

    /// A design of points with weights that stand already.
    public func design(_ points: [Point], weights: [Double]) -> Design<Point> {
        precondition(points.count == weights.count, "design: \(points.count) points, \(weights.count) weights")
        return Design(points: points, weights: weights, features: features(points))
    }
}

/// How many independent points of ν are enough.
public enum Stability {
    /// n ≥ m log(m/η)/(c_δ α) makes λ_min(G) ≥ 1 − δ with probability 1 − η, c_δ = δ + (1 − δ) log(1 − δ) (matrix
    /// Chernoff bound).
    public static func sufficientCount(
        dimension m: Int, delta: Double, failure eta: Double = 0.5, share alpha: Double = 1
    ) -> Int {
        let c = delta + (1 - delta) * Foundation.log(1 - delta)
        return Int((Double(m) * Foundation.log(Double(m) / eta) / (c * alpha)).rounded(.up))
    }
}

extension KernelMethodError {
    static func tooFewPoints(found: Int, dimension: Int) -> KernelMethodError {
        .option(
            "--count", found: "\(found)",
            expected: "at least \(dimension), the dimension of the space (fewer points can't determine a fit)")
    }
}
