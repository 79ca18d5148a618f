import Foundation

/// A PNG picture of a report. The bytes are kept in a file of their own beside the report.
public struct Picture: Sendable {
    /// The name of the file without its ending; unique within the report.
    public let name: String
    public let caption: String
    public let width: Int
    public let height: Int
    public let png: Data
    /// How many screen pixels a pixel takes at least, for small pictures whose pixels are to be seen.
    public let magnification: Int

    /// - Precondition: `png` is a PNG file.
    public init(_ name: String, caption: String = "", png: Data, magnification: Int = 1) {
        guard let size = Self.size(ofPNG: png) else {
            preconditionFailure("Picture \"\(name)\": these \(png.count) bytes are not a PNG file")
        }
        self.name = name
        self.caption = caption
        self.png = png
        self.magnification = max(1, magnification)
        (width, height) = size
    }

    /// Width and height from the header of a PNG file, nil when it is none.
    static func size(ofPNG data: Data) -> (Int, Int)? {
        let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        guard data.count >= 33, data.prefix(8).elementsEqual(signature) else { return nil }
        let header = [UInt8](data.dropFirst(8).prefix(16))
        guard header[4..<8].elementsEqual("IHDR".utf8) else { return nil }
        func number(_ at: Int) -> Int { header[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
        return (number(8), number(12))
    }
}

extension Picture: Codable {
    private enum CodingKeys: String, CodingKey { case name, caption, file, width, height, magnification }

    /// The decoder's user information has the folder of the report under this key.
    static let folderKey = CodingUserInfoKey(rawValue: "mercer.report.folder")!

    /// Where the picture stands within a report's folder.
    var file: String { "pictures/\(name).png" }

    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        caption = try values.decode(String.self, forKey: .caption)
        magnification = try values.decode(Int.self, forKey: .magnification)
        let file = try values.decode(String.self, forKey: .file)
        guard file == "pictures/\(name).png", !name.contains("/") else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: values, debugDescription: "'\(file)' isn't a picture of this report")
        }
        guard let folder = decoder.userInfo[Self.folderKey] as? URL else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: values, debugDescription: "the folder of the report isn't known")
        }
        png = try Data(contentsOf: folder.appendingPathComponent(file))
        guard let size = Self.size(ofPNG: png) else {
            throw DecodingError.dataCorruptedError(
                forKey: .file, in: values, debugDescription: "'\(file)' isn't a PNG file")
        }
        (width, height) = size
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(name, forKey: .name)
        try values.encode(caption, forKey: .caption)
        try values.encode(file, forKey: .file)
        try values.encode(width, forKey: .width)
        try values.encode(height, forKey: .height)
        try values.encode(magnification, forKey: .magnification)
    }
}
