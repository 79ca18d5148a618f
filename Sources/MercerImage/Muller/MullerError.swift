import Foundation

/// What can be wrong with the settings and weights of MULLER.
public enum MullerError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case kernel(Int)
    case sigma(Double)
    case layers(Int)
    /// A list that isn't pairs of a weight and a bias.
    case oddList(count: Int)
    case notANumber(String)
    /// Weights for another number of layers than asked for.
    case layerCount(found: Int, expected: Int)
    /// A weights file with other names.
    case names(String, found: [String], expected: [String])
    /// A weights file whose tensors are more than single numbers.
    case shape(String, name: String, found: [Int])

    public var description: String {
        switch self {
        case .kernel(let k): "a blur of \(k) taps can't be centred: an odd number of at least 3 is needed"
        case .sigma(let sigma): "a blur of σ = \(sigma) doesn't exist: σ must be greater than 0"
        case .layers(let layers): "MULLER with \(layers) layers does nothing: at least 1 is needed, at most 64"
        case .oddList(let count):
            "the list of weights has \(count) numbers; pairs w1,b1,w2,b2,… of a weight and a bias for each layer "
                + "are needed"
        case .notANumber(let text): "'\(text)' in the list of weights isn't a finite number"
        case .layerCount(let found, let expected):
            "the weights are for \(found) layer\(found == 1 ? "" : "s"), but \(expected) "
                + "\(expected == 1 ? "is" : "are") asked for"
        case .names(let path, let found, let expected):
            "\(path): the tensors are named \(found.isEmpty ? "nothing" : found.joined(separator: ", ")); "
                + "\(expected.joined(separator: ", ")) are expected"
        case .shape(let path, let name, let found):
            "\(path): \(name) has shape \(found); a single number is expected"
        }
    }

    public var errorDescription: String? { description }
}
