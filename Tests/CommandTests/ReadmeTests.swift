import Foundation
import Mercer
import MercerImageIO
import Testing

@Suite struct ReadmeTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private let readme = try! String(
        contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)

    /// The first block of code of a language under a heading.
    private func block(_ language: String, under heading: String) throws -> [String] {
        let section = try #require(readme.components(separatedBy: "\n## \(heading)\n").dropFirst().first)
        let start = try #require(section.range(of: "```\(language)\n"))
        let end = try #require(section.range(of: "\n```", range: start.upperBound..<section.endIndex))
        return section[start.upperBound..<end.lowerBound].components(separatedBy: "\n")
    }

    @Test func theSwiftExampleIsTheCompiledOne() throws {
        let file = Self.root.appendingPathComponent("Tests/CommandTests/ReadmeExample.swift")
        let source = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\n")
        let begin = try #require(source.firstIndex { $0.contains("README begins") })
        let end = try #require(source.firstIndex { $0.contains("README ends") })
        let compiled = source[(begin + 1)..<end].map { $0.replacing(#/^ {4}/#, with: "") }
        let shown = try block("swift", under: "The library")
        #expect(shown.prefix(2) == ["import Mercer", ""])
        #expect(Array(shown.dropFirst(2)) == compiled)
    }

    @Test func theSwiftExampleFindsTheTruth() {
        #expect(readmeExample().item(Float.self) < 1e-4)
    }

    /// Each line as it stands, in a folder with two photographs. A quick run may miss bars (exit status 3).
    @Test func theCommandExampleRuns() throws {
        let folder = try TemporaryFolder()
        let photographs = folder.url.appendingPathComponent("photographs")
        try FileManager.default.createDirectory(at: photographs, withIntermediateDirectories: true)
        for (index, name) in ["a.jpg", "b.png"].enumerated() {
            let noise = Random.uniform(0..<1, [48, 64, 3], key: RandomKey(UInt64(index)))
            try Bitmap(noise).write(to: photographs.appendingPathComponent(name).path)
        }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let environment = [
            "PATH": "\(Command.executable.deletingLastPathComponent().path):\(path)",
            "XDG_DATA_HOME": folder.url.appendingPathComponent("data").path,
        ]
        let lines = try block("sh", under: "The command")
        #expect(lines.count == 5)
        for line in lines {
            let result = try Command.run(
                URL(fileURLWithPath: "/bin/sh"), ["-c", line], environment: environment, in: folder.url)
            #expect([0, 3].contains(result.status), "\(line)\n\(result.errors)")
        }
        #expect(FileManager.default.fileExists(atPath: folder.url.appendingPathComponent("small/a.jpg").path))
    }

    @Test func theTablesAreMadeFromTheResults() throws {
        let result = try Command.run(
            "tables", "README.md", "Results/CLAIMS.md", "Results/BENCHMARKS.md", "--check", in: Self.root)
        #expect(result.status == 0, "\(result.errors)")
    }
}
