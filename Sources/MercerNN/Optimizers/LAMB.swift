import CKernels
import Mercer

/// LAMB (You et al. 2020, arXiv:1904.00962): Adam whose step is scaled, tensor by tensor, to the weights' norm.
///
/// u = m̂ / (√v̂ + ε) + λ w;  w ← w - η (‖w‖ / ‖u‖) u; the ratio is 1 where a norm is 0.
public final class LAMB: Optimizer {
    public let beta1: Double
    public let beta2: Double
    public let epsilon: Double
    /// Whether parameters without weight decay are scaled too.
    public let alwaysAdapts: Bool

    public init(
        learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-6,
        weightDecay: Double = 1e-2, alwaysAdapts: Bool = false, groups: [ParameterGroup] = []
    ) {
        beta1 = betas.0
        beta2 = betas.1
        self.epsilon = epsilon
        self.alwaysAdapts = alwaysAdapts
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] { ["exp_avg", "exp_avg_sq"] }

    override var isFused: Bool { true }

    override func updateFused(_ update: FusedUpdate) {
        let directions = Directions(update.plan)
        update.forEachChunk { chunk, settings in
            var s = mercer_optimizer_settings(adam: settings, beta1, beta2, epsilon)
            let kernel = chunk.isDouble ? optimizerKernels.lamb_f64 : optimizerKernels.lamb_f32
            directions.norms[chunk.piece] = kernel(
                chunk.parameter, chunk.gradient, chunk.state(0), chunk.state(1),
                directions.address(chunk.piece), chunk.count, &s)
        }
        let ratios = directions.trustRatios(update)
        update.forEachChunk { chunk, settings in
            let kernel = chunk.isDouble ? optimizerKernels.add_scaled_f64 : optimizerKernels.add_scaled_f32
            let applies = alwaysAdapts || settings.weightDecay != 0
            let step = settings.learningRate * (applies ? ratios[chunk.entry] : 1)
            kernel(chunk.parameter, directions.address(chunk.piece), -step, chunk.count)
        }
    }

    /// The steps before scaling, and the sums of squares of each piece.
    private final class Directions {
        let norms: UnsafeMutableBufferPointer<mercer_lamb_norms>
        private var memory: Tensor
        private let base: UnsafeMutableRawPointer
        private let offsets: [Int]

        init(_ plan: UpdatePlan) {
            norms = .allocate(capacity: plan.pieces.pieces.count)
            norms.initialize(repeating: mercer_lamb_norms())
            var offsets: [Int] = []
            var bytes = 0
            for piece in plan.pieces.pieces {
                offsets.append(bytes)
                bytes += piece.count * (plan.entries[piece.array].parameter.dtype == .float64 ? 8 : 4)
            }
            self.offsets = offsets
            memory = Tensor(uninitialized: [max(bytes, 1)], .uint8)
            base = memory.withUnsafeMutableBuffer(of: UInt8.self) { UnsafeMutableRawPointer($0.baseAddress!) }
        }

        deinit { norms.deallocate() }

        func address(_ piece: Int) -> UnsafeMutableRawPointer { base + offsets[piece] }

        /// ‖w‖ / ‖u‖ of each parameter, summed in the order of its pieces.
        func trustRatios(_ update: FusedUpdate) -> [Double] {
            var sums = [(Double, Double)](repeating: (0, 0), count: update.plan.entries.count)
            for (index, piece) in update.plan.pieces.pieces.enumerated() {
                sums[piece.array].0 += norms[index].parameter
                sums[piece.array].1 += norms[index].update
            }
            return sums.map { $0 > 0 && $1 > 0 ? ($0 / $1).squareRoot() : 1 }
        }
    }
}
