import Foundation

/// A page that is complete in itself: style, charts and pictures are inside, nothing comes from a network.
public struct Page: Sendable {
    public var title: String
    /// What stands in the body, as HTML.
    public var body: String

    public init(title: String, body: String) {
        self.title = title
        self.body = body
    }

    public var html: String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; \
        style-src 'unsafe-inline'">
        <title>\(Markup.escape(title))</title>
        <style>
        \(PageStyle.css)\(ChartStyle.css)</style>
        </head>
        <body>
        <main>
        \(body)
        </main>
        </body>
        </html>

        """
    }

    /// A paragraph.
    public static func paragraph(_ text: String) -> String { "<p>\(Markup.inline(text))</p>\n" }

    /// A chart with its caption.
    public static func chart(_ chart: Chart) -> String {
        "<figure class=\"chart\">\(chart.element)\(caption(chart.caption))</figure>\n"
    }

    /// A table with its title and caption.
    public static func table(_ table: Table) -> String {
        let numeric = table.columns.indices.map(table.isNumeric)
        func cell(_ tag: String, _ text: String, _ column: Int) -> String {
            "<\(tag)\(numeric[column] ? " class=\"n\"" : "")>\(Markup.inline(text))</\(tag)>"
        }
        var html = "<figure class=\"table\">"
        if !table.title.isEmpty { html += "<h3>\(Markup.escape(table.title))</h3>" }
        html += "<div class=\"scroll\"><table><thead><tr>"
        for (column, name) in table.columns.enumerated() { html += cell("th", name, column) }
        html += "</tr></thead><tbody>\n"
        for (row, cells) in table.rows.enumerated() {
            html += table.emphasis.contains(row) ? "<tr class=\"strong\">" : "<tr>"
            for column in cells.indices { html += cell("td", table.text(row: row, column: column), column) }
            html += "</tr>\n"
        }
        return html + "</tbody></table></div>\(caption(table.caption))</figure>\n"
    }

    /// Pictures side by side.
    public static func pictures(_ pictures: [Picture]) -> String {
        let widest = pictures.map { $0.width * $0.magnification }.max() ?? 0
        var html = "<div class=\"pictures\" style=\"--w:\(min(max(widest, 140), 900))px\">\n"
        for picture in pictures {
            let pixelated = picture.magnification > 1 ? " class=\"pixels\"" : ""
            html += "<figure><img\(pixelated) alt=\"\(Markup.escape(picture.caption))\" "
            html += "width=\"\(picture.width * picture.magnification)\" "
            html += "height=\"\(picture.height * picture.magnification)\" "
            html += "src=\"data:image/png;base64,\(picture.png.base64EncodedString())\">"
            html += "\(caption(picture.caption))</figure>\n"
        }
        return html + "</div>\n"
    }

    private static func caption(_ text: String) -> String {
        text.isEmpty ? "" : "<figcaption>\(Markup.inline(text))</figcaption>"
    }

    /// Facts as pairs of a name and a value.
    public static func facts(_ facts: [(String, String)]) -> String {
        "<dl>"
            + facts.map { "<div><dt>\(Markup.escape($0))</dt><dd>\(Markup.inline($1))</dd></div>" }.joined()
            + "</dl>\n"
    }
}
