import Foundation
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Training that is killed at any moment goes on and ends with the same bits.
@Suite struct ResumeTests {
    /// The helper beside the test's own executable.
    private static let probe = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        .deletingLastPathComponent().appending(path: "training-probe")

    private func folder() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "resume-\(UUID().uuidString)")
    }

    /// Runs the probe; kills it `delay` seconds after it has printed `lines` lines. Its lines.
    private func run(_ folder: URL, threads: Int = 1, killAfter kill: (lines: Int, delay: Double)? = nil)
        throws -> [String]
    {
        let process = Process()
        process.executableURL = Self.probe
        process.arguments = [folder.path]
        process.environment = ProcessInfo.processInfo.environment.merging(["MERCER_THREADS": "\(threads)"]) {
            $1
        }
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        var text = ""
        while true {
            let data = pipe.fileHandleForReading.availableData
            if data.isEmpty { break }
            text += String(decoding: data, as: UTF8.self)
            if let kill, text.count(where: { $0 == "\n" }) >= kill.lines, process.isRunning {
                Thread.sleep(forTimeInterval: kill.delay)
                Glibc.kill(process.processIdentifier, SIGKILL)
            }
        }
        process.waitUntilExit()
        return text.split(separator: "\n").map(String.init)
    }

    @Test func killedTrainingEndsWithTheSameWeights() throws {
        let (whole, broken) = (folder(), folder())
        defer { for folder in [whole, broken] { try? FileManager.default.removeItem(at: folder) } }
        let expected = try #require(try run(whole).last)
        #expect(expected.hasPrefix("done "))
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<4 {
            let kill = (
                lines: Int.random(in: 1...12, using: &generator),
                delay: Double.random(in: 0...0.01, using: &generator)
            )
            _ = try run(broken, threads: 2, killAfter: kill)
        }
        let lines = try run(broken)
        #expect(lines.last == expected)
    }

    @Test func finishedTrainingStaysAsItIs() throws {
        let whole = folder()
        defer { try? FileManager.default.removeItem(at: whole) }
        let first = try run(whole)
        let second = try run(whole)
        #expect(first.count == 49)
        #expect(second == [first.last!])
        let left = try FileManager.default.contentsOfDirectory(atPath: whole.path).sorted()
        #expect(left == ["step-00000045", "step-00000048"])
    }
}
