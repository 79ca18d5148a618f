import ArgumentParser
import Foundation
import MercerBenchmarks
import MercerPapers

/// `mercer tables FILE`: writes the tables of a Markdown file anew from measured results. A table stands between
/// `<!-- NAME -->` and `<!-- /NAME -->`.
struct TablesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tables",
        abstract: "Make the tables of a Markdown file from measured results.", shouldDisplay: false)

    @Argument(help: "The file.")
    var file: String

    @Option(help: ArgumentHelp("The folder with SLUG.json and bench.json.", valueName: "dir"))
    var results = "Results"

    @Flag(help: "Change nothing; exit status 3 when a table isn't what the results say.")
    var check = false

    func run() throws {
        let url = URL(fileURLWithPath: file)
        let text: String
        do {
            text = try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw TablesError.unreadable(file, reason: error.localizedDescription)
        }
        var made = text
        for (name, table) in [("papers", papers), ("claims", try claims()), ("bench", try bench())] {
            made = try replacing(name, with: table, in: made)
        }
        if made == text { return }
        if check {
            Console.remark(
                "mercer: the tables of \(file) aren't what \(results) says; 'make tables' makes them")
            throw ExitCode.fellShort
        }
        try Data(made.utf8).write(to: url, options: .atomic)
    }

    /// Puts a table between its marks, where the file has them.
    private func replacing(_ name: String, with table: String, in text: String) throws -> String {
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

    /// A line for each case and peer, with columns for each number of threads.
    private func bench() throws -> String {
        let url = URL(fileURLWithPath: results).appendingPathComponent("bench.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return "" }
        let report = try BenchmarkReport(contentsOf: url)
        let counts = Set(report.rows.map(\.threads)).sorted()
        let machine = report.machine
        var text = "Measured on \(machine.processor), \(machine.cores) cores, \(machine.instructionSet); "
        text += report.versions.sorted { $0.key < $1.key }.map { "\($0) \($1)" }.joined(separator: ", ")
        text += ".\n\n| case | peer | goal |"
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
