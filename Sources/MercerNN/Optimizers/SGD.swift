import CKernels

/// Stochastic gradient descent, with momentum (`torch.optim.SGD`).
///
/// d = g + λ w;  b = μ b + (1 - dampening) d, at first b = d;  w ← w - η b, with Nesterov w - η (d + μ b).
public final class SGD: Optimizer {
    public let momentum: Double
    public let dampening: Double
    public let nesterov: Bool

    /// - Parameter nesterov: needs momentum and no dampening.
    public init(
        learningRate: Double, momentum: Double = 0, dampening: Double = 0, nesterov: Bool = false,
        weightDecay: Double = 0, groups: [ParameterGroup] = []
    ) {
        precondition(
            !nesterov || (momentum > 0 && dampening == 0),
            "SGD: Nesterov needs momentum (\(momentum)) and no dampening (\(dampening))")
        self.momentum = momentum
        self.dampening = dampening
        self.nesterov = nesterov
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] { momentum == 0 ? [] : ["momentum_buffer"] }

    override var isFused: Bool { true }

    override func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {
        var s = mercer_optimizer_settings(settings)
        s.beta1 = momentum
        s.beta2 = 1 - dampening
        s.first = settings.step == 1 ? 1 : 0
        s.nesterov = nesterov ? 1 : 0
        let kernel = chunk.isDouble ? optimizerKernels.sgd_f64 : optimizerKernels.sgd_f32
        kernel(chunk.parameter, chunk.gradient, momentum == 0 ? nil : chunk.state(0), chunk.count, &s)
    }
}
