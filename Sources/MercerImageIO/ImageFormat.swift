/// The formats that pictures are read from and written to.
public enum ImageFormat: String, Sendable, CaseIterable, Codable {
    case png, jpeg, webp, tiff, gif, heic, avif

    /// The format that the ending of a file's name stands for.
    public init?(fileName: String) {
        guard let dot = fileName.lastIndex(of: ".") else { return nil }
        self.init(suffix: String(fileName[fileName.index(after: dot)...]))
    }

    /// The format of a file name's ending, without its dot.
    public init?(suffix: String) {
        switch suffix.lowercased() {
        case "png": self = .png
        case "jpg", "jpeg", "jpe", "jfif": self = .jpeg
        case "webp": self = .webp
        case "tif", "tiff": self = .tiff
        case "gif": self = .gif
        case "heic", "heif": self = .heic
        case "avif": self = .avif
        default: return nil
        }
    }

    /// The format that the first bytes of a file show.
    public init?(magic bytes: some Collection<UInt8>) {
        let head = Array(bytes.prefix(16))
        func text(_ start: Int, _ wanted: String) -> Bool {
            head.count >= start + wanted.utf8.count
                && Array(head[start..<(start + wanted.utf8.count)]) == Array(wanted.utf8)
        }
        if head.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
            self = .png
        } else if head.starts(with: [0xff, 0xd8, 0xff]) {
            self = .jpeg
        } else if text(0, "RIFF") && text(8, "WEBP") {
            self = .webp
        } else if head.starts(with: [0x49, 0x49, 0x2a, 0]) || head.starts(with: [0x4d, 0x4d, 0, 0x2a])
            || head.starts(with: [0x49, 0x49, 0x2b, 0]) || head.starts(with: [0x4d, 0x4d, 0, 0x2b])
        {
            self = .tiff
        } else if text(0, "GIF8") {
            self = .gif
        } else if text(4, "ftypavif") || text(4, "ftypavis") {
            self = .avif
        } else if text(4, "ftypheic") || text(4, "ftypheix") || text(4, "ftypmif1") || text(4, "ftyphevc") {
            self = .heic
        } else {
            return nil
        }
    }

    /// The ending that libvips knows the format by.
    var suffix: String {
        switch self {
        case .png: ".png"
        case .jpeg: ".jpg"
        case .webp: ".webp"
        case .tiff: ".tif"
        case .gif: ".gif"
        case .heic: ".heic"
        case .avif: ".avif"
        }
    }

    /// Whether pixels may be transparent.
    public var hasAlpha: Bool { self != .jpeg }

    /// Whether samples of 16 bits are kept.
    public var has16Bits: Bool { self == .png || self == .tiff }
}
