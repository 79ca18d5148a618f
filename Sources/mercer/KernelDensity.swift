import ArgumentParser
import Foundation
import Mercer
import MercerKernelMethods
import MercerPapers

/// `mercer kernel density TABLE`: log densities, and whether they mean anything.
struct KernelDensityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "density",
        abstract: "Estimate a density: log density and effective number of points of each row.",
        discussion: """
            The bandwidth is chosen by leave-one-out likelihood unless told otherwise. With many columns a few \
            nearest points carry each estimate; the output says how many, and in which regime the bandwidth is. \
            --regimes shows the thresholds and the curve of Σp² against h; --theory needs no data. With --target a \
            density of each class classifies the rows of --query, or a tenth of the table held back.
            """)

    @Argument(help: "The table whose density is estimated (.csv, .npy, .npz, .safetensors).")
    var table: String?

    @Option(
        help: ArgumentHelp(
            "The rows where it is estimated; by default the table's own, each without itself.",
            valueName: "file"))
    var query: String?

    @Option(help: "The kernel: gaussian, tophat, epanechnikov, exponential, linear, cosine.")
    var kernel: DensityKernel = .gaussian

    @Option(help: "A number, or loo, cv:K, scott, silverman, asymptotic.")
    var bandwidth = "loo"

    @Option(
        help:
            "How distances are scaled: scalar (not at all), diagonal (standardised columns), full (whitened)."
    )
    var covariance: DensityCovariance = .diagonal

    @Option(help: ArgumentHelp("The column with the rows' weights.", valueName: "column"))
    var weights: String?

    @Option(
        help: ArgumentHelp(
            "The column with the class: classify by a density of each class.", valueName: "column"))
    var target: String?

    @Option(help: "With --target and no --query: the share of the rows that is held back.")
    var testShare = 0.1

    @Option(help: "With --target and no --query: the seed of what is held back.")
    var seed: UInt64 = 0

    @Flag(help: "Write logarithms (always done; accepted for clarity).")
    var log = false

    @Flag(help: "Take distances in float32: faster, right to about 1e-5 a column.")
    var single = false

    @Option(
        help: ArgumentHelp(
            "Leave out points so far away that a density is smaller by at most this share of itself: faster with up to "
                + "five columns.",
            valueName: "share"))
    var cutoff: Double?

    @OptionGroup var options: TableOptions

    @Flag(help: "Show the regimes of the bandwidth for the table, with a chart.")
    var regimes = false

    @Flag(help: "Show the exact theory for --dim, --count and --spectrum; no table.")
    var theory = false

    @Option(name: .customLong("dim"), help: "With --theory: the number of dimensions.")
    var dimension: Int?

    @Option(help: "With --theory: the number of points.")
    var count: Double?

    @Option(help: ArgumentHelp("With --theory: variances, filled up with the last one.", valueName: "list"))
    var spectrum: String?

    @Option(
        help: ArgumentHelp(
            "The file for the result (.csv), or for the chart of --regimes and --theory (.svg).",
            valueName: "file"))
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        if theory {
            if table != nil { throw ValidationError("'--theory' takes no table; '--regimes' looks at one") }
            if dimension == nil || count == nil {
                throw ValidationError("'--theory' needs --dim and --count")
            }
        } else {
            if table == nil { throw ValidationError("a table is needed, or --theory") }
            if dimension != nil || count != nil || spectrum != nil {
                throw ValidationError("'--dim', '--count' and '--spectrum' belong to '--theory'")
            }
        }
        if regimes, query != nil {
            throw ValidationError("'--regimes' looks at the table alone; leave out --query")
        }
        if target != nil, theory || regimes || weights != nil {
            throw ValidationError("'--target' goes with neither --theory, --regimes nor --weights")
        }
        if cutoff != nil, theory || regimes || target != nil {
            throw ValidationError("'--cutoff' goes with neither --theory, --regimes nor --target")
        }
        if !(0.01...0.9).contains(testShare) {
            throw ValidationError("'--test-share' is \(testShare); a share from 0.01 to 0.9 is expected")
        }
    }

    func run() async throws {
        if theory { return try showTheory() }
        if let target { return try classify(target) }
        let (data, apart) = try options.read(table!, apart: weights.map { [$0] } ?? [])
        let rowWeights = try weights.map { try apart.numbers($0) }
        let columns = data.columnNames
        let matrix = try data.matrix()
        let kde = try KernelDensity(
            matrix, kernel: kernel, bandwidth: DensityBandwidth(bandwidth), covariance: covariance,
            weights: rowWeights, columns: columns, singlePrecision: single, cutoff: cutoff)
        warnOfDuplicates(kde)
        if regimes { return try showRegimes(DensityReport(kde)) }
        if let query {
            let rows = try options.read(query, without: []).matrix()
            try onRows(of: query) { try kde.check(rows) }
            try show(kde, kde.estimate(rows))
        } else {
            try show(kde, try kde.estimateOthers())
        }
    }

    private func warnOfDuplicates(_ kde: KernelDensity) {
        guard let share = kde.search?.duplicateShare, share > 0 else { return }
        Console.remark(
            "warning: \(Format.number(100 * share, digits: 3)) % of the rows have an exact duplicate; they are left out "
                + "of the likelihood that chooses the bandwidth")
    }

    // MARK: Densities

    private struct Row: Encodable {
        let logDensity: Double?
        let effectivePoints: Double
        let largestShare: Double?
        let flag: String
    }

    private struct Output: Encodable {
        let rows: Int
        let columns: Int
        let kernel: DensityKernel
        let covariance: DensityCovariance
        let bandwidth: Double
        let rule: String
        let cutoff: Double?
        let regime: DensityRegime?
        let meanLogDensity: Double?
        let outOfReach: Int
        let estimates: [Row]
    }

    private func show(_ kde: KernelDensity, _ estimates: [DensityEstimate]) throws {
        let rows = estimates.map {
            Row(
                logDensity: $0.logDensity.isFinite ? $0.logDensity : nil, effectivePoints: $0.effectivePoints,
                largestShare: $0.participation.isFinite ? $0.participation : nil, flag: flag($0))
        }
        let reached = estimates.filter { $0.logDensity.isFinite }
        let mean = reached.isEmpty ? nil : reached.reduce(0) { $0 + $1.logDensity } / Double(reached.count)
        let regime = kernel == .gaussian ? try? kde.regimes().regime(kde.bandwidth) : nil
        let lines = csv(
            ["log_density", "effective_points", "flag"],
            estimates.lazy.map { [plain($0.logDensity), plain($0.effectivePoints), flag($0)] })
        if let out { try AtomicFile.write(lines, to: out) }
        if json {
            return try Console.print(
                json: Output(
                    rows: kde.count, columns: kde.dimension, kernel: kernel, covariance: covariance,
                    bandwidth: kde.bandwidth, rule: bandwidth, cutoff: cutoff, regime: regime, meanLogDensity: mean,
                    outOfReach: estimates.count - reached.count, estimates: rows))
        }
        if out == nil { Console.output.write(lines) }
        let flagged = estimates.count { !flag($0).isEmpty }
        Console.remark(
            "\(kernel.rawValue) kernel, h = \(Format.number(kde.bandwidth, digits: 6)) (\(bandwidth)), "
                + "\(kde.count) rows of \(kde.dimension) columns")
        if let cutoff { Console.remark("densities are too small by at most \(cutoff) of themselves") }
        if let regime { Console.remark("regime: \(regime.rawValue): \(regime.explanation)") }
        if let mean {
            Console.remark("mean log density \(Format.number(mean, digits: 6)) over \(reached.count) rows")
        }
        if reached.count < estimates.count {
            Console.remark("\(estimates.count - reached.count) rows are out of every point's reach (-inf)")
        }
        if flagged > 0 {
            Console.remark("\(flagged) of \(estimates.count) estimates rest on one or two points")
        }
    }

    /// What to beware of in an estimate: nothing, or who carries it.
    private func flag(_ estimate: DensityEstimate) -> String {
        if !estimate.logDensity.isFinite { return "out of reach" }
        // The largest share is at most the root of Σp², and where one point dominates it is that.
        let share = estimate.participation.squareRoot()
        if share > 0.9 { return "one point carries \(Int((100 * share).rounded())) %" }
        return estimate.participation > 0.5 ? "about two points carry it" : ""
    }

    // MARK: Regimes

    private func showRegimes(_ report: DensityReport) throws {
        if let out { try AtomicFile.write(report.chart.svg(), to: out) }
        if json { return try Console.print(json: report) }
        var table = TextTable(("", .left), ("", .right), ("", .left))
        table.add("alpha = log n / d", .init(Format.number(report.alpha)), "")
        table.add("h_CLT", .init(Format.number(report.cltBandwidth)), "above: Gaussian errors")
        table.add(
            "h_G", .init(Format.number(report.glassBandwidth)), "below: a few points carry each estimate")
        table.add(
            "h_G from the data", .init(report.empiricalGlassBandwidth.map { Format.number($0) } ?? "-"),
            "√2 × where Σp² = ½")
        table.add("h_KL", .init(Format.number(report.optimalBandwidth)), "best in the limit of many columns")
        table.add(
            "h in use", .init(Format.number(report.bandwidth), .bold),
            .init("\(report.regime.rawValue): \(report.regime.explanation)"))
        table.add("Scott", .init(Format.number(report.scottBandwidth)), "")
        table.add("Silverman", .init(Format.number(report.silvermanBandwidth)), "")
        Console.print(table.text())
        Console.print()
        var curve = TextTable(("h", .right), ("mean log density", .right), ("Σp²", .right))
        for point in report.curve {
            curve.add(
                .init(Format.number(point.bandwidth)), .init(Format.number(point.meanLogDensity)),
                .init(Format.number(point.participation, digits: 3)))
        }
        Console.print(curve.text())
        if let out { Console.remark("chart: \(out)") }
    }

    // MARK: Theory

    private struct TheoryOutput: Encodable {
        let dimension: Int
        let count: Double
        let alpha: Double
        let cltBandwidth: Double
        let glassBandwidth: Double
        let optimalBandwidth: Double
        let curve: [Point]

        struct Point: Encodable {
            let bandwidth: Double
            let divergence: Double
            let participation: Double
            let exactDivergence: Double?
            let exactParticipation: Double?
        }
    }

    private func showTheory() throws {
        let output = try theoryOutput()
        if let out { try AtomicFile.write(chart(output).svg(), to: out) }
        if json { return try Console.print(json: output) }
        Console.print(
            "alpha \(Format.number(output.alpha))  h_CLT \(Format.number(output.cltBandwidth))  "
                + "h_G \(Format.number(output.glassBandwidth))  h_KL \(Format.number(output.optimalBandwidth))"
        )
        var table = TextTable(
            ("h", .right), ("KL/d", .right), ("Σp²", .right), ("KL/d, exact", .right), ("Σp², exact", .right))
        func text(_ value: Double?) -> TextTable.Cell {
            .init(value.map { Format.fixed($0, decimals: 4) } ?? "-")
        }
        for point in output.curve {
            table.add(
                .init(Format.number(point.bandwidth)), text(point.divergence), text(point.participation),
                text(point.exactDivergence), text(point.exactParticipation))
        }
        Console.print(table.text())
    }

    /// The limit's curve, and the exact one where the spectrum is that of one variance.
    private func theoryOutput() throws -> TheoryOutput {
        guard dimension! >= 1, dimension! <= 100_000 else {
            throw KernelMethodError.option(
                "--dim", found: "\(dimension!)", expected: "a number from 1 to 100000")
        }
        guard count! >= 2, count!.isFinite else {
            throw KernelMethodError.option("--count", found: "\(count!)", expected: "2 or more")
        }
        let variances = try spectrumValues()
        let alpha = Foundation.log(count!) / Double(dimension!)
        let limit = try DensityRegimes(variances: variances, alpha: alpha)
        let isIsotropic = Set(variances).count == 1
        let scale = variances[0].squareRoot()
        let curve = try (0...14).map { i in
            let h = limit.glassBandwidth * (0.4 + 0.12 * Double(i))
            // The exact law is for unit variances; another variance is a change of units.
            let exact =
                isIsotropic
                ? try FiniteSizeDensity.averaged(
                    dimension: dimension!, logCount: Foundation.log(count!), bandwidth: h / scale, nodes: 12)
                : nil
            return TheoryOutput.Point(
                bandwidth: h, divergence: limit.divergencePerDimension(h),
                participation: limit.participation(h),
                exactDivergence: exact?.divergencePerDimension, exactParticipation: exact?.participation)
        }
        return TheoryOutput(
            dimension: dimension!, count: count!, alpha: alpha, cltBandwidth: limit.cltBandwidth,
            glassBandwidth: limit.glassBandwidth, optimalBandwidth: limit.optimalBandwidth, curve: curve)
    }

    private func spectrumValues() throws -> [Double] {
        guard let spectrum else { return [Double](repeating: 1, count: dimension!) }
        var values = try spectrum.split(separator: ",").map { part in
            guard let value = Double(part.trimmingCharacters(in: .whitespaces)) else {
                throw KernelMethodError.option(
                    "--spectrum", found: "'\(part)'", expected: "numbers with commas between")
            }
            return value
        }
        guard !values.isEmpty, values.count <= dimension! else {
            throw KernelMethodError.length("variances", found: values.count, expected: dimension!)
        }
        while values.count < dimension! { values.append(values.last!) }
        return values
    }

    private func chart(_ output: TheoryOutput) -> Chart {
        let h = output.curve.map(\.bandwidth)
        var series: [Chart.Series] = [
            .line("limit", x: h, y: output.curve.map(\.divergence), dashed: true)
        ]
        let exact = output.curve.compactMap(\.exactDivergence)
        if exact.count == h.count { series.append(.line("exact", x: h, y: exact)) }
        return Chart(
            "divergence", "Divergence per dimension", x: .linear("h"), y: .linear("KL / d"), series: series,
            guides: [
                .vertical(output.optimalBandwidth, "h_KL"), .vertical(output.glassBandwidth, "h_G"),
                .vertical(output.cltBandwidth, "h_CLT"),
            ])
    }
}
