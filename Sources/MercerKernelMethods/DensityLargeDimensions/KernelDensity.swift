import Foundation
import Mercer

/// A kernel density estimate ρ̂(x) = 1/(n hᵈ) Σᵢ K((x − yᵢ)/h), exact and in logarithms in any dimension
/// (Biroli, Mézard, "Kernel density estimators in large dimensions", 2024).
///
/// ```swift
/// let kde = try KernelDensity(data, bandwidth: .leaveOneOut)
/// let scores = kde.logDensity(queries)           // [q]
/// let carried = kde.participation(queries)       // 1: a single point carries the estimate
/// ```
///
/// Distances come from blocked matrix products, a tile at a time, so memory doesn't grow with n × q.
public struct KernelDensity: Sendable {
    public let kernel: DensityKernel
    public let covariance: DensityCovariance
    /// h, in units of the covariance's scale.
    public let bandwidth: Double
    /// The number of columns d.
    public let dimension: Int
    /// The number of points with a positive weight.
    public let count: Int
    /// (Σw)²/Σw², the number of equal points that the weights amount to.
    public let effectiveCount: Double
    /// How the bandwidth was searched for, where it was.
    public let search: BandwidthSearch?
    /// Whether distances are taken in float32.
    public let isSinglePrecision: Bool
    /// τ, by which a density may be too small relative to itself; nil where every pair counts.
    public let cutoff: Double?

    let whitening: Whitening
    let points: PointSet<Double>
    private let singlePoints: PointSet<Float>?
    private let logNormaliser: Double
    private let near: CutoffSums<Double>?
    private let singleNear: CutoffSums<Float>?

    /// - Parameters:
    ///   - data: one point a row, `[n, d]`.
    ///   - kernel: the profile K.
    ///   - bandwidth: how h is chosen.
    ///   - covariance: the scale in which distances are taken.
    ///   - weights: weights of the rows, not negative; their scale doesn't matter.
    ///   - columns: the names of the columns, for errors.
    ///   - singlePrecision: distances and kernels in float32: faster, log densities right to about 1e-5 a
    ///     dimension.
    ///   - cutoff: τ from 1e-300 to 0.1: points are left out where they are so far that no density is smaller for it by
    ///     more than τ times itself (and no participation by more than 2τ). Pays in up to about five dimensions, where
    ///     a k-d tree finds them. nil takes every pair.
    /// - Throws: ``KernelMethodError`` for data or options that can't be used.
    public init(
        _ data: Tensor, kernel: DensityKernel = .gaussian, bandwidth: DensityBandwidth = .leaveOneOut,
        covariance: DensityCovariance = .scalar, weights: [Double]? = nil, columns: [String]? = nil,
        singlePrecision: Bool = false, cutoff: Double? = nil
    ) throws {
        if let cutoff, !(1e-300...0.1).contains(cutoff) {
            throw KernelMethodError.option("the cut-off", found: "\(cutoff)", expected: "a number from 1e-300 to 0.1")
        }
        self.cutoff = cutoff
        var (values, n, d) = try KernelDensity.checked(data, columns: columns, what: "the data")
        let columns = columns ?? (0..<d).map { "\($0 + 1)" }
        var kept: [Double]?
        if let weights {
            let positive = try KernelDensity.positiveRows(weights, count: n)
            kept = positive.map { weights[$0] }
            if positive.count < n {
                values = positive.flatMap { values[$0 * d..<($0 + 1) * d] }
                n = positive.count
            }
        }
        if n < 2 {
            switch (bandwidth, covariance) {
            case (.fixed, .scalar): break
            case (.leaveOneOut, _):
                throw KernelMethodError.tooFew("leave-one-out", found: n, needed: 2)
            default: throw KernelMethodError.tooFew("a density estimate", found: n, needed: 2)
            }
        }
        if let total = kept?.reduce(0, +) { kept = kept!.map { $0 / total } }
        let whitening = try Whitening(
            covariance, values: values, count: n, dimension: d, weights: kept, columns: columns)
        let points = PointSet<Double>(
            whitening.apply(values, count: n), count: n, dimension: d, weights: kept)
        effectiveCount = kept.map { 1 / $0.reduce(0) { $0 + $1 * $1 } } ?? Double(n)

        var search: BandwidthSearch?
        switch bandwidth {
        case .fixed(let h):
            guard h > 0, h.isFinite else {
                throw KernelMethodError.option("the bandwidth", found: "\(h)", expected: "a positive number")
            }
            self.bandwidth = h
        case .scott: self.bandwidth = DensityBandwidth.scott(count: effectiveCount, dimension: d)
        case .silverman: self.bandwidth = DensityBandwidth.silverman(count: effectiveCount, dimension: d)
        case .asymptotic:
            self.bandwidth = try DensityRegimes(points: points, count: effectiveCount).optimalBandwidth
        case .leaveOneOut, .folds:
            search = try BandwidthSearch(points, kernel: kernel, rule: bandwidth)
            self.bandwidth = search!.best
        }
        self.kernel = kernel
        self.covariance = covariance
        self.search = search
        self.whitening = whitening
        self.points = points
        singlePoints = singlePrecision ? PointSet<Float>(points) : nil
        let h = self.bandwidth
        near = cutoff.map { CutoffSums(points, kernel: kernel, bandwidth: h, tolerance: $0) }
        if let cutoff, let singlePoints {
            singleNear = CutoffSums(singlePoints, kernel: kernel, bandwidth: h, tolerance: cutoff)
        } else {
            singleNear = nil
        }
        isSinglePrecision = singlePrecision
        dimension = d
        count = n
        logNormaliser =
            (kept == nil ? log(Double(n)) : 0) + kernel.logNormaliser(dimension: d) + Double(d)
            * log(self.bandwidth)
            + whitening.logDeterminant
    }

    /// log ρ̂ of each row, `[q]` float64; −∞ where a compact kernel reaches no point.
    public func logDensity(_ queries: Tensor) -> Tensor { Tensor(estimate(queries).map(\.logDensity)) }

    /// Σ p², the share of an estimate that single points carry, of each row, `[q]`.
    public func participation(_ queries: Tensor) -> Tensor {
        Tensor(estimate(queries).map(\.participation))
    }

    /// Log density and participation of each row in one pass.
    public func estimate(_ queries: Tensor) -> [DensityEstimate] {
        let (values, q) = whitened(queries)
        if let singlePoints {
            return sums(
                PointSet<Float>(values.map(Float.init), count: q, dimension: dimension), singlePoints, singleNear)
        }
        return sums(PointSet<Double>(values, count: q, dimension: dimension), points, near)
    }

    private func sums<Scalar: DistanceScalar>(
        _ queries: PointSet<Scalar>, _ points: PointSet<Scalar>, _ near: CutoffSums<Scalar>?,
        excludesItself: Bool = false
    ) -> [DensityEstimate] {
        [DensityEstimate](unsafeUninitializedCapacity: queries.count) { result, initialised in
            let target = UncheckedAddress(result.baseAddress)
            func finish(_ row: Int, _ sum: KernelSum) {
                (target.pointer + row).initialize(
                    to: DensityEstimate(
                        logDensity: sum.logSum(kernel, bandwidth: bandwidth) - logNormaliser,
                        participation: sum.participation))
            }
            if let near {
                near.forEach(queries, excludesItself: excludesItself, finish)
            } else {
                DistanceTiles(queries, points, excluding: excludesItself ? .itself : .nothing).forEachBlock { block in
                    var sums = [KernelSum](repeating: KernelSum(), count: block.rows.count)
                    block.forEachTile { tile in
                        for (i, row) in tile.rows.enumerated() {
                            sums[i].add(kernel, tile, row: row, bandwidth: bandwidth)
                        }
                    }
                    for (i, row) in block.rows.enumerated() { finish(row, sums[i]) }
                }
            }
            initialised = queries.count
        }
    }

    /// Log density and participation of the data's own rows, each under the others.
    public func estimateOthers() throws -> [DensityEstimate] {
        guard count >= 2 else { throw KernelMethodError.tooFew("leave-one-out", found: count, needed: 2) }
        let constant =
            kernel.logNormaliser(dimension: dimension) + Double(dimension) * log(bandwidth)
            + whitening.logDeterminant
        return sums(points, points, near, excludesItself: true).enumerated().map { row, estimate in
            // The sums' own normaliser counts the row itself.
            DensityEstimate(
                logDensity: estimate.logDensity + logNormaliser - constant
                    - (points.weights == nil ? log(Double(count - 1)) : log(1 - points.weights![row])),
                participation: estimate.participation)
        }
    }

    /// The regimes of the bandwidth in the limit of many dimensions, for the spectrum of the data: thresholds without a
    /// pass over pairs, which ``DensityReport`` takes.
    ///
    /// - Throws: ``KernelMethodError`` where the spectrum has none.
    public func regimes() throws -> DensityRegimes { try DensityRegimes(points: points, count: effectiveCount) }

    /// ∇ log ρ̂(x) of each row, `[q, d]`; for the Gaussian kernel only.
    public func score(_ queries: Tensor) -> Tensor {
        precondition(
            kernel == .gaussian, "score: the gradient is built for the Gaussian kernel, not \(kernel)")
        let (values, q) = whitened(queries)
        let set = PointSet<Double>(values, count: q, dimension: dimension)
        let d = dimension
        var gradient = [Double](repeating: 0, count: q * d)
        gradient.withUnsafeMutableBufferPointer { gradient in
            let target = UncheckedAddress(gradient.baseAddress)
            DistanceTiles(set, points).forEachBlock { block in
                addPull(block, into: target.pointer + block.rows.lowerBound * d)
                for row in block.rows {
                    for k in 0..<d {
                        target.pointer[row * d + k] =
                            (target.pointer[row * d + k] - set.values[row * d + k]) / (bandwidth * bandwidth)
                    }
                }
            }
        }
        whitening.pullBack(&gradient, count: q)
        return Tensor(gradient, [q, d])
    }

    /// Σ p y of each row of a block: sums first, then weights times points as a product.
    private func addPull(_ block: DistanceTiles<Double>.Block, into target: UnsafeMutablePointer<Double>) {
        var sums = [KernelSum](repeating: KernelSum(), count: block.rows.count)
        block.forEachTile { tile in
            for (i, row) in tile.rows.enumerated() {
                sums[i].add(.gaussian, tile, row: row, bandwidth: bandwidth)
            }
        }
        block.forEachTile { tile in
            for (i, row) in tile.rows.enumerated() {
                let r = tile.squaredDistances(row)
                let base = sums[i].nearestSquaredDistance
                let logTotal =
                    sums[i].logSum(.gaussian, bandwidth: bandwidth)
                    + base / (2 * bandwidth * bandwidth)
                Double.gaussian(
                    r, tile.columns.count, base: base, bandwidth: bandwidth, scale: exp(-logTotal))
                if let weights = tile.weights { for j in 0..<tile.columns.count { r[j] *= weights[j] } }
            }
            points.values.withUnsafeBufferPointer {
                Double.accumulate(
                    tile.all, $0.baseAddress! + tile.columns.lowerBound * dimension, into: target,
                    rows: tile.rows.count, columns: dimension, inner: tile.columns.count, factor: 1)
            }
        }
    }

    /// `count` draws from the estimate, `[count, d]`: a point by its weight, displaced by the kernel.
    public func sample(_ count: Int, using generator: inout some RandomNumberGenerator) -> Tensor {
        var cumulative: [Double] = []
        if let weights = points.weights {
            cumulative.reserveCapacity(weights.count)
            var sum = 0.0
            for w in weights {
                sum += w
                cumulative.append(sum)
            }
        }
        var rows: [Double] = []
        rows.reserveCapacity(count * dimension)
        for _ in 0..<count {
            let row =
                cumulative.isEmpty
                ? Int.random(in: 0..<self.count, using: &generator)
                : cumulative.partition(above: generator.uniform() * cumulative.last!)
            let direction = generator.normals(dimension)
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let radius = bandwidth * kernel.radius(dimension: dimension, using: &generator)
            let moved = zip(points[row], direction).map { $0 + $1 * radius / length }
            rows += zip(whitening.displacement(moved), whitening.mean).map(+)
        }
        return Tensor(rows, [count, dimension])
    }

    private func whitened(_ queries: Tensor) -> ([Double], Int) {
        precondition(
            queries.rank == 2 && queries.shape[1] == dimension,
            "KernelDensity: queries of shape \(queries.shape), data of \(dimension) columns")
        let q = queries.shape[0]
        return (whitening.apply(queries.asType(.float64).toArray(Double.self), count: q), q)
    }

    /// Checks queries that came from outside.
    public func check(_ queries: Tensor, columns: [String]? = nil) throws {
        let (_, _, d) = try KernelDensity.checked(queries, columns: columns, what: "the queries")
        guard d == dimension else {
            throw KernelMethodError.width(found: d, expected: dimension, what: "the queries")
        }
    }

    /// The numbers of a matrix that has rows and columns and is finite.
    static func checked(_ data: Tensor, columns: [String]?, what: String) throws -> ([Double], Int, Int) {
        precondition(
            data.rank == 2, "KernelDensity: a matrix is expected, not a tensor of shape \(data.shape)")
        let (n, d) = (data.shape[0], data.shape[1])
        guard d > 0 else { throw KernelMethodError.width(found: 0, expected: 1, what: what) }
        guard n > 0 else { throw KernelMethodError.tooFew("a density estimate", found: 0, needed: 1) }
        let values = data.asType(.float64).toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: bad / d + 1, column: columns?[bad % d] ?? "\(bad % d + 1)", value: "\(values[bad])")
        }
        return (values, n, d)
    }

    /// The rows of positive weight.
    private static func positiveRows(_ weights: [Double], count: Int) throws -> [Int] {
        guard weights.count == count else {
            throw KernelMethodError.length("weights", found: weights.count, expected: count)
        }
        if let bad = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw KernelMethodError.option(
                "the weight of row \(bad + 1)", found: "\(weights[bad])",
                expected: "a finite number of 0 or more")
        }
        let positive = weights.indices.filter { weights[$0] > 0 }
        guard !positive.isEmpty else {
            throw KernelMethodError.option("every weight", found: "0", expected: "one above 0")
        }
        return positive
    }
}

/// What an estimate says of one place.
public struct DensityEstimate: Sendable, Equatable {
    /// log ρ̂(x).
    public let logDensity: Double
    /// Σ p²: how much of it single points carry.
    public let participation: Double

    /// 1/Σp², the number of points that the estimate rests on; 0 where there is none.
    public var effectivePoints: Double { participation > 0 ? 1 / participation : 0 }
}

extension [Double] {
    /// The first index of a sorted list whose value is above `x`, at most the last.
    func partition(above x: Double) -> Int {
        var (low, high) = (0, count - 1)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] > x { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
