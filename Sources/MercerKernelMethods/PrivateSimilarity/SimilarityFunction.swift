import Foundation

/// f(x, y), whose sum over a data set is released.
public enum SimilarityFunction: Sendable, Equatable, Codable {
    /// exp(−|x − y|²/σ²), exp(−|x − y|/σ), exp(−|x − y|₁/σ).
    case kernel(FeatureKernel, bandwidth: Double)
    /// 1/(1 + |x − y|²/σ²) (Cauchy), 1/(1 + |x − y|/σ), 1/(1 + |x − y|₁/σ), by the kernel that their exponentials are.
    case inverse(FeatureKernel, bandwidth: Double)
    /// Σ w e^(−t ·) of |x − y|², |x − y| or |x − y|₁, by the kernel that its exponentials are.
    case exponentials(ExponentialSum, FeatureKernel)
    /// |x − y|₁.
    case l1
    /// |x − y|.
    case l2
    /// |x − y|².
    case squaredL2
    /// Σ_k |x_k − y_k|^p.
    case lp(Double)

    /// The function that a word of the command line names.
    ///
    /// - Parameters:
    ///   - bandwidth: σ, for kernels.
    ///   - terms: the sum for `exponentials`, and the kernel that its exponentials are.
    public init(
        _ text: String, bandwidth: Double?, terms: (sum: ExponentialSum, kernel: FeatureKernel)? = nil
    ) throws {
        func needed() throws -> Double {
            guard let bandwidth else {
                throw KernelMethodError.privacy(
                    "--bandwidth is missing: give a constant or a number from public data; taking it from the "
                        + "private rows would break the guarantee")
            }
            guard bandwidth > 0, bandwidth.isFinite else {
                throw KernelMethodError.option(
                    "--bandwidth", found: "\(bandwidth)", expected: "a positive number")
            }
            return bandwidth
        }
        switch text {
        case "gaussian": self = .kernel(.gaussian, bandwidth: try needed())
        case "exponential": self = .kernel(.exponential, bandwidth: try needed())
        case "laplace": self = .kernel(.laplace, bandwidth: try needed())
        case "cauchy": self = .inverse(.gaussian, bandwidth: try needed())
        case "inverse-l2": self = .inverse(.exponential, bandwidth: try needed())
        case "inverse-l1": self = .inverse(.laplace, bandwidth: try needed())
        case "exponentials":
            guard let terms else {
                throw KernelMethodError.option(
                    "--terms", found: "missing", expected: "a table with the columns weight and rate")
            }
            self = .exponentials(terms.sum, terms.kernel)
        case "l1": self = .l1
        case "l2": self = .l2
        case "l2sq": self = .squaredL2
        default:
            if text.hasPrefix("lp:"), let p = Double(text.dropFirst(3)), p > 0, p.isFinite {
                self = .lp(p)
            } else {
                throw KernelMethodError.option(
                    "--function", found: "'\(text)'",
                    expected:
                        "gaussian, exponential, laplace, cauchy, inverse-l2, inverse-l1, exponentials, l1, l2, l2sq or lp:P"
                )
            }
        }
    }

    /// Its name on the command line.
    public var name: String {
        switch self {
        case .kernel(let kernel, _): kernel.rawValue
        case .inverse(.gaussian, _): "cauchy"
        case .inverse(.exponential, _): "inverse-l2"
        case .inverse(.laplace, _): "inverse-l1"
        case .exponentials: "exponentials"
        case .l1: "l1"
        case .l2: "l2"
        case .squaredL2: "l2sq"
        case .lp(let p): "lp:" + ("\(p)".hasSuffix(".0") ? String("\(p)".dropLast(2)) : "\(p)")
        }
    }

    /// Whether a public bound on the rows is needed: for distances, whose terms have no bound of their own.
    public var needsBound: Bool {
        switch self {
        case .kernel, .inverse, .exponentials: false
        case .l1, .l2, .squaredL2, .lp: true
        }
    }

    /// Whether the bound is on the ℓ2 norm of a row; else it is on each column's magnitude.
    public var boundsNorm: Bool { self == .l2 || self == .squaredL2 }

    /// The range of values that the cells of a distance tree cover: 2B for columns of magnitude B. For ℓ2 distances a
    /// column is g·x/√k, which for a row of norm B is normal with deviation B/√k over the draw of g: ten of these.
    func treeRange(bound: Double, coordinates k: Int) -> Double {
        self == .l2 ? 10 * bound / Double(k).squareRoot() : 2 * bound
    }

    /// f(x, y) itself.
    public func callAsFunction(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) -> Double {
        func squares() -> Double { zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
        func magnitudes() -> Double { zip(x, y).reduce(0) { $0 + abs($1.0 - $1.1) } }
        switch self {
        case .kernel(let kernel, let bandwidth): return kernel.value(x, y, bandwidth: bandwidth)
        case .inverse(.gaussian, let bandwidth): return 1 / (1 + squares() / (bandwidth * bandwidth))
        case .inverse(.exponential, let bandwidth): return 1 / (1 + squares().squareRoot() / bandwidth)
        case .inverse(.laplace, let bandwidth): return 1 / (1 + magnitudes() / bandwidth)
        case .exponentials(let sum, .gaussian): return sum(squares())
        case .exponentials(let sum, .exponential): return sum(squares().squareRoot())
        case .exponentials(let sum, .laplace): return sum(magnitudes())
        case .l1: return magnitudes()
        case .l2: return squares().squareRoot()
        case .squaredL2: return squares()
        case .lp(let p): return zip(x, y).reduce(0) { $0 + pow(abs($1.0 - $1.1), p) }
        }
    }

    /// Σ over the points for each query, exactly: not private, for audits and claims.
    public func exactSums(_ points: PointSet<Double>, _ queries: PointSet<Double>) -> [Double] {
        (0..<queries.count).map { q in
            let y = queries[q]
            return (0..<points.count).reduce(0) { $0 + self(points[$1], y) }
        }
    }
}
