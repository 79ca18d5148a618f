import Foundation

extension ChartDrawing {
    /// Draws bars upright, or lying where their names are too long to stand side by side.
    mutating func drawBars() {
        let categories = chart.categories ?? []
        let widest = Self.widest(categories)
        let room = (width - 60) / Double(max(1, categories.count))
        if chart.horizontal || widest > room - 8 {
            drawLyingBars(categories, widest)
        } else {
            drawStandingBars(categories)
        }
    }

    /// Where the bars end, their whiskers and the guides: all that the axis must reach.
    private var barValues: [Double] {
        chart.series.flatMap(\.reach) + chart.guides.map(\.value)
    }

    /// Where bars begin: at 0, on a logarithmic axis at 1 if it is there.
    private func baseline(_ axis: ScaledAxis) -> Double {
        switch axis.scale {
        case .linear: min(max(0, axis.lower), axis.upper)
        case .log: (axis.lower...axis.upper).contains(1) ? 1 : axis.lower
        }
    }

    /// The value of a bar, with as many decimals as the others: what three digits of the largest need, and one
    /// of the smallest.
    private func valueText(_ value: Double) -> String {
        let sizes = chart.series.flatMap(\.y).filter { $0.isFinite && $0 != 0 }.map(abs)
        guard let smallest = sizes.min(), let largest = sizes.max(), smallest >= 0.001, largest < 1e5 else {
            return Format.number(value, digits: 3)
        }
        if sizes.allSatisfy({ $0 == $0.rounded() }) { return Format.fixed(value, decimals: 0) }
        let decimals = max(2 - Int(floor(log10(largest))), -Int(floor(log10(smallest))), 0)
        return Format.fixed(value, decimals: decimals)
    }

    private mutating func drawStandingBars(_ categories: [String]) {
        top = drawHead(valueLabel: chart.y.label) + 6
        bottom = height - 28
        let axis = ScaledAxis(chart.y, values: barValues, count: 6, fromZero: true)
        let labels = axis.labels
        left = Self.widest(labels) + 10
        // The names of guides stand beside the plot, where no bar hides them.
        let guideNames = Self.widest(chart.guides.map(\.label))
        right = width - (guideNames > 0 ? guideNames * 1.1 + 10 : 6)
        func y(_ value: Double) -> Double { bottom - axis.position(value) * (bottom - top) }

        for (tick, label) in zip(axis.ticks, labels) {
            svg.line((left, y(tick)), (right, y(tick)), "grid")
            svg.text(label, at: (left - 8, y(tick) + 4), "tick", anchor: .end)
        }
        let base = y(baseline(axis))
        let band = (right - left) / Double(max(1, categories.count))
        let bar = min(64, band * 0.74 / Double(max(1, chart.series.count)))
        let showsValues = bar >= 26
        for (k, category) in categories.enumerated() {
            let centre = left + (Double(k) + 0.5) * band
            svg.text(category, at: (centre, bottom + 19), "tick", anchor: .middle)
            for (i, series) in chart.series.enumerated() where series.y[k].isFinite {
                let x = centre + (Double(i) - Double(chart.series.count) / 2) * bar
                let end = y(series.y[k])
                guard end.isFinite else { continue }
                drawBar(x: x + 1, y: min(end, base), width: bar - 2, height: abs(base - end), i, k)
                let middle = x + bar / 2
                let whisker = series.whisker(k)
                if let whisker { svg.line((middle, y(whisker.low)), (middle, y(whisker.high)), "bw") }
                if showsValues {
                    let above = series.y[k] >= baseline(axis)
                    let place = above ? min(end, whisker.map { y($0.high) } ?? end) - 6 : end + 15
                    svg.text(valueText(series.y[k]), at: (middle, place), "value halo", anchor: .middle)
                }
            }
        }
        svg.line((left, base), (right, base), "axis")
        for guide in chart.guides {
            svg.line((left, y(guide.value)), (right, y(guide.value)), "guide")
            svg.text(guide.label, at: (right + 7, y(guide.value) + 4), "guidename")
        }
    }

    private mutating func drawLyingBars(_ categories: [String], _ widest: Double) {
        let count = Double(max(1, chart.series.count))
        let bar = chart.series.count > 1 ? 15.0 : 19.0
        let band = bar * count + (chart.series.count > 1 ? 13 : 9)
        let hasGuideNames = chart.guides.contains { !$0.label.isEmpty }
        top = drawHead(valueLabel: "") + (hasGuideNames ? 14 : 0)
        bottom = top + band * Double(categories.count)
        height = bottom + (chart.y.label.isEmpty ? 26 : 46)
        left = min(widest * 1.14, 280) + 12
        right = width - 52
        let axis = ScaledAxis(chart.y, values: barValues, count: 6, fromZero: true)
        func x(_ value: Double) -> Double { left + axis.position(value) * (right - left) }

        for (tick, label) in zip(axis.ticks, axis.labels) {
            svg.line((x(tick), top), (x(tick), bottom), "grid")
            svg.text(label, at: (x(tick), bottom + 18), "tick", anchor: .middle)
        }
        svg.text(chart.y.label, at: ((left + right) / 2, bottom + 39), "label", anchor: .middle)
        let base = x(baseline(axis))
        for (k, category) in categories.enumerated() {
            let centre = top + (Double(k) + 0.5) * band
            svg.text(category, at: (left - 10, centre + 4), "label", anchor: .end)
            for (i, series) in chart.series.enumerated() where series.y[k].isFinite {
                let y = centre + (Double(i) - count / 2) * bar
                let end = x(series.y[k])
                guard end.isFinite else { continue }
                drawBar(x: min(end, base), y: y + 1, width: abs(end - base), height: bar - 2, i, k)
                let middle = y + bar / 2
                let whisker = series.whisker(k)
                if let whisker { svg.line((x(whisker.low), middle), (x(whisker.high), middle), "bw") }
                let place = max(end, base, whisker.map { x($0.high) } ?? end) + 6
                svg.text(valueText(series.y[k]), at: (place, middle + 4), "value halo")
            }
        }
        svg.line((base, top), (base, bottom), "axis")
        for guide in chart.guides {
            svg.line((x(guide.value), top - 4), (x(guide.value), bottom), "guide")
            svg.text(guide.label, at: (x(guide.value), top - 9), "guidename", anchor: .middle)
        }
    }

    private mutating func drawBar(
        x: Double, y: Double, width: Double, height: Double, _ series: Int, _ category: Int
    ) {
        let value = chart.series[series].y[category]
        let name = chart.series[series].name
        svg.element(
            "rect",
            [
                ("x", SVG.number(x)), ("y", SVG.number(y)), ("width", SVG.number(max(width, 0.75))),
                ("height", SVG.number(max(height, 0.75))), ("rx", "2"), ("class", "f s\(colours[series])"),
            ],
            tooltip: (name.isEmpty ? "" : "\(name)\n")
                + "\(chart.categories?[category] ?? ""): \(Format.number(value))")
    }
}

extension Chart.Series {
    /// The finite ends of a bar's whisker, if it has one.
    fileprivate func whisker(_ k: Int) -> (low: Double, high: Double)? {
        guard let low = low?[k], let high = high?[k], low.isFinite, high.isFinite else { return nil }
        return (low, high)
    }
}
