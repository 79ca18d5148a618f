import CKernels

/// RMSprop (`torch.optim.RMSprop`).
///
/// v = α v + (1 - α) g²;  d = g / (√v + ε), centred: √(v - ḡ²) with the running mean ḡ;  with momentum
/// b = μ b + d;  w ← w - η b.
public final class RMSprop: Optimizer {
    public let alpha: Double
    public let epsilon: Double
    public let momentum: Double
    public let centered: Bool

    public init(
        learningRate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0,
        centered: Bool = false, weightDecay: Double = 0, groups: [ParameterGroup] = []
    ) {
        self.alpha = alpha
        self.epsilon = epsilon
        self.momentum = momentum
        self.centered = centered
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] {
        ["square_avg"] + (centered ? ["grad_avg"] : []) + (momentum > 0 ? ["momentum_buffer"] : [])
    }

    override var isFused: Bool { true }

    override func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {
        var s = mercer_optimizer_settings(settings)
        s.beta1 = momentum
        s.beta2 = alpha
        s.epsilon = epsilon
        let kernel = chunk.isDouble ? optimizerKernels.rmsprop_f64 : optimizerKernels.rmsprop_f32
        kernel(
            chunk.parameter, chunk.gradient, chunk.state(0), centered ? chunk.state(1) : nil,
            momentum > 0 ? chunk.state(centered ? 2 : 1) : nil, chunk.count, &s)
    }
}
