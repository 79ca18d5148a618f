import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct InvertibleRescalerTests {
    private func picture(_ shape: [Int], _ seed: UInt64 = 1) -> Tensor {
        Random.uniform(0..<1, shape, key: RandomKey(seed))
    }

    /// Weights such that every block does something: normal with σ = 1/√fan-in, of the last convolutions 0.01.
    private func randomised(_ network: some Module, _ seed: UInt64 = 7) {
        network.initialize(RandomKey(seed))
        let key = RandomKey(seed).fold(in: "random")
        for (index, pair) in network.parameters().enumerated() where pair.0.contains(".conv") && pair.1.rank != 2 {
            let (name, value) = pair
            let fan = Double(value.shape.dropFirst().reduce(1, *))
            let scale = name.hasSuffix("bias") || name.contains("conv5") ? 0.01 : 1 / fan.squareRoot()
            network.update(parameters: [name: Random.normal(value.shape, scale: scale, key: key.fold(in: index))])
        }
    }

    private func difference(_ a: Tensor, _ b: Tensor) -> Double {
        let d: Tensor = a - b
        return d.abs().max().doubleValue
    }

    @Test func haarOfACellIsMeanAndDifferences() {
        let x = Tensor([1, 2, 3, 5] as [Float], [1, 2, 2, 1])
        #expect(Haar.forward(x).toArray(Float.self) == [2.75, -0.75, -1.25, 0.25])
        let colours = picture([2, 6, 4, 3])
        #expect(difference(Haar.inverse(Haar.forward(colours)), colours) < 1e-6)
        // All means come first.
        #expect(
            difference(Haar.forward(colours)[0, 0, 0, 0..<3], colours[0, 0..<2, 0..<2, 0...].mean(axes: [0, 1])) < 1e-6)
    }

    @Test func publishedSizesHaveThePublishedNumbersOfParameters() {
        #expect(InvertibleRescaler(.x2).numberOfParameters() == 1_667_952)
        #expect(InvertibleRescaler(.x4).numberOfParameters() == 4_355_136)
        #expect(InvertibleRescaler(.x8).numberOfParameters() == 11_119_248)
        #expect(InvertibleRescaler(scale: 2, blocks: [3], growth: 8).numberOfParameters() == 64_746)
    }

    @Test(arguments: [2, 3, 4, 8])
    func everyScaleIsInvertible(_ scale: Int) {
        let levels = scale == 3 ? 1 : scale.trailingZeroBitCount
        for latent in [0, 3] {
            let network = InvertibleRescaler(
                scale: scale, blocks: [Int](repeating: 2, count: levels), growth: 4, downLatent: latent)
            randomised(network)
            let x = picture([2, 2 * scale, 3 * scale, 3])
            let z = Random.normal([2, 2, 3, latent], key: RandomKey(3))
            let halves = network.forward(x, latent: latent > 0 ? z : nil)
            #expect(halves.first.shape == [2, 2, 3, 3])
            #expect(halves.second.shape == network.lostShape(for: halves.first.shape))
            let back = network.inverse(halves)
            #expect(difference(back.x, x) < 2e-5)
            if latent > 0 { #expect(difference(back.latent!, z) < 2e-5) }
        }
    }

    @Test func aNewNetworkIsPlainHaarAndItsSmallPictureTheMean() {
        let network = InvertibleRescaler(scale: 4, blocks: [2, 2], growth: 4)
        network.initialize(RandomKey(1))
        let x = picture([1, 8, 8, 3])
        let means = x.reshaped(1, 2, 4, 2, 4, 3).mean(axes: [2, 4])
        #expect(difference(network.forward(x).first, means) < 1e-6)
    }

    @Test func scaleThreeStartsFromMeansAndUsesTheOfficialName() {
        let network = InvertibleRescaler(scale: 3, blocks: [1], growth: 4)
        network.initialize(RandomKey(1))
        #expect(network.parameters().keys.contains("operations.0.conv_weights"))
        let x = picture([1, 6, 9, 3])
        let means = x.reshaped(1, 2, 3, 3, 3, 3).mean(axes: [2, 4])
        #expect(difference(network.forward(x).first, means) < 1e-6)
    }

    @Test(arguments: [2, 3])
    func reversibleGradientsEqualThoseOfStoredActivations(_ scale: Int) {
        let network = InvertibleRescaler(scale: scale, blocks: [4], growth: 4, downLatent: 2)
        randomised(network)
        let x = picture([2, 4 * scale, 4 * scale, 3])
        let z = Random.normal([2, 4, 4, 2], key: RandomKey(3))
        func gradients(_ memory: ActivationMemory) -> [Tensor] {
            network.activationMemory = memory
            return valueAndGrad(network) { network in
                RescaleLosses(network, x, reference: x[0..., .stride(by: scale), .stride(by: scale), 0...], zDown: z)
                    .total(guideWeight: 4)
            }.1.values
        }
        for (a, b) in zip(gradients(.reversible), gradients(.stored)) {
            #expect(difference(a, b) < 2e-4 * max(1, b.abs().max().doubleValue))
        }
    }

    @Test func gradientsOfTheBlocksAreThoseOfTheCompositionOfConvolutions() {
        // The same block from conv2d and concatenations, which have gradients of their own.
        let block = InvertibleBlock(split: (3, 5), growth: 4)
        randomised(block)
        let x = picture([1, 6, 5, 8])
        func plain(_ net: DenseSubnet, _ x: Tensor) -> Tensor {
            var all = x
            for conv in [net.conv1, net.conv2, net.conv3, net.conv4] {
                all = concatenated([all, leakyRelu(conv(all), negativeSlope: 0.2)], axis: 3)
            }
            return net.conv5(all)
        }
        let probe = Random.normal(x.shape, key: RandomKey(9))
        let fused = valueAndGrad(block) { block in
            (ReversibleBlocks.forward([block], Halves(splitting: x, at: 3)).joined * probe).sum()
        }
        let composed = valueAndGrad(block) { block in
            let halves = Halves(splitting: x, at: 3)
            let y1: Tensor = halves.first + plain(block.f, halves.second)
            let s: Tensor = sigmoid(plain(block.h, y1)) * 2.0 - 1.0
            let y2: Tensor = halves.second * exp(s) + plain(block.g, y1)
            return (Halves(y1, y2).joined * probe).sum()
        }
        #expect(abs(fused.0.doubleValue - composed.0.doubleValue) < 1e-3)
        for (a, b) in zip(fused.1.values, composed.1.values) {
            #expect(difference(a, b) < 1e-4 * max(1, b.abs().max().doubleValue))
        }
    }

    @Test func trainingMemoryDoesNotGrowWithTheNumberOfBlocks() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            func peak(_ blocks: Int, _ memory: ActivationMemory) -> Double {
                let network = InvertibleRescaler(scale: 2, blocks: [blocks], growth: 8)
                network.initialize(RandomKey(7))
                network.activationMemory = memory
                let x = Random.uniform(0..<1, [1, 192, 192, 3], key: RandomKey(1))
                let before = Memory.active
                Memory.resetPeak()
                _ = valueAndGrad(network) { network in
                    RescaleLosses(network, x, reference: x[0..., .stride(by: 2), .stride(by: 2), 0...]).total(
                        guideWeight: 4)
                }
                return Double(Memory.peak - before)
            }
            // Parameters and their gradients grow with any network.
            #expect(peak(16, .reversible) < 1.3 * peak(4, .reversible))
            #expect(peak(16, .stored) > 3 * peak(4, .stored))
        }
    }

    @Test func quantisationHas256LevelsAndPassesGradientsEverywhere() {
        let x = Tensor([-0.2, 0.1, 0.5, 1.3] as [Float])
        let y = Quantisation.straightThrough(x).toArray(Float.self)
        #expect(y == [0, 26 / 255, 128 / 255, 1])
        let g = grad { (x: Tensor) in (Quantisation.straightThrough(x) * Tensor([1, 2, 3, 4] as [Float])).sum() }(x)
        #expect(g.toArray(Float.self) == [1, 2, 3, 4])
    }

    @Test func theLogJacobianIsThatOfTheJacobian() throws {
        let network = InvertibleRescaler(scale: 2, blocks: [1], growth: 2)
        randomised(network)
        let x = picture([1, 2, 2, 3])
        let n = x.count
        // The Jacobian by central differences.
        var rows: [Double] = []
        for i in 0..<n {
            func moved(_ by: Float) -> Tensor {
                var values = x.toArray(Float.self)
                values[i] += by
                return network.forward(Tensor(values, x.shape)).joined.asType(.float64)
            }
            let d: Tensor = (moved(0.01) - moved(-0.01)) / 0.02
            rows += d.toArray(Double.self)
        }
        let determinant = LinearAlgebra.signAndLogDeterminant(Tensor(rows, [n, n])).logAbsolute.doubleValue
        let jacobian = network.logJacobian(x)
        #expect(abs(jacobian.blocks + jacobian.transforms - determinant) < 1e-2)
    }

    @Test func weightsAreReadUnderOfficialNames() throws {
        let network = InvertibleRescaler(scale: 4, blocks: [2, 1], growth: 4, downLatent: 3)
        randomised(network)
        var weights: [String: Tensor] = [:]
        for (key, value) in network.tensors() { weights["module." + key] = value }
        weights["module.operations.0.haar_weights"] = .ones([12, 1, 2, 2])
        let read = try InvertibleRescaler(weights: weights, from: "test")
        #expect(read.configuration == network.configuration)
        let x = picture([1, 8, 8, 3])
        #expect(difference(read.forward(x).joined, network.forward(x).joined) == 0)
        #expect(throws: RescaleError.self) { try InvertibleRescaler(weights: ["a": x], from: "test") }
    }

    @Test func latentsOfBothSidesAreDrawnAndCounted() {
        let sampler = DualLatent(InvertibleRescaler(scale: 2, blocks: [2], growth: 4), channels: 3)
        randomised(sampler.network)
        let x = picture([1, 8, 8, 3])
        let small = sampler.variants(x, count: 3, key: RandomKey(1))
        #expect(small.map(\.shape) == [[1, 4, 4, 3], [1, 4, 4, 3], [1, 4, 4, 3]])
        #expect(difference(small[0], sampler.downscale(x)) == 0)
        #expect(difference(small[1], small[2]) > 0)
        #expect(difference(sampler.upscale(small[0], temperature: 1, key: RandomKey(2)), sampler.upscale(small[0])) > 0)
    }

    @Test(arguments: [0, 3])
    func hidingIsInvertible(_ latent: Int) {
        let hiding = ImageHiding(blocks: 2, growth: 4).carrying(latentChannels: latent)
        randomised(hiding)
        let x = picture([1, 8, 6, 6])
        let halves = hiding.forward(x)
        #expect(halves.second.shape == hiding.lostShape(for: halves.first.shape))
        #expect(difference(hiding.inverse(halves).x, x) < 2e-5)
        let losses = hiding.losses(x)
        #expect(losses.concealment.doubleValue > 0 && losses.recovery.doubleValue > 0)
    }

    @Test(arguments: [0, 3]) func trainingHidesPictures(_ latent: Int) throws {
        let pictures = (1...3).map { seed -> Tensor in
            let coarse = Random.uniform(0..<255, [8, 8, 3], key: RandomKey(UInt64(seed)))
            let smooth = Resample.resize(coarse, to: (64, 64), .bicubic)
            return clip(smooth, min: 0, max: 255).asType(.uint8)
        }
        let network = ImageHiding(blocks: 2, growth: 4, latentChannels: latent)
        network.initialize(RandomKey(1))
        var recipe = RescaleRecipe.small
        (recipe.steps, recipe.patch, recipe.batch) = (40, 16, 4)
        recipe.randomLatents = latent > 0
        var losses: [Double] = []
        try recipe.train(network, on: pictures, seed: 1) { losses.append($0.values[0]) }
        #expect(losses.count == 40)
        let (before, after): (Double, Double) = (losses[..<5].reduce(0, +), losses[35...].reduce(0, +))
        #expect(after < 0.9 * before)
    }

    @Test func drawnThumbnailsAreComparedWithThePlainOne() {
        let network = InvertibleRescaler(scale: 2, blocks: [1], growth: 4, downLatent: 3)
        randomised(network)
        let pictures = [Random.uniform(0..<255, [16, 24, 3], key: RandomKey(3)).asType(.uint8)]
        func quality(_ spread: Double) -> VariantQuality {
            VariantQuality(network, pictures, spread: spread, draws: 2, border: 2, key: RandomKey(1))
        }
        let plain = RescaleQuality(
            pictures[0], border: 2, down: { network.downscale($0).lr }, up: { network.upscale($0) })
        let none = quality(0)
        #expect(none.levels == 0 && none.psnrs == [plain.psnr, plain.psnr])
        let (some, more) = (quality(1), quality(4))
        #expect(some.levels > 0 && more.levels > some.levels)
        #expect(more.psnrs.max()! < plain.psnr)
        let telling = VariantQuality.telling(network, pictures, levels: 1e-6, border: 2)
        #expect(telling.spread == 1 && telling.levels > 0)
    }

    @Test func trainingMakesPicturesComeBackBetter() throws {
        let smooth = Resample.resize(
            Random.uniform(0..<255, [12, 12, 3], key: RandomKey(4)), to: (64, 64), .bicubic)
        let pictures = [clip(smooth, min: 0, max: 255).asType(.uint8)]
        let network = InvertibleRescaler(scale: 2, blocks: [1], growth: 4)
        network.initialize(RandomKey(1))
        var recipe = RescaleRecipe.small
        recipe.steps = 30
        recipe.patch = 16
        var losses: [Double] = []
        try recipe.train(network, on: pictures, seed: 1) { losses.append($0.values[0]) }
        #expect(losses.count == 30)
        #expect(losses[25...].reduce(0, +) < 0.8 * losses[..<5].reduce(0, +))
    }
}
