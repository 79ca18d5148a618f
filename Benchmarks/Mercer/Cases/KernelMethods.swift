import Mercer
import MercerKernelMethods

extension BenchmarkCase {
    /// Density estimates beside scikit-learn and SciPy, private sketches beside NumPy.
    static let kernelMethods: [BenchmarkCase] = [
        BenchmarkCase(
            "density/20000x20", ["points": 20_000, "columns": 20, "queries": 1000],
            peers: [Peer("sklearn", goal: 6), Peer("scipy", goal: 3)]
        ) { size in
            let kde = try density(size)
            let queries = queries(size)
            return { discard(kde.logDensity(queries)) }
        },
        BenchmarkCase(
            "density-float32/20000x20", ["points": 20_000, "columns": 20, "queries": 1000],
            peers: [Peer("sklearn", goal: 12)]
        ) { size in
            let kde = try density(size, singlePrecision: true)
            let queries = queries(size)
            return { discard(kde.logDensity(queries)) }
        },
        BenchmarkCase(
            "density-2d/200000x2", ["points": 200_000, "columns": 2, "queries": 1000]
        ) { size in
            let kde = try density(size, bandwidth: .scott)
            let queries = queries(size)
            return { discard(kde.logDensity(queries)) }
        },
        BenchmarkCase(
            "density-2d-cutoff/200000x2", ["points": 200_000, "columns": 2, "queries": 1000]
        ) { size in
            let kde = try density(size, bandwidth: .scott, cutoff: 1e-9)
            let queries = queries(size)
            return { discard(kde.logDensity(queries)) }
        },
        BenchmarkCase("density-leave-one-out/20000x20x30", ["points": 20_000, "columns": 20, "queries": 1]) {
            size in
            let kde = try density(size)
            let bandwidths = (0..<30).map { 0.3 * Double.exp2($0, 12) }
            return { if let curve = try? kde.leaveOneOut(bandwidths) { withExtendedLifetime(curve) {} } }
        },
        BenchmarkCase(
            "private-sketch/20000x784x2048", ["points": 20_000, "columns": 784, "features": 2048],
            peers: [Peer("numpy", goal: 3)]
        ) { size in
            let x = PointSet<Float>(
                Random.normal([size["points"]!, size["columns"]!], dtype: .float32, key: RandomKey(1)))
            let features = RandomFeatures(
                .gaussian, bandwidth: 28, count: size["features"]!, dimension: size["columns"]!, publicSeed: 0
            )
            return { withExtendedLifetime(features.sums(x)) {} }
        },
        BenchmarkCase(
            "private-query/1000x64x2048", ["queries": 1000, "columns": 64, "features": 2048],
            peers: [Peer("numpy", goal: 3)]
        ) { size in
            let y = PointSet<Float>(
                Random.normal([size["queries"]!, size["columns"]!], dtype: .float32, key: RandomKey(2)))
            let features = RandomFeatures(
                .gaussian, bandwidth: 8, count: size["features"]!, dimension: size["columns"]!, publicSeed: 0)
            let means = [Double](repeating: 0.1, count: size["features"]!)
            return { withExtendedLifetime(features.estimates(means: means, y)) {} }
        },
        BenchmarkCase("distance-tree-query/1000000x10000", ["points": 1_000_000, "queries": 10_000]) { size in
            let x = Random.uniform(-1..<1, [size["points"]!, 1], dtype: .float64, key: RandomKey(3))
            let y = Random.uniform(-1..<1, [size["queries"]!, 1], dtype: .float64, key: RandomKey(4))
            let release = try PrivateSimilarity.build(x, .l1, budget: .pure(epsilon: 1), bound: 1)
            return { withExtendedLifetime(release.query(y)) {} }
        },
        BenchmarkCase("distance-tree-build/1000000", ["points": 1_000_000]) { size in
            let x = Random.uniform(-1..<1, [size["points"]!, 1], dtype: .float64, key: RandomKey(3))
            return {
                if let release = try? PrivateSimilarity.build(x, .l1, budget: .pure(epsilon: 1), bound: 1) {
                    withExtendedLifetime(release) {}
                }
            }
        },
    ]

    private static func density(
        _ size: [String: Int], bandwidth: DensityBandwidth = .fixed(0.6), singlePrecision: Bool = false,
        cutoff: Double? = nil
    ) throws -> KernelDensity {
        try KernelDensity(
            Random.normal([size["points"]!, size["columns"]!], dtype: .float64, key: RandomKey(1)),
            bandwidth: bandwidth, singlePrecision: singlePrecision, cutoff: cutoff)
    }

    private static func queries(_ size: [String: Int]) -> Tensor {
        Random.normal([size["queries"]!, size["columns"]!], dtype: .float64, key: RandomKey(2))
    }
}

extension Double {
    /// 2^(k/n).
    fileprivate static func exp2(_ k: Int, _ n: Int) -> Double {
        var value = 1.0
        let step = Double(sign: .plus, exponent: k / n, significand: 1)
        for _ in 0..<(k % n) { value *= 1.0594630943592953 }
        return value * step
    }
}
