import Foundation

/// What a release says of itself: function, sizes, budget, mechanisms. All of it is public.
public struct PrivateRelease: Sendable, Codable, Equatable {
    public let function: SimilarityFunction
    public let dimension: Int
    /// n, public.
    public let count: Int
    public let budget: PrivacyBudget
    public let relation: NeighbouringRelation
    public let bound: Double?
    /// False where the noise came from a seed.
    public let isPrivate: Bool
    /// Each mechanism that was used, with what it protects.
    public let mechanisms: [NamedMechanism]
    public let features: Int
    public let projection: Int?
    public let projectionKind: Projection.Kind
    public let alpha: Double
    public let ringWeight: RingWeight
    public let arity: Int
    public let publicSeed: UInt64

    public struct NamedMechanism: Sendable, Codable, Equatable {
        public let name: String
        public let mechanism: PrivateMechanism
    }

    /// The lines that a build prints.
    public var summary: [String] {
        var lines = mechanisms.prefix(3).map { "\($0.name): \($0.mechanism.summary)" }
        if mechanisms.count > 3 { lines.append("… and \(mechanisms.count - 3) more of the same kind") }
        return lines + budget.summary(relation, isPrivate: isPrivate)
    }
}

extension PrivacyBudget {
    /// The last lines that every build prints: what the release costs in all.
    func summary(_ relation: NeighbouringRelation, isPrivate: Bool) -> [String] {
        let delta = delta > 0 ? ", δ = \(delta)" : ""
        let total =
            "in all ε = \(epsilon)\(delta), neighbouring data sets: "
            + (relation == .addRemove ? "one row added or removed" : "one row replaced")
        return isPrivate ? [total] : [total, "NOT PRIVATE: the noise came from a seed"]
    }
}
