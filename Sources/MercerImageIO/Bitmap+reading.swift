import CVips
import Foundation
import Mercer

extension Bitmap {
    /// A picture from a file.
    ///
    /// The pixels are turned upright as EXIF says; palettes become colours, CMYK and other colour spaces sRGB, which
    /// is noted in ``conversions``; a colour profile is kept with the metadata. Of several frames the first is read.
    ///
    /// - Parameter toSRGB: whether colours are brought from the file's profile to sRGB.
    /// - Throws: ``ImageError``.
    public init(contentsOf path: String, toSRGB: Bool = false, pixelLimit: Int = Bitmap.pixelLimit) throws {
        try Self.startLibrary()
        let (count, head) = try Self.inspect(path)
        guard let format = ImageFormat(magic: head) else {
            throw ImageError.notAPicture(path, byteCount: count)
        }
        let reader = Reader(name: path, byteCount: count, toSRGB: toSRGB, pixelLimit: pixelLimit) { sequential in
            mercer_vips_open_file(path, sequential ? 1 : 0)
        }
        try self.init(reader, format)
    }

    /// A picture from the bytes of a file.
    ///
    /// - Parameter name: what errors call it.
    public init(
        bytes: Data, name: String = "standard input", toSRGB: Bool = false, pixelLimit: Int = Bitmap.pixelLimit
    ) throws {
        try Self.startLibrary()
        guard let format = ImageFormat(magic: bytes.prefix(16)) else {
            throw ImageError.notAPicture(name, byteCount: bytes.count)
        }
        self = try bytes.withUnsafeBytes { buffer in
            let reader = Reader(name: name, byteCount: bytes.count, toSRGB: toSRGB, pixelLimit: pixelLimit) {
                mercer_vips_open_bytes(buffer.baseAddress, buffer.count, $0 ? 1 : 0)
            }
            return try Bitmap(reader, format)
        }
    }

    private init(_ reader: Reader, _ format: ImageFormat) throws {
        (pixels, hasAlpha, metadata, conversions) = try reader.read()
        self.format = format
    }

    /// The size that the header of a picture file says, upright.
    public static func size(of path: String) throws -> (width: Int, height: Int) {
        try startLibrary()
        let (count, head) = try inspect(path)
        guard ImageFormat(magic: head) != nil else { throw ImageError.notAPicture(path, byteCount: count) }
        guard let image = mercer_vips_open_file(path, 1) else {
            throw ImageError.damaged(path, byteCount: count, reason: takeError())
        }
        defer { mercer_vips_release(image) }
        let header = mercer_vips_read_header(image)
        let turned = header.orientation >= 5
        return (Int(turned ? header.height : header.width), Int(turned ? header.width : header.height))
    }

    /// The length and the first bytes of a file.
    private static func inspect(_ path: String) throws -> (count: Int, head: Data) {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw ImageError.unreadable(path, reason: "there is no such file")
        }
        if isFolder.boolValue { throw ImageError.unreadable(path, reason: "it is a folder") }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ImageError.unreadable(path, reason: String(cString: strerror(errno)))
        }
        defer { try? handle.close() }
        do {
            let head = try handle.read(upToCount: 16) ?? Data()
            return (Int(try handle.seekToEnd()), head)
        } catch {
            throw ImageError.unreadable(path, reason: error.localizedDescription)
        }
    }

    static func startLibrary() throws {
        guard mercer_vips_start() == 0 else {
            throw ImageError.noLibrary(String(cString: mercer_vips_start_error()))
        }
    }

    /// libvips' last words, on one line.
    static func takeError() -> String {
        let text = mercer_vips_take_error()!
        defer { free(text) }
        let lines = String(cString: text).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        var seen: [String] = []
        for line in lines where !line.isEmpty && !seen.contains(line) { seen.append(line) }
        return seen.isEmpty ? "no reason is known" : seen.joined(separator: "; ")
    }
}

/// Reads the pixels of one picture.
private struct Reader {
    let name: String
    let byteCount: Int
    let toSRGB: Bool
    let pixelLimit: Int
    let open: (_ sequential: Bool) -> OpaquePointer?

    func read() throws -> (Tensor, Bool, BitmapMetadata?, [String]) {
        var image = try opened(sequential: true)
        var header = mercer_vips_read_header(image)
        let (width, height) = (Int(header.width), Int(header.height))
        guard width <= Bitmap.longestSide, height <= Bitmap.longestSide, width * height <= pixelLimit else {
            mercer_vips_release(image)
            throw ImageError.tooLarge(name, width: width, height: height, limit: pixelLimit)
        }
        if header.orientation > 1 {
            // A turned picture isn't read from top to bottom.
            mercer_vips_release(image)
            image = try step(try opened(sequential: false), mercer_vips_upright)
        }
        var conversions: [String] = []
        if header.is_palette != 0 { conversions.append("the palette was expanded") }
        let (converted, droppedProfile) = try convertedColours(image, header, &conversions)
        image = converted
        defer { mercer_vips_release(image) }
        header = mercer_vips_read_header(image)
        let metadata = mercer_vips_metadata(image, droppedProfile ? 1 : 0).map(BitmapMetadata.init(taking:))

        var count = 0
        guard let memory = mercer_vips_pixels(image, &count) else {
            throw ImageError.damaged(name, byteCount: byteCount, reason: Bitmap.takeError())
        }
        let address = UInt(bitPattern: memory)
        let storage = Storage(borrowing: memory, byteCount: count) {
            mercer_vips_free(UnsafeMutableRawPointer(bitPattern: address))
        }
        let shape = [Int(header.height), Int(header.width), Int(header.bands)]
        let dtype: DType = Int(header.format) == mercer_vips_ushort ? .uint16 : .uint8
        return (Tensor(storage: storage, shape, dtype), header.has_alpha != 0, metadata, conversions)
    }

    private func opened(sequential: Bool) throws -> OpaquePointer {
        guard let image = open(sequential) else {
            throw ImageError.damaged(name, byteCount: byteCount, reason: Bitmap.takeError())
        }
        return image
    }

    private func step(
        _ image: OpaquePointer, _ operation: (OpaquePointer) -> OpaquePointer?
    ) throws -> OpaquePointer {
        guard let result = operation(image) else {
            throw ImageError.damaged(name, byteCount: byteCount, reason: Bitmap.takeError())
        }
        return result
    }

    /// The picture in grey or RGB of 8 or 16 bits, and whether its profile no longer applies.
    private func convertedColours(
        _ image: OpaquePointer, _ header: mercer_vips_header, _ conversions: inout [String]
    ) throws -> (OpaquePointer, Bool) {
        var image = image
        var dropsProfile = false
        switch Int(header.interpretation) {
        case mercer_vips_cmyk:
            image = try step(image) { mercer_vips_to_srgb_profile($0, "cmyk") }
            conversions.append("CMYK was converted to sRGB")
            dropsProfile = true
        case mercer_vips_bw, mercer_vips_rgb, mercer_vips_srgb, mercer_vips_rgb16, mercer_vips_grey16,
            mercer_vips_multiband:
            if toSRGB && header.has_profile != 0 {
                image = try step(image) { mercer_vips_to_srgb_profile($0, nil) }
                conversions.append("the colour profile was applied")
                dropsProfile = true
            }
        default:
            image = try step(image) { mercer_vips_to_space($0, Int32(mercer_vips_srgb)) }
            conversions.append("the colours were converted to sRGB")
            dropsProfile = true
        }
        let format = Int(mercer_vips_read_header(image).format)
        if format != mercer_vips_uchar && format != mercer_vips_ushort {
            mercer_vips_release(image)
            throw ImageError.unsupported(
                name, "its samples are neither of 8 nor of 16 bits; convert the picture to one of these first")
        }
        return (image, dropsProfile)
    }
}
