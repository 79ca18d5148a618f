import Foundation
import MercerPapers
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

@Suite struct ChartTests {
    /// The texts of a drawing, and whether it is well-formed XML.
    private final class Reader: NSObject, XMLParserDelegate {
        var texts: [String] = []
        var elements: [String: Int] = [:]
        private var current: String?

        init(_ svg: String) throws {
            super.init()
            let parser = XMLParser(data: Data(svg.utf8))
            parser.delegate = self
            try #require(parser.parse(), "not well-formed: \(String(describing: parser.parserError))")
        }

        func parser(
            _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            elements[name, default: 0] += 1
            current = name == "text" ? "" : nil
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) { current?.append(string) }

        func parser(
            _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
        ) {
            if let text = current { texts.append(text) }
            current = nil
        }
    }

    private func reader(_ chart: Chart) throws -> Reader { try Reader(chart.svg()) }

    @Test func ticksOfALinearAxisAreRound() throws {
        let chart = Chart(
            "a", "", x: .linear("x"), y: .linear("y"),
            series: [.line("", x: [0.013, 0.987], y: [-0.93, 2.87])])
        let texts = try reader(chart).texts
        #expect(texts.contains("0.0") || texts.contains("0"))
        #expect(texts.contains("−1.0") && texts.contains("3.0"))
        #expect(texts.contains("0.2") && texts.contains("0.8"))
    }

    @Test func ticksOfALogarithmicAxisArePowersOfTenWhereItIsWide() throws {
        let chart = Chart(
            "a", "", x: .log("x"), y: .log("y"), series: [.points("", x: [1e-3, 1e8], y: [1, 40])])
        let texts = try reader(chart).texts
        #expect(texts.contains("10⁷") && texts.contains("10⁻³"))
        #expect(texts.contains("1") && texts.contains("20"))
    }

    @Test func linesAreNamedAtTheirEnds() throws {
        let chart = Chart(
            "a", "Title & more", x: .linear("x"), y: .linear("y"),
            series: [.line("first", x: [0, 1], y: [0, 1]), .line("<second>", x: [0, 1], y: [0, 1.001])])
        let texts = try reader(chart).texts
        #expect(texts.contains("first") && texts.contains("<second>") && texts.contains("Title & more"))
    }

    @Test func valuesWithoutAPlaceAreLeftOut() throws {
        let chart = Chart(
            "a", "", x: .linear("x"), y: .log("y"),
            series: [
                .line("", x: [0, 1, 2, 3, 4], y: [1, .nan, -3, 2, .infinity]), .points("", x: [], y: []),
            ])
        let svg = chart.svg()
        _ = try Reader(svg)
        #expect(!svg.contains("nan") && !svg.contains("inf"))
    }

    @Test func chartsOfNothingAndOfOneValueAreDrawn() throws {
        for values in [[], [0.0], [5], [-1e-30], [1e300]] {
            let chart = Chart(
                "a", "", x: .linear(""), y: .linear(""), series: [.line("s", x: values, y: values)])
            #expect(!chart.svg().contains("nan"))
            _ = try reader(chart)
            let bars = Chart.bars(
                "b", "", categories: values.map { "\($0)" }, values: .linear(""), series: [.bars("", values)])
            #expect(!bars.svg().contains("nan"))
            _ = try reader(bars)
        }
    }

    @Test func aPointTellsItsValues() throws {
        let chart = Chart(
            "a", "", x: .linear("cost"), y: .linear("gain"), series: [.points("s", x: [2.5], y: [7])])
        #expect(chart.svg().contains("<title>s\ncost: 2.5\ngain: 7</title>"))
    }

    @Test func longCategoriesLieDown() throws {
        let names = (0..<8).map { "a rather long name of a case number \($0)" }
        let chart = Chart.bars(
            "b", "", categories: names, values: .log("ratio"),
            series: [.bars("", [0.2, 0.3, 0.5, 0.9, 1, 1.2, 2, 4])], guides: [.horizontal(1, "equal")])
        let reader = try reader(chart)
        #expect(names.allSatisfy(reader.texts.contains))
        #expect(reader.texts.contains("0.20") && reader.texts.contains("4.00"))
    }

    @Test func bigNumbersAreGrouped() throws {
        let chart = Chart(
            "a", "", x: .linear("x"), y: .linear("y"), series: [.line("", x: [0, 40_000], y: [0, 1])])
        #expect(try reader(chart).texts.contains("40\u{2009}000"))
    }
}
