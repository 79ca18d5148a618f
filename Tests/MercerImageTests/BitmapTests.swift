import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct BitmapTests {
    private func picture(_ channels: Int, _ dtype: DType = .uint8) -> Bitmap {
        let top = dtype == .uint8 ? 256 : 65_536
        return Bitmap(pixels: Random.randInt(0..<top, [37, 53, channels], key: RandomKey(1)).asType(dtype))
    }

    private func bytes(_ picture: Bitmap) -> [UInt8] { picture.pixels.withUnsafeBytes { Array($0) } }

    @Test(arguments: [1, 2, 3, 4], [DType.uint8, .uint16])
    func losslessFormatsKeepEverySample(_ channels: Int, _ dtype: DType) throws {
        let original = picture(channels, dtype)
        for format in [ImageFormat.png, .tiff] {
            let read = try Bitmap(bytes: Data(try original.encoded(as: format)))
            #expect(read.pixels.shape == original.pixels.shape && read.depth == original.depth)
            #expect(bytes(read) == bytes(original), "\(format), \(channels) channels, \(dtype)")
            #expect(read.hasAlpha == (channels % 2 == 0) && read.format == format)
        }
    }

    @Test func lossyFormatsStayClose() throws {
        let smooth = Tensor([64, 64, 3], of: Float.self) { out in
            for i in 0..<out.count { out[i] = Float(0.5 + 0.4 * sin(Double(i / 3 % 64) / 9)) }
        }
        let original = Bitmap(smooth)
        for format in [ImageFormat.jpeg, .webp] {
            let read = try Bitmap(bytes: Data(try original.encoded(as: format)))
            #expect(read.pixels.shape == [64, 64, 3])
            #expect((read.tensor() - original.tensor()).abs().max().doubleValue < 0.05)
        }
    }

    @Test func whatAFormatHasNotIsGivenUpAndTold() throws {
        let (jpeg, given) = picture(4, .uint16).fitted(to: .jpeg)
        #expect(jpeg.channels == 3 && jpeg.depth == 8 && given.count == 2)
        #expect(picture(3).fitted(to: .png).given.isEmpty)
    }

    @Test func numbersBecomeSamplesRoundedHalfUpAndClipped() {
        let x = Tensor([-1, 0, 0.5 / 255, 1.49 / 255, 1, 2] as [Float], [1, 6, 1])
        #expect(Bitmap(x).pixels.toArray(UInt8.self) == [0, 0, 1, 1, 255, 255])
        let back = picture(3)
        #expect(bytes(Bitmap(back.tensor())) == bytes(back))
    }

    @Test func damagedFilesAreNamedWithTheirReason() throws {
        let whole = try picture(3).encoded(as: .png)
        for length in [20, 100, whole.count / 2] {
            do {
                _ = try Bitmap(bytes: Data(whole.prefix(length)), name: "cut.png")
                Issue.record("a picture was read from \(length) of \(whole.count) bytes")
            } catch let error as ImageError {
                #expect(
                    error.description.hasPrefix("cut.png: ") && error.description.contains("\(length) bytes"))
            }
        }
        #expect(throws: ImageError.notAPicture("x", byteCount: 0)) { try Bitmap(bytes: Data(), name: "x") }
        #expect(throws: ImageError.notAPicture("x", byteCount: 5)) {
            try Bitmap(bytes: Data("hello".utf8), name: "x")
        }
        #expect(throws: ImageError.unreadable("/no/such/file.png", reason: "there is no such file")) {
            try Bitmap(contentsOf: "/no/such/file.png")
        }
    }

    @Test func headersThatAskForTooMuchAreRefused() throws {
        let png = try picture(3).encoded(as: .png)
        #expect(throws: ImageError.tooLarge("standard input", width: 53, height: 37, limit: 1000)) {
            try Bitmap(bytes: Data(png), pixelLimit: 1000)
        }
        // A PNG header of 60,000 × 60,000 with a right checksum; the limit stands before any pixel is decoded.
        var bomb = png
        bomb.replaceSubrange(16..<24, with: [0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60])
        bomb.replaceSubrange(29..<33, with: checksum(bomb[12..<29]))
        #expect(throws: ImageError.tooLarge("bomb", width: 60_000, height: 60_000, limit: Bitmap.pixelLimit)) {
            try Bitmap(bytes: Data(bomb), name: "bomb")
        }
    }

    private func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xedb8_8320 ^ (crc >> 1) : crc >> 1 }
        }
        crc = ~crc
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: crc >> $0) }
    }

    @Test func aRotationOfEXIFIsCarriedOutAndForgotten() throws {
        // Orientation 6: the stored picture is turned a quarter clockwise to be shown.
        let stored = Bitmap(Tensor([0, 1, 0, 1, 0, 1] as [Float], [2, 3, 1]))
        let jpeg = try stored.encoded(as: .jpeg, ImageEncoding(quality: 100))
        let exif: [UInt8] =
            [0xff, 0xe1, 0, 34] + Array("Exif".utf8) + [0, 0, 0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8, 0, 1]
            + [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]
        let marked = Array(jpeg.prefix(2)) + exif + Array(jpeg.dropFirst(2))
        let upright = try Bitmap(bytes: Data(marked))
        #expect(upright.width == 2 && upright.height == 3)
        let again = try Bitmap(bytes: Data(try upright.encoded(as: .jpeg)))
        #expect(again.width == 2 && again.height == 3)
    }

    @Test func formatsAreKnownByNameAndByFirstBytes() throws {
        #expect(ImageFormat(fileName: "a/b.JPEG") == .jpeg && ImageFormat(fileName: "a.tif") == .tiff)
        #expect(ImageFormat(fileName: "a.txt") == nil && ImageFormat(fileName: "png") == nil)
        for format in [ImageFormat.png, .jpeg, .webp, .tiff] {
            #expect(ImageFormat(magic: try picture(3).encoded(as: format)) == format)
        }
    }
}
