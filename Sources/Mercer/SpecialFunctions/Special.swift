import Foundation

/// Special functions of one number in double precision.
///
/// Relative errors are a few units in the last place unless a function says otherwise. The same functions of
/// tensors, with gradients, are free functions: ``normalCDF(_:)``, ``logNormalCDF(_:)``, ``polygamma(_:_:)``
/// and others.
public enum Special {
    static let squareRootOfPi = 1.7724538509055160273
    static let logTwoPi = 1.8378770664093454836

    /// Where series and continued fractions stop.
    static let epsilon = Double.ulpOfOne

    // MARK: Error function

    /// 2/√π ∫₀ˣ e^{-t²} dt.
    public static func erf(_ x: Double) -> Double { Foundation.erf(x) }

    /// 1 − erf x, without cancellation.
    public static func erfc(_ x: Double) -> Double { Foundation.erfc(x) }

    /// e^{x²} erfc x: what remains of erfc for large x.
    public static func erfcScaled(_ x: Double) -> Double {
        if x < 2 {
            return x < -26.7 ? .infinity : Foundation.exp(x * x) * Foundation.erfc(x)
        }
        if x > 1e8 { return 1 / (x * squareRootOfPi) }
        // Laplace's continued fraction 1/(x + ½/(x + 1/(x + 3/2/(x + …)))), from the inside.
        var tail = x
        for k in stride(from: Int(10 + 480 / (x * x)), through: 1, by: -1) {
            tail = x + 0.5 * Double(k) / tail
        }
        return 1 / (tail * squareRootOfPi)
    }

    /// The x with erf x = y, for y in [-1, 1]; NaN outside.
    public static func erfInverse(_ y: Double) -> Double {
        let a = abs(y)
        if a > 0.5 { return a > 1 ? .nan : (y < 0 ? -1 : 1) * erfcInverse(1 - a) }
        if a < 1e-9 { return y * squareRootOfPi / 2 }
        // Winitzki's approximation, then Halley's method.
        let l = log1p(-a * a)
        let t = 2 / (.pi * 0.147) + l / 2
        var x = ((t * t - l / 0.147).squareRoot() - t).squareRoot()
        for _ in 0..<3 {
            let newton = (Foundation.erf(x) - a) * Foundation.exp(x * x) * squareRootOfPi / 2
            x -= newton / (1 + x * newton)
        }
        return y < 0 ? -x : x
    }

    /// The x with erfc x = y, for y in [0, 2]; NaN outside.
    public static func erfcInverse(_ y: Double) -> Double {
        if y > 1 { return y > 2 ? .nan : -erfcInverse(2 - y) }
        if y <= 0 { return y == 0 ? .infinity : .nan }
        if y >= 0.5 { return erfInverse(1 - y) }
        // Newton's method for ln erfc x, which is nearly a parabola.
        let logY = log(y)
        var x = 0.5
        if y < 0.1 { x = max(0.5, -log(squareRootOfPi * y * (-logY).squareRoot())).squareRoot() }
        for _ in 0..<8 {
            let scaled = erfcScaled(x)
            let step = (log(scaled) - x * x - logY) * scaled * squareRootOfPi / 2
            x += step
            if abs(step) <= 2 * epsilon * x { break }
        }
        return x
    }

    // MARK: Normal distribution

    /// Φ(x), the probability that a standard normal number is at most x.
    public static func normalCDF(_ x: Double) -> Double { 0.5 * Foundation.erfc(-x * 0.5.squareRoot()) }

    /// ln Φ(x), for x however negative.
    public static func logNormalCDF(_ x: Double) -> Double {
        let s = -x * 0.5.squareRoot()
        if x < -1 { return log(0.5 * erfcScaled(s)) - 0.5 * x * x }
        return log1p(-0.5 * Foundation.erfc(-s))
    }

    /// The x with Φ(x) = p, for p in [0, 1]; NaN outside.
    public static func normalQuantile(_ p: Double) -> Double {
        p <= 0.5 ? -2.0.squareRoot() * erfcInverse(2 * p) : 2.0.squareRoot() * erfcInverse(2 * (1 - p))
    }

    // MARK: Modified Bessel functions

    /// e^{-|x|} I₀(x).
    public static func besselI0Scaled(_ x: Double) -> Double { besselScaled(0, abs(x)) }

    /// e^{-|x|} I₁(x).
    public static func besselI1Scaled(_ x: Double) -> Double {
        let value = besselScaled(1, abs(x))
        return x < 0 ? -value : value
    }

    /// I₀(x).
    public static func besselI0(_ x: Double) -> Double { besselI0Scaled(x) * Foundation.exp(abs(x)) }

    /// I₁(x).
    public static func besselI1(_ x: Double) -> Double { besselI1Scaled(x) * Foundation.exp(abs(x)) }

    private static func besselScaled(_ order: Double, _ x: Double) -> Double {
        if x.isNaN { return .nan }
        if x < 30 {
            // The power series; all terms are positive.
            let q = 0.25 * x * x
            var term = order == 0 ? 1 : 0.5 * x
            var sum = term
            var k = 1.0
            while term > epsilon * 0.25 * sum {
                term *= q / (k * (k + order))
                sum += term
                k += 1
            }
            return sum * Foundation.exp(-x)
        }
        // Hankel's expansion; at x >= 30 its smallest term is far below one unit in the last place.
        let mu = 4 * order * order
        var term = 1.0
        var sum = 1.0
        for k in 1..<40 {
            let odd = Double(2 * k - 1)
            term *= -(mu - odd * odd) / (8 * x * Double(k))
            sum += term
            if abs(term) < epsilon * 0.25 { break }
        }
        return sum / (2 * .pi * x).squareRoot()
    }
}
