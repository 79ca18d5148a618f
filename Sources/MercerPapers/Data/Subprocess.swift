import Foundation
import Synchronization

/// Runs another program to its end.
enum Subprocess {
    struct Result {
        let status: Int32
        let errors: String
    }

    struct NotFound: Error {}

    /// - Throws: ``NotFound`` when no folder of `PATH` has the program. A cancelled task ends it.
    static func run(_ program: String, _ arguments: [String], in folder: URL) async throws -> Result {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let places = path.split(separator: ":").map { "\($0)/\(program)" }
        guard let executable = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw NotFound()
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        // A file rather than a pipe: it takes any amount without a reader.
        let log = folder.appendingPathComponent(".log-\(UUID().uuidString)")
        try Data().write(to: log)
        defer { try? FileManager.default.removeItem(at: log) }
        process.standardError = try FileHandle(forWritingTo: log)

        let running = Running(process)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                process.terminationHandler = { _ in continuation.resume() }
                do { try running.start() } catch { continuation.resume(throwing: error) }
            }
        } onCancel: {
            running.stop()
        }
        let errors = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
        return Result(status: process.terminationStatus, errors: errors)
    }

    /// A process that can be stopped from another thread, before its start too.
    private final class Running: Sendable {
        private struct State: @unchecked Sendable {
            let process: Process
            var isStopped = false
        }
        private let state: Mutex<State>

        init(_ process: Process) { state = Mutex(State(process: process)) }

        func start() throws {
            try state.withLock { state in
                if state.isStopped { throw CancellationError() }
                try state.process.run()
            }
        }

        func stop() {
            state.withLock { state in
                state.isStopped = true
                if state.process.isRunning { state.process.terminate() }
            }
        }
    }
}
