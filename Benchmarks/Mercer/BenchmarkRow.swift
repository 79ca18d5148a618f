/// One measured pair; without a peer, Mercer's time alone.
public struct BenchmarkRow: Codable, Sendable, Equatable {
    public let name: String
    public let threads: Int
    public let peer: String?
    /// Where the peer puts its results.
    public let outputs: BenchmarkCase.Peer.Outputs?
    public let mercerSeconds: Double
    public let peerSeconds: Double?
    /// The peer's time as a multiple of Mercer's; the median over the rounds. Above 1, Mercer is faster.
    public let ratio: Double?
    public let goal: Double?
    /// The least time that the machine allows as a part of Mercer's time.
    public let boundShare: Double?
    /// How far the results of both are apart, as a part of their norm; nil where they aren't compared.
    public let difference: Double?
    public let isa: String
    /// How often Mercer took memory from the system during one measurement, the median over the rounds: 0 in steady state.
    public let systemAllocations: Int?
    /// Pages that were touched for the first time during one measurement, the median over the rounds.
    public let pageFaults: Int?

    private enum CodingKeys: String, CodingKey {
        case name = "case"
        case threads, peer, outputs, ratio, goal, difference, isa
        case mercerSeconds = "mercer_seconds"
        case peerSeconds = "peer_seconds"
        case boundShare = "bound_share"
        case systemAllocations = "system_allocations"
        case pageFaults = "page_faults"
    }

    /// The share of the machine's bound from which on nothing more is asked of Mercer.
    static let fullShare = 0.85
    /// Results further apart than this aren't results of the same work. Bytes that are rounded in other ways reach
    /// 0.003.
    static let tolerance = 0.005

    /// Whether both sides found the same.
    public var agrees: Bool { difference.map { $0 <= Self.tolerance } ?? true }

    /// Whether the goal is met, or the machine's bound reached; nil without a goal.
    public var meetsGoal: Bool? {
        guard let ratio, let goal else { return nil }
        return agrees && (ratio >= goal || (boundShare ?? 0) >= Self.fullShare)
    }

    /// The peer as a table names it.
    public var peerName: String? {
        peer.map { outputs == .preallocated ? "\($0), preallocated" : $0 }
    }

    /// The peer of the rows that compare Mercer with itself on one thread.
    static let alone = "mercer, 1 thread"

    /// Whether two rows measured the same thing.
    func isSame(as other: BenchmarkRow) -> Bool {
        name == other.name && threads == other.threads && peer == other.peer && outputs == other.outputs
    }
}
