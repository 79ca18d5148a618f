import CKernels
import Mercer

/// Adagrad (Duchi et al. 2011; `torch.optim.Adagrad`).
///
/// s = s + g²;  w ← w - η / (1 + (t - 1) decay) · g / (√s + ε).
public final class Adagrad: Optimizer {
    public let learningRateDecay: Double
    public let initialAccumulator: Double
    public let epsilon: Double

    public init(
        learningRate: Double = 1e-2, learningRateDecay: Double = 0, initialAccumulator: Double = 0,
        epsilon: Double = 1e-10, weightDecay: Double = 0, groups: [ParameterGroup] = []
    ) {
        self.learningRateDecay = learningRateDecay
        self.initialAccumulator = initialAccumulator
        self.epsilon = epsilon
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] { ["sum"] }

    public override func initialState(_ name: String, _ shape: [Int], _ dtype: DType) -> Tensor {
        .full(shape, initialAccumulator, dtype)
    }

    override var isFused: Bool { true }

    override func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {
        var s = mercer_optimizer_settings(settings)
        s.learning_rate /= 1 + Double(settings.step - 1) * learningRateDecay
        s.epsilon = epsilon
        let kernel = chunk.isDouble ? optimizerKernels.adagrad_f64 : optimizerKernels.adagrad_f32
        kernel(chunk.parameter, chunk.gradient, chunk.state(0), chunk.count, &s)
    }
}
