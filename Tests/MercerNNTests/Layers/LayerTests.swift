import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct LayerTests {
    private func numbers(_ shape: [Int], _ seed: UInt64 = 1) -> Tensor {
        Random.normal(shape, key: RandomKey(seed))
    }

    @Test func linearMultipliesByTheTransposedWeight() {
        let layer = Linear(3, 2).initialize(RandomKey(1))
        let x = numbers([4, 5, 3])
        let y = matmul(x, layer.weight.transposed()) + layer.bias!
        #expect(allClose(layer(x), y, rtol: 1e-5, atol: 1e-6))
    }

    @Test func bilinearIsTheDefinition() {
        let layer = Bilinear(3, 4, 2)
        layer.initialize(RandomKey(1))
        let (a, b) = (numbers([5, 3], 2), numbers([5, 4], 3))
        let y = layer(a, b)
        for row in 0..<5 {
            for output in 0..<2 {
                let expected = (matmul(a[row], matmul(layer.weight[output], b[row])) + layer.bias![output])
                #expect(abs(y[row, output].item(Float.self) - expected.item(Float.self)) < 1e-5)
            }
        }
    }

    @Test func batchNormKeepsRunningStatistics() {
        let layer = BatchNorm(2)
        let x = Tensor([1, 10, 3, 20, 5, 60] as [Float], [3, 2])
        let y = layer(x)
        #expect(allClose(y.mean(axes: [0]), Tensor.zeros([2]), rtol: 0, atol: 1e-5))
        // Mean 3 and 30, unbiased variances 4 and 700; a tenth of the way from 0 and 1.
        #expect(allClose(layer.runningMean!, Tensor([0.3, 3] as [Float])))
        #expect(allClose(layer.runningVariance!, Tensor([1.3, 70.9] as [Float])))
        #expect(layer.batchCount!.item(Int64.self) == 1)
        layer.eval()
        let fixed = (x - layer.runningMean!) / sqrt(layer.runningVariance! + 1e-5)
        #expect(allClose(layer(x), fixed, rtol: 1e-5, atol: 1e-5))
        #expect(layer.batchCount!.item(Int64.self) == 1)
        #expect(
            Set(layer.state().keys) == [
                "weight", "bias", "running_mean", "running_var", "num_batches_tracked",
            ])
    }

    @Test func batchNormWithoutMomentumAveragesAllBatches() {
        let layer = BatchNorm(1, momentum: nil)
        for value in [2, 4, 9] as [Float] { _ = layer(Tensor.full([2, 3, 1], Double(value))) }
        #expect(abs(layer.runningMean!.item(Float.self) - 5) < 1e-5)
    }

    @Test func batchNormInsideAGradientLeavesConstantStatistics() {
        let layer = BatchNorm(3)
        _ = valueAndGrad(layer) { square($0(numbers([8, 3]))).sum() }
        #expect(!layer.runningMean!.isTracked && layer.batchCount!.item(Int64.self) == 1)
    }

    @Test func normsNormalise() {
        let x = numbers([2, 5, 5, 8]) * 3.0 + 2.0
        let group = GroupNorm(4, 8)(x).reshaped([2, 25, 4, 2])
        #expect(allClose(group.mean(axes: [1, 3]), Tensor.zeros([2, 4]), rtol: 0, atol: 1e-5))
        let instance = InstanceNorm(8)(x)
        #expect(allClose(square(instance).mean(axes: [1, 2]), Tensor.ones([2, 8]), rtol: 0, atol: 1e-4))
        #expect(InstanceNorm(8).parameters().isEmpty && GroupNorm(4, 8).numberOfParameters() == 16)
        let layer = LayerNorm([5, 8])(x)
        #expect(allClose(layer.mean(axes: [2, 3]), Tensor.zeros([2, 5]), rtol: 0, atol: 1e-5))
        let rms = RMSNorm(8)(x)
        #expect(allClose(square(rms).mean(axes: [3]), Tensor.ones([2, 5, 5]), rtol: 0, atol: 1e-4))
    }

    @Test func fusedAndSeparateAttentionAgree() throws {
        let fused = MultiHeadAttention(8, heads: 2)
        fused.initialize(RandomKey(1))
        let names = ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]
        #expect(fused.parameters().keys == names)
        let separate = MultiHeadAttention(8, heads: 2, projections: .separate())
        let all = fused.parameters()
        var tensors = ["out_proj.weight": all["out_proj.weight"]!, "out_proj.bias": all["out_proj.bias"]!]
        for (part, name) in ["q_proj", "k_proj", "v_proj"].enumerated() {
            tensors["\(name).weight"] = all["in_proj_weight"]![(8 * part)..<(8 * part + 8)]
            tensors["\(name).bias"] = all["in_proj_bias"]![(8 * part)..<(8 * part + 8)]
        }
        try separate.load(tensors)
        let (x, other) = (numbers([3, 5, 8]), numbers([3, 7, 8], 2))
        #expect(allClose(fused(x), separate(x), rtol: 1e-4, atol: 1e-5))
        let crossed = fused(x, keys: other, mask: nil)
        #expect(allClose(crossed, separate(x, keys: other, mask: nil), rtol: 1e-4, atol: 1e-5))
    }

    @Test func attentionWithDropoutIsPlainAttentionWhereNothingDrops() {
        let layer = MultiHeadAttention(8, heads: 2, dropout: 1e-9)
        layer.initialize(RandomKey(1))
        let x = numbers([2, 6, 8])
        let mask = numbers([2, 1, 6, 6], 3)
        for causal in [false, true] {
            layer.train()
            let dropped = layer(x, mask: mask, causal: causal)
            layer.eval()
            #expect(allClose(dropped, layer(x, mask: mask, causal: causal), rtol: 1e-4, atol: 1e-5))
        }
    }

    @Test func activationsAreTheirFunctions() {
        let x = numbers([100]) * 3.0
        let pairs: [(any UnaryLayer, (Tensor) -> Tensor)] = [
            (ReLU(), { relu($0) }), (GELU(), { gelu($0) }), (SiLU(), { silu($0) }), (Tanh(), { tanh($0) }),
            (GELU(approximation: .tanh), { geluApproximate($0) }), (Mish(), { mish($0) }),
            (LeakyReLU(0.2), { leakyRelu($0, negativeSlope: 0.2) }), (Sigmoid(), { sigmoid($0) }),
            (PReLU(), { leakyRelu($0, negativeSlope: 0.25) }), (HardSwish(), { hardSwish($0) }),
            (Softplus(beta: 2), { softplus($0, beta: 2) }), (ELU(0.5), { elu($0, alpha: 0.5) }),
        ]
        for (layer, function) in pairs {
            #expect(allClose(layer(x), function(x), rtol: 1e-5, atol: 1e-6), "\(type(of: layer))")
            #expect(layer.describe(inputShape: [100]).outputShape == [100])
        }
        #expect(GLU().describe(inputShape: [3, 8]).outputShape == GLU()(numbers([3, 8])).shape)
    }

    @Test func tracedShapesAreThoseOfARun() {
        let image = numbers([2, 9, 12, 4])
        let layers: [any UnaryLayer] = [
            Conv2d(
                4, 6, kernelSize: [3, 2], stride: [2, 1], padding: [0, 3], dilation: [2, 1], groups: 2),
            Conv2d(4, 2, kernelSize: 4, padding: .same), AvgPool2d(kernelSize: 3, stride: 2, padding: 1),
            ConvTransposed2d(4, 6, kernelSize: 3, stride: 3, padding: 1, outputPadding: 2, dilation: 2),
            AdaptiveAvgPool2d([3, 5]), GlobalMaxPool(), Flatten(), PixelUnshuffle(3), Upsample(.factor(1.5)),
            Upsample(.pixels(height: 5, width: 7), mode: .bilinear), BatchNorm(4), GroupNorm(2, 4),
            Identity(),
        ]
        for layer in layers {
            #expect(
                layer.describe(inputShape: image.shape).outputShape == layer(image).shape,
                "\(type(of: layer))")
        }
        let sequence = numbers([2, 10, 4])
        let others: [any UnaryLayer] = [
            Conv1d(4, 8, kernelSize: 3, stride: 2, padding: 1), MaxPool1d(kernelSize: 3, stride: 2),
            AvgPool1d(kernelSize: 2), ConvTransposed1d(4, 2, kernelSize: 4, stride: 2),
            MultiHeadAttention(4, heads: 2), LayerNorm(4),
        ]
        for layer in others {
            #expect(
                layer.describe(inputShape: sequence.shape).outputShape == layer(sequence).shape,
                "\(type(of: layer))")
        }
        let tokens = Tensor([1, 0, 2] as [Int64], [1, 3])
        #expect(Embedding(3, 5).describe(inputShape: [1, 3]).outputShape == Embedding(3, 5)(tokens).shape)
    }

    @Test func lossesAreTheirFunctions() {
        let (x, t) = (numbers([6, 3]), numbers([6, 3], 2))
        let labels = Tensor([0, 1, 2, 2, 1, 0] as [Int64])
        let cross: any Loss = CrossEntropyLoss(labelSmoothing: 0.1)
        #expect(
            cross(x, labels).item(Float.self) == crossEntropy(x, labels, labelSmoothing: 0.1).item(Float.self)
        )
        #expect(MSELoss()(x, t).item(Float.self) == mseLoss(x, t).item(Float.self))
        #expect(HuberLoss(delta: 0.5)(x, t).item(Float.self) == huberLoss(x, t, delta: 0.5).item(Float.self))
        #expect(
            L1Loss(reduction: .sum)(x, t).item(Float.self) == l1Loss(x, t, reduction: .sum).item(Float.self))
    }
}
