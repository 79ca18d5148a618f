import Foundation
import Mercer

/// Features √2 cos(ωᵢᵀx + βᵢ), i = 1 … I, whose products average to a kernel: K(x, y) = E √2cos(ωᵀx + β) √2cos(ωᵀy + β)
/// (Wagner, Naamad, Mishra, 2023).
///
/// Sums over a data set are taken in tiles: products, cosines and sums fused, no n × I matrix.
public struct RandomFeatures: Sendable {
    public let dimension: Int
    /// I.
    public let count: Int
    /// ω, one feature a row, `count × dimension`.
    public let frequencies: [Double]
    /// β.
    public let phases: [Double]

    /// Features of given frequencies (one a row) and phases.
    public init(frequencies: [Double], phases: [Double], dimension: Int) {
        precondition(
            frequencies.count == phases.count * dimension,
            "RandomFeatures: \(frequencies.count) frequencies for \(phases.count) features of \(dimension) columns"
        )
        self.dimension = dimension
        count = phases.count
        self.frequencies = frequencies
        self.phases = phases
    }

    /// Features of a kernel from a public seed, which has nothing to do with the noise: builders and queries make the
    /// same features from it.
    public init(_ kernel: FeatureKernel, bandwidth: Double, count: Int, dimension: Int, publicSeed: UInt64) {
        var stream = RandomStream(RandomKey(publicSeed))
        var frequencies: [Double] = []
        frequencies.reserveCapacity(count * dimension)
        var phases: [Double] = []
        for _ in 0..<count {
            frequencies += kernel.frequencies(dimension, bandwidth: bandwidth, using: &stream)
            phases.append(2 * Double.pi * stream.uniform())
        }
        self.init(frequencies: frequencies, phases: phases, dimension: dimension)
    }

    /// Σ over the points of the features. Not private: noise has to be added before it leaves the owner's hands.
    ///
    /// - Parameter Scalar: float64 for what is released; float32 is twice as fast and right to about 1e-6 a feature, for
    ///   experiments.
    public func sums<Scalar: DistanceScalar>(_ points: PointSet<Scalar>) -> [Double] {
        precondition(
            points.dimension == dimension,
            "RandomFeatures: points of \(points.dimension) columns, not \(dimension)")
        let omega = frequencies.map { Scalar($0) }
        let beta = phases.map { Scalar($0) }
        // Rows a block; the blocks' sums are added in order, so the number of threads changes nothing.
        let rows = 2048
        let blocks = (points.count + rows - 1) / rows
        var partial = [Double](repeating: 0, count: blocks * count)
        partial.withUnsafeMutableBufferPointer { partial in
            let target = UncheckedAddress(partial.baseAddress)
            Parallel.forEach(blocks) { block in
                addSums(
                    points, block * rows..<min((block + 1) * rows, points.count), omega, beta,
                    into: target.pointer + block * count)
            }
        }
        let scale = 2.0.squareRoot()
        return (0..<count).map { i in
            scale * (0..<blocks).reduce(0) { $0 + partial[$1 * count + i] }
        }
    }

    private func addSums<Scalar: DistanceScalar>(
        _ points: PointSet<Scalar>, _ block: Range<Int>, _ omega: [Scalar], _ beta: [Scalar],
        into sums: UnsafeMutablePointer<Double>
    ) {
        // A tile of 256 rows and 512 features stays in the second-level cache between product and cosine.
        let (tileRows, tileFeatures) = (256, 512)
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: tileRows * tileFeatures) { tile in
            points.values.withUnsafeBufferPointer { x in
                omega.withUnsafeBufferPointer { omega in
                    beta.withUnsafeBufferPointer { beta in
                        for first in Swift.stride(from: 0, to: count, by: tileFeatures) {
                            let width = min(tileFeatures, count - first)
                            for row in Swift.stride(
                                from: block.lowerBound, to: block.upperBound, by: tileRows)
                            {
                                let height = min(tileRows, block.upperBound - row)
                                Scalar.product(
                                    x.baseAddress! + row * dimension, omega.baseAddress! + first * dimension,
                                    into: tile.baseAddress!, rows: height, columns: width, inner: dimension)
                                Scalar.cosineSums(
                                    tile.baseAddress!, rows: height, width, phase: beta.baseAddress! + first,
                                    into: sums + first)
                            }
                        }
                    }
                }
            }
        }
    }

    /// (1/I) Σᵢ Fᵢ √2cos(ωᵢᵀy + βᵢ) for each query, and (1/I) ‖q‖, by which the deviation of F's noise is multiplied.
    ///
    /// - Parameter means: F, the mean features of a data set.
    public func estimates<Scalar: DistanceScalar>(means: [Double], _ queries: PointSet<Scalar>)
        -> [(estimate: Double, noiseFactor: Double)]
    {
        precondition(means.count == count, "RandomFeatures: \(means.count) means for \(count) features")
        precondition(
            queries.dimension == dimension,
            "RandomFeatures: queries of \(queries.dimension) columns, not \(dimension)")
        let omega = frequencies.map { Scalar($0) }
        let beta = phases.map { Scalar($0) }
        let f = means.map { Scalar($0) }
        var sums = [Double](repeating: 0, count: 2 * queries.count)
        sums.withUnsafeMutableBufferPointer { sums in
            let target = UncheckedAddress(sums.baseAddress)
            Parallel.forRanges(queries.count, grain: 64) { rows in
                addEstimates(queries, rows, omega, beta, f, into: target.pointer)
            }
        }
        let n = Double(count)
        return (0..<queries.count).map {
            (sums[2 * $0] * 2.0.squareRoot() / n, (2 * sums[2 * $0 + 1]).squareRoot() / n)
        }
    }

    private func addEstimates<Scalar: DistanceScalar>(
        _ queries: PointSet<Scalar>, _ rows: Range<Int>, _ omega: [Scalar], _ beta: [Scalar], _ f: [Scalar],
        into sums: UnsafeMutablePointer<Double>
    ) {
        let tileFeatures = 512
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: rows.count * tileFeatures) { tile in
            queries.values.withUnsafeBufferPointer { y in
                for first in Swift.stride(from: 0, to: count, by: tileFeatures) {
                    let width = min(tileFeatures, count - first)
                    omega.withUnsafeBufferPointer { omega in
                        Scalar.product(
                            y.baseAddress! + rows.lowerBound * dimension,
                            omega.baseAddress! + first * dimension,
                            into: tile.baseAddress!, rows: rows.count, columns: width, inner: dimension)
                    }
                    beta.withUnsafeBufferPointer { beta in
                        f.withUnsafeBufferPointer { f in
                            for (i, row) in rows.enumerated() {
                                Scalar.cosineDot(
                                    tile.baseAddress! + i * width, width, phase: beta.baseAddress! + first,
                                    f.baseAddress! + first, into: sums + 2 * row)
                            }
                        }
                    }
                }
            }
        }
    }

    /// The largest change of the sums by one row: √2 I in ℓ1, √(2I) in ℓ2.
    public var sensitivity: (l1: Double, l2: Double) {
        (2.0.squareRoot() * Double(count), (2 * Double(count)).squareRoot())
    }
}
