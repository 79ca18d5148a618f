import Foundation
import Mercer

/// Bayes' rule with a density estimate for each class: p(c | x) ∝ prior_c ρ̂_c(x).
public struct DensityClassifier: Sendable {
    public let densities: [KernelDensity]
    /// The share of each class among the rows.
    public let priors: [Double]

    /// - Parameters:
    ///   - data: one point a row.
    ///   - labels: the class of each row, 0 ..< classes.
    ///   - bandwidth: how each class's bandwidth is chosen.
    /// - Throws: ``KernelMethodError`` for classes with too few rows, and what ``KernelDensity`` throws.
    public init(
        _ data: Tensor, labels: [Int], classes: Int, kernel: DensityKernel = .gaussian,
        bandwidth: DensityBandwidth = .leaveOneOut, covariance: DensityCovariance = .scalar
    ) throws {
        guard labels.count == data.shape[0] else {
            throw KernelMethodError.length("labels", found: labels.count, expected: data.shape[0])
        }
        var densities: [KernelDensity] = []
        var priors: [Double] = []
        for c in 0..<classes {
            let rows = labels.indices.filter { labels[$0] == c }
            guard rows.count >= 2 else {
                throw KernelMethodError.tooFew("the density of class \(c)", found: rows.count, needed: 2)
            }
            densities.append(
                try KernelDensity(
                    data.take(Tensor(rows.map(Int64.init))), kernel: kernel, bandwidth: bandwidth,
                    covariance: covariance))
            priors.append(Double(rows.count) / Double(labels.count))
        }
        self.densities = densities
        self.priors = priors
    }

    /// p(c | x) of each row, `[q, classes]`; the priors where no class reaches it.
    public func probabilities(_ queries: Tensor) -> Tensor {
        let logs = densities.map { $0.logDensity(queries).toArray(Double.self) }
        let q = queries.shape[0]
        return Tensor([q, densities.count], of: Double.self) { result in
            for row in 0..<q {
                let joint = densities.indices.map { log(priors[$0]) + logs[$0][row] }
                let largest = joint.max()!
                let weights = largest > -.infinity ? joint.map { exp($0 - largest) } : priors
                let total = weights.reduce(0, +)
                for c in weights.indices { result[row * weights.count + c] = weights[c] / total }
            }
        }
    }

    /// The likeliest class of each row.
    public func predict(_ queries: Tensor) -> [Int] {
        probabilities(queries).argMax(axis: 1).asType(.int64).toArray(Int64.self).map(Int.init)
    }
}
