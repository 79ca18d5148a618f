/// What a file of parameters had, and what it hadn't, for a model.
public struct LoadReport: Sendable, CustomStringConvertible {
    /// A tensor whose shape isn't the parameter's.
    public struct Misshapen: Sendable, Hashable {
        public let key: String
        public let found: [Int]
        public let expected: [Int]
    }

    /// Keys of the model that were set.
    public internal(set) var loaded: [String] = []
    /// Keys of the model that the file doesn't have.
    public internal(set) var missing: [String] = []
    /// Keys of the file that the model doesn't have.
    public internal(set) var unexpected: [String] = []
    /// Tensors of other shapes than the model's; they were left out.
    public internal(set) var misshapen: [Misshapen] = []

    /// Whether the file and the model agree.
    public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty }

    public var description: String {
        var parts = ["\(loaded.count) tensors loaded"]
        if !missing.isEmpty { parts.append("missing \(LoadReport.list(missing))") }
        if !unexpected.isEmpty { parts.append("unexpected \(LoadReport.list(unexpected))") }
        if !misshapen.isEmpty {
            let shapes = misshapen.map { "\($0.key) of shape \($0.found) instead of \($0.expected)" }
            parts.append("wrong shapes: \(LoadReport.list(shapes))")
        }
        return parts.joined(separator: "; ")
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
    }
}

/// Why a model couldn't be loaded.
public enum ModelFileError: Error, CustomStringConvertible {
    /// The file and the model disagree, and the load was strict.
    case disagreement(path: String, LoadReport)

    public var description: String {
        switch self {
        case .disagreement(let path, let report):
            "\(path) doesn't fit the model: \(report); rename the keys, or load with strict: false"
        }
    }
}
