import Foundation
import Mercer
import MercerImageIO

/// Pictures of a folder with one folder for each class, brought to about the size that crops are taken in.
struct LabelledPictures {
    struct Example {
        /// `[height, width, 3]`, uint8.
        let pixels: Tensor
        let label: Int
    }

    let classes: [String]
    private(set) var train: [Example] = []
    /// Every fifth picture of a class.
    private(set) var test: [Example] = []

    /// - Parameters:
    ///   - side: the shorter side of each picture afterwards, at least.
    ///   - report: told of each picture, and why one was left out.
    /// - Throws: ``MullerFitError``.
    init(
        _ folder: String, side: Int, report: (_ done: Int, _ count: Int, _ problem: String?) throws -> Void
    ) throws {
        let names =
            ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
            .filter { !$0.hasPrefix(".") && PictureFile.isFolder(folder + "/" + $0) }
        guard names.count >= 2 else { throw MullerFitError.classes(folder, found: names.count) }
        classes = names
        var files: [(path: String, label: Int, isTest: Bool)] = []
        for (label, name) in names.enumerated() {
            let inside = folder + "/" + name
            let pictures =
                ((try? FileManager.default.contentsOfDirectory(atPath: inside)) ?? []).sorted()
                .filter { ImageFormat(fileName: $0) != nil }
            guard pictures.count >= 2 else { throw MullerFitError.pictures(inside, found: pictures.count) }
            files += pictures.enumerated().map { ("\(inside)/\($1)", label, $0 % 5 == 1) }
        }
        for (index, file) in files.enumerated() {
            do {
                let example = Example(pixels: try Self.read(file.path, side), label: file.label)
                if file.isTest { test.append(example) } else { train.append(example) }
                try report(index + 1, files.count, nil)
            } catch let error as ImageError {
                try report(index + 1, files.count, error.description)
            }
        }
        guard !train.isEmpty, !test.isEmpty else { throw MullerFitError.pictures(folder, found: 0) }
    }

    private static func read(_ path: String, _ side: Int) throws -> Tensor {
        let picture = try Bitmap(contentsOf: path, toSRGB: true).flattened()
        let bytes = picture.depth == 8 ? picture.pixels : Bitmap(picture.tensor()).pixels
        let grey = bytes[0..., 0..., 0..<1]
        let colours =
            bytes.shape[2] >= 3 ? bytes[0..., 0..., 0..<3] : concatenated([grey, grey, grey], axis: 2)
        let (h, w) = (picture.height, picture.width)
        // A little larger than the crops, so that these can move.
        let factor = Double(side) * 1.15 / Double(min(h, w))
        let size = (
            height: max(side, Int((Double(h) * factor).rounded())),
            width: max(side, Int((Double(w) * factor).rounded()))
        )
        return Resample.resize(colours.contiguous(), to: size, .area)
    }
}
