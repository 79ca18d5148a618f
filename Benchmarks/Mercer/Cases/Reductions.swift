import Mercer

extension BenchmarkCase {
    /// Sums and maxima of a matrix along either axis.
    static let reductions: [BenchmarkCase] = [
        reduction("sum-last") { $0.sum(axis: 1) }, reduction("sum-first") { $0.sum(axis: 0) },
        reduction("max-last") { $0.max(axis: 1) }, reduction("variance-last") { $0.variance(axis: 1) },
    ]

    private static func reduction(
        _ name: String, _ operation: @escaping @Sendable (Tensor) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(
            "\(name)/4096x1024", ["rows": 4096, "columns": 1024], work: Work(bytes: 4 * 4096 * 1024),
            peers: [Peer("torch", goal: 1.0)]
        ) { size in
            let x = Random.normal([size["rows"]!, size["columns"]!], key: RandomKey(1))
            return { discard(operation(x)) }
        }
    }
}
