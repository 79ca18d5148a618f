import Foundation
import Mercer

/// What the files of private releases have in common: safetensors with the sanitised arrays alone, and as metadata the
/// format, whether the noise was private, and the public record.
struct ReleaseFile<Record: Codable> {
    /// The format's name and version.
    let format: String
    /// What such a file holds, and the command that makes one.
    let content: String
    let maker: String

    func save(
        _ tensors: [String: Tensor], _ record: Record, isPrivate: Bool, metadata: [String: String] = [:],
        to path: String
    ) throws {
        let own = [
            "format": format, "private": isPrivate ? "yes" : "NOT PRIVATE: the noise came from a seed",
            "release": try Self.text(record),
        ]
        try saveTensors(tensors, to: path, metadata: metadata.merging(own) { $1 })
    }

    /// Whether a file says that it is one of these.
    func isFormat(of path: String) throws -> Bool { try Safetensors(contentsOf: path).metadata["format"] == format }

    /// - Throws: ``KernelMethodError/file(_:reason:)`` for files that hold something else, ``TensorFileError``.
    func open(_ path: String) throws -> (file: Safetensors, record: Record) {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["format"] == format else {
            throw KernelMethodError.file(
                path,
                reason: "it isn't \(content)" + (file.metadata["format"].map { " (its format is '\($0)')" } ?? "")
                    + "; '\(maker)' makes one")
        }
        guard let record = Self.decoded(file.metadata["release"], Record.self) else { throw unreadable(path) }
        return (file, record)
    }

    func unreadable(_ path: String) -> KernelMethodError {
        .file(path, reason: "its record of the release can't be read")
    }

    static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decoded<Value: Decodable>(_ text: String?, _ type: Value.Type) -> Value? {
        text.flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
    }
}
