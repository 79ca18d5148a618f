import Foundation
import Testing

@Suite struct UsageTests {
    @Test(arguments: [
        ["nonsense"], ["run"], ["run", "muller", "--bogus"], ["run", "muller", "--seed", "many"],
        ["run", "muller", "--seeds", "0"], ["papers", "--area", "cooking"], ["papers", "muller", "--works"],
    ])
    func wrongUsageEndsWith64(_ arguments: [String]) throws {
        let result = try Command.run(Command.executable, arguments)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("mercer: "))
        #expect(result.errors.contains("Usage: mercer"))
    }

    @Test func helpNamesTheVerbsAndTheExitCodes() throws {
        let result = try Command.run("--help")
        #expect(result.status == 0)
        for word in ["papers", "run", "64 wrong usage"] { #expect(result.output.contains(word)) }
    }

    @Test func versionIsANumber() throws {
        let result = try Command.run("--version")
        #expect(result.status == 0)
        #expect(result.output.split(separator: ".").count == 3)
    }

    /// In processor time, which other programs hardly change; the best of many shows what the start costs.
    @Test func helpTakesTwentyMilliseconds() throws {
        var least = Double.infinity
        let script = "TIMEFORMAT='%U %S'; time \"$0\" --help > /dev/null"
        for _ in 0..<100 where least >= 0.020 {
            let result = try Command.run(URL(fileURLWithPath: "/bin/bash"), ["-c", script, Command.executable.path])
            let times = result.errors.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
            try #require(times.count == 2)
            least = min(least, times[0] + times[1])
        }
        #expect(least < 0.020, "the least of 100 starts took \(least) s")
    }

    @Test func outputIsPlainWhereNobodyLooks() throws {
        #expect(!(try Command.run("papers").output.contains("\u{1B}")))
    }
}
