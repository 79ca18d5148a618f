import Foundation

/// Reads a YUV4MPEG2 stream frame by frame from a file, a pipe or a terminal's input.
public final class Y4MReader {
    public let header: Y4MHeader
    /// Whole frames read so far.
    public private(set) var frames = 0
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8]
    private var position = 0

    /// - Parameters:
    ///   - descriptor: is read from; the caller closes it.
    ///   - beginning: bytes that were already read.
    ///   - path: what the stream is called in errors.
    public init(descriptor: Int32, beginning: [UInt8] = [], path: String) throws {
        self.descriptor = descriptor
        self.path = path
        buffer = beginning
        var position = 0
        let line = try Self.line(descriptor, &buffer, &position, path)
        guard let line else { throw VideoError.header(path, found: "an empty stream") }
        header = try Y4MHeader(line: line, path: path)
        self.position = position
    }

    /// The next frame's planes one after the other; nil at the end of the stream.
    ///
    /// - Throws: ``VideoError/truncated(_:frames:)`` where the stream ends within it.
    public func next() throws -> [UInt8]? {
        let line: String?
        do {
            line = try Self.line(descriptor, &buffer, &position, path)
        } catch VideoError.truncated {
            throw VideoError.truncated(path, frames: frames)
        }
        guard let line else { return nil }
        guard line == "FRAME" || line.hasPrefix("FRAME ") else {
            throw VideoError.header(path, found: "'\(line.prefix(24))' where frame \(frames + 1) begins")
        }
        let count = header.frameBytes
        var frame = [UInt8](repeating: 0, count: count)
        let kept = min(count, buffer.count - position)
        frame.replaceSubrange(0..<kept, with: buffer[position..<(position + kept)])
        position += kept
        if position == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            position = 0
        }
        var filled = kept
        while filled < count {
            let got = try frame.withUnsafeMutableBytes { bytes in
                try Self.read(descriptor, bytes.baseAddress! + filled, count - filled, path)
            }
            if got == 0 { throw VideoError.truncated(path, frames: frames) }
            filled += got
        }
        frames += 1
        return frame
    }

    /// The next line without its end; nil where nothing follows.
    private static func line(
        _ descriptor: Int32, _ buffer: inout [UInt8], _ position: inout Int, _ path: String
    ) throws -> String? {
        let longest = 4096
        while true {
            if let end = buffer[position...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { position = end + 1 }
                return String(decoding: buffer[position..<end], as: UTF8.self)
            }
            if buffer.count - position > longest {
                throw VideoError.header(path, found: "a line of more than \(longest) bytes")
            }
            buffer.removeFirst(position)
            position = 0
            var chunk = [UInt8](repeating: 0, count: 1 << 12)
            let got = try chunk.withUnsafeMutableBytes { try read(descriptor, $0.baseAddress!, $0.count, path) }
            if got == 0 {
                if buffer.isEmpty { return nil }
                throw buffer.count < 10
                    ? VideoError.truncated(path, frames: 0)
                    : VideoError.header(path, found: "'\(String(decoding: buffer.prefix(24), as: UTF8.self))'")
            }
            buffer.append(contentsOf: chunk[..<got])
        }
    }

    private static func read(
        _ descriptor: Int32, _ to: UnsafeMutableRawPointer, _ count: Int, _ path: String
    ) throws -> Int {
        while true {
            let got = Foundation.read(descriptor, to, count)
            if got >= 0 { return got }
            if errno != EINTR { throw VideoError.lastSystemError(path, "read") }
        }
    }
}

/// Writes a YUV4MPEG2 stream frame by frame.
public final class Y4MWriter {
    private let path: String
    private let descriptor: Int32

    /// - Parameters:
    ///   - line: the first line without its end.
    ///   - descriptor: is written to; the caller closes it.
    public init(line: String, descriptor: Int32, path: String) throws {
        self.descriptor = descriptor
        self.path = path
        try write(Array((line + "\n").utf8))
    }

    /// Writes a frame, its planes one after the other. Waits while the other end of a pipe doesn't read.
    public func write(frame: [UInt8]) throws {
        try write(Array("FRAME\n".utf8))
        try write(frame)
    }

    private func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { bytes in
            var done = 0
            while done < bytes.count {
                let sent = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                if sent < 0 {
                    if errno == EINTR { continue }
                    throw VideoError.lastSystemError(path, "write")
                }
                done += sent
            }
        }
    }
}
