import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct SupportVectorTests {
    private static func clouds(_ perClass: Int, classes: Int = 2) -> (Tensor, [Int]) {
        let n = perClass * classes
        let noise = Random.normal([n, 2], dtype: .float64, key: RandomKey(3)).toArray(Double.self)
        let labels = (0..<n).map { $0 % classes }
        let rows = (0..<n).flatMap { row -> [Double] in
            let angle = 2 * Double.pi * Double(labels[row]) / Double(classes)
            return [3 * cos(angle) + noise[2 * row], 3 * sin(angle) + noise[2 * row + 1]]
        }
        return (Tensor(rows, [n, 2]), labels)
    }

    /// The conditions of Karush, Kuhn and Tucker.
    @Test(arguments: [0.1, 1, 100.0])
    func theOptimumMeetsItsConditions(_ C: Double) throws {
        let (x, classes) = Self.clouds(30)
        let labels = classes.map { $0 == 0 ? 1 : -1 }
        let kernel = RadialKernels.matrix(x, x, gamma: 0.5)
        let machine = try SupportVectorMachine(kernel: kernel, labels: labels, C: C, tolerance: 1e-9)
        #expect(machine.converged)
        #expect(abs(machine.coefficients.reduce(0, +)) < 1e-9)
        for ((alpha, f), y) in zip(zip(machine.alphas, machine.decision(kernel)), labels) {
            let margin = Double(y) * f
            if alpha == 0 { #expect(margin > 1 - 1e-6) }
            if alpha == C { #expect(margin < 1 + 1e-6) }
            if alpha > 0 && alpha < C { #expect(abs(margin - 1) < 1e-6) }
        }
    }

    @Test func strongDualityHolds() throws {
        let (x, classes) = Self.clouds(25)
        let labels = classes.map { $0 == 0 ? 1 : -1 }
        let kernel = RadialKernels.matrix(x, x, gamma: 0.1)
        let machine = try SupportVectorMachine(kernel: kernel, labels: labels, C: 2, tolerance: 1e-10)
        let f = machine.decision(kernel)
        let norm: Double = zip(machine.coefficients, f).map { $0 * ($1 - machine.bias) }.reduce(0, +)
        let slack: Double = zip(f, labels).map { max(0, 1 - Double($1) * $0) }.reduce(0, +)
        #expect(abs(0.5 * norm + 2 * slack - machine.dual) < 1e-6)
    }

    @Test func manyClassesVote() throws {
        let (x, labels) = Self.clouds(20, classes: 5)
        let kernel = RadialKernels.matrix(x, x, gamma: 0.5)
        let machine = try SupportVectorClassifier(kernel: kernel, labels: labels, C: 10)
        #expect(machine.accuracy(kernel, labels: labels) > 0.9)
    }

    @Test func oneClassAndBadCAreRefused() throws {
        let kernel = Tensor.eye(3, nil, .float64)
        #expect(throws: KernelMethodError.self) {
            try SupportVectorMachine(kernel: kernel, labels: [1, 1, 1], C: 1)
        }
        #expect(throws: KernelMethodError.self) {
            try SupportVectorMachine(kernel: kernel, labels: [1, -1, 1], C: 0)
        }
    }

    @Test func foldsHoldEveryRowOnceAndEveryClass() {
        let labels = (0..<53).map { $0 % 10 == 0 ? 1 : 0 }
        let folds = StratifiedFolds(labels, count: 5).folds
        #expect(folds.flatMap { $0 }.sorted() == Array(0..<53))
        #expect(folds.allSatisfy { fold in fold.contains { labels[$0] == 1 } })
    }

    /// χ² of counts against the binomial law at 0.1 %: both ways of drawing are taken (np < 10 and ≥ 10).
    @Test(arguments: [(20, 0.2, 26.1), (60, 0.3, 43.8), (60, 0.8, 43.8)])
    func sampledKernelsFollowTheBinomialLaw(_ shots: Int, _ p: Double, _ critical: Double) {
        let draws = 40_000
        let sampled = MeasuredKernel.sample(
            Tensor.full([draws / 100, 100], p, .float64), shots: shots, isSymmetric: false, key: RandomKey(9))
        var counts = [Double](repeating: 0, count: shots + 1)
        for share in sampled.toArray(Double.self) { counts[Int((share * Double(shots)).rounded())] += 1 }
        var (chi, cells, restSeen, restExpected) = (0.0, 0, 0.0, 0.0)
        for k in 0...shots {
            let ways: Double = lgamma(Double(shots + 1)) - lgamma(Double(k + 1)) - lgamma(Double(shots - k + 1))
            let powers: Double = Double(k) * log(p) + Double(shots - k) * log(1 - p)
            let expected = exp(ways + powers) * Double(draws)
            if expected < 20 {
                restSeen += counts[k]
                restExpected += expected
            } else {
                let gap = counts[k] - expected
                chi += gap * gap / expected
                cells += 1
            }
        }
        let restGap = restSeen - restExpected
        if restExpected > 5 { chi += restGap * restGap / restExpected }
        #expect(cells >= 8)
        #expect(chi < critical, "χ² = \(chi) over \(cells) cells")
    }

    @Test func symmetricSamplesHaveOnesOnTheDiagonal() throws {
        let x = Random.uniform(0..<6, [40, 2], dtype: .float64, key: RandomKey(1))
        let exact = try QuantumKernel(ZZFeatureMap(qubits: 2)).matrix(x)
        let sampled = MeasuredKernel.sample(exact, shots: 100, isSymmetric: true, key: RandomKey(2))
        #expect(sampled.diagonal().toArray(Double.self).allSatisfy { $0 == 1 })
        #expect(abs(sampled - sampled.transposed()).max().doubleValue == 0)
        let (projected, eigenvalues) = try MeasuredKernel.projected(sampled)
        #expect(eigenvalues.min()! < 0)
        #expect(try LinearAlgebra.eigvalsh(projected).min().doubleValue > -1e-12)
    }
}
