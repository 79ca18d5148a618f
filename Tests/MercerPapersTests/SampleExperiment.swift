import Foundation
import MercerPapers

/// An experiment whose outcome is known: two bars met, one missed, one not measured.
struct SampleExperiment: Experiment {
    let slug = "muller"
    let claims = [
        Claim("count", "Four numbers", bar: .exactly(4), method: "counted"),
        Claim("gain", "Better <b>& faster</b>", bar: .atLeast(6), unit: "points", method: "three seeds"),
        Claim("worst", "Never worse", bar: .atLeast(0), unit: "points", statistic: .minimum, method: "seeds"),
        Claim("left", "Left out", bar: .atMost(1), method: "needs hours"),
    ]

    func run(_ run: RunContext) async throws -> Findings {
        try Data("x".utf8).write(to: run.scratch.appendingPathComponent("file"))
        run.stage("measuring", steps: 3)
        run.note("scratch \(run.scratch.path)")
        let seeds = run.seeds(3)
        let gains: [Double] = [7, 8, -0.5]
        var findings = Findings(for: self)
        findings.measure("count", 4)
        findings.measure("gain", Array(repeating: 6.5, count: seeds.count), seeds: seeds)
        findings.measure("worst", Array(gains.prefix(seeds.count)), seeds: seeds)
        findings.skip("left", because: "it takes hours")
        findings.section("Figures")
        findings.text("A `word` of **weight**.")
        findings.table(Table("Numbers", columns: ["name", "value"], rows: [["a", 1.5], ["b", nil]]))
        findings.chart(
            Chart(
                "curve", "A curve", x: .log("cost"), y: .linear("gain"),
                series: [.line("ours", x: [1, 10, 100], y: [1, 2, 4], low: [0.5, 1, 3], high: [2, 3, 5])]))
        findings.pictures([Picture("dot", caption: "one pixel", png: Self.png)])
        try run.checkCancellation()
        return findings
    }

    /// A grey pixel.
    static let png = Data(
        base64Encoded:
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==")!
}

/// A folder that is gone when the value is.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "mercer-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }
}
