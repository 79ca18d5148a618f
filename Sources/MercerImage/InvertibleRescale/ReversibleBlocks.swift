import Mercer
import MercerNN

/// Which activations training keeps.
public enum ActivationMemory: String, Sendable, CaseIterable {
    /// Only what a run of blocks returns; the backward walk inverts block after block. Memory doesn't grow with the
    /// number of blocks; the price is one more evaluation of the subnets.
    case reversible
    /// Every map of every subnet.
    case stored
}

/// A run of invertible blocks with reversible back-propagation (Gomez et al. 2017, arXiv 1707.04585).
public enum ReversibleBlocks {
    /// Halves through all blocks, forwards.
    ///
    /// - Parameter context: channels that every subnet reads; a constant for gradients.
    public static func forward(
        _ blocks: [InvertibleBlock], _ x: Halves, context: Tensor? = nil, memory: ActivationMemory = .reversible
    ) -> Halves {
        if memory == .stored && Gradients.isRecording {
            return blocks.reduce(x) { $1.forward($0, context: context) }
        }
        return run(blocks, x, context, backwards: false)
    }

    /// Halves through all blocks, backwards.
    public static func inverse(
        _ blocks: [InvertibleBlock], _ y: Halves, context: Tensor? = nil, memory: ActivationMemory = .reversible
    ) -> Halves {
        if memory == .stored && Gradients.isRecording {
            return blocks.reversed().reduce(y) { $1.inverse($0, context: context) }
        }
        return run(blocks, y, context, backwards: true)
    }

    private static func run(
        _ blocks: [InvertibleBlock], _ x: Halves, _ context: Tensor?, backwards: Bool
    ) -> Halves {
        let values = blocks.map { BlockValues($0) }
        let context = context?.detached
        let result = Gradients.paused {
            let start = Halves(x.first.detached, x.second.detached)
            return backwards
                ? values.reversed().reduce(start) { $1.inverse($0, context) }
                : values.reduce(start) { $1.forward($0, context) }
        }
        let variables = blocks.flatMap { $0.f.variables + $0.g.variables + $0.h.variables }
        let sources = [x.first, x.second] + variables
        guard sources.contains(where: \.isTracked) else { return result }
        let each = variables.count / max(1, blocks.count)
        let results = Tensor.tracked(
            "invertibleBlocks", [result.first, result.second], from: sources, keepsOutputs: true
        ) { back in
            precondition(
                !back.gradients.contains { $0?.isTracked ?? false },
                "invertible blocks have no second derivative in reversible memory; use .stored")
            let outputs = Halves(back.output(0).detached, back.output(1).detached)
            func gradient(_ index: Int, _ output: Tensor) -> Tensor {
                back.gradients[index] ?? Tensor.zeros(output.shape, output.dtype)
            }
            var step = BlockValues.Step(
                values: outputs, gradients: Halves(gradient(0, outputs.first), gradient(1, outputs.second)))
            var parameters = [Tensor?](repeating: nil, count: variables.count)
            // The last operation of the forward run comes first.
            let order = backwards ? Array(values.indices) : values.indices.reversed()
            for index in order {
                let range = (index * each)..<((index + 1) * each)
                let wantsWeights = range.contains { back.needs(2 + $0) }
                step =
                    backwards
                    ? values[index].inverseStep(step, context, wantsWeights: wantsWeights)
                    : values[index].forwardStep(step, context, wantsWeights: wantsWeights)
                for (place, parameter) in zip(range, step.parameters) { parameters[place] = parameter }
                step.parameters = []
            }
            return [step.gradients.first, step.gradients.second] + parameters
        }
        return Halves(results[0], results[1])
    }
}
