import Foundation

/// Mercer's folders in a user's home, after the XDG Base Directory Specification.
public enum UserFolders {
    /// For what should last: `$XDG_DATA_HOME/mercer`, by default `~/.local/share/mercer`.
    public static var data: URL { folder("XDG_DATA_HOME", default: ".local/share") }

    /// For what can be made again: `$XDG_CACHE_HOME/mercer`, by default `~/.cache/mercer`.
    public static var cache: URL { folder("XDG_CACHE_HOME", default: ".cache") }

    /// The specification says that a relative path in the variable is to be ignored.
    private static func folder(_ variable: String, default path: String) -> URL {
        if let value = ProcessInfo.processInfo.environment[variable], value.hasPrefix("/") {
            return URL(fileURLWithPath: value, isDirectory: true).appendingPathComponent("mercer")
        }
        return FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(path)
            .appendingPathComponent("mercer")
    }
}
