import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerNN
import Testing

@Suite struct ESPCNTests {
    private static func net(
        _ scale: Int, _ channels: Int = 1, _ activation: SubPixelActivation = .tanh, maps: (Int, Int) = (8, 4),
        order: SubPixelOrder = .torch
    ) -> ESPCN {
        let net = ESPCN(scale: scale, channels: channels, activation: activation, maps: maps, order: order)
        net.initialize(RandomKey(7))
        // Biases that aren't zero show what a border does.
        net.mapParameters(where: { $0.hasSuffix("bias") }) { bias in
            Random.normal(bias.shape, scale: 0.1, key: RandomKey(3))
        }
        return net
    }

    private static func picture(_ h: Int, _ w: Int, _ c: Int) -> Tensor {
        Random.uniform(0..<1, [h, w, c], key: RandomKey(5))
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().doubleValue }

    @Test func countsAreThePapers() {
        #expect([2, 3, 4].map { ESPCN(scale: $0).numberOfParameters() } == [21_284, 22_729, 24_752])
        #expect([1, 5].map { SRCNN(middle: $0).multiplyAddsPerPixel } == [8032, 57_184])
        #expect(Int(ESPCN(scale: 3).multiplyAddsPerPixel.rounded()) == 2514)
    }

    /// Heights on both sides of the chunks' size, widths on both sides of the panel's.
    @Test(arguments: [(1, 1), (2, 5), (17, 13), (48, 30), (49, 14), (101, 64)], [1, 3])
    func lineByLineEqualsTheWholeNetwork(_ size: (Int, Int), _ channels: Int) {
        for (scale, activation, order) in [
            (3, SubPixelActivation.tanh, SubPixelOrder.torch), (2, .relu, .depthToSpace),
        ] {
            let net = Self.net(scale, channels, activation, maps: (19, 33), order: order)
            let x = Self.picture(size.0, size.1, channels)
            #expect(Self.difference(net.fast(x), net(x.expandedDimensions(axis: 0))[0]) <= 2e-5)
        }
    }

    @Test func lineByLineIsTheSameOnAnyNumberOfThreads() {
        let net = Self.net(3)
        let x = Self.picture(150, 40, 1)
        let one = Parallel.withThreads(1) { net.fast(x) }
        let four = Parallel.withThreads(4) { net.fast(x) }
        #expect(Self.difference(one, four) == 0)
    }

    @Test func memoryBesideThePictureStaysBelow64FeatureMaps() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let net = ESPCN(scale: 3)
            net.initialize(RandomKey(1))
            let enlarger = net.fast
            let x = Random.uniform(0..<1, [360, 640, 1], key: RandomKey(5))
            let before = Memory.active
            Memory.resetPeak()
            let y = enlarger(x)
            #expect(Memory.peak - before - y.byteCount < 64 * x.byteCount)
        }
    }

    @Test func bytesAreTheNumbersRoundedOnce() {
        let net = Self.net(2)
        let (h, w) = (20, 30)
        let bytes = Random.randInt(0..<256, [h, w, 1], key: RandomKey(2)).asType(.uint8)
        let numbers = net.fast(bytes.asType(.float32) / 255.0)
        var made = [UInt8](repeating: 0, count: 4 * h * w)
        let source = bytes.toArray(UInt8.self)
        net.fast.enlarge(source, height: h, width: w, to: &made)
        for (byte, number) in zip(made, numbers.toArray(Float.self)) {
            #expect(abs(Double(byte) - min(max(Double(number) * 255, 0), 255)) <= 0.5001)
        }
    }

    /// Layer 3 and the shuffle are a convolution of stride 1/r whose kernel of (3r)×(3r) has the r² filters as phases.
    @Test(arguments: [2, 3, 4])
    func subPixelLayerIsATransposedConvolution(_ r: Int) {
        let (h, w, maps) = (9, 7, 5)
        let x = Self.picture(h, w, maps).expandedDimensions(axis: 0)
        let weight = Random.normal([r * r, 3, 3, maps], key: RandomKey(1))
        let shuffled = SubPixel.shuffle(conv2d(x, weight, padding: 1), by: r)
        let transposed = SubPixelEquivalence.transposed(x, weight, scale: r)
        #expect(shuffled.shape == transposed.shape)
        #expect(Self.difference(shuffled, transposed) <= 1e-5)
    }

    @Test func bothOrdersDifferForColoursAndInvert() {
        let x = Self.picture(3, 4, 12).expandedDimensions(axis: 0)
        let torch = SubPixel.shuffle(x, by: 2)
        let paper = SubPixel.shuffle(x, by: 2, order: .depthToSpace)
        #expect(Self.difference(torch, paper) > 0.1)
        for (y, order) in [(torch, SubPixelOrder.torch), (paper, .depthToSpace)] {
            #expect(Self.difference(SubPixel.unshuffle(y, by: 2, order: order), x) == 0)
        }
        // Eq. 4: channel (dy·r + dx)·C + c.
        #expect(paper[0, 5, 6, 1].doubleValue == x[0, 2, 3, (1 * 2 + 0) * 3 + 1].doubleValue)
    }

    @Test(arguments: [SubPixelOrder.torch, .depthToSpace])
    func equalPhasesShowNoCheckerboardAtTheStart(_ order: SubPixelOrder) {
        let net = ESPCN(scale: 2, channels: 3, maps: (8, 4), order: order)
        net.initialize(RandomKey(1))
        net.equalisePhases()
        let y = net(Self.picture(6, 6, 3).expandedDimensions(axis: 0))[0]
        let corner = Resample.resize(y[0..., 0..., 0...], to: (6, 6), .nearest)
        #expect(Self.difference(Resample.resize(corner, to: (12, 12), .nearest), y) <= 1e-6)
    }

    @Test func filesKeepSizesActivationAndOrder() throws {
        let folder = try ScratchFolder()
        let path = folder.url.appendingPathComponent("w.safetensors").path
        let net = Self.net(4, 3, .relu, maps: (6, 5), order: .depthToSpace)
        try net.write(to: path, metadata: ["seed": "1"])
        let again = try ESPCN.load(path, scale: 4)
        #expect(again.activation == .relu && again.order == .depthToSpace && again.channels == 3)
        let x = Self.picture(5, 6, 3)
        #expect(Self.difference(again.fast(x), net.fast(x)) == 0)
        #expect(throws: ESPCNError.scale(path: path, found: 4, expected: 3)) { try ESPCN.load(path, scale: 3) }
        try saveTensors(["conv1.weight": Tensor.zeros([4, 1, 3, 3])], to: path)
        #expect(throws: ESPCNError.self) { try ESPCN.load(path) }
    }

    @Test func luminanceIsReplacedAndColourAndOpacityKept() throws {
        let resizer = try ESPCNResizer(Self.net(2))
        let pixels = Random.randInt(0..<256, [12, 14, 4], key: RandomKey(2)).asType(.uint8)
        let rgb = Bitmap(pixels: pixels[0..., 0..., 0..<3].contiguous())
        let large = try resizer.resized(Bitmap(pixels: pixels, hasAlpha: true), to: (24, 28))
        #expect(large.channels == 4 && large.width == 28)
        let opaque = try resizer.resized(rgb, to: (24, 28))
        #expect(Self.difference(large.pixels[0..., 0..., 0..<3].asType(.float32), opaque.pixels.asType(.float32)) == 0)
        let alpha = Resample.imresize(pixels[0..., 0..., 3..<4].contiguous(), by: 2)
        #expect(Self.difference(large.pixels[0..., 0..., 3..<4].asType(.float32), alpha.asType(.float32)) == 0)
        // 16 bits say the same more finely.
        let wide = Bitmap(pixels: (rgb.pixels.asType(.int32) * 257).asType(.uint16), hasAlpha: false)
        let fine = try resizer.resized(wide, to: (24, 28))
        #expect(fine.depth == 16)
        #expect(Self.difference(fine.pixels.asType(.float32) / 257.0, opaque.pixels.asType(.float32)) <= 0.51)
        #expect(throws: ESPCNError.self) { try resizer.resized(rgb, to: (25, 28)) }
    }

    @Test func patchesComeInPairsThatShowTheSame() throws {
        // A slope is kept by the bicubic filter, so the means of both patches agree.
        let picture = Tensor([120, 150, 3], of: UInt8.self) { out in
            for i in 0..<out.count { out[i] = UInt8(20 + i / 3 % 150) }
        }
        let patches = SubPixelPatches([picture], scale: 3)
        #expect(patches.count == 2 * 3)
        for index in 0..<patches.count {
            let pair = patches.example(index, key: RandomKey(UInt64(index)))
            #expect(pair.map(\.shape) == [[17, 17, 1], [51, 51, 1]])
            #expect(abs(pair[0].mean().doubleValue - pair[1].mean().doubleValue) < 0.003)
        }
        let flat = Tensor.full([120, 150, 3], 99, .uint8)
        #expect(SubPixelPatches([flat], scale: 3).count == 0)
    }

    @Test func trainingLowersTheLossAndResumesWithTheSameBits() throws {
        let picture = Random.randInt(0..<256, [150, 200, 3], key: RandomKey(4)).asType(.uint8)
        let patches = SubPixelPatches([picture], scale: 2)
        let folder = try ScratchFolder()
        for decay in [ESPCNTraining.Decay.cosine, .plateau(threshold: 0.01)] {
            var training = ESPCNTraining(scale: 2)
            training.batchSize = 4
            training.decay = decay
            func run(_ steps: Int, _ checkpoints: String?, stopAt stop: Int? = nil) throws -> ([Double], ESPCN) {
                let net = training.network()
                let loader = training.loader(patches)
                var options = TrainingOptions(epochs: 1)
                options.maximumSteps = steps
                options.checkpointInterval = 5
                options.checkpoints = checkpoints.map { Checkpoints(folder.url.appendingPathComponent($0)) }
                var losses: [Double] = []
                let trainer = training.trainer(net, options, loader)
                let after = trainer.afterStep
                trainer.afterStep = { step in
                    try after?(step)
                    if step == stop { throw CancellationError() }
                }
                do {
                    try trainer.fit(loader) { losses.append($0.values[0]) }
                } catch is CancellationError {}
                return (losses, net)
            }
            let name = decay == .cosine ? "cosine" : "plateau"
            let (losses, whole) = try run(12, nil)
            #expect(losses.last! < losses.first!)
            _ = try run(12, name, stopAt: 8)
            let (rest, resumed) = try run(12, name)
            #expect(rest.count == 7)
            #expect(Self.difference(whole.conv1.weight, resumed.conv1.weight) == 0)
        }
    }
}
