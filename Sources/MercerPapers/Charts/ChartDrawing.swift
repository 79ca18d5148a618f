import Foundation

extension Chart {
    /// The chart as an SVG file with its own style.
    public func svg() -> String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + ChartDrawing(self).markup(style: ChartStyle.css)
    }

    /// The chart as an element of a page that has ``ChartStyle/css``.
    var element: String { ChartDrawing(self).markup(style: nil) }
}

/// Draws a chart: works out the room that labels need, then draws frame, data and names.
struct ChartDrawing {
    let chart: Chart
    let width = 720.0
    var height = 400.0
    /// The rectangle that the data is drawn in.
    var left = 0.0
    var right = 0.0
    var top = 0.0
    var bottom = 0.0
    /// The colour of each series.
    let colours: [Int]
    var svg = SVG()

    init(_ chart: Chart) {
        self.chart = chart
        var next = 0
        colours = chart.series.map { series in
            if let colour = series.colour { return colour % ChartStyle.colours.count }
            defer { next += 1 }
            return next % ChartStyle.colours.count
        }
    }

    func markup(style: String?) -> String {
        var drawing = self
        if chart.categories != nil { drawing.drawBars() } else { drawing.drawNumbers() }
        let size = "0 0 \(SVG.number(width)) \(SVG.number(drawing.height))"
        let styles = style.map { "<style>\($0)</style>" } ?? ""
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mc\" viewBox=\"\(size)\" role=\"img\" "
            + "aria-label=\"\(Markup.escape(chart.title))\">\(styles)\(drawing.svg.body)</svg>"
    }

    // MARK: Frame

    /// Title, label of the value axis, legend; returns where the plot may begin.
    mutating func drawHead(valueLabel: String) -> Double {
        var y = 8.0
        if !chart.title.isEmpty {
            y += 14
            svg.text(chart.title, at: (0, y), "title")
            y += 4
        }
        let entries = legendEntries
        if !entries.isEmpty {
            y += 20
            drawLegend(entries, y: y)
        }
        if !valueLabel.isEmpty {
            y += 20
            svg.text(valueLabel, at: (0, y), "label")
        }
        return y + 15
    }

    /// The series that are named above the plot: all but lines, which are named at their ends.
    private var legendEntries: [Int] {
        guard chart.series.count > 1 else { return [] }
        return chart.series.indices.filter { i in
            !chart.series[i].name.isEmpty && chart.series[i].style != .line
        }
    }

    private mutating func drawLegend(_ entries: [Int], y: Double) {
        var x = 0.0
        for i in entries {
            let series = chart.series[i]
            let style = "f s\(colours[i])"
            if series.style == .points {
                svg.element(
                    "circle",
                    [
                        ("cx", SVG.number(x + 5)), ("cy", SVG.number(y - 4)), ("r", "4.5"), ("class", style),
                    ])
            } else {
                svg.element(
                    "rect",
                    [
                        ("x", SVG.number(x)), ("y", SVG.number(y - 9)), ("width", "10"), ("height", "10"),
                        ("rx", "2"), ("class", style),
                    ])
            }
            svg.text(series.name, at: (x + 15, y), "name \(style)")
            x += 15 + SVG.width(of: series.name, size: ChartStyle.text) * 1.06 + 20
        }
    }

    // MARK: Lines and points

    private mutating func drawNumbers() {
        var xs: [Double] = chart.series.flatMap(\.x)
        var ys: [Double] = chart.series.flatMap(\.reach)
        for guide in chart.guides {
            if guide.isHorizontal { ys.append(guide.value) } else { xs.append(guide.value) }
        }
        let yAxis = ScaledAxis(chart.y, values: ys, count: 6)
        let yLabels = yAxis.labels

        top = drawHead(valueLabel: chart.y.label)
        if chart.guides.contains(where: { !$0.isHorizontal && !$0.label.isEmpty }) { top += 16 }
        bottom = height - (chart.x.label.isEmpty ? 26 : 46)
        left = Self.widest(yLabels) + 10
        let named = chart.series.filter { $0.style == .line && !$0.name.isEmpty }
        let nameWidth = Self.widest(named.map(\.name)) * 1.1
        right = width - max(18, nameWidth + 12)
        let xAxis = ScaledAxis(chart.x, values: xs, count: 8, roundEnds: chart.x.scale == .log)

        let frame = Frame(x: xAxis, y: yAxis, left: left, right: right, top: top, bottom: bottom)
        drawGrid(frame, yLabels)
        svg.raw(
            "<clipPath id=\"clip-\(Markup.escape(chart.name))\"><rect x=\"\(SVG.number(left - 6))\" "
                + "y=\"\(SVG.number(top - 6))\" width=\"\(SVG.number(right - left + 12))\" "
                + "height=\"\(SVG.number(bottom - top + 12))\"/></clipPath>")
        for i in chart.series.indices { drawBand(i, frame) }
        for i in chart.series.indices { drawSeries(i, frame) }
        drawGuides(frame)
        drawLineNames(frame)
        for i in chart.series.indices { drawTooltips(i, frame) }
    }

    /// The width of the widest of some short texts.
    static func widest(_ texts: [String]) -> Double {
        texts.map { SVG.width(of: $0, size: ChartStyle.small) }.max() ?? 0
    }

    /// Brings values to the plane.
    struct Frame {
        let x: ScaledAxis
        let y: ScaledAxis
        let left, right, top, bottom: Double

        func px(_ value: Double) -> Double { left + x.position(value) * (right - left) }
        func py(_ value: Double) -> Double { bottom - y.position(value) * (bottom - top) }

        /// The point, or nil where a value has no place on its axis.
        func point(_ x: Double, _ y: Double) -> (Double, Double)? {
            let point = (px(x), py(y))
            return point.0.isFinite && point.1.isFinite ? point : nil
        }

        func holds(_ point: (Double, Double)) -> Bool {
            (left - 0.5...right + 0.5).contains(point.0) && (top - 0.5...bottom + 0.5).contains(point.1)
        }
    }

    private mutating func drawGrid(_ frame: Frame, _ yLabels: [String]) {
        for (tick, label) in zip(frame.y.ticks, yLabels) {
            let y = frame.py(tick)
            svg.line((left, y), (right, y), "grid")
            svg.text(label, at: (left - 8, y + 4), "tick", anchor: .end)
        }
        svg.line((left, bottom), (right, bottom), "axis")
        var free = -Double.infinity
        for (tick, label) in zip(frame.x.ticks, frame.x.labels) {
            let x = frame.px(tick)
            let half = SVG.width(of: label, size: ChartStyle.small) / 2
            svg.line((x, bottom), (x, bottom + 5), "axis")
            guard x - half > free else { continue }
            svg.text(label, at: (x, bottom + 19), "tick", anchor: .middle)
            free = x + half + 8
        }
        svg.text(chart.x.label, at: ((left + right) / 2, bottom + 40), "label", anchor: .middle)
    }

    private mutating func drawBand(_ i: Int, _ frame: Frame) {
        let series = chart.series[i]
        guard series.style == .line, let low = series.low, let high = series.high else { return }
        let upper = zip(series.x, high).compactMap { frame.point($0, $1) }
        let lower = zip(series.x, low).compactMap { frame.point($0, $1) }
        guard !upper.isEmpty, !lower.isEmpty else { return }
        let outline = Self.path(upper) + "L" + Self.path(lower.reversed()).dropFirst() + "Z"
        svg.path(outline, "band f s\(colours[i])", clip: "clip-\(chart.name)")
    }

    private mutating func drawSeries(_ i: Int, _ frame: Frame) {
        let series = chart.series[i]
        let points = zip(series.x, series.y).map { frame.point($0, $1) }
        if series.style == .line {
            // A value that isn't a number interrupts the line.
            let pieces = points.split(whereSeparator: { $0 == nil }).map { $0.compactMap { $0 } }
            let style = "l s\(colours[i])" + (series.dashed ? " dashed" : "")
            svg.path(pieces.map(Self.path).joined(), style, clip: "clip-\(chart.name)")
        } else if let low = series.low, let high = series.high {
            for (x, (a, b)) in zip(series.x, zip(low, high)) {
                guard let from = frame.point(x, a), let to = frame.point(x, b) else { continue }
                svg.line(from, to, "w s\(colours[i])")
            }
        }
        guard series.style == .points || (3...40).contains(points.count) else { return }
        let radius = series.style == .points ? (points.count > 200 ? 2.5 : 4.5) : 3.5
        for point in points {
            guard let point, frame.holds(point) else { continue }
            drawDot(point, radius, "dot f s\(colours[i])")
        }
    }

    private mutating func drawDot(_ point: (Double, Double), _ radius: Double, _ style: String) {
        svg.element(
            "circle",
            [
                ("cx", SVG.number(point.0)), ("cy", SVG.number(point.1)), ("r", SVG.number(radius)),
                ("class", style),
            ])
    }

    private mutating func drawTooltips(_ i: Int, _ frame: Frame) {
        let series = chart.series[i]
        let stride = max(1, series.x.count / 250)
        for j in Swift.stride(from: 0, to: series.x.count, by: stride) {
            guard let point = frame.point(series.x[j], series.y[j]), frame.holds(point) else { continue }
            var tip = series.name.isEmpty ? "" : "\(series.name)\n"
            tip += "\(named(chart.x.label, "x")): \(Format.number(series.x[j]))\n"
            tip += "\(named(chart.y.label, "y")): \(Format.number(series.y[j]))"
            if let low = series.low?[j], let high = series.high?[j] {
                tip += " (\(Format.number(low)) to \(Format.number(high)))"
            }
            svg.element(
                "circle",
                [
                    ("cx", SVG.number(point.0)), ("cy", SVG.number(point.1)), ("r", "9"),
                    ("class", "hit f s\(colours[i])"),
                ], tooltip: tip)
        }
    }

    private func named(_ label: String, _ fallback: String) -> String { label.isEmpty ? fallback : label }

    private mutating func drawGuides(_ frame: Frame) {
        for guide in chart.guides {
            if guide.isHorizontal {
                let y = frame.py(guide.value)
                svg.line((left, y), (right, y), "guide")
                svg.text(guide.label, at: (left + 6, y - 6), "guidename halo")
            } else {
                // The name stands above the plot, where no line crosses it.
                let x = frame.px(guide.value)
                svg.line((x, top - 4), (x, bottom), "guide")
                let half = SVG.width(of: guide.label, size: ChartStyle.small) / 2
                let place = min(max(x, left + half), width - half)
                svg.text(guide.label, at: (place, top - 9), "guidename", anchor: .middle)
            }
        }
    }

    /// Names the lines at their ends, moved apart where they would touch.
    private mutating func drawLineNames(_ frame: Frame) {
        var names: [(i: Int, x: Double, y: Double)] = []
        for (i, series) in chart.series.enumerated() where series.style == .line && !series.name.isEmpty {
            let points = zip(series.x, series.y).compactMap { frame.point($0, $1) }.filter(frame.holds)
            guard let end = points.max(by: { $0.0 < $1.0 }) else { continue }
            names.append((i, end.0, end.1 + 4))
        }
        names.sort { $0.y < $1.y }
        let gap = 15.5
        for k in names.indices.dropFirst() where names[k].y < names[k - 1].y + gap {
            names[k].y = names[k - 1].y + gap
        }
        // What was pushed below the plot moves back up, and what stands above it with it.
        var limit = bottom + 4
        for k in names.indices.reversed() {
            names[k].y = min(names[k].y, limit)
            limit = names[k].y - gap
        }
        for name in names {
            let style = "name f s\(colours[name.i])" + (name.x < right - 20 ? " halo" : "")
            svg.text(chart.series[name.i].name, at: (name.x + 8, name.y), style)
        }
    }

    private static func path(_ points: [(Double, Double)]) -> String {
        guard let first = points.first else { return "" }
        var data = "M\(SVG.number(first.0)) \(SVG.number(first.1))"
        for point in points.dropFirst() { data += "L\(SVG.number(point.0)) \(SVG.number(point.1))" }
        return data
    }
}
