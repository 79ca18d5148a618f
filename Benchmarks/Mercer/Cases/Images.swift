import Mercer

extension BenchmarkCase {
    /// Other operations on images of a network, forward and with gradients.
    static let images: [BenchmarkCase] = {
        var cases = transposed(kernel: 2, padding: 0) + transposed(kernel: 4, padding: 1)
        cases += image("pixel-shuffle", channels: 128, results: 1) { pixelShuffle($0[0], by: 2) }
        for mode in [InterpolationMode.bilinear, .bicubic] {
            cases += image("interpolate-\(mode.rawValue)", results: 4) {
                interpolate($0[0], scaleFactor: 2, mode: mode)
            }
        }
        for mode in [PaddingMode.constant, .reflect] {
            cases += image("pad-\(mode.rawValue)", results: 62 * 62 / (56.0 * 56)) {
                padded($0[0], [(3, 3), (3, 3), (0, 0)], mode: mode)
            }
        }
        cases += image("max-pool", results: 0.25) { maxPool2d($0[0], kernel: 3, stride: 2, padding: 1) }
        cases += image("average-pool", results: 0.25) { avgPool2d($0[0], kernel: 2, stride: 2) }
        return cases
    }()

    /// - Parameter results: numbers written for each one of the operand.
    private static func image(
        _ kind: String, channels: Int = 64, results: Double,
        _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) -> [BenchmarkCase] {
        let parameters = ["batch": 4, "side": 56, "channels": channels]
        let bytes = 4 * 4 * 56 * 56 * Double(channels)
        return both(
            kind, "\(channels)@56-batch4", parameters, Work(bytes: bytes, written: results * bytes),
            Work(bytes: (1 + results) * bytes, written: (1 + results) * bytes),
            { size in
                [
                    BenchmarkInput.tensor(
                        [size["batch"]!, size["side"]!, size["side"]!, size["channels"]!], seed: 1)
                ]
            }, function)
    }

    private static func transposed(kernel: Int, padding: Int) -> [BenchmarkCase] {
        let parameters = [
            "batch": 4, "side": 56, "inputs": 64, "outputs": 32, "kernel": kernel, "padding": padding,
        ]
        let operations = 2 * 4 * 56 * 56 * Double(kernel * kernel * 64 * 32)
        return both(
            "convolution-transposed", "\(kernel)x\(kernel)s2-64-32@56-batch4", parameters,
            Work(operations: operations), Work(operations: 3 * operations),
            { size in
                let (side, kernel) = (size["side"]!, size["kernel"]!)
                return [
                    BenchmarkInput.tensor([size["batch"]!, side, side, size["inputs"]!], seed: 1),
                    BenchmarkInput.tensor([size["outputs"]!, kernel, kernel, size["inputs"]!], seed: 2),
                ]
            }, { convTransposed2d($0[0], $0[1], stride: 2, padding: PerAxis(padding)) })
    }

    private static func both(
        _ kind: String, _ size: String, _ parameters: [String: Int], _ forward: Work, _ backward: Work,
        _ operands: @escaping @Sendable ([String: Int]) -> [Tensor],
        _ function: @escaping @Sendable ([Tensor]) -> Tensor
    ) -> [BenchmarkCase] {
        [
            BenchmarkCase(
                "\(kind)/\(size)", parameters, work: forward, peers: [Peer("torch", goal: 1.2)],
                compute: { size in
                    let x = operands(size)
                    return { [function(x)] }
                }),
            gradients(kind, size, parameters, work: backward, goal: 1.2, operands, function),
        ]
    }
}
