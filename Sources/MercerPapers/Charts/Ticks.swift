import Foundation

/// An axis brought to a range of numbers with its ticks at round ones.
struct ScaledAxis {
    let scale: Chart.Axis.Scale
    let lower: Double
    let upper: Double
    let ticks: [Double]

    /// An axis for these values.
    ///
    /// - Parameters:
    ///   - count: about how many ticks there is room for.
    ///   - fromZero: whether 0 belongs to the range, as under bars.
    ///   - roundEnds: whether the axis begins and ends at a tick.
    init(
        _ axis: Chart.Axis, values: [Double], count: Int, fromZero: Bool = false, roundEnds: Bool = true
    ) {
        scale = axis.scale
        let usable = values.filter { $0.isFinite && (axis.scale == .linear || $0 > 0) }
        var low = axis.lower ?? usable.min() ?? (axis.scale == .log ? 1 : 0)
        var high = axis.upper ?? usable.max() ?? (axis.scale == .log ? 10 : 1)
        switch axis.scale {
        case .linear:
            if fromZero {
                low = axis.lower ?? min(0, low)
                high = axis.upper ?? max(0, high)
            }
            if !(high > low) {
                let half = low == 0 ? 1 : abs(low) * 0.1
                (low, high) = (low - half, low + half)
            }
            let step = Self.roundStep((high - low) / Double(max(1, count)))
            if roundEnds {
                if axis.lower == nil { low = floor(low / step + 1e-9) * step }
                if axis.upper == nil { high = ceil(high / step - 1e-9) * step }
            }
            (lower, upper) = (low, high)
            ticks = Self.multiples(of: step, from: low, to: high)
        case .log:
            if !(low > 0) { low = 1e-12 }
            if !(high > low * 1.0001) { (low, high) = (low / 2, low * 2) }
            let (marks, ends) = Self.logTicks(low, high, count: count)
            lower = axis.lower ?? (roundEnds ? ends.lowerBound : low)
            upper = axis.upper ?? (roundEnds ? ends.upperBound : high)
            let range = lower * 0.9999...upper * 1.0001
            ticks = marks.filter { range.contains($0) }
        }
    }

    /// Where a value stands, 0 at the lower end and 1 at the upper.
    func position(_ value: Double) -> Double {
        switch scale {
        case .linear: (value - lower) / (upper - lower)
        case .log: value > 0 ? Foundation.log(value / lower) / Foundation.log(upper / lower) : -.infinity
        }
    }

    /// The labels of the ticks, all with the same number of decimals.
    var labels: [String] {
        switch scale {
        case .linear:
            let step = ticks.count > 1 ? ticks[1] - ticks[0] : max(abs(upper), 1e-12)
            let largest = ticks.map(abs).max() ?? 0
            if largest >= 1e7 || (largest > 0 && largest < 1e-3) {
                return ticks.map { $0 == 0 ? "0" : Format.number($0, digits: 3) }
            }
            let decimals = (0...8).first { decimals in
                let scaled = step * pow(10, Double(decimals))
                return abs(scaled - scaled.rounded()) < 1e-6
            }
            return ticks.map { Self.grouped(Format.fixed($0, decimals: decimals ?? 8)) }
        case .log:
            let isWide = ticks.contains { $0 < 0.000_999 || $0 >= 100_000 }
            return ticks.map { isWide ? Self.powerLabel($0) : Self.grouped(Format.number($0, digits: 3)) }
        }
    }

    /// The round number (1, 2, 2.5 or 5 times a power of ten) next to a step.
    static func roundStep(_ step: Double) -> Double {
        let power = pow(10, floor(log10(step)))
        let mantissa = step / power
        let round: Double =
            switch mantissa {
            case ..<1.3: 1
            case ..<2.2: 2
            case ..<3.2: 2.5
            case ..<7: 5
            default: 10
            }
        return round * power
    }

    private static func multiples(of step: Double, from low: Double, to high: Double) -> [Double] {
        let first = Int(ceil(low / step - 1e-9))
        let last = Int(floor(high / step + 1e-9))
        guard first <= last else { return [] }
        return (first...last).map { Double($0) * step }
    }

    /// Ticks for a logarithmic axis and the round ends around the data: powers of ten where the range is wide,
    /// 1, 2, 5 or all digits between where it is narrow.
    private static func logTicks(
        _ low: Double, _ high: Double, count: Int
    ) -> ([Double], ClosedRange<Double>) {
        let from = Int(floor(log10(low) + 1e-9))
        let to = Int(ceil(log10(high) - 1e-9))
        let decades = log10(high / low)
        let mantissas: [Double] =
            decades < 0.5
            ? [1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9]
            : decades < 1.1
                ? [1, 2, 3, 5, 7]
                : decades < 3 ? [1, 2, 5] : [1]
        let stride = decades < 3 ? 1 : max(1, Int(ceil(decades / Double(max(2, count)))))
        var marks: [Double] = []
        for exponent in Swift.stride(from: from, through: to, by: stride) {
            for mantissa in mantissas { marks.append(mantissa * pow(10, Double(exponent))) }
        }
        let start = marks.last { $0 <= low * 1.0001 } ?? pow(10, Double(from))
        let end = marks.first { $0 >= high * 0.9999 } ?? pow(10, Double(to))
        return (marks, start...max(end, start * 1.0001))
    }

    /// `1`, `10⁵`, `2·10⁻³`.
    private static func powerLabel(_ value: Double) -> String {
        let exponent = Int(floor(log10(value) + 1e-9))
        let mantissa = value / pow(10, Double(exponent))
        let power = exponent == 0 ? "1" : exponent == 1 ? "10" : "10" + superscript(exponent)
        return abs(mantissa - 1) < 1e-6 ? power : "\(Format.number(mantissa, digits: 2))·\(power)"
    }

    private static func superscript(_ number: Int) -> String {
        let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
        return (number < 0 ? "⁻" : "")
            + String(String(abs(number)).map { digits[$0.wholeNumberValue!] })
    }

    /// Thin spaces between groups of three digits from 10 000 on.
    static func grouped(_ text: String) -> String {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        var digits = String(parts[0])
        let sign = digits.hasPrefix("−") ? String(digits.removeFirst()) : ""
        guard digits.count > 4 else { return text }
        var groups: [Substring] = []
        var rest = Substring(digits)
        while rest.count > 3 {
            groups.insert(rest.suffix(3), at: 0)
            rest = rest.dropLast(3)
        }
        groups.insert(rest, at: 0)
        return sign + groups.joined(separator: "\u{2009}") + (parts.count > 1 ? ".\(parts[1])" : "")
    }
}
