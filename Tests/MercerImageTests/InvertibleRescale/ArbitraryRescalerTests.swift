import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct ArbitraryRescalerTests {
    private func network(_ configuration: ArbitraryRescaler.Configuration) -> ArbitraryRescaler {
        let network = ArbitraryRescaler(configuration)
        network.initialize(RandomKey(7))
        let key = RandomKey(8)
        for (index, pair) in network.parameters().enumerated() {
            let (name, value) = pair
            let fan = Double(value.shape.dropFirst().reduce(1, *))
            let scale = name.hasSuffix("bias") || name.contains("conv5") ? 0.01 : 1 / fan.squareRoot()
            network.update(parameters: [name: Random.normal(value.shape, scale: scale, key: key.fold(in: index))])
        }
        return network
    }

    private func picture(_ shape: [Int]) -> Tensor { Random.uniform(0..<1, shape, key: RandomKey(1)) }

    private func difference(_ a: Tensor, _ b: Tensor) -> Double {
        let d: Tensor = a - b
        return d.abs().max().doubleValue
    }

    @Test(arguments: [0, 1, 2], ScaleEncoding.allCases)
    func theNetIsInvertibleForAnyEncoding(_ levels: Int, _ encoding: ScaleEncoding) {
        let net = network(.init(blocks: 3, growth: 4, haarLevels: levels, encoding: encoding))
        let x = picture([2, 24, 20, 3])
        for size in [(10, 13), (24, 20), (7, 5)] {
            let sizes = ArbitraryRescaler.Sizes((24, 20), to: size)
            let halves = net.split(x, sizes)
            #expect(difference(halves.first + halves.second, x) < 1e-6)
            let context = net.context(sizes)
            let back = net.restore(net.transform(halves, context), context)
            #expect(difference(back.first + back.second, x) < 3e-5)
        }
    }

    @Test func withoutSplittingTheNetIsGivenThePictureAndNothing() {
        let net = network(.init(blocks: 1, growth: 4, splits: false))
        let x = picture([1, 8, 8, 3])
        let halves = net.split(x, .init((8, 8), to: (5, 3)))
        #expect(difference(halves.first, x) == 0 && halves.second.abs().max().doubleValue == 0)
    }

    @Test func encodingsSayOffsetsAndExactRatios() {
        let e = ScaleEncoding.full((4, 6), to: (2, 4))
        #expect(e.shape == [4, 6, 4])
        // c = (i + ½)/2: 0.25, 0.75, 1.25, 1.75.
        #expect((0..<4).map { e[$0, 0, 0].doubleValue } == [-0.25, 0.25, -0.25, 0.25])
        #expect(e[0, 0, 2].doubleValue == 0.5 && abs(e[0, 0, 3].doubleValue - 2.0 / 3) < 1e-7)
        #expect(ScaleEncoding.ratios((4, 6), to: (2, 4))[1, 1, 0].doubleValue == 0)
        #expect(ScaleEncoding.none((4, 6), to: (2, 4)).abs().max().doubleValue == 0)
        let halved = ScaleEncoding.averaged(e, levels: 1)
        #expect(halved.shape == [1, 2, 3, 4] && halved[0, 0, 0, 0].doubleValue == 0)
    }

    @Test func reversibleGradientsEqualThoseOfStoredActivations() {
        let net = network(.init(blocks: 3, growth: 4))
        let x = picture([1, 16, 12, 3])
        let sizes = ArbitraryRescaler.Sizes((16, 12), to: (9, 5))
        func gradients(_ memory: ActivationMemory) -> [Tensor] {
            net.activationMemory = memory
            return valueAndGrad(net) { ArbitraryLosses($0, x, sizes).total(guideWeight: 4) }.1.values
        }
        for (a, b) in zip(gradients(.reversible), gradients(.stored)) {
            #expect(difference(a, b) < 2e-4 * max(1, b.abs().max().doubleValue))
        }
    }

    @Test func ofTheSameSizeANewNetIsTheIdentityUpToLevels() {
        let net = ArbitraryRescaler(.init(blocks: 2, growth: 4))
        net.initialize(RandomKey(1))
        let x = picture([1, 12, 10, 3])
        let restored = net.upscale(net.downscale(x, to: (12, 10)), to: (12, 10))
        #expect(difference(restored, x) <= 0.5 / 255 + 1e-5)
    }

    @Test func weightsSayHowTheNetIsMade() throws {
        for levels in 0...2 {
            let net = network(.init(blocks: 2, growth: 3, haarLevels: levels))
            let read = try ArbitraryRescaler(weights: net.tensors(), from: "test")
            #expect(read.configuration == net.configuration)
        }
        #expect(throws: RescaleError.self) {
            try ArbitraryRescaler(
                weights: InvertibleRescaler(scale: 2, blocks: [1], growth: 4).tensors(), from: "test")
        }
    }
}
