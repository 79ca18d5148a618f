import CKernels
import Foundation

/// Adam (Kingma & Ba 2015; `torch.optim.Adam`): weight decay is added to the gradient.
///
/// m = β₁ m + (1 - β₁) g;  v = β₂ v + (1 - β₂) g²;  w ← w - η m̂ / (√v̂ + ε), with bias-corrected m̂ and v̂.
public class Adam: Optimizer {
    public let beta1: Double
    public let beta2: Double
    public let epsilon: Double
    /// Whether v̂ is replaced by the largest so far (Reddi et al. 2018).
    public let amsgrad: Bool

    public init(
        learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: Double = 0, amsgrad: Bool = false, groups: [ParameterGroup] = []
    ) {
        beta1 = betas.0
        beta2 = betas.1
        self.epsilon = epsilon
        self.amsgrad = amsgrad
        super.init(learningRate: learningRate, weightDecay: weightDecay, groups: groups)
    }

    public override var stateNames: [String] {
        amsgrad ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"]
    }

    override var isFused: Bool { true }

    /// Whether weight decay shrinks the weights instead.
    var isDecoupled: Bool { false }

    override func updateChunk(_ chunk: UpdateChunk, _ settings: UpdateSettings) {
        var s = mercer_optimizer_settings(adam: settings, beta1, beta2, epsilon)
        let kernel = chunk.isDouble ? optimizerKernels.adam_f64 : optimizerKernels.adam_f32
        kernel(
            chunk.parameter, chunk.gradient, chunk.state(0), chunk.state(1), amsgrad ? chunk.state(2) : nil,
            isDecoupled, chunk.count, &s)
    }
}

/// AdamW (Loshchilov & Hutter 2019; `torch.optim.AdamW`): Adam with w ← (1 - η λ) w before each step.
public final class AdamW: Adam {
    public override init(
        learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        weightDecay: Double = 1e-2, amsgrad: Bool = false, groups: [ParameterGroup] = []
    ) {
        super.init(
            learningRate: learningRate, betas: betas, epsilon: epsilon, weightDecay: weightDecay,
            amsgrad: amsgrad, groups: groups)
    }

    override var isDecoupled: Bool { true }
}

extension mercer_optimizer_settings {
    /// Settings with the bias corrections of a step.
    init(adam settings: UpdateSettings, _ beta1: Double, _ beta2: Double, _ epsilon: Double) {
        self.init(settings)
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        correction1 = 1 - pow(beta1, Double(settings.step))
        correction2 = (1 - pow(beta2, Double(settings.step))).squareRoot()
    }
}
