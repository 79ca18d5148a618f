import Foundation

/// What can be wrong with a picture file.
public enum ImageError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// libvips isn't there.
    case noLibrary(String)
    /// There is no such file, or it can't be opened.
    case unreadable(String, reason: String)
    /// The bytes are of no format that is known here.
    case notAPicture(String, byteCount: Int)
    /// The file breaks off or is damaged within its pixels.
    case damaged(String, byteCount: Int, reason: String)
    /// The header asks for more pixels than are allowed.
    case tooLarge(String, width: Int, height: Int, limit: Int)
    /// A kind of pixels that isn't understood.
    case unsupported(String, String)
    /// The ending of a name that stands for no format.
    case unknownFormat(String)
    /// The format can't be written by the installed libvips.
    case cannotEncode(ImageFormat, reason: String)

    public var description: String {
        switch self {
        case .noLibrary(let reason):
            "pictures can't be read without libvips (Debian and Ubuntu: apt-get install libvips42): \(reason)"
        case .unreadable(let name, let reason): "\(name): can't be read: \(reason)"
        case .notAPicture(let name, let count):
            count == 0
                ? "\(name): the file is empty; a PNG, JPEG, WebP, TIFF, GIF, HEIC or AVIF picture is expected"
                : "\(name): its first bytes are of no known format; a PNG, JPEG, WebP, TIFF, GIF, HEIC or AVIF "
                    + "picture is expected"
        case .damaged(let name, let count, let reason):
            "\(name): damaged or cut off within its \(count) bytes: \(reason)"
        case .tooLarge(let name, let width, let height, let limit):
            "\(name): its header says \(width)x\(height) pixels; at most \(limit) pixels and "
                + "\(Bitmap.longestSide) a side are read"
        case .unsupported(let name, let what): "\(name): \(what)"
        case .unknownFormat(let name):
            "\(name): the name's ending stands for no picture format; one of png, jpg, webp, tif, gif, heic, avif "
                + "is expected"
        case .cannotEncode(let format, let reason): "a \(format.rawValue) picture can't be written: \(reason)"
        }
    }

    public var errorDescription: String? { description }
}
