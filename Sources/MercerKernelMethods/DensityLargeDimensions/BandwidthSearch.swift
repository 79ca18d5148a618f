import Foundation
import Mercer

/// The mean log density of held-out points as a function of the bandwidth, and where it is largest.
///
/// All bandwidths of a pass share its distances. For the Gaussian kernel the derivative in log h,
/// mean Σ p |x − y|²/h² − d, comes from the same pass and closes in on the optimum.
public struct BandwidthSearch: Sendable {
    /// The bandwidth with the largest criterion.
    public let best: Double
    /// Criterion and participation at every bandwidth that was looked at, ascending in h.
    public let curve: [BandwidthPoint]
    /// The share of rows that have an exact duplicate. They are left out of the criterion, which would otherwise grow
    /// without bound as h → 0.
    public let duplicateShare: Double

    init(_ points: PointSet<Double>, kernel: DensityKernel, rule: DensityBandwidth) throws {
        let criterion = try HeldOutCriterion(points, kernel: kernel, rule: rule)
        duplicateShare = criterion.duplicateShare
        let weights = points.weights
        let count = weights.map { 1 / $0.reduce(0) { $0 + $1 * $1 } } ?? Double(points.count)
        // Silverman's rule is of the right order for any kernel once the scale of the data and of the kernel are in it.
        let scale = criterion.typicalDeviation * kernel.relativeWidth(dimension: points.dimension)
        let start = scale * DensityBandwidth.silverman(count: count, dimension: points.dimension)
        var seen = criterion.evaluate((0..<24).map { start * exp2((Double($0) - 16) / 4) })
        try BandwidthSearch.extend(&seen, criterion)
        if kernel == .gaussian {
            BandwidthSearch.refineByDerivative(&seen, criterion)
        } else {
            BandwidthSearch.refineByValue(&seen, criterion)
        }
        curve = seen
        best = seen[BandwidthSearch.peak(seen)].bandwidth
    }

    private static func peak(_ curve: [BandwidthPoint]) -> Int {
        curve.indices.max { curve[$0].meanLogDensity < curve[$1].meanLogDensity }!
    }

    /// Goes on where the largest value is at an end.
    private static func extend(_ curve: inout [BandwidthPoint], _ criterion: HeldOutCriterion) throws {
        for _ in 0..<12 {
            let at = peak(curve)
            if at > 0 && at < curve.count - 1 && curve[at].meanLogDensity.isFinite { return }
            let lowest = curve[0].bandwidth
            let highest = curve[curve.count - 1].bandwidth
            let more =
                at == 0 && curve[0].meanLogDensity.isFinite
                ? (1...8).map { lowest * pow(1.4, -Double($0)) }
                : (1...8).map { highest * pow(1.4, Double($0)) }
            curve = (curve + criterion.evaluate(more)).sorted { $0.bandwidth < $1.bandwidth }
        }
        throw KernelMethodError.option(
            "the likelihood of the bandwidth", found: "without a maximum",
            expected: "one, as for continuous data; give --bandwidth a number")
    }

    /// The zero of the derivative between the neighbours of the largest value: a few passes of six bandwidths, then
    /// secant steps.
    private static func refineByDerivative(_ curve: inout [BandwidthPoint], _ criterion: HeldOutCriterion) {
        for _ in 0..<12 {
            let at = peak(curve)
            guard at > 0, at < curve.count - 1 else { return }
            let (below, above) =
                curve[at].derivative > 0 ? (curve[at], curve[at + 1]) : (curve[at - 1], curve[at])
            let (a, b) = (log(below.bandwidth), log(above.bandwidth))
            if b - a < 1e-9 { return }
            // Newton's step of the secant, and points on both sides of it that bracket it closely.
            let secant = a - below.derivative * (b - a) / (above.derivative - below.derivative)
            let centre = secant > a && secant < b ? secant : (a + b) / 2
            let width = (b - a) / 50
            let next = [centre - width, centre, centre + width].filter { $0 > a && $0 < b }
            curve = (curve + criterion.evaluate(next.map { exp($0) })).sorted { $0.bandwidth < $1.bandwidth }
        }
    }

    private static func refineByValue(_ curve: inout [BandwidthPoint], _ criterion: HeldOutCriterion) {
        for _ in 0..<8 {
            let at = peak(curve)
            guard at > 0, at < curve.count - 1 else { return }
            let (a, b) = (log(curve[at - 1].bandwidth), log(curve[at + 1].bandwidth))
            if b - a < 1e-6 { return }
            let next = (1...7).map { exp(a + (b - a) * Double($0) / 8) }
                .filter { h in !curve.contains { $0.bandwidth == h } }
            curve = (curve + criterion.evaluate(next)).sorted { $0.bandwidth < $1.bandwidth }
        }
    }
}

/// What held-out points say of one bandwidth.
public struct BandwidthPoint: Sendable, Codable, Equatable {
    public let bandwidth: Double
    /// The mean of log ρ̂(x) over the points, each estimated without itself (or its fold); in whitened units.
    public let meanLogDensity: Double
    /// Its derivative in log h; NaN for other kernels than the Gaussian.
    public let derivative: Double
    /// The mean of Σ p².
    public let participation: Double
}

extension DensityKernel {
    /// How much wider the bandwidth is than a Gaussian's of the same spread per coordinate.
    func relativeWidth(dimension d: Int) -> Double {
        let n = Double(d)
        switch self {
        case .gaussian: return 1
        case .tophat, .epanechnikov, .linear, .cosine: return (n + 4).squareRoot()
        case .exponential: return 1 / (n + 1).squareRoot()
        }
    }
}

/// The mean log density of held-out points at any number of bandwidths, from one pass over the distances.
struct HeldOutCriterion: Sendable {
    private let tiles: DistanceTiles<Double>
    private let kernel: DensityKernel
    /// log of the weight of the points that a row is compared with.
    private let logOthers: [Double]
    /// The rows that count: those without an exact duplicate.
    private let counted: [Bool]
    let duplicateShare: Double

    init(_ points: PointSet<Double>, kernel: DensityKernel, rule: DensityBandwidth) throws {
        let n = points.count
        self.kernel = kernel
        counted = HeldOutCriterion.withoutDuplicates(points)
        duplicateShare = Double(counted.count { !$0 }) / Double(n)
        guard counted.contains(true) else {
            throw KernelMethodError.option(
                "the share of rows that have an exact duplicate", found: "100 %",
                expected: "some rows without one; give --bandwidth a number")
        }
        let weights = points.weights ?? [Double](repeating: 1, count: n)
        if case .folds(let folds, let seed) = rule {
            guard folds >= 2, folds <= n else {
                throw KernelMethodError.option("the number of folds", found: "\(folds)", expected: "2 … \(n)")
            }
            var fold = [Int32](repeating: 0, count: n)
            for (place, row) in SplitMix64.permutation(n, seed: seed).enumerated() {
                fold[row] = Int32(place % folds)
            }
            var mass = [Double](repeating: 0, count: folds)
            for row in 0..<n { mass[Int(fold[row])] += weights[row] }
            let total = mass.reduce(0, +)
            logOthers = (0..<n).map { log(total - mass[Int(fold[$0])]) }
            tiles = DistanceTiles(points, points, excluding: .folds(fold))
        } else {
            let total = weights.reduce(0, +)
            logOthers = (0..<n).map { log(total - weights[$0]) }
            tiles = DistanceTiles(points, points, excluding: .itself)
        }
    }

    /// The root mean square of a coordinate.
    var typicalDeviation: Double {
        let points = tiles.points
        let mean = points.squaredNorms.reduce(0, +) / Double(points.count * points.dimension)
        return max(mean.squareRoot(), .leastNormalMagnitude)
    }

    /// Groups of bandwidths h, h/√2, h/2, … (their places in the list); single ones for other kernels.
    private func chains(_ bandwidths: [Double]) -> [[Int]] {
        guard kernel == .gaussian else { return bandwidths.indices.map { [$0] } }
        var rest = Set(bandwidths.indices)
        var chains: [[Int]] = []
        for i in bandwidths.indices.sorted(by: { bandwidths[$0] > bandwidths[$1] }) where rest.contains(i) {
            var chain = [i]
            rest.remove(i)
            while chain.count < HeldOutCriterion.longestChain {
                let next = bandwidths[i] / exp2(Double(chain.count) / 2)
                guard let j = rest.first(where: { abs(bandwidths[$0] / next - 1) < 1e-13 }) else { break }
                chain.append(j)
                rest.remove(j)
            }
            chains.append(chain)
        }
        return chains
    }

    /// Longer chains would lose digits: each level doubles the relative error.
    private static let longestChain = 10

    func evaluate(_ bandwidths: [Double]) -> [BandwidthPoint] {
        let chains = chains(bandwidths)
        let points = evaluateInOrder(chains, bandwidths)
        var result = points
        for (place, j) in chains.joined().enumerated() { result[j] = points[place] }
        return result
    }

    /// The bandwidths in the order of the chains.
    private func evaluateInOrder(_ chains: [[Int]], _ list: [Double]) -> [BandwidthPoint] {
        let bandwidths = chains.joined().map { list[$0] }
        let (n, m) = (tiles.points.count, bandwidths.count)
        let d = Double(tiles.points.dimension)
        // Sums of a block of rows for each bandwidth: log density, Σ p r, Σ p².
        let blocks = (n + DistanceTiles<Double>.blockRows - 1) / DistanceTiles<Double>.blockRows
        var partial = [Double](repeating: 0, count: blocks * m * 3)
        partial.withUnsafeMutableBufferPointer { partial in
            let target = UncheckedAddress(partial.baseAddress)
            tiles.forEachBlock { block in
                var sums = [KernelSum](repeating: KernelSum(), count: block.rows.count * m)
                block.forEachTile { tile in
                    for (i, row) in tile.rows.enumerated() where counted[row] {
                        var j = i * m
                        for chain in chains {
                            if chain.count == 1 {
                                sums[j].add(kernel, tile, row: row, bandwidth: list[chain[0]])
                            } else {
                                sums.withUnsafeMutableBufferPointer {
                                    KernelSum.addChain(
                                        UnsafeMutableBufferPointer(rebasing: $0[j..<j + chain.count]), tile,
                                        row: row,
                                        bandwidth: list[chain[0]])
                                }
                            }
                            j += chain.count
                        }
                    }
                }
                let out = target.pointer + block.rows.lowerBound / DistanceTiles<Double>.blockRows * m * 3
                for (i, row) in block.rows.enumerated() where counted[row] {
                    for j in 0..<m {
                        let sum = sums[i * m + j]
                        out[j * 3] += sum.logSum(kernel, bandwidth: bandwidths[j]) - logOthers[row]
                        out[j * 3 + 1] += sum.meanSquaredDistance
                        out[j * 3 + 2] += sum.participation
                    }
                }
            }
        }
        let rows = Double(counted.count { $0 })
        return bandwidths.indices.map { j in
            func mean(_ k: Int) -> Double {
                (0..<blocks).reduce(0) { $0 + partial[($1 * m + j) * 3 + k] } / rows
            }
            let h = bandwidths[j]
            return BandwidthPoint(
                bandwidth: h,
                meanLogDensity: mean(0) - kernel.logNormaliser(dimension: Int(d)) - d * log(h),
                derivative: kernel == .gaussian ? mean(1) / (h * h) - d : .nan, participation: mean(2))
        }
    }

    /// Which rows have no exact copy among the others.
    private static func withoutDuplicates(_ points: PointSet<Double>) -> [Bool] {
        var groups: [ArraySlice<Double>: Int] = [:]
        groups.reserveCapacity(points.count)
        for row in 0..<points.count { groups[points[row], default: 0] += 1 }
        return (0..<points.count).map { groups[points[$0]]! == 1 }
    }
}

extension KernelDensity {
    /// The mean log density of each row under the others at these bandwidths, in the data's units, for a table or a
    /// chart; distances are computed once.
    public func leaveOneOut(_ bandwidths: [Double]) throws -> [BandwidthPoint] {
        guard count >= 2 else { throw KernelMethodError.tooFew("leave-one-out", found: count, needed: 2) }
        let criterion = try HeldOutCriterion(points, kernel: kernel, rule: .leaveOneOut)
        return criterion.evaluate(bandwidths).map {
            BandwidthPoint(
                bandwidth: $0.bandwidth, meanLogDensity: $0.meanLogDensity - whitening.logDeterminant,
                derivative: $0.derivative, participation: $0.participation)
        }
    }
}
