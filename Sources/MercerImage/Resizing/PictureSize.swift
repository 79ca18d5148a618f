import Foundation
import Mercer
import MercerImageIO

/// How large a resized picture is to be.
public enum PictureSize: Sendable, Hashable {
    /// Exactly so, whatever the picture's proportions.
    case exactly(width: Int, height: Int)
    /// By a factor.
    case scale(Double)
    /// As large as fits, proportions kept.
    case fit(width: Int, height: Int)
    /// Exactly so, proportions kept: what sticks out on two sides is cut off equally.
    case fill(width: Int, height: Int)

    /// The size of the result, the part of the picture it shows, and inputs per output where these are given.
    ///
    /// - Throws: ``ResampleError`` where no picture can have the size.
    func resolved(
        width: Int, height: Int, _ convention: ResampleConvention?
    ) throws -> (size: (height: Int, width: Int), box: ResampleBox?, scale: Double?) {
        let (w, h) = (Double(width), Double(height))
        switch self {
        case .exactly(let width, let height):
            return (try Self.checked(Double(width), Double(height)), nil, nil)
        case .scale(let factor):
            switch convention {
            case .matlab:
                return (try Self.checked((w * factor).rounded(.up), (h * factor).rounded(.up)), nil, 1 / factor)
            case .torch:
                return (
                    try Self.checked((w * factor).rounded(.down), (h * factor).rounded(.down)), nil, 1 / factor
                )
            default:
                return (
                    try Self.checked(max(1, (w * factor).rounded()), max(1, (h * factor).rounded())), nil, nil
                )
            }
        case .fit(let maxWidth, let maxHeight):
            let factor = min(Double(maxWidth) / w, Double(maxHeight) / h)
            return (
                try Self.checked(max(1, (w * factor).rounded()), max(1, (h * factor).rounded())), nil, nil
            )
        case .fill(let width, let height):
            let size = try Self.checked(Double(width), Double(height))
            let factor = max(Double(width) / w, Double(height) / h)
            let (partWidth, partHeight) = (min(w, Double(width) / factor), min(h, Double(height) / factor))
            let box = ResampleBox(
                left: (w - partWidth) / 2, top: (h - partHeight) / 2, right: (w + partWidth) / 2,
                bottom: (h + partHeight) / 2)
            return (size, box, nil)
        }
    }

    private static func checked(_ width: Double, _ height: Double) throws -> (height: Int, width: Int) {
        let limit = Double(ResampleError.longestSide)
        guard width >= 1, height >= 1, width <= limit, height <= limit else {
            func whole(_ x: Double) -> Int { x.isFinite ? Int(min(max(x, -1e15), 1e15)) : -1 }
            throw ResampleError.size(width: whole(width), height: whole(height))
        }
        return (Int(height), Int(width))
    }
}

extension PictureResizer {
    /// The picture in a size that may follow from its own.
    public func callAsFunction(
        _ picture: Bitmap, _ size: PictureSize
    ) throws -> Bitmap {
        let (target, box, scale) = try size.resolved(
            width: picture.width, height: picture.height, convention)
        return try self(picture, to: target, box: box, scale: scale)
    }

    private var convention: ResampleConvention? {
        if case .filter(let rule) = method { rule.convention } else { nil }
    }
}
