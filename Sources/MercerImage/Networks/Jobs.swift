import Foundation
import Mercer
import MercerPapers
import Synchronization

/// Independent pieces of an experiment, several at a time, each on one thread.
enum Jobs {
    /// The results in the order of the jobs.
    ///
    /// - Throws: what the first job that failed threw; `CancellationError`.
    static func run<Job: Sendable, Value: Sendable>(
        _ jobs: [Job], _ run: RunContext, _ body: @Sendable (Job) throws -> Value
    ) throws -> [Value] {
        let results = Mutex([Result<Value, any Error>?](repeating: nil, count: jobs.count))
        try Parallel.forEachUnlessCancelled(jobs.count) { index in
            let result = Result { try body(jobs[index]) }
            let done = results.withLock { results in
                results[index] = result
                return results.count { $0 != nil }
            }
            run.step(done)
        }
        return try results.withLock { try $0.map { try $0!.get() } }
    }
}

/// Time that something takes.
enum Stopwatch {
    /// Seconds of processor time that this thread has had.
    static var threadSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }

    /// The median of the seconds that calls take, after one that doesn't count.
    static func median(of count: Int, _ body: () -> Void) -> Double {
        if count > 1 { body() }
        let times = (0..<count).map { _ in
            let start = ContinuousClock.now
            body()
            return (ContinuousClock.now - start) / .seconds(1)
        }
        return times.sorted()[count / 2]
    }
}
