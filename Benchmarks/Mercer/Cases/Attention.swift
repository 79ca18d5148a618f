import Mercer

extension BenchmarkCase {
    /// Attention of 12 heads of 64, plain and causal, forward and with gradients.
    static let attention: [BenchmarkCase] = [197, 1024, 4096].flatMap { tokens in
        attention(tokens, causal: false) + attention(tokens, causal: true)
    }

    private static func attention(_ tokens: Int, causal: Bool) -> [BenchmarkCase] {
        let kind = causal ? "attention-causal" : "attention"
        let (size, parameters) = ("12x\(tokens)x64", ["heads": 12, "tokens": tokens, "head": 64])
        // Two products of every query with the keys it sees, five backward.
        let pairs = Double(tokens) * Double(causal ? tokens + 1 : 2 * tokens) / 2
        let product = 2 * 12 * pairs * 64
        @Sendable func operands(_ size: [String: Int]) -> [Tensor] {
            (1...3).map {
                BenchmarkInput.tensor([1, size["heads"]!, size["tokens"]!, size["head"]!], seed: $0)
            }
        }
        @Sendable func function(_ x: [Tensor]) -> Tensor {
            scaledDotProductAttention(queries: x[0], keys: x[1], values: x[2], causal: causal)
        }
        return [
            BenchmarkCase(
                "\(kind)/\(size)", parameters, work: Work(operations: 2 * product),
                peers: [Peer("torch", goal: 1.2)],
                compute: { size in
                    let x = operands(size)
                    return { [function(x)] }
                }),
            gradients(
                kind, size, parameters, work: Work(operations: 7 * product), goal: 1.2, operands, function),
        ]
    }
}
