import Mercer
import MercerNN

extension BenchmarkCase {
    /// Training steps of small networks (forward, backward, AdamW), and an optimiser's step alone.
    static let training: [BenchmarkCase] =
        [
            BenchmarkCase(
                "train-espcn/17x17-batch16", ["batch": 16, "side": 17, "scale": 3], work: Work(operations: 6e8),
                peers: [Peer("torch", goal: 2)],
                compute: { size in
                    let (batch, side, scale) = (size["batch"]!, size["side"]!, size["scale"]!)
                    let model = Espcn(scale)
                    return step(
                        model, BenchmarkInput.tensor([batch, side, side, 1], seed: 1),
                        BenchmarkInput.tensor([batch, side * scale, side * scale, 1], seed: 2),
                        model.callAsFunction)
                }),
            BenchmarkCase(
                "train-vit/4x197x192-batch8",
                ["batch": 8, "tokens": 197, "width": 192, "heads": 3, "blocks": 4], work: Work(operations: 2e10),
                peers: [Peer("torch", goal: 1.5)],
                compute: { size in
                    let (width, heads) = (size["width"]!, size["heads"]!)
                    let model = Stack((0..<size["blocks"]!).map { _ in TransformerBlock(width, heads: heads) })
                    let shape = [size["batch"]!, size["tokens"]!, width]
                    return step(
                        model, BenchmarkInput.tensor(shape, seed: 1), BenchmarkInput.tensor(shape, seed: 2)
                    ) { x in model.blocks.reduce(x) { $1($0) } }
                }),
            BenchmarkCase(
                "adamw/10M", ["tensors": 10, "count": 1_000_000], work: Work(bytes: 16e7, written: 12e7),
                peers: [Peer("torch", goal: 2)]
            ) { size in
                let tensors = (0..<size["tensors"]!).map {
                    BenchmarkInput.tensor([size["count"]!], seed: UInt32(1 + $0))
                }
                let model = Vectors(tensors)
                let gradients = model.trainableParameters().mapValues { $0 * 0.5 }
                let optimizer = AdamW(learningRate: 1e-3)
                return { optimizer.update(model, gradients) }
            },
        ]
        + [(7, 1.5), (13, 5), (31, 8)].map { kernel, goal in
            BenchmarkCase(
                "train-convnext/k\(kernel)-2x96@56-batch4",
                ["batch": 4, "side": 56, "channels": 96, "blocks": 2, "kernel": kernel],
                work: Work(operations: 1.1e10), peers: [Peer("torch", goal: goal)],
                compute: { size in
                    let (channels, kernel) = (size["channels"]!, size["kernel"]!)
                    let model = Stack((0..<size["blocks"]!).map { _ in ConvNeXtBlock(channels, kernel) })
                    let shape = [size["batch"]!, size["side"]!, size["side"]!, channels]
                    return step(
                        model, BenchmarkInput.tensor(shape, seed: 1), BenchmarkInput.tensor(shape, seed: 2)
                    ) { x in model.blocks.reduce(x) { $1($0) } }
                })
        }

    /// A step of AdamW whose loss is the result.
    private static func step(
        _ model: Module, _ x: Tensor, _ target: Tensor, _ function: @escaping (Tensor) -> Tensor
    ) -> () -> [Tensor] {
        fill(model)
        let optimizer = AdamW(learningRate: 1e-7, weightDecay: 0.01)
        return {
            let (loss, gradients) = valueAndGrad(model) { _ in mseLoss(function(x), target) }
            optimizer.update(model, gradients)
            return [loss]
        }
    }

    /// Parameters that the peer's side has too: see `fill` in `Benchmarks/peers/torch_training_cases.py`.
    private static func fill(_ model: Module) {
        var seed: UInt32 = 11
        model.update(
            parameters: model.parameters().mapValues { parameter in
                defer { seed += 1 }
                let numbers = BenchmarkInput.tensor(parameter.shape, seed: seed)
                guard parameter.rank > 1 else { return numbers * 0.1 + 0.5 }
                let fanIn = parameter.shape.dropFirst().reduce(1, *)
                return numbers * (1 / Double(fanIn).squareRoot())
            })
    }
}

/// Vectors to be optimised.
private final class Vectors: Module {
    @ParameterInfo var vectors: [Tensor]

    init(_ vectors: [Tensor]) { _vectors = ParameterInfo(vectors.map { Parameter($0) }) }
}

private final class Stack<Block: Module>: Module {
    let blocks: [Block]

    init(_ blocks: [Block]) { self.blocks = blocks }
}

/// Shi et al. 2016: feature maps at low resolution, rearranged as pixels at the end.
private final class Espcn: Module {
    let features = Conv2d(1, 64, kernelSize: 5, padding: 2)
    let mapping = Conv2d(64, 32, kernelSize: 3, padding: 1)
    let subPixels: Conv2d
    let scale: Int

    init(_ scale: Int) {
        self.scale = scale
        subPixels = Conv2d(32, scale * scale, kernelSize: 3, padding: 1)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        pixelShuffle(subPixels(tanh(mapping(tanh(features(x))))), by: scale)
    }
}

/// Liu et al. 2022.
private final class ConvNeXtBlock: Module {
    @ParameterInfo var scale: Tensor
    let depthwise: Conv2d
    let norm: LayerNorm
    let expand: Linear
    let project: Linear

    init(_ channels: Int, _ kernel: Int) {
        _scale = ParameterInfo(wrappedValue: .ones([channels]))
        depthwise = Conv2d(
            channels, channels, kernelSize: PerAxis(kernel), padding: ConvolutionPadding(kernel / 2),
            groups: channels)
        norm = LayerNorm(channels, eps: 1e-6)
        expand = Linear(channels, 4 * channels)
        project = Linear(4 * channels, channels)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let hidden = linear(norm(depthwise(x)), expand.weight, bias: expand.bias, activation: .gelu)
        return x + project(hidden) * scale
    }
}

/// A block of Dosovitskiy et al. 2021.
private final class TransformerBlock: Module {
    let heads: Int
    let norm1: LayerNorm
    let qkv: Linear
    let output: Linear
    let norm2: LayerNorm
    let expand: Linear
    let project: Linear

    init(_ width: Int, heads: Int) {
        self.heads = heads
        norm1 = LayerNorm(width, eps: 1e-6)
        qkv = Linear(width, 3 * width)
        output = Linear(width, width)
        norm2 = LayerNorm(width, eps: 1e-6)
        expand = Linear(width, 4 * width)
        project = Linear(4 * width, width)
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let (batch, tokens, width) = (x.shape[0], x.shape[1], x.shape[2])
        let parts = qkv(norm1(x)).split(parts: 3, axis: -1).map {
            $0.reshaped([batch, tokens, heads, width / heads]).transposed(0, 2, 1, 3)
        }
        let seen = scaledDotProductAttention(queries: parts[0], keys: parts[1], values: parts[2])
        let y = x + output(seen.transposed(0, 2, 1, 3).reshaped([batch, tokens, width]))
        return y + project(linear(norm2(y), expand.weight, bias: expand.bias, activation: .gelu))
    }
}
