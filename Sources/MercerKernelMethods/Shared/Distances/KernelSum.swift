import CKernels
import Foundation

/// A kernel of the distance, by its unnormalised profile, 1 at distance 0.
public enum DensityKernel: String, Sendable, CaseIterable, Codable {
    case gaussian, tophat, epanechnikov, exponential, linear, cosine

    /// Whether it is 0 beyond the bandwidth.
    public var isCompact: Bool { self != .gaussian && self != .exponential }

    var code: Int32 {
        let code =
            switch self {
            case .gaussian: mercer_density_gaussian
            case .tophat: mercer_density_tophat
            case .epanechnikov: mercer_density_epanechnikov
            case .exponential: mercer_density_exponential
            case .linear: mercer_density_linear
            case .cosine: mercer_density_cosine
            }
        return Int32(code.rawValue)
    }

    /// log K at a squared distance, for the kernels that never vanish; 0 for the others, whose sums are absolute.
    func logReference(_ squaredDistance: Double, bandwidth: Double) -> Double {
        switch self {
        case .gaussian: -squaredDistance / (2 * bandwidth * bandwidth)
        case .exponential: -squaredDistance.squareRoot() / bandwidth
        default: 0
        }
    }
}

/// A log-sum-exp that is carried over tiles: Σ w K(|x − y|/h), Σ (w K)², Σ w K |x − y|², all relative to the
/// largest term so far, so that nothing under- or overflows in any dimension.
public struct KernelSum: Sendable {
    /// The smallest squared distance so far.
    private var base = Double.infinity
    /// Σ w K, Σ (w K)², Σ w K r relative to K(base).
    private var sums = (0.0, 0.0, 0.0)

    public init() {}

    /// Adds the points of one row of a tile.
    public mutating func add<Scalar: DistanceScalar>(
        _ kernel: DensityKernel, _ tile: DistanceTiles<Scalar>.Tile, row: Int, bandwidth: Double
    ) {
        add(
            kernel, tile.squaredDistances(row), weights: tile.weights, count: tile.columns.count,
            nearest: tile.nearest(row), bandwidth: bandwidth)
    }

    /// Adds points at these squared distances, the smallest of which is `nearest`.
    public mutating func add<Scalar: DistanceScalar>(
        _ kernel: DensityKernel, _ r: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>? = nil,
        count: Int,
        nearest: Scalar, bandwidth: Double
    ) {
        approach(kernel, Double(nearest), bandwidth)
        withUnsafeMutablePointer(to: &sums) { pointer in
            pointer.withMemoryRebound(to: Double.self, capacity: 3) {
                Scalar.kernelSums(
                    kernel.code, r, weights: weights, count, base: Scalar(base), bandwidth: Scalar(bandwidth),
                    into: $0)
            }
        }
    }

    /// Makes the sums relative to a point that may be nearer than the nearest so far.
    private mutating func approach(_ kernel: DensityKernel, _ nearest: Double, _ bandwidth: Double) {
        guard nearest < base else { return }
        if !kernel.isCompact {
            let shrink =
                base.isFinite
                ? exp(
                    kernel.logReference(base, bandwidth: bandwidth)
                        - kernel.logReference(nearest, bandwidth: bandwidth)) : 0
            sums = (sums.0 * shrink, sums.1 * shrink * shrink, sums.2 * shrink)
        }
        base = nearest
    }

    /// Adds one row of a tile to Gaussian sums at bandwidths h, h/√2, h/2, …; one exponential serves them all.
    static func addChain(
        _ chain: UnsafeMutableBufferPointer<KernelSum>, _ tile: DistanceTiles<Double>.Tile, row: Int,
        bandwidth: Double
    ) {
        let nearest = tile.nearest(row)
        for (k, _) in chain.enumerated() {
            chain[k].approach(.gaussian, nearest, bandwidth / exp2(Double(k) / 2))
        }
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * chain.count) { more in
            more.initialize(repeating: 0)
            Double.gaussianChain(
                tile.squaredDistances(row), weights: tile.weights, tile.columns.count, base: chain[0].base,
                bandwidth: bandwidth, levels: chain.count, into: more.baseAddress!)
            for k in chain.indices {
                chain[k].sums.0 += more[3 * k]
                chain[k].sums.1 += more[3 * k + 1]
                chain[k].sums.2 += more[3 * k + 2]
            }
        }
    }

    /// log Σ w K(|x − y|/h); −∞ where no point is within reach.
    public func logSum(_ kernel: DensityKernel, bandwidth: Double) -> Double {
        sums.0 > 0 ? log(sums.0) + kernel.logReference(base, bandwidth: bandwidth) : -.infinity
    }

    /// Σ p², p = w K / Σ w K: 1 where one point carries all, 1/n where all points carry the same; NaN without points.
    public var participation: Double { sums.1 / (sums.0 * sums.0) }

    /// Σ p |x − y|².
    public var meanSquaredDistance: Double { sums.2 / sums.0 }

    /// |x − y|² of the nearest point.
    public var nearestSquaredDistance: Double { base }
}
