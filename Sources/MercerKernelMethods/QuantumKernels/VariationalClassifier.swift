import Foundation
import Mercer

/// A classifier that measures the parity of all qubits behind a trained circuit,
/// W(θ) = U_loc(θ_l) U_ent ⋯ U_ent U_loc(θ₀), with U_loc = ⊗ e^{iθᶻZ/2} e^{iθʸY/2} and U_ent controlled-Z gates on the
/// coupled pairs. The probability of label y is ½(1 + y⟨Φ(x)|W†(ΠZ)W|Φ(x)⟩).
public struct VariationalClassifier: Sendable {
    public let map: any FeatureMap
    /// l: the number of entangling layers; there are l + 1 local ones.
    public let depth: Int
    public let pairs: QubitPairs
    /// Angles, `[layers, qubits, (z, y)]` row-major.
    public var angles: [Double]
    /// b ∈ [−1, 1]: label 1 where p₊ > p₋ − b.
    public var bias: Double

    /// - Parameters:
    ///   - angles: 2·qubits·(depth + 1) of them; zeros by default.
    ///   - pairs: the qubits that U_ent couples.
    public init(
        _ map: any FeatureMap, depth: Int, angles: [Double]? = nil, bias: Double = 0, pairs: QubitPairs = .full
    ) {
        let count = 2 * map.qubits * (depth + 1)
        precondition(
            depth >= 0 && (angles == nil || angles!.count == count),
            "VariationalClassifier: \(angles?.count ?? 0) angles at depth \(depth), \(count) are expected")
        self.map = map
        self.depth = depth
        self.pairs = pairs
        self.angles = angles ?? [Double](repeating: 0, count: count)
        self.bias = bias
    }

    private func angle(_ layer: Int, _ q: Int, _ axis: Int) -> Double {
        angles[(layer * map.qubits + q) * 2 + axis]
    }

    /// W|ψ⟩ of each state.
    public func apply(to states: StateVectors) -> StateVectors {
        var states = states
        for layer in 0...depth {
            if layer > 0 { entangle(&states) }
            for q in 0..<map.qubits {
                states.apply(.rotationY(angle(layer, q, 1)), on: q)
                states.apply(.rotationZ(angle(layer, q, 0)), on: q)
            }
        }
        return states
    }

    private func entangle(_ states: inout StateVectors) {
        for (a, b) in pairs.pairs(map.qubits) { states.applyCZ(a, b) }
    }

    /// W as a matrix, `[2ⁿ, 2ⁿ, (re, im)]`, for small circuits: `W[i, j]` is ⟨i|W|j⟩.
    public func unitary() -> Tensor {
        precondition(map.qubits <= 10, "VariationalClassifier: a matrix of \(map.qubits) qubits")
        let size = 1 << map.qubits
        let basis = stacked([Tensor.eye(size, nil, .float64), Tensor.zeros([size, size], .float64)], axis: 1)
        return apply(to: StateVectors(basis)).amplitudes.transposed(2, 0, 1).contiguous()
    }

    /// p₊ of encoded points, exactly.
    public func positiveProbabilities(_ encoded: StateVectors) -> [Double] {
        apply(to: encoded).parity.map { 0.5 * (1 + $0) }
    }

    /// p₊ of points, `[points, features]`.
    public func positiveProbabilities(_ x: Tensor) -> [Double] {
        positiveProbabilities(StateVectors(map, x))
    }

    /// Labels 1 or −1 from probabilities of label 1.
    public func labels(_ probabilities: [Double]) -> [Int] {
        probabilities.map { $0 > 1 - $0 - bias ? 1 : -1 }
    }

    // MARK: Cost

    /// The estimated error of R-shot labels, averaged over points (the paper's R_emp):
    /// σ(√R(½ − (p_y − yb/2))/√(2(1−p_y)p_y)) with p_y kept in [1e-4, 1−1e-4].
    public static func cost(
        _ probabilities: [Double], labels: [Int], bias: Double, shots: Double
    ) -> Double {
        zip(probabilities, labels).reduce(0) { sum, one in
            sum + risk(one.0, Double(one.1), bias, shots).value
        } / Double(max(1, labels.count))
    }

    /// A point's term, and its derivatives with respect to p₊ and to the bias.
    private static func risk(
        _ positive: Double, _ y: Double, _ bias: Double, _ shots: Double
    ) -> (value: Double, byProbability: Double, byBias: Double) {
        let free = y > 0 ? positive : 1 - positive
        let p = min(max(free, 1e-4), 1 - 1e-4)
        let width = (2 * p * (1 - p)).squareRoot()
        let gap = 0.5 - (p - y * bias / 2)
        let t = shots.squareRoot() * gap / width
        let value = 1 / (1 + exp(-t))
        let slope = value * (1 - value) * shots.squareRoot()
        let byP = p == free ? -1 / width - gap * (1 - 2 * p) / (width * width * width) : 0
        return (value, slope * byP * y, slope * y / (2 * width))
    }

    /// The cost on exact probabilities and its gradient with respect to angles and bias.
    ///
    /// Reverse mode: the states and the measured operator's images are walked back gate by gate, so all angles cost
    /// about three times the circuit.
    public func costAndGradient(
        _ encoded: StateVectors, labels: [Int], shots: Double
    ) -> (cost: Double, angles: [Double], bias: Double) {
        var states = apply(to: encoded)
        let n = Double(max(1, labels.count))
        let terms = zip(states.parity, labels).map {
            Self.risk(0.5 * (1 + $0), Double($1), bias, shots)
        }
        // λ = (d cost/d⟨f⟩) f|ψ⟩; p₊ = ½(1 + ⟨f⟩).
        let factors = Tensor(terms.map { 0.5 * $0.byProbability / n }, [terms.count, 1, 1])
        var images = states
        for q in 0..<map.qubits { images.apply(.pauliZ, on: q) }
        images = StateVectors(images.amplitudes * factors)
        var gradient = [Double](repeating: 0, count: angles.count)
        for layer in (0...depth).reversed() {
            for q in (0..<map.qubits).reversed() {
                let place = (layer * map.qubits + q) * 2
                for (axis, pauli) in [(0, StateVectors.Gate.pauliZ), (1, .pauliY)] {
                    gradient[place + axis] = -Self.imaginaryOverlap(images, states, pauli, on: q)
                    let angle = angles[place + axis]
                    let gate: StateVectors.Gate = axis == 0 ? .rotationZ(-angle) : .rotationY(-angle)
                    states.apply(gate, on: q)
                    images.apply(gate, on: q)
                }
            }
            if layer > 0 {
                entangle(&states)
                entangle(&images)
            }
        }
        return (terms.reduce(0) { $0 + $1.value } / n, gradient, terms.reduce(0) { $0 + $1.byBias } / n)
    }

    /// Im Σ ⟨λ|P|ψ⟩ over the batch.
    private static func imaginaryOverlap(
        _ images: StateVectors, _ states: StateVectors, _ pauli: StateVectors.Gate, on q: Int
    ) -> Double {
        var turned = states
        turned.apply(pauli, on: q)
        let (l, p) = (images.amplitudes, turned.amplitudes)
        let product: Tensor = l[.all, 0] * p[.all, 1] - l[.all, 1] * p[.all, 0]
        return product.sum().doubleValue
    }
}
