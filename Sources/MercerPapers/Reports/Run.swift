import Foundation

/// One run of a paper's experiment, from the question whether it works to the stored report.
public struct Run: Sendable {
    public let paper: Paper
    public var seed: UInt64 = 0
    /// How many seeds; nil for as many as the claims are stated for.
    public var seeds: Int?
    public var quick = false
    public var results: ResultsFolder = .standard
    public var data: DataCache = .standard

    private let experiment: any Experiment

    /// - Throws: ``PaperError/notYet(_:)`` when the gallery can't run the paper.
    public init(_ paper: Paper, in gallery: Gallery) throws {
        guard let experiment = gallery.experiment(for: paper) else { throw PaperError.notYet(paper.slug) }
        self.paper = paper
        self.experiment = experiment
    }

    /// The command line that makes the report again.
    public var command: String {
        var words = ["mercer", "run", paper.slug]
        if quick { words.append("--quick") }
        if seed != 0 { words += ["--seed", "\(seed)"] }
        if let seeds { words += ["--seeds", "\(seeds)"] }
        return words.joined(separator: " ")
    }

    /// Measures the claims and keeps the report.
    public func callAsFunction(
        progress: @escaping @Sendable (ProgressEvent) -> Void = { _ in }
    ) async throws -> ResultsFolder.Stored {
        let scratch = FileManager.default.temporaryDirectory
            .appendingPathComponent("mercer-\(paper.slug)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: scratch) }

        let context = RunContext(
            seed: seed, seeds: seeds, quick: quick, scratch: scratch, data: data, progress: progress)
        let date = Date()
        let clock = ContinuousClock()
        let start = clock.now
        let findings = try await experiment.run(context)
        try Task.checkCancellation()
        let report = Report(
            of: paper, claims: experiment.claims, findings: findings, date: date,
            duration: (clock.now - start) / .seconds(1), command: command, seed: seed, quick: quick)
        return try results.save(report)
    }
}
