import Foundation

/// log I_ν(z) of the modified Bessel function for ν ≥ 0, z > 0, from its power series, whose terms are all positive,
/// started at the largest of them: exact to rounding for any order.
func logBesselI(_ order: Double, _ z: Double) -> Double {
    let quarter = z * z / 4
    // The largest term has k (k + ν) = z²/4.
    let peak = max(0, ((order * order + z * z).squareRoot() - order) / 2).rounded(.down)
    var sum = 1.0
    var term = 1.0
    var k = peak
    while term > 1e-18 * sum {
        k += 1
        term *= quarter / (k * (k + order))
        sum += term
    }
    term = 1
    k = peak
    while k > 0 && term > 1e-18 * sum {
        term *= k * (k + order) / quarter
        k -= 1
        sum += term
    }
    return (2 * peak + order) * log(z / 2) - lgamma(peak + 1) - lgamma(peak + order + 1) + log(sum)
}

/// log of the volume of the unit ball in d dimensions.
func logUnitBallVolume(_ d: Int) -> Double {
    Double(d) / 2 * log(Double.pi) - lgamma(Double(d) / 2 + 1)
}
