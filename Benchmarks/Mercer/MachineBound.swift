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
        let floats = max(4096, min(1 << 24, Int((work.bytes + work.written) / 4)))
        buffer = Tensor.ones([floats])
    }

    /// Seconds; the larger of the times for arithmetic and for memory.
    ///
    /// What is written while as much is read is held against copying, the rest against reading or filling.
    func seconds() -> Double {
        let copied = min(work.bytes, work.written)
        var memory = 0.0
        if copied > 0 { memory += moving(2 * copied, .copy) }
        if work.bytes > copied { memory += moving(work.bytes - copied, .read) }
        if work.written > copied { memory += moving(work.written - copied, .fill) }
        return max(work.operations > 0 ? arithmetic() : 0, memory)
    }

    private enum Traffic { case read, copy, fill }

    private func arithmetic() -> Double {
        let perThread = work.operations / Double(kernels.operations * threads)
        let rounds = max(1000, min(500_000, Int(perThread)))
        let time = clock.measure {
            Parallel.forEach(threads) { _ in _ = kernels.multiply_add(rounds) }
        }
        return time / .seconds(1) * perThread / Double(rounds)
    }

    /// Seconds for so many bytes.
    private func moving(_ bytes: Double, _ traffic: Traffic) -> Double {
        let part = buffer.count / threads / 2 * 2
        let half = part / 2
        // Small buffers are taken several times, to be measured at all.
        let repeats = max(1, (1 << 20) / buffer.count)
        let time = buffer.withUnsafeBuffer(of: Float.self) { floats in
            nonisolated(unsafe) let first = UnsafeMutablePointer(mutating: floats.baseAddress!)
            return clock.measure {
                Parallel.forEach(threads) { thread in
                    let start = first + thread * part
                    for _ in 0..<repeats {
                        switch traffic {
                        case .read: _ = kernels.read(start, part)
                        case .copy: kernels.copy(start, start + half, half)
                        case .fill: kernels.fill(start, part)
                        }
                    }
                }
            }
        }
        return time / .seconds(1) * bytes / Double(4 * part * threads * repeats)
    }
}
