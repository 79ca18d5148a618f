import Foundation
import Mercer

/// A public linear map to fewer columns, oblivious to the data, that keeps distances up to a factor near 1 (Backurs et al. 2024).
public struct Projection: Sendable {
    public enum Kind: String, Sendable, CaseIterable, Codable {
        /// Independent N(0, 1/k) entries.
        case gaussian
        /// Independent entries ±1/√k.
        case sign
        /// Random signs, a Walsh-Hadamard transform, k of its coordinates: O(d log d) a row.
        case hadamard
    }

    public let kind: Kind
    public let dimension: Int
    /// k.
    public let reduced: Int
    private let matrix: [Double]
    private let signs: [Double]
    private let chosen: [Int]

    public init(_ kind: Kind, from dimension: Int, to reduced: Int, publicSeed: UInt64) {
        precondition(dimension >= 1 && reduced >= 1, "Projection: from \(dimension) to \(reduced) columns")
        self.kind = kind
        self.dimension = dimension
        self.reduced = reduced
        var stream = RandomStream(RandomKey(publicSeed).fold(in: 1))
        let scale = 1 / Double(reduced).squareRoot()
        switch kind {
        case .gaussian:
            matrix = (0..<reduced * dimension).map { _ in scale * stream.normal() }
            (signs, chosen) = ([], [])
        case .sign:
            matrix = (0..<reduced * dimension).map { _ in stream.next() >> 63 == 0 ? scale : -scale }
            (signs, chosen) = ([], [])
        case .hadamard:
            matrix = []
            let padded = Projection.powerOfTwo(dimension)
            signs = (0..<dimension).map { _ in stream.next() >> 63 == 0 ? 1 : -1 }
            chosen = (0..<reduced).map { _ in Int(stream.integer(below: UInt64(padded))) }
        }
    }

    /// A given matrix, one row a reduced column, `[k, d]`.
    public init(matrix: [Double], dimension: Int) {
        kind = .gaussian
        self.dimension = dimension
        reduced = matrix.count / dimension
        self.matrix = matrix
        (signs, chosen) = ([], [])
    }

    /// The rows in reduced columns.
    public func apply<Scalar: DistanceScalar>(_ points: PointSet<Scalar>) -> PointSet<Scalar> {
        precondition(
            points.dimension == dimension,
            "Projection: points of \(points.dimension) columns, not \(dimension)")
        let n = points.count
        let rows = matrix.map { Scalar($0) }
        let values = [Scalar](unsafeUninitializedCapacity: n * reduced) { result, initialised in
            let target = UncheckedAddress(result.baseAddress)
            Parallel.forRanges(n, grain: 256) { range in
                if kind == .hadamard {
                    for row in range { transform(points, row, into: target.pointer + row * reduced) }
                } else {
                    points.values.withUnsafeBufferPointer { x in
                        rows.withUnsafeBufferPointer { rows in
                            Scalar.product(
                                x.baseAddress! + range.lowerBound * dimension, rows.baseAddress!,
                                into: target.pointer + range.lowerBound * reduced, rows: range.count,
                                columns: reduced, inner: dimension)
                        }
                    }
                }
            }
            initialised = n * reduced
        }
        return PointSet(values, count: n, dimension: reduced)
    }

    private func transform<Scalar: DistanceScalar>(
        _ points: PointSet<Scalar>, _ row: Int, into target: UnsafeMutablePointer<Scalar>
    ) {
        let padded = Projection.powerOfTwo(dimension)
        var line = [Scalar](repeating: 0, count: padded)
        for k in 0..<dimension { line[k] = points.values[row * dimension + k] * Scalar(signs[k]) }
        var half = 1
        while half < padded {
            for start in Swift.stride(from: 0, to: padded, by: 2 * half) {
                for i in start..<start + half {
                    (line[i], line[i + half]) = (line[i] + line[i + half], line[i] - line[i + half])
                }
            }
            half *= 2
        }
        // Every coordinate of the transform has the variance |x|², so k of them over k have the mean |x|².
        let scale = Scalar(1 / Double(reduced).squareRoot())
        for (j, place) in chosen.enumerated() { target[j] = line[place] * scale }
    }

    private static func powerOfTwo(_ n: Int) -> Int {
        var power = 1
        while power < n { power *= 2 }
        return power
    }
}

/// What a Gaussian projection does to kernels, exactly.
public enum ProjectionBias {
    /// E e^(−|Πz|²/σ²) = (1 + 2r/k)^(−k/2), r = |z|²/σ².
    public static func gaussian(_ r: Double, reduced k: Int) -> Double {
        exp(-Double(k) / 2 * log1p(2 * r / Double(k)))
    }

    /// E e^(−|Πz|/σ) = ∫ e^(−√(r t/k)) dχ²_k(t), r = |z|²/σ²: a trapezoid in log t.
    public static func exponential(_ r: Double, reduced k: Int) -> Double {
        moment(k) { t in exp(-(r * t / Double(k)).squareRoot()) }
    }

    /// The standard deviation of a projected kernel value.
    public static func deviation(_ kernel: FeatureKernel, _ r: Double, reduced k: Int) -> Double {
        let (first, second) =
            kernel == .gaussian
            ? (gaussian(r, reduced: k), gaussian(2 * r, reduced: k))
            : (exponential(r, reduced: k), exponential(4 * r, reduced: k))
        return max(0, second - first * first).squareRoot()
    }

    /// The smallest power of two at which bias plus deviation stay below α/2 for every distance; `dimension` where
    /// none below it does.
    public static func sufficientDimension(_ kernel: FeatureKernel, accuracy alpha: Double, dimension: Int)
        -> Int
    {
        var k = 4
        while k < dimension {
            let worst = (0...60).map { pow(10, Double($0) / 15 - 2) }.map { r in
                let exact = kernel == .gaussian ? exp(-r) : exp(-r.squareRoot())
                let mean = kernel == .gaussian ? gaussian(r, reduced: k) : exponential(r, reduced: k)
                return abs(mean - exact) + deviation(kernel, r, reduced: k)
            }.max()!
            if worst <= alpha / 2 { return k }
            k *= 2
        }
        return dimension
    }

    private static func moment(_ k: Int, _ f: (Double) -> Double) -> Double {
        let half = Double(k) / 2
        let constant = -half * log(2) - lgamma(half)
        // The lower tail of log t falls like e^(kt/2), the upper one double-exponentially.
        let (low, high) = (log(Double(k)) - 80 / Double(k) - 6, log(Double(k)) + 4.0)
        let count = 4000
        let step = (high - low) / Double(count)
        return (0...count).reduce(0) { sum, i in
            let u = low + Double(i) * step
            let t = exp(u)
            return sum + f(t) * exp(half * u - t / 2 + constant) * step
        }
    }
}
