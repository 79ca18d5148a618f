import Mercer

extension BenchmarkCase {
    /// Sums, means, maxima and variances of a matrix along either axis.
    static let reductions: [BenchmarkCase] = ElementCase.Size.allCases.flatMap {
        (size) -> [BenchmarkCase] in
        let cases: [ElementCase] = [
            .init("sum-last", results: 0) { [$0[0].sum(axis: 1)] },
            .init("sum-first", results: 0) { [$0[0].sum(axis: 0)] },
            .init("mean-all", results: 0) { [$0[0].mean()] },
            .init("max-last", results: 0) { [$0[0].max(axis: 1)] },
            .init("max-first", results: 0) { [$0[0].max(axis: 0)] },
            .init("variance-last", results: 0) { [$0[0].variance(axis: 1)] },
        ]
        return cases.map { $0.benchmark(size) }
    }
}
