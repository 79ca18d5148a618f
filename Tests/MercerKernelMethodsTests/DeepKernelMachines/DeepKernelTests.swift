import Foundation
import Mercer
import MercerKernelMethods
import MercerNN
import Testing

@Suite struct DeepKernelTests {
    private static let x = Random.normal([60, 3], dtype: .float64, key: RandomKey(1))
    private static let targets: [Double] = {
        let values = x.toArray(Double.self)
        return (0..<60).map { sin(2 * values[3 * $0]) + 0.5 * values[3 * $0 + 1] }
    }()

    private static func distance(_ a: Tensor, _ b: Tensor) -> Double { abs(a - b).max().doubleValue }

    private static func settings(nu: Double, layers: Int = 2, steps: Int = 200) -> DeepKernelSettings {
        var settings = DeepKernelSettings()
        settings.layers = layers
        settings.nu = nu
        settings.inducing = 25
        settings.steps = steps
        return settings
    }

    @Test func divergenceIsZeroBetweenEqualsAndPositiveElse() throws {
        let k = matmul(Self.x[0..<3].transposed(), Self.x[0..<3]) + Tensor.eye(3, nil, .float64)
        #expect(abs(try gramDivergence(k, k).doubleValue) < 1e-12)
        #expect(try gramDivergence(k * 1.5, k).doubleValue > 0)
    }

    @Test func aMachineStartsAtTheProcess() throws {
        let machine = try DeepKernelMachine {
            Inducing(Self.x, count: 20)
            SquaredExponential()
            GramLayer(nu: 5)
            SquaredExponential()
            GramLayer(nu: 5)
            SquaredExponential()
            GaussianOutput()
        }
        for item in try machine.divergences() { #expect(abs(item.divergence) < 1e-6) }
        #expect(machine.nus == [5, 5])
        #expect(machine.parameters["3.V"]?.shape == [20, 20])
    }

    @Test(arguments: GramKernel.allCases)
    func sparseAndFullLikelihoodsAgreeWhereAllPointsInduce(_ kernel: GramKernel) throws {
        // With every row an inducing point the rows' own Gram entries are the inducing ones.
        let x = Self.x[0..<12]
        let machine = try DeepKernelMachine(
            layers: [.kernel([kernel]), .gaussianOutput], inducing: Inducing(points: x), jitter: 1e-8)
        let last = try #require(try machine.forward(x).last)
        #expect(Self.distance(last.inducing, last.cross) < 1e-6)
        #expect(Self.distance(last.inducing.diagonal(), last.diagonal) < 1e-6)
    }

    @Test func trainingRaisesTheObjectiveAndPredicts() throws {
        let model = try DeepKernelModel(fitting: Self.x, targets: .numbers(Self.targets), Self.settings(nu: 10))
        #expect(model.history.last! > model.history.first! + 0.1)
        let score = try model.score(Self.x, Self.targets)
        #expect(score.error < 0.3)
        let (_, deviation) = try model.predict(Self.x * 30.0)
        let (_, near) = try model.predict(Self.x)
        #expect(deviation.min()! > near.min()!)
    }

    @Test func aPlainProcessIsAMachineWithoutLayers() throws {
        let model = try DeepKernelModel(
            fitting: Self.x, targets: .numbers(Self.targets), Self.settings(nu: 10, layers: 0))
        #expect(try model.machine.divergences().isEmpty)
        #expect(try model.score(Self.x, Self.targets).error < 0.4)
    }

    @Test func infiniteStrengthLearnsNothing() throws {
        let model = try DeepKernelModel(
            fitting: Self.x, targets: .numbers(Self.targets), Self.settings(nu: .infinity, steps: 30))
        #expect(try model.machine.divergences().allSatisfy { $0.divergence == 0 })
    }

    @Test func classesArePredictedWithProbabilities() throws {
        let labels = Self.targets.map { $0 > 0.3 ? 2 : $0 > -0.3 ? 1 : 0 }
        var settings = Self.settings(nu: 30, layers: 1, steps: 150)
        settings.rate = 0.03
        let model = try DeepKernelModel(
            fitting: Self.x, targets: .labels(labels, classes: ["a", "b", "c"]), settings)
        let probabilities = exp(try model.logProbabilities(Self.x)).sum(axis: 1).toArray(Double.self)
        #expect(probabilities.allSatisfy { abs($0 - 1) < 1e-9 })
        #expect(try model.score(Self.x, labels: labels).accuracy > 0.6)
    }

    @Test func minibatchesTrainToo() throws {
        var settings = Self.settings(nu: 30, layers: 1, steps: 200)
        settings.batch = 20
        settings.rate = 0.03
        let model = try DeepKernelModel(fitting: Self.x, targets: .numbers(Self.targets), settings)
        let early = model.history.prefix(20).reduce(0, +)
        #expect(model.history.suffix(20).reduce(0, +) > early)
    }

    @Test(arguments: [nil, false, true])
    func kernelsAddAndNormalise(_ isLocal: Bool?) throws {
        var settings = Self.settings(nu: 10, layers: 1, steps: 60)
        settings.kernels = [.squaredExponential, .relu]
        settings.normalisesLocally = isLocal
        let model = try DeepKernelModel(fitting: Self.x, targets: .numbers(Self.targets), settings)
        #expect(model.history.last! > model.history.first!)
    }

    private static let kinds: [(name: String, change: @Sendable (inout DeepKernelSettings) -> Void)] = [
        ("regression", { _ in }), ("closed form", { $0.collapsesOutput = true }), ("batches", { $0.batch = 20 }),
        ("full", { $0.isFull = true }), ("classes", { $0.batch = 30 }),
    ]

    /// Stopped twice, in and between intervals, and resumed each time; then once more when it is done.
    @Test(arguments: kinds.indices)
    func aStoppedTrainingEndsWithTheSameBits(_ kind: Int) throws {
        var settings = Self.settings(nu: 10, layers: 1, steps: 130)
        settings.inducing = 12
        Self.kinds[kind].change(&settings)
        let targets: DeepKernelModel.Targets =
            Self.kinds[kind].name == "classes"
            ? .labels(Self.targets.map { $0 > 0 ? 1 : 0 }, classes: ["a", "b"]) : .numbers(Self.targets)
        let whole = try DeepKernelModel(fitting: Self.x, targets: targets, settings)
        let folder = FileManager.default.temporaryDirectory.appending(path: "deep-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let checkpoints = Checkpoints(folder)
        func train(stoppingAt stop: Int) throws -> DeepKernelModel {
            try DeepKernelModel(fitting: Self.x, targets: targets, settings, checkpoints: checkpoints) { step, _ in
                if step == stop { throw CancellationError() }
            }
        }
        for stop in [17, 110] {
            #expect(throws: CancellationError.self) { try train(stoppingAt: stop) }
            #expect(!checkpoints.steps().isEmpty)
        }
        for _ in 0..<2 {
            let resumed = try train(stoppingAt: -1)
            #expect(resumed.objective == whole.objective && resumed.history == whole.history)
            #expect(resumed.machine.parameters.keys == whole.machine.parameters.keys)
            for (name, tensor) in whole.machine.parameters {
                #expect(
                    resumed.machine.parameters[name]?.toArray(Double.self) == tensor.toArray(Double.self), "\(name)")
            }
        }
        settings.seed = 1
        settings.steps = 131
        let error = try #require(throws: CheckpointError.self) { try train(stoppingAt: -1) }
        #expect("\(error)".contains("use another folder"))
    }

    @Test func theBestOfSeveralSeedsIsKept() throws {
        let settings = Self.settings(nu: 10, layers: 1, steps: 40)
        let objectives = try (0..<3).map { seed in
            var one = settings
            one.seed = UInt64(seed)
            return try DeepKernelModel(fitting: Self.x, targets: .numbers(Self.targets), one).objective
        }
        let best = try DeepKernelModel.best(of: 3, fitting: Self.x, targets: .numbers(Self.targets), settings)
        #expect(best.objective == objectives.max()!)
        #expect(best.settings.seed == UInt64(objectives.firstIndex(of: objectives.max()!)!))
    }

    @Test func modelsAnswerTheSameAfterTheirFile() throws {
        let model = try DeepKernelModel(
            fitting: Self.x, targets: .numbers(Self.targets), columns: ["a", "b", "c"], Self.settings(nu: 10, steps: 20)
        )
        let path = FileManager.default.temporaryDirectory.appending(path: "deep-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.save(to: path)
        let read = try DeepKernelModel(contentsOf: path)
        #expect(read.columns == ["a", "b", "c"])
        #expect(try read.predict(Self.x).mean == model.predict(Self.x).mean)
        #expect(try read.predict(Self.x).deviation == model.predict(Self.x).deviation)
    }

    @Test func theGeodesicEndsWhereItShould() throws {
        func gram(_ seed: UInt64) -> Tensor {
            let f = Random.normal([4, 9], dtype: .float64, key: RandomKey(seed))
            return matmul(f, f.transposed()) / 9.0
        }
        let (first, last) = (gram(1), gram(2))
        let path = try LinearDeepKernel.geodesic(from: first, to: last, layers: 2)
        // The middle of the way from G₁ to the end is G₂.
        let middle = try LinearDeepKernel.geodesic(from: path[0], to: last, layers: 1)[0]
        #expect(Self.distance(middle, path[1]) < 1e-10)
    }

    @Test func samplerOfOneWideLayerFollowsItsPrior() throws {
        // With huge noise the posterior is the prior, whose mean Gram matrix is the kernel.
        let x = Self.x[0..<4]
        let process = FiniteDeepProcess(
            x, Tensor([0.0, 0, 0, 0]), width: 8, layers: 1, noiseVariance: 1e6)
        let chain = try process.sample(iterations: 1500, stepSize: 0.2, key: RandomKey(3))
        #expect(chain.acceptance > 0.6)
        let full = try FullDeepKernelMachine(x, Tensor([0.0, 0, 0, 0]), nus: [.infinity], noiseVariance: 1e6)
        #expect(Self.distance(chain.grams[0], try full.grams()[0]) < 0.12)
    }

    @Test func constantColumnsAndLonelyClassesAreRefused() {
        let flat = concatenated([Self.x, Tensor.ones([60, 1], .float64)], axis: 1)
        #expect(throws: KernelMethodError.self) {
            try DeepKernelModel(fitting: flat, targets: .numbers(Self.targets), Self.settings(nu: 10))
        }
        #expect(throws: KernelMethodError.self) {
            try DeepKernelModel(
                fitting: Self.x, targets: .labels([1] + [Int](repeating: 0, count: 59), classes: ["a", "b"]),
                Self.settings(nu: 10))
        }
    }
}
