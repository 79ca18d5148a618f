import Mercer

/// The root of `f` between `a` and `b`, where it is known to change its sign.
func root(between a: Double, _ b: Double, tolerance: Double = 1e-14, _ f: (Double) -> Double) -> Double {
    do { return try Brent.root(a, b, tolerance: tolerance, f) } catch { preconditionFailure("\(error)") }
}
