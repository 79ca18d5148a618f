import Foundation

/// A smooth decreasing function of a distance as a short sum of exponentials Σ w e^(−t x) on [1, ∞) (Backurs et al. 2024).
public struct ExponentialSum: Sendable, Codable, Equatable {
    public let weights: [Double]
    /// t.
    public let rates: [Double]

    /// A sum that the user gives, such as one of another completely monotone function.
    public init(weights: [Double], rates: [Double]) {
        precondition(
            weights.count == rates.count, "ExponentialSum: \(weights.count) weights, \(rates.count) rates")
        self.weights = weights
        self.rates = rates
    }

    /// 1/x to within α on [1, ∞): a trapezoid for ∫ e^u exp(−x e^u) du.
    public static func reciprocal(accuracy alpha: Double) throws -> ExponentialSum {
        guard alpha > 0, alpha < 1 else {
            throw KernelMethodError.option(
                "the accuracy", found: "\(alpha)", expected: "a number between 0 and 1")
        }
        // The step's aliasing error 2 √(4π²/h) e^(−π²/h) takes a third of α, and so does each end.
        let step = exp(
            root(between: log(0.01), log(20)) { logStep in
                let h = exp(logStep)
                return log(2) + 0.5 * log(2 * Double.pi * 2 * Double.pi / h) - Double.pi * Double.pi / h
                    - log(alpha / 3)
            })
        let (low, high) = (log(alpha / 3), log(log(3 / alpha)))
        let count = Int(((high - low) / step).rounded(.up)) + 1
        let nodes = (0..<count).map { exp(low + Double($0) * step) }
        return ExponentialSum(weights: nodes.map { step * $0 }, rates: nodes)
    }

    public var count: Int { weights.count }

    public func callAsFunction(_ x: Double) -> Double {
        zip(weights, rates).reduce(0) { $0 + $1.0 * exp(-$1.1 * x) }
    }

    /// The largest difference from 1/x over these places of [1, ∞).
    public func largestError(over places: [Double]) -> Double {
        places.reduce(0) { max($0, abs(self($1) - 1 / $1)) }
    }

    /// w e^(−t): the weights of the kernels e^(−t r) in a function of 1 + r.
    public var shiftedWeights: [Double] { zip(weights, rates).map { $0 * exp(-$1) } }
}
