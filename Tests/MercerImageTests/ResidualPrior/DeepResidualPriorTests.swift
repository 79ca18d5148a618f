import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct DeepResidualPriorTests {
    private func problem(_ height: Int = 37, _ width: Int = 42) -> (sharp: Tensor, blurred: Tensor, kernel: BlurKernel)
    {
        // Squares and bars, so that there is something to sharpen.
        let sharp = Tensor([1, height, width, 1], of: Float.self) { out in
            for i in 0..<out.count {
                let (y, x) = (i / width, i % width)
                out[i] = (y / 9 + x / 7) % 2 == 0 ? 0.8 : 0.2
            }
        }
        let kernel = BlurKernel.disk(radius: 1.5)
        return (sharp, CircularBlur(kernel, height: height, width: width)(sharp), kernel)
    }

    private func quick(_ iterations: Int) -> ResidualPriorConfiguration {
        var configuration = ResidualPriorConfiguration(.small, iterations: iterations, seed: 1)
        configuration.image = .init(down: [8, 8], skip: [4, 4], output: .leakyReLU)
        configuration.residual = .init(down: [4, 4], skip: [2, 2], output: .softshrink(0.005))
        return configuration
    }

    @Test func parameterCountsAreThePapers() {
        #expect(SkipHourglass(.imagePaper).numberOfParameters() == 2_257_313)
        #expect(SkipHourglass(.residualPaper).numberOfParameters() == 269_033)
    }

    @Test(arguments: [SkipHourglass.Configuration.residualCheckpoint128, .residualCheckpoint64])
    func publishedCheckpointsHave26Convolutions(_ configuration: SkipHourglass.Configuration) {
        let net = SkipHourglass(configuration)
        #expect(net.parameters().filter { key, value in value.rank == 4 }.count == 26)
        let found = SkipHourglass.Configuration(parameters: net.tensors(), output: configuration.output)
        #expect(found == configuration)
    }

    @Test(arguments: [(32, 32), (33, 47), (50, 35)])
    func anySizeGoesInAndComesOut(_ height: Int, _ width: Int) {
        let net = SkipHourglass(.imageSmall)
        net.initialize(RandomKey(1))
        let y = net(Random.uniform(0..<0.1, [1, height, width, 1], key: RandomKey(2)))
        #expect(y.shape == [1, height, width, 1])
        #expect(isFinite(y).all().doubleValue == 1)
        #expect(net.describe(inputShape: [1, height, width, 1]).parameters == net.numberOfParameters())
    }

    @Test func theLossFallsAndThePictureComesCloser() throws {
        let (sharp, blurred, kernel) = problem()
        let prior = try DeepResidualPrior(blurred: blurred, kernel: kernel, configuration: quick(150))
        let result = try prior.run()
        #expect(result.losses.count == 150)
        #expect(result.losses[149] < 0.3 * result.losses[0])
        let error = { (x: Tensor) in square(x - sharp).mean().doubleValue }
        #expect(error(result.average) < error(Tensor.full(sharp.shape, 0.5)))
        #expect((result.residual! .== 0.0).asType(.float32).mean().doubleValue > 0.01)
    }

    @Test func aRunThatWasStoppedEndsWithTheSameBits() throws {
        let (_, blurred, kernel) = problem()
        let folder = FileManager.default.temporaryDirectory.appending(path: "mercer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "state").path
        let whole = try DeepResidualPrior(blurred: blurred, kernel: kernel, configuration: quick(6)).run()
        let first = try DeepResidualPrior(blurred: blurred, kernel: kernel, configuration: quick(3))
        _ = try first.run()
        try first.save(to: path, job: "a")
        let second = try DeepResidualPrior(blurred: blurred, kernel: kernel, configuration: quick(6))
        try second.restore(from: path, job: "a")
        let rest = try second.run()
        #expect(rest.losses == whole.losses)
        #expect(rest.average.toArray(Float.self) == whole.average.toArray(Float.self))
        #expect(throws: DeblurError.self) { try second.restore(from: path, job: "b") }
    }

    @Test func theOfficialObjectiveLeavesOnlyTheResidualInItsDataTerm() {
        let objective = ResidualPriorObjective(.official, lambda1: 0, lambda2: 0, tv: 0)
        let y = Random.normal([1, 12, 14, 1], dtype: .float64, key: RandomKey(1))
        let kx = Random.normal([1, 12, 14, 1], dtype: .float64, key: RandomKey(2))
        let r = Random.normal([1, 12, 14, 1], dtype: .float64, key: RandomKey(3))
        let s = objective.artefacts(blurred: y, reblurred: kx, residual: r)
        let loss = objective.value(blurred: y, picture: kx, reblurred: kx, residual: r, artefacts: s)
        #expect(abs(loss.doubleValue - square(r * (1 - 1 / 0.1)).mean().doubleValue) < 1e-9)
    }

    @Test func colourIsSplitIntoLumaAndDifferencesAndPutTogetherAgain() throws {
        let x = Random.uniform(0..<1, [1, 40, 40, 3], key: RandomKey(5))
        var job = PictureDeblurring(.wiener, .gaussian(sigma: 0.5))
        job.noise = 1e-4
        let y = try job.run(x, reference: x)
        #expect(y.picture.shape == x.shape)
        #expect(PictureDeblurring.psnr(y.picture, x) > 10)
    }

    @Test func coloursKeepTheirTintAndGetNoNoise() throws {
        // Grey squares with a tint: what varies in the colour differences is noise, 0.014 before.
        let (_, blurred, kernel) = problem(40, 48)
        let noise = Random.normal([1, 40, 48, 3], scale: 0.01, key: RandomKey(8))
        let x: Tensor = blurred + Tensor([0.1, 0, -0.1] as [Float], [1, 1, 1, 3]) + noise
        let y = try PictureDeblurring(.wiener, kernel).run(x).picture
        let difference: Tensor = y[0..., 0..., 0..., 0..<1] - y[0..., 0..., 0..., 2..<3]
        #expect(Swift.abs(difference.mean().doubleValue - 0.2) < 0.002)
        let rest: Tensor = difference - difference.mean()
        #expect(square(rest).mean().doubleValue.squareRoot() < 0.018)
    }

    @Test func wrongPicturesAreErrors() throws {
        let kernel = BlurKernel.disk(radius: 2)
        func run(_ x: Tensor, _ kernel: BlurKernel, reference: Tensor? = nil) throws {
            _ = try PictureDeblurring(.wiener, kernel).run(x, reference: reference)
        }
        #expect(throws: DeblurError.pictureTooSmall(width: 31, height: 40, least: 32)) {
            try run(.zeros([1, 40, 31, 1]), kernel)
        }
        #expect(throws: DeblurError.kernelTooLarge(kernel: [81, 81], picture: [40, 40])) {
            try run(.zeros([1, 40, 40, 1]), .disk(radius: 40))
        }
        #expect(throws: DeblurError.pictureNotFinite) { try run(.full([1, 40, 40, 1], .nan), kernel) }
        #expect(throws: DeblurError.referenceSize(found: [41, 40], expected: [40, 40])) {
            try run(.zeros([1, 40, 40, 1]), kernel, reference: .zeros([1, 40, 41, 1]))
        }
    }
}
