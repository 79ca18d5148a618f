import Mercer

extension BenchmarkCase {
    /// Float32 products `[m, k] · [k, n]`: square ones of several sizes, and shapes of transformers.
    static let matrixProducts: [BenchmarkCase] = [
        product("64", 64, 64, 64), product("256", 256, 256, 256), product("1024", 1024, 1024, 1024),
        product("2048", 2048, 2048, 2048), product("tokens-512x768x3072", 512, 768, 3072),
        product("vector-1x4096x4096", 1, 4096, 4096),
    ]

    private static func product(_ size: String, _ m: Int, _ k: Int, _ n: Int) -> BenchmarkCase {
        let (m64, k64, n64) = (Double(m), Double(k), Double(n))
        return BenchmarkCase(
            "matmul/\(size)", ["m": m, "k": k, "n": n],
            work: Work(operations: 2 * m64 * k64 * n64, bytes: 4 * (m64 * k64 + k64 * n64 + m64 * n64)),
            peers: [Peer("torch", goal: 1.0)]
        ) { size in
            let a = Random.normal([size["m"]!, size["k"]!], key: RandomKey(1))
            let b = Random.normal([size["k"]!, size["n"]!], key: RandomKey(2))
            return { discard(matmul(a, b)) }
        }
    }
}

/// Keeps the compiler from dropping a result that nobody reads.
@inline(never)
func discard(_ tensor: Tensor) {}
