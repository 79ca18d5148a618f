import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// One picture resized by several methods, side by side, with an enlarged part where it has most detail.
public struct ComparisonSheet {
    private let name: String
    private let title: String
    private let results: [(name: String, picture: Bitmap)]
    private let crop: (left: Int, top: Int, width: Int, height: Int)
    /// How many times the part is enlarged, pixel by pixel.
    private static let zoom = 4
    private static let gap = 8

    /// - Throws: ``ResampleError`` where the size can't be.
    public init(
        _ picture: Bitmap, name: String, _ resizers: [(name: String, resizer: PictureResizer)], _ size: PictureSize
    ) throws {
        precondition(!resizers.isEmpty, "ComparisonSheet: no methods")
        let results = try resizers.map { entry in (entry.name, try entry.resizer(picture, size)) }
        self.init(name: name, title: "Resized by \(resizers.map(\.name).joined(separator: ", "))", results)
    }

    /// Pictures of one size, each with its name.
    public init(name: String, title: String, _ pictures: [(name: String, picture: Bitmap)]) {
        precondition(!pictures.isEmpty, "ComparisonSheet: no pictures")
        self.name = name
        self.title = title
        // One kind of pixels for all: 8 bits, opaque, in colour.
        results = pictures.map { ($0.name, Self.colour($0.picture.flattened())) }
        crop = Self.detail(of: results[0].picture)
    }

    private static func colour(_ picture: Bitmap) -> Bitmap {
        let bytes = picture.depth == 8 ? picture.pixels : Bitmap(picture.tensor()).pixels
        let first = bytes[0..., 0..., 0..<1]
        let three =
            bytes.shape[2] >= 3 ? bytes[0..., 0..., 0..<3] : concatenated([first, first, first], axis: 2)
        return Bitmap(pixels: three.contiguous(), hasAlpha: false, metadata: nil)
    }

    /// The quarter of the picture whose brightness changes most from pixel to pixel.
    private static func detail(of picture: Bitmap) -> (left: Int, top: Int, width: Int, height: Int) {
        let width = min(picture.width, max(16, picture.width / zoom))
        let height = min(picture.height, max(16, picture.height / zoom))
        let samples = picture.pixels.toArray(UInt8.self)
        let line = picture.width * 3
        var best = (left: 0, top: 0, sum: -1)
        let steps = 12
        for row in 0...steps {
            for column in 0...steps {
                let top = (picture.height - height) * row / steps
                let left = (picture.width - width) * column / steps
                var sum = 0
                for y in Swift.stride(from: top, to: top + height, by: 2) {
                    for x in Swift.stride(from: left, to: left + width - 1, by: 2) {
                        let i = y * line + x * 3 + 1
                        sum += abs(Int(samples[i + 3]) - Int(samples[i]))
                    }
                }
                if sum > best.sum { best = (left, top, sum) }
            }
        }
        return (best.left, best.top, width, height)
    }

    private func enlarged(_ picture: Bitmap) -> Bitmap {
        let part = picture.pixels[
            crop.top..<(crop.top + crop.height), crop.left..<(crop.left + crop.width), 0...]
        return Bitmap(
            pixels: Resample.resize(
                part.contiguous(), to: (crop.height * Self.zoom, crop.width * Self.zoom), .nearest),
            hasAlpha: false)
    }

    /// A web page that holds everything, with names and a pixel-by-pixel enlargement.
    public func page() throws -> String {
        var body = Page.paragraph(
            "\(results[0].picture.width)×\(results[0].picture.height) pixels from "
                + "`\((name as NSString).lastPathComponent)`, and a part enlarged \(Self.zoom) times.")
        func row(_ prefix: String, _ pictures: [(name: String, picture: Bitmap)]) throws -> String {
            Page.pictures(
                try pictures.enumerated().map { index, entry in
                    Picture(
                        "\(prefix)-\(index + 1)", caption: entry.name,
                        png: Data(try entry.picture.encoded(as: .png)))
                })
        }
        body += try row("part", results.map { ($0.name, enlarged($0.picture)) })
        body += try row("whole", results)
        return Page(title: title, body: body).html
    }

    /// One picture: the results in a row, under each its enlarged part, in the order of the methods.
    public func picture() -> Bitmap {
        let parts = results.map { enlarged($0.picture) }
        let cell = (
            width: max(results[0].picture.width, parts[0].width),
            height: results[0].picture.height + parts[0].height + Self.gap
        )
        let width = results.count * (cell.width + Self.gap) + Self.gap
        let height = cell.height + 2 * Self.gap
        var samples = [UInt8](repeating: 255, count: width * height * 3)
        func place(_ picture: Bitmap, _ left: Int, _ top: Int) {
            picture.pixels.withUnsafeBuffer(of: UInt8.self) { source in
                for y in 0..<picture.height {
                    let start = ((top + y) * width + left) * 3
                    let row = source[(y * picture.width * 3)..<((y + 1) * picture.width * 3)]
                    samples.replaceSubrange(start..<(start + row.count), with: row)
                }
            }
        }
        for (column, entry) in results.enumerated() {
            let left = Self.gap + column * (cell.width + Self.gap)
            place(entry.picture, left, Self.gap)
            place(parts[column], left, 2 * Self.gap + entry.picture.height)
        }
        return Bitmap(pixels: Tensor(samples, [height, width, 3]), hasAlpha: false)
    }
}
