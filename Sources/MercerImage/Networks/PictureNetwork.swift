import Foundation
import MercerImageIO

/// A learnt resizer of whole pictures: what stands behind `mercer resize --method espcn` and the like.
///
/// It keeps what it can of a picture: bit depth, transparency, metadata. What it had to give up goes into the
/// result's ``Bitmap/conversions``.
public protocol PictureNetwork: Sendable {
    /// The method's name, as it is spelled on the command line.
    var name: String { get }

    /// The picture in another size.
    ///
    /// - Throws: where the network can't make this size of this picture.
    func resized(_ picture: Bitmap, to size: (height: Int, width: Int)) throws -> Bitmap
}

/// What a network that resizes can't do.
public enum PictureNetworkError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// It was asked for a part of a picture.
    case part(String)

    public var description: String {
        switch self {
        case .part(let name): "\(name) resizes whole pictures, not a part of one: leave --box and --fill away"
        }
    }

    public var errorDescription: String? { description }
}
