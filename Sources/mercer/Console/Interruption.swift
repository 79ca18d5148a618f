import Dispatch
import Foundation

/// Lets Ctrl-C and `kill` end a job in good order: its task is cancelled, which leaves nothing half-written; a
/// second signal ends the program at once.
enum Interruption {
    /// Runs a job; where a signal stopped it, the program ends by that signal, as shells expect.
    static func run(_ job: sending @escaping () async throws -> Void) async throws {
        let task = Task { try await job() }
        let received = Received()
        let sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                if received.isFirst(number) {
                    task.cancel()
                } else {
                    end(by: number)
                }
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        do {
            try await task.value
        } catch {
            if let number = received.number {
                Console.remark("mercer: stopped")
                end(by: number)
            }
            throw error
        }
    }

    private static func end(by number: Int32) {
        signal(number, SIG_DFL)
        kill(getpid(), number)
    }

    private final class Received: @unchecked Sendable {
        private let lock = NSLock()
        private var first: Int32?

        var number: Int32? { lock.withLock { first } }

        func isFirst(_ number: Int32) -> Bool {
            lock.withLock {
                defer { first = first ?? number }
                return first == nil
            }
        }
    }
}
