import Foundation
import Mercer
import MercerPapers

extension DeepKernelExperiment {
    private static func distance(_ a: Tensor, from b: Tensor) -> Double {
        let difference = a - b
        return ((difference * difference).sum().doubleValue / (b * b).sum().doubleValue).squareRoot()
    }

    /// Sampled deep Gaussian processes beside the machine and the NNGP.
    func finiteWidth(_ run: RunContext, _ findings: inout Findings) throws {
        let key = RandomKey(run.seed).fold(in: 31)
        let x = Random.normal([6, 3], dtype: .float64, key: key)
        let values = x.toArray(Double.self)
        let y = Tensor((0..<6).map { sin(2 * values[3 * $0]) + 0.3 * values[3 * $0 + 1] })
        var machine = try FullDeepKernelMachine(x, y, nus: [1, 1], noiseVariance: 0.05)
        let process = try machine.grams()
        try machine.fit(maxIterations: 20_000, tolerance: 0)
        let limit = try machine.grams()
        let widths = [4, 16, 64, 256]
        let steps = [0.2, 0.12, 0.07, 0.04]
        let long = run.quick ? 400 : 2000
        run.stage("finite widths", steps: widths.count)
        var toMachine = [[Double]](repeating: [], count: 2)
        var toProcess = toMachine
        var rows: [[Table.Cell]] = []
        var last: FiniteDeepProcess.Chain?
        for (k, width) in widths.enumerated() {
            let sampler = FiniteDeepProcess(x, y, width: width, layers: 2, noiseVariance: 0.05)
            let chain = try sampler.sample(
                iterations: long, stepSize: steps[k], key: key.fold(in: width), features: width == 256 ? 200 : 0
            ) { _ in try run.checkCancellation() }
            for l in 0..<2 {
                toMachine[l].append(Self.distance(chain.grams[l], from: limit[l]))
                toProcess[l].append(Self.distance(chain.grams[l], from: process[l]))
            }
            rows.append([
                .number(Double(width)), .number(toMachine[0][k], decimals: 3), .number(toMachine[1][k], decimals: 3),
                .number(toProcess[0][k], decimals: 3), .number(toProcess[1][k], decimals: 3),
                .number(chain.acceptance, decimals: 2), .number(chain.effectiveSamples, decimals: 0),
            ])
            last = chain
            run.step(k + 1)
        }
        findings.measure("finite-width", max(toMachine[0][3], toMachine[1][3]))
        findings.measure(
            "finite-width-ratio", min(toProcess[0][3] / toMachine[0][3], toProcess[1][3] / toMachine[1][3]))
        findings.section("Finite widths")
        findings.table(
            Table(
                "Relative distance of posterior mean Gram matrices, \(long) iterations",
                columns: [
                    "width", "machine, layer 1", "layer 2", "NNGP, layer 1", "layer 2", "accepted", "effective samples",
                ], rows: rows))
        let w = widths.map(Double.init)
        findings.chart(
            Chart(
                "widths", "Distance of the posterior from its limits", x: .log("width N"), y: .log("relative distance"),
                series: (0..<2).flatMap { l in
                    [
                        Chart.Series.line("machine, layer \(l + 1)", x: w, y: toMachine[l], colour: l),
                        .line("NNGP, layer \(l + 1)", x: w, y: toProcess[l], dashed: true, colour: l),
                    ]
                }))
        gramMatrices(last!.grams, limit, process, &findings)
        gaussianity(last!.features, key, &findings)
    }

    /// Entries of the sampled Gram matrices against those of the two limits.
    private func gramMatrices(
        _ sampled: [Tensor], _ limit: [Tensor], _ process: [Tensor], _ findings: inout Findings
    ) {
        let layers = sampled.indices
        func entries(_ list: [Tensor], _ l: Int) -> [Double] { list[l].toArray(Double.self) }
        findings.chart(
            Chart(
                "grams", "Entries of the Gram matrices at width 256", x: .linear("posterior mean"),
                y: .linear("limit"),
                series: layers.flatMap { l in
                    [
                        Chart.Series.points(
                            "machine, layer \(l + 1)", x: entries(sampled, l), y: entries(limit, l), colour: l),
                        .points(
                            "NNGP, layer \(l + 1)", x: entries(sampled, l), y: entries(process, l), colour: l + 2),
                    ]
                }, caption: "The machine's lie on the diagonal, those without representation learning beside it."))
    }

    /// Cumulants of projections of the last layer's features. Columns are exchangeable; samples of a chain aren't
    /// independent, so errors come from eight batches of samples.
    private func gaussianity(_ features: [Tensor], _ key: RandomKey, _ findings: inout Findings) {
        let batches = 8
        let size = features.count / batches
        var worst = 0.0
        var rows: [[Table.Cell]] = []
        for projection in 0..<8 {
            let direction = Random.normal([1, 6], dtype: .float64, key: key.fold(in: 500 + projection))
            let cumulants = (0..<batches).map { batch -> (Double, Double) in
                let values = features[batch * size..<(batch + 1) * size].flatMap {
                    matmul(direction, $0).toArray(Double.self)
                }
                return Self.cumulants(values)
            }
            func test(_ values: [Double]) -> (mean: Double, errors: Double) {
                let n = Double(values.count)
                let mean = values.reduce(0, +) / n
                let error = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1) / n).squareRoot()
                return (mean, abs(mean) / error)
            }
            let (third, fourth) = (test(cumulants.map(\.0)), test(cumulants.map(\.1)))
            worst = max(worst, third.errors, fourth.errors)
            rows.append([
                .number(Double(projection + 1)), .number(third.mean, decimals: 4), .number(third.errors, decimals: 1),
                .number(fourth.mean, decimals: 4), .number(fourth.errors, decimals: 1),
            ])
        }
        findings.measure("gaussian", worst)
        findings.table(
            Table(
                "Normalised cumulants of random projections of F₂, width 256",
                columns: ["projection", "third", "in errors", "fourth", "in errors"], rows: rows,
                caption: "Errors of the mean over eight batches of \(size) samples of 256 columns."))
        let direction = Random.normal([1, 6], dtype: .float64, key: key.fold(in: 500))
        let values = features.flatMap { matmul(direction, $0).toArray(Double.self) }
        let scale = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
        let edges = (0..<40).map { -4 + 0.2 * (Double($0) + 0.5) }
        let counts = edges.map { centre in
            Double(values.count { abs($0 / scale - centre) <= 0.1 }) / Double(values.count) / 0.2
        }
        findings.chart(
            Chart(
                "marginal", "A projection of the features", x: .linear("in standard deviations"), y: .linear("density"),
                series: [
                    .points("sampled", x: edges, y: counts, colour: 0),
                    .line(
                        "Gaussian", x: edges, y: edges.map { exp(-$0 * $0 / 2) / (2 * Double.pi).squareRoot() },
                        colour: 1),
                ]))
    }

    /// Third and fourth cumulants over the powers of the standard deviation.
    private static func cumulants(_ values: [Double]) -> (Double, Double) {
        let n = Double(values.count)
        let mean = values.reduce(0, +) / n
        var (two, three, four) = (0.0, 0.0, 0.0)
        for value in values {
            let d = value - mean
            two += d * d
            three += d * d * d
            four += d * d * d * d
        }
        (two, three, four) = (two / n, three / n, four / n)
        return (three / pow(two, 1.5), four / (two * two) - 3)
    }

    /// A linear machine by optimisation and in closed form.
    func geodesic(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("geodesic")
        let key = RandomKey(run.seed).fold(in: 41)
        func gram(_ place: Int) -> Tensor {
            let f = Random.normal([5, 12], dtype: .float64, key: key.fold(in: place))
            return matmul(f, f.transposed()) / 12.0
        }
        let (first, last) = (gram(0), gram(1))
        let closed = try LinearDeepKernel.geodesic(from: first, to: last, layers: 3)
        let found = try LinearDeepKernel.optimum(from: first, to: last, nus: [1, 1, 1, 1])
        findings.measure(
            "geodesic", zip(closed, found).map { abs($0 - $1).max().doubleValue }.max()!)
        let spectra = try ([first] + found + [last]).map { try LinearAlgebra.eigvalsh($0).toArray(Double.self) }
        findings.section("Linear machine")
        findings.chart(
            Chart(
                "spectra", "Eigenvalues from the first to the last Gram matrix", x: .linear("layer"),
                y: .log("eigenvalue"),
                series: (0..<5).map { k in
                    .line("λ\(k + 1)", x: [0, 1, 2, 3, 4], y: spectra.map { $0[k] })
                }))
    }
}
