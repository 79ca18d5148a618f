import Mercer

/// (x - mean) / √(variance + eps) · weight + bias over the last axes (Ba et al. 2016), with the biased variance.
///
/// `weight` and `bias` have the shape of those axes and start as 1 and 0.
public final class LayerNorm: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor?
    @ParameterInfo public var bias: Tensor?
    public let shape: [Int]
    public let eps: Double

    /// - Parameters:
    ///   - shape: the lengths of the last axes.
    ///   - affine: whether there are weight and bias.
    public init(_ shape: [Int], eps: Double = 1e-5, affine: Bool = true, bias hasBias: Bool = true) {
        self.shape = shape
        self.eps = eps
        _weight = ParameterInfo(affine ? Parameter(shape, initializer: .ones) : nil)
        _bias = ParameterInfo(affine && hasBias ? Parameter(shape, initializer: .zeros) : nil)
    }

    /// Over the last axis, of length `width`.
    public convenience init(_ width: Int, eps: Double = 1e-5, affine: Bool = true, bias: Bool = true) {
        self.init([width], eps: eps, affine: affine, bias: bias)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        precondition(
            x.shape.suffix(shape.count) == shape[...],
            "LayerNorm: input of shape \(x.shape), axes of \(shape)")
        if shape.count == 1 { return layerNorm(x, weight: weight, bias: bias, eps: eps) }
        let flat = x.flattened(from: -shape.count)
        return layerNorm(flat, weight: weight?.flattened(), bias: bias?.flattened(), eps: eps)
            .reshaped(x.shape)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

/// x / √(mean of x² + eps) · weight over the last axis (Zhang & Sennrich 2019).
public final class RMSNorm: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor
    public let eps: Double

    public init(_ width: Int, eps: Double = 1e-6) {
        self.eps = eps
        _weight = ParameterInfo(Parameter([width], initializer: .ones))
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { rmsNorm(x, weight: weight, eps: eps) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

/// Normalisation of each channel over batch and places (Ioffe & Szegedy 2015), for tensors of any rank with the
/// channels last: by the batch's statistics in training, by running ones in evaluation.
///
/// The running statistics are buffers under PyTorch's keys: `running_mean`, `running_var` (unbiased),
/// `num_batches_tracked`. Each training call moves them by `momentum` towards the batch's.
public final class BatchNorm: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor?
    @ParameterInfo public var bias: Tensor?
    @BufferInfo(key: "running_mean") public var runningMean: Tensor?
    @BufferInfo(key: "running_var") public var runningVariance: Tensor?
    @BufferInfo(key: "num_batches_tracked") public var batchCount: Tensor?
    public let channels: Int
    public let eps: Double
    /// nil for the mean over all batches so far.
    public let momentum: Double?

    /// - Parameters:
    ///   - momentum: the part of the batch's statistics in the updated ones; nil for the mean over all batches.
    ///   - affine: whether there are weight and bias.
    ///   - tracksStatistics: whether there are running statistics; else the batch's are used in evaluation too.
    public init(
        _ channels: Int, eps: Double = 1e-5, momentum: Double? = 0.1, affine: Bool = true,
        tracksStatistics: Bool = true
    ) {
        self.channels = channels
        self.eps = eps
        self.momentum = momentum
        _weight = ParameterInfo(affine ? Parameter([channels], initializer: .ones) : nil)
        _bias = ParameterInfo(affine ? Parameter([channels], initializer: .zeros) : nil)
        super.init()
        if tracksStatistics {
            runningMean = .zeros([channels])
            runningVariance = .ones([channels])
            batchCount = Tensor(Int64(0))
        }
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard let mean = runningMean, let variance = runningVariance else {
            return batchNorm(
                x, weight: weight, bias: bias, runningMean: .zeros([channels], x.dtype),
                runningVariance: .ones([channels], x.dtype), training: true, eps: eps
            ).output
        }
        let count = isTraining ? Int(batchCount!.doubleValue) + 1 : 0
        let result = batchNorm(
            x, weight: weight, bias: bias, runningMean: mean, runningVariance: variance,
            training: isTraining, momentum: momentum ?? 1 / Double(max(count, 1)), eps: eps)
        if isTraining {
            runningMean = result.runningMean.detached
            runningVariance = result.runningVariance.detached
            batchCount = Tensor(Int64(count))
        }
        return result.output
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

/// Normalisation of each example over its places and the channels of each group (Wu & He 2018),
/// `[batch, …, channels]`.
public final class GroupNorm: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor?
    @ParameterInfo public var bias: Tensor?
    public let groups: Int
    public let eps: Double

    public init(_ groups: Int, _ channels: Int, eps: Double = 1e-5, affine: Bool = true) {
        precondition(
            groups > 0 && channels % groups == 0, "GroupNorm: \(channels) channels in \(groups) groups")
        self.groups = groups
        self.eps = eps
        _weight = ParameterInfo(affine ? Parameter([channels], initializer: .ones) : nil)
        _bias = ParameterInfo(affine ? Parameter([channels], initializer: .zeros) : nil)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        groupNorm(x, groups: groups, weight: weight, bias: bias, eps: eps)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

/// Normalisation of each channel of each example over its places (Ulyanov et al. 2016), `[batch, …, channels]`.
public final class InstanceNorm: Module, UnaryLayer {
    @ParameterInfo public var weight: Tensor?
    @ParameterInfo public var bias: Tensor?
    public let eps: Double

    /// - Parameter affine: whether there are weight and bias; by default not, as in PyTorch.
    public init(_ channels: Int, eps: Double = 1e-5, affine: Bool = false) {
        self.eps = eps
        _weight = ParameterInfo(affine ? Parameter([channels], initializer: .ones) : nil)
        _bias = ParameterInfo(affine ? Parameter([channels], initializer: .zeros) : nil)
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        instanceNorm(x, weight: weight, bias: bias, eps: eps)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] { kept(shape, &cost) }
}

extension Module {
    /// For layers that keep the shape and count no products.
    func kept(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        cost.record(self, output: shape)
        return shape
    }
}
