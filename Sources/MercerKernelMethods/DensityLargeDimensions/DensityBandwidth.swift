import Foundation

/// How the bandwidth h of a density estimate is chosen. In units of the covariance's scale.
public enum DensityBandwidth: Sendable, Equatable {
    case fixed(Double)
    /// The largest mean log density of each point under the others.
    case leaveOneOut
    /// The largest mean log density of each fold under the others.
    case folds(Int, seed: UInt64)
    /// n^(−1/(d+4)).
    case scott
    /// (n (d + 2) / 4)^(−1/(d+4)).
    case silverman
    /// The optimum of the theory in large dimensions for the data's spectrum: h_KL = √(2 s(λ_G)).
    case asymptotic

    /// The rule that a word or a number of the command line names.
    public init(_ text: String) throws {
        switch text {
        case "loo": self = .leaveOneOut
        case "scott": self = .scott
        case "silverman": self = .silverman
        case "asymptotic": self = .asymptotic
        default:
            if text.hasPrefix("cv:"), let folds = Int(text.dropFirst(3)), folds >= 2 {
                self = .folds(folds, seed: 0)
            } else if let h = Double(text) {
                self = .fixed(h)
            } else {
                throw KernelMethodError.option(
                    "--bandwidth", found: "'\(text)'",
                    expected: "a number or one of loo, cv:K, scott, silverman, asymptotic")
            }
        }
    }

    static func scott(count: Double, dimension: Int) -> Double { pow(count, -1 / Double(dimension + 4)) }

    static func silverman(count: Double, dimension: Int) -> Double {
        pow(count * Double(dimension + 2) / 4, -1 / Double(dimension + 4))
    }
}
