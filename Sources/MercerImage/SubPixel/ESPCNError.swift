import Foundation

/// What can be wrong with a request to a sub-pixel network.
public enum ESPCNError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// Mercer has no weights for a scale.
    case noWeights(scale: Int, available: [Int])
    /// The size asked for isn't a whole multiple.
    case factor(String)
    /// Weights for another scale.
    case scale(path: String, found: Int, expected: Int)
    /// Weights for other channels than the job needs.
    case channels(path: String, found: Int, expected: String)
    /// Not the weights of such a network.
    case weights(path: String, reason: String)
    /// A picture and a size that isn't `scale` times its own.
    case size(from: String, to: String, scale: Int)

    public var description: String {
        switch self {
        case .noWeights(let scale, let available):
            "there are no weights for a scale of \(scale); Mercer has them for "
                + available.map(String.init).joined(separator: ", ")
                + ". Train others with 'mercer train espcn --scale \(scale)' and give them with --weights"
        case .factor(let found):
            "espcn enlarges by whole factors, not to \(found): give --scale 2, 3, 4 or 8"
        case .scale(let path, let found, let expected):
            "\(path): the weights are for a scale of \(found), but \(expected) is asked for"
        case .channels(let path, let found, let expected):
            "\(path): the weights are for \(found) channel\(found == 1 ? "" : "s"), but \(expected)"
        case .weights(let path, let reason): "\(path): these aren't weights of ESPCN: \(reason)"
        case .size(let from, let to, let scale):
            "espcn with weights for a scale of \(scale) can't make \(to) of \(from)"
        }
    }

    public var errorDescription: String? { description }
}
