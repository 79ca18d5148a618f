import Foundation
import Mercer
import MercerPapers

extension PrivateExperiment {
    /// How wrong the answers of one way to release distances are.
    private struct Errors {
        var relative = 0.0
        var bias = 0.0
        var count = 0.0

        mutating func add(_ estimate: Double, _ exact: Double) {
            relative += abs(estimate / exact - 1)
            bias += estimate / exact - 1
            count += 1
        }

        var mean: Double { relative / count }
    }

    /// Distance sums from noisy trees, a flat histogram and composed answers.
    func trees(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = run.quick ? (0..<3).map { run.seed &+ $0 } : run.seeds(5)
        // A release's noise moves all queries alike, so the mean needs releases more than queries.
        let releases = run.quick ? 20 : 40
        run.stage("distance trees", steps: seeds.count)
        var ratios: [Double] = []
        var outside = 0.0
        var shown: [[Table.Cell]] = []
        for (s, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let world = DistanceWorld(count: 100_000, queries: 30, key: RandomKey(seed))
            if s == 0 { outside = world.answersOutside([0.1, 0.5, 1]) }
            var rows: [[Table.Cell]] = []
            for epsilon in [0.1, 1] {
                let tree = world.treeError(epsilon, alpha: 0.5, .midpoint, releases: releases)
                let flat = world.flatError(epsilon, releases: releases)
                if epsilon == 0.1 { ratios.append(tree / flat) }
                rows.append([
                    .number(epsilon), .number(tree, decimals: 4),
                    .number(world.treeError(epsilon, alpha: 0.1, .upper, releases: releases), decimals: 4),
                    .number(world.treeError(epsilon, alpha: 0.1, .midpoint, releases: releases), decimals: 4),
                    .number(flat, decimals: 4),
                    .number(world.compositionError(epsilon, answers: 100, releases: releases), decimals: 4),
                ])
            }
            if s == 0 { shown = rows }
            run.step(s + 1)
        }
        let small = DistanceWorld(count: 1000, queries: 30, key: RandomKey(run.seed))
        findings.measure("tree-flat", ratios, seeds: seeds)
        findings.measure("tree-bracket", outside)
        findings.section("Sums of distances on a line")
        findings.table(
            Table(
                "Mean relative error, n = 100 000, \(releases) releases",
                columns: [
                    "ε", "tree, α 0.5, midpoint", "tree, α 0.1, upper", "tree, α 0.1, midpoint",
                    "flat histogram", "100 answers composed",
                ],
                rows: shown))
        findings.text(
            "With few rows the flat histogram wins: at n = 1 000 and ε = 1 its error is "
                + "\(Format.fixed(small.flatError(1, releases: 20), decimals: 3)), the tree's "
                + "\(Format.fixed(small.treeError(1, alpha: 0.5, .midpoint, releases: 20), decimals: 3)).")
    }

    /// Values on a line with queries and their exact answers.
    private struct DistanceWorld {
        let leaves: [Double]
        let queries: [Double]
        let exact: [Double]
        let exactTree: CountTree
        let key: RandomKey

        init(count: Int, queries: Int, key: RandomKey) {
            var stream = RandomStream(key)
            let values = (0..<count).map { _ in stream.beta(2, 5) }
            let places = (0..<queries).map { _ in stream.beta(2, 5) }
            let cells = CountTree.cells(atLeast: count, arity: 2)
            var leaves = [Double](repeating: 0, count: cells)
            for value in values { leaves[DistanceTree.cell(value, range: 1, cells: cells)] += 1 }
            self.leaves = leaves
            self.queries = places
            exact = places.map { y in values.reduce(0) { $0 + abs($1 - y) } }
            exactTree = CountTree(leaves: leaves)
            self.key = key
        }

        /// Noise-free answers with upper weights outside [1, 1 + α] times the truth on the grid.
        func answersOutside(_ alphas: [Double]) -> Double {
            let tree = DistanceTree(counts: exactTree, range: 1)
            var outside = 0.0
            for alpha in alphas {
                let rings = tree.rings(alpha: alpha, weight: .upper)
                for y in queries {
                    let ratio = tree.sum(from: y, over: rings).sum / tree.exactSum(from: y)
                    if ratio < 1 - 1e-12 || ratio > 1 + alpha + 1e-12 { outside += 1 }
                }
            }
            return outside
        }

        private func noise(_ scale: Double, _ count: Int, _ release: Int) -> [Double] {
            let law = DiscreteLaplace(scale: scale)
            return [Double](unsafeUninitializedCapacity: count) { result, initialised in
                let target = UncheckedAddress(result.baseAddress)
                Parallel.forRanges(count, grain: 1 << 14) { range in
                    var stream = RandomStream(key.fold(in: 1000 + release).fold(in: range.lowerBound))
                    for i in range { target.pointer[i] = Double(law.draw(using: &stream)) }
                }
                initialised = count
            }
        }

        func treeError(_ epsilon: Double, alpha: Double, _ weight: RingWeight, releases: Int) -> Double {
            var errors = Errors()
            for release in 0..<releases {
                let noise = noise(Double(exactTree.levels) / epsilon, exactTree.nodes.count, release)
                let tree = DistanceTree(
                    counts: CountTree(nodes: zip(exactTree.nodes, noise).map(+), cells: exactTree.cells),
                    range: 1)
                let rings = tree.rings(alpha: alpha, weight: weight)
                for (y, truth) in zip(queries, exact) {
                    errors.add(tree.sum(from: y, over: rings).sum, truth)
                }
            }
            return errors.mean
        }

        /// Every cell's count with noise of scale 1/ε, summed with exact distances.
        func flatError(_ epsilon: Double, releases: Int) -> Double {
            var errors = Errors()
            for release in 0..<releases {
                let noisy = zip(leaves, noise(1 / epsilon, leaves.count, 100 + release)).map(+)
                for (y, truth) in zip(queries, exact) {
                    let cell = DistanceTree.cell(y, range: 1, cells: leaves.count)
                    var sum = 0.0
                    for (i, count) in noisy.enumerated() { sum += count * Double(abs(i - cell)) }
                    errors.add(sum / Double(leaves.count), truth)
                }
            }
            return errors.mean
        }

        /// Each answer with Laplace noise of its own for ε over so many answers; there is no further one.
        func compositionError(_ epsilon: Double, answers: Int, releases: Int) -> Double {
            var errors = Errors()
            var stream = RandomStream(key.fold(in: 5))
            for _ in 0..<releases {
                for truth in exact {
                    let sign = stream.next() >> 63 == 0 ? 1.0 : -1
                    errors.add(truth + sign * stream.exponential() * Double(answers) / epsilon, truth)
                }
            }
            return errors.mean
        }
    }

    /// The time of building and asking against the number of rows and of features.
    func growth(_ run: RunContext, _ findings: inout Findings) throws {
        run.stage("growth")
        func features(_ count: Int) -> RandomFeatures {
            RandomFeatures(.gaussian, bandwidth: 8, count: count, dimension: 64, publicSeed: 0)
        }
        let fixed = features(1024)
        let build = Growth([4000, 8000, 16_000]) { n in
            let x = PointSet<Double>(Random.normal([n, 64], dtype: .float64, key: RandomKey(run.seed)))
            withExtendedLifetime(fixed.sums(x)) {}
        }
        let y = PointSet<Float>(Random.normal([500, 64], dtype: .float32, key: RandomKey(run.seed)))
        let query = Growth([1024, 2048, 4096]) { count in
            let some = features(count)
            let means = [Double](repeating: 0.1, count: count)
            for _ in 0..<10 { withExtendedLifetime(some.estimates(means: means, y)) {} }
        }
        findings.section("Growth")
        findings.table(build.table("Sums of 1 024 features of 64 columns", size: "rows"))
        findings.table(query.table("5 000 queries of 64 columns, features drawn anew", size: "features"))
    }

    /// 1/x as sums of exponentials.
    func exponentialSums(_ findings: inout Findings) throws {
        let places = (0...40_000).map { exp(Double($0) / 40_000 * log(1e12)) }
        let counts = [4, 8, 12, 18]
        var worst = 0.0
        var differences = 0
        var rows: [[Table.Cell]] = []
        for power in 1...8 {
            let alpha = pow(10, -Double(power))
            let sum = try ExponentialSum.reciprocal(accuracy: alpha)
            let error = sum.largestError(over: places)
            worst = max(worst, error / alpha)
            if power <= counts.count { differences += abs(sum.count - counts[power - 1]) }
            rows.append([.number(alpha), .number(Double(sum.count)), .number(error)])
        }
        findings.measure("exponential-sums", worst)
        findings.measure("exponential-terms", Double(differences))
        findings.section("Smooth kernels as few exponentials")
        findings.table(Table("1/x on [1, ∞)", columns: ["α", "terms", "largest error"], rows: rows))
    }

    /// Sensitivities over neighbouring pairs, and ε from below.
    func privacy(_ run: RunContext, _ findings: inout Findings) throws {
        let seeds = run.seeds(3)
        run.stage("audit", steps: seeds.count)
        var largest: [Double] = []
        var smallest: [Double] = []
        var bounds: [Double] = []
        var shown: [[Table.Cell]] = []
        for (s, seed) in seeds.enumerated() {
            try run.checkCancellation()
            let audits = self.audits(RandomKey(seed).fold(in: 3))
            let ratios = audits.map { $0.observed / $0.declared }
            largest.append(ratios.max()!)
            smallest.append(ratios.min()!)
            bounds.append(
                try PrivacyAudit.epsilonOfCounts(epsilon: 1, trials: 100_000, noise: .experiment(seed: seed)))
            if s == 0 {
                shown = audits.map {
                    [
                        .text($0.name), .number(Double($0.pairs)), .number($0.observed), .number($0.declared),
                        .number($0.observed / $0.declared, decimals: 3),
                    ]
                }
            }
            run.step(s + 1)
        }
        findings.measure("sensitivity", largest, seeds: seeds)
        findings.measure("sensitivity-tight", smallest, seeds: seeds)
        findings.measure("epsilon", bounds, seeds: seeds)
        findings.measure("epsilon-tight", bounds, seeds: seeds)
        findings.section("Privacy")
        findings.table(
            Table(
                "Neighbouring pairs", columns: ["sketch", "pairs", "observed", "declared", "ratio"],
                rows: shown))
    }

    private func audits(_ key: RandomKey) -> [PrivacyAudit.Sensitivity] {
        var stream = RandomStream(key)
        let (n, d) = (1000, 8)
        let points = PointSet<Double>((0..<n * d).map { _ in stream.normal() }, count: n, dimension: d)
        var unit = points.values
        for row in 0..<n {
            for k in row * d..<(row + 1) * d { unit[k] /= points.squaredNorms[row].squareRoot() }
        }
        let features = RandomFeatures(
            .gaussian, bandwidth: 2, count: 64, dimension: d, publicSeed: stream.next())
        return [
            PrivacyAudit.features(features, points, pairs: n),
            PrivacyAudit.tree((0..<n).map { _ in stream.uniform() }, range: 1, cells: 1024, pairs: n),
            PrivacyAudit.classSums(
                PointSet<Double>(unit, count: n, dimension: d), (0..<n).map { $0 % 3 }, classes: 3, pairs: n),
        ]
    }
}
