import CVips
import Mercer

/// A picture as it is kept in files: 8 or 16 bits a sample, grey or colour, with or without alpha.
///
/// ```swift
/// var picture = try Bitmap(contentsOf: "photo.jpg")
/// let x = picture.tensor()                          // [1, height, width, 3], float32 in [0, 1]
/// try Bitmap(x).write(to: "copy.png")
/// ```
///
/// Pixels stand upright: a rotation that the file asks for has been carried out.
public struct Bitmap: Sendable {
    /// `[height, width, channels]`, uint8 or uint16.
    public var pixels: Tensor
    /// Whether the last channel says how opaque the pixel is.
    public var hasAlpha: Bool
    /// Colour profile, EXIF, XMP, IPTC and resolution of the file that it was read from.
    public var metadata: BitmapMetadata?
    /// The format of the file that it was read from.
    public var format: ImageFormat?
    /// What had to be converted in reading, in words: a CMYK picture for instance.
    public var conversions: [String] = []

    /// The most pixels of a picture that is read: a header that asks for more may be a trap.
    public static let pixelLimit = 1 << 29
    /// The longest side of a picture that is read or written.
    public static let longestSide = ResampleError.longestSide

    public var height: Int { pixels.shape[0] }
    public var width: Int { pixels.shape[1] }
    /// 1 for grey, 3 for colour, one more with alpha; other numbers for pictures of many bands.
    public var channels: Int { pixels.shape[2] }
    /// Bits of a sample: 8 or 16.
    public var depth: Int { pixels.dtype == .uint16 ? 16 : 8 }
    /// The largest sample.
    public var maximum: Float { pixels.dtype == .uint16 ? 65_535 : 255 }

    /// - Parameter pixels: `[height, width, channels]`, uint8 or uint16.
    public init(pixels: Tensor, hasAlpha: Bool? = nil, metadata: BitmapMetadata? = nil) {
        precondition(
            pixels.rank == 3 && (pixels.dtype == .uint8 || pixels.dtype == .uint16) && pixels.count > 0,
            "Bitmap: a \(pixels.dtype) tensor of shape \(pixels.shape) where [height, width, channels] of uint8 or "
                + "uint16 is needed")
        self.pixels = pixels.contiguous()
        self.hasAlpha = hasAlpha ?? (pixels.shape[2] == 2 || pixels.shape[2] == 4)
        self.metadata = metadata
    }

    /// A picture from numbers in [0, 1]: those outside are clipped, the others rounded half up.
    ///
    /// - Parameters:
    ///   - tensor: `[height, width, channels]` or `[1, height, width, channels]`, floating point.
    ///   - depth: bits of a sample, 8 or 16.
    public init(_ tensor: Tensor, depth: Int = 8, hasAlpha: Bool? = nil, metadata: BitmapMetadata? = nil) {
        precondition(
            tensor.rank == 3 || (tensor.rank == 4 && tensor.shape[0] == 1),
            "Bitmap: shape \(tensor.shape) where [height, width, channels] or [1, height, width, channels] is needed")
        precondition(depth == 8 || depth == 16, "Bitmap: samples of \(depth) bits; 8 or 16 are possible")
        let shape = Array(tensor.shape.suffix(3))
        let numbers = tensor.detached.asType(.float32).contiguous()
        let (scale, dtype): (Float, DType) = depth == 8 ? (255, .uint8) : (65_535, .uint16)
        let pixels = Tensor(uninitialized: shape, dtype)
        let line = shape[1] * shape[2]
        let target = UInt(bitPattern: pixels.storage.pointer)
        numbers.withUnsafeBuffer(of: Float.self) { source in
            Parallel.forRanges(shape[0], grain: max(1, (1 << 16) / max(1, line))) { rows in
                var row = [Float](repeating: 0, count: line)
                for y in rows {
                    for i in 0..<line { row[i] = source[y * line + i] * scale }
                    let out = UnsafeMutableRawPointer(bitPattern: target)! + y * line * dtype.size
                    row.withUnsafeBufferPointer { storePixels($0.baseAddress!, line, to: out, dtype) }
                }
            }
        }
        self.init(pixels: pixels, hasAlpha: hasAlpha, metadata: metadata)
    }

    /// The picture as numbers in [0, 1], `[1, height, width, channels]`.
    public func tensor(_ dtype: DType = .float32) -> Tensor {
        (pixels.asType(dtype) / Double(maximum)).expandedDimensions(axis: 0)
    }

    /// The picture with another grey value on each pixel that isn't opaque, so that no alpha is needed.
    public func flattened(background: Double = 1) -> Bitmap {
        guard hasAlpha else { return self }
        let colours = channels - 1
        let x = tensor()[0]
        let colour = x[0..., 0..., 0..<colours]
        let alpha = x[0..., 0..., colours..<channels]
        let mixed = colour * alpha + (1 - alpha) * background
        var result = Bitmap(mixed, depth: depth, hasAlpha: false, metadata: metadata)
        result.format = format
        return result
    }
}

/// What a picture file says beside its pixels, kept as libvips keeps it.
public final class BitmapMetadata: @unchecked Sendable {
    let image: OpaquePointer

    init(taking image: OpaquePointer) { self.image = image }

    deinit { mercer_vips_release(image) }
}
