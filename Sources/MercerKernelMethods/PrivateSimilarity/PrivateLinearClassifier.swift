import Foundation
import Mercer

/// A linear classifier whose weights come from ``PrivateGradientDescent``, and what is public about them.
///
/// Slower to build than ``PrivateClassifier``, whose rows it takes in the same way, and some points more accurate where
/// the budget is large. Steps and rate are constants or chosen on public data: to choose them by the private rows
/// costs privacy that isn't counted here.
///
/// ```swift
/// let classifier = try PrivateLinearClassifier.build(
///     x, labels: labels, classes: ["cat", "dog"], PrivateGradientDescent(steps: 100, rate: 16),
///     budget: .approximate(epsilon: 1, delta: 1e-5))
/// let predicted = try classifier.predict(y)
/// ```
public struct PrivateLinearClassifier: Sendable {
    public let record: Record
    /// How raw rows become features: from public data, or nil for the rows themselves.
    public let whitening: PublicWhitening?
    /// `[classes, d + 1]`, row-major, the last column a bias.
    let weights: [Double]

    /// What is public about a classifier.
    public struct Record: Sendable, Codable, Equatable {
        public let classes: [String]
        public let dimension: Int
        /// n, public.
        public let count: Int
        public let budget: PrivacyBudget
        public let relation: NeighbouringRelation
        public let isPrivate: Bool
        public let steps: Int
        public let rate: Double
        /// The noise of each step's sum of gradients; its budget is that of all steps.
        public let mechanism: PrivateMechanism

        /// The lines that a build prints.
        public var summary: [String] {
            let rho = PrivacyAccountant.rho(epsilon: budget.epsilon, delta: budget.delta)
            return [
                "sums of clipped gradients, \(steps) \(steps == 1 ? "step" : "steps"): \(mechanism.summary)",
                "each row's gradient is clipped to norm 1; ρ = \(String(format: "%.6g", rho)) of zero-concentrated "
                    + "privacy for all steps, rate \(rate)",
            ] + budget.summary(relation, isPrivate: isPrivate)
        }
    }

    /// Builds a classifier.
    ///
    /// - Parameters:
    ///   - points: the private rows, `[n, d]`; after whitening, each is scaled to unit norm (which needs no knowledge of
    ///     the others).
    ///   - labels: the class of each row.
    ///   - classes: the names of all classes, which are public.
    ///   - whitening: a map from public data, or nil.
    /// - Throws: ``KernelMethodError``, also for δ = 0: the noise is Gaussian.
    public static func build(
        _ points: Tensor, labels: [Int], classes: [String], _ descent: PrivateGradientDescent,
        budget: PrivacyBudget, relation: NeighbouringRelation = .addRemove, whitening: PublicWhitening? = nil,
        noise: NoiseSource = .system
    ) throws -> PrivateLinearClassifier {
        guard points.shape[0] == labels.count else {
            throw KernelMethodError.length("labels", found: labels.count, expected: points.shape[0])
        }
        guard classes.count >= 2 else {
            throw KernelMethodError.option(
                "the number of classes", found: "\(classes.count)", expected: "2 or more")
        }
        guard budget.delta > 0 else {
            throw KernelMethodError.option(
                "--delta", found: "\(budget.delta)",
                expected: "more than 0 for gradient descent, whose noise is Gaussian")
        }
        guard (1...100_000).contains(descent.steps) else {
            throw KernelMethodError.option(
                "--steps", found: "\(descent.steps)", expected: "a number from 1 to 100000")
        }
        guard descent.rate > 0, descent.rate <= 1e6 else {
            throw KernelMethodError.option(
                "--rate", found: "\(descent.rate)", expected: "a positive number of at most 1000000")
        }
        let rows = try PrivateClassifier.unitRows(points, whitening)
        let mechanism = descent.mechanism(
            rows: rows.count, dimension: rows.dimension, classes: classes.count, budget: budget, relation: relation)
        return PrivateLinearClassifier(
            record: Record(
                classes: classes, dimension: points.shape[1], count: labels.count, budget: budget,
                relation: relation, isPrivate: noise.isPrivate, steps: descent.steps, rate: descent.rate,
                mechanism: mechanism),
            whitening: whitening,
            weights: descent.fit(
                rows, labels: labels, classes: classes.count, budget: budget, relation: relation, noise: noise))
    }

    /// The class of each row with the largest logit.
    public func predict(_ points: Tensor) throws -> [Int] {
        guard points.shape[1] == record.dimension else {
            throw KernelMethodError.width(
                found: points.shape[1], expected: record.dimension, what: "the rows")
        }
        return PrivateGradientDescent.predict(
            weights, try PrivateClassifier.unitRows(points, whitening), classes: record.classes.count)
    }
}

extension PrivateLinearClassifier {
    private static let form = ReleaseFile<Record>(
        format: "mercer-private-linear-classifier 1", content: "a private linear classifier",
        maker: "mercer kernel private classify-build --method gradient-descent")

    /// Whether a file says that it holds a linear classifier.
    public static func isFormat(of path: String) throws -> Bool { try form.isFormat(of: path) }

    /// Writes the classifier to a safetensors file.
    public func save(to path: String) throws {
        let classes = record.classes.count
        var tensors = whitening?.tensors ?? [:]
        tensors["weights"] = Tensor(weights, [classes, weights.count / classes])
        try Self.form.save(tensors, record, isPrivate: record.isPrivate, to: path)
    }

    /// Reads a classifier.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)``, ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let (file, record) = try Self.form.open(path)
        guard record.classes.count >= 2, record.dimension >= 1 else { throw Self.form.unreadable(path) }
        let whitening = try PublicWhitening.read(file, path, dimension: record.dimension)
        let weights = try file.tensor("weights", copied: true)
        let expected = [record.classes.count, (whitening?.reduced ?? record.dimension) + 1]
        guard weights.dtype == .float64, weights.shape == expected else {
            throw KernelMethodError.file(
                path,
                reason: "its weights are \(weights.dtype) of shape \(weights.shape), but float64 of \(expected) is "
                    + "expected")
        }
        let values = weights.toArray(Double.self)
        guard values.allSatisfy(\.isFinite) else {
            throw KernelMethodError.file(path, reason: "'weights' has a number that isn't finite")
        }
        self.init(record: record, whitening: whitening, weights: values)
    }
}
