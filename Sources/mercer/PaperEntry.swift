import Foundation
import MercerPapers

/// A paper with its state and newest result, as lists and JSON show it.
struct PaperEntry: Encodable {
    let paper: Paper
    let state: Gallery.State
    let claims: [ClaimEntry]?
    let newest: Newest?

    struct ClaimEntry: Encodable {
        let id: String
        let sentence: String
        let unit: String
        let direction: Bar.Direction
        let value: Double
        let tolerance: Double?
        let method: String

        var bar: String {
            Bar(direction, value, tolerance: tolerance).description + (unit.isEmpty ? "" : " \(unit)")
        }

        private enum CodingKeys: String, CodingKey {
            case id, sentence, unit, direction, tolerance, method
            case value = "bar"
        }
    }

    struct Newest: Encodable {
        let date: Date
        let passed: Int
        let quick: Bool
        let claims: [ClaimResult]
        let page: String
    }

    init(_ paper: Paper, _ results: ResultsFolder) throws {
        self.paper = paper
        state = Gallery.all.state(of: paper)
        claims = Gallery.all.experiment(for: paper)?.claims.map { claim in
            ClaimEntry(
                id: claim.id, sentence: claim.sentence, unit: claim.unit, direction: claim.bar.direction,
                value: claim.bar.value, tolerance: claim.bar.tolerance, method: claim.method)
        }
        newest = try results.newest(of: paper).map { stored in
            Newest(
                date: stored.report.date, passed: stored.report.passed, quick: stored.report.quick,
                claims: stored.report.claims, page: stored.page.path)
        }
    }

    /// `5 of 6 bars, 2026-03-01`.
    var newestText: String {
        guard let newest else { return "" }
        let day = newest.date.formatted(.iso8601.year().month().day().dateSeparator(.dash))
        return "\(newest.passed) of \(newest.claims.count) bars, \(day)\(newest.quick ? ", quick" : "")"
    }

    private enum CodingKeys: String, CodingKey {
        case slug, title, area, authors, date, arxiv, code, summary, state, claims, newest
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(paper.slug, forKey: .slug)
        try values.encode(paper.title, forKey: .title)
        try values.encode(paper.area, forKey: .area)
        try values.encode(paper.authors, forKey: .authors)
        try values.encode(paper.date, forKey: .date)
        try values.encode(paper.arxiv, forKey: .arxiv)
        try values.encode(paper.code, forKey: .code)
        try values.encode(paper.summary, forKey: .summary)
        try values.encode(state, forKey: .state)
        try values.encode(claims ?? [], forKey: .claims)
        try values.encode(newest, forKey: .newest)
    }
}

extension String {
    /// The text with spaces up to a length.
    func padded(to length: Int) -> String {
        self + String(repeating: " ", count: max(0, length - count))
    }
}
