import Foundation
import Mercer

/// A family φ₀, φ₁, … of functions of one variable that is orthonormal under a probability measure μ. Polynomials
/// are evaluated by their three-term recurrence, x pₖ = bₖ₊₁ pₖ₊₁ + aₖ pₖ + bₖ pₖ₋₁, which is stable at any degree.
public enum OrthonormalBasis: Hashable, Sendable, Codable {
    /// dx/2 on [−1, 1].
    case legendre
    /// The arcsine law dx/(π√(1 − x²)) on [−1, 1].
    case chebyshev
    /// (1 − x)ᵃ(1 + x)ᵇ dx, normalised, on [−1, 1]; a, b ≥ −½.
    case jacobi(Double, Double)
    /// The standard normal law.
    case hermite
    /// e⁻ˣ dx on [0, ∞).
    case laguerre
    /// 1, √2 cos 2πx, √2 sin 2πx, √2 cos 4πx, … under dx on [0, 1].
    case fourier

    /// A basis by its name: `legendre`, `chebyshev`, `jacobi:A:B`, `hermite`, `laguerre`, `fourier`.
    ///
    /// - Throws: ``KernelMethodError/option(_:found:expected:)``.
    public init(_ name: String) throws {
        let parts = name.split(separator: ":").map(String.init)
        switch (parts.first, parts.count) {
        case ("legendre", 1): self = .legendre
        case ("chebyshev", 1): self = .chebyshev
        case ("hermite", 1): self = .hermite
        case ("laguerre", 1): self = .laguerre
        case ("fourier", 1): self = .fourier
        case ("jacobi", 3):
            guard let a = Double(parts[1]), let b = Double(parts[2]), a >= -0.5, b >= -0.5, a <= 100, b <= 100
            else {
                throw KernelMethodError.option(
                    "the basis", found: "'\(name)'", expected: "jacobi:A:B with exponents from -0.5 to 100")
            }
            self = .jacobi(a, b)
        default:
            throw KernelMethodError.option(
                "the basis", found: "'\(name)'",
                expected: "legendre, chebyshev, jacobi:A:B, hermite, laguerre or fourier")
        }
    }

    /// What ``init(_:)`` reads.
    public var name: String {
        switch self {
        case .legendre: "legendre"
        case .chebyshev: "chebyshev"
        case .jacobi(let a, let b): "jacobi:\(a):\(b)"
        case .hermite: "hermite"
        case .laguerre: "laguerre"
        case .fourier: "fourier"
        }
    }

    /// Where the functions live.
    public var domain: ClosedRange<Double> {
        switch self {
        case .legendre, .chebyshev, .jacobi: -1...1
        case .hermite: -.infinity...(.infinity)
        case .laguerre: 0...(.infinity)
        case .fourier: 0...1
        }
    }

    /// The highest degree whose squares stay within the range of Double where the measure has its mass.
    public var largestDegree: Int {
        switch self {
        case .hermite: 300
        case .laguerre: 140
        default: 19_999
        }
    }

    /// The exponents of (1 − x) and (1 + x) where the measure is a Jacobi weight.
    public var jacobiExponents: (a: Double, b: Double)? {
        switch self {
        case .legendre: (0, 0)
        case .chebyshev: (-0.5, -0.5)
        case .jacobi(let a, let b): (a, b)
        default: nil
        }
    }

    // MARK: Recurrence

    /// aₖ for k < count and bₖ for 1 ≤ k ≤ count (b₀ is unused).
    ///
    /// - Precondition: not Fourier.
    public func recurrence(_ count: Int) -> (a: [Double], b: [Double]) {
        var a = [Double](repeating: 0, count: count)
        var b = [Double](repeating: 0, count: count + 1)
        switch self {
        case .hermite: for k in 1...max(1, count) where k <= count { b[k] = Double(k).squareRoot() }
        case .laguerre:
            for k in 0..<count { a[k] = Double(2 * k + 1) }
            // With leading coefficients positive; values are turned to φₖ(0) = 1 afterwards.
            for k in 1...max(1, count) where k <= count { b[k] = Double(k) }
        case .fourier: preconditionFailure("OrthonormalBasis: Fourier functions have no three-term recurrence in x")
        default:
            let (s, t) = jacobiExponents!
            for k in 0..<count { a[k] = Self.jacobiDiagonal(k, s, t) }
            for k in 1...max(1, count) where k <= count { b[k] = Self.jacobiOffDiagonal(k, s, t) }
        }
        return (a, b)
    }

    private static func jacobiDiagonal(_ k: Int, _ s: Double, _ t: Double) -> Double {
        if k == 0 { return (t - s) / (s + t + 2) }
        let c = 2 * Double(k) + s + t
        return (t * t - s * s) / (c * (c + 2))
    }

    private static func jacobiOffDiagonal(_ k: Int, _ s: Double, _ t: Double) -> Double {
        let n = Double(k)
        let c = 2 * n + s + t
        // k = 1 written without the factor (1 + s + t), which cancels and may be 0.
        if k == 1 { return (4 * (1 + s) * (1 + t) / (c * c * (c + 1))).squareRoot() }
        return (4 * n * (n + s) * (n + t) * (n + s + t) / (c * c * (c + 1) * (c - 1))).squareRoot()
    }

    // MARK: Values

    /// φ₀(x) … φ₍count−1₎(x).
    public func values(_ x: Double, count: Int) -> [Double] {
        let table = OrthonormalTable(self, count: count)
        return [Double](unsafeUninitializedCapacity: count) { target, initialised in
            table.evaluate(x, into: target.baseAddress!)
            initialised = count
        }
    }

    // MARK: The measure

    /// A draw from μ.
    public func draw(using generator: inout some RandomNumberGenerator) -> Double {
        switch self {
        case .legendre: 2 * generator.uniform() - 1
        case .chebyshev: cos(.pi * generator.uniform())
        case .jacobi(let a, let b): 2 * generator.beta(b + 1, a + 1) - 1
        case .hermite: generator.normal()
        case .laguerre: -log(generator.uniform())
        case .fourier: generator.uniform()
        }
    }

    /// Nodes and weights with Σ wᵢ f(xᵢ) = ∫ f dμ for polynomials of degree below 2n (Golub and Welsch); for Fourier
    /// for trigonometric polynomials of frequency below n.
    public func quadrature(_ n: Int) -> (nodes: [Double], weights: [Double]) {
        precondition(n >= 1, "OrthonormalBasis.quadrature: \(n) nodes")
        if case .fourier = self {
            return ((0..<n).map { Double($0) / Double(n) }, [Double](repeating: 1 / Double(n), count: n))
        }
        if case .legendre = self {
            let rule = Quadrature.gaussLegendre(n)
            return (rule.nodes, rule.weights.map { $0 / 2 })
        }
        let (a, b) = recurrence(n)
        let nodes = Tridiagonal.eigenvalues(diagonal: a, offDiagonal: Array(b[1..<n]))
        let table = OrthonormalTable(self, count: n)
        var phi = [Double](repeating: 0, count: n)
        // Weights are the inverse Christoffel numbers, which keeps small ones accurate.
        let weights = nodes.map { x in
            table.evaluate(x, into: &phi)
            return 1 / phi.reduce(0) { $0 + $1 * $1 }
        }
        return (nodes, weights)
    }
}

/// The first functions of a basis with their recurrence ready.
public struct OrthonormalTable: Sendable {
    public let basis: OrthonormalBasis
    public let count: Int
    private let shift: [Double]
    private let scale: [Double]

    public init(_ basis: OrthonormalBasis, count: Int) {
        precondition(count >= 1, "OrthonormalTable: \(count) functions")
        self.basis = basis
        self.count = count
        if case .fourier = basis {
            (shift, scale) = ([], [])
        } else {
            (shift, scale) = basis.recurrence(count)
        }
    }

    /// Writes φ₀(x) … φ₍count−1₎(x).
    public func evaluate(_ x: Double, into phi: UnsafeMutablePointer<Double>) {
        evaluate(x, start: 1, into: phi)
    }

    /// Writes c φ₀(x) … c φ₍count−1₎(x): c = √ρ(x) keeps large degrees in range.
    func evaluate(_ x: Double, start: Double, into phi: UnsafeMutablePointer<Double>) {
        phi[0] = start
        if case .fourier = basis { return fourier(x, start, phi) }
        guard count > 1 else { return }
        shift.withUnsafeBufferPointer { a in
            scale.withUnsafeBufferPointer { b in
                phi[1] = (x - a[0]) * start / b[1]
                for k in 1..<max(1, count - 1) where k + 1 < count {
                    phi[k + 1] = ((x - a[k]) * phi[k] - b[k] * phi[k - 1]) / b[k + 1]
                }
            }
        }
        if case .laguerre = basis { for k in Swift.stride(from: 1, to: count, by: 2) { phi[k] = -phi[k] } }
    }

    private func fourier(_ x: Double, _ start: Double, _ phi: UnsafeMutablePointer<Double>) {
        for j in 1..<max(1, count) where j < count {
            let angle = 2 * Double.pi * Double((j + 1) / 2) * x
            phi[j] = start * 2.0.squareRoot() * (j % 2 == 1 ? cos(angle) : sin(angle))
        }
    }

    /// Writes the values and the derivatives φ′₀(x) … by the differentiated recurrence.
    public func evaluate(
        _ x: Double, into phi: UnsafeMutablePointer<Double>, derivatives: UnsafeMutablePointer<Double>
    ) {
        evaluate(x, into: phi)
        derivatives[0] = 0
        guard count > 1 else { return }
        if case .fourier = basis {
            for j in 1..<count {
                let frequency = 2 * Double.pi * Double((j + 1) / 2)
                let root = 2.0.squareRoot() * frequency
                derivatives[j] = j % 2 == 1 ? -root * sin(frequency * x) : root * cos(frequency * x)
            }
            return
        }
        // The recurrence in the signs in which all leading coefficients are positive.
        let alternates = basis == .laguerre
        func sign(_ k: Int) -> Double { alternates && k % 2 == 1 ? -1 : 1 }
        derivatives[1] = 1 / scale[1]
        for k in 1..<max(1, count - 1) where k + 1 < count {
            derivatives[k + 1] =
                (phi[k] * sign(k) + (x - shift[k]) * derivatives[k] - scale[k] * derivatives[k - 1])
                / scale[k + 1]
        }
        for k in 0..<count { derivatives[k] *= sign(k) }
    }
}
