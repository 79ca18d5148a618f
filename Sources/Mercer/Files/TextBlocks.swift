import Foundation

/// A table of text of any length in blocks of whole records, read once from front to end: memory for a block, however long
/// the file. Line breaks inside quoted fields end no record.
///
/// ```swift
/// let blocks = try TextBlocks(contentsOf: "data.csv")
/// var reader: CSVReader?
/// while let block = try blocks.next() {
///     let part = try reader.map { CSVReader(block, after: $0) } ?? CSVReader(block)
///     while try part.next() { print(part.number(0) ?? .nan) }
///     reader = part
/// }
/// ```
public final class TextBlocks {
    /// What errors call the text.
    public let name: String
    /// Bytes that are read at a time.
    private let size: Int
    private let descriptor: Int32
    /// Unpacked gzip, which is one block.
    private var unpacked: FileContents?
    /// Bytes that were read and not yet handed out.
    private var buffer: [UInt8] = []
    /// How far the buffer was looked at, and where the last record in it ends.
    private var scanned = 0
    private var recordEnd = 0
    private var place = Place.start
    private var delimiter: UInt8?
    private var isAtEnd = false

    /// Where in a record a byte stands.
    private enum Place { case start, plain, quoted, afterQuote }

    /// Opens a file; `-` is the standard input. Where it is gzip it is read whole and unpacked in memory.
    ///
    /// - Parameter size: bytes that are read at a time; a record that is longer makes its block longer.
    /// - Throws: ``TensorFileError``.
    public init(contentsOf path: String, size: Int = 1 << 22) throws {
        precondition(size >= 2, "TextBlocks: blocks of \(size) bytes")
        self.size = size
        name = path == "-" ? "standard input" : path
        descriptor = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TensorFileError.lastSystemError(path, "open for reading") }
        try fill()
        guard buffer.starts(with: [0x1f, 0x8b]) else { return }
        while !isAtEnd { try fill() }
        unpacked = try Gzip.unpacked(FileContents(buffer, name: name))
        buffer = []
    }

    deinit { if descriptor > STDIN_FILENO { close(descriptor) } }

    /// The next records, nil at the end.
    public func next() throws -> FileContents? {
        if let whole = unpacked {
            unpacked = nil
            return whole.count > 0 ? whole : nil
        }
        while true {
            scan()
            if recordEnd > 0 || isAtEnd { break }
            try fill()
        }
        let end = isAtEnd && recordEnd == 0 ? buffer.count : recordEnd
        guard end > 0 else { return nil }
        let block = FileContents(Array(buffer[..<end]), name: name)
        buffer.removeSubrange(..<end)
        scanned -= end
        recordEnd = 0
        return block
    }

    /// Reads on by a whole block, also from a pipe, which gives less at a time.
    private func fill() throws {
        var filled = buffer.count
        let wanted = filled + size
        buffer.append(contentsOf: repeatElement(0, count: size))
        while filled < wanted && !isAtEnd {
            let got = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + filled, wanted - filled) }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw TensorFileError.lastSystemError(name, "read") }
            filled += got
            isAtEnd = got == 0
        }
        buffer.removeLast(wanted - filled)
    }

    /// Looks at the bytes that are new for the end of the last record.
    private func scan() {
        guard scanned < buffer.count else { return }
        buffer.withUnsafeBytes { bytes in
            let mark = delimiter ?? CSVReader.detectDelimiter(bytes)
            delimiter = mark
            var place = self.place
            for i in scanned..<bytes.count {
                let byte = bytes[i]
                if place == .quoted {
                    if byte == 0x22 { place = .afterQuote }
                } else if byte == 0x0a {
                    place = .start
                    recordEnd = i + 1
                } else if byte == mark {
                    place = .start
                } else if byte == 0x22 && place != .plain {
                    // Behind a closing mark it is a doubled one, which opens the field again.
                    place = .quoted
                } else {
                    place = .plain
                }
            }
            self.place = place
            scanned = bytes.count
        }
    }
}
