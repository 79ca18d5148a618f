import Foundation
import Mercer

/// A deep Gaussian process of finite width, sampled by Hamiltonian Monte Carlo: F_ℓ = chol(K(G_{ℓ−1}))W_ℓ with N standard normal
/// columns, G_ℓ = F_ℓF_ℓᵀ/N, and N copies of the output, so that its posterior tends to the deep kernel machine's as N grows.
public struct FiniteDeepProcess: Sendable {
    public let x: Tensor
    public let y: Tensor
    public let width: Int
    public let layers: Int
    public let noiseVariance: Double
    public let jitter: Double

    public init(
        _ x: Tensor, _ y: Tensor, width: Int, layers: Int, noiseVariance: Double, jitter: Double = 1e-6
    ) {
        self.x = x.asType(.float64)
        self.y = (y.rank == 1 ? y.expandedDimensions(axis: 1) : y).asType(.float64)
        self.width = width
        self.layers = layers
        self.noiseVariance = noiseVariance
        self.jitter = jitter
    }

    /// What a chain gave.
    public struct Chain: Sendable {
        /// Posterior means of G_1 … G_L.
        public let grams: [Tensor]
        public let acceptance: Double
        /// Effective number of samples of the energy, by its autocorrelation.
        public let effectiveSamples: Double
        /// Energies of the second half's samples.
        public let energies: [Double]
        /// Features of the last layer, `[P, N]`, of some of the samples.
        public let features: [Tensor]
    }

    /// K(G), with its diagonal lifted.
    private func kernel(_ g: Tensor) -> Tensor {
        let own = g.diagonal()
        let half: Tensor = (own.expandedDimensions(axis: 1) + own.expandedDimensions(axis: 0)) * 0.5
        return exp(g - half) + Tensor.eye(g.shape[0], nil, .float64) * jitter
    }

    /// Features and Gram matrices of white weights.
    private func unrolled(_ weights: [Tensor]) throws -> (features: [Tensor], grams: [Tensor]) {
        var g = matmul(x, x.transposed()) / Double(x.shape[1])
        var (features, grams): ([Tensor], [Tensor]) = ([], [])
        for w in weights {
            let f = matmul(try LinearAlgebra.cholesky(kernel(g)), w)
            g = matmul(f, f.transposed()) / Double(width)
            features.append(f)
            grams.append(g)
        }
        return (features, grams)
    }

    /// ½|W|² − N log P(Y|G_L).
    private func energy(_ weights: [Tensor]) throws -> Tensor {
        let g = try unrolled(weights).grams.last!
        let p = x.shape[0]
        let covariance = kernel(g) + Tensor.eye(p, nil, .float64) * noiseVariance
        let (inverse, log) = try inverseAndLogDeterminant(covariance)
        let squares: Tensor = (y * matmul(inverse, y)).sum()
        let likelihood: Tensor = (squares + log * Double(y.shape[1])) * -0.5
        let prior = weights.map { ($0 * $0).sum() * 0.5 }
        return prior.dropFirst().reduce(prior[0], +) - likelihood * Double(width)
    }

    /// Runs a chain; the first quarter warms up.
    public func sample(
        iterations: Int, stepSize: Double, leapfrogs: Int = 10, key: RandomKey, features kept: Int = 0,
        progress: (Int) throws -> Void = { _ in }
    ) throws -> Chain {
        let p = x.shape[0]
        let function: ([Tensor]) throws -> Tensor = { try energy($0) }
        let both = valueAndGrad(function)
        var weights = (0..<layers).map {
            Random.normal([p, width], dtype: .float64, key: key.fold(in: -1 - $0))
        }
        var (current, gradients) = try both(weights)
        let warm = iterations / 4
        var sums = [Tensor](repeating: Tensor.zeros([p, p], .float64), count: layers)
        var (accepted, energies, features): (Int, [Double], [Tensor]) = (0, [], [])
        let every = kept > 0 ? max(1, (iterations - warm) / kept) : Int.max
        for iteration in 0..<iterations {
            let keys = key.fold(in: iteration)
            var momenta = (0..<layers).map {
                Random.normal([p, width], dtype: .float64, key: keys.fold(in: $0))
            }
            func kinetic() -> Double { momenta.reduce(0) { $0 + ($1 * $1).sum().doubleValue } / 2 }
            let before = current.doubleValue + kinetic()
            // Steps vary a little, or a chain could go in circles.
            var stream = RandomStream(keys.fold(in: 99))
            let step = stepSize * (0.9 + 0.2 * stream.uniform())
            var (moved, value, slope) = (weights, current, gradients)
            for _ in 0..<leapfrogs {
                for l in 0..<layers {
                    momenta[l] = momenta[l] - slope[l] * (step / 2)
                    moved[l] = moved[l] + momenta[l] * step
                }
                (value, slope) = try both(moved)
                for l in 0..<layers { momenta[l] = momenta[l] - slope[l] * (step / 2) }
            }
            let after = value.doubleValue + kinetic()
            if Foundation.log(stream.uniform()) < before - after {
                (weights, current, gradients) = (moved, value, slope)
                accepted += 1
            }
            if iteration >= warm {
                let state = try unrolled(weights)
                for l in 0..<layers { sums[l] = sums[l] + state.grams[l] }
                energies.append(current.doubleValue)
                if (iteration - warm) % every == every - 1 { features.append(state.features.last!) }
            }
            try progress(iteration + 1)
        }
        let count = Double(max(1, iterations - warm))
        return Chain(
            grams: sums.map { $0 / count }, acceptance: Double(accepted) / Double(max(1, iterations)),
            effectiveSamples: Self.effectiveSamples(energies), energies: energies, features: features)
    }

    /// n / (1 + 2 Σ ρ), summed while pairs of autocorrelations are positive (C. Geyer, 1992).
    static func effectiveSamples(_ values: [Double]) -> Double {
        let n = values.count
        guard n > 3 else { return Double(n) }
        let mean = values.reduce(0, +) / Double(n)
        let centred = values.map { $0 - mean }
        let variance = centred.reduce(0) { $0 + $1 * $1 } / Double(n)
        guard variance > 0 else { return Double(n) }
        func correlation(_ lag: Int) -> Double {
            var sum = 0.0
            for i in 0..<n - lag { sum += centred[i] * centred[i + lag] }
            return sum / Double(n) / variance
        }
        var total = 1.0
        var lag = 1
        while lag + 1 < n / 2 {
            let pair = correlation(lag) + correlation(lag + 1)
            if pair <= 0 { break }
            total += 2 * pair
            lag += 2
        }
        return Double(n) / total
    }
}
