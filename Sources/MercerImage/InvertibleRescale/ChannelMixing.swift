import Mercer
import MercerNN

/// Pixels of an s×s cell gathered as channels and mixed by a learnt matrix: what the official code puts in place of
/// Haar where the scale isn't a power of two (`ConvDownsampling`). Output channels are the first mixture of all C
/// channels, then the second, …
public final class ChannelMixing: Module {
    /// `[s², s²]`: the first row 1/s², the others those of the identity, to start from.
    @ParameterInfo(key: "conv_weights") public var matrix: Tensor
    public let scale: Int

    public init(scale: Int) {
        self.scale = scale
        let cells = scale * scale
        _matrix = ParameterInfo(
            Parameter(
                [cells, cells],
                initializer: Initializer { _, _, _ in
                    Tensor([cells, cells], of: Float.self) { out in
                        for i in 0..<cells {
                            for j in 0..<cells {
                                out[i * cells + j] = i == 0 ? 1 / Float(cells) : i == j ? 1 : 0
                            }
                        }
                    }
                }), key: "conv_weights")
    }

    /// `[N, H, W, C]`, sides multiples of the scale, to `[N, H/s, W/s, s²·C]`.
    public func forward(_ x: Tensor) -> Tensor {
        let (n, h, w, c) = (x.shape[0], x.shape[1] / scale, x.shape[2] / scale, x.shape[3])
        precondition(
            x.shape[1] == h * scale && x.shape[2] == w * scale,
            "ChannelMixing: sides of shape \(x.shape) aren't multiples of \(scale)")
        let cells = scale * scale
        let gathered = x.reshaped(n, h, scale, w, scale, c).transposed(0, 1, 3, 2, 4, 5)
            .reshaped(n * h * w, cells, c)
        return matmul(matrix, gathered).reshaped(n, h, w, cells * c)
    }

    /// The reverse of ``forward(_:)``.
    public func inverse(_ y: Tensor) -> Tensor {
        let cells = scale * scale
        let (n, h, w, c) = (y.shape[0], y.shape[1], y.shape[2], y.shape[3] / cells)
        let inverse: Tensor
        do {
            inverse = try LinearAlgebra.inverse(matrix)
        } catch {
            preconditionFailure("ChannelMixing: the matrix of the \(scale)×\(scale) cells can't be inverted: \(error)")
        }
        let gathered = matmul(inverse, y.reshaped(n * h * w, cells, c))
        return gathered.reshaped(n, h, w, scale, scale, c).transposed(0, 1, 3, 2, 4, 5)
            .reshaped(n, h * scale, w * scale, c)
    }

    /// log |det| of the mixing for `elements` numbers.
    func logDeterminant(elements: Int) -> Double {
        let logAbsolute = LinearAlgebra.signAndLogDeterminant(matrix.detached).logAbsolute.doubleValue
        return logAbsolute * Double(elements) / Double(scale * scale)
    }
}
