import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct PansharpeningTests {
    private func scene(_ height: Int = 32, _ width: Int = 36) throws -> PansharpeningScene {
        let reference = Random.uniform(0..<1, [4 * height, 4 * width, 4], key: RandomKey(1)) * 2000.0
        return try .reduced(reference, sensor: .geoEye1, panWeights: MultispectralData.panWeights)
    }

    @Test func parameterCountsAreThePapers() {
        #expect(LambdaPNN(bands: 4).numberOfParameters() == 198_442)
        #expect(LambdaPNN(bands: 8).numberOfParameters() == 207_150)
        #expect(LambdaPNN(bands: 4).parameters().count == 26)
    }

    @Test func enlargementKeepsSamplesAtTheirPlaces() {
        let x = Random.uniform(0..<1, [1, 9, 11, 2], dtype: .float64, key: RandomKey(2))
        let y = Interpolation23.enlarged(x, ratio: 4)
        #expect(allClose(y[0..., .stride(from: 2, by: 4), .stride(from: 2, by: 4), 0...], x, rtol: 0, atol: 1e-9))
        #expect(abs(y.mean().doubleValue - x.mean().doubleValue) < 1e-5)
    }

    @Test func reprojectionEqualsFilteringEverythingAndTakingEveryFourthPixel() {
        let y = Random.uniform(0..<1, [1, 48, 44, 4], key: RandomKey(3))
        let kernels = SatelliteSensor.geoEye1.kernels(ratio: 4).asType(.float32).expandedDimensions(axis: 3)
        let large = padded(y, [(0, 0), (20, 20), (20, 20), (0, 0)], mode: .replicate)
        let whole = conv2d(large, kernels.contiguous(), groups: 4)
        let expected = whole[0..., .stride(from: 2, by: 4), .stride(from: 2, by: 4), 0...]
        #expect(allClose(Reprojection(.geoEye1, ratio: 4)(y), expected, rtol: 1e-4, atol: 1e-5))
    }

    @Test func localCorrelationEqualsItsDefinition() {
        let (h, w, half) = (9, 11, 2)
        let a = Random.uniform(0..<1, [1, h, w, 1], dtype: .float64, key: RandomKey(4))
        let b = Random.uniform(0..<1, [1, h, w, 1], dtype: .float64, key: RandomKey(5))
        func sums(_ x: Tensor) -> Tensor {
            // A window of 2w×2w as a convolution: one row and column less before than after.
            conv2d(
                x, Tensor.ones([1, 2 * half, 2 * half, 1], .float64),
                padding: .asymmetric(before: [half - 1, half - 1], after: [half, half]))
        }
        let n = Double(4 * half * half)
        let (x, y): (Tensor, Tensor) = (a - sums(a) / n, b - sums(b) / n)
        let expected: Tensor = sums(x * y) / sqrt(sums(x * x) * sums(y * y))
        #expect(allClose(LocalCorrelation.map(a, b, halfWidth: half), expected, rtol: 0, atol: 1e-10))
    }

    @Test func localCorrelationsGradientAgreesWithFiniteDifferences() {
        let a = Random.uniform(0..<1, [1, 7, 8, 2], dtype: .float64, key: RandomKey(6))
        let b = Random.uniform(0..<1, [1, 7, 8, 1], dtype: .float64, key: RandomKey(7))
        let probe = Random.normal([1, 7, 8, 2], dtype: .float64, key: RandomKey(8))
        func value(_ a: Tensor) -> Tensor { (LocalCorrelation.map(a, b, halfWidth: 2) * probe).sum() }
        let direction = Random.normal([1, 7, 8, 2], dtype: .float64, key: RandomKey(9))
        let slope = (grad(value)(a) * direction).sum().doubleValue
        let step = 1e-6
        let measured =
            (value(a + direction * step).doubleValue - value(a - direction * step).doubleValue) / (2 * step)
        #expect(abs(slope - measured) < 1e-5 * max(1, abs(measured)))
    }

    @Test func q2nIsOneForEqualPicturesAndItsRoundedGradientIsZero() {
        let x = Random.uniform(0..<1, [1, 32, 64, 3], dtype: .float64, key: RandomKey(10)) * 1000.0
        #expect(abs(HypercomplexQuality.q2n(reference: x, output: x).doubleValue - 1) < 1e-9)
        let y = x + Random.normal(x.shape, dtype: .float64, key: RandomKey(11)) * 100.0
        func gradient(_ rounding: HypercomplexQuality.Rounding) -> Tensor {
            grad { (y: Tensor) in HypercomplexQuality.q2n(reference: x, output: y, rounding: rounding) }(y)
        }
        #expect(abs(gradient(.official)).max().doubleValue == 0)
        #expect(abs(gradient(.straightThrough)).max().doubleValue > 0)
    }

    @Test func tilesGiveTheWholePicture() throws {
        let net = LambdaPNN(bands: 3, features: 8)
        net.initialize(RandomKey(12))
        let x = Random.uniform(0..<1, [1, 90, 76, 4], key: RandomKey(13))
        #expect(allClose(try net.tiled(x, tile: 32), net(x), rtol: 0, atol: 2e-5))
    }

    @Test func trainingAndAdaptationLowerTheLoss() throws {
        let scene = try scene()
        let net = LambdaPNN(bands: 4, features: 8)
        net.initialize(RandomKey(14))
        var losses: [Double] = []
        let training = LambdaTraining(steps: 30, crop: 64, seed: 1)
        let loader = training.loader([scene], sensor: .geoEye1)
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("mercer-lambda-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var states = TrainingOptions(epochs: 1)
        states.checkpoints = Checkpoints(folder)
        try training.trainer(net, [scene], sensor: .geoEye1, states).fit(loader) { losses.append($0.values[0]) }
        #expect(losses.count == 30 && losses.suffix(5).reduce(0, +) < losses.prefix(5).reduce(0, +))
        // A training that is over goes on from its last state: to the same weights, without a step.
        let again = LambdaPNN(bands: 4, features: 8)
        try training.trainer(again, [scene], sensor: .geoEye1, states).fit(loader) { _ in Issue.record("a step") }
        for (key, value) in net.parameters() { #expect(allClose(again.parameters()[key]!, value, rtol: 0, atol: 0)) }
        var options = Pansharpening.Options(.geoEye1)
        options.epochs = 4
        options.learningRate = 1e-3
        var adapted: [Double] = []
        Pansharpening.adapt(net, scene, sensor: .geoEye1, options: options) { adapted.append($0.loss) }
        #expect(adapted.last! < adapted[0])
    }

    @Test func aShiftOfTheBandsIsFound() throws {
        let fine = Resample.resize(Random.uniform(0..<1, [1, 40, 40, 1], key: RandomKey(15)), to: (120, 120))
        let moved = fine.rolled([1, -1], axes: [1, 2])
        let shifts = try CoRegistration.shifts(
            concatenated([moved, fine], axis: 3), fine, sensor: .geoEye1, ratio: 4)
        #expect(shifts[0] == (2, -2) && shifts[1] == (0, 0))
    }

    @Test func missingPixelsAreLeftOutAndConstantBandsAreErrors() throws {
        var numbers = (Random.uniform(0..<1, [32 * 32 * 3], key: RandomKey(16)) * 1000.0).toArray(Float.self)
        numbers[5] = .nan
        let pan = Random.uniform(0..<1, [64, 64], key: RandomKey(17)) * 1000.0
        let scene = try PansharpeningScene(ms: Tensor(numbers, [32, 32, 3]), pan: pan)
        #expect(scene.ratio == 2 && scene.known != nil)
        #expect(scene.known!.ms.sum().doubleValue == 32 * 32 - 1)
        #expect(isFinite(scene.input).all().doubleValue == 1)
        let flat = Tensor(
            numbers.enumerated().map { $0.offset % 3 == 1 ? 7 : ($0.element.isNaN ? 0 : $0.element) }, [32, 32, 3])
        #expect(throws: PansharpeningError.constantBand(2)) { try PansharpeningScene(ms: flat, pan: pan) }
    }

    @Test func geoTagsComeThroughAFileByteForByte() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "mercer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // A directory alone: scale (three doubles), keys (four shorts), no-data value (text).
        func words(_ values: [Int], _ size: Int) -> [UInt8] {
            values.flatMap { value in (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        }
        let scale: [UInt8] = [2.5, 2.5, 0].flatMap { value in words([Int(value.bitPattern)], 8) }
        var file: [UInt8] = [0x49, 0x49, 42, 0] + words([8], 4) + words([3], 2)
        file += words([33550, 12], 2) + words([3, 50], 4)
        file += words([34735, 3], 2) + words([4, 74], 4)
        file += words([42113, 2], 2) + words([2], 4) + [0x37, 0, 0, 0] + words([0], 4)
        file += scale + words([1, 1, 0, 0], 2)
        let tags = try GeoTags(file, path: "made")
        #expect(tags.missing == 7)
        let path = folder.appending(path: "a.tif").path
        let samples = Tensor([100, 200, 300, .nan, 500, 70_000] as [Float], [1, 2, 3])
        try Raster(samples: samples, tags: tags).write(to: path)
        let read = try Raster(contentsOf: path)
        #expect(read.tags == tags)
        #expect(read.samples.shape == [1, 2, 3])
        #expect(read.samples[0, 1, 2].doubleValue == 65_535 && read.samples[0, 1, 0].doubleValue.isNaN)
        for cut in 9..<file.count { _ = try? GeoTags(Array(file[..<cut]), path: "cut") }
    }
}
