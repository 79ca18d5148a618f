import Foundation
import MercerPapers
import Synchronization
import Testing

@Suite struct RunTests {
    private func sample(in folder: URL) throws -> Run {
        var run = try Run(Paper.named("muller"), in: Gallery([SampleExperiment()]))
        run.results = ResultsFolder(folder)
        return run
    }

    @Test func aRunHoldsEachClaimAgainstItsBar() async throws {
        let folder = try TemporaryFolder()
        let report = try await sample(in: folder.url)().report
        #expect(report.claims.map(\.id) == ["count", "gain", "worst", "left"])
        #expect(report.claims.map(\.passed) == [true, true, false, false])
        #expect(report.passed == 2 && !report.passedAll)
        #expect(report.claims[1].spread == 0)
        #expect(report.claims[1].seeds == [0, 1, 2])
        #expect(report.claims[2].measured == -0.5)
        #expect(report.claims[2].shortBy == 0.5)
        #expect(report.claims[2].verdict == "short by 0.5 points")
        #expect(report.claims[3].measured == nil)
        #expect(report.claims[3].note == "it takes hours")
    }

    @Test func seedsAndTheirNumberAreTheUsers() async throws {
        let folder = try TemporaryFolder()
        var run = try sample(in: folder.url)
        run.seed = 7
        run.seeds = 2
        #expect(try await run().report.claims[1].seeds == [7, 8])
        #expect(run.command == "mercer run muller --seed 7 --seeds 2")
        run.seeds = nil
        run.quick = true
        #expect(try await run().report.claims[1].seeds == [7])
        #expect(run.command == "mercer run muller --quick --seed 7")
    }

    @Test func aStoredReportReadsBackWhole() async throws {
        let folder = try TemporaryFolder()
        let run = try sample(in: folder.url)
        let stored = try await run()
        let read = try #require(try run.results.newest(of: run.paper))
        #expect(read.folder.lastPathComponent == stored.folder.lastPathComponent)
        #expect(read.report.claims == stored.report.claims)
        #expect(read.report.machine == stored.report.machine)
        #expect(read.report.pictures.map(\.png) == [SampleExperiment.png])
        #expect(read.report.charts.map { $0.svg() } == stored.report.charts.map { $0.svg() })
        for file in ["report.html", "charts/curve.svg", "pictures/dot.png"] {
            #expect(FileManager.default.fileExists(atPath: stored.folder.appendingPathComponent(file).path))
        }
    }

    @Test func theHistoryIsKeptAndTheNewestComesFirst() async throws {
        let folder = try TemporaryFolder()
        let run = try sample(in: folder.url)
        var folders: [String] = []
        for _ in 0..<11 { folders.append(try await run().folder.lastPathComponent) }
        #expect(run.results.history(of: run.paper).map(\.lastPathComponent) == folders.reversed())
        let names = try FileManager.default.contentsOfDirectory(
            atPath: folder.url.appendingPathComponent("muller").path)
        #expect(names.count == 11, "something half-written is left: \(names)")
    }

    @Test func theScratchFolderIsGoneAfterTheRun() async throws {
        let folder = try TemporaryFolder()
        let notes = Mutex<[String]>([])
        _ = try await sample(in: folder.url)() { event in
            if case .note(let line) = event { notes.withLock { $0.append(line) } }
        }
        let scratch = try #require(notes.withLock { $0 }.first).dropFirst("scratch ".count)
        #expect(!FileManager.default.fileExists(atPath: String(scratch)))
    }

    @Test func aCancelledRunLeavesNothing() async throws {
        let folder = try TemporaryFolder()
        let run = try sample(in: folder.url)
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await run()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(run.results.history(of: run.paper).isEmpty)
    }

    @Test func aDamagedReportIsNamed() async throws {
        let folder = try TemporaryFolder()
        let run = try sample(in: folder.url)
        let file = try await run().folder.appendingPathComponent("report.json")
        try Data("{\"paper\": 3}".utf8).write(to: file)
        #expect {
            try run.results.newest(of: run.paper)
        } throws: { error in
            "\(error)".contains(file.path) && "\(error)".contains("paper")
        }
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() async throws {
        let folder = try TemporaryFolder()
        let file = folder.url.appendingPathComponent("file")
        try Data().write(to: file)
        let run = try sample(in: file)
        await #expect {
            try await run()
        } throws: { error in
            "\(error)".contains(file.path) && "\(error)".contains("--results")
        }
    }

    @Test func reportsGoToTheUsersDataFolderByDefault() {
        #expect(ResultsFolder.standard.root.path.hasSuffix("/mercer/results"))
    }
}
