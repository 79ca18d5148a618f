import Mercer
import MercerKernelMethods

extension BenchmarkCase {
    /// Determinantal samples beside DPPy, kernels of infinite networks beside neural-tangents.
    static let samplingAndTangents: [BenchmarkCase] = [
        BenchmarkCase(
            "finite-dpp/10000x100", ["rows": 10_000, "features": 100], peers: [Peer("dppy", goal: 5)]
        ) { size in
            let space = try RowSpace(
                features: Random.normal(
                    [size["rows"]!, size["features"]!], dtype: .float64, key: RandomKey(1)))
            var draw = 0
            return {
                draw += 1
                var stream = RandomStream(RandomKey(2).fold(in: draw))
                withExtendedLifetime(space.drawProjectionDPP(using: &stream)) {}
            }
        },
        legendre("dpp-chain-rule/100", count: 100, tridiagonal: false),
        legendre("dpp-tridiagonal/100", count: 100, tridiagonal: true),
        legendre("dpp-tridiagonal/500", count: 500, tridiagonal: true),
        BenchmarkCase(
            "ntk-dense/1000x784", ["points": 1000, "columns": 784], peers: [Peer("tangents", goal: 2)]
        ) { size in
            let net = try InfiniteNetwork(spec: "mlp:3")
            let x = Random.normal([size["points"]!, size["columns"]!], dtype: .float64, key: RandomKey(1))
            return { if let k = try? net.kernels(x) { discard(k.ntk) } }
        },
        BenchmarkCase(
            "ntk-pooled/20+40x8x8", ["train": 20, "test": 40, "side": 8],
            peers: [Peer("tangents", goal: 10)]
        ) { size in
            let net = try InfiniteNetwork(spec: "cnn-gap:3")
            let side = size["side"]!
            let x = Random.normal([size["train"]!, side, side, 1], dtype: .float64, key: RandomKey(1))
            let z = Random.normal([size["test"]!, side, side, 1], dtype: .float64, key: RandomKey(2))
            return {
                if let a = try? net.kernels(x), let b = try? net.kernels(z, x) {
                    discard(a.ntk)
                    discard(b.ntk)
                }
            }
        },
        empirical(.structured, points: 200),
        // The whole Jacobian of 200 points would take a minute a call.
        empirical(.structured, points: 20),
        empirical(.jacobian, points: 20),
    ]

    private static func legendre(_ name: String, count: Int, tridiagonal: Bool) -> BenchmarkCase {
        BenchmarkCase(name, ["count": count]) { size in
            let space = try PolynomialSpace(.legendre, index: .totalDegree(size["count"]! - 1, dimension: 1))
            var draw = 0
            return {
                draw += 1
                var stream = RandomStream(RandomKey(3).fold(in: draw))
                let points =
                    tridiagonal
                    ? space.drawProjectionDPP(using: &stream) : space.drawByChainRule(using: &stream)
                withExtendedLifetime(points) {}
            }
        }
    }

    private static func empirical(_ route: FiniteNetwork.KernelRoute, points: Int) -> BenchmarkCase {
        BenchmarkCase(
            "empirical-ntk-\(route)/\(points)x784", ["points": points, "columns": 784, "width": 512]
        ) { size in
            let net = try InfiniteNetwork(spec: "mlp:3")
            let widths = [size["columns"]!, size["width"]!, size["width"]!, 10]
            let finite = try FiniteNetwork(net, widths: widths, key: RandomKey(1), dtype: .float32)
            let x = Random.normal([size["points"]!, size["columns"]!], dtype: .float32, key: RandomKey(2))
            return { discard(finite.tangentKernel(x, route: route)) }
        }
    }
}
