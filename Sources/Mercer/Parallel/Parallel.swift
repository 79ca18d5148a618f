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

/// The threads behind ``Parallel``. Workers spin briefly after a job, since the next one usually comes within
/// microseconds, and then sleep on a condition.
private final class Pool: Sendable {
    static let shared = Pool()

    let threads: Atomic<Int>
    private let caller = Mutex<Void>(())
    private let condition = Condition()
    private let state = Shared()

    /// Fields that caller and workers exchange; ordering is through `generation` and `pending`.
    private final class Shared: @unchecked Sendable {
        var body: UnsafeRawPointer?
        var count = 0
        var participants = 0
        let next = Atomic<Int>(0)
        let generation = Atomic<Int>(0)
        let pending = Atomic<Int>(0)
        let sleepers = Atomic<Int>(0)
        var started = 0
    }

    private final class Condition: @unchecked Sendable {
        let condition = NSCondition()
    }

    private init() {
        let asked = ProcessInfo.processInfo.environment["MERCER_THREADS"].flatMap(Int.init) ?? 0
        threads = Atomic(asked > 0 ? min(asked, 256) : ProcessInfo.processInfo.activeProcessorCount)
    }

    func run(_ count: Int, _ body: (Int) -> Void) {
        // Another caller's loop is under way: this one goes on alone rather than wait.
        let ran: Void? = caller.withLockIfAvailable { _ in
            withoutActuallyEscaping(body) { escapable in
                var boxed = escapable
                withUnsafeMutablePointer(to: &boxed) { publish(count, UnsafeRawPointer($0)) }
            }
        }
        if ran == nil { for i in 0..<count { body(i) } }
    }

    private func publish(_ count: Int, _ body: UnsafeRawPointer) {
        let helpers = min(threads.load(ordering: .relaxed), count) - 1
        startWorkers(helpers)
        state.body = body
        state.count = count
        state.participants = helpers
        state.next.store(0, ordering: .relaxed)
        state.pending.store(state.started, ordering: .relaxed)
        state.generation.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if state.sleepers.load(ordering: .sequentiallyConsistent) > 0 {
            condition.condition.lock()
            condition.condition.broadcast()
            condition.condition.unlock()
        }
        work()
        while state.pending.load(ordering: .acquiring) > 0 { spinPause() }
    }

    private func work() {
        let thread = mercer_thread_state()
        thread.pointee.inside_parallel_loop += 1
        defer { thread.pointee.inside_parallel_loop -= 1 }
        let body = state.body!.assumingMemoryBound(to: ((Int) -> Void).self).pointee
        while true {
            let i = state.next.wrappingAdd(1, ordering: .relaxed).oldValue
            if i >= state.count { return }
            body(i)
        }
    }

    private func startWorkers(_ needed: Int) {
        while state.started < needed {
            let index = state.started
            let seen = state.generation.load(ordering: .relaxed)
            let thread = Thread { [self] in workerLoop(index, seen) }
            thread.stackSize = 8 << 20
            thread.name = "mercer-\(index + 1)"
            state.started += 1
            thread.start()
        }
    }

    private func workerLoop(_ index: Int, _ start: Int) {
        var seen = start
        while true {
            var spins = 0
            while state.generation.load(ordering: .acquiring) == seen {
                spins += 1
                if spins < 4000 {
                    spinPause()
                    continue
                }
                condition.condition.lock()
                state.sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
                while state.generation.load(ordering: .sequentiallyConsistent) == seen {
                    condition.condition.wait()
                }
                state.sleepers.wrappingSubtract(1, ordering: .relaxed)
                condition.condition.unlock()
            }
            seen += 1
            if index < state.participants { work() }
            state.pending.wrappingSubtract(1, ordering: .releasing)
        }
    }
}

@inline(__always)
private func spinPause() {
    mercer_spin_pause()
}
