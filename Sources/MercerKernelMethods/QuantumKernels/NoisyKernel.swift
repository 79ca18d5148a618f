import Foundation
import Mercer

/// The kernel of a device whose gates depolarise: after each one-qubit gate ρ → (1−p₁)ρ + p₁ I/2 on its qubit, after each
/// CX the same with p₂ and I/4 on its two.
///
/// The state of a point's circuit and the measured effect of another's inverse are each evolved once, O(4ⁿ) a gate, and an
/// entry is their product: n circuits for a matrix, not n².
public struct NoisyKernel: Sendable {
    /// The most qubits of a density matrix.
    public static let qubitLimit = 7

    public let map: any FeatureMap
    public let oneQubit: Double
    public let twoQubit: Double

    /// - Throws: ``KernelMethodError`` for more than seven qubits or probabilities outside [0, 1].
    public init(_ map: any FeatureMap, oneQubit: Double, twoQubit: Double) throws {
        guard map.qubits <= Self.qubitLimit else {
            throw KernelMethodError.memory(
                "noise on \(map.qubits) qubits", needed: 16 << (2 * map.qubits),
                advice:
                    "a point's density matrix alone has 4^\(map.qubits) entries; \(Self.qubitLimit) qubits are the most"
            )
        }
        for p in [oneQubit, twoQubit] where !(0...1).contains(p) {
            throw KernelMethodError.option("a noise probability", found: "\(p)", expected: "a number from 0 to 1")
        }
        self.map = map
        self.oneQubit = oneQubit
        self.twoQubit = twoQubit
    }

    /// The same device with all noise stretched: p → 1 − (1−p)^c.
    public func stretched(_ c: Double) throws -> NoisyKernel {
        try NoisyKernel(map, oneQubit: 1 - pow(1 - oneQubit, c), twoQubit: 1 - pow(1 - twoQubit, c))
    }

    /// K(xᵢ, zⱼ) as measured with noise: `[n, d]`, `[m, d]` → `[n, m]`.
    public func matrix(_ x: Tensor, _ z: Tensor) -> Tensor {
        matmul(evolved(x, isEffect: false), evolved(z, isEffect: true).transposed())
    }

    /// K(xᵢ, xⱼ) for i < j, mirrored, with a diagonal of 1: the circuit of i, then the inverse of that of j.
    public func matrix(_ x: Tensor) -> Tensor {
        let whole = matrix(x, x)
        let upper = triu(whole, k: 1)
        return upper + upper.transposed() + Tensor.eye(x.shape[0], nil, .float64)
    }

    /// Richardson's extrapolation to no noise from measurements at two stretches.
    public static func extrapolated(_ first: Tensor, at c1: Double, _ second: Tensor, at c2: Double) -> Tensor {
        (first * c2 - second * c1) / (c2 - c1)
    }

    private enum Step {
        case hadamard(Int)
        case phase(Int, Double)
        case cx(Int, Int)
    }

    /// The gates of a point's circuit: H, P(2φ), and CX·P(2φ)·CX for products of Z.
    private func steps(_ x: [Double]) -> [Step] {
        let layer = map.terms.flatMap { term -> [Step] in
            let value = term.factors.reduce(term.weight) { product, factor in
                switch factor {
                case .feature(let k): product * x[k]
                case .complement(let k): product * (Double.pi - x[k])
                }
            }
            let chain = zip(term.qubits, term.qubits.dropFirst()).map { Step.cx($0, $1) }
            return chain + [.phase(term.qubits.last!, 2 * value)] + chain.reversed()
        }
        return (0..<map.repetitions).flatMap { _ in (0..<map.qubits).map { Step.hadamard($0) } + layer }
    }

    /// States ρ of circuits, or effects E with Tr(ρE) the chance of all zeros behind the inverse circuit: rows of real and
    /// imaginary parts, `[n, 2·4ⁿ]`. Depolarising is its own adjoint, so an effect takes it before each gate.
    private func evolved(_ x: Tensor, isEffect: Bool) -> Tensor {
        let (count, d, size) = (x.shape[0], x.shape[1], 2 << (2 * map.qubits))
        let values = x.asType(.float64).toArray(Double.self)
        return Tensor([count, size], of: Double.self) { target in
            let out = UncheckedAddress(target.baseAddress!)
            Parallel.forEach(count) { row in
                var matrix = DensityMatrix(qubits: map.qubits)
                for step in steps(Array(values[row * d..<(row + 1) * d])) {
                    if isEffect { depolarise(&matrix, step) }
                    switch step {
                    case .hadamard(let q): matrix.apply(.hadamard, on: q)
                    case .phase(let q, let angle): matrix.apply(.phase(angle), on: q)
                    case .cx(let control, let other): matrix.applyCX(control: control, target: other)
                    }
                    if !isEffect { depolarise(&matrix, step) }
                }
                matrix.entries.withUnsafeBuffer(of: Double.self) {
                    (out.pointer + row * size).update(from: $0.baseAddress!, count: size)
                }
            }
        }
    }

    private func depolarise(_ matrix: inout DensityMatrix, _ step: Step) {
        switch step {
        case .hadamard(let q), .phase(let q, _): matrix.depolarise([q], oneQubit)
        case .cx(let control, let target): matrix.depolarise([control, target], twoQubit)
        }
    }
}
