import Foundation
import Mercer

/// A batch of pure states of n qubits, simulated exactly.
///
/// Amplitudes are kept as real and imaginary parts, `[states, 2, 2ⁿ]`; qubit i is bit i of the basis index. Gates
/// act in place on every state of the batch, in O(2ⁿ) each; no 2ⁿ × 2ⁿ matrix is ever made.
public struct StateVectors: Sendable {
    /// The most qubits of a state vector.
    public static let qubitLimit = 24

    public let qubits: Int
    /// `[states, 2, 2ⁿ]`, float64 or float32.
    public private(set) var amplitudes: Tensor

    public var count: Int { amplitudes.shape[0] }
    var dimension: Int { 1 << qubits }

    /// Amplitudes as real and imaginary parts, `[states, 2, 2ⁿ]`.
    public init(_ amplitudes: Tensor) {
        precondition(
            amplitudes.rank == 3 && amplitudes.shape[1] == 2 && amplitudes.shape[2].nonzeroBitCount == 1,
            "StateVectors: amplitudes [states, 2, 2ⁿ] are expected, not \(amplitudes.shape)")
        precondition(
            amplitudes.dtype == .float64 || amplitudes.dtype == .float32,
            "StateVectors: float64 or float32 is expected, not \(amplitudes.dtype)")
        qubits = amplitudes.shape[2].trailingZeroBitCount
        self.amplitudes = amplitudes.contiguous()
    }

    /// |0…0⟩.
    public init(count: Int, qubits: Int, _ dtype: DType = .float64) {
        let zero = Tensor.zeros([count, 2, 1 << qubits], dtype)
        let one = Tensor.ones([count, 1, 1], dtype)
        self.init(
            zero.addingAlong(Tensor.zeros([count, 1, 1], .int64), one, axis: 2))
    }

    /// |Φ(x)⟩ of each row of `[points, features]`.
    public init(_ map: some FeatureMap, _ x: Tensor, _ dtype: DType = .float64) {
        let (n, size) = (x.shape[0], 1 << map.qubits)
        var result = Tensor(uninitialized: [n, 2, size], dtype)
        // Angles are taken in float64 whatever the amplitudes' type.
        let points = x.asType(.float64).contiguous()
        let isSingle = dtype == .float32
        let grain = max(1, 16384 / size)
        func fill<T: TensorElement>(_ type: T.Type) {
            result.withUnsafeMutableBuffer(of: T.self) { buffer in
                let target = UncheckedAddress(buffer.baseAddress!)
                Parallel.forRanges(n, grain: grain) { rows in
                    let (re, im) = map.amplitudes(points[rows])
                    for (part, values) in [re, im].enumerated() {
                        (isSingle ? values.asType(.float32) : values).withUnsafeBuffer(of: T.self) { values in
                            for (k, row) in rows.enumerated() {
                                (target.pointer + (2 * row + part) * size).update(
                                    from: values.baseAddress! + k * size, count: size)
                            }
                        }
                    }
                }
            }
        }
        if isSingle { fill(Float.self) } else { fill(Double.self) }
        self.init(result)
    }

    /// A one-qubit gate [[a, b], [c, d]] of complex numbers.
    public struct Gate: Sendable {
        var entries: (Complex<Double>, Complex<Double>, Complex<Double>, Complex<Double>)

        public init(_ a: Complex<Double>, _ b: Complex<Double>, _ c: Complex<Double>, _ d: Complex<Double>) {
            entries = (a, b, c, d)
        }

        public static let hadamard: Gate = {
            let h = Complex(0.5.squareRoot())
            return Gate(h, h, h, Complex(-h.real))
        }()
        public static let pauliX = Gate(Complex(0), Complex(1), Complex(1), Complex(0))
        public static let pauliY = Gate(Complex(0), Complex(0, -1), Complex(0, 1), Complex(0))
        public static let pauliZ = Gate(Complex(1), Complex(0), Complex(0), Complex(-1))
        /// diag(1, e^{iφ}).
        public static func phase(_ angle: Double) -> Gate {
            Gate(Complex(1), Complex(0), Complex(0), Complex(cos(angle), sin(angle)))
        }
        /// e^{iθY/2}.
        public static func rotationY(_ angle: Double) -> Gate {
            let (c, s) = (Complex(cos(angle / 2)), sin(angle / 2))
            return Gate(c, Complex(s), Complex(-s), c)
        }
        /// e^{iθZ/2}.
        public static func rotationZ(_ angle: Double) -> Gate {
            let (c, s) = (cos(angle / 2), sin(angle / 2))
            return Gate(Complex(c, s), Complex(0), Complex(0), Complex(c, -s))
        }

        /// The complex conjugate.
        public var conjugate: Gate {
            let (a, b, c, d) = entries
            func bar(_ z: Complex<Double>) -> Complex<Double> { Complex(z.real, -z.imaginary) }
            return Gate(bar(a), bar(b), bar(c), bar(d))
        }

        /// The conjugate transpose, which is the inverse.
        public var adjoint: Gate {
            let (a, b, c, d) = entries
            func bar(_ z: Complex<Double>) -> Complex<Double> { Complex(z.real, -z.imaginary) }
            return Gate(bar(a), bar(c), bar(b), bar(d))
        }
    }

    /// Calls `body` with the real and with the imaginary amplitudes of all states, float64 only.
    mutating func modify(_ body: (UnsafeMutableBufferPointer<Double>) -> Void) {
        let size = dimension
        amplitudes.withUnsafeMutableBuffer(of: Double.self) { buffer in
            for part in 0..<buffer.count / size {
                body(UnsafeMutableBufferPointer(rebasing: buffer[part * size..<(part + 1) * size]))
            }
        }
    }

    /// Calls `body` with real and imaginary amplitudes of each state.
    private mutating func update(
        _ body: (AmplitudePointers<Double>) -> Void, _ single: (AmplitudePointers<Float>) -> Void
    ) {
        let (size, states) = (dimension, count)
        func walk<T: TensorElement>(_ amplitudes: inout Tensor, _ body: (AmplitudePointers<T>) -> Void) {
            amplitudes.withUnsafeMutableBuffer(of: T.self) { buffer in
                let base = UncheckedAddress(buffer.baseAddress!)
                Parallel.forRanges(states, grain: max(1, 16384 / size)) { rows in
                    for row in rows {
                        body(
                            AmplitudePointers(
                                real: base.pointer + 2 * row * size, imaginary: base.pointer + (2 * row + 1) * size,
                                count: size))
                    }
                }
            }
        }
        if amplitudes.dtype == .float64 { walk(&amplitudes, body) } else { walk(&amplitudes, single) }
    }

    /// A one-qubit gate on qubit `q`.
    public mutating func apply(_ gate: Gate, on q: Int) {
        requireQubit(q)
        update({ $0.apply(gate, q) }, { $0.apply(gate, q) })
    }

    /// The controlled-Z gate.
    public mutating func applyCZ(_ a: Int, _ b: Int) {
        requireQubit(a)
        requireQubit(b)
        let mask = 1 << a | 1 << b
        update({ $0.negate { $0 & mask == mask } }, { $0.negate { $0 & mask == mask } })
    }

    /// The controlled-X gate: flips `target` where `control` is 1.
    public mutating func applyCX(control: Int, target: Int) {
        requireQubit(control)
        requireQubit(target)
        update({ $0.controlledFlip(control, target) }, { $0.controlledFlip(control, target) })
    }

    /// Hadamard gates on all qubits.
    public mutating func applyHadamards() { amplitudes = walshHadamard(amplitudes) }

    /// ⟨ψ|P|ψ⟩ of each state for a product of Pauli matrices.
    ///
    /// - Parameter pauli: 0 … 3 for I, X, Y, Z of each qubit.
    public func expectation(_ pauli: [Int]) -> [Double] {
        precondition(pauli.count == qubits, "expectation: \(pauli.count) Pauli matrices for \(qubits) qubits")
        var image = self
        for (q, digit) in pauli.enumerated() where digit > 0 {
            image.apply([Gate.pauliX, .pauliY, .pauliZ][digit - 1], on: q)
        }
        return (amplitudes * image.amplitudes).sum(axes: [1, 2]).asType(.float64).toArray(Double.self)
    }

    /// All 4ⁿ expectations ⟨ψ|P_α|ψ⟩, α = Σ_q digit_q 4^q: `[states, 4ⁿ]`. The kernel is their dot product over 2ⁿ.
    public func pauliVector() -> Tensor {
        precondition(qubits <= 8, "pauliVector: \(qubits) qubits have 4^\(qubits) Pauli products")
        let columns = (0..<1 << (2 * qubits)).map { alpha in
            Tensor(expectation((0..<qubits).map { alpha >> (2 * $0) & 3 }))
        }
        return stacked(columns, axis: 1)
    }

    /// Probabilities of the outcomes 0 … 2ⁿ−1: `[states, 2ⁿ]`.
    public var probabilities: Tensor { (amplitudes * amplitudes).sum(axis: 1) }

    /// ⟨Π_i Z_i⟩ of each state.
    public var parity: [Double] { expectation([Int](repeating: 3, count: qubits)) }

    private func requireQubit(_ q: Int) {
        precondition((0..<qubits).contains(q), "StateVectors: qubit \(q) of \(qubits)")
    }
}

/// The amplitudes of one state.
struct AmplitudePointers<T> {
    let real: UnsafeMutablePointer<T>
    let imaginary: UnsafeMutablePointer<T>
    let count: Int
}

extension AmplitudePointers where T: BinaryFloatingPoint {
    func apply(_ gate: StateVectors.Gate, _ q: Int) {
        let step = 1 << q
        let (a, b, c, d) = gate.entries
        let (ar, ai, br, bi) = (T(a.real), T(a.imaginary), T(b.real), T(b.imaginary))
        let (cr, ci, dr, di) = (T(c.real), T(c.imaginary), T(d.real), T(d.imaginary))
        for start in Swift.stride(from: 0, to: count, by: 2 * step) {
            for low in start..<start + step {
                let high = low + step
                let (xr, xi, yr, yi) = (real[low], imaginary[low], real[high], imaginary[high])
                real[low] = ar * xr - ai * xi + (br * yr - bi * yi)
                imaginary[low] = ar * xi + ai * xr + (br * yi + bi * yr)
                real[high] = cr * xr - ci * xi + (dr * yr - di * yi)
                imaginary[high] = cr * xi + ci * xr + (dr * yi + di * yr)
            }
        }
    }

    func negate(where condition: (Int) -> Bool) {
        for b in 0..<count where condition(b) {
            real[b] = -real[b]
            imaginary[b] = -imaginary[b]
        }
    }

    func controlledFlip(_ control: Int, _ target: Int) {
        for b in 0..<count where b >> control & 1 == 1 && b >> target & 1 == 0 {
            let other = b | 1 << target
            (real[b], real[other]) = (real[other], real[b])
            (imaginary[b], imaginary[other]) = (imaginary[other], imaginary[b])
        }
    }
}
