import Foundation

/// The program `ffmpeg` as decoder and encoder of what isn't a YUV4MPEG2 stream.
public struct FFmpeg: Sendable {
    /// Endings of files that it is asked to read and write.
    public static let endings = ["mp4", "m4v", "mov", "mkv", "webm", "avi"]

    private let executable: String

    /// - Parameter path: of the file that needs it, for the error.
    /// - Throws: ``VideoError/noProgram(_:for:)`` where PATH doesn't have it.
    public init(for path: String) throws {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let found = folders.map { "\($0)/ffmpeg" }.first(where: FileManager.default.isExecutableFile(atPath:))
        guard let found else { throw VideoError.noProgram("ffmpeg", for: path) }
        executable = found
    }

    /// Whether a file name is for it.
    public static func isFor(_ path: String) -> Bool {
        endings.contains((path as NSString).pathExtension.lowercased())
    }

    /// Starts to decode a file's first video stream to 8-bit 420 frames at a constant rate.
    public func decoder(_ path: String) throws -> Running {
        try Running(
            executable,
            [
                "-nostdin", "-v", "error", "-i", path, "-map", "0:v:0", "-pix_fmt", "yuv420p", "-f",
                "yuv4mpegpipe", "-strict", "-1", "-",
            ], path: path, pipesOutput: true)
    }

    /// Starts to encode a stream of frames into a file; its sound is that of another file, unchanged.
    public func encoder(_ path: String, soundOf source: String?) throws -> Running {
        let sound = source.map { ["-i", $0, "-map", "0:v:0", "-map", "1:a?", "-c:a", "copy"] } ?? []
        return try Running(
            executable,
            ["-nostdin", "-v", "error", "-y", "-f", "yuv4mpegpipe", "-i", "pipe:0"] + sound
                + ["-pix_fmt", "yuv420p", path], path: path, pipesOutput: false)
    }

    /// A run of the program with a pipe from it or to it.
    public final class Running {
        /// Our end of the pipe.
        public let descriptor: Int32
        private let process = Process()
        private let path: String
        private let pipe = Pipe()
        private let log: URL
        private let pipesOutput: Bool
        private var isClosed = false

        fileprivate init(_ executable: String, _ arguments: [String], path: String, pipesOutput: Bool) throws {
            self.path = path
            self.pipesOutput = pipesOutput
            log = FileManager.default.temporaryDirectory.appending(path: "mercer-ffmpeg-\(UUID().uuidString)")
            try Data().write(to: log)
            process.executableURL = URL(filePath: executable)
            process.arguments = arguments
            process.standardError = try FileHandle(forWritingTo: log)
            process.standardInput = pipesOutput ? FileHandle.nullDevice : pipe
            process.standardOutput = pipesOutput ? pipe : FileHandle.nullDevice
            descriptor = (pipesOutput ? pipe.fileHandleForReading : pipe.fileHandleForWriting).fileDescriptor
            do {
                try process.run()
            } catch {
                throw VideoError.system(path, action: "start ffmpeg", reason: "\(error)")
            }
        }

        /// Closes the pipe and waits for the program's end.
        ///
        /// - Throws: ``VideoError/program(_:on:status:says:)`` where it failed.
        public func finish() throws {
            close()
            process.waitUntilExit()
            let says = ((try? String(contentsOf: log, encoding: .utf8)) ?? "")
                .split(separator: "\n").prefix(3).joined(separator: "; ")
            try? FileManager.default.removeItem(at: log)
            if process.terminationStatus != 0 {
                throw VideoError.program("ffmpeg", on: path, status: Int(process.terminationStatus), says: says)
            }
        }

        /// Ends the program, whatever it is at.
        public func stop() {
            close()
            if process.isRunning { process.terminate() }
            process.waitUntilExit()
            try? FileManager.default.removeItem(at: log)
        }

        private func close() {
            if isClosed { return }
            isClosed = true
            try? (pipesOutput ? pipe.fileHandleForReading : pipe.fileHandleForWriting).close()
        }
    }
}
