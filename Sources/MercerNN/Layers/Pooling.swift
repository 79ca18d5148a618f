import Mercer

/// The largest element of each window, `[batch, height, width, channels]`.
public final class MaxPool2d: Module, UnaryLayer {
    public let kernelSize: PerAxis
    public let stride: PerAxis
    public let padding: PerAxis

    /// - Parameter stride: the kernel's size by default.
    public init(kernelSize: PerAxis, stride: PerAxis? = nil, padding: PerAxis = 0) {
        self.kernelSize = kernelSize
        self.stride = stride ?? kernelSize
        self.padding = padding
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        maxPool2d(x, kernel: kernelSize, stride: stride, padding: padding)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        pooled(shape, kernelSize.spread(2), stride, padding, &cost)
    }
}

/// The mean of each window, `[batch, height, width, channels]`.
public final class AvgPool2d: Module, UnaryLayer {
    public let kernelSize: PerAxis
    public let stride: PerAxis
    public let padding: PerAxis
    public let countsPadding: Bool

    /// - Parameters:
    ///   - stride: the kernel's size by default.
    ///   - countsPadding: whether zeros of the padding count as elements of a window.
    public init(
        kernelSize: PerAxis, stride: PerAxis? = nil, padding: PerAxis = 0, countsPadding: Bool = true
    ) {
        self.kernelSize = kernelSize
        self.stride = stride ?? kernelSize
        self.padding = padding
        self.countsPadding = countsPadding
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        avgPool2d(
            x, kernel: kernelSize, stride: stride, padding: padding, countIncludePad: countsPadding)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        pooled(shape, kernelSize.spread(2), stride, padding, &cost)
    }
}

/// The largest element of each window, `[batch, length, channels]`.
public final class MaxPool1d: Module, UnaryLayer {
    public let kernelSize: Int
    public let stride: Int
    public let padding: Int

    /// - Parameter stride: the kernel's size by default.
    public init(kernelSize: Int, stride: Int? = nil, padding: Int = 0) {
        self.kernelSize = kernelSize
        self.stride = stride ?? kernelSize
        self.padding = padding
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        maxPool1d(x, kernel: kernelSize, stride: stride, padding: padding)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        pooled(shape, [kernelSize], PerAxis(stride), PerAxis(padding), &cost)
    }
}

/// The mean of each window, `[batch, length, channels]`.
public final class AvgPool1d: Module, UnaryLayer {
    public let kernelSize: Int
    public let stride: Int
    public let padding: Int

    /// - Parameter stride: the kernel's size by default.
    public init(kernelSize: Int, stride: Int? = nil, padding: Int = 0) {
        self.kernelSize = kernelSize
        self.stride = stride ?? kernelSize
        self.padding = padding
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        avgPool1d(x, kernel: kernelSize, stride: stride, padding: padding)
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        pooled(shape, [kernelSize], PerAxis(stride), PerAxis(padding), &cost)
    }
}

/// Means of windows that divide the image into `outputSize` parts as evenly as can be.
public final class AdaptiveAvgPool2d: Module, UnaryLayer {
    public let outputSize: PerAxis

    public init(_ outputSize: PerAxis) { self.outputSize = outputSize }

    public func callAsFunction(_ x: Tensor) -> Tensor { adaptiveAvgPool2d(x, outputSize: outputSize) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = [shape[0]] + outputSize.spread(2) + [shape.last!]
        cost.record(self, output: output)
        return output
    }
}

/// The mean over all positions: `[batch, …, channels]` makes `[batch, channels]`.
public final class GlobalAvgPool: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { globalAvgPool(x) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = [shape[0], shape.last!]
        cost.record(self, output: output)
        return output
    }
}

/// The largest element over all positions: `[batch, …, channels]` makes `[batch, channels]`.
public final class GlobalMaxPool: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { globalMaxPool(x) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = [shape[0], shape.last!]
        cost.record(self, output: output)
        return output
    }
}

extension Module {
    /// The shape after pooling windows.
    fileprivate func pooled(
        _ shape: [Int], _ kernel: [Int], _ stride: PerAxis, _ padding: PerAxis, _ cost: inout ModelCost
    ) -> [Int] {
        precondition(
            shape.count == kernel.count + 2, "\(type(of: self)): input of shape \(shape), kernel \(kernel)")
        let window = SlidingWindow(kernel: kernel, stride: stride, padding: .symmetric(padding))
        let lengths = window.positions(on: Array(shape.dropFirst().dropLast()))
        let output = [shape[0]] + lengths + [shape.last!]
        cost.record(self, output: output)
        return output
    }
}
