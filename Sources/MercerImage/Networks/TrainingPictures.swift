import Foundation
import Mercer
import MercerImageIO
import MercerPapers

/// Pictures that a network learns from: a user's own folder, or the 24 photographs of Debian packages.
public struct TrainingPictures: Sendable {
    /// `[height, width, 3]`, uint8.
    public let pictures: [Tensor]
    /// Where they come from, for the metadata of weights.
    public let source: String
    /// Files that were left out, each with the reason.
    public let leftOut: [String]

    /// The pictures of a folder and its folders, in colour, without transparency, 8 bits.
    ///
    /// - Parameter side: the least side; smaller pictures are left out.
    /// - Throws: ``PictureFilesError`` where there is no such folder, ``TrainingPicturesError`` where it holds no
    ///   picture that is large enough.
    public init(folder: String, atLeast side: Int) throws {
        let files = try PictureFile.plan([folder], output: folder).map(\.input).sorted()
        var pictures: [Tensor] = []
        var leftOut: [String] = []
        for file in files {
            try Task.checkCancellation()
            do {
                let pixels = try Self.colour(Bitmap(contentsOf: file))
                if min(pixels.shape[0], pixels.shape[1]) < side {
                    leftOut.append(
                        "\(file): \(pixels.shape[1])x\(pixels.shape[0]) is smaller than the \(side)x\(side) pixels needed"
                    )
                } else {
                    pictures.append(pixels)
                }
            } catch let error as ImageError {
                leftOut.append("\(error)")
            }
        }
        guard !pictures.isEmpty else {
            throw TrainingPicturesError.nothing(folder: folder, side: side, leftOut: leftOut.count)
        }
        self.pictures = pictures
        self.leftOut = leftOut
        source = "\(pictures.count) pictures of \((folder as NSString).lastPathComponent)"
    }

    /// The 24 photographs that the image papers train on (``Photograph/train24``).
    ///
    /// - Throws: ``DataError``, ``ImageError``.
    public init(photographs cache: DataCache, note: @Sendable (String) -> Void = { _ in }) async throws {
        var pictures: [Tensor] = []
        for photograph in Photograph.train24 {
            pictures.append(try await photograph.pixels(from: cache, note: note))
        }
        self.pictures = pictures
        leftOut = []
        source =
            "24 photographs of the Debian packages lomiri-wallpapers-16.04, mate-backgrounds, lxqt-themes, "
            + "plasma-workspace-wallpapers (train-24)"
    }

    private static func colour(_ picture: Bitmap) -> Tensor {
        let opaque = picture.flattened()
        let bytes = opaque.depth == 8 ? opaque.pixels : Bitmap(opaque.tensor()).pixels
        if bytes.shape[2] == 3 { return bytes.contiguous() }
        let grey = bytes[0..., 0..., 0..<1]
        return concatenated([grey, grey, grey], axis: 2)
    }
}

/// What can be wrong with pictures to learn from.
public enum TrainingPicturesError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// No picture of the folder is large enough.
    case nothing(folder: String, side: Int, leftOut: Int)

    public var description: String {
        switch self {
        case .nothing(let folder, let side, let leftOut):
            "\(folder): holds no picture of at least \(side)x\(side) pixels to learn from"
                + (leftOut > 0 ? " (\(leftOut) files are smaller or can't be read)" : "")
        }
    }

    public var errorDescription: String? { description }
}
