import Foundation

/// Nodes and weights of Gaussian quadrature rules.
public enum Quadrature {
    /// Σ wᵢ f(xᵢ) = ∫₋₁¹ f(x) dx for polynomials of degree below 2n.
    public static func gaussLegendre(_ n: Int) -> (nodes: [Double], weights: [Double]) {
        precondition(n >= 1, "gaussLegendre: \(n) nodes")
        var nodes = [Double](repeating: 0, count: n)
        var weights = nodes
        for i in 0..<(n + 1) / 2 {
            // Newton's method for the Legendre polynomial from Tricomi's approximation.
            var x = cos(.pi * (Double(i) + 0.75) / (Double(n) + 0.5))
            if 2 * i + 1 == n { x = 0 }
            var slope = 0.0
            for _ in 0..<100 {
                var (p, previous) = (1.0, 0.0)
                for k in 0..<n {
                    let k = Double(k)
                    (p, previous) = (((2 * k + 1) * x * p - k * previous) / (k + 1), p)
                }
                slope = Double(n) * (x * p - previous) / (x * x - 1)
                let step = p / slope
                if x != 0 { x -= step }
                if abs(step) < 4 * Double.ulpOfOne { break }
            }
            nodes[i] = -x
            nodes[n - 1 - i] = x
            weights[i] = 2 / ((1 - x * x) * slope * slope)
            weights[n - 1 - i] = weights[i]
        }
        return (nodes, weights)
    }

    /// ∫ₐᵇ f(x) dx by `n` Gauss-Legendre nodes.
    public static func integrate(_ range: ClosedRange<Double>, nodes n: Int, _ f: (Double) -> Double)
        -> Double
    {
        let (nodes, weights) = gaussLegendre(n)
        let (middle, half) = (
            0.5 * (range.lowerBound + range.upperBound), 0.5 * (range.upperBound - range.lowerBound)
        )
        return half * zip(nodes, weights).reduce(0) { $0 + $1.1 * f(middle + half * $1.0) }
    }

    /// Σ wᵢ f(xᵢ) = ∫ f(x) e^{-x²} dx over the line, for polynomials of degree below 2n; n up to 500.
    ///
    /// For the mean of f under a standard normal distribution take f(√2 xᵢ) and divide by √π.
    public static func gaussHermite(_ n: Int) -> (nodes: [Double], weights: [Double]) {
        precondition(n >= 1 && n <= 500, "gaussHermite: \(n) nodes, between 1 and 500 are possible")
        // Eigenvalues of the recurrence's tridiagonal matrix (Golub, Welsch, 1969), one Newton step each, and
        // weights from the orthonormal polynomials, which keeps the small ones accurate.
        let offDiagonal = (1..<max(n, 2)).prefix(n - 1).map { (Double($0) / 2).squareRoot() }
        var nodes = Tridiagonal.eigenvalues(
            diagonal: [Double](repeating: 0, count: n), offDiagonal: offDiagonal)
        var weights = [Double](repeating: 0, count: n)
        for i in 0..<n {
            var x = nodes[i]
            let (value, before, _) = hermite(n, x)
            x -= value / ((2 * Double(n)).squareRoot() * before)
            nodes[i] = x
        }
        for i in 0..<n {
            nodes[i] = 0.5 * (nodes[i] - nodes[n - 1 - i])
            nodes[n - 1 - i] = -nodes[i]
            weights[i] = 1 / hermite(n, nodes[i]).squares
            weights[n - 1 - i] = weights[i]
        }
        return (nodes, weights)
    }

    /// The orthonormal Hermite polynomials of degrees n and n − 1, and the sum of the squares of those below
    /// n.
    private static func hermite(_ n: Int, _ x: Double) -> (value: Double, before: Double, squares: Double) {
        var (h, before) = (0.75112554446494248286, 0.0)  // π^{-1/4}
        var squares = 0.0
        for k in 0..<n {
            squares += h * h
            let next =
                x * (2 / Double(k + 1)).squareRoot() * h - (Double(k) / Double(k + 1)).squareRoot() * before
            (h, before) = (next, h)
        }
        return (h, before, squares)
    }
}
