/// Settings of an optimiser for some of the parameters. The first group whose predicate holds counts; parameters
/// in none get the optimiser's own settings.
///
/// ```swift
/// AdamW(learningRate: 1e-3, weightDecay: 0.05, groups: [.withoutDecay, .init(learningRateScale: 0.1) { key, _ in
///     key.hasPrefix("backbone.")
/// }])
/// ```
public struct ParameterGroup: Sendable {
    /// The optimiser's learning rate is multiplied by this.
    public var learningRateScale: Double
    /// In place of the optimiser's; nil keeps it.
    public var weightDecay: Double?
    let contains: @Sendable (_ key: String, _ shape: [Int]) -> Bool

    public init(
        learningRateScale: Double = 1, weightDecay: Double? = nil,
        where contains: @escaping @Sendable (_ key: String, _ shape: [Int]) -> Bool
    ) {
        self.learningRateScale = learningRateScale
        self.weightDecay = weightDecay
        self.contains = contains
    }

    /// The usual weight-decay mask: biases, norms and other parameters of fewer than two axes don't decay.
    public static let withoutDecay = ParameterGroup(weightDecay: 0) { _, shape in shape.count < 2 }
}
