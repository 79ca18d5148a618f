import CKernels
import Mercer

/// What the machine does at best now: the bounds that measured times are held against.
public struct MachineBounds: Codable, Sendable {
    /// Float32 operations a second.
    public var operations: Double
    /// Bytes a second that are read from memory.
    public var bytes: Double

    /// Measures both with so many threads, in about a tenth of a second.
    public static func measure(threads: Int) -> MachineBounds {
        let tables = mercer_probe_table
        let kernels =
            switch InstructionSet.current {
            case .baseline: tables.0
            case .avx2: tables.1
            case .avx512: tables.2
            }
        return Parallel.withThreads(threads) {
            let rounds = 2_000_000
            let arithmetic = best(of: 3) {
                Parallel.forEach(threads) { _ in _ = kernels.multiply_add(rounds) }
            }
            let count = 1 << 24
            let buffer = Tensor.ones([threads, count])
            let reading = buffer.withUnsafeBuffer(of: Float.self) { floats in
                nonisolated(unsafe) let start = floats.baseAddress!
                return best(of: 3) {
                    Parallel.forEach(threads) { _ = kernels.read(start + $0 * count, count) }
                }
            }
            return MachineBounds(
                operations: Double(rounds * kernels.operations * threads) / arithmetic,
                bytes: Double(4 * count * threads) / reading)
        }
    }

    /// The least time for some work, in seconds.
    public func time(for work: BenchmarkCase.Work) -> Double {
        max(work.operations / operations, work.bytes / bytes)
    }

    private static func best(of count: Int, _ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        return (0..<count).map { _ in clock.measure(body) / .seconds(1) }.min()!
    }
}
