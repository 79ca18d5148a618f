/// A chart that a report draws as SVG: lines with bands, points, bars; linear or logarithmic axes.
///
/// ```swift
/// Chart(
///     "accuracy-cost", "Accuracy at equal cost", x: .log("cost (MFLOP)"), y: .linear("accuracy (%)"),
///     series: [
///         .line("MULLER", x: costs, y: means, low: lows, high: highs),
///         .line("bilinear", x: costs, y: others, dashed: true),
///     ],
///     guides: [.horizontal(50, "bar")])
/// ```
///
/// Lines are labelled at their ends; ticks are round numbers; each point tells its values when the pointer rests
/// on it. The colours follow the reader's light or dark setting.
public struct Chart: Codable, Sendable {
    /// The name of its file without the ending; unique within a report.
    public let name: String
    public var title: String
    public var caption: String
    public var x: Axis
    public var y: Axis
    public var series: [Series]
    public var guides: [Guide]
    /// The names along the axis of a bar chart; nil for charts over numbers.
    public var categories: [String]?
    /// Whether bars lie, with their names to the left: better for long names.
    public var horizontal: Bool

    public init(
        _ name: String, _ title: String, x: Axis, y: Axis, series: [Series], guides: [Guide] = [],
        caption: String = ""
    ) {
        self.name = name
        self.title = title
        self.caption = caption
        self.x = x
        self.y = y
        self.series = series
        self.guides = guides
        categories = nil
        horizontal = false
    }

    /// A bar chart: for each category a bar of each series.
    ///
    /// - Precondition: each series has as many values as there are categories.
    public static func bars(
        _ name: String, _ title: String, categories: [String], values: Axis, series: [Series],
        guides: [Guide] = [], horizontal: Bool = false, caption: String = ""
    ) -> Chart {
        for one in series {
            precondition(
                one.y.count == categories.count,
                "Chart \"\(name)\": \(one.y.count) bars of \"\(one.name)\" for \(categories.count) categories"
            )
        }
        var chart = Chart(
            name, title, x: .linear(""), y: values, series: series, guides: guides, caption: caption)
        chart.categories = categories
        chart.horizontal = horizontal
        return chart
    }

    /// One axis: its label with the unit, and whether equal distances are equal differences or equal ratios.
    public struct Axis: Codable, Sendable {
        public enum Scale: String, Codable, Sendable { case linear, log }

        public var label: String
        public var scale: Scale
        public var lower: Double?
        public var upper: Double?

        /// An axis over `range`, or over what the data needs.
        public static func linear(_ label: String, _ range: ClosedRange<Double>? = nil) -> Axis {
            Axis(label: label, scale: .linear, lower: range?.lowerBound, upper: range?.upperBound)
        }

        /// A logarithmic axis. Values that aren't positive are left out.
        public static func log(_ label: String, _ range: ClosedRange<Double>? = nil) -> Axis {
            Axis(label: label, scale: .log, lower: range?.lowerBound, upper: range?.upperBound)
        }
    }

    /// Data of one name and colour.
    public struct Series: Codable, Sendable {
        public enum Style: String, Codable, Sendable { case line, points, bars }

        public var name: String
        public var style: Style
        public var x: [Double]
        public var y: [Double]
        /// The lower and upper ends of the band or of the whiskers.
        public var low: [Double]?
        public var high: [Double]?
        public var dashed = false
        /// The number of its colour; nil for the next one that is free. Series of one colour belong together.
        public var colour: Int?

        public static func line(
            _ name: String, x: [Double], y: [Double], low: [Double]? = nil, high: [Double]? = nil,
            dashed: Bool = false, colour: Int? = nil
        ) -> Series {
            Series(name, .line, x, y, low, high, dashed, colour)
        }

        public static func points(
            _ name: String, x: [Double], y: [Double], low: [Double]? = nil, high: [Double]? = nil,
            colour: Int? = nil
        ) -> Series {
            Series(name, .points, x, y, low, high, false, colour)
        }

        public static func bars(
            _ name: String, _ values: [Double], low: [Double]? = nil, high: [Double]? = nil,
            colour: Int? = nil
        ) -> Series {
            Series(name, .bars, values.indices.map(Double.init), values, low, high, false, colour)
        }

        /// All values that the value axis must hold.
        var reach: [Double] { y + (low ?? []) + (high ?? []) }

        private init(
            _ name: String, _ style: Style, _ x: [Double], _ y: [Double], _ low: [Double]?,
            _ high: [Double]?, _ dashed: Bool, _ colour: Int?
        ) {
            precondition(
                x.count == y.count, "Series \"\(name)\": \(x.count) values of x, but \(y.count) of y")
            precondition(
                (low == nil) == (high == nil) && (low?.count ?? y.count) == y.count
                    && (high?.count ?? y.count) == y.count,
                "Series \"\(name)\": low and high need a value for each of the \(y.count) points")
            self.name = name
            self.style = style
            self.x = x
            self.y = y
            self.low = low
            self.high = high
            self.dashed = dashed
            self.colour = colour
        }
    }

    /// A straight line across the chart, such as a bar that is to be met.
    public struct Guide: Codable, Sendable {
        public var value: Double
        public var label: String
        public var isHorizontal: Bool

        /// A line at a value of the y axis (of the value axis, in bar charts).
        public static func horizontal(_ value: Double, _ label: String) -> Guide {
            Guide(value: value, label: label, isHorizontal: true)
        }

        /// A line at a value of the x axis.
        public static func vertical(_ value: Double, _ label: String) -> Guide {
            Guide(value: value, label: label, isHorizontal: false)
        }
    }
}
