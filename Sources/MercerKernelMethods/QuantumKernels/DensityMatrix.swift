import Mercer

/// A density matrix of n qubits, kept as a vector of 2n: bits 0 … n−1 are the row, bits n … 2n−1 the column. A gate U acts as
/// U on the row's bits and as its complex conjugate on the column's.
public struct DensityMatrix: Sendable {
    public let qubits: Int
    private var vector: StateVectors

    /// |0…0⟩⟨0…0|.
    public init(qubits: Int) {
        precondition(
            (1...NoisyKernel.qubitLimit).contains(qubits), "DensityMatrix: \(qubits) qubits, 1 to 7 are possible")
        self.qubits = qubits
        vector = StateVectors(count: 1, qubits: 2 * qubits)
    }

    /// Real and imaginary parts, `[1, 2, 4ⁿ]`.
    var entries: Tensor { vector.amplitudes }

    /// ρ as `[2ⁿ, 2ⁿ, (re, im)]`.
    public var matrix: Tensor {
        // The row is the faster index.
        vector.amplitudes.reshaped(2, 1 << qubits, 1 << qubits).transposed(2, 1, 0).contiguous()
    }

    /// UρU†.
    public mutating func apply(_ gate: StateVectors.Gate, on q: Int) {
        vector.apply(gate, on: q)
        vector.apply(gate.conjugate, on: q + qubits)
    }

    /// The controlled-X gate.
    public mutating func applyCX(control: Int, target: Int) {
        vector.applyCX(control: control, target: target)
        vector.applyCX(control: control + qubits, target: target + qubits)
    }

    /// ρ → (1−p)ρ + p · I/2ᵏ ⊗ Tr(ρ) over k qubits.
    public mutating func depolarise(_ on: [Int], _ p: Double) {
        if p == 0 { return }
        let (rowMask, columnMask) = (
            on.reduce(0) { $0 | 1 << $1 }, on.reduce(0) { $0 | 1 << ($1 + qubits) }
        )
        // The settings of the qubits: the same bits in row and column.
        let settings = (0..<1 << on.count).map { setting in
            on.enumerated().reduce(0) { bits, item in
                setting >> item.offset & 1 == 1 ? bits | 1 << item.element | 1 << (item.element + qubits) : bits
            }
        }
        let share = p / Double(settings.count)
        vector.modify { part in
            var means = [Double](repeating: 0, count: part.count)
            for b in 0..<part.count where b & (rowMask | columnMask) == 0 {
                means[b] = settings.reduce(0) { $0 + part[b | $1] } * share
            }
            for b in 0..<part.count { part[b] *= 1 - p }
            for b in 0..<part.count where b & (rowMask | columnMask) == 0 {
                for setting in settings { part[b | setting] += means[b] }
            }
        }
    }
}
