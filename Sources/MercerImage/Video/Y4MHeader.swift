/// The first line of a YUV4MPEG2 stream: sizes, rate, and how colour is sampled.
public struct Y4MHeader: Sendable, Hashable {
    /// How many luma samples share one of colour.
    public enum Sampling: Sendable, Hashable {
        case mono, s420, s422, s444

        /// Luma samples a colour sample, across and down; nil without colour.
        public var step: (x: Int, y: Int)? {
            switch self {
            case .mono: nil
            case .s420: (2, 2)
            case .s422: (2, 1)
            case .s444: (1, 1)
            }
        }
    }

    public var width: Int
    public var height: Int
    public let sampling: Sampling
    /// The words of the line but W and H, as they stood there.
    public let words: [String]

    /// Frames a second; nil where the line doesn't say.
    public var rate: Double? {
        guard let word = words.first(where: { $0.hasPrefix("F") }) else { return nil }
        let numbers = word.dropFirst().split(separator: ":").compactMap { Double($0) }
        return numbers.count == 2 && numbers[1] > 0 ? numbers[0] / numbers[1] : nil
    }

    /// - Parameters:
    ///   - line: the first line without its end.
    ///   - path: what the stream is called in errors.
    public init(line: String, path: String) throws {
        let all = line.split(separator: " ").map(String.init)
        guard all.first == "YUV4MPEG2" else {
            throw VideoError.header(path, found: "'\(line.prefix(24))'")
        }
        func number(_ letter: String) throws -> Int {
            guard let word = all.dropFirst().first(where: { $0.hasPrefix(letter) }),
                let value = Int(word.dropFirst()), (1...65_500).contains(value)
            else { throw VideoError.header(path, found: "no \(letter) with a size from 1 to 65500 in '\(line)'") }
            return value
        }
        width = try number("W")
        height = try number("H")
        words = all.dropFirst().filter { !$0.hasPrefix("W") && !$0.hasPrefix("H") }
        let colour = words.first { $0.hasPrefix("C") }.map { String($0.dropFirst()) } ?? "420"
        switch colour {
        case "420", "420jpeg", "420mpeg2", "420paldv": sampling = .s420
        case "422": sampling = .s422
        case "444": sampling = .s444
        case "mono": sampling = .mono
        default: throw VideoError.unsupported(path, found: "samples of the kind '\(colour)'")
        }
        if let lines = words.first(where: { $0.hasPrefix("I") }), !["Ip", "I?"].contains(lines) {
            throw VideoError.unsupported(path, found: "interlaced lines ('\(lines)')")
        }
    }

    /// The line for frames of another size, without its end.
    public func line(width: Int, height: Int) -> String {
        (["YUV4MPEG2", "W\(width)", "H\(height)"] + words).joined(separator: " ")
    }

    /// Height and width of the planes: luma, then both of colour.
    public var planes: [(height: Int, width: Int)] {
        guard let step = sampling.step else { return [(height, width)] }
        let colour = ((height + step.y - 1) / step.y, (width + step.x - 1) / step.x)
        return [(height, width), colour, colour]
    }

    /// Bytes of a frame.
    public var frameBytes: Int { planes.reduce(0) { $0 + $1.height * $1.width } }
}
