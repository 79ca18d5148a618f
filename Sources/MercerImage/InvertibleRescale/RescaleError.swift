import Foundation

/// What can be wrong with invertible rescaling.
public enum RescaleError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// A scale that neither is 3 nor a power of two.
    case scale(Int)
    case blocks([Int], scale: Int, levels: Int)
    case sizes(growth: Int, latent: Int)
    /// A weights file of another network.
    case weights(String, found: String, expected: String)
    /// A file that says nothing of a network.
    case notAnInvertibleNetwork(String)
    /// No weights come with Mercer under a name.
    case noWeights(String, available: [String])
    /// A small picture that a scale doesn't lead to a size from.
    case enlargement(from: String, to: String, scale: Int)
    /// A way up to any size without one.
    case sizeNeeded
    /// A lossy file where every level counts.
    case lossy(String, format: String)
    case samplesWithoutTemperature
    /// A size that the way down can't lead to.
    case larger(width: Int, height: Int, than: String)
    case storedSize(String, stored: String, asked: String)

    public var description: String {
        switch self {
        case .scale(let scale):
            "a scale of \(scale) has no invertible network: 2, 4, 8 and further powers of two have one, and 3"
        case .blocks(let blocks, let scale, let levels):
            "blocks \(blocks) don't fit scale \(scale): \(levels) positive number\(levels == 1 ? "" : "s") "
                + "\(levels == 1 ? "is" : "are") needed, one for each transform"
        case .sizes(let growth, let latent):
            "a growth of \(growth) and \(latent) latent channels can't be: at least 1 and at least 0 are needed"
        case .weights(let path, let found, let expected):
            "\(path) holds weights of \(found), but \(expected) is asked for; give the options that they were trained "
                + "with, or other weights"
        case .notAnInvertibleNetwork(let path):
            "\(path) holds no invertible network: tensors named operations.{i}.{F,G,H}.conv{1…5}.{weight,bias} are "
                + "expected"
        case .noWeights(let name, let available):
            "no weights for \(name) come with Mercer (there are \(available.joined(separator: ", "))); train some with "
                + "'mercer train' and give them with --weights"
        case .enlargement(let from, let to, let scale):
            "a small picture of \(from) at scale \(scale) doesn't become \(to)"
        case .sizeNeeded:
            "how large? The small picture doesn't say the size that it had: give '--size WxH'"
        case .lossy(let path, let format):
            "\(path): \(format) changes the levels that the way up needs; write .png, or give --allow-lossy"
        case .samplesWithoutTemperature:
            "'--samples' needs '--temperature' above 0: without it every sample is the same"
        case .larger(let width, let height, let than):
            "\(width)x\(height) is larger than \(than); '--down' makes pictures smaller"
        case .storedSize(let path, let stored, let asked):
            "\(path) was \(stored) before, but '--size \(asked)' is asked for; leave '--size' out, or give "
                + "--ignore-stored-size"
        }
    }

    public var errorDescription: String? { description }
}
