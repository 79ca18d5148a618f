import Foundation
import Mercer
import MercerPapers

/// Measures the claims of "Supervised learning with quantum-enhanced feature spaces" (Havlíček et al., 2018, arXiv
/// 1804.11326).
public struct QuantumExperiment: Experiment {
    public init() {}

    public let slug = "quantum-kernel"

    public let claims = [
        Claim(
            "separation", "The quantum kernel separates the artificial data", bar: .atLeast(0.99),
            method:
                "n = 2, Δ = 0.3, 20 + 20 training and 200 + 200 test points, Haar-random V, exact kernel, C = 10⁶: test accuracy"
        ),
        Claim(
            "separation-worst", "It does so for every V", bar: .atLeast(0.97), statistic: .minimum,
            method: "the same sets: the lowest accuracy"),
        Claim(
            "classical", "A Gaussian kernel doesn't", bar: .atMost(0.75),
            method: "the same sets, C of 10^{−1…4} and γ of 10^{−2…2} by 5-fold cross-validation"),
        Claim(
            "three-qubits-20", "Three qubits need more points: 20 a class", bar: .atLeast(0.92),
            method: "n = 3, 20 + 20 training points, 5 seeds"),
        Claim(
            "three-qubits-60", "Three qubits need more points: 60 a class", bar: .atLeast(0.995),
            method: "n = 3, 60 + 60 training points, 5 seeds"),
        Claim(
            "shots-error", "50 000 shots give the kernel to a hundredth", bar: .atMost(0.01),
            method: "largest error of an entry of the training kernel, mean over the sets of n = 2"),
        Claim(
            "shots-accuracy", "With 50 000 shots the accuracy is that of the exact kernel", bar: .atMost(0.003),
            method: "|mean accuracy with sampled training (projected) and test kernels − exact|"),
        Claim(
            "shots-slope", "The kernel's error falls as one over the root of the shots",
            bar: .within(-0.5, tolerance: 0.05),
            method: "slope of log error against log R, R = 100, 1 000, 5 000, 50 000"),
        Claim(
            "depth-0", "Without entangling layers the variational classifier fails", bar: .atMost(0.75),
            statistic: .median, method: "12 sets of n = 2, 250 SPSA iterations, 2 000 shots: median test accuracy"),
        Claim(
            "depth-3", "Three entangling layers suffice", bar: .atLeast(0.97), statistic: .median,
            method: "the same at l = 3"),
        Claim(
            "depth-4", "So do four", bar: .atLeast(0.97), statistic: .median, method: "the same at l = 4"),
        Claim(
            "restarts", "Three restarts chosen by training cost hardly ever get stuck", bar: .atLeast(11),
            unit: "of 12 sets", method: "l = 4: sets whose test accuracy is above 0.9"),
        Claim(
            "noise-weak", "Extrapolation removes weak noise", bar: .atLeast(10), unit: "×",
            method:
                "12 uniform points, n = 2, (p₁, p₂) = (0.001, 0.01), stretches 1 and 1.5: mean |K − exact| raw over extrapolated"
        ),
        Claim(
            "noise-strong", "Extrapolation removes stronger noise", bar: .atLeast(4), unit: "×",
            method: "the same with (0.002, 0.03)"),
        Claim(
            "concentration-mean", "Entries of the kernel of random data concentrate at 2⁻ⁿ", bar: .atMost(2.5),
            unit: "×",
            method: "100 uniform points, n = 2, 4, …, 16: the largest factor between mean off-diagonal entry and 2⁻ⁿ"),
        Claim(
            "concentration-variance", "Their variance falls exponentially with the qubits", bar: .atLeast(0.99),
            unit: "r²", method: "r² of a line through log variance against n"),
        Claim(
            "wdbc-2", "A tuned quantum kernel is about as good as a Gaussian one: wdbc, two qubits",
            bar: .atLeast(-0.03),
            method:
                "2 principal components of unit variance, 90 % split, bandwidth of {1, .3, .1, .05, .02} and C by 5-fold "
                + "cross-validation: accuracy minus that of the Gaussian kernel, mean over seeds 0…2"),
        Claim(
            "wdbc-4", "A tuned quantum kernel is about as good as a Gaussian one: wdbc, four qubits",
            bar: .atLeast(-0.03), method: "the same with 4 components"),
    ]

    public func run(_ run: RunContext) async throws -> Findings {
        var findings = Findings(for: self)
        try separation(run, &findings)
        try shots(run, &findings)
        try depth(run, &findings)
        try noise(run, &findings)
        try concentration(run, &findings)
        try await tables(run, &findings)
        try growth(run, &findings)
        return findings
    }

    /// One artificial set: 20 + 20 points to train with, 200 + 200 to test with, unless said otherwise.
    struct ArtificialSet {
        let data: AdHocData
        let x: Tensor
        let labels: [Int]
        let test: Tensor
        let testLabels: [Int]

        init(_ seed: UInt64, qubits: Int = 2, train: Int = 20, test: Int = 200) throws {
            let keys = RandomKey(seed).fold(in: qubits).split(3)
            data = AdHocData(ZZFeatureMap(qubits: qubits), gap: 0.3, key: keys[0])
            (x, labels) = try data.sample(perClass: train, key: keys[1])
            (self.test, testLabels) = try data.sample(perClass: test, key: keys[2])
        }

        /// Class numbers: 0 for label −1.
        var classes: [Int] { labels.map { $0 > 0 ? 1 : 0 } }
        var testClasses: [Int] { testLabels.map { $0 > 0 ? 1 : 0 } }

        /// Test accuracy of a hard-margin machine.
        func accuracy(_ kernel: Tensor, _ testKernel: Tensor) throws -> Double {
            let machine = try SupportVectorMachine(
                kernel: kernel, labels: labels, C: 1e6, maxIterations: 1_000_000)
            let right = zip(machine.decision(testKernel), testLabels).count { ($0.0 > 0) == ($0.1 > 0) }
            return Double(right) / Double(testLabels.count)
        }
    }

    /// Seeds of as many sets as a claim asks for; a quick run takes five.
    func sets(_ run: RunContext, _ count: Int) -> [UInt64] {
        (0..<UInt64(run.quick ? min(5, count) : count)).map { run.seed &+ $0 }
    }
}
