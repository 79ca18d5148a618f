import CKernels
import Foundation
import Synchronization

/// Mercer's one pool of threads.
///
/// Work is cut into chunks by its size alone, never by the number of threads, and each chunk writes to places of
/// its own; so a result is bit-identical for any number of threads. A loop inside a loop runs serially, and so does
/// a loop that finds the pool busy with another caller's work.
public enum Parallel {
    /// The number of threads, the calling one included. `MERCER_THREADS` sets it at start; by default it is the
    /// number of processors that this process may use.
    public static var threads: Int {
        get { Pool.shared.threads.load(ordering: .relaxed) }
        set { Pool.shared.threads.store(max(1, newValue), ordering: .relaxed) }
    }

    /// Calls `body` once for each chunk index in `0..<count`, in any order, on any thread; returns when all are done.
    ///
    /// Not optimised itself, so that what it calls is compiled once and not again for each closure that is passed:
    /// a specialised copy for each caller tripled the time to build Mercer and gained nothing.
    @inline(never)
    @_optimize(none)
    public static func forEach(_ count: Int, _ body: (Int) -> Void) { chunks(count, body) }

    /// Calls `body` with ranges that cover `0..<count`, each of `grain` elements (the last may be shorter).
    @inline(never)
    @_optimize(none)
    public static func forRanges(_ count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        ranges(count, grain, body)
    }

    private static func chunks(_ count: Int, _ body: (Int) -> Void) {
        if count <= 0 { return }
        if count == 1 || threads == 1 || mercer_thread_state().pointee.inside_parallel_loop > 0 {
            for i in 0..<count { body(i) }
            return
        }
        Pool.shared.run(count, body)
    }

    private static func ranges(_ count: Int, _ grain: Int, _ body: (Range<Int>) -> Void) {
        if count <= 0 { return }
        if count <= grain {
            body(0..<count)
            return
        }
        chunks((count + grain - 1) / grain) { chunk in
            let start = chunk * grain
            body(start..<min(start + grain, count))
        }
    }

    /// Like ``forEach(_:_:)``, but stops taking new chunks once the calling task is cancelled.
    ///
    /// - Throws: `CancellationError` where not all chunks were done.
    public static func forEachUnlessCancelled(_ count: Int, _ body: (Int) -> Void) throws {
        let cancelled = Atomic<Bool>(false)
        let caller = mercer_thread_state()
        forEach(count) { index in
            // Only the calling thread knows the task.
            if mercer_thread_state() == caller && Task.isCancelled {
                cancelled.store(true, ordering: .relaxed)
            }
            if !cancelled.load(ordering: .relaxed) { body(index) }
        }
        if cancelled.load(ordering: .relaxed) { throw CancellationError() }
    }

    /// Runs `body` with the pool limited to `count` threads, then restores the number. Process-wide.
    public static func withThreads<R>(_ count: Int, _ body: () throws -> R) rethrows -> R {
        let before = threads
        threads = count
        defer { threads = before }
        return try body()
    }
}

/// One parallel loop: chunks that are taken one by one by whoever has time.
private final class Job: @unchecked Sendable {
    let count: Int
    /// How many threads may help the caller.
    let helpers: Int
    /// The closure, alive until the last chunk is done. Read only by whoever has taken a chunk.
    private let body: UnsafePointer<(Int) -> Void>
    private let next = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    private let joined = Atomic<Int>(0)

    init(_ count: Int, helpers: Int, _ body: UnsafePointer<(Int) -> Void>) {
        self.count = count
        self.helpers = helpers
        self.body = body
    }

    /// Works on a helper's thread, if another helper is wanted.
    func help() {
        if joined.wrappingAdd(1, ordering: .relaxed).oldValue < helpers { work() }
    }

    /// Takes chunks until none is left.
    func work() {
        let thread = mercer_thread_state()
        thread.pointee.inside_parallel_loop += 1
        defer { thread.pointee.inside_parallel_loop -= 1 }
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body.pointee(index)
            finished.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// Waits for the chunks that others have taken. A helper that hasn't come yet isn't waited for: on a busy
    /// machine that would cost more than the loop.
    func waitForOthers() {
        while finished.load(ordering: .acquiring) < count { spinPause() }
    }
}

/// The threads behind ``Parallel``. Helpers spin briefly after a job, since the next one usually comes within
/// microseconds, and then sleep on a condition.
private final class Pool: @unchecked Sendable {
    static let shared = Pool()
    /// Pauses before a helper sleeps, about a fifth of a millisecond: to wake it costs a small loop's whole time.
    private static let patience = 16_000

    let threads: Atomic<Int>
    private let caller = Mutex<Void>(())
    private let current = Mutex<Job?>(nil)
    private let generation = Atomic<Int>(0)
    private let sleepers = Atomic<Int>(0)
    private let condition = NSCondition()
    /// Guarded by `caller`.
    private var started = 0

    private init() {
        let asked = ProcessInfo.processInfo.environment["MERCER_THREADS"].flatMap(Int.init) ?? 0
        threads = Atomic(asked > 0 ? min(asked, 256) : ProcessInfo.processInfo.activeProcessorCount)
    }

    func run(_ count: Int, _ body: (Int) -> Void) {
        // Another caller's loop is under way: this one goes on alone rather than wait.
        let ran: Void? = caller.withLockIfAvailable { _ in
            withoutActuallyEscaping(body) { escapable in
                withUnsafePointer(to: escapable) { publish(count, $0) }
            }
        }
        if ran == nil { for i in 0..<count { body(i) } }
    }

    private func publish(_ count: Int, _ body: UnsafePointer<(Int) -> Void>) {
        let helpers = min(threads.load(ordering: .relaxed), count) - 1
        startHelpers(helpers)
        let job = Job(count, helpers: helpers, body)
        current.withLock { $0 = job }
        generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            condition.lock()
            condition.broadcast()
            condition.unlock()
        }
        job.work()
        job.waitForOthers()
    }

    private func startHelpers(_ needed: Int) {
        while started < needed {
            let seen = generation.load(ordering: .relaxed)
            let thread = Thread { [self] in helperLoop(seen) }
            thread.stackSize = 8 << 20
            thread.name = "mercer-\(started + 1)"
            started += 1
            thread.start()
        }
    }

    private func helperLoop(_ start: Int) {
        var seen = start
        while true {
            var spins = 0
            while generation.load(ordering: .acquiring) == seen {
                spins += 1
                if spins < Self.patience {
                    spinPause()
                    continue
                }
                condition.lock()
                sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
                while generation.load(ordering: .sequentiallyConsistent) == seen { condition.wait() }
                sleepers.wrappingSubtract(1, ordering: .relaxed)
                condition.unlock()
            }
            seen = generation.load(ordering: .acquiring)
            current.withLock { $0 }?.help()
        }
    }
}

@inline(__always)
private func spinPause() {
    mercer_spin_pause()
}
