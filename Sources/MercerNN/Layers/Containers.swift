import Mercer

/// Layers one after the other. Keys are `0.weight`, `1.weight`, …, as PyTorch's.
///
/// ```swift
/// let net = Sequential(Conv2d(3, 64, kernelSize: 3, padding: 1), ReLU(), GlobalAveragePooling(), Linear(64, 10))
/// ```
public final class Sequential: Module, UnaryLayer {
    @ModuleInfo(key: "") public private(set) var layers: [any UnaryLayer] = []

    public init(_ layers: [any UnaryLayer]) {
        _layers = ModuleInfo(wrappedValue: layers, key: "")
    }

    public convenience init(_ layers: (any UnaryLayer)...) { self.init(layers) }

    public func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { $1($0) } }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        layers.reduce(shape) { $1.trace($0, &cost) }
    }
}

/// x + f(x).
public final class Residual: Module, UnaryLayer {
    @ModuleInfo(key: "") public private(set) var body: any UnaryLayer

    public init(_ body: any UnaryLayer) {
        _body = ModuleInfo(wrappedValue: body, key: "")
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x + body(x) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = body.trace(shape, &cost)
        precondition(output == shape, "Residual: \(type(of: body)) changes the shape \(shape) to \(output)")
        return output
    }
}

/// Its input.
public final class Identity: Module, UnaryLayer {
    public func callAsFunction(_ x: Tensor) -> Tensor { x }
}

/// A function as a layer; its result has the input's shape.
public final class Lambda: Module, UnaryLayer {
    private let function: (Tensor) -> Tensor

    public init(_ function: @escaping (Tensor) -> Tensor) { self.function = function }

    public func callAsFunction(_ x: Tensor) -> Tensor { function(x) }
}

/// Axes `from` to `to` as one; by default all but the batch. Channels last: weights that follow a flattened image
/// in a PyTorch file are in another order.
public final class Flatten: Module, UnaryLayer {
    public let from: Int
    public let to: Int

    public init(from: Int = 1, to: Int = -1) {
        self.from = from
        self.to = to
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { x.flattened(from: from, to: to) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let (first, last) = ((from + shape.count) % shape.count, (to + shape.count) % shape.count)
        var output = Array(shape[..<first])
        output.append(shape[first...last].reduce(1, *))
        output += shape[(last + 1)...]
        cost.record(self, output: output)
        return output
    }
}

/// `[batch, h, w, c r²]` to `[batch, h r, w r, c]`, channels in PyTorch's order unless another is given. See
/// ``SubPixel/shuffle(_:by:order:)``.
public final class PixelShuffle: Module, UnaryLayer {
    public let factor: Int
    public let order: SubPixelOrder

    public init(_ factor: Int, order: SubPixelOrder = .torch) {
        self.factor = factor
        self.order = order
    }

    public func callAsFunction(_ x: Tensor) -> Tensor { SubPixel.shuffle(x, by: factor, order: order) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = [shape[0], shape[1] * factor, shape[2] * factor, shape[3] / (factor * factor)]
        cost.record(self, output: output)
        return output
    }
}

/// `[batch, h r, w r, c]` to `[batch, h, w, c r²]`, the inverse of ``PixelShuffle``.
public final class PixelUnshuffle: Module, UnaryLayer {
    public let factor: Int

    public init(_ factor: Int) { self.factor = factor }

    public func callAsFunction(_ x: Tensor) -> Tensor { pixelUnshuffle(x, by: factor) }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        let output = [shape[0], shape[1] / factor, shape[2] / factor, shape[3] * factor * factor]
        cost.record(self, output: output)
        return output
    }
}
