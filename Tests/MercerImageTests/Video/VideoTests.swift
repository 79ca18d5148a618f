import Foundation
import Mercer
import MercerImage
import MercerNN
import Testing

@Suite struct VideoTests {
    private let folder: ScratchFolder

    init() throws { folder = try ScratchFolder() }

    private static let enlarger: VideoEnlarger = {
        let net = ESPCN(scale: 2, maps: (4, 4))
        net.initialize(RandomKey(1))
        return VideoEnlarger(net.fast)
    }()

    private static func header(_ text: String) throws -> Y4MHeader { try Y4MHeader(line: text, path: "clip") }

    /// A stream of frames whose bytes count up.
    private static func stream(_ line: String, frames: Int) throws -> [UInt8] {
        let header = try header(line)
        var bytes = Array((line + "\n").utf8)
        for frame in 0..<frames {
            bytes += Array("FRAME\n".utf8)
            bytes += (0..<header.frameBytes).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ frame &* 31) }
        }
        return bytes
    }

    private func reader(_ bytes: [UInt8]) throws -> Y4MReader {
        let url = folder.url.appending(path: "\(UUID().uuidString).y4m")
        try Data(bytes).write(to: url)
        return try Y4MReader(descriptor: open(url.path, O_RDONLY), path: "clip")
    }

    @Test func headersAreRead() throws {
        let header = try Self.header("YUV4MPEG2 W640 H361 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG")
        #expect(header.width == 640 && header.height == 361 && header.sampling == .s420)
        #expect(abs(header.rate! - 29.97) < 0.01)
        #expect(header.planes.map { $0.height } == [361, 181, 181] && header.planes[1].width == 320)
        #expect(
            header.line(width: 1280, height: 722) == "YUV4MPEG2 W1280 H722 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG")
        #expect(try Self.header("YUV4MPEG2 W6 H4 F25:1").sampling == .s420)
        #expect(try Self.header("YUV4MPEG2 W6 H4 F25:1 C444").frameBytes == 72)
        #expect(try Self.header("YUV4MPEG2 W6 H4 F25:1 C422").frameBytes == 48)
        #expect(try Self.header("YUV4MPEG2 W6 H4 F25:1 Cmono").frameBytes == 24)
    }

    @Test(arguments: [
        ("RIFF....AVI", "RIFF"), ("YUV4MPEG2 H4 F25:1", "no W"), ("YUV4MPEG2 W0 H4 F25:1", "no W"),
        ("YUV4MPEG2 W6 H4 F25:1 C420p10", "420p10"), ("YUV4MPEG2 W6 H4 F25:1 C444alpha", "444alpha"),
        ("YUV4MPEG2 W6 H4 F25:1 It C420", "interlaced"),
    ])
    func headersThatCannotBeReadSayWhy(_ line: String, _ word: String) {
        let error = #expect(throws: VideoError.self) { try Self.header(line) }
        #expect(error?.description.contains(word) == true)
    }

    @Test(arguments: ["C420jpeg", "C422", "C444", "Cmono"])
    func streamsAreEnlargedFrameByFrame(_ kind: String) throws {
        let line = "YUV4MPEG2 W9 H6 F25:1 Ip \(kind)"
        let bytes = try Self.stream(line, frames: 7)
        let output = folder.url.appending(path: "out.y4m")
        try Data().write(to: output)
        let target = open(output.path, O_WRONLY)
        let outcome = try Self.enlarger.run(
            try reader(bytes),
            to: { line in
                try Y4MWriter(line: line, descriptor: target, path: "out")
            })
        close(target)
        #expect(outcome.frames == 7 && outcome.problem == nil && outcome.after == [18, 12])
        // Each frame is what the enlarger makes of it alone.
        let header = try Self.header(line)
        let made = try Y4MReader(descriptor: open(output.path, O_RDONLY), path: "out")
        #expect(made.header.width == 18 && made.header.height == 12 && made.header.sampling == header.sampling)
        let source = try reader(bytes)
        while let frame = try source.next() {
            #expect(try made.next() == Self.enlarger.enlarged(frame, header))
        }
        #expect(try made.next() == nil)
    }

    @Test func colourFollowsTheBicubicFilter() throws {
        let header = try Self.header("YUV4MPEG2 W8 H6 F25:1 C444")
        let frame = (0..<header.frameBytes).map { UInt8(truncatingIfNeeded: $0 &* 11) }
        let large = Self.enlarger.enlarged(frame, header)
        let plane = Tensor(Array(frame[48..<96]), [6, 8, 1])
        let expected = Resample.imresize(plane, by: 2).toArray(UInt8.self)
        #expect(Array(large[192..<384]) == expected)
    }

    @Test func aStreamThatEndsEarlyGivesItsWholeFrames() throws {
        let bytes = try Self.stream("YUV4MPEG2 W8 H6 F25:1 C420", frames: 3)
        for missing in [1, 40, 73] {
            let output = open("/dev/null", O_WRONLY)
            let outcome = try Self.enlarger.run(
                try reader(Array(bytes.dropLast(missing))),
                to: { line in
                    try Y4MWriter(line: line, descriptor: output, path: "out")
                })
            close(output)
            #expect(outcome.frames == 2 && outcome.problem == .truncated("clip", frames: 2))
        }
    }

    /// The other end of the pipe reads two frames' worth and rests: the source isn't read far ahead.
    @Test func aSlowReaderSlowsTheSource() throws {
        var (input, output): ([Int32], [Int32]) = ([0, 0], [0, 0])
        #expect(pipe(&input) == 0 && pipe(&output) == 0)
        let line = "YUV4MPEG2 W320 H200 F25:1 Cmono"
        let bytes = try Self.stream(line, frames: 1)
        let frame = Array(bytes[(line.utf8.count + 1)...])
        let (source, sink) = (input[1], output[0])
        let written = Counter()
        let feeder = Thread {
            _ = (line + "\n").withCString { write(source, $0, strlen($0)) }
            for _ in 0..<30 {
                var done = 0
                while done < frame.count {
                    done += frame.withUnsafeBytes { write(source, $0.baseAddress! + done, frame.count - done) }
                }
                written.add()
            }
            close(source)
        }
        feeder.start()
        let (from, to) = (input[0], output[1])
        let enlarger = Self.enlarger
        let job = Thread {
            _ = try? enlarger.run(
                Y4MReader(descriptor: from, path: "clip"),
                to: { line in
                    try Y4MWriter(line: line, descriptor: to, path: "out")
                })
            close(to)
        }
        job.start()
        Thread.sleep(forTimeInterval: 1.5)
        let held = written.value
        #expect(held < 12)
        // Once somebody reads, all of it comes.
        var total = 0
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let got = read(sink, &buffer, buffer.count)
            if got <= 0 { break }
            total += got
        }
        #expect(written.value == 30)
        #expect(total == "YUV4MPEG2 W640 H400 F25:1 Cmono\n".utf8.count + 30 * (6 + 640 * 400))
        for end in [input[0], output[0]] { close(end) }
    }

    private final class Counter: @unchecked Sendable {
        private let lock = NSLock()
        private var count = 0
        var value: Int { lock.withLock { count } }
        func add() { lock.withLock { count += 1 } }
    }
}
