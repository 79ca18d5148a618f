import Foundation
import Mercer
import MercerPapers

extension TangentExperiment {
    /// Positive definiteness, rank and the closed form of the diagonal.
    func definiteness(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("definiteness")
        let raw = Random.normal([30, 3], dtype: .float64, key: RandomKey(run.seed))
        let x = raw / sqrt((raw * raw).sum(axes: [1], keepDims: true))
        var ratios: [Double] = []
        for activation in [KernelActivation.relu, .erf] {
            for depth in 2...4 {
                let values = try LinearAlgebra.eigvalsh(try Self.dense(depth, activation).kernels(x).ntk)
                    .toArray(Double.self)
                ratios.append(values.first! / values.last!)
            }
        }
        findings.measure("definite", ratios.min()!)
        let linear = try LinearAlgebra.eigvalsh(try Self.dense(3, .identity).kernels(x).ntk).toArray(Double.self)
        findings.measure("rank", Double(linear.count { $0 > 1e-10 * linear.last! }))
        var worst = 0.0
        for depth in 1...10 {
            let net = try Self.dense(depth, w: 2.0.squareRoot(), b: 0)
            for (row, value) in try net.diagonals(raw).ntk.enumerated() {
                let norm = (raw[row] * raw[row]).sum().item(Double.self) / 3
                worst = max(worst, abs(value / (2 * Double(depth) * norm) - 1))
            }
        }
        findings.measure("diagonal", worst)
    }

    /// Figure 1: the kernel at the start and after training against its limit.
    func convergence(_ run: RunContext, _ findings: inout Findings) throws {
        let widths = run.quick ? [64, 256, 1024] : [64, 256, 1024, 4096]
        run.stage("width and kernel", steps: widths.count)
        let angles = (0..<65).map { Double.pi * (2 * Double($0) / 64 - 1) }
        let (x0, points) = (Self.circle([0]), Self.circle(angles))
        let net = try Self.dense(4)
        let limit = try net.kernels(x0, points).ntk
        let inputs = Random.normal([64, 2], dtype: .float64, key: RandomKey(run.seed).fold(in: 1))
        let coordinates = inputs.toArray(Double.self)
        let targets = Tensor((0..<64).map { coordinates[2 * $0] * coordinates[2 * $0 + 1] }, [64, 1])
        var (starts, changes): ([Double], [Double]) = ([], [])
        var series: [Chart.Series] = [.line("limit", x: angles, y: limit.toArray(Double.self))]
        for (step, width) in widths.enumerated() {
            let nets = run.quick ? (width > 256 ? 2 : 5) : (width > 1024 ? 4 : 10)
            let trained = width <= (run.quick ? 256 : 1024)
            var (start, change) = (0.0, 0.0)
            for index in 0..<nets {
                try run.checkCancellation()
                var finite = try FiniteNetwork(
                    net, widths: [2, width, width, width, 1],
                    key: RandomKey(run.seed).fold(in: 10 + width).fold(in: index))
                let kernel = finite.traceKernel(x0, points)
                let distance = relativeDistance(kernel, limit)
                start += distance * distance
                if index < 2, width == 64 || width == 1024 {
                    series.append(
                        .line(
                            "width \(width), net \(index + 1)", x: angles, y: kernel.toArray(Double.self), dashed: true)
                    )
                }
                guard trained else { continue }
                finite.train(inputs, targets, rate: 1, steps: 200)
                let moved = relativeDistance(finite.traceKernel(x0, points), kernel)
                change += moved * moved
            }
            starts.append((start / Double(nets)).squareRoot())
            if trained { changes.append((change / Double(nets)).squareRoot()) }
            run.step(step + 1)
        }
        let sizes = widths.map(Double.init)
        findings.measure("convergence", Self.slope(sizes, starts))
        findings.measure("freezing", Self.slope(Array(sizes.prefix(changes.count)), changes))
        findings.section("The kernel and the width")
        findings.table(
            Table(
                "Relative root mean square deviation from the limit at the start, and change in 200 steps",
                columns: ["width", "deviation", "change"],
                rows: widths.indices.map {
                    [
                        .number(sizes[$0]), .number(starts[$0], decimals: 4),
                        $0 < changes.count ? .number(changes[$0], decimals: 4) : .empty,
                    ]
                }))
        findings.chart(
            Chart(
                "kernel", "Θ(x₀, x(γ)) on the circle at the start", x: .linear("γ"), y: .linear("Θ"), series: series))
        findings.chart(
            Chart(
                "width", "Deviation and change", x: .log("width"), y: .log("relative"),
                series: [
                    .line("deviation at the start", x: sizes, y: starts),
                    .line("change in training", x: Array(sizes.prefix(changes.count)), y: changes),
                ]))
    }

    /// Figure 2: trained networks against the Gaussian limit.
    func gaussianity(_ run: RunContext, _ findings: inout Findings) throws {
        let (nets, width, steps) = run.quick ? (10, 128, 600) : (24, 512, 3000)
        run.stage("trained functions", steps: nets)
        let train = Self.circle([-2.5, -1.1, 0.4, 1.7])
        let coordinates = train.toArray(Double.self)
        let targets = Tensor((0..<4).map { coordinates[2 * $0] * coordinates[2 * $0 + 1] }, [4, 1])
        let angles = (0..<64).map { Double.pi * (2 * Double($0) / 63 - 1) }
        let test = Self.circle(angles)
        let net = try Self.dense(4)
        let (k, cross) = (try net.kernels(train), try net.kernels(test, train))
        let dynamics = try KernelDynamics(ntk: k.ntk, targets: targets)
        let limit = try dynamics.ensemble(
            time: Double(steps), testKernel: cross.ntk, nngp: k.nngp, testTrain: cross.nngp,
            test: try net.kernels(test).nngp)
        let mean = limit.mean.toArray(Double.self)
        let spread = limit.covariance.diagonal().toArray(Double.self).map { max(0, $0).squareRoot() }
        var outputs: [[Double]] = []
        for index in 0..<nets {
            try run.checkCancellation()
            var finite = try FiniteNetwork(
                net, widths: [2, width, width, width, 1], key: RandomKey(run.seed).fold(in: 70_000 + index),
                dtype: .float32)
            finite.train(train.asType(.float32), targets.asType(.float32), rate: 1, steps: steps)
            outputs.append(finite(test.asType(.float32)).asType(.float64).toArray(Double.self))
            run.step(index + 1)
        }
        let count = Double(nets)
        var (off, seen, expected) = (0.0, 0.0, 0.0)
        var quantiles = [[Double]](repeating: [], count: 3)
        for i in angles.indices {
            let summary = SampleSummary(outputs.map { $0[i] })
            off += (summary.mean - mean[i]) * (summary.mean - mean[i])
            seen += summary.standardError * summary.standardError * count
            expected += spread[i] * spread[i]
            for (q, p) in [0.1, 0.5, 0.9].enumerated() { quantiles[q].append(summary.quantile(p)) }
        }
        findings.measure(
            "gaussian-mean", (off / expected).squareRoot() * count.squareRoot(), note: "width \(width), \(nets) nets")
        findings.measure("gaussian-sd", (seen / expected).squareRoot())
        findings.section("Trained functions")
        findings.text(
            "Eigenvalues of the kernel of the four training points: "
                + dynamics.eigenvalues.map { Format.fixed($0, decimals: 4) }.joined(separator: ", ") + ".")
        let z = 1.2815515655446004
        findings.chart(
            Chart(
                "trained", "Quantiles of \(nets) trained nets of width \(width) and of the limit", x: .linear("γ"),
                y: .linear("f"),
                series: [
                    .line("10 %", x: angles, y: quantiles[0]), .line("median", x: angles, y: quantiles[1]),
                    .line("90 %", x: angles, y: quantiles[2]),
                    .line("limit, mean", x: angles, y: mean, dashed: true),
                    .line("limit, 10 %", x: angles, y: zip(mean, spread).map { $0 - z * $1 }, dashed: true),
                    .line("limit, 90 %", x: angles, y: zip(mean, spread).map { $0 + z * $1 }, dashed: true),
                ]))
    }

    /// How the time of a kernel grows with the number of points.
    func growth(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("growth")
        let sizes = run.quick ? [250, 500, 1000] : [500, 1000, 2000]
        let net = try InfiniteNetwork(spec: "mlp:3")
        let x = Random.normal([sizes.last!, 100], dtype: .float64, key: RandomKey(run.seed))
        let time = try Growth(sizes) { _ = try net.kernels(x[0..<$0]) }
        findings.section("Time of a kernel")
        findings.table(time.table("Three dense layers, 100 columns", size: "points"))
    }
}
