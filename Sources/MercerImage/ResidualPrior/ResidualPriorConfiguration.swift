import Mercer

/// How a picture is deblurred by DRP.
public struct ResidualPriorConfiguration: Sendable, Codable, Equatable {
    /// Ready sizes of the two networks.
    public enum Size: String, Sendable, Codable, CaseIterable {
        /// Four scales, Adam 5e-3: within a minute for 128² pixels.
        case small
        /// The paper's five scales, Adam 5e-4.
        case paper
    }

    public var image: SkipHourglass.Configuration
    /// nil for the deep image prior: no residual, no artefacts.
    public var residual: SkipHourglass.Configuration?
    public var variant: ResidualPriorObjective.Variant
    public var lambda1: Double?
    public var lambda2: Double
    public var tv: Double
    public var iterations: Int
    public var learningRate: Double
    /// The residual network's; 5e-8 for a network that was loaded from an official checkpoint.
    public var residualLearningRate: Double
    /// The share of the old average that stays at each iteration.
    public var averageDecay = 0.99
    public var seed: UInt64

    /// - Parameters:
    ///   - size: of both networks.
    ///   - variant: whose constants.
    public init(
        _ size: Size = .small, variant: ResidualPriorObjective.Variant = .paper, iterations: Int = 2000,
        seed: UInt64 = 0
    ) {
        let objective = ResidualPriorObjective.standard(variant)
        image = size == .small ? .imageSmall : .imagePaper
        residual = size == .small ? .residualSmall : .residualPaper
        self.variant = variant
        lambda1 = objective.lambda1
        lambda2 = objective.lambda2
        tv = objective.tv
        self.iterations = iterations
        learningRate = size == .small ? 5e-3 : 5e-4
        residualLearningRate = learningRate
        self.seed = seed
    }

    /// The deep image prior (Ulyanov et al. 2018): the same image network and smoothness, nothing else.
    public var deepImagePrior: ResidualPriorConfiguration {
        var copy = self
        copy.residual = nil
        copy.lambda1 = nil
        return copy
    }

    var objective: ResidualPriorObjective {
        ResidualPriorObjective(variant, lambda1: lambda1, lambda2: lambda2, tv: tv)
    }
}
