import Foundation
import Mercer

/// A folder of training states, each complete: a state is written beside and renamed, and the newest few are kept.
///
/// A state is a folder `step-00001200` with `model.safetensors`, `optimizer.safetensors`, where there is a moving
/// average `average.safetensors`, and `state.json`.
public struct Checkpoints: Sendable {
    public let folder: URL
    /// How many of the newest states are kept.
    public let keep: Int

    public init(_ folder: URL, keep: Int = 3) {
        precondition(keep > 0, "Checkpoints: keeping \(keep) states")
        self.folder = folder
        self.keep = keep
    }

    /// The numbers of the steps that there are states of, rising.
    public func steps() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.compactMap { name in
            name.hasPrefix("step-") ? Int(name.dropFirst("step-".count)) : nil
        }.sorted()
    }

    /// The folder of a step's state.
    public func url(step: Int) -> URL {
        let digits = String(step)
        return folder.appending(
            path: "step-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits)
    }

    /// Writes the state of a step: `write` fills a folder that is then renamed. Older states go.
    public func save(step: Int, _ write: (URL) throws -> Void) throws {
        let files = FileManager.default
        let partial = folder.appending(path: "partial")
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        if files.fileExists(atPath: partial.path) { try files.removeItem(at: partial) }
        try files.createDirectory(at: partial, withIntermediateDirectories: false)
        try write(partial)
        try moveAside(url(step: step))
        try files.moveItem(at: partial, to: url(step: step))
        for old in steps().dropLast(keep) { try moveAside(url(step: old)) }
    }

    /// Removes a state. It is renamed first, so that a kill in between leaves none that looks whole.
    private func moveAside(_ state: URL) throws {
        let files = FileManager.default
        let removed = folder.appending(path: "removed")
        if files.fileExists(atPath: removed.path) { try files.removeItem(at: removed) }
        guard files.fileExists(atPath: state.path) else { return }
        try files.moveItem(at: state, to: removed)
        try files.removeItem(at: removed)
    }
}

/// Why training couldn't go on from a state.
public enum CheckpointError: Error, CustomStringConvertible {
    /// The state isn't what this training would have written.
    case mismatch(path: String, found: String, expected: String)
    case unreadable(path: String, reason: String)

    public var description: String {
        switch self {
        case .mismatch(let path, let found, let expected):
            "\(path): the state is of \(found), this training has \(expected); use another folder"
        case .unreadable(let path, let reason):
            "\(path): the training state can't be read (\(reason)); remove it to go on from the one before"
        }
    }
}
