import Foundation

/// Adds up what several releases about the same data tell.
///
/// ```swift
/// var accountant = PrivacyAccountant()
/// accountant.spend(try .pure(epsilon: 0.5))
/// accountant.spend(gaussianDeviation: 20)
/// accountant.postProcess("answers to 10,000 queries")     // costs nothing
/// accountant.epsilon(delta: 1e-6)
/// ```
public struct PrivacyAccountant: Sendable {
    /// What was done with the data, in order, and what each cost.
    public private(set) var entries: [Entry] = []

    public struct Entry: Sendable, Equatable {
        public let name: String
        public let cost: Cost
    }

    public enum Cost: Sendable, Equatable {
        /// A release of a pure or approximate budget.
        case budget(PrivacyBudget)
        /// A Gaussian release of an ℓ2 sensitivity of 1: ρ = 1/2σ².
        case gaussian(deviation: Double)
        /// Computed from releases alone: nothing.
        case postProcessing
    }

    public init() {}

    /// A release of a pure or approximate budget.
    public mutating func spend(_ budget: PrivacyBudget, for name: String = "release") {
        entries.append(Entry(name: name, cost: .budget(budget)))
    }

    /// A Gaussian release of an ℓ2 sensitivity of 1.
    public mutating func spend(gaussianDeviation sigma: Double, for name: String = "Gaussian release") {
        entries.append(Entry(name: name, cost: .gaussian(deviation: sigma)))
    }

    /// Marks what is computed from releases alone and so tells no more of the data (Dwork, Roth 2014, proposition 2.1).
    public mutating func postProcess(_ name: String) { entries.append(Entry(name: name, cost: .postProcessing)) }

    /// Each pure or approximate release that was counted.
    public var spent: [PrivacyBudget] {
        entries.compactMap { if case .budget(let budget) = $0.cost { budget } else { nil } }
    }

    /// ρ of zero-concentrated differential privacy of all Gaussian releases.
    public var rho: Double {
        entries.reduce(0) { sum, entry in
            if case .gaussian(let sigma) = entry.cost { sum + 1 / (2 * sigma * sigma) } else { sum }
        }
    }

    /// The sum of the ε and δ, the Gaussian releases left out.
    public var pure: (epsilon: Double, delta: Double) {
        (spent.reduce(0) { $0 + $1.epsilon }, spent.reduce(0) { $0 + $1.delta })
    }

    /// The ε of everything at a δ: pure releases count as ρ = ε²/2 or are added, whichever is less. Infinite where
    /// the approximate releases have used δ up.
    public func epsilon(delta: Double) -> Double {
        let rest = delta - pure.delta
        guard rest > 0 || (rest >= 0 && rho == 0) else { return .infinity }
        let added = pure.epsilon + (rho > 0 ? Self.epsilon(rho: rho, delta: rest) : 0)
        guard rest > 0, spent.allSatisfy({ $0.delta == 0 }) else { return added }
        let concentrated = rho + spent.reduce(0) { $0 + $1.epsilon * $1.epsilon / 2 }
        return min(added, Self.epsilon(rho: concentrated, delta: rest))
    }

    /// ε = ρ + 2√(ρ ln 1/δ) (Bun, Steinke, 2016).
    public static func epsilon(rho: Double, delta: Double) -> Double {
        rho + 2 * (rho * log(1 / delta)).squareRoot()
    }

    /// The ρ whose ε at δ is this one.
    public static func rho(epsilon: Double, delta: Double) -> Double {
        let l = log(1 / delta)
        // √ρ solves r² + 2 r √l = ε; the difference of roots written without cancellation.
        let root = epsilon / ((l + epsilon).squareRoot() + l.squareRoot())
        return root * root
    }
}
