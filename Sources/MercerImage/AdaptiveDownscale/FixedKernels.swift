import Mercer

/// The best that a fixed kernel can do: least squares over the pixels of pairs.
public enum FixedKernels {
    /// The kernels `[3, k²]` that minimise Σ (y − Σ K x̃)² + ridge · |K|², from the normal equations of k² unknowns.
    ///
    /// - Parameters:
    ///   - shared: whether one kernel serves all colours.
    ///   - limit: tiles that are looked at, evenly spread.
    public static func leastSquares(
        _ tiles: PairTiles, kernel: Int, shared: Bool = false, ridge: Double = 1e-3, limit: Int = 400
    ) throws -> Tensor {
        let size = kernel * kernel
        let scale = tiles.scale
        let side = PairTiles.tile / scale
        let margin = AdaptiveResample.margin(kernel: kernel, scale: scale)
        var products = [[Double]](repeating: [Double](repeating: 0, count: size * size), count: 3)
        var sides = [[Double]](repeating: [Double](repeating: 0, count: size), count: 3)
        let step = max(1, tiles.count / limit)
        for place in Swift.stride(from: 0, to: tiles.count, by: step).map({ tiles.places[$0] }) {
            let pair = tiles.pairs[place.pair]
            let (y, x) = (place.y / scale, place.x / scale)
            let large = pair.large[
                (y * scale)..<(y * scale + side * scale), (x * scale)..<(x * scale + side * scale), 0...]
            let small = pair.small[y..<(y + side), x..<(x + side), 0...]
            // Windows that lie within the tile.
            let rim = (margin + scale - 1) / scale + 1
            let inner = rim..<(side - rim)
            for c in 0..<3 {
                let plane = (large[0..., 0..., c].asType(.float32) / 255.0).toArray(Float.self)
                let goal = (small[0..., 0..., c].asType(.float32) / 255.0).toArray(Float.self)
                let count = inner.count * inner.count
                let width = side * scale
                let windows = Tensor([count, size], of: Float.self) { out in
                    var n = 0
                    for i in inner {
                        for j in inner {
                            for u in 0..<kernel {
                                let row = (i * scale - margin + u) * width + j * scale - margin
                                for v in 0..<kernel {
                                    out[n] = plane[row + v]
                                    n += 1
                                }
                            }
                        }
                    }
                }
                let target = Tensor(inner.flatMap { i in inner.map { j in goal[i * side + j] } }, [count, 1])
                let squares = matmul(windows.transposed(), windows).toArray(Float.self)
                let crosses = matmul(windows.transposed(), target).toArray(Float.self)
                for i in squares.indices { products[c][i] += Double(squares[i]) }
                for i in crosses.indices { sides[c][i] += Double(crosses[i]) }
            }
        }
        if shared {
            for c in 1..<3 {
                for i in products[0].indices { products[0][i] += products[c][i] }
                for i in sides[0].indices { sides[0][i] += sides[c][i] }
            }
        }
        let kernels = try (0..<3).map { c -> Tensor in
            let from = shared ? 0 : c
            let matrix = Tensor(products[from], [size, size]) + Tensor.eye(size, nil, .float64) * ridge
            return try LinearAlgebra.solve(matrix, Tensor(sides[from], [size, 1])).reshaped(size)
        }
        return stacked(kernels).asType(.float32)
    }

    /// A picture `[N, H, W, 3]` resampled by fixed kernels `[3, k²]`.
    public static func apply(_ x: Tensor, _ kernels: Tensor, scale: Int) -> Tensor {
        let shape = [x.shape[0], x.shape[1] / scale, x.shape[2] / scale, 3, kernels.shape[1]]
        return AdaptiveResample.apply(x, kernels: kernels.broadcast(to: shape), scale: scale)
    }
}
