import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct MullerTests {
    /// The layer as its equations stand: blur the whole picture, subtract, resize, tanh.
    private func plain(_ x: Tensor, _ size: (Int, Int), _ settings: MullerSettings, _ weights: MullerWeights)
        -> Tensor
    {
        let (h, w) = (x.shape[1], x.shape[2])
        func blur(_ x: Tensor) -> Tensor {
            Resample.apply(
                vertical: .gaussianBlur(
                    length: h, kernel: settings.kernel, sigma: settings.sigma, border: settings.border),
                horizontal: .gaussianBlur(
                    length: w, kernel: settings.kernel, sigma: settings.sigma, border: settings.border),
                to: x)
        }
        func resize(_ x: Tensor) -> Tensor {
            var x = x
            if settings.pool && h / size.0 > 1 && w / size.1 > 1 {
                x = Resample.apply(
                    vertical: .averagePool(length: h, window: h / size.0),
                    horizontal: .averagePool(length: w, window: w / size.1), to: x)
            }
            return Resample.resize(x, to: (size.0, size.1), settings.base)
        }
        var y = resize(x)
        var sharp = x
        for l in 0..<weights.layers {
            let blurred = blur(sharp)
            y = y + tanh(resize(blurred - sharp) * weights.scales[l] + weights.biases[l])
            sharp = blurred
        }
        return y
    }

    @Test(arguments: [BlurBorder.zero, .reflect, .replicate], [false, true])
    func collapsedEqualsThePlainForm(_ border: BlurBorder, _ pool: Bool) throws {
        for base in [
            ResampleRule.tensorflow(.bilinear), .tensorflow(.bicubic), .pillow(.lanczos3), .torch(.area),
        ] {
            for (size, channels) in [((9, 11), 3), ((31, 40), 1), ((20, 7), 4), ((12, 12), 6)] {
                let settings = try MullerSettings(base: base, pool: pool, border: border)
                let layer = Muller(size: (height: size.0, width: size.1), settings: settings)
                layer.weights = .resnet50
                let x = Random.uniform(0..<1, [2, 29, 37, channels], key: RandomKey(1))
                let difference = (layer(x) - plain(x, size, settings, .resnet50)).abs().max().doubleValue
                #expect(difference < 5e-6, "\(base), \(size), \(channels) channels: \(difference)")
            }
        }
    }

    @Test func zerosAreTheBaseResizer() {
        let layer = Muller(size: (10, 12))
        layer.initialize(RandomKey(0))
        let x = Random.uniform(0..<1, [1, 25, 31, 3], key: RandomKey(1))
        let y = Resample.resize(x, to: (10, 12), .tensorflow(.bilinear))
        #expect((layer(x) - y).abs().max().doubleValue < 1e-6)
    }

    @Test func parametersHaveTheOfficialNames() {
        let layer = Muller(size: (8, 8), layers: 3)
        #expect(
            layer.parameters().keys == ["weight_1", "bias_1", "weight_2", "bias_2", "weight_3", "bias_3"])
        #expect(layer.numberOfParameters() == 6)
    }

    @Test func zeroPaddingDrawsAFrameAndReflectionDoesNot() throws {
        let x = Tensor.full([1, 64, 64, 1], 0.5)
        let framed = Muller(size: (32, 32))
        framed.weights = .resnet50
        let y = framed(x)
        #expect(abs(y[0, 0, 0, 0].doubleValue - 0.95) < 0.01)
        #expect(abs(y[0, 0, 16, 0].doubleValue - 0.89) < 0.01)
        let even = Muller(size: (32, 32), border: .reflect)
        even.weights = .resnet50
        let z = even(x).toArray(Float.self)
        for value in z { #expect(abs(Double(value) - (0.5 + MullerWeights.resnet50.shift)) < 1e-5) }
    }

    @Test func theFastFormAndTheRecordedFormAgree() {
        let layer = Muller(size: (13, 9), layers: 3, kernel: 7, sigma: 1.5)
        layer.weights = try! MullerWeights([1.5, 0.1, -3, -0.2, 0.7, 0])
        let x = Random.uniform(0..<1, [2, 30, 20, 3], key: RandomKey(2))
        let (recorded, _) = valueAndGrad(layer) { layer in [layer(x).sum(), layer(x)] }
        #expect((recorded[1] - layer(x)).abs().max().doubleValue < 5e-6)
    }

    @Test func gradientsAgreeWithDifferences() {
        let layer = Muller(size: (6, 5))
        let x = Random.uniform(0..<1, [1, 14, 12, 2], dtype: .float64, key: RandomKey(3))
        let probe = Random.normal([1, 6, 5, 2], dtype: .float64, key: RandomKey(4))
        layer.mapParameters { $0.asType(.float64) }
        layer.update(parameters: [
            "weight_1": Tensor(1.9), "bias_1": Tensor(-0.1), "weight_2": Tensor(-5.0), "bias_2": Tensor(0.2),
        ])
        func loss() -> Double { (layer(x) * probe).sum().doubleValue }
        let (_, gradients) = valueAndGrad(layer) { layer in (layer(x) * probe).sum() }
        for key in gradients.keys {
            let value = layer.parameter(key)!.value
            let step = 1e-6
            layer.update(parameters: [key: value + step])
            let above = loss()
            layer.update(parameters: [key: value - step])
            let below = loss()
            layer.update(parameters: [key: value])
            #expect(abs(gradients[key]!.doubleValue - (above - below) / (2 * step)) < 1e-7)
        }
    }

    @Test func costIsCounted() throws {
        let cost = MullerCost(try MullerSettings(), from: (512, 512), to: (224, 224), channels: 3)
        #expect(cost.blur == 15_728_640)
        #expect(abs(Double(cost.resize) / 1e6 - 2.7) < 0.05)
        #expect(abs(Double(cost.pointwise) / 1e6 - 0.9) < 0.05)
        #expect(cost.collapsed < cost.plain)
    }

    @Test func largeReductionsAreBroughtBelowThree() {
        for (n, m) in [(3000.0, 1000), (3001, 1000), (4000, 1000), (5630, 1000), (100_00, 7)] {
            let rest = n / Double(m) / Double(MullerSettings.reduction(from: n, to: m))
            #expect(rest <= 3 && (n / Double(m) <= 3 || rest >= 1.5))
        }
    }

    @Test func impossibleSettingsAreRefused() {
        #expect(throws: MullerError.kernel(4)) { try MullerSettings(kernel: 4) }
        #expect(throws: MullerError.kernel(1)) { try MullerSettings(kernel: 1) }
        #expect(throws: MullerError.sigma(0)) { try MullerSettings(sigma: 0) }
        #expect(throws: MullerError.layers(0)) { try MullerSettings(layers: 0) }
        #expect(throws: MullerError.oddList(count: 3)) { try MullerWeights([1, 2, 3]) }
        #expect(throws: MullerError.notANumber("nan")) { try MullerWeights([1, .nan]) }
    }
}
