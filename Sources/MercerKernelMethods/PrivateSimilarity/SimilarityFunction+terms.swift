/// A kernel with its weight in a sum: what random features stand for.
struct KernelTerm: Sendable, Equatable {
    let weight: Double
    let bandwidth: Double
}

extension SimilarityFunction {
    /// The function as a sum of one kernel at several bandwidths; nil where it isn't one.
    ///
    /// e^(−t |x − y|²) is the Gaussian kernel of bandwidth 1/√t, e^(−t |x − y|) the exponential one of bandwidth 1/t, and
    /// likewise in ℓ1 (Backurs et al. 2024).
    ///
    /// - Parameter alpha: the accuracy that was asked for; the exponentials of 1/(1 + ·) are ten times as accurate.
    func terms(alpha: Double) throws -> (kernel: FeatureKernel, terms: [KernelTerm])? {
        func terms(_ sum: ExponentialSum, _ weights: [Double], _ kernel: FeatureKernel, _ bandwidth: Double)
            -> [KernelTerm]
        {
            zip(weights, sum.rates).map { weight, rate in
                KernelTerm(weight: weight, bandwidth: bandwidth / (kernel == .gaussian ? rate.squareRoot() : rate))
            }
        }
        switch self {
        case .kernel(let kernel, let bandwidth): return (kernel, [KernelTerm(weight: 1, bandwidth: bandwidth)])
        case .inverse(let kernel, let bandwidth):
            let sum = try ExponentialSum.reciprocal(accuracy: min(alpha / 10, 0.1))
            let all = terms(sum, sum.shiftedWeights, kernel, bandwidth)
            // What weighs less changes no answer and would take a share of the budget.
            return (kernel, all.filter { $0.weight > 1e-6 })
        case .exponentials(let sum, let kernel): return (kernel, terms(sum, sum.weights, kernel, 1))
        case .l1, .l2, .squaredL2, .lp: return nil
        }
    }
}
