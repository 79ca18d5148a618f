import Foundation
import Mercer
import MercerNN

// A small training run that can be killed and started again: `training-probe FOLDER`. Prints each step as it is done
// and at the end a hash of weights and averages.

let folder = URL(filePath: CommandLine.arguments[1])
let inputs = Random.normal([96, 12], key: RandomKey(1))
let targets = sin(inputs.sum(axes: [1], keepDims: true))
let data = TensorDataset([inputs, targets]).map { example, key in
    [example[0] + Random.normal([12], scale: 0.05, key: key), example[1]]
}
let net = Sequential(Linear(12, 64), Dropout(0.2), Lambda { tanh($0) }, Linear(64, 1))
net.initialize(RandomKey(2))

var options = TrainingOptions(epochs: 8)
options.seed = 3
options.accumulation = 2
options.clipNorm = 0.5
options.averageDecay = 0.9
options.checkpoints = Checkpoints(folder, keep: 2)
options.checkpointInterval = 3
let trainer = Trainer(
    net, AdamW(learningRate: 1e-2, groups: [.withoutDecay]), schedule: .cosine(1e-2, steps: 48), options
) { net, batch in
    [square(net(batch[0]) - batch[1]).mean()]
}
/// Prints a line at once, so that a kill loses none.
func report(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

try trainer.fit(DataLoader(data, batchSize: 8, seed: 4, ahead: 3, workers: 2)) { progress in
    report("step \(progress.step) \(progress.meanLoss)")
}

var hash: UInt64 = 0xcbf2_9ce4_8422_2325
for tensors in [net.state(), trainer.average!.averages] {
    for value in tensors.values {
        value.withUnsafeBytes { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        }
    }
}
report("done \(String(hash, radix: 16))")
