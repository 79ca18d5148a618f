import Foundation
import MercerPapers
import Testing

@Suite struct PageTests {
    private func page() async throws -> String {
        let folder = try TemporaryFolder()
        var run = try Run(Paper.named("muller"), in: Gallery([SampleExperiment()]))
        run.results = ResultsFolder(folder.url)
        return try String(contentsOf: try await run().page, encoding: .utf8)
    }

    @Test func thePageNeedsNoNetwork() async throws {
        let html = try await page()
        #expect(!html.contains("src=\"http"))
        #expect(!html.contains("<script"))
        #expect(!html.contains("<link"))
        #expect(!html.contains("url(http"))
        #expect(html.contains("data:image/png;base64,"))
    }

    @Test func thePageShowsEveryClaimAndTheVerdicts() async throws {
        let html = try await page()
        #expect(html.contains("2 of 4 bars met"))
        for text in ["Four numbers", "≥ 6 points", "short by 0.5 points", "not measured", "it takes hours"] {
            #expect(html.contains(text), "\(text) is missing")
        }
        #expect(html.contains("mercer run muller"))
    }

    @Test func textIsEscaped() async throws {
        let html = try await page()
        #expect(html.contains("Better &lt;b&gt;&amp; faster&lt;/b&gt;"))
        #expect(!html.contains("<b>& faster"))
        #expect(html.contains("A <code>word</code> of <strong>weight</strong>."))
    }

    @Test func lightAndDarkAreBothThere() async throws {
        #expect(try await page().contains("prefers-color-scheme:dark"))
    }
}
