import Foundation

/// A picture in SVG that grows element by element.
struct SVG {
    private(set) var body = ""

    /// Adds an element that holds nothing, or a tooltip.
    mutating func element(_ name: String, _ attributes: [(String, String)], tooltip: String? = nil) {
        body += "<\(name)"
        for (key, value) in attributes { body += " \(key)=\"\(Markup.escape(value))\"" }
        body += tooltip.map { "><title>\(Markup.escape($0))</title></\(name)>" } ?? "/>"
    }

    mutating func line(_ a: (Double, Double), _ b: (Double, Double), _ style: String) {
        element(
            "line",
            [
                ("x1", Self.number(a.0)), ("y1", Self.number(a.1)), ("x2", Self.number(b.0)),
                ("y2", Self.number(b.1)), ("class", style),
            ])
    }

    /// Where a text stands in relation to its point.
    enum Anchor: String { case start, middle, end }

    mutating func text(
        _ text: String, at point: (Double, Double), _ style: String, anchor: Anchor = .start
    ) {
        body += "<text x=\"\(Self.number(point.0))\" y=\"\(Self.number(point.1))\" class=\"\(style)\""
        if anchor != .start { body += " text-anchor=\"\(anchor.rawValue)\"" }
        body += ">\(Markup.escape(text))</text>"
    }

    mutating func path(_ data: String, _ style: String, clip: String? = nil) {
        body += "<path d=\"\(data)\" class=\"\(style)\""
        if let clip { body += " clip-path=\"url(#\(clip))\"" }
        body += "/>"
    }

    mutating func raw(_ markup: String) { body += markup }

    /// A coordinate with at most two decimals.
    static func number(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100
        if rounded == rounded.rounded(), abs(rounded) < 1e9 { return String(Int(rounded)) }
        return String(format: "%.2f", rounded)
    }

    /// About how wide a text is in a system font of this size.
    static func width(of text: String, size: Double) -> Double {
        let units = text.reduce(0.0) { sum, character in
            switch character {
            case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!", "\u{2009}": sum + 0.28
            case "f", "t", "r", " ", "(", ")", "-", "/": sum + 0.36
            case "m", "w", "M", "W", "%", "@": sum + 0.88
            case "A"..."Z", "−", "×", "±", "≥", "≤", "=", "+": sum + 0.66
            default: sum + 0.56
            }
        }
        return units * size
    }
}

/// Text in HTML and SVG.
enum Markup {
    /// Makes text safe to stand between tags and within quotes.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(scalar)
            default:
                // Control characters are not allowed in XML.
                if scalar.value >= 32 { result.unicodeScalars.append(scalar) }
            }
        }
        return result
    }

    /// Escapes a text and sets `` `code` `` and `**bold**` in it.
    static func inline(_ text: String) -> String {
        pairs(of: "`", in: pairs(of: "**", in: escape(text), tag: "strong"), tag: "code")
    }

    private static func pairs(of mark: String, in text: String, tag: String) -> String {
        let parts = text.components(separatedBy: mark)
        var result = parts[0]
        for i in 1..<max(1, parts.count) {
            let isLastAndOpen = i == parts.count - 1 && i % 2 == 1
            result += (isLastAndOpen ? mark : i % 2 == 1 ? "<\(tag)>" : "</\(tag)>") + parts[i]
        }
        return result
    }
}
