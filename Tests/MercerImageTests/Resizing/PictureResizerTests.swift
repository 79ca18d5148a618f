import Foundation
import Mercer
import MercerImage
import MercerImageIO
import MercerPapers
import Testing

@Suite struct PictureResizerTests {
    private static let muller = PictureMethod.muller(
        try! MullerSettings(border: .reflect), .resnet50, reduces: true)
    private static let methods: [PictureMethod] =
        ResampleMethod.allCases.map { .filter(.mercer($0)) } + [.filter(.pillow(.bicubic)), muller]

    @Test(arguments: methods)
    func depthAndChannelsStay(_ method: PictureMethod) throws {
        for (channels, dtype) in [(1, DType.uint8), (2, .uint8), (3, .uint16), (4, .uint8), (4, .uint16)] {
            let picture = Bitmap(
                pixels: Random.randInt(0..<256, [40, 30, channels], key: RandomKey(1)).asType(dtype))
            for isLinear in [false, true] {
                let result = try PictureResizer(method, isLinearLight: isLinear)(picture, to: (13, 50))
                #expect(result.pixels.shape == [13, 50, channels] && result.pixels.dtype == dtype)
                #expect(result.hasAlpha == (channels % 2 == 0))
            }
        }
    }

    @Test(arguments: methods)
    func coloursOfTransparentPixelsDoNotBleed(_ method: PictureMethod) throws {
        if case .filter(let rule) = method, rule.method.isNearest { return }
        // Left half opaque red, right half transparent green.
        let pixels = Tensor([16, 64, 4], of: UInt8.self) { out in
            for i in 0..<(16 * 64) {
                let isLeft = i % 64 < 32
                let colour: [UInt8] = isLeft ? [255, 0, 0, 255] : [0, 255, 0, 0]
                for c in 0..<4 { out[4 * i + c] = colour[c] }
            }
        }
        let result = try PictureResizer(method)(Bitmap(pixels: pixels), to: (7, 23)).pixels
        for x in 0..<23 {
            let p = result[3, x].toArray(UInt8.self)
            #expect(p[1] == 0 || p[3] == 0, "\(method): green at \(x): \(p)")
            if x < 5 { #expect(p[3] == 255) }
        }
    }

    @Test func opaquePicturesGiveTheSameColoursWithAndWithoutAlpha() throws {
        let rgb = Random.randInt(0..<256, [50, 60, 3], key: RandomKey(2)).asType(.uint8)
        let rgba = concatenated([rgb, Tensor.full([50, 60, 1], 255, .uint8)], axis: 2)
        for method in Self.methods {
            let plain = try PictureResizer(method)(Bitmap(pixels: rgb), to: (21, 24)).pixels
            let alpha = try PictureResizer(method)(Bitmap(pixels: rgba), to: (21, 24)).pixels
            let difference =
                (plain.asType(.int32) - alpha[0..., 0..., 0..<3].asType(.int32)).abs().max().doubleValue
            #expect(difference <= 1, "\(method)")
            #expect(
                alpha[0..., 0..., 3..<4].contiguous().toArray(UInt8.self).allSatisfy { $0 == 255 },
                "\(method)")
        }
    }

    @Test func linearLightKeepsTheBrightnessOfAPattern() throws {
        // Black and white lines are half the light, which is 188 in sRGB.
        let lines = Tensor([32, 32, 1], of: UInt8.self) { out in
            for i in 0..<out.count { out[i] = i % 2 == 0 ? 0 : 255 }
        }
        let resizer = PictureResizer(.filter(.mercer(.box)), isLinearLight: true)
        let result = try resizer(Bitmap(pixels: lines, hasAlpha: false), to: (16, 16)).pixels.toArray(
            UInt8.self)
        #expect(result.allSatisfy { $0 == 188 })
    }

    @Test func constantsStay() throws {
        for method in Self.methods {
            if case .muller = method { continue }
            for isLinear in [false, true] {
                let picture = Bitmap(pixels: Tensor.full([33, 21, 3], 137, .uint8))
                let result = try PictureResizer(method, isLinearLight: isLinear)(picture, to: (10, 40)).pixels
                #expect(result.toArray(UInt8.self).allSatisfy { $0 == 137 }, "\(method)")
            }
        }
    }

    @Test func impossibleSizesAndBoxesAreRefused() {
        let picture = Bitmap(pixels: Tensor.zeros([10, 20, 3], .uint8))
        let resizer = PictureResizer(.filter(.mercer(.bilinear)))
        #expect(throws: ResampleError.size(width: 0, height: 5)) { try resizer(picture, to: (5, 0)) }
        #expect(throws: ResampleError.size(width: 5, height: 70_000)) {
            try resizer(picture, to: (70_000, 5))
        }
        #expect(throws: ResampleError.self) {
            try resizer(picture, to: (5, 5), box: ResampleBox(left: 0, top: 0, right: 21, bottom: 10))
        }
        #expect(throws: ResampleError.self) { try resizer(picture, .scale(1e6)) }
    }

    @Test func sizesFollowFromThePicture() throws {
        let picture = Bitmap(pixels: Tensor.zeros([100, 300, 1], .uint8))
        let resizer = PictureResizer(.filter(.mercer(.bilinear)))
        func size(_ wanted: PictureSize) throws -> [Int] {
            let result = try resizer(picture, wanted)
            return [result.width, result.height]
        }
        #expect(try size(.fit(width: 60, height: 60)) == [60, 20])
        #expect(try size(.fill(width: 50, height: 50)) == [50, 50])
        #expect(try size(.scale(0.333)) == [100, 33])
        let matlab = try PictureResizer(.filter(.matlab(.bicubic)))(picture, .scale(0.333))
        #expect(matlab.width == 100 && matlab.height == 34)
    }

    @Test func metricsAgreeWithTheirDefinitions() {
        let a = Tensor.full([20, 20, 3], 100, .uint8)
        let b = Tensor.full([20, 20, 3], 110, .uint8)
        #expect(abs(ImageMetrics.psnr(a, b) - 10 * log10(255 * 255 / 100)) < 1e-12)
        #expect(ImageMetrics.psnr(a, a) == .infinity)
        #expect(abs(ImageMetrics.ssim(a, a) - 1) < 1e-12)
        let c1 = 0.01 * 255 * 0.01 * 255
        #expect(abs(ImageMetrics.ssim(a, b) - (2 * 100 * 110 + c1) / (100 * 100 + 110 * 110 + c1)) < 1e-9)
        #expect(
            ImageMetrics.grey(Tensor([255, 0, 0, 0, 255, 0] as [UInt8], [1, 2, 3])).toArray(UInt8.self) == [
                76, 150,
            ])
    }

    /// Needs the pictures of python3-skimage: from the cache, or from the network where there is one.
    @Test func pillowsBytesOnPhotographs() async throws {
        for digest in PillowDigest.all {
            do {
                let agrees = try await digest.agrees(from: .standard)
                #expect(agrees, "\(digest.file.path), \(digest.method) to \(digest.width)x\(digest.height)")
            } catch let error as DataError {
                print("not compared with Pillow: \(error)")
                return
            }
        }
    }
}
