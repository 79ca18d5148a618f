import Foundation
import MercerImageIO

/// A picture file and where its result goes.
public struct PictureFile: Sendable, Hashable {
    public let input: String
    public let output: String

    public init(input: String, output: String) {
        self.input = input
        self.output = output
    }
}

/// What can be wrong with a list of picture files.
public enum PictureFilesError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case nothing([String])
    case oneOutput(String, inputs: Int)
    case sameOutput(String, String, String)
    case unreadableFolder(String, reason: String)

    public var description: String {
        switch self {
        case .nothing(let inputs):
            "no picture is found in \(inputs.joined(separator: ", ")); png, jpg, webp, tif, gif, heic and avif files "
                + "are looked for"
        case .oneOutput(let output, let inputs):
            "\(output) names one file, but there are \(inputs) pictures; name a folder"
        case .sameOutput(let first, let second, let output):
            "\(first) and \(second) would both become \(output); resize them into different folders"
        case .unreadableFolder(let path, let reason): "\(path): the folder can't be read: \(reason)"
        }
    }

    public var errorDescription: String? { description }
}

extension PictureFile {
    /// The files that inputs stand for, with their outputs.
    ///
    /// - Parameters:
    ///   - inputs: files, folders (their pictures, mirrored under `output`) and patterns with `*`, `?`, `[…]`.
    ///   - output: a folder, or for one file a name with a picture's ending.
    ///   - format: replaces the endings of the names.
    /// - Throws: ``PictureFilesError``.
    public static func plan(
        _ inputs: [String], output: String, format: ImageFormat? = nil
    ) throws -> [PictureFile] {
        var found: [(input: String, place: String)] = []
        var fromFolders = false
        for input in inputs {
            if isFolder(input) {
                fromFolders = true
                found += try pictures(in: input, except: output).map { (join(input, $0), $0) }
            } else if !FileManager.default.fileExists(atPath: input), input.contains(where: { "*?[".contains($0) }) {
                let matches = matches(of: input)
                if matches.isEmpty { throw PictureFilesError.nothing([input]) }
                for match in matches {
                    if isFolder(match) {
                        let name = (match as NSString).lastPathComponent
                        found += try pictures(in: match, except: output).map { (join(match, $0), join(name, $0)) }
                    } else if ImageFormat(fileName: match) != nil {
                        found.append((match, (match as NSString).lastPathComponent))
                    }
                }
            } else {
                found.append((input, (input as NSString).lastPathComponent))
            }
        }
        if found.isEmpty { throw PictureFilesError.nothing(inputs) }
        if ImageFormat(fileName: output) != nil, !isFolder(output) {
            guard found.count == 1, !fromFolders else {
                throw PictureFilesError.oneOutput(output, inputs: found.count)
            }
            return [PictureFile(input: found[0].input, output: output)]
        }
        var taken: [String: String] = [:]
        return try found.map { input, place in
            var name = place
            if let format, ImageFormat(fileName: place) != format {
                name = (place as NSString).deletingPathExtension + "." + (format == .jpeg ? "jpg" : format.rawValue)
            }
            let target = join(output, name)
            if let other = taken.updateValue(input, forKey: target), other != input {
                throw PictureFilesError.sameOutput(other, input, target)
            }
            return PictureFile(input: input, output: target)
        }
    }

    /// Whether both are the same file.
    public var replacesInput: Bool {
        guard let a = realpath(input, nil), let b = realpath(output, nil) else { return false }
        defer {
            free(a)
            free(b)
        }
        return strcmp(a, b) == 0
    }

    static func isFolder(_ path: String) -> Bool {
        var folder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &folder) && folder.boolValue
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty ? name : folder.hasSuffix("/") ? folder + name : folder + "/" + name
    }

    /// The pictures of a folder and those below, as paths from it, sorted; hidden ones and those of the output's
    /// folder are left out.
    private static func pictures(in folder: String, except output: String) throws -> [String] {
        let own = realpath(output, nil).map { path in
            defer { free(path) }
            return String(cString: path)
        }
        var result: [String] = []
        func walk(_ relative: String) throws {
            let path = relative.isEmpty ? folder : join(folder, relative)
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: path)
            } catch {
                throw PictureFilesError.unreadableFolder(path, reason: error.localizedDescription)
            }
            for name in names.sorted() where !name.hasPrefix(".") {
                let inner = join(relative, name)
                let full = join(folder, inner)
                if isFolder(full) {
                    let real = realpath(full, nil).map { path in
                        defer { free(path) }
                        return String(cString: path)
                    }
                    let isLink = (try? FileManager.default.destinationOfSymbolicLink(atPath: full)) != nil
                    if real != own && !isLink { try walk(inner) }
                } else if ImageFormat(fileName: name) != nil {
                    result.append(inner)
                }
            }
        }
        try walk("")
        return result
    }

    private static func matches(of pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
