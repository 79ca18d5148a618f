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

    /// On an idle machine; the best of many shows what the start costs, whatever else runs.
    @Test func helpAnswersInTwentyMilliseconds() throws {
        var fastest = Double.infinity
        for _ in 0..<300 where fastest >= 0.020 { fastest = min(fastest, try Command.run("--help").seconds) }
        #expect(fastest < 0.020, "the fastest of 300 took \(fastest) s")
    }

    @Test func outputIsPlainWhereNobodyLooks() throws {
        #expect(!(try Command.run("papers").output.contains("\u{1B}")))
    }
}
