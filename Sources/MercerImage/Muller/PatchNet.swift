import Mercer
import MercerNN

/// The small network of the experiments: a resizer in front of three convolutions (16, 32, 64 channels, batch
/// normalisation, ReLU), two max-poolings, the mean, and a linear layer.
final class PatchNet: Module {
    let resizer: Muller
    let body: Sequential

    /// - Parameters:
    ///   - resizer: with frozen zeros it is its base resizer.
    ///   - channels: of the pictures.
    init(_ resizer: Muller, classes: Int, channels: Int = 1) {
        self.resizer = resizer
        func block(_ inputs: Int, _ outputs: Int) -> [any UnaryLayer] {
            [
                Conv2d(inputs, outputs, kernelSize: 3, padding: 1), BatchNorm(outputs),
                ReLU(),
            ]
        }
        let layers: [any UnaryLayer] =
            block(channels, 16) + [MaxPool2d(kernelSize: 2)] + block(16, 32) + [MaxPool2d(kernelSize: 2)]
            + block(32, 64)
            + [GlobalAvgPool(), Linear(64, classes)]
        body = Sequential(layers)
    }

    func callAsFunction(_ x: Tensor) -> Tensor { body(resizer(x)) }
}

/// How the small network is trained and tested.
struct PatchTraining: Sendable {
    /// The resizer in front.
    enum Front: Sendable, Hashable {
        case bilinear, antialiased
        /// MULLER with L layers.
        case muller(layers: Int)

        var label: String {
            switch self {
            case .bilinear: "bilinear"
            case .antialiased: "bilinear, antialiased"
            case .muller(let layers): "MULLER, \(layers) layer\(layers == 1 ? "" : "s")"
            }
        }
    }

    /// What came of one training.
    struct Result: Sendable {
        /// The share of test patches that were told right.
        let accuracy: Double
        /// The learnt weights; nil without MULLER.
        let weights: MullerWeights?
    }

    var epochs: Int
    var classes: Int
    var batchSize = 64
    var learningRate = 3e-3
    var resizerLearningRate = 0.1
    var labelSmoothing = 0.1

    func run(
        _ front: Front, to size: Int, train: GreyPatches, test: GreyPatches, seed: UInt64
    ) throws -> Result {
        let settings: MullerSettings
        switch front {
        case .bilinear: settings = try MullerSettings(layers: 1)
        case .antialiased:
            settings = try MullerSettings(base: .tensorflow(.bilinear, antialias: true), layers: 1)
        case .muller(let layers): settings = try MullerSettings(layers: layers)
        }
        let resizer = Muller(size: (height: size, width: size), settings: settings)
        let net = PatchNet(resizer, classes: classes)
        let key = RandomKey(seed)
        net.initialize(key.fold(in: "weights"))
        var learns = false
        if case .muller = front { learns = true } else { resizer.freeze() }

        let steps = (train.count + batchSize - 1) / batchSize
        let schedule = Schedule.cosine(learningRate, steps: steps * epochs)
        let optimizer = AdamW(
            learningRate: learningRate,
            groups: [
                ParameterGroup(learningRateScale: resizerLearningRate / learningRate, weightDecay: 0) {
                    key, _ in
                    key.hasPrefix("resizer.")
                }
            ])
        for epoch in 0..<epochs {
            let order = Random.permutation(train.count, key: key.fold(in: "order")[epoch]).toArray(Int64.self)
            for step in 0..<steps {
                try Task.checkCancellation()
                let chosen = Array(order[(step * batchSize)..<min((step + 1) * batchSize, order.count)])
                var random = RandomStream(key.fold(in: "mirror")[epoch][step])
                let mirrored = chosen.map { _ in random.uniform() < 0.5 }
                let images = Self.batch(train.images, chosen, mirrored)
                let labels = train.labels.take(Tensor(chosen))
                optimizer.learningRate = schedule(epoch * steps + step)
                let (_, gradients) = valueAndGrad(net) { net in
                    crossEntropy(net(images), labels, labelSmoothing: labelSmoothing)
                }
                optimizer.update(net, gradients)
            }
        }
        return Result(accuracy: accuracy(net, test), weights: learns ? resizer.weights : nil)
    }

    /// Patches of a batch, some of them mirrored left to right.
    private static func batch(_ images: Tensor, _ chosen: [Int64], _ mirrored: [Bool]) -> Tensor {
        let size = images.shape[1]
        let area = size * size
        return images.withUnsafeBuffer(of: Float.self) { source in
            Tensor([chosen.count, size, size, 1], of: Float.self) { out in
                for (i, index) in chosen.enumerated() {
                    let patch = Int(index) * area
                    for y in 0..<size {
                        let row = patch + y * size
                        for x in 0..<size {
                            out[i * area + y * size + x] = source[row + (mirrored[i] ? size - 1 - x : x)]
                        }
                    }
                }
            }
        }
    }

    private func accuracy(_ net: PatchNet, _ test: GreyPatches) -> Double {
        net.evaluating {
            var right = 0
            for start in stride(from: 0, to: test.count, by: 250) {
                let range = start..<min(start + 250, test.count)
                let guess = net(test.images[range].contiguous()).argMax(axis: 1).toArray(Int64.self)
                let truth = test.labels[range].contiguous().toArray(Int64.self)
                right += zip(guess, truth).count { $0 == $1 }
            }
            return Double(right) / Double(test.count)
        }
    }
}
