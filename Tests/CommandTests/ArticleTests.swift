import Foundation
import Testing

/// The worked examples of the articles on kernel methods, line by line as they stand.
@Suite struct ArticleTests {
    private static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/MercerKernelMethods/Documentation.docc")

    /// Each command succeeds and prints what the lines after it that start with `#` say.
    @Test(arguments: [
        "DeepKernelMachines", "DensityInLargeDimensions", "InfiniteNetworks", "OptimalSampling", "PrivateSimilarities",
        "QuantumKernels",
    ])
    func theWorkedExampleRuns(_ article: String) throws {
        let text = try String(
            contentsOf: Self.folder.appendingPathComponent("\(article).md"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n### A worked example\n").dropFirst().first)
        let start = try #require(section.range(of: "```sh\n"))
        let end = try #require(section.range(of: "\n```", range: start.upperBound..<section.endIndex))
        let scratch = try TemporaryFolder()
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let environment = ["PATH": "\(Command.executable.deletingLastPathComponent().path):\(path)"]
        var printed = ""
        for line in section[start.upperBound..<end.lowerBound].components(separatedBy: "\n") {
            if line.hasPrefix("# ") {
                #expect(printed.contains(line.dropFirst(2)), "'\(line)' isn't in\n\(printed)")
                continue
            }
            let result = try Command.run(
                URL(fileURLWithPath: "/bin/sh"), ["-c", line], environment: environment, in: scratch.url)
            #expect(result.status == 0, "\(line)\n\(result.errors)")
            printed = result.output + result.errors
        }
    }
}
