import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct QuantumKernelTests {
    private static func points(_ n: Int, _ count: Int, seed: UInt64 = 1) -> Tensor {
        Random.uniform(0..<2 * Double.pi, [count, n], dtype: .float64, key: RandomKey(seed))
    }

    private static func distance(_ a: Tensor, _ b: Tensor) -> Double { abs(a - b).max().doubleValue }

    @Test func theZMapIsAProductOfOneQubitKernels() throws {
        let (x, z) = (Self.points(4, 7), Self.points(4, 5, seed: 2))
        let whole = try QuantumKernel(ZZFeatureMap(qubits: 4, pairs: .none)).matrix(x, z)
        var product = Tensor.ones([7, 5], .float64)
        for k in 0..<4 {
            let one = QuantumKernel(ZZFeatureMap(qubits: 1))
            product = product * (try one.matrix(x[0..., k..<k + 1], z[0..., k..<k + 1]))
        }
        #expect(Self.distance(whole, product) < 1e-13)
    }

    @Test func theKernelIsTheProductOfPauliVectors() throws {
        let map = ZZFeatureMap(qubits: 3, pairs: .linear)
        let x = Self.points(3, 6)
        let vectors = StateVectors(map, x).pauliVector()
        let fromVectors = matmul(vectors, vectors.transposed()) / 8.0
        #expect(Self.distance(try QuantumKernel(map).matrix(x), fromVectors) < 1e-13)
    }

    @Test(arguments: [1, 3, 5, 40])
    func rowBlocksChangeNothing(_ rows: Int) throws {
        let map = ZZFeatureMap(qubits: 5)
        let (x, z) = (Self.points(5, 13), Self.points(5, 9, seed: 3))
        let bytes = rows * 2 * (16 << 5)
        let (blocks, whole) = (QuantumKernel(map, memory: bytes), QuantumKernel(map))
        #expect(Self.distance(try blocks.matrix(x), try whole.matrix(x)) < 1e-14)
        #expect(Self.distance(try blocks.matrix(x, z), try whole.matrix(x, z)) < 1e-14)
    }

    @Test func theNumberOfThreadsChangesNoBit() throws {
        let kernel = QuantumKernel(ZZFeatureMap(qubits: 6))
        let x = Self.points(6, 90)
        let one = try Parallel.withThreads(1) { try kernel.matrix(x).toArray(Double.self) }
        let many = try Parallel.withThreads(4) { try kernel.matrix(x).toArray(Double.self) }
        #expect(one == many)
    }

    @Test func float32StatesAgreeToSixDigits() throws {
        let map = ZZFeatureMap(qubits: 6)
        let x = Self.points(6, 10)
        let single = try QuantumKernel(map, dtype: .float32).matrix(x)
        #expect(Self.distance(single, try QuantumKernel(map).matrix(x)) < 2e-6)
    }

    @Test func aMapFromJSONIsTheSameAsTheBuiltInOne() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "map-\(UUID().uuidString).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try """
        {"qubits": 2, "terms": [{"on": [0], "product": ["x0"]}, {"on": [1], "product": ["x1"]},
         {"on": [0, 1], "product": ["pi-x0", "pi-x1"]}]}
        """.write(toFile: path, atomically: true, encoding: .utf8)
        let x = Self.points(2, 8)
        let custom = try QuantumKernel(CustomFeatureMap(contentsOf: path)).matrix(x)
        #expect(Self.distance(custom, try QuantumKernel(ZZFeatureMap(qubits: 2)).matrix(x)) < 1e-14)
    }

    @Test func gatesFollowTheirAlgebra() {
        var a = StateVectors(ZZFeatureMap(qubits: 3), Self.points(3, 4))
        let start = a.amplitudes
        // CX = H CZ H on the target.
        a.applyCX(control: 0, target: 2)
        a.apply(.hadamard, on: 2)
        a.applyCZ(0, 2)
        a.apply(.hadamard, on: 2)
        #expect(Self.distance(a.amplitudes, start) < 1e-14)
        var b = StateVectors(start)
        b.apply(.rotationY(0.3), on: 1)
        b.apply(.rotationY(0.4), on: 1)
        b.apply(.rotationY(-0.7), on: 1)
        #expect(Self.distance(b.amplitudes, start) < 1e-14)
        b.applyHadamards()
        for q in 0..<3 { b.apply(.hadamard, on: q) }
        #expect(Self.distance(b.amplitudes, start) < 1e-14)
    }

    @Test func noiseOfFullStrengthLeavesNothing() throws {
        let kernel = try NoisyKernel(ZZFeatureMap(qubits: 2), oneQubit: 1, twoQubit: 1).matrix(
            Self.points(2, 3), Self.points(2, 4))
        #expect(Self.distance(kernel, Tensor.full([3, 4], 0.25, .float64)) < 1e-14)
    }

    @Test func noNoiseIsTheExactKernelForEveryMap() throws {
        for pairs in QubitPairs.allCases {
            let map = ZZFeatureMap(qubits: 3, pairs: pairs)
            let x = Self.points(3, 5)
            let noisy = try NoisyKernel(map, oneQubit: 0, twoQubit: 0).matrix(x, x)
            #expect(Self.distance(noisy, try QuantumKernel(map).matrix(x)) < 1e-12)
        }
    }

    @Test func densityMatricesKeepTheirTrace() {
        var rho = DensityMatrix(qubits: 3)
        rho.apply(.hadamard, on: 1)
        rho.applyCX(control: 1, target: 2)
        rho.depolarise([1, 2], 0.2)
        rho.depolarise([0], 0.1)
        let matrix = rho.matrix
        #expect(abs(matrix[.all, .all, 0].trace().doubleValue - 1) < 1e-14)
        #expect(Self.distance(matrix[.all, .all, 0], matrix[.all, .all, 0].transposed()) < 1e-15)
    }

    /// Adjoint differentiation against the parameter-shift rule, ½[f(θ+π/2) − f(θ−π/2)].
    @Test func reverseModeAgreesWithDifferences() {
        let map = ZZFeatureMap(qubits: 3)
        let encoded = StateVectors(map, Self.points(3, 6))
        let labels = [1, -1, 1, 1, -1, -1]
        var stream = RandomStream(RandomKey(5))
        let angles = (0..<18).map { _ in stream.normal() }
        let classifier = VariationalClassifier(map, depth: 2, angles: angles, bias: 0.1)
        let gradient = classifier.costAndGradient(encoded, labels: labels, shots: 20)
        for k in angles.indices {
            func cost(_ step: Double) -> Double {
                var moved = classifier
                moved.angles[k] += step
                return moved.costAndGradient(encoded, labels: labels, shots: 20).cost
            }
            let slope = (cost(1e-5) - cost(-1e-5)) / 2e-5
            #expect(abs(slope - gradient.angles[k]) < 1e-8)
        }
    }

    @Test func theRuleWithABiasFollowsItsSign() {
        let classifier = VariationalClassifier(ZZFeatureMap(qubits: 1), depth: 0, bias: 0.2)
        // Label 1 where p₊ − p₋ > −b.
        #expect(classifier.labels([0.39, 0.41, 0.6]) == [-1, 1, 1])
    }

    @Test func gradientsTrainAVariationalClassifier() throws {
        let data = AdHocData(ZZFeatureMap(qubits: 2), key: RandomKey(3))
        let (x, labels) = try data.sample(perClass: 15, key: RandomKey(4))
        var training = VariationalTraining()
        training.method = .lbfgs
        training.iterations = 80
        training.restarts = 4
        let result = try training.fit(data.map, depth: 3, x: x, labels: labels)
        let right = zip(result.classifier.labels(result.classifier.positiveProbabilities(x)), labels)
            .count { $0.0 == $0.1 }
        #expect(right >= 28)
    }

    @Test func aTrainingThatStoppedGoesOnAsIfItHadNot() throws {
        let data = AdHocData(ZZFeatureMap(qubits: 2), key: RandomKey(3))
        let (x, labels) = try data.sample(perClass: 5, key: RandomKey(4))
        let path = FileManager.default.temporaryDirectory.appending(path: "spsa-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: path + ".0") }
        var training = VariationalTraining()
        training.iterations = 60
        let whole = try training.fit(data.map, depth: 1, x: x, labels: labels)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try training.fit(data.map, depth: 1, x: x, labels: labels, checkpoint: path) { _, k in
                if k == 30 { throw Stop() }
            }
        }
        let resumed = try training.fit(data.map, depth: 1, x: x, labels: labels, checkpoint: path)
        #expect(resumed.classifier.angles == whole.classifier.angles)
        #expect(resumed.curve == whole.curve)
    }

    @Test func haarUnitariesAreUnitary() {
        let v = AdHocData.haarUnitary(8, key: RandomKey(1))
        let (re, im) = (v[.ellipsis, 0], v[.ellipsis, 1])
        let real: Tensor = matmul(re.transposed(), re) + matmul(im.transposed(), im)
        let imaginary: Tensor = matmul(re.transposed(), im) - matmul(im.transposed(), re)
        #expect(Self.distance(real, Tensor.eye(8, nil, .float64)) < 1e-13)
        #expect(abs(imaginary).max().doubleValue < 1e-13)
    }

    @Test func aGapThatLeavesNothingNamesTheRate() {
        let data = AdHocData(ZZFeatureMap(qubits: 2), gap: 0.9999999, key: RandomKey(0))
        #expect(throws: KernelMethodError.self) { try data.sample(perClass: 100, key: RandomKey(1)) }
    }

    @Test func alignmentRisesInTraining() {
        let x = Random.normal([30, 2], dtype: .float64, key: RandomKey(1))
        let values = x.toArray(Double.self)
        let labels = (0..<30).map { values[2 * $0] > 0 ? 1 : 0 }
        let trained = KernelAlignment(ZZFeatureMap(qubits: 2), x, labels: labels, iterations: 20)
        #expect(trained.after > trained.before + 0.05)
    }

    @Test func concentrationIsThatOfItsEntries() {
        let kernel = Tensor([1, 0.2, 0.4, 0.2, 1, 0.6, 0.4, 0.6, 1] as [Double], [3, 3])
        let found = KernelConcentration(kernel)
        #expect(abs(found.mean - 0.4) < 1e-15)
        #expect(abs(found.variance - 0.08 / 3) < 1e-15)
        #expect(abs(KernelConcentration.correlation(kernel, kernel * 0.5) - 1) < 1e-12)
    }

    @Test func modelsAnswerTheSameAfterTheirFile() throws {
        let rows = Random.normal([60, 3], dtype: .float64, key: RandomKey(1))
        let values = rows.toArray(Double.self)
        let labels = (0..<60).map { values[3 * $0] > 0.4 ? 0 : values[3 * $0 + 1] > 0 ? 1 : 2 }
        var settings = QuantumSettings(map: ZZFeatureMap(qubits: 2))
        settings.bandwidth = 0.3
        settings.C = 10
        let model = try QuantumModel(fitting: rows, labels: labels, classes: ["a", "b", "c"], settings)
        let path = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try model.save(to: path)
        #expect(try QuantumModel(contentsOf: path).predict(rows) == model.predict(rows))
    }
}
