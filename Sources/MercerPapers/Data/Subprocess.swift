import Dispatch
import Foundation
import Synchronization

/// Runs another program to its end.
enum Subprocess {
    struct Result {
        /// The exit status; 128 and the signal's number where a signal ended it.
        let status: Int32
        /// What it wrote to its standard error output.
        let errors: String
    }

    struct NotFound: Error {}

    /// Runs a program in a folder, without input and output. Cancelling the task ends it and what it started.
    ///
    /// - Throws: ``NotFound`` when none of the folders has the program; `CancellationError`.
    static func run(
        _ program: String, of folders: [String], _ arguments: [String], in folder: URL
    ) async throws -> Result {
        let places = folders.map { "\($0)/\(program)" }
        guard let executable = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw NotFound()
        }
        // A file rather than a pipe: it takes any amount without a reader.
        let log = folder.appendingPathComponent(".log-\(UUID().uuidString)")
        try Data().write(to: log)
        defer { try? FileManager.default.removeItem(at: log) }

        let running = Running()
        let status = try await withTaskCancellationHandler {
            try running.start(executable, arguments, in: folder.path, errors: log.path)
            return await withCheckedContinuation { continuation in
                DispatchQueue.global().async { continuation.resume(returning: running.wait()) }
            }
        } onCancel: {
            running.stop()
        }
        try Task.checkCancellation()
        return Result(status: status, errors: (try? String(contentsOf: log, encoding: .utf8)) ?? "")
    }

    /// A process in a group of its own, which can be stopped from another thread, before its start too.
    private final class Running: Sendable {
        private struct State {
            var process: pid_t = 0
            var isStopped = false
            var isOver = false
        }
        private let state = Mutex(State())

        func start(_ executable: String, _ arguments: [String], in folder: String, errors: String) throws {
            try state.withLock { state in
                if state.isStopped { throw CancellationError() }
                state.process = try Self.spawn(executable, arguments, in: folder, errors: errors)
            }
        }

        func stop() {
            state.withLock { state in
                state.isStopped = true
                if state.process > 0, !state.isOver { kill(-state.process, SIGTERM) }
            }
        }

        func wait() -> Int32 {
            let process = state.withLock { $0.process }
            // The process is left as it is until the lock is held, so that `stop` never signals a stranger.
            var info = siginfo_t()
            while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
            return state.withLock { state in
                state.isOver = true
                var status: Int32 = 0
                while waitpid(process, &status, 0) < 0, errno == EINTR {}
                let signal = status & 0x7F
                return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
            }
        }

        private static func spawn(
            _ executable: String, _ arguments: [String], in folder: String, errors: String
        ) throws -> pid_t {
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY, 0)
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            posix_spawnattr_setpgroup(&attributes, 0)
            // Signals that this program ignores are not to be ignored there.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGINT)
            sigaddset(&signals, SIGTERM)
            posix_spawnattr_setsigdefault(&attributes, &signals)
            posix_spawnattr_setflags(
                &attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGDEF))

            // The shell changes the folder and then becomes the program.
            let shell = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", folder]
            let words = (shell + [executable] + arguments).map { strdup($0) } + [nil]
            defer { for word in words { free(word) } }
            var process: pid_t = 0
            let result = posix_spawn(&process, shell[0], &actions, &attributes, words, environ)
            guard result == 0 else { throw POSIXError(POSIXErrorCode(rawValue: result) ?? .EIO) }
            return process
        }
    }
}
