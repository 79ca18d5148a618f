import Foundation
import Testing

@Suite struct BenchTests {
    @Test func casesAreListedAndChosen() throws {
        let names = try Command.run("bench", "--list", "--cases", "^matmul/").output.split(separator: "\n")
        #expect(names.contains("matmul/1024"))
        #expect(names.allSatisfy { $0.hasPrefix("matmul/") })
    }

    @Test func nothingToMeasureIsWrongUsage() throws {
        #expect(try Command.run("bench", "--cases", "no such case").status == 64)
        #expect(try Command.run("bench", "--cases", "(").status == 64)
    }

    @Test func mercerAloneIsMeasuredAndKept() throws {
        let folder = try TemporaryFolder()
        let result = try Command.run(
            "bench", "--cases", "^matmul/64$", "--threads", "1", "2", "--rounds", "3", "--json", "--output",
            folder.url.path)
        #expect(result.status == 0, "\(result.errors)")
        let report = try #require(try result.json() as? [String: Any])
        let rows = try #require(report["rows"] as? [[String: Any]])
        #expect(rows.map { $0["threads"] as? Int } == [1, 2])
        for row in rows {
            #expect(row["case"] as? String == "matmul/64")
            #expect(try #require(row["mercer_seconds"] as? Double) > 0)
            #expect(try #require(row["bound_share"] as? Double) > 0)
            #expect(row["peer"] == nil && row["ratio"] == nil)
        }
        let page = try String(contentsOf: folder.url.appendingPathComponent("bench.html"), encoding: .utf8)
        #expect(page.contains("matmul/64"))

        let again = try Command.run(
            "bench", "--cases", "^matmul/64$", "--threads", "1", "--rounds", "3", "--compare",
            folder.url.appendingPathComponent("bench.json").path)
        #expect(again.status == 0 && again.output.contains("was") && again.output.contains("%"))
    }

    /// A peer that always takes a second a repetition, in Python's place.
    @Test func aPeerTakesTurnsWithMercer() throws {
        let folder = try TemporaryFolder()
        let peer = folder.url.appendingPathComponent("peer")
        try Data(
            """
            #!/bin/sh
            while read -r line; do
                case $line in
                *versions*) echo '{"versions": {"torch": "9.9"}}';;
                *open*) echo '{"ready": true}';;
                *results*) echo '{"results": []}';;
                *) echo '{"seconds": 1}';;
                esac
            done
            """.utf8
        ).write(to: peer)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: peer.path)
        let result = try Command.run(
            "bench", "--cases", "^matmul/64$", "--threads", "1", "--rounds", "3", "--json", "--peers",
            peer.path)
        #expect(result.status == 0, "\(result.errors)")
        let report = try #require(try result.json() as? [String: Any])
        let row = try #require((report["rows"] as? [[String: Any]])?.first)
        #expect(row["peer"] as? String == "torch" && row["peer_seconds"] as? Double == 1)
        #expect(row["outputs"] as? String == "fresh")
        // The peer's time over Mercer's.
        #expect(try #require(row["ratio"] as? Double) > 10)
        #expect(row["difference"] == nil)
        #expect((report["versions"] as? [String: String])?["torch"] == "9.9")
    }

    /// A peer that is slow, and wrong.
    @Test func aPeerWithOtherResultsMeetsNoGoal() throws {
        let folder = try TemporaryFolder()
        let peer = folder.url.appendingPathComponent("peer")
        try Data(
            """
            #!/bin/sh
            while read -r line; do
                case $line in
                *versions*) echo '{"versions": {}}';;
                *open*) echo '{"ready": true}';;
                *results*) echo '{"results": [{"count": 4096, "norm": 1, "projection": 0}]}';;
                *) echo '{"seconds": 1}';;
                esac
            done
            """.utf8
        ).write(to: peer)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: peer.path)
        let result = try Command.run(
            "bench", "--cases", "^matmul/64$", "--threads", "1", "--rounds", "1", "--peers", peer.path)
        #expect(result.status == 3, "\(result.errors)")
        #expect(result.output.contains("results differ"))
    }

    @Test func aPeerThatFailsIsToldInOneSentence() throws {
        let result = try Command.run(
            "bench", "--cases", "^matmul/64$", "--peers", "/bin/true", "--threads", "1")
        #expect(result.status == 1)
        #expect(result.errors.contains("mercer: the process of the peers ended before it answered"))
    }

    @Test func aDamagedOlderReportIsNamed() throws {
        let folder = try TemporaryFolder()
        let file = folder.url.appendingPathComponent("old.json")
        try Data("{}".utf8).write(to: file)
        let result = try Command.run("bench", "--cases", "^matmul/64$", "--compare", file.path)
        #expect(result.status == 1 && result.errors.contains("old.json"))
    }
}
