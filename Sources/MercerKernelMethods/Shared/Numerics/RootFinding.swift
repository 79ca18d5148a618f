import Foundation

// One-dimensional roots and minima (Brent, "Algorithms for minimization without derivatives", 1973).

/// A root of `f` between `a` and `b`, where it has opposite signs.
func root(between a: Double, _ b: Double, tolerance: Double = 1e-14, _ f: (Double) -> Double) -> Double {
    var (a, b) = (a, b)
    var fa = f(a)
    var fb = f(b)
    if fa == 0 { return a }
    if fb == 0 { return b }
    precondition(fa.sign != fb.sign, "root: the function is \(fa) at \(a) and \(fb) at \(b)")
    var (c, fc) = (a, fa)
    var step = b - a
    var last = step
    for _ in 0..<200 {
        if abs(fc) < abs(fb) { (a, b, c, fa, fb, fc) = (b, c, b, fb, fc, fb) }
        let precision = 2 * Double.ulpOfOne * abs(b) + 0.5 * tolerance
        let half = 0.5 * (c - b)
        if abs(half) <= precision || fb == 0 { return b }
        if abs(last) >= precision, abs(fa) > abs(fb) {
            // Secant, or inverse quadratic interpolation through three points.
            var p: Double
            var q: Double
            let s = fb / fa
            if a == c {
                p = 2 * half * s
                q = 1 - s
            } else {
                let t = fa / fc
                let r = fb / fc
                p = s * (2 * half * t * (t - r) - (b - a) * (r - 1))
                q = (t - 1) * (r - 1) * (s - 1)
            }
            if p > 0 { q = -q } else { p = -p }
            if 2 * p < min(3 * half * q - abs(precision * q), abs(last * q)) {
                (last, step) = (step, p / q)
            } else {
                (step, last) = (half, half)
            }
        } else {
            (step, last) = (half, half)
        }
        (a, fa) = (b, fb)
        b += abs(step) > precision ? step : (half > 0 ? precision : -precision)
        fb = f(b)
        if fb.sign == fc.sign { (c, fc, step, last) = (a, fa, b - a, b - a) }
    }
    return b
}

/// The place of a minimum of `f` between `a` and `b` by golden sections.
func minimum(between a: Double, _ b: Double, tolerance: Double = 1e-8, _ f: (Double) -> Double) -> Double {
    let ratio = (5.0.squareRoot() - 1) / 2
    var (low, high) = (a, b)
    var x = high - ratio * (high - low)
    var y = low + ratio * (high - low)
    var fx = f(x)
    var fy = f(y)
    while high - low > tolerance {
        if fx <= fy {
            (high, y, fy) = (y, x, fx)
            x = high - ratio * (high - low)
            fx = f(x)
        } else {
            (low, x, fx) = (x, y, fy)
            y = low + ratio * (high - low)
            fy = f(y)
        }
    }
    return (low + high) / 2
}
