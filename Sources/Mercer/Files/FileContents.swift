import Foundation

/// The bytes of a file, mapped into memory or held there: what the readers of all formats work on.
///
/// A mapped file costs no memory until it is touched, and tensors over it share its pages with other processes.
/// It must not be truncated by somebody else while a tensor over it lives: the system stops a process that reads
/// pages that are gone. Files written by Mercer are replaced, never truncated, so a mapping of the old one stays
/// whole.
public final class FileContents: Sendable {
    /// The path, or a name for bytes from elsewhere; it stands in error messages.
    public let path: String
    /// The bytes.
    let storage: Storage
    /// Where they start in the storage.
    private let start: Int
    /// The number of bytes.
    public let count: Int

    /// Maps a regular file; anything else (a pipe, standard input) is read to its end.
    public init(mapping path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw TensorFileError.lastSystemError(path, "open for reading") }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw TensorFileError.lastSystemError(path, "inspect") }
        self.path = path
        start = 0
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            throw TensorFileError.system(path: path, action: "read", reason: "it is a folder")
        case S_IFREG where status.st_size > 0:
            let size = Int(status.st_size)
            let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0)
            guard let address, address != MAP_FAILED else {
                throw TensorFileError.lastSystemError(path, "map")
            }
            let bits = UInt(bitPattern: address)
            storage = Storage(borrowing: address, byteCount: size) {
                munmap(UnsafeMutableRawPointer(bitPattern: bits), size)
            }
            count = size
        default:
            let bytes = try Self.readToEnd(file, path)
            storage = Self.copy(bytes)
            count = bytes.count
        }
    }

    /// Bytes that are in memory already; they are copied. `name` stands for the path in messages.
    public init(_ bytes: [UInt8], name: String) {
        path = name
        storage = Self.copy(bytes)
        start = 0
        count = bytes.count
    }

    /// Bytes of a storage, a member of an archive for instance.
    init(_ storage: Storage, _ range: Range<Int>, name: String) {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= storage.byteCount, "FileContents: bytes \(range)")
        path = name
        self.storage = storage
        start = range.lowerBound
        count = range.count
    }

    /// A part of the bytes under a name of its own; nothing is copied.
    func part(_ range: Range<Int>, name: String) -> FileContents {
        FileContents(storage, (start + range.lowerBound)..<(start + range.upperBound), name: name)
    }

    /// The bytes, valid inside the call.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withExtendedLifetime(storage) {
            try body(UnsafeRawBufferPointer(start: storage.pointer + start, count: count))
        }
    }

    /// A tensor over the bytes from `offset`, which the caller has checked to be inside the file. It shares the
    /// file's memory where the offset suits the type, and is a copy where not or where `copied` asks for one.
    ///
    /// - Throws: where a `bool` tensor has a byte that is neither 0 nor 1.
    func tensor(at offset: Int, _ shape: [Int], _ dtype: DType, entry: String? = nil, copied: Bool = false)
        throws
        -> Tensor
    {
        let size = Shape.count(shape) * dtype.size
        precondition(
            offset >= 0 && offset + size <= count, "FileContents: bytes \(offset)..<\(offset + size)")
        let first = start + offset
        let bytes = UnsafeRawBufferPointer(start: storage.pointer + first, count: size)
        if dtype == .bool, let odd = bytes.firstIndex(where: { $0 > 1 }) {
            throw TensorFileError.malformed(
                path: path, place: entry.map { .byteOfEntry(odd, $0) } ?? .byte(offset + odd),
                found: "\(bytes[odd]) in a bool tensor", expected: "0 or 1")
        }
        // A storage starts at a multiple of every element's size.
        if copied || first % dtype.size != 0 { return Tensor(bytes: bytes, shape, dtype) }
        return Tensor(storage: storage, shape: shape, offset: first / dtype.size, dtype: dtype)
    }

    private static func copy(_ bytes: [UInt8]) -> Storage {
        let storage = Storage(byteCount: bytes.count)
        bytes.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { storage.pointer.copyMemory(from: base, byteCount: bytes.count) }
        }
        return storage
    }

    private static func readToEnd(_ file: Int32, _ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = read(file, &chunk, chunk.count)
            if got == 0 { return bytes }
            if got < 0 {
                if errno == EINTR { continue }
                throw TensorFileError.lastSystemError(path, "read")
            }
            bytes += chunk[..<got]
        }
    }
}
