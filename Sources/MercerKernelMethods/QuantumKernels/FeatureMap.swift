import Foundation
import Mercer

/// A circuit that encodes a point in the state of n qubits: r times a layer of Hadamard gates and the diagonal
/// exp(i Σ_S φ_S(x) Π_{i∈S} Z_i).
///
/// Source: V. Havlíček et al., "Supervised learning with quantum-enhanced feature spaces", 2018 (arXiv 1804.11326).
/// Qubit i is bit i of the basis index; Z_i is 1 where the bit is 0 and −1 where it is 1.
public protocol FeatureMap: Sendable {
    var qubits: Int { get }
    /// Columns that a point has.
    var features: Int { get }
    /// r: how often Hadamard layer and diagonal follow each other.
    var repetitions: Int { get }
    /// The functions φ_S.
    var terms: [PhaseTerm] { get }
}

/// One φ_S: a weight times a product of features x_k and of π − x_k.
public struct PhaseTerm: Sendable, Hashable {
    /// A factor of the product.
    public enum Factor: Sendable, Hashable {
        /// x_k.
        case feature(Int)
        /// π − x_k.
        case complement(Int)

        /// k.
        public var feature: Int {
            switch self {
            case .feature(let k), .complement(let k): k
            }
        }
    }

    /// S.
    public var qubits: [Int]
    public var factors: [Factor]
    public var weight: Double

    public init(on qubits: [Int], _ factors: [Factor], weight: Double = 1) {
        self.qubits = qubits
        self.factors = factors
        self.weight = weight
    }

    /// The number whose bits are S.
    var mask: Int { qubits.reduce(0) { $0 | 1 << $1 } }
}

/// The pairs of qubits that are coupled.
public enum QubitPairs: String, Sendable, Codable, CaseIterable {
    /// All i < j.
    case full
    /// (i, i+1).
    case linear
    /// ``linear``, and (n−1, 0) for more than two qubits.
    case circular
    case none

    public func pairs(_ qubits: Int) -> [(Int, Int)] {
        let chain = (0..<max(0, qubits - 1)).map { ($0, $0 + 1) }
        switch self {
        case .full: return (0..<qubits).flatMap { i in (i + 1..<max(i + 1, qubits)).map { (i, $0) } }
        case .linear: return chain
        case .circular: return qubits > 2 ? chain + [(qubits - 1, 0)] : chain
        case .none: return []
        }
    }
}

/// The paper's map: φ_i = x_i and φ_ij = (π − x_i)(π − x_j) on coupled pairs. With no pairs it is the Z map, whose
/// states are products of one-qubit states.
public struct ZZFeatureMap: FeatureMap {
    public let qubits: Int
    public let repetitions: Int
    public let pairs: QubitPairs

    public init(qubits: Int, reps: Int = 2, pairs: QubitPairs = .full) {
        precondition(qubits >= 1 && reps >= 1, "ZZFeatureMap: \(qubits) qubits, \(reps) repetitions")
        self.qubits = qubits
        repetitions = reps
        self.pairs = pairs
    }

    public var features: Int { qubits }

    public var terms: [PhaseTerm] {
        (0..<qubits).map { PhaseTerm(on: [$0], [.feature($0)]) }
            + pairs.pairs(qubits).map { PhaseTerm(on: [$0, $1], [.complement($0), .complement($1)]) }
    }
}

extension FeatureMap {
    /// The exponents Σ_S φ_S(x) Π_{i∈S} z_i(b) of every basis state b: `[points, features]` → `[points, 2ⁿ]`.
    ///
    /// As a function of b it is the Walsh-Hadamard transform of φ as a function of S, so it costs n·2ⁿ additions
    /// whatever the terms are. Gradients flow to the points.
    func exponents(_ x: Tensor) -> Tensor {
        let (count, d) = (x.shape[0], x.shape[1])
        precondition(
            d == features, "FeatureMap: points of \(d) features, the map takes \(features)")
        let terms = terms
        let degree = max(1, terms.map(\.factors.count).max() ?? 1)
        // Columns x, π − x, 1: a factor is one of them.
        let columns = concatenated([x, Double.pi - x, Tensor.ones([count, 1], x.dtype)], axis: 1)
        var phases = Tensor(terms.map(\.weight)).asType(x.dtype).expandedDimensions(axis: 0)
        for place in 0..<degree {
            let indices = terms.map { term -> Int in
                guard place < term.factors.count else { return 2 * d }
                switch term.factors[place] {
                case .feature(let k): return k
                case .complement(let k): return d + k
                }
            }
            phases = phases * columns.take(Tensor(indices), axis: 1)
        }
        let masks = Tensor(terms.map(\.mask)).expandedDimensions(axis: 0).broadcast(to: [count, terms.count])
        let spread = Tensor.zeros([count, 1 << qubits], x.dtype).addingAlong(masks, phases, axis: 1)
        return walshHadamard(spread, orthonormal: false)
    }

    /// Real and imaginary parts of |Φ(x)⟩: `[points, features]` → `[points, 2ⁿ]` each. Gradients flow to the points.
    public func amplitudes(_ x: Tensor) -> (real: Tensor, imaginary: Tensor) {
        let exponents = exponents(x)
        let (c, s) = (cos(exponents), sin(exponents))
        // The first Hadamard layer makes every amplitude 2^(−n/2).
        let start = Foundation.pow(2, -Double(qubits) / 2)
        var (re, im): (Tensor, Tensor) = (c * start, s * start)
        for _ in 1..<repetitions {
            (re, im) = (walshHadamard(re), walshHadamard(im))
            (re, im) = (re * c - im * s, re * s + im * c)
        }
        return (re, im)
    }
}
