import Foundation
import Mercer

/// A differentially private release from which anybody may compute the mean of f(x, y) over a data set for any number
/// of queries y, without seeing the data again (Backurs, Lin, Mahabadi, Silwal, Tarnawski, "Efficiently computing
/// similarities to private datasets", 2024).
///
/// ```swift
/// let release = try PrivateSimilarity.build(
///     x, .kernel(.gaussian, bandwidth: 2), budget: .pure(epsilon: 1))
/// for answer in release.query(y) { print(answer.estimate, answer.noiseStandardError) }
/// ```
///
/// The number of rows is public. Bandwidths, bounds and seeds of features have to be constants or come from public
/// data. Building a release again with fresh noise spends ε again.
public struct PrivateSimilarity: Sendable {
    /// What is public about a release: its function, budget, mechanisms.
    public let record: PrivateRelease
    let sketch: Sketch

    /// The sanitised numbers.
    enum Sketch: Sendable {
        /// Mean random features of each kernel of a sum.
        case features([FeatureSketch], Projection?)
        /// A tree of counts a coordinate.
        case trees([CountTree])
        /// Trees of counts and of sums a coordinate.
        case sumTrees([SumTree])
        /// Mean coordinates and mean squared norm.
        case moments(mean: [Double], square: Double)
        /// Moments of lattice cells.
        case lattice(FastGaussSketch)
    }

    /// Mean features of one kernel, with its weight in the sum.
    struct FeatureSketch: Sendable {
        let weight: Double
        let features: RandomFeatures
        let means: [Double]
        /// The standard deviation of a mean's noise.
        let deviation: Double
    }

    init(record: PrivateRelease, sketch: Sketch) {
        self.record = record
        self.sketch = sketch
    }

    /// Builds a release in one pass.
    ///
    /// - Parameters:
    ///   - points: the private rows, `[n, d]`.
    ///   - bound: public; each |x_k| (each |x| for `l2` and `squaredL2`) is at most this. Kernels need none.
    ///   - noise: the system's cryptographic generator, or a seed for experiments, which marks the release.
    /// - Throws: ``KernelMethodError``.
    public static func build(
        _ points: Tensor, _ function: SimilarityFunction, budget: PrivacyBudget, bound: Double? = nil,
        options: PrivateOptions = PrivateOptions(), noise: NoiseSource = .system
    ) throws -> PrivateSimilarity {
        precondition(points.rank == 2, "PrivateSimilarity: a matrix is expected, not shape \(points.shape)")
        var builder = try PrivateSimilarityBuilder(
            function, count: points.shape[0], dimension: points.shape[1], budget: budget, bound: bound,
            options: options)
        try builder.add(points)
        return try builder.finish(noise: noise)
    }

    /// The estimated mean of f(x, y) over the rows for each query, with the standard error that the noise alone gives
    /// it. No further privacy is spent.
    public func query(_ queries: Tensor) -> [PrivateEstimate] {
        precondition(
            queries.rank == 2 && queries.shape[1] == record.dimension,
            "PrivateSimilarity: queries of shape \(queries.shape), data of \(record.dimension) columns")
        let set = PointSet<Double>(queries)
        switch sketch {
        case .features(let sketches, let projection): return featureAnswers(set, sketches, projection)
        case .moments(let mean, let square): return momentAnswers(set, mean, square)
        case .lattice(let lattice): return latticeAnswers(set, lattice)
        case .trees, .sumTrees: return distanceAnswers(set)
        }
    }

    /// Checks queries that came from outside.
    public func check(_ queries: Tensor) throws {
        guard queries.shape[1] == record.dimension else {
            throw KernelMethodError.width(
                found: queries.shape[1], expected: record.dimension, what: "the queries")
        }
        let values = queries.asType(.float64).toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: bad / record.dimension + 1, column: "\(bad % record.dimension + 1)",
                value: "\(values[bad])")
        }
    }

    private func featureAnswers(
        _ queries: PointSet<Double>, _ sketches: [FeatureSketch], _ projection: Projection?
    )
        -> [PrivateEstimate]
    {
        let reduced = projection?.apply(queries) ?? queries
        var sums = [(Double, Double)](repeating: (0, 0), count: queries.count)
        for sketch in sketches {
            // Features in float32 are right to 1e-6, far below the noise and the features' own error.
            let answers = sketch.features.estimates(means: sketch.means, PointSet<Float>(reduced))
            for (i, answer) in answers.enumerated() {
                let error = sketch.weight * sketch.deviation * answer.noiseFactor
                sums[i].0 += sketch.weight * answer.estimate
                sums[i].1 += error * error
            }
        }
        return sums.map { PrivateEstimate(estimate: $0.0, noiseStandardError: $0.1.squareRoot()) }
    }

    private func momentAnswers(_ queries: PointSet<Double>, _ mean: [Double], _ square: Double)
        -> [PrivateEstimate]
    {
        let n = Double(record.count)
        let deviation = record.mechanisms[0].mechanism.deviation / n
        let scale = record.bound ?? 1
        return (0..<queries.count).map { row in
            let y = queries[row]
            let norm = y.reduce(0) { $0 + $1 * $1 }
            let product = zip(y, mean).reduce(0) { $0 + $1.0 * $1.1 }
            return PrivateEstimate(
                estimate: square - 2 * product + norm,
                noiseStandardError: deviation * (4 * norm + scale * scale).squareRoot())
        }
    }

    private func latticeAnswers(_ queries: PointSet<Double>, _ lattice: FastGaussSketch) -> [PrivateEstimate] {
        guard case .kernel(_, let bandwidth) = record.function else {
            preconditionFailure("a lattice without kernel")
        }
        let deviation = record.mechanisms[0].mechanism.deviation / Double(record.count)
        return (0..<queries.count).map { row in
            let answer = lattice.estimate(queries[row].map { $0 / bandwidth })
            return PrivateEstimate(
                estimate: answer.estimate, noiseStandardError: deviation * answer.squaredWeights.squareRoot())
        }
    }
}

/// An answer of a private release.
public struct PrivateEstimate: Sendable, Equatable {
    /// The estimated mean of f(x, y) over the rows.
    public let estimate: Double
    /// The standard deviation of what the noise adds to it.
    public let noiseStandardError: Double
}

/// How a release is built. Everything here is public.
public struct PrivateOptions: Sendable, Equatable {
    /// I, random features a release.
    public var features = 2048
    /// Columns to project to before the features; nil for none.
    public var projection: Int?
    public var projectionKind = Projection.Kind.gaussian
    /// α, by which the rings of distance trees grow, and the accuracy of exponential sums.
    public var alpha = 0.1
    public var ringWeight = RingWeight.midpoint
    /// Children of a tree's node.
    public var arity = 2
    /// Trees of sums beside those of counts instead of rings.
    public var usesSumTree = false
    /// ρ of a lattice of moments instead of random features, for Gaussian kernels of up to three columns; nil for none.
    public var latticeOrder: Int?
    /// The seed of features and projections. Not the noise's.
    public var publicSeed: UInt64 = 0
    public var relation = NeighbouringRelation.addRemove
    /// Moves rows outside the bound onto it instead of refusing them.
    public var clips = false

    public init() {}

    /// - Throws: ``KernelMethodError/option(_:found:expected:)`` for values out of range.
    func check(_ function: SimilarityFunction, dimension: Int) throws {
        func demand(_ isMet: Bool, _ name: String, _ found: String, _ expected: String) throws {
            if !isMet { throw KernelMethodError.option(name, found: found, expected: expected) }
        }
        try demand(
            features >= 1 && features <= 1 << 20, "--features", "\(features)", "a number from 1 to 1048576")
        try demand(
            projection == nil || projection! >= 1, "--project", "\(projection ?? 0)",
            "auto or a number of 1 or more")
        try demand(alpha > 0 && alpha.isFinite, "--alpha", "\(alpha)", "a positive number")
        try demand(
            alpha < 1 || ringWeight == .midpoint, "--alpha", "\(alpha)",
            "a number below 1 for upper weights, whose answers are up to 1 + alpha times too large")
        try demand([2, 4, 8, 16].contains(arity), "--arity", "\(arity)", "2, 4, 8 or 16")
        if usesSumTree, case .lp(let p) = function, p != 1 {
            try demand(false, "--sum-tree", "given with \(function.name)", "l1, l2 or lp:1")
        }
        if let latticeOrder {
            try demand(
                (1...12).contains(latticeOrder), "--lattice", "\(latticeOrder)", "a number from 1 to 12")
            guard case .kernel(.gaussian, _) = function, dimension <= 3 else {
                throw KernelMethodError.option(
                    "--lattice", found: "with \(function.name) of \(dimension) columns",
                    expected: "the Gaussian kernel and at most 3 columns")
            }
        }
    }
}
