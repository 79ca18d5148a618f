import Foundation
import Mercer

/// Where Adam is in a training of a sparse deep kernel machine.
struct DeepKernelState {
    /// Steps done.
    var step = 0
    /// Steps since the moments were zero.
    private(set) var count = 0
    /// How often the rate was halved, and what is left of it.
    var halvings = 0
    var factor = 1.0
    /// Means of gradients and of their squares, by the parameters' names.
    private var first: [String: Tensor]
    private var second: [String: Tensor]
    /// The highest objective and its parameters.
    var bestValue = -Double.infinity
    var best: [String: Tensor]
    var history = DeepKernelTraining.History()

    init(_ parameters: [String: Tensor]) {
        first = parameters.mapValues { Tensor.zeros(like: $0) }
        second = first
        best = parameters
    }

    mutating func forgetMoments() {
        first = first.mapValues { Tensor.zeros(like: $0) }
        second = first
        count = 0
    }

    /// A step of Adam with betas of 0.9 and 0.99.
    mutating func move(_ parameters: inout [String: Tensor], against gradients: [String: Tensor], rate: Double) {
        count += 1
        let (a, b) = (1 - Foundation.pow(0.9, Double(count)), 1 - Foundation.pow(0.99, Double(count)))
        for (name, g) in gradients {
            let m = first[name]! * 0.9 + g * 0.1
            let v = second[name]! * 0.99 + g * g * 0.01
            (first[name], second[name]) = (m, v)
            let size = sqrt(v / b) + 1e-8
            parameters[name] = parameters[name]! - m * (rate / a) / size
        }
        step += 1
    }

    // MARK: Files

    /// What a state keeps besides tensors.
    struct Record: Codable {
        let training: String
        let step: Int
        let count: Int
        let halvings: Int
        let factor: Double
        let jitter: Double
        let relativeJitter: Double
        let notes: [String]
    }

    func record(_ training: String, _ machine: DeepKernelMachine) -> Record {
        Record(
            training: training, step: step, count: count, halvings: halvings, factor: factor, jitter: machine.jitter,
            relativeJitter: machine.relativeJitter, notes: history.notes)
    }

    /// Moments, best parameters and the history of the objective.
    var tensors: [String: Tensor] {
        var tensors = ["objective": Tensor(history.objective), "best": Tensor([bestValue])]
        for (name, tensor) in first { tensors["first.\(name)"] = tensor }
        for (name, tensor) in second { tensors["second.\(name)"] = tensor }
        for (name, tensor) in best { tensors["best.\(name)"] = tensor }
        return tensors
    }

    mutating func take(_ record: Record, _ reader: DeepKernelStateReader) throws {
        first = try reader.tensors(like: first, "first.")
        second = try reader.tensors(like: second, "second.")
        best = try reader.tensors(like: best, "best.")
        bestValue = try reader.tensor("best", [1]).doubleValue
        history.objective = try reader.tensor("objective", [record.step]).toArray(Double.self)
        history.notes = record.notes
        (step, count, halvings, factor) = (record.step, record.count, record.halvings, record.factor)
    }
}
