import CKernels
import Mercer

/// Running averages of a model's parameters and buffers: ā ← ā + (1 - d) (a - ā).
///
/// ```swift
/// let average = ExponentialMovingAverage(of: model, decay: 0.9999)
/// average.update(from: model)                       // after each step
/// average.withAverages(in: model) { evaluate(model) }
/// ```
///
/// Buffers that aren't floating point are copied.
public final class ExponentialMovingAverage {
    public let decay: Double
    /// Whether the decay of the first updates is smaller: min(decay, (1 + n) / (10 + n)).
    public let warmsUp: Bool
    /// Updates made so far.
    public private(set) var updateCount: Int
    /// The averages, under the keys of ``Module/state()``.
    public private(set) var averages: ModuleParameters

    public init(of model: Module, decay: Double, warmsUp: Bool = false) {
        precondition(decay >= 0 && decay <= 1, "moving average: a decay of \(decay) is outside [0, 1]")
        self.decay = decay
        self.warmsUp = warmsUp
        updateCount = 0
        averages = model.state()
    }

    /// Averages that were saved.
    public func restore(_ averages: ModuleParameters, updateCount: Int) {
        self.averages = averages
        self.updateCount = updateCount
    }

    /// Takes in the model's present values.
    public func update(from model: Module) {
        let values = model.state()
        precondition(
            values.keys == averages.keys,
            "moving average: the model's parameters are others than at the start")
        updateCount += 1
        let decay = warmsUp ? min(decay, Double(1 + updateCount) / Double(10 + updateCount)) : decay
        averages.withValues { tensors in
            combine(
                values.values, 1 - decay, into: &tensors, float32: optimizerKernels.lerp_f32,
                float64: optimizerKernels.lerp_f64)
        }
    }

    /// Runs `body` with the averages in the model, then puts its own values back.
    public func withAverages<R>(in model: Module, _ body: () throws -> R) rethrows -> R {
        let values = model.state()
        model.update(parameters: averages)
        defer { model.update(parameters: values) }
        return try body()
    }
}
