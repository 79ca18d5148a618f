import Foundation
import Mercer
import MercerNN

/// The states of a training: `model.safetensors` with the parameters, `optimizer.safetensors` with the rest of the tensors,
/// `state.json`, as in ``Checkpoints``.
struct DeepKernelStates {
    private let checkpoints: Checkpoints
    private let training: String

    init(_ checkpoints: Checkpoints, of machine: DeepKernelMachine, _ training: DeepKernelTraining, _ data: [Tensor]) {
        self.checkpoints = checkpoints
        self.training =
            "seed \(training.seed), \(training.steps) steps at the rate \(training.rate), "
            + "\(training.batch.map(String.init) ?? "all") rows a step\(training.collapsesOutput ? ", closed form" : ""), "
            + "\(data[0].shape[0]) rows, layers and data "
            + DeepKernelDigest.of(machine.layers, data + machine.parameters.sorted { $0.key < $1.key }.map(\.value))
    }

    func save(_ state: DeepKernelState, _ machine: DeepKernelMachine) throws {
        try checkpoints.save(step: state.step) { folder in
            try saveTensors(machine.parameters, to: folder.appending(path: "model.safetensors").path)
            try saveTensors(state.tensors, to: folder.appending(path: "optimizer.safetensors").path)
            try JSONEncoder().encode(state.record(training, machine)).write(
                to: folder.appending(path: "state.json"))
        }
    }

    /// Takes the newest state, where there is one.
    ///
    /// - Throws: `CheckpointError` for states of another training, and those that can't be read.
    func resume(_ state: inout DeepKernelState, _ machine: inout DeepKernelMachine) throws {
        guard let newest = checkpoints.steps().last else { return }
        let reader = DeepKernelStateReader(checkpoints.url(step: newest))
        let record = try reader.record(DeepKernelState.Record.self, training: \.training, expected: training)
        machine.parameters = try reader.tensors(like: machine.parameters, "", in: "model.safetensors")
        (machine.jitter, machine.relativeJitter) = (record.jitter, record.relativeJitter)
        try state.take(record, reader)
    }
}

/// Reads the files of a state, checking what they hold.
struct DeepKernelStateReader {
    private let folder: URL

    init(_ folder: URL) { self.folder = folder }

    /// `state.json` of a training that is described in the same words.
    func record<Record: Decodable>(
        _ type: Record.Type, training: (Record) -> String, expected: String
    ) throws -> Record {
        let record: Record
        do {
            record = try JSONDecoder().decode(
                Record.self, from: Data(contentsOf: folder.appending(path: "state.json")))
        } catch {
            throw CheckpointError.unreadable(path: folder.path, reason: "\(error)")
        }
        guard training(record) == expected else {
            throw CheckpointError.mismatch(path: folder.path, found: training(record), expected: expected)
        }
        return record
    }

    /// A float64 tensor of a shape; a negative length is any.
    func tensor(_ name: String, _ shape: [Int], in file: String = "optimizer.safetensors") throws -> Tensor {
        let path = folder.appending(path: file).path
        let tensor: Tensor
        do {
            tensor = try Safetensors(contentsOf: path).tensor(name, copied: true)
        } catch {
            throw CheckpointError.unreadable(path: folder.path, reason: "\(error)")
        }
        let fits = tensor.rank == shape.count && zip(tensor.shape, shape).allSatisfy { $0 == $1 || $1 < 0 }
        guard tensor.dtype == .float64, fits else {
            throw CheckpointError.unreadable(
                path: folder.path,
                reason: "'\(name)' of \(file) is \(tensor.dtype) of shape \(tensor.shape), not float64 of \(shape)")
        }
        return tensor
    }

    /// Tensors with the names and shapes of others.
    func tensors(
        like others: [String: Tensor], _ prefix: String, in file: String = "optimizer.safetensors"
    ) throws -> [String: Tensor] {
        var result = others
        for (name, other) in others { result[name] = try tensor(prefix + name, other.shape, in: file) }
        return result
    }
}

/// A short name for layers and numbers, by which a training is told from another.
enum DeepKernelDigest {
    /// A hash in hexadecimal digits.
    static func of(_ layers: [DeepKernelMachine.Layer], _ data: [Tensor]) -> String {
        var hash = FNV1a()
        hash.update("\(layers)".utf8)
        for tensor in data {
            hash.update("\(tensor.shape)".utf8)
            hash.update(tensor)
        }
        return String(hash.value, radix: 16)
    }
}
