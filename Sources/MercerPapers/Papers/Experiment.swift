import Foundation

/// What reproduces the claims of one paper. A paper's folder holds one type that conforms to it, and one line in
/// the list of the command's ``Gallery`` registers it.
///
/// ```swift
/// struct MullerExperiment: Experiment {
///     let slug = "muller"
///     let claims = [
///         Claim("quality-gain", "The resizer helps to judge blur", bar: .atLeast(6), unit: "points",
///               method: "accuracy of a small network behind MULLER minus behind bilinear, 3 seeds")
///     ]
///     func run(_ run: RunContext) async throws -> Findings {
///         var findings = Findings(for: self)
///         let seeds = run.seeds(3)
///         let gains = try seeds.map { seed in try gain(seed, epochs: run.quick ? 2 : 10) }
///         findings.measure("quality-gain", gains, seeds: seeds)
///         return findings
///     }
/// }
/// ```
public protocol Experiment: Sendable {
    /// The slug of the paper.
    var slug: String { get }
    /// The claims in the order in which a report shows them.
    var claims: [Claim] { get }
    /// Measures the claims. Long loops call ``RunContext/checkCancellation()`` now and then.
    func run(_ run: RunContext) async throws -> Findings
}

/// The papers that can be run.
public struct Gallery: Sendable {
    /// Whether Mercer can run a paper.
    public enum State: String, Codable, Sendable {
        case works
        case notYet = "not yet"
    }

    private let experiments: [String: any Experiment]

    /// - Precondition: every slug belongs to a paper, no two are the same, and neither are two claims of one paper.
    public init(_ experiments: [any Experiment]) {
        var bySlug: [String: any Experiment] = [:]
        for experiment in experiments {
            let slug = experiment.slug
            precondition(Paper.all.contains { $0.slug == slug }, "Gallery: there is no paper '\(slug)'")
            precondition(bySlug[slug] == nil, "Gallery: two experiments for '\(slug)'")
            precondition(
                Set(experiment.claims.map(\.id)).count == experiment.claims.count,
                "Gallery: '\(slug)' has two claims of the same id")
            bySlug[slug] = experiment
        }
        self.experiments = bySlug
    }

    public func state(of paper: Paper) -> State { experiments[paper.slug] == nil ? .notYet : .works }

    /// What runs the paper, or nil when it doesn't work yet.
    public func experiment(for paper: Paper) -> (any Experiment)? { experiments[paper.slug] }
}

/// What an experiment is given: how it is asked to run, where it may write, and whom it tells how far it is.
public struct RunContext: Sendable {
    /// The first seed. Everything random in a run comes from it.
    public let seed: UInt64
    /// Whether minutes matter more than precision: less data, fewer epochs, one seed. A report says that it was.
    public let quick: Bool
    /// A folder for files that nobody needs afterwards; it is deleted at the end of the run.
    public let scratch: URL
    /// Where data packages are fetched to.
    public let data: DataCache

    private let askedSeeds: Int?
    private let report: @Sendable (ProgressEvent) -> Void

    /// - Parameters:
    ///   - seeds: how many seeds the user asked for, nil for as many as the claims are stated for.
    ///   - progress: told of each stage and step, from any thread.
    public init(
        seed: UInt64 = 0, seeds: Int? = nil, quick: Bool = false, scratch: URL, data: DataCache,
        progress: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
    ) {
        self.seed = seed
        self.askedSeeds = seeds
        self.quick = quick
        self.scratch = scratch
        self.data = data
        self.report = progress
    }

    /// The seeds to measure with: as many as the user asked for, else `standard`, else one in a quick run.
    public func seeds(_ standard: Int) -> [UInt64] {
        let count = max(1, askedSeeds ?? (quick ? 1 : standard))
        return (0..<UInt64(count)).map { seed &+ $0 }
    }

    /// Says that a part of the run begins, and of how many steps it is if that is known.
    public func stage(_ name: String, steps: Int? = nil) { report(.stage(name, steps: steps)) }

    /// Says how many steps of the stage are done.
    public func step(_ done: Int) { report(.step(done)) }

    /// Tells the user a fact on a line of its own.
    public func note(_ line: String) { report(.note(line)) }

    /// Throws `CancellationError` when the user has stopped the run.
    public func checkCancellation() throws { try Task.checkCancellation() }
}

/// What a long job says on its way.
public enum ProgressEvent: Sendable, Equatable {
    case stage(String, steps: Int?)
    case step(Int)
    case note(String)
}
