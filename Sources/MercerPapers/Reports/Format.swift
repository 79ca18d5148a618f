import Foundation

/// How numbers, times and sizes are written for people.
public enum Format {
    /// A number with at most `digits` significant digits, no trailing zeros; powers of ten far from 1 as `1.2e-05`.
    public static func number(_ value: Double, digits: Int = 4) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "−∞" : "∞" }
        if value == 0 { return "0" }
        let size = abs(value)
        if value == value.rounded(), size < 1e7 { return sign(value) + String(Int(size)) }
        if size < 1e-4 || size >= 1e7 {
            return sign(value) + String(format: "%.\(max(0, digits - 1))e", size).trimmedExponent
        }
        let decimals = max(0, digits - 1 - Int(floor(log10(size))))
        return sign(value) + String(format: "%.\(decimals)f", size).trimmedZeros
    }

    /// A number with so many decimals.
    public static func fixed(_ value: Double, decimals: Int) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "−∞" : "∞" }
        let text = String(format: "%.\(decimals)f", abs(value))
        let isZero = text.allSatisfy { $0 == "0" || $0 == "." }
        return (isZero ? "" : sign(value)) + text
    }

    /// A measured value with as many decimals as its spread (or the bar it is held against) makes sense of.
    static func measured(_ value: Double, spread: Double?) -> String {
        guard let spread, spread > 0, spread.isFinite, value.isFinite else { return number(value) }
        let decimals = min(8, max(0, 1 - Int(floor(log10(spread)))))
        return fixed(value, decimals: decimals)
    }

    /// Seconds as `84 ms`, `3.2 s`, `4 min 05 s`, `2 h 03 min`.
    public static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "?" }
        if seconds < 1e-3 { return number(seconds * 1e6, digits: 3) + " µs" }
        if seconds < 1 { return number(seconds * 1e3, digits: 3) + " ms" }
        if seconds < 60 { return number(seconds, digits: 3) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60) min \(twoDigits(whole % 60)) s" }
        return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }

    /// Bytes as `512 B`, `3.1 kB`, `16.8 GB`.
    public static func bytes(_ count: Double) -> String {
        var value = count
        for unit in ["B", "kB", "MB", "GB"] {
            if value < 1000 { return number(value, digits: 3) + " " + unit }
            value /= 1000
        }
        return number(value, digits: 3) + " TB"
    }

    private static func sign(_ value: Double) -> String { value < 0 ? "−" : "" }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

extension String {
    fileprivate var trimmedZeros: String {
        guard contains(".") else { return self }
        var text = self
        while text.last == "0" { text.removeLast() }
        if text.last == "." { text.removeLast() }
        return text
    }

    fileprivate var trimmedExponent: String {
        let parts = split(separator: "e")
        return String(parts[0]).trimmedZeros + "e" + parts[1]
    }
}
