import Foundation

/// Adds up what several releases about the same data tell.
///
/// ```swift
/// var accountant = PrivacyAccountant()
/// accountant.spend(try .pure(epsilon: 0.5))
/// accountant.spend(gaussianDeviation: 20)
/// accountant.epsilon(delta: 1e-6)
/// ```
public struct PrivacyAccountant: Sendable {
    /// Each release that was counted.
    public private(set) var spent: [PrivacyBudget] = []
    /// ρ of zero-concentrated differential privacy of all Gaussian releases.
    public private(set) var rho = 0.0

    public init() {}

    /// A release of a pure or approximate budget.
    public mutating func spend(_ budget: PrivacyBudget) { spent.append(budget) }

    /// A Gaussian release of an ℓ2 sensitivity of 1: ρ = 1/2σ².
    public mutating func spend(gaussianDeviation sigma: Double) { rho += 1 / (2 * sigma * sigma) }

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
