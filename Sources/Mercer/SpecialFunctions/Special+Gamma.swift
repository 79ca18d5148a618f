import Foundation

extension Special {
    /// ln |Γ(x)|.
    public static func logGamma(_ x: Double) -> Double {
        var sign: Int32 = 0
        return lgamma_r(x, &sign)
    }

    /// ψ(x) = d/dx ln Γ(x).
    public static func digamma(_ x: Double) -> Double {
        if x == 0 { return x.sign == .minus ? .infinity : -.infinity }
        if x < 0 {
            if x == x.rounded() { return .nan }
            return digamma(1 - x) - .pi / tan(.pi * (x - x.rounded(.down)))
        }
        var result = 0.0
        var x = x
        while x < 10 {
            result -= 1 / x
            x += 1
        }
        // B₂ₖ / 2k.
        let coefficients: [Double] = [
            1 / 12.0, -1 / 120.0, 1 / 252.0, -1 / 240.0, 1 / 132.0, -691 / 32760.0, 1 / 12.0,
        ]
        let z = 1 / (x * x)
        var series = 0.0
        for c in coefficients.reversed() { series = (series + c) * z }
        return result + log(x) - 0.5 / x - series
    }

    /// The n-th derivative of ψ at x > 0; n = 1 (trigamma) for any x but 0, -1, -2, …
    public static func polygamma(_ n: Int, _ x: Double) -> Double {
        precondition(n >= 0, "polygamma: order \(n)")
        if n == 0 { return digamma(x) }
        if x <= 0 {
            guard n == 1, x != x.rounded() else { return x == x.rounded() && n % 2 == 1 ? .infinity : .nan }
            let s = sin(.pi * (x - x.rounded(.down)))
            return .pi * .pi / (s * s) - polygamma(1, 1 - x)
        }
        let factorial = (1...n).reduce(1.0) { $0 * Double($1) }
        return (n % 2 == 0 ? -1 : 1) * factorial * hurwitzZeta(Double(n + 1), x)
    }

    /// ζ(s, q) = Σ_{k≥0} (k + q)^{-s}, s > 1, q > 0 (Euler-Maclaurin).
    public static func hurwitzZeta(_ s: Double, _ q: Double) -> Double {
        var sum = 0.0
        let start = max(0, Int((12 - q).rounded(.up)))
        for k in 0..<start { sum += pow(q + Double(k), -s) }
        let a = q + Double(start)
        sum += pow(a, 1 - s) / (s - 1) + 0.5 * pow(a, -s)
        // B₂ₖ / (2k)!.
        let bernoulli: [Double] = [
            1 / 12.0, -1 / 720.0, 1 / 30240.0, -1 / 1_209_600.0, 1 / 47_900_160.0, -691 / 1_307_674_368_000.0,
            1 / 74_724_249_600.0, -3617 / 10_670_622_842_880_000.0,
        ]
        var factor = s
        var power = pow(a, -s - 1)
        for (k, b) in bernoulli.enumerated() {
            sum += b * factor * power
            factor *= (s + Double(2 * k + 1)) * (s + Double(2 * k + 2))
            power /= a * a
        }
        return sum
    }

    /// ln B(a, b) for a, b > 0.
    public static func logBeta(_ a: Double, _ b: Double) -> Double {
        let (a, b) = (min(a, b), max(a, b))
        if a < 10 {
            if b < 10 { return logGamma(a) + logGamma(b) - logGamma(a + b) }
            // ln Γ(b) − ln Γ(a + b) by Stirling, whose large parts cancel.
            return logGamma(a) + stirlingRest(b) - stirlingRest(a + b) + a - a * log(a + b)
                - (b - 0.5) * log1p(a / b)
        }
        return 0.5 * logTwoPi - 0.5 * log(b) + stirlingRest(a) + stirlingRest(b) - stirlingRest(a + b)
            + (a - 0.5) * log(a / (a + b)) - b * log1p(a / b)
    }

    /// B(a, b) = Γ(a) Γ(b) / Γ(a + b) for a, b > 0.
    public static func beta(_ a: Double, _ b: Double) -> Double { Foundation.exp(logBeta(a, b)) }

    /// ln Γ(x) − [(x − ½) ln x − x + ½ ln 2π], x >= 10.
    private static func stirlingRest(_ x: Double) -> Double {
        let z = 1 / (x * x)
        let coefficients: [Double] = [
            1 / 12.0, -1 / 360.0, 1 / 1260.0, -1 / 1680.0, 1 / 1188.0, -691 / 360360.0, 1 / 156.0,
        ]
        var sum = 0.0
        for c in coefficients.reversed() { sum = sum * z + c }
        return sum / x
    }

    // MARK: Incomplete functions

    /// P(a, x) = 1/Γ(a) ∫₀ˣ t^{a-1} e^{-t} dt for a > 0, x >= 0: the gamma distribution's probability of at
    /// most x. Relative error about 1e-14, growing with √a.
    public static func regularizedGammaP(_ a: Double, _ x: Double) -> Double {
        if !(a > 0) || !(x >= 0) { return .nan }
        if x == 0 { return 0 }
        if x == .infinity { return 1 }
        return x < a + 1 ? gammaSeries(a, x) : 1 - gammaFraction(a, x)
    }

    /// Q(a, x) = 1 − P(a, x), without cancellation.
    public static func regularizedGammaQ(_ a: Double, _ x: Double) -> Double {
        if !(a > 0) || !(x >= 0) { return .nan }
        if x == 0 { return 1 }
        if x == .infinity { return 0 }
        return x < a + 1 ? 1 - gammaSeries(a, x) : gammaFraction(a, x)
    }

    /// x^a e^{-x} / Γ(a + 1).
    private static func gammaPrefactor(_ a: Double, _ x: Double) -> Double {
        if a < 10 { return Foundation.exp(a * log(x) - x - logGamma(a + 1)) }
        let mu = (x - a) / a
        return Foundation.exp(-a * (mu - log1p(mu)) - stirlingRest(a)) / (2 * .pi * a).squareRoot()
    }

    private static func gammaSeries(_ a: Double, _ x: Double) -> Double {
        var term = 1.0
        var sum = 1.0
        var n = a
        while term > epsilon * 0.25 * sum {
            n += 1
            term *= x / n
            sum += term
        }
        return sum * gammaPrefactor(a, x)
    }

    /// Legendre's continued fraction by Lentz's method.
    private static func gammaFraction(_ a: Double, _ x: Double) -> Double {
        let tiny = Double.leastNormalMagnitude / epsilon
        var b = x + 1 - a
        var c = 1 / tiny
        var d = 1 / b
        var h = d
        for i in 1..<1_000_000 {
            let k = Double(i)
            let an = -k * (k - a)
            b += 2
            d = an * d + b
            if abs(d) < tiny { d = tiny }
            c = b + an / c
            if abs(c) < tiny { c = tiny }
            d = 1 / d
            let factor = d * c
            h *= factor
            if abs(factor - 1) < epsilon { break }
        }
        return gammaPrefactor(a, x) * a * h
    }

    /// I_x(a, b) for a, b > 0, x in [0, 1]: the beta distribution's probability of at most x.
    public static func regularizedBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
        if !(a > 0) || !(b > 0) || !(x >= 0 && x <= 1) { return .nan }
        if x == 0 || x == 1 { return x }
        if x > (a + 1) / (a + b + 2) { return 1 - betaFraction(1 - x, log1p(-x), log(x), b, a) }
        return betaFraction(x, log(x), log1p(-x), a, b)
    }

    private static func betaFraction(_ x: Double, _ logX: Double, _ logRest: Double, _ a: Double, _ b: Double)
        -> Double
    {
        let tiny = Double.leastNormalMagnitude / epsilon
        var c = 1.0
        var d = 1 - (a + b) * x / (a + 1)
        d = 1 / (abs(d) < tiny ? tiny : d)
        var h = d
        func advance(_ coefficient: Double) -> Double {
            d = 1 + coefficient * d
            if abs(d) < tiny { d = tiny }
            c = 1 + coefficient / c
            if abs(c) < tiny { c = tiny }
            d = 1 / d
            h *= d * c
            return d * c
        }
        for i in 1..<1_000_000 {
            let m = Double(i)
            _ = advance(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)))
            if abs(advance(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))) - 1) < epsilon {
                break
            }
        }
        return Foundation.exp(a * logX + b * logRest - logBeta(a, b)) * h / a
    }
}
