import Foundation
import Mercer
import MercerPapers

extension PrivateExperiment {
    /// σ², the median squared distance between pictures, public by fiat.
    private static let medianSquare = 131.2

    /// Gaussian and exponential densities of pictures with and without projection.
    func densities(
        _ run: RunContext, _ train: PublicDataSets.Pictures, _ test: PublicDataSets.Pictures,
        _ findings: inout Findings
    ) throws {
        let seeds = run.seeds(3)
        let n = run.quick ? 5000 : 20_000
        let x = train.scaled(0..<n)
        let y = test.scaled(0..<300)
        run.stage("densities of pictures", steps: 2 * seeds.count + 3)
        let sigma = Self.medianSquare.squareRoot()
        let (points, queries) = (PointSet<Double>(x), PointSet<Double>(y))
        let squares = squaredDistances(queries, points)
        func exact(_ f: (Double) -> Double) -> [Double] {
            squares.withUnsafeBuffer(of: Double.self) { squares in
                (0..<queries.count).map { row in
                    var sum = 0.0
                    for j in 0..<n { sum += f(squares[row * n + j]) }
                    return sum / Double(n)
                }
            }
        }
        run.step(1)
        let exactByKernel: [FeatureKernel: [Double]] = [
            .gaussian: exact { exp(-$0 / Self.medianSquare) },
            .exponential: exact { exp(-$0.squareRoot() / sigma) },
        ]
        var rows: [[Table.Cell]] = []
        var measured: [Double] = []
        for (s, seed) in seeds.enumerated() {
            for kernel in [FeatureKernel.gaussian, .exponential] {
                let errors = try [nil, 256, 64].map { k in
                    try densityErrors(
                        points, queries, exactByKernel[kernel]!, kernel, sigma, projection: k, seed: seed)
                }
                if kernel == .gaussian { measured.append(errors[1][1]) }
                if s == 0 {
                    for (k, error) in zip([784, 256, 64], errors) {
                        rows.append(
                            [.text(kernel.rawValue), .number(Double(k))]
                                + error.map { .number($0, decimals: 4) })
                    }
                }
                try run.checkCancellation()
            }
            run.step(2 + s)
        }
        findings.measure("projection-error", measured, seeds: seeds)
        let cauchy = exact { 1 / (1 + $0 / Self.medianSquare) }
        findings.measure(
            "cauchy",
            try seeds.map { seed in
                let answers = try PrivateSimilarity.build(
                    x, .inverse(.gaussian, bandwidth: sigma), budget: .pure(epsilon: 1),
                    options: options(nil, seed),
                    noise: .experiment(seed: seed)
                ).query(y)
                return Self.meanError(answers.map(\.estimate), cauchy)
            }, seeds: seeds)
        findings.section("Densities of pictures, and projection first")
        findings.table(
            Table(
                "Mean absolute error, Fashion-MNIST, \(n) rows, 300 queries, 2 048 features",
                columns: ["kernel", "columns", "no noise", "ε = 1", "ε = 0.1"], rows: rows))
        findings.measure("projection-bias", seeds.map(projectionBias), seeds: seeds)
        findings.measure("projection-speed", seeds.map { speedRatio(queries, sigma, $0) }, seeds: seeds)
        run.step(2 * seeds.count + 3)
    }

    private func options(_ projection: Int?, _ seed: UInt64) -> PrivateOptions {
        var options = PrivateOptions()
        options.projection = projection
        options.publicSeed = seed &+ 1000
        return options
    }

    private static func meanError(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + abs($1.0 - $1.1) } / Double(a.count)
    }

    /// Errors without noise, at ε = 1 and at ε = 0.1, from the same features.
    private func densityErrors(
        _ points: PointSet<Double>, _ queries: PointSet<Double>, _ exact: [Double], _ kernel: FeatureKernel,
        _ sigma: Double, projection k: Int?, seed: UInt64
    ) throws -> [Double] {
        var (x, y) = (PointSet<Float>(points), PointSet<Float>(queries))
        if let k {
            let projection = Projection(.gaussian, from: points.dimension, to: k, publicSeed: seed &+ 1000)
            (x, y) = (projection.apply(x), projection.apply(y))
        }
        let features = RandomFeatures(
            kernel, bandwidth: sigma, count: 2048, dimension: x.dimension, publicSeed: seed &+ 1000)
        let sums = features.sums(x)
        let n = Double(points.count)
        func error(_ sums: [Double]) -> Double {
            Self.meanError(features.estimates(means: sums.map { $0 / n }, y).map(\.estimate), exact)
        }
        let (l1, l2) = features.sensitivity
        return [error(sums)]
            + (try [1, 0.1].map { epsilon in
                var generator = NoiseSource.experiment(seed: seed).generator()
                let mechanism = PrivateMechanism.numbers(
                    count: features.count, l1: l1, l2: l2, budget: try .pure(epsilon: epsilon))
                return error(mechanism.sanitise(sums, using: &generator))
            })
    }

    /// The mean kernel value over many projections against the closed form, in errors of the mean.
    private func projectionBias(_ seed: UInt64) -> Double {
        let (d, k, draws) = (100, 64, 400)
        let distances = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8]
        var stream = RandomStream(RandomKey(seed).fold(in: 8))
        let directions = distances.flatMap { r -> [Double] in
            let g = (0..<d).map { _ in stream.normal() }
            let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return g.map { $0 / norm * r.squareRoot() }
        }
        let points = PointSet<Double>(directions, count: distances.count, dimension: d)
        var sums = [Double](repeating: 0, count: distances.count)
        var squares = sums
        for draw in 0..<draws {
            let reduced = Projection(
                .gaussian, from: d, to: k, publicSeed: (seed &+ 1) &* 100_000 &+ UInt64(draw)
            ).apply(points)
            for i in distances.indices {
                let value = exp(-reduced.squaredNorms[i])
                sums[i] += value
                squares[i] += value * value
            }
        }
        let n = Double(draws)
        return distances.indices.reduce(0) { largest, i in
            let mean = sums[i] / n
            let error = ((squares[i] / n - mean * mean) / (n - 1)).squareRoot()
            return max(largest, abs(mean - ProjectionBias.gaussian(distances[i], reduced: k)) / error)
        }
    }

    /// The time of queries after projection to 64 columns over that without, medians of interleaved runs.
    private func speedRatio(_ queries: PointSet<Double>, _ sigma: Double, _ seed: UInt64) -> Double {
        let y = PointSet<Float>(queries)
        let projection = Projection(.gaussian, from: y.dimension, to: 64, publicSeed: seed)
        func features(_ d: Int) -> RandomFeatures {
            RandomFeatures(.gaussian, bandwidth: sigma, count: 8192, dimension: d, publicSeed: seed)
        }
        let (small, large) = (features(64), features(y.dimension))
        let means = [Double](repeating: 0.01, count: 8192)
        func time(_ body: () -> Void) -> Double {
            let start = ContinuousClock.now
            body()
            return (ContinuousClock.now - start) / .seconds(1)
        }
        var ratios = (0..<7).map { _ in
            let a = time { _ = small.estimates(means: means, projection.apply(y)) }
            return a / time { _ = large.estimates(means: means, y) }
        }
        ratios.sort()
        return ratios[3]
    }

    // MARK: Classification

    /// Private classification by average similarity, and private gradient descent.
    func classification(
        _ run: RunContext, _ train: PublicDataSets.Pictures, _ test: PublicDataSets.Pictures,
        _ findings: inout Findings
    ) throws {
        let seeds = run.seeds(3)
        run.stage("classification", steps: 3 + seeds.count)
        let public5000 = GradientHistograms.features(test.scaled(5000..<10_000), side: 28)
        let whitening = try PublicWhitening(fitting: public5000, reduced: 100, shrinkage: 0.1)
        run.step(1)
        let all = try PrivateClassifier.unitRows(
            GradientHistograms.features(train.scaled(), side: 28), whitening)
        let n = 20_000
        let rows = PointSet<Double>(
            Array(all.values[..<(n * all.dimension)]), count: n, dimension: all.dimension)
        let labels = Array(train.labels[..<n])
        let held = try PrivateClassifier.unitRows(
            GradientHistograms.features(test.scaled(0..<5000), side: 28), whitening)
        let truth = Array(test.labels[..<5000])
        run.step(2)
        let bench = Bench(held: held, truth: truth)
        let epsilons = [0.1, 0.5, 1, 3]
        var accuracies = [[Double]](repeating: [], count: epsilons.count)
        var large: [Double] = []
        let plain = bench.accuracy(rows, labels, nil, seed: 0)
        let plainLarge = bench.accuracy(all, train.labels, nil, seed: 0)
        for seed in seeds {
            for (e, epsilon) in epsilons.enumerated() {
                accuracies[e].append(bench.accuracy(rows, labels, epsilon, seed: seed))
            }
            large.append(bench.accuracy(all, train.labels, 0.5, seed: seed))
        }
        run.step(3)
        var gaps: [Double] = []
        var speeds: [Double] = []
        var descents = [[Double]](repeating: [], count: epsilons.count)
        for (s, seed) in seeds.enumerated() {
            for (e, epsilon) in epsilons.enumerated() {
                try run.checkCancellation()
                descents[e].append(try bench.descent(rows, labels, epsilon, seed: seed, quick: run.quick))
            }
            gaps.append((1..<epsilons.count).map { descents[$0][s] - accuracies[$0][s] }.max()!)
            speeds.append(try bench.speed(rows, labels, seed: seed))
            run.step(4 + s)
        }
        findings.measure("classify", accuracies[1], seeds: seeds)
        findings.measure("classify-gap", gaps, seeds: seeds)
        findings.measure("classify-speed", speeds, seeds: seeds)
        findings.measure("classify-large", large, seeds: seeds)
        findings.measure("classify-cost", large.map { plainLarge - $0 }, seeds: seeds)
        findings.section("Classification without gradients")
        let mean = Claim.Statistic.mean.callAsFunction
        findings.table(
            Table(
                "Accuracy on 5 000 test pictures, δ = 1e−5; without privacy \(Format.fixed(plain, decimals: 4))",
                columns: ["ε", "average similarity", "private gradient descent, best of its grid"],
                rows: epsilons.indices.map {
                    [
                        .number(epsilons[$0]), .number(mean(accuracies[$0]), decimals: 4),
                        .number(mean(descents[$0]), decimals: 4),
                    ]
                },
                caption:
                    "The best of the grid is chosen by its test accuracy, which favours gradient descent."))
        findings.chart(
            Chart(
                "accuracy", "Accuracy against the privacy budget", x: .log("ε"), y: .linear("accuracy"),
                series: [
                    .line("average similarity", x: epsilons, y: accuracies.map(mean)),
                    .line("private gradient descent", x: epsilons, y: descents.map(mean)),
                ], guides: [.horizontal(plain, "no privacy")]))
    }

    /// Accuracies of both methods on held-out features.
    private struct Bench {
        let held: PointSet<Double>
        let truth: [Int]
        let classes = (0..<10).map(String.init)

        /// The classifier's accuracy at an ε, nil for no noise.
        func accuracy(_ rows: PointSet<Double>, _ labels: [Int], _ epsilon: Double?, seed: UInt64) -> Double {
            let features = Tensor(held.values, [held.count, held.dimension])
            let scores: Tensor
            if let epsilon {
                scores = noisy(rows, labels, epsilon, seed).scores(features: features)
            } else {
                let (sums, counts) = PrivateClassifier.classSums(rows, labels, classes: 10)
                guard
                    let exact = try? PrivateClassifier(
                        sums: Tensor(sums, [10, rows.dimension]), counts: counts, classes: classes)
                else { return .nan }
                scores = exact.scores(features: features)
            }
            let predicted = scores.argMin(axis: 1).asType(.int64).toArray(Int64.self)
            return Double(zip(predicted, truth).count { Int($0.0) == $0.1 }) / Double(truth.count)
        }

        private func noisy(_ rows: PointSet<Double>, _ labels: [Int], _ epsilon: Double, _ seed: UInt64)
            -> PrivateClassifier
        {
            do {
                return try PrivateClassifier.build(
                    rows: rows, labels: labels, classes: classes,
                    budget: PrivacyBudget(epsilon: epsilon, delta: 1e-5), dimension: rows.dimension,
                    noise: .experiment(seed: seed))
            } catch { preconditionFailure("\(error)") }
        }

        /// The best accuracy over steps and rates.
        func descent(_ rows: PointSet<Double>, _ labels: [Int], _ epsilon: Double, seed: UInt64, quick: Bool)
            throws
            -> Double
        {
            let budget = try PrivacyBudget(epsilon: epsilon, delta: 1e-5)
            let grid: [(Int, Double)] =
                quick
                ? [(50, 16)]
                : [(25, 16), (25, 32), (50, 8), (50, 16), (50, 32), (100, 8), (100, 16), (100, 32)]
            return grid.map { steps, rate in
                let weights = PrivateGradientDescent(steps: steps, rate: rate).fit(
                    rows, labels: labels, classes: 10, budget: budget, noise: .experiment(seed: seed))
                let predicted = PrivateGradientDescent.predict(weights, held, classes: 10)
                return Double(zip(predicted, truth).count { $0.0 == $0.1 }) / Double(truth.count)
            }.max()!
        }

        /// The time of 100 steps of gradient descent over that of building the classifier, medians of interleaved runs.
        func speed(_ rows: PointSet<Double>, _ labels: [Int], seed: UInt64) throws -> Double {
            let budget = try PrivacyBudget(epsilon: 1, delta: 1e-5)
            func time(_ body: () -> Void) -> Double {
                let start = ContinuousClock.now
                body()
                return (ContinuousClock.now - start) / .seconds(1)
            }
            let ratios = (0..<3).map { _ in
                let slow = time {
                    _ = PrivateGradientDescent(steps: 100, rate: 16).fit(
                        rows, labels: labels, classes: 10, budget: budget, noise: .experiment(seed: seed))
                }
                return slow / (0..<3).map { _ in time { _ = noisy(rows, labels, 1, seed) } }.min()!
            }
            return ratios.sorted()[1]
        }
    }
}
