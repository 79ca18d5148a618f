import Mercer

/// Images in another size, `[batch, height, width, channels]`. See ``interpolate(_:size:mode:alignCorners:antialias:)``.
public final class Upsample: Module, UnaryLayer {
    /// What the size follows from.
    public enum Size: Sendable {
        case pixels(height: Int, width: Int)
        case factor(Double)
    }

    public let size: Size
    public let mode: InterpolationMode
    public let alignCorners: Bool

    /// - Parameter alignCorners: whether the outermost pixels stay in place; for sizes in pixels.
    public init(_ size: Size, mode: InterpolationMode = .nearest, alignCorners: Bool = false) {
        self.size = size
        self.mode = mode
        self.alignCorners = alignCorners
    }

    public func callAsFunction(_ x: Tensor) -> Tensor {
        switch size {
        case .pixels(let height, let width):
            interpolate(x, size: [height, width], mode: mode, alignCorners: alignCorners)
        case .factor(let factor):
            interpolate(x, scaleFactor: factor, mode: mode)
        }
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        var output = shape
        switch size {
        case .pixels(let height, let width): (output[1], output[2]) = (height, width)
        case .factor(let factor):
            output[1] = Int(Double(shape[1]) * factor)
            output[2] = Int(Double(shape[2]) * factor)
        }
        cost.record(self, output: output)
        return output
    }
}
