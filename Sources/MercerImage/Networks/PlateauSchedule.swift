import Foundation
import Mercer
import MercerNN

/// A learning rate that is divided by ten when the mean losses of epochs hardly improve, by PyTorch's rules
/// (`ReduceLROnPlateau` with a relative threshold). What it has seen is kept beside the training states, so that a
/// training that goes on has the same rates.
package final class PlateauSchedule: @unchecked Sendable {
    private struct Sum: Codable {
        var loss = 0.0
        var steps = 0
    }

    private struct State: Codable {
        /// The mean loss of each finished epoch.
        var means: [Double] = []
        /// What an epoch had at steps from which training may go on.
        var sums: [Int: Sum] = [:]
    }

    private let start: Double
    private let minimum: Double
    private let patience: Int
    private let cooldown: Int
    private let threshold: Double
    private let epoch: Int
    private let interval: Int
    private let file: URL?
    private var state = State()
    private var sum = Sum()
    private var lastStep = 0
    private var pending = 0.0

    /// - Parameters:
    ///   - start: the first rate.
    ///   - minimum: the rate that it doesn't fall below.
    ///   - threshold: the part of the best mean loss by which a better one must improve.
    ///   - patience: epochs without improvement that are put up with.
    ///   - cooldown: epochs after a fall that don't count.
    ///   - epoch: its steps.
    ///   - options: where and how often states of the training are kept.
    package init(
        _ start: Double, minimum: Double, threshold: Double, patience: Int = 0, cooldown: Int = 0, epoch: Int,
        _ options: TrainingOptions
    ) {
        self.start = start
        self.minimum = minimum
        self.patience = patience
        self.cooldown = cooldown
        self.threshold = threshold
        self.epoch = epoch
        interval = options.checkpointInterval
        file = options.checkpoints?.folder.appending(path: "plateau.json")
        if let file, let data = try? Data(contentsOf: file),
            let saved = try? JSONDecoder().decode(State.self, from: data)
        {
            state = saved
        }
    }

    /// A trainer whose rate falls by this schedule.
    func trainer<M: Module>(
        _ net: M, _ optimizer: Adam, _ options: TrainingOptions, _ loss: @escaping (M, Batch) -> [Tensor]
    ) -> Trainer<M> {
        let trainer = Trainer(net, optimizer, schedule: Schedule { self.rate(at: Int($0)) }, options) {
            (net: M, batch: Batch) -> [Tensor] in
            let values = loss(net, batch)
            self.add(values[0].doubleValue)
            return values
        }
        trainer.afterStep = { step in try self.close(step) }
        return trainer
    }

    /// The rate at a step, which follows from the epochs before it.
    func rate(at step: Int) -> Double { rate(after: state.means.prefix(step / epoch)) }

    /// The rate after epochs of some mean losses.
    package func rate(after means: some Sequence<Double>) -> Double {
        var (best, rate) = (Double.infinity, start)
        var (worse, rest) = (0, 0)
        for mean in means {
            if mean < best * (1 - threshold) {
                best = mean
                worse = 0
            } else {
                worse += 1
            }
            if rest > 0 {
                rest -= 1
                worse = 0
            }
            if worse > patience {
                rate = max(rate * 0.1, minimum)
                rest = cooldown
                worse = 0
            }
        }
        return rate
    }

    /// The loss of the step that is being made.
    func add(_ loss: Double) { pending = loss }

    /// Ends a step, and where it is the last of its epoch that too.
    func close(_ step: Int) throws {
        if step != lastStep + 1 { sum = state.sums[step - 1] ?? Sum() }
        lastStep = step
        sum.loss += pending
        sum.steps += 1
        if step % epoch == 0 {
            state.means = state.means.prefix(step / epoch - 1) + [sum.loss / Double(sum.steps)]
            sum = Sum()
        }
        guard let file, step % epoch == 0 || step % interval == 0 || Task.isCancelled else { return }
        state.sums[step] = sum
        for old in state.sums.keys.sorted().dropLast(8) { state.sums[old] = nil }
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try AtomicFile.write(Array(try JSONEncoder().encode(state)), to: file.path)
    }
}
