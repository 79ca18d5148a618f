import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerNN
import Testing

@Suite struct ADKTests {
    private static func picture(_ h: Int, _ w: Int, _ seed: UInt64 = 1) -> Tensor {
        Random.uniform(0..<1, [1, h, w, 3], key: RandomKey(seed))
    }

    private static func bytes(_ h: Int, _ w: Int, _ seed: UInt64 = 1) -> Tensor {
        Random.randInt(0..<256, [h, w, 3], key: RandomKey(seed)).asType(.uint8)
    }

    private static func difference(_ a: Tensor, _ b: Tensor) -> Double { (a - b).abs().max().doubleValue }

    /// The sum as the paper writes it.
    private static func plain(_ x: Tensor, _ kernels: Tensor, _ s: Int) -> Tensor {
        let (h, w, k) = (x.shape[1], x.shape[2], Int(Double(kernels.shape[4]).squareRoot()))
        let a = (k - s) % 2 == 0 ? (k - s) / 2 : (k - s + 1) / 2
        let (source, weights) = (x.toArray(Float.self), kernels.toArray(Float.self))
        let (oh, ow) = (h / s, w / s)
        return Tensor([1, oh, ow, 3], of: Float.self) { out in
            for i in 0..<oh {
                for j in 0..<ow {
                    for c in 0..<3 {
                        var sum = 0.0
                        for u in 0..<k {
                            for v in 0..<k {
                                let y = borderIndex(s * i - a + u, h, .reflect)
                                let z = borderIndex(s * j - a + v, w, .reflect)
                                let weight = weights[(((i * ow + j) * 3 + c) * k + u) * k + v]
                                sum += Double(weight) * Double(source[(y * w + z) * 3 + c])
                            }
                        }
                        out[(i * ow + j) * 3 + c] = Float(sum)
                    }
                }
            }
        }
    }

    @Test(arguments: [(2, 8), (2, 5), (3, 8), (3, 9), (4, 9), (4, 12), (2, 3), (2, 2)])
    func theOperatorIsThePapersSum(_ scale: Int, _ k: Int) {
        let x = Self.picture(25, 31)
        let kernels = Random.normal([1, 25 / scale, 31 / scale, 3, k * k], key: RandomKey(2))
        let y = AdaptiveResample.apply(x, kernels: kernels, scale: scale)
        #expect(Self.difference(y, Self.plain(x, kernels, scale)) <= 2e-5)
    }

    @Test(arguments: [(2, 5), (2, 8), (4, 9)])
    func gradientsAreThoseOfFiniteDifferences(_ scale: Int, _ k: Int) {
        let x = Self.picture(12, 16)
        let shape = [1, 12 / scale, 16 / scale, 3, k * k]
        let kernels = Random.normal(shape, key: RandomKey(2))
        let probe = Random.normal([1, 12 / scale, 16 / scale, 3], key: RandomKey(3))
        func value(_ x: Tensor, _ k: Tensor) -> Double {
            let product: Tensor = AdaptiveResample.apply(x, kernels: k, scale: scale) * probe
            return product.asType(.float64).sum().doubleValue
        }
        let found = grad { (v: [Tensor]) -> Tensor in
            (AdaptiveResample.apply(v[0], kernels: v[1], scale: scale) * probe).sum()
        }([x, kernels])
        // The operator is linear in each: a whole step gives the derivative along it.
        let along = Random.normal(x.shape, key: RandomKey(4))
        let expectedX = value(x + along, kernels) - value(x, kernels)
        #expect(abs((found[0] * along).sum().doubleValue - expectedX) <= 1e-3 * max(1, abs(expectedX)))
        let alongKernels = Random.normal(shape, key: RandomKey(5))
        let expectedKernels = value(x, kernels + alongKernels) - value(x, kernels)
        #expect(
            abs((found[1] * alongKernels).sum().doubleValue - expectedKernels) <= 1e-3 * max(1, abs(expectedKernels)))
    }

    @Test(arguments: [(2, 8), (2, 5), (3, 8)]) func offsetsMoveTaps(_ scale: Int, _ k: Int) {
        let x = Self.picture(25, 31)
        let place = [1, 25 / scale, 31 / scale]
        let kernels = Random.normal(place + [3, k * k], key: RandomKey(2))
        let still = Tensor.zeros(place + [2, k * k])
        let y = AdaptiveResample.apply(x, kernels: kernels, offsets: still, scale: scale)
        #expect(Self.difference(y, AdaptiveResample.apply(x, kernels: kernels, scale: scale)) <= 2e-5)
        // One pixel down and half a one to the left: as if the mirrored picture had moved.
        let moved = concatenated(
            [Tensor.ones(place + [1, k * k]), Tensor.full(place + [1, k * k], -0.5)], axis: 3)
        let wide = padded(x, [(0, 0), (24, 24), (24, 24), (0, 0)], mode: .reflect)
        let (a, b) = (wide[0..., 25..<50, 24..<55, 0...], wide[0..., 25..<50, 23..<54, 0...])
        let between: Tensor = (a + b) * 0.5
        // Away from the border, where mirroring what has moved isn't moving what is mirrored.
        let inner = (k / scale + 1)..<(25 / scale - k / scale - 1)
        let expected = AdaptiveResample.apply(between, kernels: kernels, scale: scale)
        let found = AdaptiveResample.apply(x, kernels: kernels, offsets: moved, scale: scale)
        #expect(
            Self.difference(found[0..., inner, inner, 0...], expected[0..., inner, inner, 0...]) <= 2e-5)
    }

    @Test func gradientsOfMovedTapsAreThoseOfFiniteDifferences() {
        let (scale, k) = (2, 4)
        let x = Self.picture(12, 16)
        let place = [1, 6, 8]
        let kernels = Random.normal(place + [3, k * k], key: RandomKey(2))
        // Far enough from whole pixels for the steps below.
        let offsets: Tensor =
            Random.uniform(0.2..<0.8, place + [2, k * k], key: RandomKey(3))
            + Random.randInt(-3..<3, place + [2, k * k], key: RandomKey(4)).asType(.float32)
        let probe = Random.normal(place + [3], key: RandomKey(5))
        func value(_ v: [Tensor]) -> Tensor {
            (AdaptiveResample.apply(v[0], kernels: v[1], offsets: v[2], scale: scale) * probe).asType(.float64).sum()
        }
        let inputs = [x, kernels, offsets]
        let found = grad(value)(inputs)
        for index in 0..<3 {
            let along = Random.uniform(-1..<1, inputs[index].shape, key: RandomKey(6))
            let step = index == 2 ? 0.1 : 1.0
            func moved(_ by: Double) -> Double {
                var changed = inputs
                changed[index] = inputs[index] + along * by
                return value(changed).doubleValue
            }
            let expected = (moved(step) - moved(-step)) / (2 * step)
            #expect(abs((found[index] * along).sum().doubleValue - expected) <= 2e-3 * max(1, abs(expected)))
        }
    }

    @Test func networksWithMovingTapsStartWithoutAndTileExactly() throws {
        let net = ADKNet(
            scale: 2, kernel: 5, size: ADKSize(channels: 4, blocks: 1, trunk: 1, branch: 1), movesTaps: true)
        net.initialize(RandomKey(1))
        let x = Self.picture(40, 48)
        #expect(net.offsets(x)!.abs().max().doubleValue > 0 && net.offsets(x)!.abs().max().doubleValue <= 2)
        let whole = try ADKResizer(net).resized(Bitmap(pixels: Self.bytes(600, 64)), to: (300, 32))
        let direct = net(Self.bytes(600, 64).asType(.float32).expandedDimensions(axis: 0) / 255.0)
        let levels: Tensor = clip(direct[0], min: 0, max: 1) * 255.0 + 0.5
        let difference: Tensor = whole.pixels.asType(.float32) - levels.floor()
        #expect(difference.abs().mean().doubleValue < 1e-3)
        net.keepTaps()
        #expect(net.offsets(x)!.abs().max().doubleValue == 0)
        #expect(
            Self.difference(net(x), AdaptiveResample.apply(x, kernels: net.kernels(x), scale: 2)) <= 2e-6)
    }

    @Test func theOperatorHoldsNoWindows() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let x = Random.uniform(0..<1, [1, 256, 256, 3], key: RandomKey(1))
            let kernels = Random.normal([1, 128, 128, 3, 64], key: RandomKey(2))
            let before = Memory.active
            Memory.resetPeak()
            let y = AdaptiveResample.apply(x, kernels: kernels, scale: 2)
            #expect(Memory.peak - before - y.byteCount < kernels.byteCount / 8)
        }
    }

    @Test func theBoxIsTheMean() {
        let net = ADKNet(scale: 2, kernel: 8)
        net.initialize(RandomKey(1))
        // A projection of nothing leaves where training starts.
        net.mapParameters(where: { $0.contains("project") }) { .zeros($0.shape) }
        net.begin(at: ADKNet.box(kernel: 8, scale: 2))
        let x = Self.picture(16, 20)
        let mean = Resample.apply(
            vertical: .reduction(length: 16, factor: 2), horizontal: .reduction(length: 20, factor: 2), to: x)
        #expect(Self.difference(net(x), mean) <= 1e-5)
        net.fold()
        #expect(Self.difference(net(x), mean) <= 1e-5)
    }

    @Test func foldingChangesNoKernel() {
        for shared in [false, true] {
            let net = ADKNet(scale: 2, kernel: 6, sharesKernels: shared)
            net.initialize(RandomKey(1))
            net.begin(at: ADKNet.box(kernel: 6, scale: 2))
            let x = Self.picture(16, 20)
            let before = net.kernels(x)
            net.fold()
            #expect(Self.difference(before, net.kernels(x)) <= 1e-6)
        }
    }

    @Test(arguments: [KernelNormalisation.softmax, .sum])
    func normalisedKernelsSumToOneAndAreNotNegative(_ normalisation: KernelNormalisation) {
        let net = ADKNet(scale: 2, kernel: 6, normalisation: normalisation)
        net.initialize(RandomKey(1))
        let kernels = net.kernels(Self.picture(16, 20))
        #expect(kernels.min().doubleValue >= 0)
        #expect((kernels.sum(axes: [-1]) - 1.0).abs().max().doubleValue <= 1e-5)
    }

    @Test func tilesEqualTheWhole() throws {
        let net = ADKNet(scale: 2, kernel: 8, size: ADKSize(channels: 4, blocks: 1, trunk: 1, branch: 1))
        net.initialize(RandomKey(1))
        let x = Self.picture(150, 130)
        let tiles = PictureTiles((150, 130), tile: 40, margin: net.reach, reduction: 2)
        let tiled = try tiles.map(x[0]) { net($0.expandedDimensions(axis: 0))[0] }
        #expect(Self.difference(tiled, net(x)[0]) <= 1e-5)
    }

    @Test func picturesKeepDepthOpacityAndGrey() throws {
        let net = ADKNet(scale: 2, kernel: 8, size: ADKSize(channels: 4, blocks: 1, trunk: 1, branch: 1))
        net.initialize(RandomKey(1))
        net.begin(at: ADKNet.box(kernel: 8, scale: 2))
        let resizer = ADKResizer(net)
        let samples = Random.randInt(0..<256, [21, 30, 4], key: RandomKey(1)).asType(.uint8)
        let small = try resizer.resized(Bitmap(pixels: samples, hasAlpha: true), to: (11, 15))
        #expect(small.height == 10 && small.width == 15 && small.channels == 4)
        #expect(small.conversions.contains { $0.contains("30x20") })
        let grey = Bitmap(pixels: samples[0..., 0..., 0..<1].contiguous(), hasAlpha: false)
        #expect(try resizer.resized(grey, to: (10, 15)).channels == 1)
        let wide = Bitmap(pixels: samples[0..., 0..., 0..<3].contiguous().asType(.uint16) * 257, hasAlpha: false)
        #expect(try resizer.resized(wide, to: (10, 15)).depth == 16)
        let tiny = Bitmap(pixels: samples[0..<6, 0..<30, 0..<3].contiguous())
        #expect(throws: ADKError.small(width: 30, height: 6, kernel: 8)) { try resizer.resized(tiny, to: (3, 15)) }
        #expect(try resizer.kernels(of: grey, x: 14, y: 9).shape == [3, 8, 8])
    }

    @Test func filesKeepSizes() throws {
        let folder = try ScratchFolder()
        let path = folder.url.appending(path: "cam.safetensors").path
        let net = ADKNet(
            scale: 3, kernel: 9, size: ADKSize(channels: 5, blocks: 2, trunk: 1, branch: 1), normalisation: .sum)
        net.initialize(RandomKey(1))
        net.begin(at: ADKNet.box(kernel: 9, scale: 3))
        let x = Self.picture(18, 21)
        let expected = net(x)
        try net.write(to: path)
        let again = try ADKNet.load(path, scale: 3, kernel: 9)
        #expect(again.normalisation == .sum && again.size == net.size)
        #expect(Self.difference(again(x), expected) <= 1e-6)
        #expect(throws: ADKError.scale(path: path, found: 3, expected: 2)) { try ADKNet.load(path, scale: 2) }
        #expect(throws: ADKError.kernel(path: path, found: 9, expected: 8)) { try ADKNet.load(path, kernel: 8) }
        try saveTensors(["head.1.weight": Tensor.zeros([4, 3, 5, 5])], to: path)
        #expect(throws: ADKError.self) { try ADKNet.load(path) }
    }

    @Test(arguments: [(0, 0), (1, 0), (0, -2), (2, 1), (-1, -1)])
    func shiftsAreFound(_ shift: (x: Int, y: Int)) {
        let whole = Resample.resize(Self.bytes(30, 36), to: (90, 108), .bicubic)
        let reference = whole[4..<84, 4..<100, 0...].contiguous()
        let moved = whole[(4 - shift.y)..<(84 - shift.y), (4 - shift.x)..<(100 - shift.x), 0...].contiguous()
        #expect(PicturePairs.shift(of: moved, against: reference) == shift)
    }

    @Test func pairsOfFoldersAreCheckedAndShiftsMended() throws {
        let folder = try ScratchFolder()
        func write(_ name: String, _ pixels: Tensor) throws {
            let url = folder.url.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Bitmap(pixels: pixels.contiguous(), hasAlpha: false).write(to: url.path)
        }
        func pairs(_ fix: Bool = false) throws -> PicturePairs {
            try PicturePairs(
                large: folder.url.appending(path: "large").path, small: folder.url.appending(path: "small").path,
                scale: 2, fixesShift: fix)
        }
        let large = Resample.resize(Self.bytes(40, 50), to: (121, 150), .bicubic)
        let small = Photograph.reduced(large[0..<120, 0..<150, 0...].contiguous(), by: 2)
        try write("large/a.png", large)
        try write("small/a.png", small)
        let found = try pairs()
        #expect(found.pairs.count == 1 && found.pairs[0].large.shape == [120, 150, 3])
        #expect(found.notes.contains { $0.contains("1 rows") })
        try write("large/b.png", large)
        #expect(throws: ADKError.self) { try pairs() }
        try write("small/b.png", Resample.resize(small, to: (50, 75), .bicubic))
        let sizes = #expect(throws: ADKError.self) { try pairs() }
        #expect(sizes?.description.contains("75x50") == true && sizes?.description.contains("150x121") == true)
        // Shifted by one small pixel across.
        let moved = concatenated([small[0..., 0..<1, 0...], small[0..., 0..<74, 0...]], axis: 1)
        try write("small/b.png", moved)
        let shift = #expect(throws: ADKError.self) { try pairs() }
        #expect(shift?.description.contains("--fix-shift") == true)
        let mended = try pairs(true)
        #expect(mended.pairs[1].small.shape == [60, 74, 3])
        let (a, b) = (mended.pairs[1].small, Photograph.reduced(mended.pairs[1].large, by: 2))
        #expect(Self.difference(a.asType(.float32), b.asType(.float32)) == 0)
    }

    @Test func leastSquaresFindTheKernelThatMadeThePairs() throws {
        // Little contrast: nothing is cut off at black and white, which no fixed kernel could follow.
        let noise = (Self.bytes(100, 120).asType(.float32) / 3.0 + 85.0).asType(.uint8)
        let photo = Resample.resize(noise, to: (300, 360), .bicubic)
        let small = Resample.imresize(photo, by: 0.5)
        let tiles = try PairTiles([PicturePair("a", large: photo, small: small)], scale: 2)
        let kernels = try FixedKernels.leastSquares(tiles, kernel: 8, ridge: 1e-6)
        let y = FixedKernels.apply(
            photo.asType(.float32).expandedDimensions(axis: 0) / 255.0, kernels, scale: 2)
        let inner = (y[0] - small.asType(.float32) / 255.0)[4..<146, 4..<176, 0...]
        #expect(inner.abs().max().doubleValue <= 3.0 / 255)
    }

    @Test func theCameraSharpensEdgesAndLeavesFlatPartsAlone() {
        let flat = CameraPairs.small(Tensor.full([64, 64, 3], 100, .uint8), scale: 2, key: RandomKey(1))
        let levels = flat.toArray(UInt8.self)
        #expect(levels.allSatisfy { (97...103).contains($0) })
        let edge = Tensor([64, 64, 3], of: UInt8.self) { out in
            for i in 0..<out.count { out[i] = i / 3 % 64 < 32 ? 60 : 180 }
        }
        let sharp = CameraPairs.small(edge, scale: 2, key: RandomKey(1)).toArray(UInt8.self)
        #expect(sharp.min()! < 56 && sharp.max()! > 184)
    }
}
