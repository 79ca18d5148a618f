import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct ExampleTests {
    /// The example of the library's front page, on a picture of smooth waves.
    @Test func theFrontPagesExampleLearns() throws {
        let places = Tensor.linspace(0, 6, count: 32)
        let waves = sin(
            places.reshaped([32, 1, 1]) * 2.0 + places.reshaped([1, 32, 1]) * Tensor([1, 2, 3] as [Float]))
        let picture = waves.expandedDimensions(axis: 0) * 0.5 + 0.5

        let net = Sequential(
            Conv2d(3, 32, kernelSize: 5, padding: 2), ReLU(), Conv2d(32, 12, kernelSize: 3, padding: 1),
            PixelShuffle(2))
        net.initialize(RandomKey(1))
        let small = interpolate(picture, scaleFactor: 0.5, mode: .bicubic, antialias: true)
        let optimizer = AdamW(learningRate: 1e-2)
        var losses: [Double] = []
        for _ in 1...60 {
            let (loss, gradients) = valueAndGrad(net) { mseLoss($0(small), picture) }
            optimizer.update(net, gradients)
            losses.append(loss.doubleValue)
        }
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).safetensors")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try net.save(to: path)
        #expect(losses[0] > 0.1 && losses.last! < 0.01)
        #expect(try Safetensors(contentsOf: path).names.count == 4)
    }
}
