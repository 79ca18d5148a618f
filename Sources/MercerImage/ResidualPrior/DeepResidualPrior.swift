import Foundation
import Mercer
import MercerNN

/// Deblurring with a kernel that is known only roughly (Tang et al. 2023, "Deep Residual Prior"): an untrained network
/// draws the sharp picture, a second one what the kernel's error leaves over, y = k̂ ⊗ x + r + s + n.
///
/// ```swift
/// let prior = try DeepResidualPrior(blurred: y, kernel: .disk(radius: 7), configuration: .init())
/// let result = try prior.run { step in print(step.iteration, step.loss) }
/// ```
///
/// The picture is circular: what leaves at one side comes in at the other. ``EdgeTaper`` makes photographs so.
public final class DeepResidualPrior {
    /// What an iteration ended with.
    public struct Step: Sendable {
        /// From 1.
        public let iteration: Int
        public let loss: Double
    }

    /// What came out.
    public struct Result: Sendable {
        /// The average over the iterations, which is the better picture.
        public let average: Tensor
        /// The last iteration's picture.
        public let last: Tensor
        /// r and s of the last iteration; nil where there are none.
        public let residual: Tensor?
        public let artefacts: Tensor?
        /// The loss at each iteration.
        public let losses: [Double]
    }

    /// The two networks, trained together.
    final class Networks: Module {
        let image: SkipHourglass
        let residual: SkipHourglass?

        init(_ configuration: ResidualPriorConfiguration) {
            image = SkipHourglass(configuration.image)
            residual = configuration.residual.map { SkipHourglass($0) }
        }
    }

    public let configuration: ResidualPriorConfiguration
    private let blurred: Tensor
    private let blur: CircularBlur
    private let inputs: (image: Tensor, residual: Tensor)
    let networks: Networks
    private let optimizer: Adam
    private var average: Tensor
    private var latest: (picture: Tensor, residual: Tensor?, artefacts: Tensor?)
    /// The loss at each iteration so far.
    public private(set) var losses: [Double] = []

    /// - Parameters:
    ///   - blurred: y, `[1, H, W, C]` with numbers around [0, 1]; both networks draw C channels.
    ///   - kernel: k̂.
    /// - Throws: ``DeblurError`` where the picture is too small or not finite, or the kernel larger than it.
    public init(blurred y: Tensor, kernel: BlurKernel, configuration: ResidualPriorConfiguration = .init()) throws {
        precondition(
            y.rank == 4 && y.shape[0] == 1, "DeepResidualPrior: shape \(y.shape) where [1, H, W, C] is needed")
        let (h, w, channels) = (y.shape[1], y.shape[2], y.shape[3])
        try Self.check(y, kernel)
        var configuration = configuration
        configuration.image.outputs = channels
        configuration.residual?.outputs = channels
        self.configuration = configuration
        blurred = y.detached.asType(.float32).contiguous()
        blur = CircularBlur(kernel, height: h, width: w)
        let key = RandomKey(configuration.seed)
        inputs = (
            Random.uniform(0..<0.1, [1, h, w, configuration.image.inputs], key: key.fold(in: "z_x")),
            Random.uniform(0..<0.1, [1, h, w, configuration.residual?.inputs ?? 1], key: key.fold(in: "z_r"))
        )
        networks = Networks(configuration)
        networks.initialize(key.fold(in: "networks"))
        let scale = configuration.residualLearningRate / configuration.learningRate
        optimizer = Adam(
            learningRate: configuration.learningRate,
            groups: [ParameterGroup(learningRateScale: scale) { key, _ in key.hasPrefix("residual.") }])
        average = Tensor.zeros(blurred.shape)
        latest = (average, nil, nil)
    }

    /// Throws where a picture and a kernel don't go together.
    public static func check(_ y: Tensor, _ kernel: BlurKernel, least: Int = 32) throws {
        let (h, w) = (y.shape[1], y.shape[2])
        guard h >= least, w >= least else {
            throw DeblurError.pictureTooSmall(width: w, height: h, least: least)
        }
        guard kernel.height <= h, kernel.width <= w else {
            throw DeblurError.kernelTooLarge(kernel: [kernel.width, kernel.height], picture: [w, h])
        }
        guard isFinite(y).all().doubleValue != 0 else { throw DeblurError.pictureNotFinite }
    }

    /// Sets the residual network's parameters, for example from an official checkpoint (``residualTensors(_:)``).
    ///
    /// - Throws: ``DeblurError/checkpoint(_:reason:)``.
    public func loadResidual(_ tensors: [String: Tensor], from path: String) throws {
        guard let residual = networks.residual else { return }
        do {
            try residual.load(tensors, from: path)
        } catch let error as ModelFileError {
            guard case .disagreement(_, let report) = error else { throw error }
            throw DeblurError.checkpoint(path, reason: "\(report)")
        }
    }

    /// The parameters of a checkpoint (`.pth` or safetensors), without running statistics, which are never used.
    public static func residualTensors(_ path: String) throws -> [String: Tensor] {
        let tensors =
            path.hasSuffix(".safetensors")
            ? try loadTensors(path) : try PyTorchCheckpoint(contentsOf: path).tensors
        let unused: Set<Substring> = ["running_mean", "running_var", "num_batches_tracked"]
        return tensors.filter { key, _ in !unused.contains(key.split(separator: ".").last ?? "") }
    }

    // MARK: Iterations

    /// How many iterations are done.
    public var iteration: Int { losses.count }

    /// One alternation: s in closed form, a joint Adam step of both networks.
    @discardableResult
    public func step() -> Step {
        let objective = configuration.objective
        // The official code shrinks from the second iteration on.
        let shrinks = configuration.variant == .paper || iteration > 0
        let (out, gradients) = valueAndGrad(networks) { networks -> [Tensor] in
            let x = networks.image(inputs.image)
            let r = networks.residual?(inputs.residual)
            let kx = blur(x)
            let s = shrinks ? objective.artefacts(blurred: blurred, reblurred: kx, residual: r) : nil
            let loss = objective.value(blurred: blurred, picture: x, reblurred: kx, residual: r, artefacts: s)
            return [loss, x] + [r, s].compactMap { $0 }
        }
        optimizer.update(networks, gradients)
        let hasResidual = networks.residual != nil
        latest = (out[1], hasResidual ? out[2] : nil, out.count > (hasResidual ? 3 : 2) ? out[out.count - 1] : nil)
        let decay = configuration.averageDecay
        average = average * decay + out[1] * (1 - decay)
        losses.append(out[0].doubleValue)
        return Step(iteration: iteration, loss: losses.last!)
    }

    /// Goes on to the configuration's number of iterations.
    ///
    /// - Parameter report: told of each iteration; what it throws ends the run, and ``result`` holds what there is.
    public func run(_ report: (Step) throws -> Void = { _ in }) rethrows -> Result {
        while iteration < configuration.iterations { try report(step()) }
        return result
    }

    /// The average so far, without the bias of its start at 0; the blurred picture before the first iteration.
    public var picture: Tensor {
        iteration == 0 ? blurred : average / (1 - pow(configuration.averageDecay, Double(iteration)))
    }

    /// What there is so far.
    public var result: Result {
        Result(
            average: picture, last: iteration == 0 ? blurred : latest.picture, residual: latest.residual,
            artefacts: latest.artefacts, losses: losses)
    }

    // MARK: State

    /// Writes all that is needed to go on to a safetensors file.
    ///
    /// - Parameter job: what the job is, to know the file again.
    public func save(to path: String, job: String) throws {
        var tensors = ["average": average, "picture": latest.picture, "losses": Tensor(losses)]
        if let residual = latest.residual { tensors["residual"] = residual }
        if let artefacts = latest.artefacts { tensors["artefacts"] = artefacts }
        for (key, value) in networks.state() { tensors["networks.\(key)"] = value }
        for (key, value) in optimizer.state { tensors["optimizer.\(key)"] = value }
        try saveTensors(tensors, to: path, metadata: ["job": job])
    }

    /// Takes up a state.
    ///
    /// - Throws: ``DeblurError/stateMismatch(_:reason:)`` where it is another job's.
    public func restore(from path: String, job: String) throws {
        let file = try Safetensors(contentsOf: path)
        guard file.metadata["job"] == job else {
            throw DeblurError.stateMismatch(path, reason: "other picture, kernel or options")
        }
        func tensors(_ prefix: String) throws -> ModuleParameters {
            ModuleParameters(
                try file.names.filter { $0.hasPrefix(prefix) }.map {
                    (String($0.dropFirst(prefix.count)), try file.tensor($0))
                })
        }
        let parameters = try tensors("networks.")
        let own = networks.state()
        guard Set(parameters.keys) == Set(own.keys), own.allSatisfy({ parameters[$0.0]?.shape == $0.1.shape }) else {
            throw DeblurError.stateMismatch(path, reason: "other networks")
        }
        networks.update(parameters: parameters)
        try optimizer.restore(try tensors("optimizer."))
        average = try file.tensor("average")
        losses = try file.tensor("losses").toArray(Double.self)
        latest = (
            try file.tensor("picture"), file.names.contains("residual") ? try file.tensor("residual") : nil,
            file.names.contains("artefacts") ? try file.tensor("artefacts") : nil
        )
    }
}
