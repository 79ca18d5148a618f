import Mercer

extension BenchmarkCase {
    /// A hundred operations on ten numbers: what an operation costs before it computes, alone and recorded for a
    /// gradient.
    static let smallTensors: [BenchmarkCase] = [
        BenchmarkCase("small-add/100x10", ["count": 10], peers: [Peer("torch", goal: 3)]) { size in
            let x = BenchmarkInput.tensor([size["count"]!], seed: 1)
            let y = BenchmarkInput.tensor([size["count"]!], seed: 2)
            return { for _ in 0..<100 { discard(x + y) } }
        },
        BenchmarkCase(
            "small-recorded/100x10", ["count": 10], peers: [Peer("torch", goal: 3)],
            compute: { size in
                let x = BenchmarkInput.tensor([size["count"]!], seed: 1)
                let y = BenchmarkInput.tensor([size["count"]!], seed: 2)
                let gradient = grad { (x: Tensor) -> Tensor in
                    var z = x
                    for _ in 0..<100 { z = z + y }
                    return z.sum()
                }
                return { [gradient(x)] }
            }),
    ]
}
