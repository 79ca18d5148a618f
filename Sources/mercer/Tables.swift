import ArgumentParser
import Foundation
import MercerBenchmarks
import MercerPapers

/// `mercer tables FILE…`: writes the tables of Markdown files anew from measured results. A table stands between
/// `<!-- NAME -->` and `<!-- /NAME -->`.
struct TablesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables",
        abstract: "Make the tables of Markdown files from measured results.", shouldDisplay: false)

    @Argument(help: "The files.")
    var files: [String]

    @Option(help: ArgumentHelp("The folder with SLUG.json and bench.json.", valueName: "dir"))
    var results = "Results"

    @Flag(help: "Change nothing; exit status 3 when a table isn't what the results say.")
    var check = false

    func run() throws {
        let report = try benchmarks()
        let tables = [
            ("papers", papers), ("claims", try claims()), ("speed", report.map(speed) ?? ""),
            ("bench", report.map(bench) ?? ""),
        ]
        var stale: [String] = []
        for file in files {
            let url = URL(fileURLWithPath: file)
            let text: String
            do {
                text = try String(contentsOf: url, encoding: .utf8)
            } catch {
                throw TablesError.unreadable(file, reason: error.localizedDescription)
            }
            let made = try tables.reduce(text) { try replacing($1.0, with: $1.1, in: $0, of: file) }
            if made == text { continue }
            stale.append(file)
            if !check { try Data(made.utf8).write(to: url, options: .atomic) }
        }
        if check, !stale.isEmpty {
            Console.remark(
                "mercer: the tables of \(stale.joined(separator: ", ")) aren't what \(results) says; 'make tables' makes "
                    + "them")
            throw ExitCode.fellShort
        }
    }

    /// Puts a table between its marks, where the file has them.
    private func replacing(
        _ name: String, with table: String, in text: String, of file: String
    ) throws -> String {
        guard let begin = text.range(of: "<!-- \(name) -->\n") else { return text }
        guard let end = text.range(of: "<!-- /\(name) -->", range: begin.upperBound..<text.endIndex) else {
            throw TablesError.noEnd(file, name)
        }
        return text.replacingCharacters(in: begin.upperBound..<end.lowerBound, with: table)
    }

    // MARK: Tables

    private var papers: String {
        var rows = "| paper | area | state |\n|---|---|---|\n"
        for area in Paper.Area.allCases {
            for paper in Paper.all where paper.area == area {
                let title = paper.address.map { "[\(paper.title)](\($0))" } ?? paper.title
                let state = Gallery.all.state(of: paper) == .works ? "**works**: \(newest(paper))" : "not yet"
                rows += "| `\(paper.slug)` \(title) | \(area.title) | \(state) |\n"
            }
        }
        return rows
    }

    private func newest(_ paper: Paper) -> String {
        guard let result = try? KeptResult(paper.slug, in: results) else { return "no result is kept yet" }
        return "\(result.claims.count(where: \.passed)) of \(result.claims.count) bars met"
    }

    private func claims() throws -> String {
        var rows = "| paper | claim | bar | measured | |\n|---|---|---|---|---|\n"
        for paper in Paper.all where Gallery.all.state(of: paper) == .works {
            guard let result = try KeptResult(paper.slug, in: results) else { continue }
            for claim in result.claims {
                rows += "| `\(paper.slug)` | \(claim.sentence) | \(claim.barText) | \(claim.measuredText) "
                rows += "| \(claim.verdict) |\n"
            }
        }
        return rows
    }

    private func benchmarks() throws -> BenchmarkReport? {
        let url = URL(fileURLWithPath: results).appendingPathComponent("bench.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        return try BenchmarkReport(contentsOf: url)
    }

    private func conditions(_ report: BenchmarkReport) -> String {
        let machine = report.machine
        var text = "Measured on \(machine.processor), \(machine.cores) cores, \(machine.instructionSet); "
        text += report.versions.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", ")
        return text + ".\n\n"
    }

    /// A line for each peer: how many goals are met, and the geometric mean of the ratios.
    private func speed(_ report: BenchmarkReport) -> String {
        var text = conditions(report) + "| peer | rows | with a goal | met | mean ratio |\n|---|---:|---:|---:|---:|\n"
        let peers = Dictionary(grouping: report.rows.filter { $0.peerSeconds != nil }) { $0.peerName ?? "" }
        for (peer, rows) in peers.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) }) {
            let ratios = rows.compactMap(\.ratio)
            let mean = exp(ratios.reduce(0) { $0 + log($1) } / Double(max(1, ratios.count)))
            text += "| \(peer) | \(rows.count) | \(rows.count { $0.goal != nil }) "
            text += "| \(rows.count { $0.meetsGoal == true }) | \(Format.fixed(mean, decimals: 2)) |\n"
        }
        return text
    }

    /// A line for each case and peer, with columns for each number of threads.
    private func bench(_ report: BenchmarkReport) -> String {
        let counts = Set(report.rows.map(\.threads)).sorted()
        var text = conditions(report) + "| case | peer | goal |"
        for count in counts {
            let threads = "\(count) thread\(count == 1 ? "" : "s")"
            text += " Mercer, \(threads) | peer | ratio | of bound |"
        }
        text += "\n|---|---|---:|" + String(repeating: "---:|---:|---:|---:|", count: counts.count) + "\n"
        var seen: Set<String> = []
        for row in report.rows where seen.insert("\(row.name) \(row.peerName ?? "")").inserted {
            let goal = row.goal.map { Format.fixed($0, decimals: 1) } ?? ""
            text += "| \(row.name) | \(row.peerName ?? "—") | \(goal) |"
            for count in counts {
                let here = report.rows.first {
                    $0.name == row.name && $0.threads == count && $0.peerName == row.peerName
                }
                text += here.map(cells) ?? " | | | |"
            }
            text += "\n"
        }
        return text
    }

    private func cells(_ row: BenchmarkRow) -> String {
        let ratio = row.ratio.map { Format.fixed($0, decimals: 2) } ?? "—"
        let shown = row.agrees ? row.meetsGoal == true ? "**\(ratio)**" : ratio : "results differ"
        let share = row.boundShare.map { "\(Format.fixed(100 * $0, decimals: 0)) %" } ?? "—"
        return " \(Format.duration(row.mercerSeconds)) | \(row.peerSeconds.map(Format.duration) ?? "—") | "
            + "\(shown) | \(share) |"
    }
}

/// What `Results/SLUG.json` keeps of a report: numbers, no charts and pictures.
private struct KeptResult: Decodable {
    let claims: [ClaimResult]

    /// Nil when no result is kept.
    init?(_ slug: String, in folder: String) throws {
        let url = URL(fileURLWithPath: folder).appendingPathComponent("\(slug).json")
        guard let data = try? Data(contentsOf: url) else { return nil }
        do {
            let decoder = JSONDecoder()
            decoder.nonConformingFloatDecodingStrategy = .convertFromString(
                positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
            self = try decoder.decode(KeptResult.self, from: data)
        } catch {
            throw TablesError.unreadable(url.path, reason: "it isn't the JSON of a report")
        }
    }
}

enum TablesError: Error, CustomStringConvertible {
    case unreadable(String, reason: String)
    case noEnd(String, String)

    var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
        case .noEnd(let path, let name):
            "\(path) has a mark '<!-- \(name) -->' without '<!-- /\(name) -->' after it"
        }
    }
}
