import Foundation

// Special functions of tensors, element by element, with gradients of any order. Computed in double
// precision.

/// Φ(x), the standard normal distribution's probability of at most x.
public func normalCDF(_ x: Tensor) -> Tensor {
    let y = mapped(x, "normalCDF", Special.normalCDF)
    guard x.isTracked else { return y }
    return y.tracked("normalCDF", from: x) { $0.gradient * exp(x * x * -0.5 - 0.5 * Special.logTwoPi) }
}

/// ln Φ(x), for x however negative. Its derivative is the inverse Mills ratio φ(x)/Φ(x).
public func logNormalCDF(_ x: Tensor) -> Tensor {
    let y = mapped(x, "logNormalCDF", Special.logNormalCDF)
    guard x.isTracked else { return y }
    return y.tracked("logNormalCDF", from: x) { $0.gradient * inverseMillsRatio(x) }
}

/// φ(x)/Φ(x) = d/dx ln Φ(x) of the standard normal distribution.
public func inverseMillsRatio(_ x: Tensor) -> Tensor {
    let y = mapped(x, "inverseMillsRatio") { x in
        x < -1
            ? (2 / Double.pi).squareRoot() / Special.erfcScaled(-x * 0.5.squareRoot())
            : Foundation.exp(-0.5 * (x * x + Special.logTwoPi)) / Special.normalCDF(x)
    }
    guard x.isTracked else { return y }
    return y.tracked("inverseMillsRatio", from: x, keepsOutput: true) { back in
        -(back.gradient * back.output * (x + back.output))
    }
}

/// The x with Φ(x) = p.
public func normalQuantile(_ p: Tensor) -> Tensor {
    let y = mapped(p, "normalQuantile", Special.normalQuantile)
    guard p.isTracked else { return y }
    return y.tracked("normalQuantile", from: p, keepsOutput: true) { back in
        back.gradient * exp(back.output * back.output * 0.5 + 0.5 * Special.logTwoPi)
    }
}

/// The n-th derivative of the digamma function; n = 1 is trigamma.
public func polygamma(_ n: Int, _ x: Tensor) -> Tensor {
    let y = mapped(x, "polygamma") { Special.polygamma(n, $0) }
    guard x.isTracked else { return y }
    return y.tracked("polygamma", from: x) { $0.gradient * polygamma(n + 1, x) }
}

/// P(a, x), the gamma distribution's probability of at most x, for a fixed shape a.
public func regularizedGammaP(_ a: Double, _ x: Tensor) -> Tensor {
    let y = mapped(x, "regularizedGammaP") { Special.regularizedGammaP(a, $0) }
    guard x.isTracked else { return y }
    return y.tracked("regularizedGammaP", from: x) { $0.gradient * gammaDensity(a, x) }
}

/// Q(a, x) = 1 − P(a, x), without cancellation.
public func regularizedGammaQ(_ a: Double, _ x: Tensor) -> Tensor {
    let y = mapped(x, "regularizedGammaQ") { Special.regularizedGammaQ(a, $0) }
    guard x.isTracked else { return y }
    return y.tracked("regularizedGammaQ", from: x) { -($0.gradient * gammaDensity(a, x)) }
}

private func gammaDensity(_ a: Double, _ x: Tensor) -> Tensor {
    exp(log(x) * (a - 1) - x - Special.logGamma(a))
}

/// e^{-|x|} I₀(x), the modified Bessel function of order 0.
public func besselI0Scaled(_ x: Tensor) -> Tensor {
    let y = mapped(x, "besselI0Scaled", Special.besselI0Scaled)
    guard x.isTracked else { return y }
    return y.tracked("besselI0Scaled", from: x, keepsOutput: true) { back in
        back.gradient * (besselI1Scaled(x) - signs(x) * back.output)
    }
}

/// e^{-|x|} I₁(x), the modified Bessel function of order 1.
public func besselI1Scaled(_ x: Tensor) -> Tensor {
    let y = mapped(x, "besselI1Scaled", Special.besselI1Scaled)
    guard x.isTracked else { return y }
    return y.tracked("besselI1Scaled", from: x, keepsOutput: true) { back in
        // I₁(x)/x at 0 by a number so small that the ratio is its limit, ½.
        let away = x + mapped(x, "besselI1Scaled") { $0 == 0 ? 1e-30 : 0 }
        return back.gradient
            * (besselI0Scaled(x) - back.output * signs(x) - besselI1Scaled(away) / away)
    }
}

private func signs(_ x: Tensor) -> Tensor { mapped(x, "sign") { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 } }

/// A function of one number on every element, in double precision; without gradient. Integers become float32.
func mapped(_ x: Tensor, _ operation: StaticString, _ f: (Double) -> Double) -> Tensor {
    precondition(!x.dtype.isComplex, "\(operation): not defined for \(x.dtype)")
    let x = x.detached.asType(x.dtype.asFloatingPoint).contiguous()
    switch x.dtype {
    case .float32:
        let y = Tensor(uninitialized: x.shape, .float32)
        let (from, to) = (x.pointer(Float.self), y.mutablePointer(Float.self))
        Parallel.forRanges(x.count, grain: 4096) { for i in $0 { to[i] = Float(f(Double(from[i]))) } }
        return y
    case .float64:
        let y = Tensor(uninitialized: x.shape, .float64)
        let (from, to) = (x.pointer(Double.self), y.mutablePointer(Double.self))
        Parallel.forRanges(x.count, grain: 4096) { for i in $0 { to[i] = f(from[i]) } }
        return y
    default:
        return mapped(x.asType(.float32), operation, f).asType(x.dtype)
    }
}
