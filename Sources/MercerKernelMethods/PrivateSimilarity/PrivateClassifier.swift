import Foundation
import Mercer

/// Classification by the average squared distance to each class, from one private release of class sums and counts
/// (Backurs et al. 2024): one pass, no gradients.
///
/// Rows are scaled to unit norm; the score of y for a class is 1 + |y|² − 2 yᵀ(noisy sum / noisy count).
public struct PrivateClassifier: Sendable {
    public let record: Record
    /// Noisy class sums, `[classes, d]`, row-major, and noisy counts.
    let sums: [Double]
    let counts: [Double]

    /// What is public about a classifier.
    public struct Record: Sendable, Codable, Equatable {
        public let classes: [String]
        public let dimension: Int
        public let count: Int
        public let budget: PrivacyBudget
        public let relation: NeighbouringRelation
        public let isPrivate: Bool
        public let sumMechanism: PrivateMechanism
        public let countMechanism: PrivateMechanism
        /// How raw rows become features: from public data, or nothing.
        public let whitening: PublicWhitening?

        /// The lines that a build prints.
        public var summary: [String] {
            ["class sums: \(sumMechanism.summary)", "class counts: \(countMechanism.summary)"]
                + budget.summary(relation, isPrivate: isPrivate)
        }
    }

    init(record: Record, sums: [Double], counts: [Double]) {
        self.record = record
        self.sums = sums
        self.counts = counts
    }

    /// A classifier of given sums and counts: for tests; nothing says that they are private.
    public init(sums: Tensor, counts: [Double], classes: [String]) throws {
        let budget = try PrivacyBudget(epsilon: PrivacyBudget.largestEpsilon)
        let mechanism = PrivateMechanism.numbers(count: sums.count, l1: 1, l2: 1, budget: budget)
        self.init(
            record: Record(
                classes: classes, dimension: sums.shape[1], count: 0, budget: budget, relation: .addRemove,
                isPrivate: false, sumMechanism: mechanism, countMechanism: mechanism, whitening: nil),
            sums: sums.toArray(Double.self), counts: counts)
    }

    /// Builds a classifier.
    ///
    /// - Parameters:
    ///   - points: the private rows, `[n, d]`; after whitening, each is scaled to unit norm (which needs no knowledge of
    ///     the others).
    ///   - labels: the class of each row.
    ///   - classes: the names of all classes, which are public.
    ///   - whitening: a map from public data, or nil.
    public static func build(
        _ points: Tensor, labels: [Int], classes: [String], budget: PrivacyBudget,
        relation: NeighbouringRelation = .addRemove, whitening: PublicWhitening? = nil,
        noise: NoiseSource = .system
    ) throws -> PrivateClassifier {
        guard points.shape[0] == labels.count else {
            throw KernelMethodError.length("labels", found: labels.count, expected: points.shape[0])
        }
        return try build(
            rows: unitRows(points, whitening), labels: labels, classes: classes, budget: budget,
            relation: relation,
            whitening: whitening, dimension: points.shape[1], noise: noise)
    }

    /// Builds a classifier of rows that are features of unit norm already.
    static func build(
        rows: PointSet<Double>, labels: [Int], classes: [String], budget: PrivacyBudget,
        relation: NeighbouringRelation = .addRemove, whitening: PublicWhitening? = nil, dimension: Int,
        noise: NoiseSource
    ) throws -> PrivateClassifier {
        guard classes.count >= 2 else {
            throw KernelMethodError.option(
                "the number of classes", found: "\(classes.count)", expected: "2 or more")
        }
        let d = rows.dimension
        var (sums, counts) = classSums(rows, labels, classes: classes.count)
        // A replaced row changes the sums of two classes by one each, or one class's by two.
        let l2 = relation == .addRemove ? 1.0 : 2.0
        let sumMechanism = PrivateMechanism.numbers(
            count: sums.count, l1: l2 * Double(d).squareRoot(), l2: l2,
            budget: try PrivacyBudget(epsilon: 0.9 * budget.epsilon, delta: budget.delta), rows: labels.count,
            largest: 1)
        let countMechanism = try PrivateMechanism.counts(
            sensitivity: relation.factor, epsilon: 0.1 * budget.epsilon)
        var generator = noise.generator()
        sums = sumMechanism.sanitise(sums, using: &generator)
        counts = countMechanism.sanitise(counts, using: &generator)
        return PrivateClassifier(
            record: Record(
                classes: classes, dimension: dimension, count: labels.count, budget: budget,
                relation: relation,
                isPrivate: noise.isPrivate, sumMechanism: sumMechanism, countMechanism: countMechanism,
                whitening: whitening),
            sums: sums, counts: counts)
    }

    /// The rows as features of unit norm; rows of norm 0 stay at 0.
    static func unitRows(_ points: Tensor, _ whitening: PublicWhitening?) throws -> PointSet<Double> {
        let values = points.asType(.float64).toArray(Double.self)
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw KernelMethodError.notFinite(
                row: bad / points.shape[1] + 1, column: "\(bad % points.shape[1] + 1)",
                value: "\(values[bad])")
        }
        let raw = PointSet<Double>(values, count: points.shape[0], dimension: points.shape[1])
        let features = whitening?.apply(raw) ?? raw
        var scaled = features.values
        let d = features.dimension
        for row in 0..<features.count {
            let norm = features.squaredNorms[row].squareRoot()
            if norm > 0 { for k in row * d..<(row + 1) * d { scaled[k] /= norm } }
        }
        return PointSet(scaled, count: features.count, dimension: d)
    }

    /// Σ of the rows of each class, `[classes, d]`, and how many it has. One pass; not private.
    public static func classSums(_ rows: PointSet<Double>, _ labels: [Int], classes: Int) -> (
        [Double], [Double]
    ) {
        let d = rows.dimension
        var sums = [Double](repeating: 0, count: classes * d)
        var counts = [Double](repeating: 0, count: classes)
        rows.values.withUnsafeBufferPointer { x in
            sums.withUnsafeMutableBufferPointer { sums in
                for (row, label) in labels.enumerated() {
                    counts[label] += 1
                    for k in 0..<d { sums[label * d + k] += x[row * d + k] }
                }
            }
        }
        return (sums, counts)
    }

    /// The average squared distance to each class, `[q, classes]`, of rows that are features of the classifier already.
    public func scores(features y: Tensor) -> Tensor {
        precondition(
            y.rank == 2 && y.shape[1] * record.classes.count == sums.count,
            "PrivateClassifier: features of shape \(y.shape)")
        return scores(PointSet<Double>(y))
    }

    private func scores(_ y: PointSet<Double>) -> Tensor {
        let classes = record.classes.count
        let d = y.dimension
        // A noisy count below one says nothing; only the quotient needs it positive.
        let scaled = (0..<classes).flatMap { c in
            (0..<d).map { sums[c * d + $0] / (counts[c] > 0 ? max(counts[c], 1) : 1) }
        }
        return Tensor([y.count, classes], of: Double.self) { result in
            y.values.withUnsafeBufferPointer { values in
                Double.product(
                    values.baseAddress!, scaled, into: result.baseAddress!, rows: y.count, columns: classes,
                    inner: d)
            }
            for row in 0..<y.count {
                for c in 0..<classes {
                    result[row * classes + c] = 1 + y.squaredNorms[row] - 2 * result[row * classes + c]
                }
            }
        }
    }

    /// The class of each row with the smallest average squared distance.
    public func predict(_ points: Tensor) throws -> [Int] {
        guard points.shape[1] == record.dimension else {
            throw KernelMethodError.width(
                found: points.shape[1], expected: record.dimension, what: "the rows")
        }
        return scores(try Self.unitRows(points, record.whitening)).argMin(axis: 1).asType(.int64)
            .toArray(Int64.self).map(Int.init)
    }

    /// The classes whose rows, by the noisy count, are fewer than 1/ε.
    public var classesBelowNoise: [String] {
        record.classes.indices.filter { counts[$0] < 1 / record.budget.epsilon }.map { record.classes[$0] }
    }
}

extension PrivateClassifier {
    private static let form = ReleaseFile<Record>(
        format: "mercer-private-classifier 1", content: "a private classifier",
        maker: "mercer kernel private classify-build")

    /// Writes the classifier to a safetensors file.
    public func save(to path: String) throws {
        let d = sums.count / record.classes.count
        var tensors = ["sums": Tensor(sums, [record.classes.count, d]), "counts": Tensor(counts)]
        var plain = record
        if let whitening = record.whitening {
            tensors.merge(whitening.tensors) { $1 }
            plain = record.withoutArrays
        }
        try Self.form.save(tensors, plain, isPrivate: record.isPrivate, to: path)
    }

    /// Reads a classifier.
    public init(contentsOf path: String) throws {
        let (file, record) = try Self.form.open(path)
        guard record.classes.count >= 2 else { throw Self.form.unreadable(path) }
        func matrix(_ name: String) throws -> Tensor {
            let tensor = try file.tensor(name, copied: true)
            guard tensor.dtype == .float64 else {
                throw KernelMethodError.file(
                    path, reason: "'\(name)' is \(tensor.dtype), float64 is expected")
            }
            return tensor
        }
        let sums = try matrix("sums")
        let counts = try matrix("counts").toArray(Double.self)
        let whitening = try PublicWhitening.read(file, path, dimension: record.dimension)
        let width = whitening?.reduced ?? record.dimension
        guard sums.shape == [record.classes.count, width], counts.count == record.classes.count else {
            throw KernelMethodError.file(
                path,
                reason:
                    "its sums have shape \(sums.shape), but [\(record.classes.count), \(width)] is expected")
        }
        self.init(
            record: record.with(whitening), sums: sums.toArray(Double.self), counts: counts)
    }
}

extension PrivateClassifier.Record {
    /// The record without the whitening, whose arrays are tensors of the file.
    fileprivate var withoutArrays: Self { with(nil) }

    fileprivate func with(_ whitening: PublicWhitening?) -> Self {
        Self(
            classes: classes, dimension: dimension, count: count, budget: budget, relation: relation,
            isPrivate: isPrivate, sumMechanism: sumMechanism, countMechanism: countMechanism,
            whitening: whitening)
    }
}
