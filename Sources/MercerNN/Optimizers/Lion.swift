import CKernels

/// Lion (Chen et al. 2023, arXiv:2302.06675): steps of one size along the sign of an interpolated momentum.
///
/// w ← (1 - η λ) w - η sign(β₁ m + (1 - β₁) g);  m = β₂ m + (1 - β₂) g.
public final class Lion: Optimizer {
    public let beta1: Double
    public let beta2: Double

    public init(
        learningRate: Double = 1e-4, betas: (Double, Double) = (0.9, 0.99), weightDecay: Double = 0,
        groups: [ParameterGroup] = []
    ) {
        beta1 = betas.0
        beta2 = betas.1
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] { ["exp_avg"] }

    override var isFused: Bool { true }

    override func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {
        var s = mercer_optimizer_settings(settings)
        s.beta1 = beta1
        s.beta2 = beta2
        let kernel = chunk.isDouble ? optimizerKernels.lion_f64 : optimizerKernels.lion_f32
        kernel(chunk.parameter, chunk.gradient, chunk.state(0), chunk.count, &s)
    }
}
