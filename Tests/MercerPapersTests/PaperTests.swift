import Foundation
import MercerPapers
import Testing

@Suite struct PaperTests {
    @Test func fortySevenPapersAreListedInOrder() {
        #expect(Paper.all.map(\.position) == Array(1...47))
        #expect(Set(Paper.all.map(\.slug)).count == 47)
        #expect(Set(Paper.all.compactMap(\.arxiv)).count == 47)
    }

    @Test func everyAreaHasAPaper() {
        for area in Paper.Area.allCases {
            #expect(Paper.all.contains { $0.area == area }, "no paper of \(area)")
        }
    }

    @Test func aPaperTellsItsFacts() throws {
        let paper = try Paper.named("muller")
        #expect(paper.title == "MULLER: Multilayer Laplacian Resizer for Vision")
        #expect(paper.authors == 3)
        #expect(paper.year == "2023")
        #expect(paper.address?.absoluteString == "https://arxiv.org/abs/2304.02859")
        #expect(paper.area == .image)
        #expect(paper.summary.count > 200)
    }

    @Test func aMistypedSlugIsAnsweredWithTheLikelyOne() {
        #expect(throws: PaperError.unknown("muler", similar: ["muller"])) { try Paper.named("muler") }
        #expect("\(PaperError.unknown("muler", similar: ["muller"]))".contains("did you mean 'muller'?"))
    }

    @Test func nonsenseHasNoSuggestion() {
        #expect(throws: PaperError.unknown("xyzzyplugh", similar: [])) { try Paper.named("xyzzyplugh") }
    }

    @Test func galleryKnowsWhatWorks() throws {
        let gallery = Gallery([SampleExperiment()])
        #expect(gallery.state(of: try Paper.named("muller")) == .works)
        #expect(gallery.state(of: try Paper.named("tilus")) == .notYet)
        #expect(throws: PaperError.notYet("tilus")) { try Run(Paper.named("tilus"), in: gallery) }
    }
}
