import Foundation
import MercerPapers
import Synchronization

/// Shows how far a long job is: on a terminal a bar with rate and remaining time, elsewhere a plain line now and
/// then. It writes to the standard error output and may be told from any thread.
final class ProgressBar: Sendable {
    private struct State {
        var stage = ""
        var steps: Int?
        var done = 0
        var begin = ContinuousClock.now
        var shown = ContinuousClock.now
        var isVisible = false
    }

    private let stream: Console.Stream
    private let isSilent: Bool
    private let state = Mutex(State())

    /// - Parameter isSilent: whether to say nothing at all.
    init(isSilent: Bool = false, stream: Console.Stream = Console.errors) {
        self.isSilent = isSilent
        self.stream = stream
    }

    /// Takes what a job says.
    func callAsFunction(_ event: ProgressEvent) {
        switch event {
        case .stage(let name, let steps): begin(name, steps: steps)
        case .step(let done): step(done)
        case .note(let line): note(line)
        }
    }

    func begin(_ stage: String, steps: Int? = nil) {
        state.withLock { state in
            wipe(&state)
            state = State(stage: stage, steps: steps)
            if stream.isTerminal { draw(&state) } else { write(stage + "\n") }
        }
    }

    /// Says how many steps of the stage are done.
    func step(_ done: Int) {
        state.withLock { state in
            state.done = max(state.done, done)
            show(&state)
        }
    }

    /// Says that one more step of the stage is done.
    func advance() {
        state.withLock { state in
            state.done += 1
            show(&state)
        }
    }

    /// Writes a line of its own.
    func note(_ line: String) {
        state.withLock { state in
            wipe(&state)
            write(line + "\n")
            if stream.isTerminal, !state.stage.isEmpty { draw(&state) }
        }
    }

    /// Takes the bar off the terminal.
    func end() { state.withLock { wipe(&$0) } }

    private func write(_ text: String) {
        if !isSilent { stream.write(text) }
    }

    private func show(_ state: inout State) {
        let pause: Duration = stream.isTerminal ? .milliseconds(100) : .seconds(15)
        guard ContinuousClock.now - state.shown >= pause else { return }
        if stream.isTerminal { draw(&state) } else { write(plainLine(state) + "\n") }
        state.shown = .now
    }

    private func wipe(_ state: inout State) {
        guard state.isVisible else { return }
        write("\r\u{1B}[2K")
        state.isVisible = false
    }

    private func draw(_ state: inout State) {
        let facts = facts(state)
        var line = "\r\u{1B}[2K" + stream.styled(state.stage, .bold)
        if let steps = state.steps, steps > 0 {
            let room = stream.width - state.stage.count - facts.count - 6
            let cells = min(30, room)
            if cells >= 6 {
                let filled = min(cells, cells * min(state.done, steps) / steps)
                line += "  " + stream.styled(String(repeating: "━", count: filled), .blue)
                line += stream.styled(String(repeating: "─", count: cells - filled), .dim)
            }
        }
        write(line + "  " + facts)
        state.isVisible = true
    }

    private func plainLine(_ state: State) -> String { "\(state.stage): \(facts(state))" }

    /// `45 of 100, 12.3/s, 4 s left`.
    private func facts(_ state: State) -> String {
        let seconds = (ContinuousClock.now - state.begin) / .seconds(1)
        guard state.done > 0, seconds > 0 else {
            return state.steps.map { "\(state.done) of \($0)" } ?? ""
        }
        let rate = Double(state.done) / seconds
        var facts = state.steps.map { "\(state.done) of \($0)" } ?? "\(state.done)"
        facts += rate >= 1 ? ", \(Format.number(rate, digits: 3))/s" : ", \(Format.duration(1 / rate)) each"
        if let steps = state.steps, steps > state.done {
            facts += ", \(Format.duration((Double(steps - state.done) / rate).rounded(.up))) left"
        }
        return facts
    }
}
