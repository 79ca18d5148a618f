import Mercer

extension BenchmarkCase {
    /// Normalisations, softmax and cross entropy, forward and with gradients, on as many numbers as the functions of
    /// elements.
    static let normalizations: [BenchmarkCase] = ElementCase.Size.allCases.flatMap {
        (size) -> [BenchmarkCase] in
        var cases = rows("layer-norm", size, vectors: 2) { layerNorm($0[0], weight: $0[1], bias: $0[2]) }
        cases += rows("rms-norm", size, vectors: 1) { rmsNorm($0[0], weight: $0[1], eps: 1e-5) }
        cases += rows("softmax", size) { softmax($0[0]) }
        cases += rows("log-softmax", size) { logSoftmax($0[0]) }
        cases += rows("softmax-first", size) { softmax($0[0], axis: 0) }
        cases += crossEntropies(size)
        cases += images("batch-norm", size) { batchNormInTraining($0, $1, $2) }
        cases += images("group-norm", size) { groupNorm($0, groups: 32, weight: $1, bias: $2) }
        return cases
    }

    private static func batchNormInTraining(_ x: Tensor, _ weight: Tensor, _ bias: Tensor) -> Tensor {
        batchNorm(
            x, weight: weight, bias: bias, runningMean: .zeros(weight.shape), runningVariance: .ones(weight.shape),
            training: true
        ).output
    }

    private typealias Operands = @Sendable ([String: Int]) -> [Tensor]
    private typealias Function = @Sendable ([Tensor]) -> Tensor

    /// Forward and with gradients.
    private static func both(
        _ name: String, _ size: ElementCase.Size, _ parameters: [String: Int], _ operands: @escaping Operands,
        _ function: @escaping Function, written: Double = 1
    ) -> [BenchmarkCase] {
        [
            BenchmarkCase(
                "\(name)/\(size.rawValue)", parameters, work: size.work(reads: 1, writes: written),
                peers: [Peer("torch", goal: size.goal)],
                compute: { size in
                    let x = operands(size)
                    return { [function(x)] }
                }),
            gradients(
                name, size.rawValue, parameters, work: size.work(reads: 2 + written, writes: 1 + written),
                goal: size.goal, operands, function),
        ]
    }

    private static func rows(
        _ name: String, _ size: ElementCase.Size, vectors: Int = 0,
        _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) -> [BenchmarkCase] {
        both(
            name, size, size.parameters,
            { size in
                [BenchmarkInput.tensor([size["rows"]!, size["columns"]!], seed: 1)]
                    + (0..<vectors).map { BenchmarkInput.tensor([size["columns"]!], seed: UInt32(2 + $0)) }
            }, function)
    }

    private static func crossEntropies(_ size: ElementCase.Size) -> [BenchmarkCase] {
        // The targets belong to the function: they have no gradient.
        let parameters = size.parameters
        let targets = Tensor.Deferred {
            BenchmarkInput.integers([parameters["rows"]!], below: parameters["columns"]!, seed: 2)
        }
        return both(
            "cross-entropy", size, parameters,
            { size in [BenchmarkInput.tensor([size["rows"]!, size["columns"]!], seed: 1)] },
            { crossEntropy($0[0], targets.value) }, written: 0)
    }

    private static func images(
        _ name: String, _ size: ElementCase.Size,
        _ function: @escaping @Sendable (Tensor, Tensor, Tensor) -> Tensor
    ) -> [BenchmarkCase] {
        let (batch, side) = size == .large ? (16, 64) : (1, 16)
        return both(
            name, size, ["batch": batch, "side": side, "channels": 256],
            { size in
                let channels = size["channels"]!
                return [
                    BenchmarkInput.tensor([size["batch"]!, size["side"]!, size["side"]!, channels], seed: 1),
                    BenchmarkInput.tensor([channels], seed: 2), BenchmarkInput.tensor([channels], seed: 3),
                ]
            }, { function($0[0], $0[1], $0[2]) })
    }
}

extension Tensor {
    /// A tensor that is made when it is first asked for.
    final class Deferred: @unchecked Sendable {
        private let make: @Sendable () -> Tensor
        private(set) lazy var value = make()

        init(_ make: @escaping @Sendable () -> Tensor) { self.make = make }
    }
}
