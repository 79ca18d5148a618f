import Foundation
import Mercer

// A model's file: safetensors with the parameters under the official library's names, the rest as JSON in the metadata.

extension DeepKernelModel {
    static let format = "mercer-deep-kernel 1"

    private struct Record: Codable {
        let layers: [DeepKernelMachine.Layer]
        let settings: DeepKernelSettings
        let jitter: Double
        let relativeJitter: Double
        let inputs: Standardizer
        let columns: [String]
        let targetMean: Double
        let targetDeviation: Double
        let classes: [String]
        let objective: Double
    }

    private static let nonFinite = ("inf", "-inf", "nan")

    /// Writes the model to a safetensors file.
    public func save(to path: String) throws {
        let record = Record(
            layers: machine.layers, settings: settings, jitter: machine.jitter,
            relativeJitter: machine.relativeJitter, inputs: inputs, columns: columns, targetMean: targetMean,
            targetDeviation: targetDeviation, classes: classes, objective: objective)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: Self.nonFinite.0, negativeInfinity: Self.nonFinite.1, nan: Self.nonFinite.2)
        try saveTensors(
            machine.parameters, to: path,
            metadata: ["format": Self.format, "model": String(decoding: try encoder.encode(record), as: UTF8.self)])
    }

    /// Reads a model.
    ///
    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: Self.nonFinite.0, negativeInfinity: Self.nonFinite.1, nan: Self.nonFinite.2)
        guard file.metadata["format"] == Self.format, let text = file.metadata["model"],
            let record = try? decoder.decode(Record.self, from: Data(text.utf8))
        else {
            throw KernelMethodError.file(
                path, reason: "it isn't a deep kernel machine; 'mercer kernel deep --out' makes one")
        }
        var parameters: [String: Tensor] = [:]
        for name in file.names { parameters[name] = try file.tensor(name, copied: true) }
        // Every parameter has the shape that a new machine of these layers has.
        guard let points = parameters["0.X"], points.rank == 2, points.dtype == .float64, points.shape[0] >= 1,
            points.shape[1] == record.inputs.means.count, points.shape[1] == record.columns.count
        else { throw KernelMethodError.file(path, reason: "it has no inducing points of its columns") }
        var like = try DeepKernelMachine(
            layers: record.layers, inducing: Inducing(points: points), jitter: 1e-2)
        try like.addOutputParameters(outputs: max(1, record.classes.count))
        for (name, expected) in like.parameters {
            guard let found = parameters[name], found.shape == expected.shape, found.dtype == .float64 else {
                throw KernelMethodError.file(
                    path,
                    reason: "parameter '\(name)' is \(parameters[name].map { "of shape \($0.shape)" } ?? "missing"), "
                        + "but float64 of shape \(expected.shape) is expected")
            }
        }
        self.init(
            settings: record.settings,
            machine: DeepKernelMachine(
                layers: record.layers, parameters: parameters, jitter: record.jitter,
                relativeJitter: record.relativeJitter), inputs: record.inputs, columns: record.columns,
            targetMean: record.targetMean, targetDeviation: record.targetDeviation, classes: record.classes,
            objective: record.objective)
    }
}
