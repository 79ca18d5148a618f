import Foundation
import Mercer

// A model's file: safetensors with the encoded training points and the machines, the rest as JSON in the metadata.

extension QuantumModel {
    static let format = "mercer-quantum-kernel 1"

    private struct Record: Codable {
        let qubits: Int
        let features: Int
        let repetitions: Int
        let terms: [Term]
        let encoding: QuantumEncoding
        let classes: [String]
        let C: Double
        let shots: Int?
        let noise: [Double]?
        let mitigates: Bool
        let raw: Bool
        let single: Bool
        let seed: UInt64
        let supportVectors: [Int]
        let converged: Bool

        struct Term: Codable {
            let on: [Int]
            /// k for x_k, −1 − k for π − x_k.
            let factors: [Int]
            let weight: Double
        }
    }

    /// Writes the model to a safetensors file.
    public func save(to path: String) throws {
        let map = settings.map
        let record = Record(
            qubits: map.qubits, features: map.features, repetitions: map.repetitions,
            terms: map.terms.map { term in
                Record.Term(
                    on: term.qubits,
                    factors: term.factors.map { factor in
                        switch factor {
                        case .feature(let k): k
                        case .complement(let k): -1 - k
                        }
                    }, weight: term.weight)
            }, encoding: encoding, classes: classes, C: C, shots: settings.shots,
            noise: settings.noise.map { [$0.oneQubit, $0.twoQubit] }, mitigates: settings.mitigates,
            raw: settings.raw, single: settings.dtype == .float32, seed: settings.seed,
            supportVectors: supportVectors, converged: converged)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        try saveTensors(
            [
                "points": points,
                "coefficients": stacked(machines.map { Tensor($0.coefficients) }),
                "biases": Tensor(machines.map(\.bias)),
                "pairs": Tensor(machines.flatMap { [Int64($0.a), Int64($0.b)] }, [machines.count, 2]),
            ], to: path,
            metadata: ["format": Self.format, "model": String(decoding: try encoder.encode(record), as: UTF8.self)])
    }

    /// Reads a model.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == Self.format, let text = file.metadata["model"],
            let record = try? JSONDecoder().decode(Record.self, from: Data(text.utf8))
        else {
            throw KernelMethodError.file(
                path, reason: "it isn't a model of a quantum kernel; 'mercer kernel quantum --save' makes one")
        }
        let map = try CustomFeatureMap(
            name: path, qubits: record.qubits, features: record.features, reps: record.repetitions,
            terms: record.terms.map { term in
                PhaseTerm(
                    on: term.on, term.factors.map { $0 >= 0 ? .feature($0) : .complement(-1 - $0) },
                    weight: term.weight)
            })
        let points = try file.tensor("points", copied: true)
        let coefficients = try file.tensor("coefficients", copied: true)
        let biases = try file.tensor("biases", copied: true)
        let pairs = try file.tensor("pairs", copied: true)
        guard points.rank == 2, points.shape[1] == record.features, points.dtype == .float64,
            biases.rank == 1, coefficients.shape == [biases.count, points.shape[0]], biases.count >= 1,
            coefficients.dtype == .float64, biases.dtype == .float64, pairs.shape == [biases.count, 2],
            pairs.dtype == .int64
        else { throw KernelMethodError.file(path, reason: "its arrays don't fit together") }
        let numbers = pairs.toArray(Int64.self).map(Int.init)
        guard numbers.allSatisfy({ record.classes.indices.contains($0) }) else {
            throw KernelMethodError.file(path, reason: "it names classes that it hasn't")
        }
        var settings = QuantumSettings(map: map)
        settings.bandwidth = record.encoding.bandwidth
        settings.C = record.C
        settings.shots = record.shots
        settings.noise = record.noise.map { ($0[0], $0[1]) }
        settings.mitigates = record.mitigates
        settings.raw = record.raw
        settings.dtype = record.single ? .float32 : .float64
        settings.seed = record.seed
        self.settings = settings
        encoding = record.encoding
        classes = record.classes
        C = record.C
        searched = nil
        self.points = points
        kernel = nil
        smallestEigenvalue = nil
        alignment = nil
        converged = record.converged
        supportVectors = record.supportVectors
        let (rows, values) = (coefficients.toArray(Double.self), biases.toArray(Double.self))
        let n = points.shape[0]
        machines = values.indices.map {
            Pairwise(
                a: numbers[2 * $0], b: numbers[2 * $0 + 1], coefficients: Array(rows[$0 * n..<($0 + 1) * n]),
                bias: values[$0])
        }
    }
}
