import Foundation
import Mercer
import MercerPapers

/// Measures cases: Mercer alone, or Mercer and a peer in turns, so that whatever else the machine does meets both.
public struct BenchmarkRun: Sendable {
    public var cases: [BenchmarkCase]
    /// Numbers of threads to measure with.
    public var threads: [Int]
    /// How often each side is measured; the median counts.
    public var rounds = 7
    /// How long one measurement lasts at least, in seconds.
    public var duration = 0.02
    /// What several threads are to gain over one.
    public static let speedupGoal = 1.7

    public init(cases: [BenchmarkCase], threads: [Int]) {
        self.cases = cases
        self.threads = threads
    }

    /// Measures all cases. A peer that fails at a case is noted, and Mercer measured without it.
    ///
    /// - Parameters:
    ///   - worker: the process of the peers, nil to measure Mercer alone.
    ///   - progress: told of each case.
    ///   - keep: given all rows so far after each case, so that a run that is stopped hasn't been for nothing.
    /// - Throws: ``PeerError/ended``, `CancellationError`, and what `keep` throws.
    public func callAsFunction(
        with worker: PeerWorker?, progress: @Sendable (ProgressEvent) -> Void,
        keep: ([BenchmarkRow]) throws -> Void = { _ in }
    ) throws -> [BenchmarkRow] {
        var rows: [BenchmarkRow] = []
        progress(.stage("measuring", steps: cases.count * threads.count))
        var done = 0
        for one in cases {
            let body = try one.prepare(one.parameters)
            var differences: [Int: Double] = [:]
            for count in threads {
                try Task.checkCancellation()
                rows += try Parallel.withThreads(count) {
                    try measure(one, body, count, worker, &differences) { progress(.note($0)) }
                }
                done += 1
                progress(.step(done))
            }
            try keep(rows)
        }
        return rows
    }

    /// - Parameter differences: between the results and each peer's, found once.
    private func measure(
        _ one: BenchmarkCase, _ body: @escaping () -> [Tensor], _ threads: Int, _ worker: PeerWorker?,
        _ differences: inout [Int: Double], note: (String) -> Void
    ) throws -> [BenchmarkRow] {
        let bound = MachineBound(one.work, threads: threads)
        let pause = threads > 1 ? 0.03 : 0
        func repeated(_ threads: Int) -> Repeated {
            let clock = ContinuousClock()
            return Repeated(duration: duration, pause: pause) { repeats in
                Parallel.withThreads(threads) {
                    clock.measure { for _ in 0..<repeats { withExtendedLifetime(body()) {} } } / .seconds(1)
                }
            }
        }
        let mercer = repeated(threads)
        func own(_ times: inout Times) throws -> Double {
            let before = MemoryDemand.now
            let seconds = try mercer.seconds()
            times.demands.append(MemoryDemand.now - before)
            return seconds
        }
        func alone() throws -> BenchmarkRow {
            var times = Times()
            for _ in 0..<rounds { times.add(try own(&times), bound: bound.seconds()) }
            return times.row(one, threads)
        }
        guard let worker, !one.peers.isEmpty else { return [try alone()] }
        var rows: [BenchmarkRow] = []
        for (index, peer) in one.peers.enumerated() {
            do {
                try worker.open(one, peer, threads: threads)
                if differences[index] == nil { differences[index] = try difference(body, worker) }
                let theirs = Repeated(duration: duration, pause: pause) { try worker.time(repeats: $0) }
                let single = threads > 1 && index == 0 && one.work.isLarge ? repeated(1) : nil
                var times = Times()
                for _ in 0..<rounds {
                    times.add(
                        try own(&times), peer: try theirs.seconds(), single: try single?.seconds(),
                        bound: bound.seconds())
                }
                rows.append(times.row(one, threads, peer, difference: differences[index]))
                if single != nil { rows.append(times.speedup(one, threads)) }
            } catch PeerError.failed(let reason) {
                note("\(one.name) without \(peer.library), \(threads) threads: \(reason)")
            }
        }
        return rows.isEmpty ? [try alone()] : rows
    }

    /// How far the results are from those of the peer's open case; nil where that one returns none.
    private func difference(_ body: () -> [Tensor], _ worker: PeerWorker) throws -> Double? {
        let found = try worker.results()
        if found.isEmpty { return nil }
        let own = body().map(ResultSummary.init)
        if own.count != found.count { return .infinity }
        return zip(own, found).map { $0.difference(from: $1) }.max()
    }

    /// What the rounds of one pair took.
    private struct Times {
        var demands: [MemoryDemand] = []
        private var mercer: [Double] = []
        private var peer: [Double] = []
        private var single: [Double] = []
        private var bound: [Double] = []

        mutating func add(_ mercer: Double, peer: Double? = nil, single: Double? = nil, bound: Double) {
            self.mercer.append(mercer)
            if let peer { self.peer.append(peer) }
            if let single { self.single.append(single) }
            self.bound.append(bound)
        }

        func row(
            _ one: BenchmarkCase, _ threads: Int, _ other: BenchmarkCase.Peer? = nil, difference: Double? = nil
        ) -> BenchmarkRow {
            row(
                one, threads, other?.library, other?.outputs, peer, goal: other?.goal,
                // JSON has no infinity.
                difference: difference.map { min($0, 1e9) })
        }

        /// Several threads beside one.
        func speedup(_ one: BenchmarkCase, _ threads: Int) -> BenchmarkRow {
            row(one, threads, BenchmarkRow.alone, nil, single, goal: BenchmarkRun.speedupGoal, difference: nil)
        }

        private func row(
            _ one: BenchmarkCase, _ threads: Int, _ name: String?, _ outputs: BenchmarkCase.Peer.Outputs?,
            _ others: [Double], goal: Double?, difference: Double?
        ) -> BenchmarkRow {
            let median = Claim.Statistic.median
            return BenchmarkRow(
                name: one.name, threads: threads, peer: name, outputs: outputs, mercerSeconds: median(mercer),
                peerSeconds: others.isEmpty ? nil : median(others),
                ratio: others.isEmpty ? nil : median(zip(others, mercer).map { $0 / $1 }), goal: goal,
                // The least times of both: those that nothing else on the machine has lengthened.
                boundShare: bound.contains(0) ? nil : bound.min()! / mercer.min()!,
                difference: difference, isa: InstructionSet.current.description,
                systemAllocations: demands.map(\.allocations).sorted()[demands.count / 2],
                pageFaults: demands.map(\.pageFaults).sorted()[demands.count / 2])
        }
    }

    /// Something that is repeated until it lasts long enough to be measured.
    private final class Repeated {
        private let time: (Int) throws -> Double
        private let duration: Double
        private let pause: Double
        private var repeats: Int?

        /// - Parameter time: how long so many repetitions take, in seconds.
        init(duration: Double, pause: Double, _ time: @escaping (Int) throws -> Double) {
            self.time = time
            self.duration = duration
            self.pause = pause
        }

        /// Seconds of one repetition.
        ///
        /// Threads of the other side go on spinning for a while after their turn and would take this side's
        /// processors: they are given time to sleep, and this side's own are woken.
        func seconds() throws -> Double {
            let count = try repeats ?? calibrate()
            if pause > 0 { Thread.sleep(forTimeInterval: pause) }
            if count > 1 { _ = try time(1) }
            return try time(count) / Double(count)
        }

        private func calibrate() throws -> Int {
            var once = try time(1)
            // What takes long takes no longer the second time.
            if once < 0.1 { once = try min(time(1), time(1)) }
            let count = max(1, min(1_000_000, Int((duration / max(once, 1e-9)).rounded(.up))))
            repeats = count
            return count
        }
    }
}
