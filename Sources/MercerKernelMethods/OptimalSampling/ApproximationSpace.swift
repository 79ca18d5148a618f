import Mercer

/// A space V_m of functions with an orthonormal basis φ = (φ₁ … φ_m) in L²_μ, and draws of the laws that optimal
/// sampling is made of (Nouy and Michel, "Weighted least-squares approximation with determinantal point processes and
/// generalized volume sampling", 2023, arXiv 2312.14057).
public protocol ApproximationSpace: Sendable {
    associatedtype Point: Sendable

    /// m.
    var count: Int { get }

    /// Writes φ₁(x) … φ_m(x).
    func evaluate(_ point: Point, into phi: UnsafeMutablePointer<Double>)

    /// A draw from μ.
    func drawReference(using generator: inout RandomStream) -> Point

    /// A draw from ν_m, whose density with respect to μ is ‖φ‖²/m.
    func drawOptimal(using generator: inout RandomStream) -> Point

    /// k(x, x)/∫ k dμ for the space's reproducing kernel of ``SamplingWeight/rkhs``.
    func kernelDensity(_ point: Point) -> Double

    /// A draw from that density times μ.
    func drawKernel(using generator: inout RandomStream) -> Point

    /// m points of the projection determinantal process.
    func drawProjectionDPP(using generator: inout RandomStream) -> [Point]
}

extension ApproximationSpace {
    public func drawProjectionDPP(using generator: inout RandomStream) -> [Point] {
        ChainRule.draw(self, using: &generator)
    }

    /// φ at points, `[n, m]` row-major.
    public func features(_ points: [Point]) -> [Double] {
        [Double](unsafeUninitializedCapacity: points.count * count) { target, initialised in
            if let base = target.baseAddress {
                for (i, point) in points.enumerated() { evaluate(point, into: base + i * count) }
            }
            initialised = points.count * count
        }
    }

    /// ‖φ(x)‖²/m, the density of ν_m with respect to μ (the inverse Christoffel function over m).
    public func optimalDensity(_ point: Point) -> Double {
        let phi = features([point])
        return dot(phi, phi, count) / Double(count)
    }
}

/// The density w⁻¹ of the reference ν = w⁻¹ μ from which points that aren't of a determinantal process are drawn; all
/// points of a design have the weight w.
public enum SamplingWeight: String, Sendable, CaseIterable, Codable {
    /// w⁻¹ = ‖φ‖²/m.
    case optimal
    /// w⁻¹ = ½‖φ‖²/m + ½: bounds the error by the best one in the maximum norm.
    case linf
    /// w⁻¹ = ½‖φ‖²/m + ½ k(x, x)/∫k dμ: bounds it by the best one in the norm of a reproducing kernel.
    case rkhs
    /// w = 1.
    case uniform

    /// w⁻¹ where ‖φ‖²/m and k(x, x)/∫k dμ are these.
    public func density(optimal: Double, kernel: Double) -> Double {
        switch self {
        case .optimal: optimal
        case .linf: 0.5 * optimal + 0.5
        case .rkhs: 0.5 * optimal + 0.5 * kernel
        case .uniform: 1
        }
    }

    /// α with w⁻¹ ≥ α ‖φ‖²/m: what stability costs against the optimal density.
    public var share: Double { self == .optimal ? 1 : 0.5 }

    /// w at a point with features φ.
    func weight<S: ApproximationSpace>(_ point: S.Point, _ phi: UnsafePointer<Double>, in space: S) -> Double {
        let optimal = dot(phi, phi, space.count) / Double(space.count)
        return 1 / density(optimal: optimal, kernel: self == .rkhs ? space.kernelDensity(point) : 1)
    }

    /// A draw from ν.
    func draw<S: ApproximationSpace>(in space: S, using generator: inout RandomStream) -> S.Point {
        switch self {
        case .uniform: return space.drawReference(using: &generator)
        case .optimal: return space.drawOptimal(using: &generator)
        case .linf, .rkhs:
            if generator.uniform() < 0.5 { return space.drawOptimal(using: &generator) }
            return self == .linf ? space.drawReference(using: &generator) : space.drawKernel(using: &generator)
        }
    }
}
