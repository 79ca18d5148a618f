import Foundation
import MercerPapers

/// The rows of a run with the machine and the versions: what `bench.json` holds and the page shows.
public struct BenchmarkReport: Codable, Sendable {
    public let date: Date
    public let machine: Machine
    public let versions: [String: String]
    public let rows: [BenchmarkRow]

    public init(rows: [BenchmarkRow], peers: [String: String], date: Date = Date()) {
        self.date = date
        self.rows = rows
        machine = .current
        versions = peers.merging(["mercer": Version.mercer, "swift": Version.swift]) { $1 }
    }

    /// Reads `bench.json`.
    ///
    /// - Throws: ``BenchmarkReportError``.
    public init(contentsOf file: URL) throws {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        do {
            self = try decoder.decode(BenchmarkReport.self, from: Data(contentsOf: file))
        } catch {
            throw BenchmarkReportError.damaged(file.path, reason: error.localizedDescription)
        }
    }

    /// Writes `bench.json` and `bench.html` into a folder, each beside and renamed.
    ///
    /// - Returns: the page.
    public func write(to folder: URL) throws -> URL {
        try writeRows(to: folder)
        let page = folder.appendingPathComponent("bench.html")
        try Data(BenchmarkPage(self).html.utf8).write(to: page, options: .atomic)
        return page
    }

    /// Writes `bench.json` alone, as the rows come.
    public func writeRows(to folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .iso8601
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + [10]).write(
            to: folder.appendingPathComponent("bench.json"), options: .atomic)
    }

    /// This report with the rows of an older one of the same machine that weren't measured again, in the order of the
    /// cases; rows of cases that are no more are dropped.
    public func completed(by old: BenchmarkReport?, cases: [BenchmarkCase] = BenchmarkCase.all) -> BenchmarkReport {
        guard let old, old.machine.processor == machine.processor, old.machine.cores == machine.cores else {
            return self
        }
        let measured = Set(rows.map(\.name))
        let kept = old.rows.filter { !measured.contains($0.name) }
        let all = Dictionary(grouping: rows + kept, by: \.name)
        return BenchmarkReport(
            rows: cases.flatMap { all[$0.name] ?? [] }, peers: versions.merging(old.versions) { new, _ in new },
            date: date)
    }

    /// How much memory was taken from the system while everything ran in steady state, in one sentence.
    public var memorySummary: String {
        let counted = rows.filter { $0.pageFaults != nil }
        let quiet = counted.filter { $0.systemAllocations == 0 && $0.pageFaults! <= Self.fewFaults }
        let allocating = counted.filter { $0.systemAllocations != 0 }
        var text =
            "In steady state \(quiet.count) of \(counted.count) rows took no memory from the system for tensors and touched "
            + "at most \(Self.fewFaults) new pages in a measurement"
        if !allocating.isEmpty {
            text += "; tensors took some in " + Set(allocating.map(\.name)).sorted().joined(separator: ", ")
        }
        return text + "."
    }

    /// Faults that the runtime and the clock cause in any measurement.
    private static let fewFaults = 16

    /// Rows of this and of an older report that measured the same thing.
    public func compared(with old: BenchmarkReport) -> [(new: BenchmarkRow, old: BenchmarkRow)] {
        rows.compactMap { row in
            old.rows.first { $0.isSame(as: row) }.map { (row, $0) }
        }
    }
}

/// What can be wrong with a stored report of benchmarks.
public enum BenchmarkReportError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case damaged(String, reason: String)

    public var description: String {
        switch self {
        case .damaged(let path, let reason):
            "\(path) can't be read as a benchmark report: \(reason); 'mercer bench --output DIR' writes one"
        }
    }

    public var errorDescription: String? { description }
}

/// The report as one page.
struct BenchmarkPage {
    let report: BenchmarkReport

    init(_ report: BenchmarkReport) { self.report = report }

    var html: String {
        var body = "<header><p class=\"eyebrow\">Mercer</p><h1>Benchmarks</h1>"
        body += Page.paragraph(
            "Each time is the median of several rounds in which Mercer and its peer take turns on the same numbers; "
                + "ratios are the peer’s time over Mercer’s: above 1, Mercer is faster. Both put results into fresh "
                + "memory, except where the peer’s is said to be preallocated.")
        body += "</header>\n"
        for threads in Set(report.rows.map(\.threads)).sorted() {
            body += section(threads, report.rows.filter { $0.threads == threads })
        }
        body += Page.paragraph(report.memorySummary)
        let machine = report.machine
        body += "<footer><h2>Where this was measured</h2>"
        body += Page.facts([
            ("Date", report.date.formatted(.iso8601.year().month().day().dateSeparator(.dash))),
            ("Processor", "\(machine.processor), \(machine.cores) cores"),
            ("Kernels", machine.instructionSet),
            ("System", machine.system),
            (
                "Versions",
                report.versions.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", ")
            ),
        ])
        return Page(title: "Benchmarks · Mercer", body: body + "</footer>").html
    }

    private func section(_ threads: Int, _ rows: [BenchmarkRow]) -> String {
        var html = "<section><h2>\(threads) thread\(threads == 1 ? "" : "s")</h2>"
        let pairs = rows.filter { $0.ratio != nil }
        if !pairs.isEmpty {
            html += Page.chart(
                .bars(
                    "ratio-\(threads)", "The peer’s time over Mercer’s",
                    categories: pairs.map { "\($0.name) · \($0.peerName!)" },
                    values: .log("ratio of times (above 1 Mercer is faster)"),
                    series: [.bars("", pairs.map { $0.ratio! })], guides: [.horizontal(1, "equal")],
                    horizontal: true))
        }
        html += Page.table(
            Table(
                columns: ["Case", "Mercer", "Peer", "Its time", "Ratio", "Goal", "Of the bound"],
                rows: rows.map { row in
                    [
                        .text(row.name), .text(Format.duration(row.mercerSeconds)), .text(row.peerName ?? "—"),
                        .text(row.peerSeconds.map(Format.duration) ?? "—"),
                        row.agrees
                            ? row.ratio.map { .number($0, decimals: 2) } ?? .empty : .text("results differ"),
                        row.goal.map { .number($0, decimals: 2) } ?? .empty,
                        .text(row.boundShare.map { "\(Format.fixed(100 * $0, decimals: 0)) %" } ?? "—"),
                    ]
                },
                emphasis: rows.indices.filter { rows[$0].meetsGoal == true },
                caption:
                    "Bold: the goal is met, or 85 % of the bound. Of the bound: the least time that this machine’s arithmetic "
                    + "and memory allow, as a part of Mercer’s time."))
        return html + "</section>\n"
    }
}
