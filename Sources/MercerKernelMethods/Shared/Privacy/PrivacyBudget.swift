import Foundation

/// Which data sets are told apart by a guarantee.
public enum NeighbouringRelation: String, Sendable, CaseIterable, Codable {
    /// One has a row more.
    case addRemove = "add-remove"
    /// One row differs; twice the change of an added row.
    case replace

    /// By how much a sum of contributions can change, in units of one row's.
    public var factor: Double { self == .replace ? 2 : 1 }
}

/// How much a release may tell of any one row: (ε, δ)-differential privacy.
public struct PrivacyBudget: Sendable, Equatable, Codable {
    public let epsilon: Double
    /// 0 for pure differential privacy.
    public let delta: Double

    /// The smallest ε that is accepted: below it the noise hides any data set that fits in memory.
    public static let smallestEpsilon = 1e-4
    /// The largest ε that is accepted: above it nothing is protected.
    public static let largestEpsilon = 100.0

    /// - Throws: ``KernelMethodError/option(_:found:expected:)`` for an ε that isn't positive, is tiny or is huge, and
    ///   for a δ outside [0, 1).
    public init(epsilon: Double, delta: Double = 0) throws {
        guard epsilon >= Self.smallestEpsilon, epsilon <= Self.largestEpsilon else {
            throw KernelMethodError.option(
                "epsilon", found: "\(epsilon)",
                expected:
                    "a number from \(Self.smallestEpsilon) (noise beyond any use) to 100 (no protection)")
        }
        guard delta >= 0, delta < 1 else {
            throw KernelMethodError.option("delta", found: "\(delta)", expected: "a number from 0 to below 1")
        }
        self.epsilon = epsilon
        self.delta = delta
    }

    /// Pure ε-differential privacy.
    public static func pure(epsilon: Double) throws -> PrivacyBudget { try PrivacyBudget(epsilon: epsilon) }

    /// (ε, δ)-differential privacy.
    public static func approximate(epsilon: Double, delta: Double) throws -> PrivacyBudget {
        try PrivacyBudget(epsilon: epsilon, delta: delta)
    }

    /// ε = 1, δ = 10⁻⁶.
    static let unit = PrivacyBudget(1, 1e-6)

    /// A part of the budget.
    func share(_ part: Double) -> PrivacyBudget { PrivacyBudget(part * epsilon, part * delta) }

    private init(_ epsilon: Double, _ delta: Double) {
        self.epsilon = epsilon
        self.delta = delta
    }

    /// Why δ is too large for so many rows, or nil: 1/n and more lets a mechanism publish a row.
    public func warning(rows: Int) -> String? {
        guard delta > 0, delta >= 1 / Double(max(1, rows)) else { return nil }
        return
            "delta \(delta) is not below 1/n = \(1 / Double(max(1, rows))): it allows a row to be published whole"
    }
}
