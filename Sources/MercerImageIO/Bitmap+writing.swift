import CVips
import Foundation
import Mercer

/// How a picture is written.
public struct ImageEncoding: Sendable, Hashable {
    /// Of lossy formats, from 1 to 100. From 90 on JPEG keeps the colours' full resolution.
    public var quality: Int
    /// WebP, HEIC and AVIF without loss.
    public var isLossless: Bool
    /// Whether profile and metadata are left out.
    public var dropsMetadata: Bool

    public init(quality: Int = 90, isLossless: Bool = false, dropsMetadata: Bool = false) {
        self.quality = quality
        self.isLossless = isLossless
        self.dropsMetadata = dropsMetadata
    }
}

extension Bitmap {
    /// The picture as it is in a format: without alpha or with 8 bits where the format has no more. The second
    /// value says in words what was given up.
    public func fitted(to format: ImageFormat) -> (Bitmap, given: [String]) {
        var picture = self
        var given: [String] = []
        if picture.hasAlpha && !format.hasAlpha {
            picture = picture.flattened()
            given.append("transparency was laid on white, since \(format.rawValue) has none")
        }
        if picture.depth == 16 && !format.has16Bits {
            picture.pixels = Bitmap(picture.tensor(), depth: 8).pixels
            given.append("samples were rounded to 8 bits, since \(format.rawValue) has no more here")
        }
        return (picture, given)
    }

    /// The bytes of a file.
    ///
    /// - Throws: ``ImageError``, for instance where libvips was built without the format.
    public func encoded(as format: ImageFormat, _ encoding: ImageEncoding = ImageEncoding()) throws -> [UInt8] {
        try Self.startLibrary()
        guard width <= Self.longestSide, height <= Self.longestSide else {
            throw ImageError.cannotEncode(
                format, reason: "\(width)x\(height) pixels; at most \(Self.longestSide) a side are written")
        }
        guard mercer_vips_can_write(format.suffix) != 0 else {
            throw ImageError.cannotEncode(format, reason: "the installed libvips doesn't know the format")
        }
        let (picture, _) = fitted(to: format)
        let colours = picture.channels - (picture.hasAlpha ? 1 : 0)
        let space =
            switch (colours, picture.depth) {
            case (1, 8): mercer_vips_bw
            case (1, _): mercer_vips_grey16
            case (3, 8): mercer_vips_srgb
            case (3, _): mercer_vips_rgb16
            default: mercer_vips_multiband
            }
        return try picture.pixels.withUnsafeBytes { bytes in
            guard
                let image = mercer_vips_wrap(
                    bytes.baseAddress, bytes.count, Int32(picture.width), Int32(picture.height),
                    Int32(picture.channels),
                    Int32(picture.depth == 16 ? mercer_vips_ushort : mercer_vips_uchar), Int32(space),
                    encoding.dropsMetadata ? nil : metadata?.image)
            else { throw ImageError.cannotEncode(format, reason: Self.takeError()) }
            defer { mercer_vips_release(image) }
            let choices = mercer_vips_encoding(
                quality: Int32(encoding.quality), lossless: encoding.isLossless ? 1 : 0,
                strip: encoding.dropsMetadata ? 1 : 0)
            var count = 0
            guard let memory = mercer_vips_encode(image, format.suffix, choices, &count) else {
                throw ImageError.cannotEncode(format, reason: Self.takeError())
            }
            defer { mercer_vips_free(memory) }
            return [UInt8](UnsafeRawBufferPointer(start: memory, count: count))
        }
    }

    /// Writes the picture to a file, which appears when it is complete.
    ///
    /// - Parameter format: by default that of the name's ending.
    /// - Throws: ``ImageError``, `TensorFileError` where the file can't be written.
    public func write(
        to path: String, as format: ImageFormat? = nil, _ encoding: ImageEncoding = ImageEncoding()
    ) throws {
        guard let format = format ?? ImageFormat(fileName: path) else { throw ImageError.unknownFormat(path) }
        let bytes = try encoded(as: format, encoding)
        try AtomicFile.write(bytes, to: path)
    }
}
