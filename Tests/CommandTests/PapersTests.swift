import Foundation
import Testing

@Suite struct PapersTests {
    @Test func allPapersAreListed() throws {
        let result = try Command.run("papers")
        #expect(result.status == 0)
        for slug in ["muller", "tilus", "quantum-kernel", "turbo-gs"] {
            #expect(result.output.contains("  \(slug) "))
        }
        #expect(result.output.contains("47 papers"))
    }

    @Test func theListAsJSONSaysWhichWork() throws {
        let papers = try #require(try Command.run("papers", "--json").json() as? [[String: Any]])
        #expect(papers.count == 47)
        for paper in papers {
            let state = try #require(paper["state"] as? String)
            #expect(["works", "not yet"].contains(state))
            #expect(paper["slug"] is String && paper["title"] is String && paper["area"] is String)
            let claims = try #require(paper["claims"] as? [Any])
            #expect(claims.isEmpty == (state == "not yet"))
        }
    }

    @Test func anAreaChoosesFromTheList() throws {
        let papers = try #require(
            try Command.run("papers", "--area", "forge", "--json").json() as? [[String: Any]])
        #expect(Set(papers.compactMap { $0["slug"] as? String }) == ["concur", "cudaforge", "tilus"])
    }

    @Test func onePaperIsShown() throws {
        let result = try Command.run("papers", "muller")
        #expect(result.status == 0)
        #expect(result.output.contains("MULLER: Multilayer Laplacian Resizer for Vision"))
        #expect(result.output.contains("arXiv 2304.02859"))
    }

    @Test(arguments: ["papers", "run"])
    func anUnknownPaperFailsInOneSentence(_ verb: String) throws {
        let result = try Command.run(verb, "muler")
        #expect(result.status == 1)
        #expect(result.errors == "mercer: there is no paper 'muler'; did you mean 'muller'?\n")
    }

    @Test func aPaperThatDoesNotWorkYetSaysSo() throws {
        let papers = try #require(try Command.run("papers", "--json").json() as? [[String: Any]])
        for paper in papers where paper["state"] as? String == "not yet" {
            let slug = try #require(paper["slug"] as? String)
            let result = try Command.run("run", slug)
            #expect(result.status == 1)
            #expect(result.output.isEmpty)
            #expect(result.errors.hasPrefix("mercer: the paper '\(slug)' doesn't work yet"))
            #expect(result.errors.split(separator: "\n").count == 1)
        }
    }
}
