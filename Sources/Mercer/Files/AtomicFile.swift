import Foundation

/// A file that appears under its name only when it is complete.
///
/// The bytes go to a hidden file beside the destination, which is flushed to disk and then renamed over it. Where
/// anything fails the hidden file is removed and the old contents stay as they were. The permissions of a file that
/// is replaced are kept; a symbolic link stays a link and its target is replaced. A destination that isn't a
/// regular file (a pipe, `/dev/stdout`) is written to directly.
///
/// ```swift
/// try AtomicFile.write(to: "table.csv") { file in
///     try file.write("name,value\n")
/// }
/// ```
public final class AtomicFile {
    /// The destination.
    let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 16

    /// Bytes written so far.
    public private(set) var position = 0

    private init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    /// Writes a file through `body`; it takes the place of `path` when `body` returns.
    public static func write<R>(to path: String, _ body: (AtomicFile) throws -> R) throws -> R {
        try replacing(path) { temporary in
            let flags = O_WRONLY | O_CLOEXEC
            let descriptor = open(temporary, flags)
            guard descriptor >= 0 else { throw TensorFileError.lastSystemError(path, "open for writing") }
            defer { close(descriptor) }
            let file = AtomicFile(path: path, descriptor: descriptor)
            let result = try body(file)
            try file.flush()
            return result
        }
    }

    /// Writes bytes as a whole file.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { try $0.write(bytes) }
    }

    /// Writes text as a whole file, in UTF-8.
    public static func write(_ text: String, to path: String) throws {
        try write(to: path) { try $0.write(text) }
    }

    /// For writers that want a path of their own: `body` writes to the path it is given, an empty file with the
    /// same extension in the same folder, which then takes the place of `path`.
    public static func replacing<R>(_ path: String, _ body: (_ temporaryPath: String) throws -> R) throws -> R {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists && status.st_mode & S_IFMT == S_IFDIR {
            throw TensorFileError.system(path: path, action: "write", reason: "it is a folder")
        }
        if exists && status.st_mode & S_IFMT != S_IFREG { return try body(path) }
        let target = resolved(path)
        let temporary = try create(beside: target, path)
        do {
            if exists { keepOwnership(status, temporary) }
            let result = try body(temporary)
            try synchronize(temporary, path)
            guard rename(temporary, target) == 0 else {
                throw TensorFileError.lastSystemError(path, "replace")
            }
            // The name itself reaches the disk with its folder; where a file system can't do that it is not an error.
            let folder = open(self.folder(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            if folder >= 0 {
                fsync(folder)
                close(folder)
            }
            return result
        } catch {
            unlink(temporary)
            throw error
        }
    }

    // MARK: Writing

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        position += bytes.count
        if buffer.count + bytes.count <= Self.bufferSize {
            buffer.append(contentsOf: bytes)
            return
        }
        try flush()
        if bytes.count >= Self.bufferSize {
            try send(bytes)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }

    /// Appends text in UTF-8.
    public func write(_ text: String) throws {
        var text = text
        try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
    }

    private func flush() throws {
        try buffer.withUnsafeBytes { try send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            // The kernel takes no more than 2 GiB at once.
            let sent = Foundation.write(descriptor, part.baseAddress, min(part.count, 1 << 30))
            if sent < 0 {
                if errno == EINTR { continue }
                throw TensorFileError.lastSystemError(path, "write")
            }
            rest = rest.dropFirst(sent)
        }
    }

    // MARK: The file beside

    /// An empty file of a new name in the folder of `target`. The kernel applies the user's mask to its permissions.
    private static func create(beside target: String, _ path: String) throws -> String {
        let folder = folder(of: target)
        let name = target.split(separator: "/").last.map(String.init) ?? "file"
        for _ in 0..<100 {
            let tag = String(UInt64.random(in: 0 ... .max), radix: 36)
            let temporary = "\(folder)/.\(tag)-\(shortened(name))"
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
            if descriptor >= 0 {
                close(descriptor)
                return temporary
            }
            if errno != EEXIST { break }
        }
        throw TensorFileError.lastSystemError(path, "create a file in \(folder)")
    }

    /// The end of a file name, so that the whole stays below the system's limit of 255 bytes.
    private static func shortened(_ name: String) -> String {
        var kept = Substring(name)
        while kept.utf8.count > 200 { kept = kept.dropFirst() }
        return String(kept)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The file that a path of symbolic links leads to; itself where it is no link or leads nowhere.
    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }

    /// Permissions and, where allowed, the owner of the file that is replaced.
    private static func keepOwnership(_ status: stat, _ temporary: String) {
        _ = chown(temporary, status.st_uid, status.st_gid)
        chmod(temporary, status.st_mode & 0o7777)
    }

    private static func synchronize(_ temporary: String, _ path: String) throws {
        let descriptor = open(temporary, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TensorFileError.lastSystemError(path, "reopen") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw TensorFileError.lastSystemError(path, "flush to disk") }
    }
}
