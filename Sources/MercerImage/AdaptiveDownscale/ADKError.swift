import Foundation

/// What can be wrong with pairs, weights and pictures of adaptive downscaling.
public enum ADKError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// Sizes that aren't s : 1.
    case sizes(large: String, largeSize: String, small: String, smallSize: String, scale: Int)
    /// Pictures of one folder that the other lacks.
    case unpaired(large: String, small: String, names: [String])
    case noPairs(large: String, small: String)
    /// Pairs that are shifted against each other by whole small pixels.
    case misaligned(String, x: Int, y: Int)
    /// Weights for another s or k.
    case scale(path: String, found: Int, expected: Int)
    case kernel(path: String, found: Int, expected: Int)
    case weights(path: String, reason: String)
    case noWeights(scale: Int)
    /// A picture that is smaller than a kernel.
    case small(width: Int, height: Int, kernel: Int)
    /// A size that the network doesn't make of a picture.
    case size(from: String, to: String, scale: Int)
    /// Tiles without detail only, or too small ones.
    case noTiles(side: Int)

    public var description: String {
        switch self {
        case .sizes(let large, let largeSize, let small, let smallSize, let scale):
            "\(large) has \(largeSize) and \(small) has \(smallSize) pixels: the large one must be \(scale) times "
                + "the small one, up to \(scale - 1) pixels more a side"
        case .unpaired(let large, let small, let names):
            "\(large) and \(small) hold different names: \(names.prefix(5).joined(separator: ", "))"
                + (names.count > 5 ? " and \(names.count - 5) more are" : names.count == 1 ? " is" : " are")
                + " in one folder only"
        case .noPairs(let large, let small): "\(large) and \(small) hold no pictures of the same name"
        case .misaligned(let name, let x, let y):
            "\(name): the small picture is shifted by \(x) pixels across and \(y) down; --fix-shift takes that into "
                + "account"
        case .scale(let path, let found, let expected):
            "\(path): the weights are for a reduction by \(found), but \(expected) is asked for"
        case .kernel(let path, let found, let expected):
            "\(path): the weights are for kernels of \(found) pixels a side, but \(expected) are asked for"
        case .weights(let path, let reason): "\(path): these aren't weights of ADK-Net: \(reason)"
        case .noWeights(let scale):
            "there are no weights for a reduction by \(scale); Mercer has them for 2. Train others with "
                + "'mercer train adk --scale \(scale)' and give them with --weights"
        case .small(let width, let height, let kernel):
            "a picture of \(width)x\(height) pixels is smaller than the kernels of \(kernel)x\(kernel)"
        case .size(let from, let to, let scale):
            "adk with weights for a reduction by \(scale) can't make \(to) of \(from)"
        case .noTiles(let side):
            "the pairs hold no part of \(side)x\(side) large pixels with detail to learn from"
        }
    }

    public var errorDescription: String? { description }
}
