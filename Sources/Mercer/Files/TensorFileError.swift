import Foundation

/// What is wrong with a file of tensors or tables, or why it couldn't be read or written.
///
/// Each case prints as one sentence that names the file, the place in it, what was found and what was expected.
public enum TensorFileError: Error, Hashable, Sendable {
    /// The system refused: `action` is what was tried ("open for reading"), `reason` what it answered.
    case system(path: String, action: String, reason: String)
    /// The contents break the rules of their format.
    case malformed(path: String, place: Place, found: String, expected: String)
    /// The contents may be right, but Mercer doesn't take them; `supported` says what it does.
    case unsupported(path: String, place: Place, found: String, supported: String)
    /// There is no entry of that name.
    case missing(path: String, name: String, available: [String])

    /// Where in a file.
    public enum Place: Hashable, Sendable {
        /// The file as a whole.
        case file
        /// An offset from its start.
        case byte(Int)
        /// A line, counted from 1.
        case line(Int)
        /// A tensor, an archive's member or a key.
        case entry(String)
        /// An offset within a tensor or an archive's member.
        case byteOfEntry(Int, String)
    }
}

extension TensorFileError: CustomStringConvertible, LocalizedError {
    public var description: String {
        switch self {
        case .system(let path, let action, let reason):
            return "\(path): cannot \(action): \(reason)."
        case .malformed(let path, let place, let found, let expected):
            return "\(path)\(place.text): found \(found), expected \(expected)."
        case .unsupported(let path, let place, let found, let supported):
            return "\(path)\(place.text): \(found) is not supported; supported: \(supported)."
        case .missing(let path, let name, let available):
            let shown = available.prefix(5).map(Self.quoted).joined(separator: ", ")
            let more = available.count > 5 ? " and \(available.count - 5) more" : ""
            let rest = available.isEmpty ? "it has none" : "it has \(shown)\(more)"
            return "\(path): there is no entry \(Self.quoted(name)); \(rest)."
        }
    }

    public var errorDescription: String? { description }

    /// A string from a file as it may stand in a message: short, without control characters.
    static func quoted(_ text: String) -> String {
        var safe = ""
        for scalar in text.unicodeScalars.prefix(80) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
                safe += "\\u{\(String(scalar.value, radix: 16))}"
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return "\"\(safe)\(text.unicodeScalars.count > 80 ? "…" : "")\""
    }

    /// The last system call's failure.
    static func lastSystemError(_ path: String, _ action: String) -> TensorFileError {
        .system(path: path, action: action, reason: String(cString: strerror(errno)))
    }
}

extension TensorFileError.Place {
    fileprivate var text: String {
        switch self {
        case .file: ""
        case .byte(let offset): ", byte \(offset)"
        case .line(let line): ", line \(line)"
        case .entry(let name): ", entry \(TensorFileError.quoted(name))"
        case .byteOfEntry(let offset, let name): ", entry \(TensorFileError.quoted(name)), byte \(offset)"
        }
    }
}
