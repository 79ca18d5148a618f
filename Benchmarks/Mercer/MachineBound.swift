import CKernels
import Mercer

/// The least time that this machine's arithmetic and memory allow for some work, measured in turns with the case
/// itself, so that whatever else the machine does slows both.
final class MachineBound {
    private let work: BenchmarkCase.Work
    private let threads: Int
    private let kernels: mercer_probe_kernels
    /// As large as what the case touches, so that it stands in the same level of memory; at most 64 MB.
    private let buffer: Tensor
    private let clock = ContinuousClock()

    init(_ work: BenchmarkCase.Work, threads: Int) {
        self.work = work
        self.threads = threads
        let tables = mercer_probe_table
        kernels =
            switch InstructionSet.current {
            case .baseline: tables.0
            case .avx2: tables.1
            case .avx512: tables.2
            }
        let floats = max(4096, min(1 << 24, Int(work.bytes / 4)))
        buffer = Tensor.ones([floats])
    }

    /// Seconds; the larger of the times for arithmetic and for memory.
    func seconds() -> Double {
        max(work.operations > 0 ? arithmetic() : 0, work.bytes > 0 ? reading() : 0)
    }

    private func arithmetic() -> Double {
        let perThread = work.operations / Double(kernels.operations * threads)
        let rounds = max(1000, min(500_000, Int(perThread)))
        let time = clock.measure {
            Parallel.forEach(threads) { _ in _ = kernels.multiply_add(rounds) }
        }
        return time / .seconds(1) * perThread / Double(rounds)
    }

    private func reading() -> Double {
        let part = buffer.count / threads
        // Small buffers are read several times, to be measured at all.
        let repeats = max(1, (1 << 20) / buffer.count)
        let time = buffer.withUnsafeBuffer(of: Float.self) { floats in
            nonisolated(unsafe) let start = floats.baseAddress!
            return clock.measure {
                Parallel.forEach(threads) { thread in
                    for _ in 0..<repeats { _ = kernels.read(start + thread * part, part) }
                }
            }
        }
        return time / .seconds(1) * work.bytes / Double(4 * part * threads * repeats)
    }
}
