import Foundation

/// Text for people and programs: colours on terminals only, aligned columns, JSON.
enum Console {
    /// A stream of text, and whether somebody looks at it.
    struct Stream: Sendable {
        let descriptor: Int32
        let isTerminal: Bool
        let hasColours: Bool

        init(_ descriptor: Int32) {
            let environment = ProcessInfo.processInfo.environment
            self.descriptor = descriptor
            isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
            hasColours = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty
        }

        /// How many characters stand on a line: of the terminal, else 100.
        var width: Int {
            var size = winsize()
            guard isTerminal, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 20 else {
                return 100
            }
            return Int(size.ws_col)
        }

        func styled(_ text: String, _ styles: Style...) -> String {
            guard hasColours, !text.isEmpty, !styles.isEmpty else { return text }
            return styles.map { "\u{1B}[\($0.rawValue)m" }.joined() + text + "\u{1B}[0m"
        }

        func write(_ text: String) {
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
                if written < 0 {
                    guard errno == EINTR || errno == EAGAIN else { return }
                } else {
                    bytes = bytes.dropFirst(written)
                }
            }
        }
    }

    enum Style: Int { case bold = 1, dim = 2, red = 31, green = 32, yellow = 33, blue = 34 }

    static let output = Stream(STDOUT_FILENO)
    static let errors = Stream(STDERR_FILENO)

    /// Writes a line to the standard output.
    static func print(_ line: String = "") { output.write(line + "\n") }

    /// Writes a remark to the standard error output, so that a pipe gets results only.
    static func remark(_ line: String) { errors.write(line + "\n") }

    /// Writes a value as JSON with sorted keys.
    static func print(json value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        // JSON has no numbers for these.
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Breaks a text into lines of at most `width` characters.
    static func wrapped(_ text: String, width: Int, indent: String = "") -> String {
        var lines: [String] = []
        var line = indent
        for word in text.split(separator: " ") {
            if line.count > indent.count, line.count + 1 + word.count > width {
                lines.append(line)
                line = indent
            }
            line += (line.count > indent.count ? " " : "") + word
        }
        return (lines + [line]).joined(separator: "\n")
    }
}
