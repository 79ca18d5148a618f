import ArgumentParser
import MercerPapers

/// The command `mercer`. Its verbs are jobs; each is a file of its own.
@main
struct MercerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mercer",
        abstract: "Machine-learning papers about kernels and scale, on your own data.",
        discussion: """
            Exit status: 0 done; 3 done, but something fell short (a bar that wasn't met, a file that couldn't \
            be read); 1 failed; 64 wrong usage.
            """,
        version: Version.mercer,
        subcommands: [
            ResizeCommand.self, RestoreCommand.self, TrainCommand.self, KernelCommand.self, PapersCommand.self,
            RunCommand.self,
            BenchCommand.self, TablesCommand.self,
        ])

    /// What error messages begin with: `mercer: `.
    static var _errorLabel: String { "mercer" }

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await Interruption.run { try await command.run() }
            } else {
                try command.run()
            }
        } catch {
            exit(withError: error)
        }
    }
}

extension ExitCode {
    /// Done, but something fell short: a bar that wasn't met, a file that couldn't be read.
    static let fellShort = ExitCode(3)
}
