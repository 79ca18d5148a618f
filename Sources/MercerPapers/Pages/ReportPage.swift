import Foundation

/// A report as one page.
public struct ReportPage: Sendable {
    let report: Report

    public init(_ report: Report) { self.report = report }

    public var html: String {
        Page(
            title: "\(report.title) · Mercer",
            body: head + claims + report.sections.map(section).joined() + provenance
        ).html
    }

    private var paper: Paper? { Paper.all.first { $0.slug == report.paper } }

    // MARK: Head

    private var head: String {
        var html = "<header>\n<p class=\"eyebrow\">Mercer"
        if let paper { html += " <span>·</span> \(Markup.escape(paper.area.title))" }
        html += "</p>\n<h1>\(Markup.escape(report.title))</h1>\n"
        if let paper {
            html += "<p class=\"meta\">\(meta(paper))</p>\n"
            html += "<p class=\"summary\">\(Markup.inline(paper.summary))</p>\n"
        }
        return html + "</header>\n"
    }

    private func meta(_ paper: Paper) -> String {
        var parts: [String] = []
        if let authors = paper.authors { parts.append("\(authors) author\(authors == 1 ? "" : "s")") }
        if let year = paper.year { parts.append(year) }
        if let arxiv = paper.arxiv, let address = paper.address {
            parts.append(
                "<a href=\"\(Markup.escape(address.absoluteString))\">arXiv \(Markup.escape(arxiv))</a>")
        }
        for address in paper.code {
            parts.append("<a href=\"\(Markup.escape(address))\">authors’ code</a>")
        }
        return parts.joined(separator: "<span class=\"dot\"> · </span>")
    }

    // MARK: Claims

    private var claims: String {
        var html = "<section class=\"claims\">\n<div class=\"verdict\">"
        html += "<h2>\(report.passed) of \(report.claims.count) bars met</h2><p class=\"beads\">"
        for claim in report.claims {
            html += "<i class=\"\(claim.kind)\" title=\"\(Markup.escape(claim.sentence))\"></i>"
        }
        html += "</p>"
        if report.quick {
            html += "<p class=\"badge\">Quick run: less data and fewer seeds than the claims ask for</p>"
        }
        html += "</div>\n<table class=\"bars\"><thead><tr><th>Claim</th><th>Bar</th><th>Measured</th>"
        html +=
            "<th class=\"gauge\"><span>Bar, seeds and value</span></th><th>Verdict</th></tr></thead><tbody>\n"
        for claim in report.claims { html += row(claim) }
        return html + "</tbody></table>\n</section>\n"
    }

    private func row(_ claim: ClaimResult) -> String {
        var html = "<tr class=\"\(claim.kind)\"><td class=\"claim\"><b>\(Markup.inline(claim.sentence))</b>"
        html += "<small>\(Markup.inline(claim.method))</small>"
        if let note = claim.note { html += "<small class=\"note\">\(Markup.inline(note))</small>" }
        html += "</td><td data-name=\"Bar\">\(Markup.escape(claim.barText))</td>"
        html += "<td data-name=\"Measured\"><b>\(Markup.escape(claim.measuredText))</b>"
        if let details = claim.details { html += "<small>\(Markup.escape(details))</small>" }
        html += "</td><td class=\"gauge\">\(Gauge(claim).svg)</td>"
        html +=
            "<td data-name=\"Verdict\"><span class=\"pill\">\(Markup.escape(claim.verdict))</span></td></tr>\n"
        return html
    }

    // MARK: Sections

    private func section(_ section: Section) -> String {
        var html = "<section>\n<h2>\(Markup.escape(section.title))</h2>\n"
        for block in section.blocks {
            switch block {
            case .text(let text): html += Page.paragraph(text)
            case .table(let table): html += Page.table(table)
            case .chart(let chart): html += Page.chart(chart)
            case .pictures(let pictures): html += Page.pictures(pictures)
            }
        }
        return html + "</section>\n"
    }

    // MARK: Provenance

    private var provenance: String {
        let machine = report.machine
        let facts = [
            (
                "Date",
                report.date.formatted(.iso8601.year().month().day().dateSeparator(.dash)) + ", took "
                    + Format.duration(report.duration)
            ),
            ("Processor", "\(machine.processor), \(machine.cores) cores, \(machine.architecture)"),
            ("Memory", Format.bytes(Double(machine.memory))),
            ("System", machine.system),
            ("Kernels", "\(machine.instructionSet), \(machine.threads) threads"),
            ("Versions", "Mercer \(report.mercer), Swift \(report.swift)"),
            ("Seed", "\(report.seed)"),
        ]
        return "<footer>\n<h2>How to get this again</h2>\n<pre>\(Markup.escape(report.command))</pre>\n"
            + Page.facts(facts) + "</footer>\n"
    }
}

extension ClaimResult {
    /// The name of the style that a claim is shown in.
    fileprivate var kind: String { passed ? "pass" : measured == nil ? "open" : "short" }

    /// Spread and number of seeds.
    fileprivate var details: String? {
        guard values.count > 1 else { return nil }
        let over = statistic == .mean ? "mean" : statistic.rawValue
        let spread = spread.map { ", spread \(Format.number($0, digits: 2))" } ?? ""
        return "\(over) of \(values.count) seeds\(spread)"
    }
}

/// A small picture of one claim: the side of the bar that counts as met, the single values, the value that is
/// held against the bar.
struct Gauge {
    let claim: ClaimResult
    private let width = 190.0
    private let height = 34.0

    init(_ claim: ClaimResult) { self.claim = claim }

    var svg: String {
        guard let measured = claim.measured else { return "" }
        let tolerance = claim.tolerance ?? 0
        let all = claim.values + [measured, claim.bar - tolerance, claim.bar + tolerance]
        var low = all.min()!
        var high = all.max()!
        let margin = high > low ? (high - low) * 0.22 : max(abs(low) * 0.1, 1e-9)
        low -= margin
        high += margin
        func x(_ value: Double) -> Double { 1 + (value - low) / (high - low) * (width - 2) }

        var drawing = SVG()
        let middle = height / 2
        func rectangle(_ from: Double, _ to: Double, _ style: String) {
            drawing.element(
                "rect",
                [
                    ("x", SVG.number(from)), ("y", SVG.number(middle - 8)),
                    ("width", SVG.number(max(to - from, 1))), ("height", "16"), ("rx", "4"),
                    ("class", style),
                ])
        }
        rectangle(1, width - 1, "track")
        switch claim.direction {
        case .atLeast: rectangle(x(claim.bar), width - 1, "met")
        case .atMost: rectangle(1, x(claim.bar), "met")
        case .within: rectangle(x(claim.bar - tolerance), x(claim.bar + tolerance), "met")
        case .exact: break
        }
        drawing.line((x(claim.bar), middle - 13), (x(claim.bar), middle + 13), "bar")
        func dot(_ value: Double, _ radius: Double, _ style: String, _ tip: String) {
            drawing.element(
                "circle",
                [
                    ("cx", SVG.number(x(value))), ("cy", SVG.number(middle)), ("r", SVG.number(radius)),
                    ("class", style),
                ], tooltip: tip)
        }
        if claim.values.count > 1 {
            for (i, value) in claim.values.enumerated() {
                let seed = i < claim.seeds.count ? "seed \(claim.seeds[i]): " : ""
                dot(value, 3, "seed", seed + Format.number(value))
            }
        }
        dot(measured, 5.5, "measured", "measured: \(claim.measuredText)")
        return "<svg class=\"g\" viewBox=\"0 0 \(SVG.number(width)) \(SVG.number(height))\" role=\"img\" "
            + "aria-label=\"\(Markup.escape("\(claim.measuredText), bar \(claim.barText)"))\">\(drawing.body)</svg>"
    }
}
