import Foundation
import Mercer
import MercerImageIO
import MercerNN

/// What can be wrong when weights are learnt.
public enum MullerFitError: Error, Equatable, CustomStringConvertible, LocalizedError {
    case classes(String, found: Int)
    case pictures(String, found: Int)
    case network(width: Int, height: Int)

    public var description: String {
        switch self {
        case .classes(let folder, let found):
            "\(folder) has \(found) folder\(found == 1 ? "" : "s") of pictures; one for each class is expected, at "
                + "least two"
        case .pictures(let folder, let found):
            "\(folder) has \(found) picture\(found == 1 ? "" : "s"); at least two a class are needed"
        case .network(let width, let height):
            "the network takes pictures of at least 8x8 pixels, not of \(width)x\(height)"
        }
    }

    public var errorDescription: String? { description }
}

/// Learns MULLER's weights for pictures and a network: `mercer resize --fit-weights`.
///
/// The network is the experiments' small one, on colour pictures. Where its checkpoint isn't there yet it is trained
/// behind the base resizer first, as the paper does, and kept; then the resizer's numbers are learnt with it.
public struct MullerFit: Sendable {
    public let settings: MullerSettings
    /// Height and width of what the network sees.
    public let size: (height: Int, width: Int)
    public var epochs = 10
    public var seed: UInt64 = 0
    /// Whether the network stays as it is while the resizer learns.
    public var isFrozen = false
    /// Crops are so many times larger than `size`; the paper's 512 to 224.
    public var ratio = 512.0 / 224
    private let batchSize = 64

    public init(_ settings: MullerSettings, size: (height: Int, width: Int)) {
        self.settings = settings
        self.size = size
    }

    /// What was learnt.
    public struct Outcome: Sendable {
        public let weights: MullerWeights
        public let classes: [String]
        /// The share of test pictures that were told right behind the base resizer.
        public let before: Double
        /// The same behind MULLER.
        public let after: Double
    }

    /// - Parameters:
    ///   - folder: holds one folder of pictures for each class; every fifth picture tests.
    ///   - checkpoint: a safetensors file of the network; made where there is none, nil to keep none.
    ///   - report: told of the stage, of steps done and how many there are, and of pictures that were left out.
    /// - Throws: ``MullerFitError``, `ModelFileError` for a checkpoint of another network, `CancellationError`.
    public func run(
        _ folder: String, checkpoint: String?,
        report: (_ stage: String, _ done: Int, _ count: Int, _ note: String?) -> Void
    ) throws -> Outcome {
        guard size.height >= 8, size.width >= 8 else {
            throw MullerFitError.network(width: size.width, height: size.height)
        }
        let crop = (
            height: Int((Double(size.height) * ratio).rounded()),
            width: Int((Double(size.width) * ratio).rounded())
        )
        let data = try LabelledPictures(folder, side: max(crop.height, crop.width)) { done, count, problem in
            try Task.checkCancellation()
            report("reading pictures", done, count, problem)
        }
        let resizer = Muller(size: size, settings: settings)
        let net = PatchNet(resizer, classes: data.classes.count, channels: 3)
        net.initialize(RandomKey(seed).fold(in: "weights"))
        resizer.freeze()
        if let checkpoint, FileManager.default.fileExists(atPath: checkpoint) {
            try net.body.load(contentsOf: checkpoint)
        } else {
            try train(net, data, crop, rate: 3e-3, key: RandomKey(seed).fold(in: 1)) {
                report("training the network", $0, $1, nil)
            }
            if let checkpoint { try net.body.save(to: checkpoint) }
        }
        let before = accuracy(net, data, crop)
        resizer.unfreeze()
        if isFrozen { net.body.freeze() }
        try train(net, data, crop, rate: isFrozen ? 3e-3 : 3e-4, key: RandomKey(seed).fold(in: 2)) {
            report("learning the weights", $0, $1, nil)
        }
        return Outcome(
            weights: resizer.weights, classes: data.classes, before: before, after: accuracy(net, data, crop))
    }

    private func train(
        _ net: PatchNet, _ data: LabelledPictures, _ crop: (height: Int, width: Int), rate: Double,
        key: RandomKey,
        _ progress: (Int, Int) -> Void
    ) throws {
        net.train()
        if isFrozen && !net.resizer.trainableParameters().isEmpty { net.body.eval() }
        // At least a few hundred crops an epoch, however few the pictures.
        let repeats = max(1, 512 / data.train.count)
        let count = data.train.count * repeats
        let steps = (count + batchSize - 1) / batchSize
        let schedule = Schedule.cosine(rate, steps: steps * epochs)
        let optimizer = AdamW(
            learningRate: rate,
            groups: [
                ParameterGroup(learningRateScale: 0.1 / rate, weightDecay: 0) { key, _ in
                    key.hasPrefix("resizer.")
                }
            ])
        for epoch in 0..<epochs {
            let order = Random.permutation(count, key: key[epoch]).toArray(Int64.self)
            for step in 0..<steps {
                try Task.checkCancellation()
                let chosen = order[(step * batchSize)..<min((step + 1) * batchSize, count)]
                var random = RandomStream(key[epoch][step])
                var images: [Tensor] = []
                var labels: [Int64] = []
                for index in chosen {
                    let example = data.train[Int(index) % data.train.count]
                    let (h, w) = (example.pixels.shape[0], example.pixels.shape[1])
                    let top = Int(random.integer(below: UInt64(h - crop.height + 1)))
                    let left = Int(random.integer(below: UInt64(w - crop.width + 1)))
                    let part = Self.cut(example.pixels, top, left, crop)
                    images.append(random.uniform() < 0.5 ? part.flipped(axes: [1]) : part)
                    labels.append(Int64(example.label))
                }
                let batch = stacked(images)
                let targets = Tensor(labels)
                optimizer.learningRate = schedule(epoch * steps + step)
                let (_, gradients) = valueAndGrad(net) { net in
                    crossEntropy(net(batch), targets, labelSmoothing: 0.1)
                }
                optimizer.update(net, gradients)
                progress(epoch * steps + step + 1, epochs * steps)
            }
        }
    }

    /// A part of a picture in [0, 1].
    private static func cut(_ pixels: Tensor, _ top: Int, _ left: Int, _ size: (height: Int, width: Int))
        -> Tensor
    {
        let part = pixels[top..<(top + size.height), left..<(left + size.width), 0...]
        return part.asType(.float32) / 255.0
    }

    /// Of the middle of each test picture.
    private func accuracy(_ net: PatchNet, _ data: LabelledPictures, _ crop: (height: Int, width: Int))
        -> Double
    {
        net.evaluating {
            var right = 0
            for example in data.test {
                let (h, w) = (example.pixels.shape[0], example.pixels.shape[1])
                let middle = Self.cut(example.pixels, (h - crop.height) / 2, (w - crop.width) / 2, crop)
                let guess = net(middle.expandedDimensions(axis: 0).contiguous()).argMax(axis: 1)
                if guess.item(Int64.self) == Int64(example.label) { right += 1 }
            }
            return Double(right) / Double(data.test.count)
        }
    }
}
