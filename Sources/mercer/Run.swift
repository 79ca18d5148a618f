import ArgumentParser
import Foundation
import MercerPapers

/// `mercer run SLUG`: measures the claims of a paper and keeps a report.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Measure the claims of a paper and keep a report.",
        discussion: """
            Prints each claim beside its bar. The report (JSON, charts, pictures, one HTML page) goes to a folder \
            of its own. Exit status 0 when every bar was met, 3 when some fall short.
            """)

    @Argument(help: "The paper to run; 'mercer papers' lists them.")
    var slug: String

    @Flag(help: "Take less data and fewer seeds: minutes matter more than precision.")
    var quick = false

    @Option(help: ArgumentHelp("The first seed of everything random.", valueName: "n"))
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("How many seeds to measure with.", valueName: "n"))
    var seeds: Int?

    @OptionGroup var results: ResultsOptions

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if let seeds, !(1...1000).contains(seeds) {
            throw ValidationError("'--seeds' must lie between 1 and 1000, but is \(seeds)")
        }
    }

    func run() async throws {
        var run = try Run(Paper.named(slug), in: .all)
        run.quick = quick
        run.seed = seed
        run.seeds = seeds
        run.results = results.folder
        let bar = ProgressBar()
        defer { bar.end() }
        let stored = try await run { bar($0) }
        bar.end()
        if json {
            try Console.print(json: Output(stored))
        } else {
            show(stored)
        }
        if !stored.report.passedAll { throw ExitCode.fellShort }
    }

    private func show(_ stored: ResultsFolder.Stored) {
        let report = stored.report
        var table = TextTable(
            ("", .left), ("bar", .right), ("measured", .right), ("", .left), ("claim", .left))
        for claim in report.claims {
            let spread = claim.spread.map { " ± \(Format.number($0, digits: 2))" } ?? ""
            table.add(
                claim.passed ? .init("✓", .green) : .init("✗", .red), .init(claim.barText),
                .init(claim.measuredText + spread, .bold),
                .init(claim.verdict, claim.passed ? .green : .yellow), .init(claim.sentence))
        }
        Console.print(table.text())
        let quick = report.quick ? " (quick run)" : ""
        Console.print(
            "\n\(report.passed) of \(report.claims.count) bars met in \(Format.duration(report.duration))\(quick)"
        )
        Console.print("report: \(stored.page.path)")
    }

    private struct Output: Encodable {
        let paper: String
        let title: String
        let date: Date
        let duration: Double
        let command: String
        let seed: UInt64
        let quick: Bool
        let passed: Bool
        let claims: [ClaimResult]
        let report: String

        init(_ stored: ResultsFolder.Stored) {
            let report = stored.report
            paper = report.paper
            title = report.title
            date = report.date
            duration = report.duration
            command = report.command
            seed = report.seed
            quick = report.quick
            passed = report.passedAll
            claims = report.claims
            self.report = stored.page.path
        }
    }
}
