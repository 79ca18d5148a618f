import Foundation

/// Noise for a list of numbers whose change by one row is bounded, and the record of it.
///
/// The noise of a naive mechanism on doubles leaks through the low bits of the sum. Here every number is first rounded
/// to a grid of at most 2⁻³² noise scales, whole-number noise is added in grid steps, and the sensitivity that
/// the noise is made for includes the rounding.
public struct PrivateMechanism: Sendable, Codable, Equatable {
    public enum Kind: String, Sendable, Codable {
        /// Whole-number Laplace noise on counts.
        case discreteLaplace = "discrete Laplace"
        /// Laplace noise on numbers of a grid.
        case laplace = "Laplace on a grid"
        /// Gaussian noise on numbers of a grid.
        case gaussian = "Gaussian on a grid"
    }

    public let kind: Kind
    /// The largest change by one row, in ℓ1 (Laplace) or ℓ2 (Gaussian) norm, rounding included.
    public let sensitivity: Double
    /// The scale of Laplace noise, or the deviation of Gaussian noise.
    public let scale: Double
    /// The step of the grid, 1 for counts.
    public let step: Double
    public let budget: PrivacyBudget

    /// Laplace noise for counts: each of the numbers that a row changes is whole, and `sensitivity` is how many it
    /// changes (by one each).
    public static func counts(sensitivity: Double, epsilon: Double) throws -> PrivateMechanism {
        let budget = try PrivacyBudget(epsilon: epsilon)
        let noise = DiscreteLaplace(scale: sensitivity / epsilon)
        return PrivateMechanism(
            kind: .discreteLaplace, sensitivity: sensitivity, scale: noise.scale, step: 1, budget: budget)
    }

    /// Noise for `count` real numbers: Laplace for a pure budget, Gaussian where δ > 0.
    ///
    /// - Parameters:
    ///   - l1: the largest change by one row in the ℓ1 norm.
    ///   - l2: the same in the ℓ2 norm.
    ///   - rows: how many float64 terms each number is the sum of, and `largest` a bound on them. Their rounding differs
    ///     between neighbours by at most 2 n² 2⁻⁵³ times the bound, which the sensitivity includes.
    public static func numbers(
        count: Int, l1: Double, l2: Double, budget: PrivacyBudget, rows: Int = 0, largest: Double = 0
    ) -> PrivateMechanism {
        let n = Double(count)
        let rounding = rounding(rows: rows, largest: largest)
        if budget.delta == 0 {
            let step = grid(l1 / budget.epsilon)
            let sensitivity = l1 + n * (step + rounding)
            return PrivateMechanism(
                kind: .laplace, sensitivity: sensitivity, scale: sensitivity / budget.epsilon, step: step,
                budget: budget)
        }
        return gaussian(
            count: count, l2: l2, unit: GaussianMechanism.deviation(epsilon: budget.epsilon, delta: budget.delta),
            budget: budget, rounding: rounding)
    }

    /// Gaussian noise for each of `steps` releases of `count` real numbers that one budget with δ > 0 pays for: √(T/2ρ)
    /// sensitivities, with the ρ of zero-concentrated privacy whose ε at δ is the budget's (Bun, Steinke, 2016).
    ///
    /// - Parameters: as of ``numbers(count:l1:l2:budget:rows:largest:)``, of one step.
    public static func steps(
        _ steps: Int, count: Int, l2: Double, budget: PrivacyBudget, rows: Int, largest: Double
    ) -> PrivateMechanism {
        precondition(steps >= 1 && budget.delta > 0, "PrivateMechanism: \(steps) steps at δ = \(budget.delta)")
        let rho = PrivacyAccountant.rho(epsilon: budget.epsilon, delta: budget.delta)
        return gaussian(
            count: count, l2: l2, unit: (Double(steps) / (2 * rho)).squareRoot(), budget: budget,
            rounding: rounding(rows: rows, largest: largest))
    }

    /// - Parameter unit: the deviation for a sensitivity of 1.
    private static func gaussian(
        count: Int, l2: Double, unit: Double, budget: PrivacyBudget, rounding: Double
    ) -> PrivateMechanism {
        let step = grid(l2 * unit)
        let sensitivity = l2 + Double(count).squareRoot() * (step + rounding)
        return PrivateMechanism(
            kind: .gaussian, sensitivity: sensitivity, scale: sensitivity * unit, step: step, budget: budget)
    }

    /// By how much the rounding of sums of `rows` terms differs between neighbours.
    private static func rounding(rows: Int, largest: Double) -> Double {
        2 * largest * Double(rows) * Double(rows) * 0x1p-53
    }

    /// The largest power of two of at most 2⁻³² scales.
    private static func grid(_ scale: Double) -> Double { exp2((log2(scale) - 32).rounded(.down)) }

    /// The standard deviation of the noise of one number.
    public var deviation: Double { kind == .gaussian ? scale : 2.0.squareRoot() * scale }

    /// The numbers with noise.
    public func sanitise(_ values: [Double], using generator: inout some RandomNumberGenerator) -> [Double] {
        switch kind {
        case .gaussian:
            let noise = DiscreteGaussian(deviation: scale / step)
            return values.map { step * (($0 / step).rounded() + Double(noise.draw(using: &generator))) }
        case .laplace, .discreteLaplace:
            let noise = DiscreteLaplace(scale: scale / step)
            return values.map { step * (($0 / step).rounded() + Double(noise.draw(using: &generator))) }
        }
    }

    /// The mechanism in a line, as every build prints it.
    public var summary: String {
        let delta = budget.delta > 0 ? ", δ = \(budget.delta)" : ""
        return "\(kind.rawValue), sensitivity \(Self.short(sensitivity)), noise scale \(Self.short(scale)), "
            + "ε = \(Self.short(budget.epsilon))\(delta)"
    }

    private static func short(_ x: Double) -> String { String(format: "%.6g", x) }
}
