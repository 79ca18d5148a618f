import Foundation
import Mercer

/// Minimisation of a noisy function by simultaneous perturbation (J. C. Spall, "Multivariate stochastic approximation
/// using a simultaneous perturbation gradient approximation", 1992): two evaluations a step, whatever the number of
/// parameters.
///
/// Step k moves by a_k (f(x + c_kΔ) − f(x − c_kΔ))/(2c_k) Δ with random signs Δ, a_k = a/(k+1)^0.602,
/// c_k = c/(k+1)^0.101. The state is a value: it can be kept in a file and taken up again.
public struct SPSA: Sendable, Codable {
    public private(set) var point: [Double]
    public private(set) var iteration = 0
    /// a.
    public let stepSize: Double
    /// c.
    public let perturbation: Double
    private let seed: UInt64

    /// Calibrates a: `samples` random directions, so that the first step is `firstStep` in every parameter on average.
    ///
    /// - Parameter f: the function, with a key for its own randomness.
    public init(
        from start: [Double], perturbation: Double = 0.1, firstStep: Double = 2 * Double.pi / 10,
        samples: Int = 25, seed: UInt64, _ f: ([Double], RandomKey) -> Double
    ) {
        let key = RandomKey(seed).fold(in: -1)
        var sum = 0.0
        for sample in 0..<samples {
            let delta = Self.signs(start.count, key.fold(in: 3 * sample))
            let up = f(zip(start, delta).map { $0 + perturbation * $1 }, key.fold(in: 3 * sample + 1))
            let down = f(zip(start, delta).map { $0 - perturbation * $1 }, key.fold(in: 3 * sample + 2))
            sum += abs(up - down) / (2 * perturbation)
        }
        point = start
        self.perturbation = perturbation
        self.seed = seed
        let mean = sum / Double(max(1, samples))
        stepSize = mean > 1e-10 ? firstStep / mean : firstStep
    }

    /// One step; returns the mean of the two values.
    public mutating func step(_ f: ([Double], RandomKey) -> Double) -> Double {
        let key = RandomKey(seed).fold(in: iteration)
        let k = Double(iteration + 1)
        let (a, c) = (stepSize / pow(k, 0.602), perturbation / pow(k, 0.101))
        let delta = Self.signs(point.count, key.fold(in: 0))
        let up = f(zip(point, delta).map { $0 + c * $1 }, key.fold(in: 1))
        let down = f(zip(point, delta).map { $0 - c * $1 }, key.fold(in: 2))
        let slope = (up - down) / (2 * c)
        point = zip(point, delta).map { $0 - a * slope * $1 }
        iteration += 1
        return (up + down) / 2
    }

    private static func signs(_ count: Int, _ key: RandomKey) -> [Double] {
        var stream = RandomStream(key)
        return (0..<count).map { _ in stream.next() >> 63 == 0 ? 1 : -1 }
    }
}
