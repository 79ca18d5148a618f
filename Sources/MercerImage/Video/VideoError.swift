import Foundation

/// What can be wrong with a video.
public enum VideoError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// Not a YUV4MPEG2 stream.
    case header(String, found: String)
    /// A kind of samples, or of lines, that isn't read.
    case unsupported(String, found: String)
    /// The stream ends within a frame; the frames before are done.
    case truncated(String, frames: Int)
    /// A system call failed.
    case system(String, action: String, reason: String)
    /// The program that reads and writes other files than y4m isn't there.
    case noProgram(String, for: String)
    /// The program failed.
    case program(String, on: String, status: Int, says: String)

    public var description: String {
        switch self {
        case .header(let path, let found):
            "\(path): this is no YUV4MPEG2 stream: found \(found), expected a first line 'YUV4MPEG2 W… H… F…'"
        case .unsupported(let path, let found):
            "\(path): \(found) can't be read; progressive 8-bit 420, 422, 444 and mono streams can"
        case .truncated(let path, let frames):
            "\(path): the stream ends within frame \(frames + 1); the \(frames) whole frames before it are done"
        case .system(let path, let action, let reason): "\(path): can't \(action): \(reason)"
        case .noProgram(let name, let path):
            "\(path): the program '\(name)', which reads and writes such files, isn't found in PATH; install it "
                + "(Debian: apt install \(name)), or pipe a YUV4MPEG2 stream (.y4m)"
        case .program(let name, let path, let status, let says):
            "\(path): \(name) ended with status \(status)\(says.isEmpty ? "" : ": \(says)")"
        }
    }

    public var errorDescription: String? { description }

    static func lastSystemError(_ path: String, _ action: String) -> VideoError {
        .system(path, action: action, reason: String(cString: strerror(errno)))
    }
}
