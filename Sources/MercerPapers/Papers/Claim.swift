/// One statement of a paper with the bar that a run has to meet before Mercer says that it holds.
public struct Claim: Hashable, Sendable, Identifiable {
    /// A short name, unique within the paper, such as `quality-gain`.
    public let id: String
    /// The statement, as a sentence that a reader understands without the paper.
    public let sentence: String
    public let bar: Bar
    /// What the bar and the measured values are counted in (`points`, `%`, `s`), empty for bare numbers.
    public let unit: String
    /// How the values of several seeds become the one that is held against the bar.
    public let statistic: Statistic
    /// How it is measured: data, sizes, what is compared with what.
    public let method: String

    public init(
        _ id: String, _ sentence: String, bar: Bar, unit: String = "", statistic: Statistic = .mean,
        method: String
    ) {
        self.id = id
        self.sentence = sentence
        self.bar = bar
        self.unit = unit
        self.statistic = statistic
        self.method = method
    }

    /// How several measured values become one.
    public enum Statistic: String, Codable, Sendable, CaseIterable {
        case mean, median, minimum, maximum

        /// The value for these measurements; NaN when there are none.
        public func callAsFunction(_ values: [Double]) -> Double {
            guard !values.isEmpty else { return .nan }
            switch self {
            case .mean: return values.reduce(0, +) / Double(values.count)
            case .median:
                let sorted = values.sorted()
                let middle = sorted.count / 2
                return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
            case .minimum: return values.contains(where: \.isNaN) ? .nan : values.min()!
            case .maximum: return values.contains(where: \.isNaN) ? .nan : values.max()!
            }
        }
    }
}

/// What a measured value has to reach. A value that isn't a number meets no bar.
public enum Bar: Hashable, Sendable {
    case atLeast(Double)
    case atMost(Double)
    /// No further than `tolerance` from the value.
    case within(Double, tolerance: Double)
    case exactly(Double)

    /// The name of the rule in reports.
    public enum Direction: String, Codable, Sendable {
        case atLeast, atMost, within, exact
    }

    /// The number that is compared with.
    public var value: Double {
        switch self {
        case .atLeast(let value), .atMost(let value), .within(let value, _), .exactly(let value): value
        }
    }

    public var direction: Direction {
        switch self {
        case .atLeast: .atLeast
        case .atMost: .atMost
        case .within: .within
        case .exactly: .exact
        }
    }

    /// How far ``within(_:tolerance:)`` reaches to either side.
    public var tolerance: Double? {
        if case .within(_, let tolerance) = self { tolerance } else { nil }
    }

    /// The bar that a report holds.
    public init(_ direction: Direction, _ value: Double, tolerance: Double?) {
        self =
            switch direction {
            case .atLeast: .atLeast(value)
            case .atMost: .atMost(value)
            case .within: .within(value, tolerance: tolerance ?? 0)
            case .exact: .exactly(value)
            }
    }

    /// Whether the measured value meets the bar.
    public func isMet(by measured: Double) -> Bool { distance(of: measured) == 0 }

    /// How much is missing: 0 when the bar is met, NaN when the value isn't a number.
    public func distance(of measured: Double) -> Double {
        if measured.isNaN { return .nan }
        switch self {
        case .atLeast(let bar): return measured >= bar ? 0 : bar - measured
        case .atMost(let bar): return measured <= bar ? 0 : measured - bar
        case .within(let bar, let tolerance):
            // The ends belong to it, whatever the rounding of the difference.
            return bar - tolerance <= measured && measured <= bar + tolerance
                ? 0 : abs(measured - bar) - tolerance
        case .exactly(let bar): return measured == bar ? 0 : abs(measured - bar)
        }
    }
}

extension Bar: CustomStringConvertible {
    public var description: String {
        switch self {
        case .atLeast(let value): "≥ \(Format.number(value))"
        case .atMost(let value): "≤ \(Format.number(value))"
        case .within(let value, let tolerance): "\(Format.number(value)) ± \(Format.number(tolerance))"
        case .exactly(let value): "= \(Format.number(value))"
        }
    }
}
