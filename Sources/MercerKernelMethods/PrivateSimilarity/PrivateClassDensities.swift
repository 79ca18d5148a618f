import Foundation
import Mercer

/// Kernel similarities to each class of a private table: Bayes' rule without the rows (Backurs et al. 2024, with the random
/// features of their kernel densities).
///
/// Each class has a sketch of its own, a sum over the rows of the class divided by the public number of all rows, so that
/// what it answers is prior times density up to the kernel's constant, and no class count need be told. A row is in one
/// class, so the sketches together cost as much as one over all rows (parallel composition).
///
/// ```swift
/// let densities = try PrivateClassDensities.build(
///     x, labels: labels, classes: ["cat", "dog"], .kernel(.gaussian, bandwidth: 2), budget: .pure(epsilon: 1))
/// let predicted = densities.predict(y)
/// ```
public struct PrivateClassDensities: Sendable {
    /// The names of all classes, which are public.
    public let classes: [String]
    /// The sketch of each class; all have one record.
    public let releases: [PrivateSimilarity]

    public var record: PrivateRelease { releases[0].record }

    /// Builds the sketches in one pass.
    ///
    /// - Parameters:
    ///   - points: the private rows, `[n, d]`.
    ///   - labels: the class of each row.
    ///   - classes: the names of all classes, which are public.
    ///   - function: a kernel, or a sum of kernels.
    /// - Throws: ``KernelMethodError``.
    public static func build(
        _ points: Tensor, labels: [Int], classes: [String], _ function: SimilarityFunction, budget: PrivacyBudget,
        options: PrivateOptions = PrivateOptions(), noise: NoiseSource = .system
    ) throws -> PrivateClassDensities {
        guard points.shape[0] == labels.count else {
            throw KernelMethodError.length("labels", found: labels.count, expected: points.shape[0])
        }
        guard classes.count >= 2 else {
            throw KernelMethodError.option(
                "the number of classes", found: "\(classes.count)", expected: "2 or more")
        }
        switch function {
        case .kernel, .inverse, .exponentials: break
        case .l1, .l2, .squaredL2, .lp:
            throw KernelMethodError.option(
                "--function", found: function.name,
                expected: "a kernel: gaussian, exponential, laplace, cauchy, inverse-l2, inverse-l1 or exponentials")
        }
        let releases = try classes.indices.map { c in
            var builder = try PrivateSimilarityBuilder(
                function, count: points.shape[0], dimension: points.shape[1], budget: budget, bound: nil,
                options: options, isPart: true)
            let rows = labels.indices.filter { labels[$0] == c }
            if !rows.isEmpty { try builder.add(points.take(Tensor(rows.map(Int64.init)), axis: 0)) }
            return try builder.finish(noise: noise.part(c))
        }
        return PrivateClassDensities(classes: classes, releases: releases)
    }

    /// The estimated sum over each class of K(x, y)/n, `[q, classes]`: what the classes' posterior probabilities are
    /// proportional to, but for the noise, which can make it negative.
    public func scores(_ queries: Tensor) -> Tensor {
        let answers = releases.map { $0.query(queries) }
        return Tensor([queries.shape[0], classes.count], of: Double.self) { result in
            for (c, column) in answers.enumerated() {
                for (row, answer) in column.enumerated() { result[row * classes.count + c] = answer.estimate }
            }
        }
    }

    /// The class of each row with the largest score.
    public func predict(_ queries: Tensor) throws -> [Int] {
        try releases[0].check(queries)
        return scores(queries).argMax(axis: 1).asType(.int64).toArray(Int64.self).map(Int.init)
    }
}

extension NoiseSource {
    /// The noise of one of several releases: under a seed each has its own.
    fileprivate func part(_ index: Int) -> NoiseSource {
        switch self {
        case .system: .system
        case .experiment(let seed): .experiment(seed: seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
        }
    }
}

extension PrivateClassDensities {
    private static let form = ReleaseFile<PrivateRelease>(
        format: "mercer-private-class-densities 1", content: "a file of private class densities",
        maker: "mercer kernel private classify-build --function KERNEL")

    /// Whether a file says that it holds class densities.
    public static func isFormat(of path: String) throws -> Bool { try form.isFormat(of: path) }

    /// Writes the sketches to a safetensors file.
    public func save(to path: String) throws {
        var tensors: [String: Tensor] = [:]
        for (c, release) in releases.enumerated() {
            for (name, tensor) in release.tensors { tensors["class.\(c).\(name)"] = tensor }
        }
        try Self.form.save(
            tensors, record, isPrivate: record.isPrivate,
            metadata: ["classes": try ReleaseFile<PrivateRelease>.text(classes)], to: path)
    }

    /// Reads sketches.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)``, ``TensorFileError``.
    public init(contentsOf path: String) throws {
        let (file, record) = try Self.form.open(path)
        guard let classes = ReleaseFile<PrivateRelease>.decoded(file.metadata["classes"], [String].self),
            classes.count >= 2
        else { throw Self.form.unreadable(path) }
        self.init(
            classes: classes,
            releases: try classes.indices.map { try PrivateSimilarity(record, file, path, prefix: "class.\($0).") })
    }
}
