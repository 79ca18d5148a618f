import Foundation
import Mercer

/// A diagonal feature map with functions of one's own.
///
/// As JSON:
/// ```json
/// {"qubits": 2, "features": 2, "reps": 2, "terms": [
///   {"on": [0], "product": ["x0"]}, {"on": [1], "product": ["x1"]},
///   {"on": [0, 1], "product": ["pi-x0", "pi-x1"], "weight": 1}
/// ]}
/// ```
/// `features` is `qubits` and `reps` 2 unless given.
public struct CustomFeatureMap: FeatureMap {
    public let qubits: Int
    public let features: Int
    public let repetitions: Int
    public let terms: [PhaseTerm]

    /// - Parameter name: what errors call the map: the file's path.
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for terms on qubits or features that aren't there.
    public init(name: String, qubits: Int, features: Int? = nil, reps: Int = 2, terms: [PhaseTerm]) throws {
        func refuse(_ reason: String) -> KernelMethodError { .file(name, reason: reason) }
        let features = features ?? qubits
        guard (1...24).contains(qubits) else { throw refuse("it has \(qubits) qubits, 1 to 24 are possible") }
        guard (1...100).contains(reps) else { throw refuse("it has \(reps) repetitions, 1 to 100 are possible") }
        guard features >= 1 else { throw refuse("it takes \(features) features, 1 or more are expected") }
        guard !terms.isEmpty else { throw refuse("it has no terms") }
        for (place, term) in terms.enumerated() {
            guard !term.qubits.isEmpty, Set(term.qubits).count == term.qubits.count else {
                throw refuse("term \(place + 1) is on \(term.qubits), expected different qubits, one or more")
            }
            if let odd = term.qubits.first(where: { !(0..<qubits).contains($0) }) {
                throw refuse("term \(place + 1) is on qubit \(odd), but there are \(qubits), counted from 0")
            }
            if let odd = term.factors.first(where: { !(0..<features).contains($0.feature) }) {
                throw refuse(
                    "term \(place + 1) takes feature \(odd.feature), but there are \(features), counted from 0")
            }
            guard term.weight.isFinite else { throw refuse("term \(place + 1) has weight \(term.weight)") }
        }
        self.qubits = qubits
        self.features = features
        repetitions = reps
        self.terms = terms
    }

    private struct Description: Decodable {
        let qubits: Int
        let features: Int?
        let reps: Int?
        let terms: [Term]

        struct Term: Decodable {
            let on: [Int]
            let product: [String]
            let weight: Double?
        }
    }

    /// Reads a map from a JSON file.
    public init(contentsOf path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw KernelMethodError.file(path, reason: "it can't be read")
        }
        try self.init(json: data, name: path)
    }

    init(json: Data, name: String) throws {
        guard let description = try? JSONDecoder().decode(Description.self, from: json) else {
            throw KernelMethodError.file(
                name,
                reason: "it isn't a feature map; expected JSON such as "
                    + #"{"qubits": 2, "terms": [{"on": [0], "product": ["x0"]}, {"on": [0, 1], "product": ["pi-x0", "pi-x1"]}]}"#
            )
        }
        let terms = try description.terms.map { term in
            PhaseTerm(
                on: term.on, try term.product.map { try Self.factor($0, name: name) },
                weight: term.weight ?? 1)
        }
        try self.init(
            name: name, qubits: description.qubits, features: description.features,
            reps: description.reps ?? 2, terms: terms)
    }

    private static func factor(_ text: String, name: String) throws -> PhaseTerm.Factor {
        let isComplement = text.hasPrefix("pi-x")
        guard isComplement || text.hasPrefix("x"), let k = Int(text.dropFirst(isComplement ? 4 : 1)), k >= 0
        else {
            throw KernelMethodError.file(
                name, reason: "the factor '\(text)' isn't understood; expected x0, x1, … or pi-x0, pi-x1, …")
        }
        return isComplement ? .complement(k) : .feature(k)
    }
}
