import Foundation
import Mercer
import MercerNN

/// The states of a ``FullDeepKernelMachine``'s fit: `model.safetensors` with the parameters, `optimizer.safetensors` with
/// L-BFGS's gradient and memory, `state.json`, as in ``Checkpoints``; a step is an iteration.
struct FullDeepKernelStates {
    private let checkpoints: Checkpoints
    private let training: String
    /// The parameters that are fitted, in L-BFGS's order.
    private let names: [String]

    private struct Record: Codable {
        let training: String
        let iterations: Int
        let evaluations: Int
        let isDone: Bool
    }

    init(
        _ checkpoints: Checkpoints, of machine: DeepKernelMachine, _ y: Tensor, _ names: [String], _ limits: String
    ) {
        self.checkpoints = checkpoints
        self.names = names
        let start = machine.parameters.sorted { $0.key < $1.key }.map(\.value)
        training =
            "a full machine of \(y.shape[0]) rows, \(names.count) parameters fitted, \(limits), layers and data "
            + DeepKernelDigest.of(machine.layers, [y] + start)
    }

    /// - Parameter tensors: the fitted parameters, in order.
    func save(_ state: LBFGS.State, _ tensors: [Tensor], isDone: Bool) throws {
        let width = state.point.count
        try checkpoints.save(step: state.iterations) { folder in
            try saveTensors(
                Dictionary(uniqueKeysWithValues: zip(names, tensors)),
                to: folder.appending(path: "model.safetensors").path)
            try saveTensors(
                [
                    "value": Tensor([state.value]), "gradient": Tensor(state.gradient),
                    "steps": Tensor(state.steps.flatMap { $0 }, [state.steps.count, width]),
                    "changes": Tensor(state.changes.flatMap { $0 }, [state.changes.count, width]),
                ], to: folder.appending(path: "optimizer.safetensors").path)
            try JSONEncoder().encode(
                Record(
                    training: training, iterations: state.iterations, evaluations: state.evaluations, isDone: isDone)
            ).write(to: folder.appending(path: "state.json"))
        }
    }

    /// The newest state, nil where there is none.
    ///
    /// - Parameter template: tensors of the fitted parameters' shapes, in order.
    /// - Throws: `CheckpointError` for states of another fit, and those that can't be read.
    func newest(like template: [Tensor]) throws -> (state: LBFGS.State, isDone: Bool)? {
        guard let step = checkpoints.steps().last else { return nil }
        let reader = DeepKernelStateReader(checkpoints.url(step: step))
        let record = try reader.record(Record.self, training: \.training, expected: training)
        let point = try zip(names, template).flatMap { name, like in
            try reader.tensor(name, like.shape, in: "model.safetensors").toArray(Double.self)
        }
        var state = LBFGS.State(
            point: point, value: try reader.tensor("value", [1]).doubleValue,
            gradient: try reader.tensor("gradient", [point.count]).toArray(Double.self),
            evaluations: record.evaluations)
        func rows(_ name: String) throws -> [[Double]] {
            let matrix = try reader.tensor(name, [-1, point.count])
            return (0..<matrix.shape[0]).map { matrix[$0].toArray(Double.self) }
        }
        (state.steps, state.changes, state.iterations) = (try rows("steps"), try rows("changes"), record.iterations)
        return (state, record.isDone)
    }
}
