import Foundation
import Mercer

extension RandomStream {
    /// The number of successes of `trials` independent trials, exactly distributed.
    ///
    /// Few expected successes: inversion of the distribution function. Many: transformed rejection (W. Hörmann,
    /// "The generation of binomial random variates", 1993, algorithm BTRS), whose time doesn't grow with the trials.
    mutating func binomial(_ trials: Int, _ p: Double) -> Int {
        precondition(trials >= 0 && p >= 0 && p <= 1, "binomial: \(trials) trials of probability \(p)")
        if p > 0.5 { return trials - binomial(trials, 1 - p) }
        if p == 0 || trials == 0 { return 0 }
        return Double(trials) * p < 10 ? byInversion(trials, p) : byRejection(trials, p)
    }

    private mutating func byInversion(_ trials: Int, _ p: Double) -> Int {
        let odds = p / (1 - p)
        let none = exp(Double(trials) * log1p(-p))
        while true {
            var u = uniform()
            var share = none
            // The chance of more than 110 is below 1e-60; what rounding leaves of u is drawn again.
            for k in 0...min(trials, 110) {
                if u < share { return k }
                u -= share
                share *= odds * Double(trials - k) / Double(k + 1)
            }
        }
    }

    private mutating func byRejection(_ trials: Int, _ p: Double) -> Int {
        let n = Double(trials)
        let spread = (n * p * (1 - p)).squareRoot()
        let b = 1.15 + 2.53 * spread
        let a = -0.0873 + 0.0248 * b + 0.01 * p
        let c = n * p + 0.5
        let alpha = (2.83 + 5.1 / b) * spread
        let certain = 0.92 - 4.2 / b
        let odds = log(p / (1 - p))
        let mode = ((n + 1) * p).rounded(.down)
        let atMode = lgamma(mode + 1) + lgamma(n - mode + 1)
        while true {
            let u = uniform() - 0.5
            var v = uniform()
            let distance = 0.5 - abs(u)
            let k = ((2 * a / distance + b) * u + c).rounded(.down)
            if k < 0 || k > n { continue }
            if distance >= 0.07 && v <= certain { return Int(k) }
            v *= alpha / (a / (distance * distance) + b)
            if log(v) <= atMode - lgamma(k + 1) - lgamma(n - k + 1) + (k - mode) * odds { return Int(k) }
        }
    }
}
