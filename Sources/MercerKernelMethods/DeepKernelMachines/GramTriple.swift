import Mercer

/// The parts of a Gram matrix that a sparse machine keeps: among inducing points, between batch and inducing points, and the
/// batch's own diagonal. Kernel matrices have the same parts.
public struct GramTriple: Sendable {
    /// `[P, P]`.
    public var inducing: Tensor
    /// `[T, P]`.
    public var cross: Tensor
    /// `[T]`.
    public var diagonal: Tensor

    public init(inducing: Tensor, cross: Tensor, diagonal: Tensor) {
        precondition(
            inducing.rank == 2 && inducing.shape[0] == inducing.shape[1] && cross.rank == 2
                && cross.shape[1] == inducing.shape[0] && diagonal.shape == [cross.shape[0]],
            "GramTriple: shapes \(inducing.shape), \(cross.shape), \(diagonal.shape)")
        self.inducing = inducing
        self.cross = cross
        self.diagonal = diagonal
    }

    /// The Gram matrix of inputs: XᵢXᵢᵀ/d, XₜXᵢᵀ/d, |xₜ|²/d.
    public init(inducing xi: Tensor, points xt: Tensor) {
        let d = Double(xi.shape[1])
        self.init(
            inducing: matmul(xi, xi.transposed()) / d, cross: matmul(xt, xi.transposed()) / d,
            diagonal: (xt * xt).sum(axis: 1) / d)
    }
}

/// A function from Gram matrices to kernel matrices.
public enum GramKernel: String, Sendable, Codable, CaseIterable {
    /// exp(−R), Rᵢⱼ = (½(Gᵢᵢ + Gⱼⱼ) − Gᵢⱼ)/l².
    case squaredExponential = "sqexp"
    /// The arc-cosine kernel of order 1, (√(GᵢᵢGⱼⱼ − Gᵢⱼ²) + (π − θ)Gᵢⱼ)/π, which keeps the diagonal.
    case relu
    /// G.
    case linear

    /// The kernel of a Gram triple, not yet stabilised.
    ///
    /// - Parameters:
    ///   - inverseSquare: 1/l², of the squared exponential.
    ///   - jitter: how much the ReLU kernel lifts the diagonals under its root.
    func callAsFunction(_ g: GramTriple, inverseSquare: Tensor? = nil, jitter: Double) -> GramTriple {
        let own = g.inducing.diagonal()
        switch self {
        case .linear: return g
        case .squaredExponential:
            func kernel(_ g: Tensor, _ rows: Tensor, _ columns: Tensor) -> Tensor {
                let half: Tensor = (rows.expandedDimensions(axis: 1) + columns.expandedDimensions(axis: 0)) * 0.5
                let r = g - half
                return exp(inverseSquare.map { r * $0 } ?? r)
            }
            return GramTriple(
                inducing: kernel(g.inducing, own, own), cross: kernel(g.cross, g.diagonal, own),
                diagonal: Tensor.ones(g.diagonal.shape, g.diagonal.dtype))
        case .relu:
            let (a, t) = (own * (1 + jitter) + jitter, g.diagonal * (1 + jitter) + jitter)
            func kernel(_ g: Tensor, _ rows: Tensor, _ columns: Tensor) -> Tensor {
                let squares = rows.expandedDimensions(axis: 1) * columns.expandedDimensions(axis: 0)
                let angle = acos(g / sqrt(squares))
                return (sqrt(squares - g * g) + (Double.pi - angle) * g) / Double.pi
            }
            let whole = kernel(g.inducing, a, a)
            return GramTriple(
                inducing: whole + diagonalMatrix(a - whole.diagonal()), cross: kernel(g.cross, t, a),
                diagonal: g.diagonal)
        }
    }
}

extension GramTriple {
    /// Diagonals d → d(1 + ρ) + ε, so that the inverse exists.
    func stabilised(_ jitter: Double, relative: Double) -> GramTriple {
        let own = inducing.diagonal()
        return GramTriple(
            inducing: inducing + diagonalMatrix(own * relative + jitter), cross: cross,
            diagonal: diagonal * (1 + relative) + jitter)
    }

    /// Weighted sums of triples, entry by entry.
    static func sum(_ triples: [GramTriple], weights: Tensor) -> GramTriple {
        func sum(_ part: (GramTriple) -> Tensor) -> Tensor {
            let terms = triples.enumerated().map { part($0.element) * weights[$0.offset] }
            return terms.dropFirst().reduce(terms[0], +)
        }
        return GramTriple(inducing: sum(\.inducing), cross: sum(\.cross), diagonal: sum(\.diagonal))
    }
}
