import Mercer

extension BenchmarkCase {
    /// One operation for each element, on 4 million elements: what memory allows, and what the function costs.
    static let elementwise: [BenchmarkCase] = [
        unary("exp", goal: 0.9) { exp($0) }, unary("tanh", goal: 0.9) { tanh($0) },
        unary("sqrt", goal: 1.0) { sqrt($0) }, unary("log", goal: 0.9) { log($0) },
        binary("add", goal: 1.0) { $0 + $1 }, binary("multiply", goal: 1.0) { $0 * $1 },
        BenchmarkCase(
            "add-row/4096x1024", ["rows": 4096, "columns": 1024], work: Work(bytes: 8 * 4096 * 1024),
            peers: [Peer("torch", goal: 1.0)]
        ) { size in
            let x = Random.uniform(0..<1, [size["rows"]!, size["columns"]!], key: RandomKey(1))
            let row = Random.uniform(0..<1, [size["columns"]!], key: RandomKey(2))
            return { discard(x + row) }
        },
    ]

    private static let count = 1 << 22

    private static func unary(
        _ name: String, goal: Double, _ operation: @escaping @Sendable (Tensor) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(
            "\(name)/4M", ["count": count], work: Work(bytes: 8 * Double(count)),
            peers: [Peer("torch", goal: goal)]
        ) { size in
            let x = Random.uniform(0..<1, [size["count"]!], key: RandomKey(1)) + 0.1
            return { discard(operation(x)) }
        }
    }

    private static func binary(
        _ name: String, goal: Double, _ operation: @escaping @Sendable (Tensor, Tensor) -> Tensor
    ) -> BenchmarkCase {
        BenchmarkCase(
            "\(name)/4M", ["count": count], work: Work(bytes: 12 * Double(count)),
            peers: [Peer("torch", goal: goal)]
        ) { size in
            let x = Random.uniform(0..<1, [size["count"]!], key: RandomKey(1))
            let y = Random.uniform(0..<1, [size["count"]!], key: RandomKey(2))
            return { discard(operation(x, y)) }
        }
    }
}
