import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct InfiniteNetworkTests {
    private let x = Random.normal([130, 6], dtype: .float64, key: RandomKey(1))

    private func close(_ a: Tensor, _ b: Tensor, _ bound: Double) -> Bool {
        zip(a.asType(.float64).toArray(Double.self), b.asType(.float64).toArray(Double.self))
            .allSatisfy { abs($0 - $1) <= bound * max(1, abs($1)) }
    }

    @Test func theSymmetricHalfIsTheWhole() throws {
        let net = try InfiniteNetwork {
            Dense(wStd: 1.5, bStd: 0.05); ReLU(); Dense(); Erf(); Dense()
        }
        let (half, whole) = (try net.kernels(x), try net.kernels(x, x))
        #expect(close(half.ntk, whole.ntk, 1e-7))
        #expect(close(half.nngp, whole.nngp, 1e-7))
        #expect(close(half.ntk, half.ntk.transposed(), 0))
        #expect(close(half.ntk.diagonal(), Tensor(try net.diagonals(x).ntk), 1e-7))
    }

    @Test func resultsDoNotDependOnTheThreads() throws {
        let net = try InfiniteNetwork(spec: "mlp:3")
        let one = try Parallel.withThreads(1) { try net.kernels(x).ntk.toArray(Double.self) }
        let two = try Parallel.withThreads(2) { try net.kernels(x).ntk.toArray(Double.self) }
        #expect(one == two)
    }

    @Test func equalPixelsAreEnoughWithoutPooling() throws {
        // A flatten head needs equal pixels only; the same network with a pooling of one pixel walks all pairs.
        let pictures = Random.normal([3, 4, 5, 2], dtype: .float64, key: RandomKey(2))
        let short: [InfiniteLayer] = [
            .convolution(height: 3, width: 3, wStd: 1.2, bStd: 0.1), .activation(.relu), .flatten, .dense(),
        ]
        let long: [InfiniteLayer] = [
            .convolution(height: 3, width: 3, wStd: 1.2, bStd: 0.1), .activation(.relu), .averagePool(1), .flatten,
            .dense(),
        ]
        let a = try InfiniteNetwork(layers: short).kernels(pictures)
        let b = try InfiniteNetwork(layers: long).kernels(pictures)
        #expect(close(a.ntk, b.ntk, 1e-12))
    }

    @Test func wideNetworksHaveTheKernel() throws {
        for activation in [KernelActivation.relu, .erf, .tanh] {
            let net = try InfiniteNetwork(layers: [
                .dense(wStd: 1.4, bStd: 0.2), .activation(activation), .dense(wStd: 1.4, bStd: 0.2),
                .activation(activation), .dense(wStd: 1.4, bStd: 0.2),
            ])
            let points = x[0..<5]
            let exact = try net.kernels(points)
            let estimate = try KernelEstimate.estimate(net, points, width: 400, nets: 24, key: RandomKey(3))
            let (mean, error, limit) = (
                estimate.ntk.toArray(Double.self), estimate.ntkError.toArray(Double.self),
                exact.ntk.toArray(Double.self)
            )
            for i in limit.indices { #expect(abs(mean[i] - limit[i]) < 5 * error[i] + 0.02 * limit[0]) }
        }
    }

    @Test func zeroRowsHaveAKernelOfZero() throws {
        let net = try InfiniteNetwork(spec: "mlp:3", bStd: 0)
        let k = try net.kernels(Tensor([0, 0, 0, 1, 2, 3] as [Double], [2, 3]))
        let values = k.ntk.toArray(Double.self)
        #expect(values[0] == 0)
        #expect(values.count { !$0.isFinite } == 0)
    }

    @Test func impossibleNetworksNameTheirLayer() {
        func error(_ layers: [InfiniteLayer]) -> String {
            do {
                _ = try InfiniteNetwork(layers: layers)
                return ""
            } catch { return "\(error)" }
        }
        #expect(error([.dense(), .activation(.relu)]).hasPrefix("layer 2: a network must end in a dense layer"))
        #expect(error([.dense(), .averagePool(2), .dense()]).hasPrefix("layer 2: pooling needs pictures"))
        #expect(error([.layerNorm, .dense()]).hasPrefix("layer 1: a layer norm can't come first"))
        #expect(
            error([.convolution(height: 3, width: 3), .dense()]).hasPrefix("layer 2: a dense layer needs flatten"))
        #expect(
            error([.dense(), .sum([[.identity], [.dropout(rate: 0)]]), .dense()]).hasPrefix("layer 2.2.1: the rate"))
    }
}
