import Mercer
import MercerNN

/// How ADK-Net is trained: mean absolute difference, Adam, cosine.
public struct ADKTraining: Sendable {
    /// Where kernels start.
    public enum Start: String, Sendable, CaseIterable {
        /// The mean of s×s pixels.
        case box
        /// The best fixed kernel of each colour, from the pairs: an addition to the paper that saves thousands of steps.
        case fixed
        /// Whatever the layers begin with.
        case none
    }

    public var scale = 2
    public var kernel = 8
    public var size = ADKSize.small
    public var normalisation = KernelNormalisation.none
    public var sharesKernels = false
    /// CAR's variant: each tap has an offset of its own, which starts at 0.
    public var movesTaps = false
    public var start = Start.fixed
    public var steps = 900
    public var batchSize = 16
    public var seed: UInt64 = 0

    public init(scale: Int = 2, kernel: Int = 8) {
        self.scale = scale
        self.kernel = kernel
    }

    /// 1e-3 for small networks, 1e-4 for the others.
    public var learningRate: Double { size.channels <= 16 ? 1e-3 : 1e-4 }

    /// A network at its start.
    public func network(_ tiles: PairTiles) throws -> ADKNet {
        let net = ADKNet(
            scale: scale, kernel: kernel, size: size, normalisation: normalisation, sharesKernels: sharesKernels,
            movesTaps: movesTaps)
        net.initialize(RandomKey(seed).fold(in: "adk"))
        net.keepTaps()
        // A softmax has no box to start from; it begins with the mean over the window.
        if normalisation == .softmax { return net }
        switch start {
        case .none: break
        case .box: net.begin(at: ADKNet.box(kernel: kernel, scale: scale))
        case .fixed:
            net.begin(at: try FixedKernels.leastSquares(tiles, kernel: kernel, shared: sharesKernels))
        }
        return net
    }

    public func loader(_ tiles: PairTiles) -> DataLoader {
        DataLoader(tiles, batchSize: min(batchSize, tiles.count), dropsLast: true, seed: seed)
    }

    /// A trainer; its loader is ``loader(_:)``. The network is to be folded afterwards.
    public func trainer(_ net: ADKNet, _ options: TrainingOptions, _ loader: DataLoader) -> Trainer<ADKNet> {
        var options = options
        let steps = options.maximumSteps ?? self.steps
        options.maximumSteps = steps
        options.epochs = (steps + loader.batchCount - 1) / max(1, loader.batchCount)
        return Trainer(
            net, Adam(learningRate: learningRate),
            schedule: .cosine(learningRate, steps: steps, minimum: 1e-6), options
        ) { net, batch in [l1Loss(net(batch[0]), batch[1])] }
    }
}
