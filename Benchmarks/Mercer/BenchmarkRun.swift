import Foundation
import Mercer
import MercerPapers

/// Measures cases: Mercer alone, or Mercer and a peer in turns, so that whatever else the machine does meets both.
public struct BenchmarkRun: Sendable {
    public var cases: [BenchmarkCase]
    /// Numbers of threads to measure with.
    public var threads: [Int]
    /// How often each side is measured; the median counts.
    public var rounds = 9
    /// How long one measurement lasts at least, in seconds.
    public var duration = 0.02

    public init(cases: [BenchmarkCase], threads: [Int]) {
        self.cases = cases
        self.threads = threads
    }

    /// One measured pair; without a peer, Mercer's time alone.
    public struct Row: Codable, Sendable {
        public let name: String
        public let threads: Int
        public let peer: String?
        public let mercerSeconds: Double
        public let peerSeconds: Double?
        /// Mercer's time as a part of the peer's; the median over the rounds.
        public let ratio: Double?
        public let goal: Double?
        /// The least time that the machine allows as a part of Mercer's time.
        public let boundShare: Double?
        public let isa: String

        private enum CodingKeys: String, CodingKey {
            case name = "case"
            case threads, peer, ratio, goal, isa
            case mercerSeconds = "mercer_seconds"
            case peerSeconds = "peer_seconds"
            case boundShare = "bound_share"
        }

        /// Whether the goal is met; nil without one.
        public var meetsGoal: Bool? { ratio.flatMap { ratio in goal.map { ratio <= $0 } } }
    }

    /// Measures all cases.
    ///
    /// - Parameters:
    ///   - worker: the process of the peers, nil to measure Mercer alone.
    ///   - progress: told of each case.
    /// - Throws: ``PeerError``, `CancellationError`.
    public func callAsFunction(
        with worker: PeerWorker?, progress: @Sendable (ProgressEvent) -> Void
    ) throws -> [Row] {
        var rows: [Row] = []
        progress(.stage("measuring", steps: cases.count * threads.count))
        for count in threads {
            for one in cases {
                try Task.checkCancellation()
                rows += try Parallel.withThreads(count) { try measure(one, count, worker) }
                progress(.step(rows.count))
            }
        }
        return rows
    }

    private func measure(_ one: BenchmarkCase, _ threads: Int, _ worker: PeerWorker?) throws -> [Row] {
        let body = try one.prepare(one.parameters)
        let clock = ContinuousClock()
        let mercer = Repeated(duration: duration) { repeats in
            clock.measure { for _ in 0..<repeats { body() } } / .seconds(1)
        }
        let bound = MachineBound(one.work, threads: threads)
        guard let worker, !one.peers.isEmpty else {
            var times = Times()
            for _ in 0..<rounds { times.add(try mercer.seconds(), nil, bound.seconds()) }
            return [times.row(one, threads, nil)]
        }
        return try one.peers.map { peer in
            try worker.open(one, library: peer.library, threads: threads)
            let theirs = Repeated(duration: duration) { try worker.time(repeats: $0) }
            var times = Times()
            for _ in 0..<rounds { times.add(try mercer.seconds(), try theirs.seconds(), bound.seconds()) }
            return times.row(one, threads, peer)
        }
    }

    /// What the rounds of one pair took.
    private struct Times {
        private var mercer: [Double] = []
        private var peer: [Double] = []
        private var bound: [Double] = []

        mutating func add(_ mercer: Double, _ peer: Double?, _ bound: Double) {
            self.mercer.append(mercer)
            if let peer { self.peer.append(peer) }
            self.bound.append(bound)
        }

        func row(_ one: BenchmarkCase, _ threads: Int, _ peer: BenchmarkCase.Peer?) -> Row {
            let median = Claim.Statistic.median
            return Row(
                name: one.name, threads: threads, peer: peer?.library, mercerSeconds: median(mercer),
                peerSeconds: peer == nil ? nil : median(self.peer),
                ratio: peer == nil ? nil : median(zip(mercer, self.peer).map { $0 / $1 }), goal: peer?.goal,
                boundShare: bound.contains(0) ? nil : median(zip(bound, mercer).map { $0 / $1 }),
                isa: InstructionSet.current.description)
        }
    }

    /// Something that is repeated until it lasts long enough to be measured.
    private final class Repeated {
        private let time: (Int) throws -> Double
        private let duration: Double
        private var repeats: Int?

        /// - Parameter time: how long so many repetitions take, in seconds.
        init(duration: Double, _ time: @escaping (Int) throws -> Double) {
            self.time = time
            self.duration = duration
        }

        /// Seconds of one repetition.
        ///
        /// Threads of the other side go on spinning for a while after their turn and would take this side's
        /// processors: they are given time to sleep, and this side's own are woken.
        func seconds() throws -> Double {
            let count = try repeats ?? calibrate()
            Thread.sleep(forTimeInterval: 0.03)
            if count > 1 { _ = try time(1) }
            return try time(count) / Double(count)
        }

        private func calibrate() throws -> Int {
            _ = try time(1)
            let once = try min(time(1), time(1))
            let count = max(1, min(1_000_000, Int((duration / max(once, 1e-9)).rounded(.up))))
            repeats = count
            return count
        }
    }
}
