import Mercer

/// The classical kernel that others are compared with: exp(−γ|x − z|²), γ of 10^{−2…2} and C of 10^{−1…4} chosen by
/// cross-validation.
public enum GaussianBaseline {
    /// 10^{−1 … 4}.
    public static let costs = [0.1, 1, 10, 100, 1000, 10_000]

    /// Classes of the rows of `test`.
    public static func predict(_ x: Tensor, _ labels: [Int], _ test: Tensor, seed: UInt64 = 0) throws -> [Int] {
        let gammas = RadialKernels.gammas
        let search = try KernelSearch(
            gammas.count, labels: labels, C: costs, folds: StratifiedFolds(labels, seed: seed)
        ) { RadialKernels.matrix(x, x, gamma: gammas[$0]) }
        let gamma = gammas[search.kernel]
        let machine = try SupportVectorClassifier(
            kernel: RadialKernels.matrix(x, x, gamma: gamma), labels: labels, C: search.C)
        return machine.predict(RadialKernels.matrix(test, x, gamma: gamma))
    }
}
