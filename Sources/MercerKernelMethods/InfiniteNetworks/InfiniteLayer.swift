import Foundation

/// A layer of a network of infinite width, in the NTK parametrisation: weights and biases are N(0, 1), and a layer
/// computes W_std/√fan_in · W x + b_std · b.
public indirect enum InfiniteLayer: Sendable, Equatable {
    case dense(wStd: Double = 1, bStd: Double = 0)
    case convolution(
        height: Int, width: Int, stride: Int = 1, padding: KernelPadding = .same, wStd: Double = 1, bStd: Double = 0)
    case activation(KernelActivation)
    /// The mean over windows; divides by the whole window at the border too.
    case averagePool(Int, stride: Int? = nil, padding: KernelPadding = .valid)
    case sumPool(Int, stride: Int? = nil, padding: KernelPadding = .valid)
    case globalAveragePool
    case flatten
    /// Over channels.
    case layerNorm
    case identity
    /// Keeps each channel with this probability, scaled up.
    case dropout(rate: Double)
    /// The sum of branches.
    case sum([[InfiniteLayer]])
    /// Channels of branches side by side, with their numbers of channels.
    case concatenation([[InfiniteLayer]], channels: [Int])

    /// What a spec calls it.
    public var name: String {
        switch self {
        case .dense: "dense"
        case .convolution: "conv"
        case .activation: "activation"
        case .averagePool: "avg_pool"
        case .sumPool: "sum_pool"
        case .globalAveragePool: "global_avg_pool"
        case .flatten: "flatten"
        case .layerNorm: "layer_norm"
        case .identity: "identity"
        case .dropout: "dropout"
        case .sum: "sum"
        case .concatenation: "concat"
        }
    }

    /// Whether it mixes pixels, so that all pairs of pixels before it are needed.
    var isPooling: Bool {
        switch self {
        case .averagePool, .sumPool, .globalAveragePool: true
        case .sum(let branches), .concatenation(let branches, _):
            branches.contains { $0.contains { $0.isPooling } }
        default: false
        }
    }
}

/// What lies beyond the border.
public enum KernelPadding: String, Sendable {
    /// Zeros, as many outputs as inputs (over the stride); one more at the end where they are odd.
    case same
    /// Nothing: windows stay inside.
    case valid
    /// The other side.
    case circular

    /// Outputs along an axis and where the first window begins.
    func geometry(_ size: Int, window: Int, stride: Int) -> (count: Int, before: Int) {
        if self == .valid { return (max(0, (size - window) / stride + 1), 0) }
        let count = (size + stride - 1) / stride
        return (count, max(0, (count - 1) * stride + window - size) / 2)
    }
}

/// Errors of a network that can't be.
public struct NetworkSpecError: Error, Equatable, CustomStringConvertible, LocalizedError {
    /// Counted from 1, such as `3` or `2.1.4` within branches.
    public let layer: String
    public let reason: String

    public var description: String { "layer \(layer): \(reason)" }
    public var errorDescription: String? { description }
}

// MARK: Builder

/// Something that stands in the braces of ``InfiniteNetwork``.
public protocol InfiniteLayerConvertible {
    var layer: InfiniteLayer { get }
}

extension InfiniteLayer: InfiniteLayerConvertible { public var layer: InfiniteLayer { self } }

/// Puts the lines of an ``InfiniteNetwork`` together.
@resultBuilder public enum InfiniteNetworkBuilder {
    public static func buildExpression(_ layer: some InfiniteLayerConvertible) -> [InfiniteLayer] { [layer.layer] }
    public static func buildBlock(_ parts: [InfiniteLayer]...) -> [InfiniteLayer] { parts.flatMap { $0 } }
    public static func buildArray(_ parts: [[InfiniteLayer]]) -> [InfiniteLayer] { parts.flatMap { $0 } }
    public static func buildOptional(_ part: [InfiniteLayer]?) -> [InfiniteLayer] { part ?? [] }
    public static func buildEither(first: [InfiniteLayer]) -> [InfiniteLayer] { first }
    public static func buildEither(second: [InfiniteLayer]) -> [InfiniteLayer] { second }
}

/// A dense layer.
public struct Dense: InfiniteLayerConvertible {
    public let layer: InfiniteLayer
    public init(wStd: Double = 1, bStd: Double = 0) { layer = .dense(wStd: wStd, bStd: bStd) }
}

/// A convolution with a square filter.
public struct Conv: InfiniteLayerConvertible {
    public let layer: InfiniteLayer
    public init(
        _ size: Int, stride: Int = 1, padding: KernelPadding = .same, wStd: Double = 1, bStd: Double = 0
    ) {
        layer = .convolution(
            height: size, width: size, stride: stride, padding: padding, wStd: wStd, bStd: bStd)
    }
}

/// The rectifier.
public struct ReLU: InfiniteLayerConvertible {
    public let layer = InfiniteLayer.activation(.relu)
    public init() {}
}

/// The error function.
public struct Erf: InfiniteLayerConvertible {
    public let layer = InfiniteLayer.activation(.erf)
    public init() {}
}

/// x + branch(x).
public struct Residual: InfiniteLayerConvertible {
    public let layer: InfiniteLayer
    public init(@InfiniteNetworkBuilder _ branch: () -> [InfiniteLayer]) { layer = .sum([[.identity], branch()]) }
}
