import ArgumentParser
import Foundation
import MercerPapers

/// `mercer papers [SLUG]`: which papers there are, which work, what their newest runs showed.
struct PapersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "papers",
        abstract: "List the papers, or show one with its claims.")

    @Argument(help: "The paper to show, such as 'muller'.")
    var slug: String?

    @Option(help: ArgumentHelp("Only papers of an area: \(areas).", valueName: "area"))
    var area: Paper.Area?

    @Flag(help: "Only papers that work.")
    var works = false

    @Flag(help: "Print the slugs only, for scripts.")
    var slugs = false

    @OptionGroup var results: ResultsOptions

    @Flag(help: "Print JSON.")
    var json = false

    private static var areas: String { Paper.Area.allCases.map(\.rawValue).joined(separator: ", ") }

    func validate() throws {
        if slug != nil, area != nil || works {
            throw ValidationError("'--area' and '--works' choose from the list; they don't go with one paper")
        }
    }

    func run() async throws {
        if let slug {
            let entry = try PaperEntry(Paper.named(slug), results.folder)
            if json { try Console.print(json: entry) } else { show(entry) }
        } else {
            let chosen = Paper.all.filter {
                (area == nil || $0.area == area) && (!works || Gallery.all.state(of: $0) == .works)
            }
            if slugs {
                for paper in chosen { Console.print(paper.slug) }
                return
            }
            let entries = try chosen.map { try PaperEntry($0, results.folder) }
            if json { try Console.print(json: entries) } else { list(entries) }
        }
    }

    private func list(_ entries: [PaperEntry]) {
        for area in Paper.Area.allCases {
            let members = entries.filter { $0.paper.area == area }
            if members.isEmpty { continue }
            Console.print(Console.output.styled(area.title, .bold))
            var table = TextTable(("", .left), ("", .left), ("", .left), ("", .left))
            for entry in members {
                let works = entry.state == .works
                table.add(
                    .init(entry.paper.slug.padded(to: 24), works ? .blue : .dim),
                    works ? .init("works  ", .green) : .init("not yet", .dim),
                    .init(entry.newestText.padded(to: 24)), .init(entry.paper.title, .dim))
            }
            Console.print(table.text(indent: "  ") + "\n")
        }
        let working = entries.count { $0.state == .works }
        Console.print("\(entries.count) papers, \(working) of them work. 'mercer papers SLUG' shows one.")
    }

    private func show(_ entry: PaperEntry) {
        let paper = entry.paper
        let width = min(96, Console.output.width)
        Console.print(Console.output.styled(paper.title, .bold))
        let facts = [
            paper.area.title, paper.authors.map { "\($0) author\($0 == 1 ? "" : "s")" }, paper.date,
            paper.arxiv.map { "arXiv \($0)" },
        ]
        Console.print(Console.output.styled(facts.compactMap { $0 }.joined(separator: " · "), .dim))
        Console.print("\n" + Console.wrapped(paper.summary, width: width) + "\n")
        for address in paper.code { Console.print("Authors' code: \(address)") }

        guard let claims = entry.claims else {
            Console.print("This paper doesn't work yet.")
            return
        }
        Console.print(Console.output.styled("Claims", .bold))
        for claim in claims {
            Console.print(Console.wrapped("• \(claim.sentence)", width: width, indent: "  "))
            let result = entry.newest?.claims.first { $0.id == claim.id }
            let measured = result.map { "; newest: \($0.measuredText), \($0.verdict)" } ?? ""
            Console.print("    " + Console.output.styled("bar \(claim.bar)\(measured)", .dim))
        }
        Console.print()
        if let newest = entry.newest {
            Console.print("Newest run: \(entry.newestText). Report: \(newest.page)")
        } else {
            Console.print("Not run here yet: mercer run \(paper.slug)")
        }
    }
}

extension Paper.Area: ExpressibleByArgument {}

/// Where reports are kept; shared by the verbs that read or write them.
struct ResultsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Where reports are kept.", valueName: "dir"))
    var results: String?

    var folder: ResultsFolder {
        results.map { ResultsFolder(URL(fileURLWithPath: $0, isDirectory: true)) } ?? .standard
    }
}
