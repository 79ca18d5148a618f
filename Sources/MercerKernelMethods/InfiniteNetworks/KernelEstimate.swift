import Mercer

/// Kernels by Monte Carlo over finite networks: a check of closed forms, and a way for activations without one.
public enum KernelEstimate {
    /// Mean kernels and standard errors over networks of some hidden width with one output.
    ///
    /// - Parameter nets: how many, two or more.
    /// - Throws: ``NetworkSpecError`` for layers that finite networks don't have.
    public static func estimate(
        _ network: InfiniteNetwork, _ x: Tensor, _ z: Tensor? = nil, width: Int, nets: Int, key: RandomKey
    ) throws -> (nngp: Tensor, ntk: Tensor, ntkError: Tensor) {
        guard nets >= 2 else { throw KernelMethodError.option("nets", found: "\(nets)", expected: "2 or more") }
        let depth = network.layers.count { if case .dense = $0 { true } else { false } }
        let widths = [x.shape[1]] + [Int](repeating: width, count: max(0, depth - 1)) + [1]
        let right = z ?? x
        var (nngp, ntk, squares): (Tensor?, Tensor?, Tensor?)
        for net in 0..<nets {
            let finite = try FiniteNetwork(network, widths: widths, key: key.fold(in: net))
            let theta = finite.traceKernel(x.asType(.float64), right.asType(.float64))
            // The covariance is that of the last layer's inputs, not of its one output.
            let sigma = finite.lastCovariance(x.asType(.float64), right.asType(.float64))
            nngp = nngp.map { $0 + sigma } ?? sigma
            ntk = ntk.map { $0 + theta } ?? theta
            squares = squares.map { $0 + theta * theta } ?? theta * theta
        }
        let count = Double(nets)
        let mean = ntk! / count
        let variance = (squares! / count - mean * mean) / (count - 1)
        return (nngp! / count, mean, sqrt(maximum(variance, variance * 0.0)))
    }
}

extension FiniteNetwork {
    /// W²/n α·α′ + b² of the last layer.
    func lastCovariance(_ x: Tensor, _ z: Tensor) -> Tensor {
        let (left, right) = (pass(x).inputs.last!, pass(z).inputs.last!)
        let layer = layers[layers.count - 1]
        return matmul(left, right.transposed()) * (layer.scale * layer.scale) + layer.bStd * layer.bStd
    }
}
