import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct PrivateSimilarityTests {
    private static let x = Random.uniform(-0.9..<0.9, [2000, 3], dtype: .float64, key: RandomKey(1))
    private static let y = Random.uniform(-0.9..<0.9, [12, 3], dtype: .float64, key: RandomKey(2))

    private static func exact(_ function: SimilarityFunction) -> [Double] {
        function.exactSums(PointSet<Double>(x), PointSet<Double>(y)).map { $0 / 2000 }
    }

    private static let functions: [SimilarityFunction] = [
        .kernel(.gaussian, bandwidth: 1), .kernel(.exponential, bandwidth: 1),
        .kernel(.laplace, bandwidth: 2),
        .inverse(.gaussian, bandwidth: 1), .inverse(.exponential, bandwidth: 1),
        .inverse(.laplace, bandwidth: 1), .l1,
        .l2, .squaredL2, .lp(2),
    ]

    /// At the largest ε the noise is small: what is left is the sketch's own error.
    @Test(arguments: functions.indices)
    func releasesAnswerWhatTheDataSay(_ i: Int) throws {
        let function = Self.functions[i]
        var options = PrivateOptions()
        options.features = 4096
        options.alpha = 0.2
        options.projection = function == .l2 ? 64 : nil
        let release = try PrivateSimilarity.build(
            Self.x, function, budget: .pure(epsilon: 100), bound: function.boundsNorm ? 2 : 1,
            options: options,
            noise: .experiment(seed: 1))
        let exact = Self.exact(function)
        // Sixty-four random directions know a norm to a tenth.
        let tolerance = function == .l2 ? 0.25 : 0.12
        let scale = function.needsBound ? exact.max()! : 1
        let answers = release.query(Self.y)
        for (answer, truth) in zip(answers, exact) {
            #expect(
                abs(answer.estimate - truth) < tolerance * scale,
                "\(function.name): \(answer.estimate), \(truth)")
        }
    }

    /// The stated standard error is the deviation over releases; within a quarter, from 60 of them.
    @Test(arguments: [0, 6, 8])
    func statedErrorsAreTheNoises(_ i: Int) throws {
        let function = Self.functions[i]
        let bound = function.boundsNorm ? 2.0 : 1
        let query = Self.y[0..<1]
        var options = PrivateOptions()
        options.features = 256
        let answers = try (0..<60).map { seed in
            try PrivateSimilarity.build(
                Self.x, function, budget: .pure(epsilon: 0.5), bound: bound, options: options,
                noise: .experiment(seed: UInt64(seed))
            ).query(query)[0]
        }
        let mean = answers.reduce(0) { $0 + $1.estimate } / 60
        let deviation = (answers.reduce(0) { $0 + pow($1.estimate - mean, 2) } / 59).squareRoot()
        #expect(abs(deviation / answers[0].noiseStandardError - 1) < 0.4, "\(function.name)")
    }

    @Test func sumTreesAndLatticesAnswerToo() throws {
        var options = PrivateOptions()
        options.usesSumTree = true
        let sums = try PrivateSimilarity.build(
            Self.x, .l1, budget: .pure(epsilon: 100), bound: 1, options: options, noise: .experiment(seed: 2))
        for (answer, truth) in zip(sums.query(Self.y), Self.exact(.l1)) {
            #expect(abs(answer.estimate - truth) < 0.05)
        }
        options = PrivateOptions()
        options.latticeOrder = 8
        let lattice = try PrivateSimilarity.build(
            Self.x, .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 100), bound: 1, options: options,
            noise: .experiment(seed: 2))
        let exact = Self.exact(.kernel(.gaussian, bandwidth: 1))
        for (answer, truth) in zip(lattice.query(Self.y), exact) {
            #expect(abs(answer.estimate - truth) < 0.05)
        }
    }

    @Test(arguments: [2, 4, 16])
    func treesOfEveryArityAddUp(_ arity: Int) {
        let leaves = (0..<256).map { Double($0 * 7919 % 31) }
        let tree = CountTree(leaves: leaves, arity: arity)
        for (low, high) in [(0, 256), (0, 0), (3, 200), (17, 18), (255, 256), (100, 101), (1, 255)] {
            #expect(tree.sum(low..<high) == leaves[low..<high].reduce(0, +))
        }
        #expect(tree.levels == Int((log2(256.0) / log2(Double(arity))).rounded()) + 1)
    }

    @Test func releasesOfASeedAreTheSameForAnyNumberOfThreads() throws {
        let x = Random.uniform(-1..<1, [40_000, 1], dtype: .float64, key: RandomKey(4))
        let y = Random.uniform(-1..<1, [200, 1], dtype: .float64, key: RandomKey(5))
        func answers(_ threads: Int) throws -> [PrivateEstimate] {
            try Parallel.withThreads(threads) {
                try PrivateSimilarity.build(
                    x, .l1, budget: .pure(epsilon: 1), bound: 1, noise: .experiment(seed: 9)
                ).query(y)
            }
        }
        #expect(try answers(1) == answers(2))
    }

    /// Many queries take sums along the tree's paths, few walk the tree; the noise is whole numbers, so that both are exact.
    @Test func manyQueriesAreAnsweredAsFewAre() throws {
        for (count, alpha) in [(1000, 0.1), (1000, 0.7), (3, 0.1), (1, 0.1)] {
            let x = Random.uniform(-1..<1, [count, 2], dtype: .float64, key: RandomKey(7))
            let y = Random.uniform(-1.2..<1.2, [300, 2], dtype: .float64, key: RandomKey(8))
            var options = PrivateOptions()
            options.alpha = alpha
            let release = try PrivateSimilarity.build(
                x, .lp(2), budget: .pure(epsilon: 1), bound: 1, options: options, noise: .experiment(seed: 3))
            let many = release.query(y)
            for row in 0..<300 {
                let few = try #require(release.query(y[row..<row + 1]).first)
                #expect(abs(few.estimate - many[row].estimate) < 1e-9 * max(1, abs(few.estimate)))
                #expect(abs(few.noiseStandardError - many[row].noiseStandardError) < 1e-9)
            }
        }
    }

    @Test func sumTreesOfEuclideanDistancesKeepTheirAnswersInAFile() throws {
        let x = Random.uniform(-0.5..<0.5, [300, 4], dtype: .float64, key: RandomKey(6))
        var options = PrivateOptions()
        options.usesSumTree = true
        let release = try PrivateSimilarity.build(
            x, .l2, budget: .pure(epsilon: 50), bound: 1, options: options, noise: .experiment(seed: 2))
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).safetensors")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try release.save(to: path)
        #expect(try PrivateSimilarity(contentsOf: path).query(x) == release.query(x))
        #expect(throws: KernelMethodError.self) {
            try PrivateSimilarity.build(x, .lp(3), budget: .pure(epsilon: 1), bound: 1, options: options)
        }
    }

    /// Without noise upper weights give between 1 and 1 + α times the truth on the grid.
    @Test(arguments: [0.1, 0.5, 0.9])
    func ringsBracketTheTruth(_ alpha: Double) {
        let leaves = (0..<1024).map { Double($0 * 7919 % 13) }
        let tree = DistanceTree(counts: CountTree(leaves: leaves), range: 3)
        let rings = tree.rings(alpha: alpha, weight: .upper)
        for k in 0..<20 {
            let y = 3 * (Double(k) + 0.5) / 20
            let ratio = tree.sum(from: y, over: rings).sum / tree.exactSum(from: y)
            #expect(ratio >= 1 - 1e-12 && ratio <= 1 + alpha + 1e-12)
        }
    }

    @Test(arguments: Projection.Kind.allCases)
    func projectionsKeepDistances(_ kind: Projection.Kind) {
        let points = PointSet<Double>(Random.normal([40, 300], dtype: .float64, key: RandomKey(3)))
        let reduced = Projection(kind, from: 300, to: 2048, publicSeed: 5).apply(points)
        for i in 0..<39 {
            let ratio =
                reduced.squaredDistance(i, to: reduced, i + 1) / points.squaredDistance(i, to: points, i + 1)
            #expect(abs(ratio - 1) < 0.25, "\(kind): \(ratio)")
        }
    }

    @Test(arguments: functions.indices)
    func filesAnswerLikeTheirReleases(_ i: Int) throws {
        let function = Self.functions[i]
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("mercer-release-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var options = PrivateOptions()
        options.features = 128
        let release = try PrivateSimilarity.build(
            Self.x, function, budget: .pure(epsilon: 2), bound: function.boundsNorm ? 2 : 1, options: options)
        try release.save(to: path)
        let read = try PrivateSimilarity(contentsOf: path)
        #expect(read.record == release.record)
        #expect(read.query(Self.y) == release.query(Self.y))
    }

    @Test func sizeOfAReleaseDoesntDependOnTheRows() throws {
        func bytes(_ rows: Int) throws -> Int {
            let path = FileManager.default.temporaryDirectory
                .appendingPathComponent("mercer-release-\(UUID().uuidString).safetensors").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try PrivateSimilarity.build(
                Self.x[0..<rows], .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 1)
            ).save(to: path)
            return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        }
        #expect(try abs(bytes(100) - bytes(2000)) < 200)
    }

    @Test func rowsOutsideTheBoundAreCountedOrClipped() throws {
        let rows = Tensor([0.5, 0.5, 2, 0, 0.1, -3], [3, 2])
        do {
            _ = try PrivateSimilarity.build(rows, .l1, budget: .pure(epsilon: 1), bound: 1)
            Issue.record("rows outside the bound were taken")
        } catch {
            #expect("\(error)".contains("2 rows lie outside the public bound 1.0, the first is row 2"))
        }
        var options = PrivateOptions()
        options.clips = true
        _ = try PrivateSimilarity.build(rows, .l1, budget: .pure(epsilon: 1), bound: 1, options: options)
    }

    @Test func missingBoundsAndUselessOptionsAreRefused() {
        #expect(throws: KernelMethodError.self) {
            try PrivateSimilarity.build(Self.x, .l1, budget: .pure(epsilon: 1))
        }
        var options = PrivateOptions()
        options.alpha = 1
        options.ringWeight = .upper
        #expect(throws: KernelMethodError.self) {
            try PrivateSimilarity.build(Self.x, .l1, budget: .pure(epsilon: 1), bound: 1, options: options)
        }
        let broken = Tensor([1.0, .nan], [1, 2])
        #expect(throws: KernelMethodError.self) {
            try PrivateSimilarity.build(broken, .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 1))
        }
    }

    @Test func replacedRowsDoubleTheNoise() throws {
        var options = PrivateOptions()
        options.relation = .replace
        let a = try PrivateSimilarity.build(
            Self.x, .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 1))
        let b = try PrivateSimilarity.build(
            Self.x, .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 1), options: options)
        let ratio = b.record.mechanisms[0].mechanism.scale / a.record.mechanisms[0].mechanism.scale
        #expect(abs(ratio - 2) < 1e-6)
    }

    /// Bit for bit, with more rows than the builder sums up at a time.
    @Test(arguments: functions.indices)
    func streamedRowsGiveTheSameRelease(_ i: Int) throws {
        let function = Self.functions[i]
        let x = Random.uniform(-0.5..<0.5, [67_001, 2], dtype: .float64, key: RandomKey(11))
        let y = Random.uniform(-0.5..<0.5, [5, 2], dtype: .float64, key: RandomKey(12))
        var options = PrivateOptions()
        options.features = 32
        options.projection = function == .l2 ? 3 : nil
        func answers(_ part: Int) throws -> [PrivateEstimate] {
            var builder = try PrivateSimilarityBuilder(
                function, count: 67_001, dimension: 2, budget: .pure(epsilon: 1), bound: 1, options: options)
            for first in stride(from: 0, to: 67_001, by: part) {
                try builder.add(x[first..<min(67_001, first + part)])
            }
            return try builder.finish(noise: .experiment(seed: 4)).query(y)
        }
        let whole = try PrivateSimilarity.build(
            x, function, budget: .pure(epsilon: 1), bound: 1, options: options, noise: .experiment(seed: 4)
        ).query(y)
        for part in [997, 40_000] { #expect(try answers(part) == whole) }
    }

    @Test func rowsOutsideTheBoundAreCountedOverAllParts() throws {
        var builder = try PrivateSimilarityBuilder(
            .l1, count: 6, dimension: 1, budget: .pure(epsilon: 1), bound: 1, options: PrivateOptions())
        try builder.add(Tensor([0.0, 0.5], [2, 1]))
        try builder.add(Tensor([0.0, 2, -3], [3, 1]))
        try builder.add(Tensor([5.0], [1, 1]))
        let error = try #require(throws: KernelMethodError.self) { try builder.finish(noise: .experiment(seed: 1)) }
        #expect("\(error)".contains("3 rows lie outside the public bound 1.0, the first is row 4"))
    }

    @Test func sumsOfExponentialsSplitTheBudgetByTheirWeights() throws {
        let sum = ExponentialSum(weights: [0.8, -0.1], rates: [0.5, 4])
        for kernel in [FeatureKernel.gaussian, .exponential, .laplace] {
            let function = SimilarityFunction.exponentials(sum, kernel)
            var options = PrivateOptions()
            options.features = 8192
            let release = try PrivateSimilarity.build(
                Self.x, function, budget: .pure(epsilon: 100), options: options, noise: .experiment(seed: 1))
            for (answer, truth) in zip(release.query(Self.y), Self.exact(function)) {
                #expect(abs(answer.estimate - truth) < 0.05, "\(kernel)")
            }
            let spent = release.record.mechanisms.map(\.mechanism.budget.epsilon)
            #expect(abs(spent.reduce(0, +) - 100) < 1e-9)
            #expect(abs(spent[0] / spent[1] - pow(8, 2 / 3.0)) < 1e-9)
            let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try release.save(to: path)
            #expect(try PrivateSimilarity(contentsOf: path).query(Self.y) == release.query(Self.y))
        }
    }

    /// At this accuracy the first exponentials of 1/(1 + ·) weigh too little to be kept.
    @Test func sumsWithoutTheirSmallTermsSurviveTheirFile() throws {
        var options = PrivateOptions()
        options.alpha = 1e-6
        options.features = 64
        let release = try PrivateSimilarity.build(
            Self.x, .inverse(.gaussian, bandwidth: 1), budget: .pure(epsilon: 100), options: options,
            noise: .experiment(seed: 1))
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try release.save(to: path)
        #expect(try PrivateSimilarity(contentsOf: path).query(Self.y) == release.query(Self.y))
    }

    @Test func gradientDescentLearnsUnderPrivacyAndSurvivesItsFile() throws {
        let a = Random.normal([500, 4], dtype: .float64, key: RandomKey(5)) + Tensor([3.0, 0, 0, 0])
        let b = Random.normal([500, 4], dtype: .float64, key: RandomKey(6)) + Tensor([0.0, 3, 0, 0])
        let labels = [Int](repeating: 0, count: 500) + [Int](repeating: 1, count: 500)
        let budget = try PrivacyBudget(epsilon: 1, delta: 1e-5)
        let whitening = try PublicWhitening(
            fitting: Random.normal([300, 4], dtype: .float64, key: RandomKey(7)), reduced: 3)
        let classifier = try PrivateLinearClassifier.build(
            concatenated([a, b]), labels: labels, classes: ["first", "second"],
            PrivateGradientDescent(steps: 30, rate: 8), budget: budget, whitening: whitening)
        let predicted = try classifier.predict(concatenated([a, b]))
        #expect(zip(predicted, labels).count { $0.0 == $0.1 } > 900)
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try classifier.save(to: path)
        #expect(try PrivateLinearClassifier.isFormat(of: path))
        let read = try PrivateLinearClassifier(contentsOf: path)
        #expect(read.record == classifier.record)
        #expect(try read.predict(concatenated([a, b])) == predicted)
        // σ = √(T/2ρ) with ε = ρ + 2 √(ρ ln 1/δ), for a sensitivity of 1; twice as much where a row is replaced.
        let sigma = classifier.record.mechanism.scale
        let rho = 30 / (2 * sigma * sigma)
        #expect(abs(rho + 2 * (rho * log(1e5)).squareRoot() - 1) < 1e-6)
        let other = PrivateGradientDescent(steps: 30, rate: 8).mechanism(
            rows: 1000, dimension: 3, classes: 2, budget: budget, relation: .replace)
        #expect(abs(other.scale / sigma - 2) < 1e-6)
        #expect(throws: KernelMethodError.self) {
            try PrivateLinearClassifier.build(
                a, labels: Array(labels.prefix(500)), classes: ["first", "second"],
                PrivateGradientDescent(steps: 30, rate: 8), budget: .pure(epsilon: 1))
        }
    }

    @Test func discrepancyOfOneLawIsSmallAndOfTwoLarge() throws {
        func release(_ rows: Tensor) throws -> PrivateSimilarity {
            try PrivateSimilarity.build(
                rows, .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 50),
                noise: .experiment(seed: 9))
        }
        let other = try PrivateSimilarity.build(
            Self.x[1000..<2000], .kernel(.gaussian, bandwidth: 1), budget: .pure(epsilon: 50),
            noise: .experiment(seed: 10))
        let same = try PrivateTwoSample.squaredDiscrepancy(release(Self.x[0..<1000]), other)
        let different = try PrivateTwoSample.squaredDiscrepancy(release(Self.x[0..<1000] + 0.5), other)
        #expect(different.value > 10 * max(abs(same.value), same.noiseStandardError))
    }

    @Test func classifierLearnsUnderPrivacyAndSurvivesItsFile() throws {
        let a = Random.normal([500, 4], dtype: .float64, key: RandomKey(5)) + Tensor([3.0, 0, 0, 0])
        let b = Random.normal([500, 4], dtype: .float64, key: RandomKey(6)) + Tensor([0.0, 3, 0, 0])
        let labels = [Int](repeating: 0, count: 500) + [Int](repeating: 1, count: 500)
        let whitening = try PublicWhitening(
            fitting: Random.normal([300, 4], dtype: .float64, key: RandomKey(7)), reduced: 4)
        let classifier = try PrivateClassifier.build(
            concatenated([a, b]), labels: labels, classes: ["first", "second"],
            budget: .approximate(epsilon: 1, delta: 1e-5), whitening: whitening)
        let predicted = try classifier.predict(concatenated([a, b]))
        #expect(zip(predicted, labels).count { $0.0 == $0.1 } > 950)
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("mercer-classifier-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try classifier.save(to: path)
        #expect(try PrivateClassifier(contentsOf: path).predict(concatenated([a, b])) == predicted)
        #expect(throws: KernelMethodError.self) { try PrivateSimilarity(contentsOf: path) }
    }

    /// At the largest ε the scores are prior times mean kernel; the noise of the classes differs, also under a seed.
    @Test func classDensitiesAreSumsOverEachClassAndSurviveTheirFile() throws {
        let labels = (0..<2000).map { $0 % 4 == 0 ? 0 : 1 }
        var options = PrivateOptions()
        options.features = 4096
        func build(_ epsilon: Double, _ noise: NoiseSource) throws -> PrivateClassDensities {
            try PrivateClassDensities.build(
                Self.x, labels: labels, classes: ["quarter", "rest"], .kernel(.gaussian, bandwidth: 1),
                budget: .pure(epsilon: epsilon), options: options, noise: noise)
        }
        let densities = try build(100, .experiment(seed: 1))
        let scores = densities.scores(Self.y).toArray(Double.self)
        for c in 0..<2 {
            let rows = labels.indices.filter { labels[$0] == c }
            let exact = SimilarityFunction.kernel(.gaussian, bandwidth: 1).exactSums(
                PointSet<Double>(Self.x.take(Tensor(rows.map(Int64.init)), axis: 0)), PointSet<Double>(Self.y))
            for (row, sum) in exact.enumerated() { #expect(abs(scores[2 * row + c] - sum / 2000) < 0.05) }
        }
        let noisy = try build(0.01, .experiment(seed: 1))
        let (first, second) = (noisy.releases[0].query(Self.y), noisy.releases[1].query(Self.y))
        #expect(zip(first, second).contains { abs($0.estimate - $1.estimate) > 1 })
        let path = FileManager.default.temporaryDirectory
            .appendingPathComponent("mercer-densities-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try densities.save(to: path)
        let read = try PrivateClassDensities(contentsOf: path)
        #expect(read.scores(Self.y).toArray(Double.self) == scores && read.classes == densities.classes)
        #expect(throws: KernelMethodError.self) { try PrivateClassifier(contentsOf: path) }
    }
}
