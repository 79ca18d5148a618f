import Mercer

/// A mean that is fed batch by batch.
public struct MeanMetric: Sendable, Codable {
    public private(set) var sum = 0.0
    public private(set) var weight = 0.0

    public init() {}

    /// Adds a value that stands for `weight` examples.
    public mutating func add(_ value: Double, weight: Double = 1) {
        sum += value * weight
        self.weight += weight
    }

    /// The mean; NaN before the first value.
    public var value: Double { sum / weight }
}

/// The part of examples whose class is among the `k` largest scores.
///
/// - Parameters:
///   - scores: `[examples, classes]`.
///   - labels: `[examples]`, whole numbers.
public func accuracy(_ scores: Tensor, _ labels: Tensor, top k: Int = 1) -> Double {
    precondition(
        scores.rank == 2 && labels.shape == [scores.shape[0]],
        "accuracy: scores of shape \(scores.shape), labels of shape \(labels.shape)")
    let (examples, classes) = (scores.shape[0], scores.shape[1])
    if examples == 0 { return .nan }
    let labels = labels.asType(.int64).toArray(Int64.self)
    let hits = scores.detached.asType(.float32).withUnsafeBuffer(of: Float.self) { scores in
        labels.enumerated().count { example, label in
            let row = scores[(example * classes)..<((example + 1) * classes)]
            let own = row[row.startIndex + Int(label)]
            // Of equal scores the earlier class counts first, as in a sorted list.
            var better = 0
            for (place, score) in row.enumerated() where score > own || (score == own && place < Int(label)) {
                better += 1
            }
            return better < k
        }
    }
    return Double(hits) / Double(examples)
}
