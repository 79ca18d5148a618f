import ArgumentParser
import Foundation
import MercerBenchmarks
import MercerPapers

/// `mercer bench`: how long Mercer's operations take, alone or beside their peers.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how fast Mercer is, alone or beside its peers.",
        discussion: """
            With '--peers PYTHON' Mercer and each peer (PyTorch, Pillow, OpenCV) take turns; 'make bench' makes \
            the Python environment. Ratios are the peer's time over Mercer's: above 1, Mercer is faster. Exit \
            status 3 when a goal is met neither by the ratio nor by reaching 85 % of the machine's bound.
            """)

    @Option(help: ArgumentHelp("Only cases whose name matches a regular expression.", valueName: "regex"))
    var cases: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Numbers of threads; by default one and all.", valueName: "n"))
    var threads: [Int] = []

    @Option(help: ArgumentHelp("How often each side is measured; the median counts.", valueName: "n"))
    var rounds = 7

    @Option(help: ArgumentHelp("The Python that has the peers.", valueName: "python"))
    var peers: String?

    @Option(help: ArgumentHelp("The folder of the peers' scripts.", valueName: "dir"))
    var scripts = "Benchmarks/peers"

    @Option(
        help: ArgumentHelp(
            "Write bench.json, after each case, and bench.html into a folder; rows that are there already and aren't measured stay.",
            valueName: "dir"))
    var output: String?

    @Option(help: ArgumentHelp("Compare with the times of an older bench.json.", valueName: "file"))
    var compare: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "List the cases.")
    var list = false

    func validate() throws {
        if let cases {
            do { _ = try Regex(cases) } catch {
                throw ValidationError("'--cases \(cases)' isn't a regular expression")
            }
        }
        if threads.contains(where: { !(1...256).contains($0) }) {
            throw ValidationError("'--threads' must lie between 1 and 256")
        }
        if !(1...1000).contains(rounds) { throw ValidationError("'--rounds' must lie between 1 and 1000") }
    }

    func run() async throws {
        let chosen = try chosenCases()
        if list {
            for one in chosen { Console.print(one.name) }
            return
        }
        let old = try compare.map { try BenchmarkReport(contentsOf: URL(fileURLWithPath: $0)) }
        let worker = try peers.map { python in
            try PeerWorker(
                python: URL(fileURLWithPath: python),
                script: URL(fileURLWithPath: scripts).appendingPathComponent("worker.py"))
        }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var run = BenchmarkRun(
            cases: chosen, threads: threads.isEmpty ? cores > 1 ? [1, cores] : [1] : threads)
        run.rounds = rounds
        let bar = ProgressBar()
        defer { bar.end() }
        let versions = try worker?.versions() ?? [:]
        let folder = output.map { URL(fileURLWithPath: $0, isDirectory: true) }
        let before = try folder.map { $0.appendingPathComponent("bench.json") }.flatMap { file in
            FileManager.default.fileExists(atPath: file.path) ? try BenchmarkReport(contentsOf: file) : nil
        }
        func whole(_ rows: [BenchmarkRow]) -> BenchmarkReport {
            BenchmarkReport(rows: rows, peers: versions).completed(by: before)
        }
        let rows = try run(with: worker, progress: { bar($0) }) { rows in
            if let folder { try whole(rows).writeRows(to: folder) }
        }
        bar.end()
        let report = BenchmarkReport(rows: rows, peers: versions)
        if json { try Console.print(json: report) } else { show(report, old) }
        if let folder { Console.remark("report: \(try whole(rows).write(to: folder).path)") }
        if rows.contains(where: { $0.meetsGoal == false }) { throw ExitCode.fellShort }
    }

    private func chosenCases() throws -> [BenchmarkCase] {
        guard let cases else { return BenchmarkCase.all }
        let pattern = try Regex(cases)
        let chosen = BenchmarkCase.all.filter { $0.name.contains(pattern) }
        if chosen.isEmpty {
            throw ValidationError("no case matches '\(cases)'; 'mercer bench --list' names them")
        }
        return chosen
    }

    private func show(_ report: BenchmarkReport, _ old: BenchmarkReport?) {
        let machine = report.machine
        let versions = report.versions.sorted { $0.key < $1.key }.map { "\($0) \($1)" }
        Console.print(
            Console.output.styled(
                "\(machine.processor), \(machine.instructionSet); \(versions.joined(separator: ", "))", .dim))
        let before = old.map { old in report.compared(with: old) } ?? []
        var table = TextTable(
            ("case", .left), ("threads", .right), ("mercer", .right), ("peer", .left), ("", .right),
            ("ratio", .right), ("goal", .right), ("of bound", .right), (old == nil ? "" : "was", .right),
            (old == nil ? "" : "change", .right))
        for row in report.rows {
            let was = before.first { $0.new == row }?.old.mercerSeconds
            let ratio = row.agrees ? row.ratio.map { Format.fixed($0, decimals: 2) } ?? "" : "results differ"
            table.add(
                .init(row.name), .init("\(row.threads)"), .init(Format.duration(row.mercerSeconds)),
                .init(row.peerName ?? ""), .init(row.peerSeconds.map(Format.duration) ?? ""),
                row.meetsGoal == false ? .init(ratio, .yellow) : .init(ratio, .green),
                .init(row.goal.map { Format.fixed($0, decimals: 2) } ?? ""),
                .init(row.boundShare.map { "\(Format.fixed($0 * 100, decimals: 0)) %" } ?? ""),
                .init(was.map(Format.duration) ?? ""), change(row.mercerSeconds, was))
        }
        Console.print(table.text())
        Console.remark(report.memorySummary)
    }

    /// How much slower or faster a time has become.
    private func change(_ now: Double, _ before: Double?) -> TextTable.Cell {
        guard let before else { return .init("") }
        let percent = 100 * (now / before - 1)
        let text = "\(percent < 0 ? "−" : "+")\(Format.fixed(abs(percent), decimals: 0)) %"
        return percent > 10 ? .init(text, .yellow) : .init(text)
    }
}
