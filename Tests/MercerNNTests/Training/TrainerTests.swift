import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct TrainerTests {
    private let inputs = Random.normal([64, 3], key: RandomKey(1))

    private var data: TensorDataset {
        TensorDataset([inputs, matmul(inputs, Tensor([1, -2, 0.5] as [Float])) + 3.0])
    }

    private func trainer(
        _ options: TrainingOptions, rate: Double = 0.05
    ) -> Trainer<Linear> {
        let net = Linear(3, 1)
        net.initialize(RandomKey(2))
        return Trainer(net, Adam(), schedule: .constant(rate), options) { net, batch in
            [square(net(batch[0]).squeezed(axis: 1) - batch[1]).mean()]
        }
    }

    @Test func fitsALinearFunction() throws {
        let trainer = trainer(TrainingOptions(epochs: 60))
        var last = 0.0
        try trainer.fit(DataLoader(data, batchSize: 16)) { last = $0.meanLoss }
        #expect(trainer.step == 240)
        #expect(last < 1e-4)
        #expect(abs(trainer.model.bias!.item(Float.self) - 3) < 0.01)
    }

    @Test func accumulatedBatchesMakeOneLargeOne() throws {
        var options = TrainingOptions(epochs: 2)
        let large = trainer(options)
        try large.fit(DataLoader(data, batchSize: 32, shuffles: false))
        options.accumulation = 4
        let small = trainer(options)
        try small.fit(DataLoader(data, batchSize: 8, shuffles: false))
        #expect(large.step == 4 && small.step == 4)
        #expect(allClose(large.model.weight, small.model.weight, rtol: 1e-4, atol: 1e-6))
    }

    @Test func progressTellsStepsLossesAndNorms() throws {
        var options = TrainingOptions(epochs: 5)
        options.maximumSteps = 7
        options.clipNorm = 0.1
        var told: [TrainingProgress] = []
        try trainer(options).fit(DataLoader(data, batchSize: 16)) { told.append($0) }
        #expect(told.map(\.step) == Array(1...7))
        #expect(told.map(\.epoch) == [0, 0, 0, 0, 1, 1, 1])
        #expect(told.allSatisfy { $0.totalSteps == 7 && $0.gradientNorm! > 0.1 && $0.values.count == 1 })
        #expect(told[4].meanLoss == told[4].values[0])
    }

    @Test func cancellationSavesAState() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cancel-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let data = data
        let task = Task.detached {
            var options = TrainingOptions(epochs: 100_000)
            options.checkpoints = Checkpoints(folder)
            try TrainerTests().trainer(options).fit(DataLoader(data, batchSize: 16)) { progress in
                if progress.step == 3 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(Checkpoints(folder).steps() == [3])
    }

    @Test func statesOfOtherTrainingsAreRefused() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "other-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var options = TrainingOptions(epochs: 1)
        options.checkpoints = Checkpoints(folder)
        try trainer(options).fit(DataLoader(data, batchSize: 16))
        options.seed = 9
        #expect(throws: CheckpointError.self) { try trainer(options).fit(DataLoader(data, batchSize: 16)) }
        try Data("{".utf8).write(to: folder.appending(path: "step-00000004/state.json"))
        options.seed = 0
        #expect(throws: CheckpointError.self) { try trainer(options).fit(DataLoader(data, batchSize: 16)) }
    }

    @Test func evaluationAveragesOverExamples() throws {
        let net = Sequential(Dropout(0.5), Linear(3, 1)).initialize(RandomKey(2))
        net.train()
        let means = try evaluate(net, DataLoader(data, batchSize: 24, shuffles: false)) { net, batch in
            [net(batch[0]).mean().doubleValue, Double(batch.count)]
        }
        net.eval()
        #expect(abs(means[0] - net(inputs).mean().doubleValue) < 1e-6)
        #expect(abs(means[1] - (24 * 24 * 2 + 16 * 16) / 64) < 1e-9)
        net.train()
    }
}
