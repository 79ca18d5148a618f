import Foundation
import Mercer

extension BenchmarkCase {
    /// Fourier transforms of complex images.
    static let fourierTransforms: [BenchmarkCase] = [256, 1024].map { side in
        // 5 n log₂ n operations, as is usual to count.
        let count = Double(side * side)
        return BenchmarkCase(
            "fft2/\(side)", ["side": side],
            work: Work(operations: 5 * count * Foundation.log2(count), bytes: 8 * count, written: 8 * count),
            peers: [Peer("torch", goal: 1.0)],
            compute: { size in
                let shape = [size["side"]!, size["side"]!]
                let x = complex(
                    BenchmarkInput.tensor(shape, seed: 1), BenchmarkInput.tensor(shape, seed: 2))
                return { [fft2(x)] }
            })
    }
}
