import Foundation

/// Roots and minima of functions of one number (R. P. Brent, "Algorithms for minimization without
/// derivatives", 1973).
public enum Brent {
    /// A root of `f` between `low` and `high`, where it has opposite signs.
    ///
    /// - Parameter tolerance: the error of the result, beside a few units in the last place.
    /// - Throws: ``NumericsError``.
    public static func root(
        _ low: Double, _ high: Double, tolerance: Double = 1e-15, maxIterations: Int = 200,
        _ f: (Double) throws -> Double
    ) throws -> Double {
        var (a, b) = (low, high)
        var (fa, fb) = (try f(a), try f(b))
        if fa == 0 { return a }
        if fb == 0 { return b }
        guard fa.isFinite, fb.isFinite else {
            throw NumericsError.notFinite(method: "Brent.root", at: fa.isFinite ? b : a)
        }
        guard (fa < 0) != (fb < 0) else {
            throw NumericsError.noSignChange(
                method: "Brent.root", low: low, atLow: fa, high: high, atHigh: fb)
        }
        // b is the best so far, a the one before, c on the other side of the root.
        var (c, fc) = (a, fa)
        var step = b - a
        var before = step
        for _ in 0..<maxIterations {
            if (fb < 0) == (fc < 0) {
                (c, fc) = (a, fa)
                step = b - a
                before = step
            }
            if abs(fc) < abs(fb) {
                (a, fa) = (b, fb)
                (b, fb) = (c, fc)
                (c, fc) = (a, fa)
            }
            let bound = 2 * Double.ulpOfOne * abs(b) + 0.5 * tolerance
            let half = 0.5 * (c - b)
            if abs(half) <= bound || fb == 0 { return b }
            if abs(before) >= bound && abs(fa) > abs(fb) {
                var p: Double
                var q: Double
                let s = fb / fa
                if a == c {
                    p = 2 * half * s
                    q = 1 - s
                } else {
                    let (r, t) = (fb / fc, fa / fc)
                    p = s * (2 * half * t * (t - r) - (b - a) * (r - 1))
                    q = (t - 1) * (r - 1) * (s - 1)
                }
                if p > 0 { q = -q } else { p = -p }
                if 2 * p < min(3 * half * q - abs(bound * q), abs(before * q)) {
                    before = step
                    step = p / q
                } else {
                    step = half
                    before = half
                }
            } else {
                step = half
                before = half
            }
            (a, fa) = (b, fb)
            b += abs(step) > bound ? step : (half > 0 ? bound : -bound)
            fb = try f(b)
            if fb.isNaN { throw NumericsError.notFinite(method: "Brent.root", at: b) }
        }
        throw NumericsError.tooManySteps(method: "Brent.root", limit: maxIterations, at: b)
    }

    /// A local minimum of `f` between `low` and `high`.
    ///
    /// - Parameter tolerance: relative error of the place; below √ulp it cannot be resolved.
    public static func minimum(
        _ low: Double, _ high: Double, tolerance: Double = 1e-8, maxIterations: Int = 200,
        _ f: (Double) throws -> Double
    ) rethrows -> (x: Double, value: Double) {
        let golden = 0.5 * (3 - 5.0.squareRoot())
        var (a, b) = (low, high)
        var x = a + golden * (b - a)
        var (w, v) = (x, x)
        var fx = try f(x)
        var (fw, fv) = (fx, fx)
        var (step, before) = (0.0, 0.0)
        for _ in 0..<maxIterations {
            let middle = 0.5 * (a + b)
            let bound = max(tolerance, 1e-9) * abs(x) + 1e-15
            if abs(x - middle) <= 2 * bound - 0.5 * (b - a) { break }
            var usesGolden = true
            if abs(before) > bound {
                // A parabola through x, w and v.
                let r = (x - w) * (fx - fv)
                var q = (x - v) * (fx - fw)
                var p = (x - v) * q - (x - w) * r
                q = 2 * (q - r)
                if q > 0 { p = -p } else { q = -q }
                if abs(p) < abs(0.5 * q * before) && p > q * (a - x) && p < q * (b - x) {
                    before = step
                    step = p / q
                    let u = x + step
                    if u - a < 2 * bound || b - u < 2 * bound { step = x < middle ? bound : -bound }
                    usesGolden = false
                }
            }
            if usesGolden {
                before = x < middle ? b - x : a - x
                step = golden * before
            }
            let u = x + (abs(step) >= bound ? step : (step > 0 ? bound : -bound))
            let fu = try f(u)
            if fu <= fx {
                if u < x { b = x } else { a = x }
                (v, fv, w, fw, x, fx) = (w, fw, x, fx, u, fu)
            } else {
                if u < x { a = u } else { b = u }
                if fu <= fw || w == x {
                    (v, fv, w, fw) = (w, fw, u, fu)
                } else if fu <= fv || v == x || v == w {
                    (v, fv) = (u, fu)
                }
            }
        }
        return (x, fx)
    }
}
