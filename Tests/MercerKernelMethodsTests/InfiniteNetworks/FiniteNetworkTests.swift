import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct FiniteNetworkTests {
    private let x = Random.normal([6, 4], dtype: .float64, key: RandomKey(1))

    private func network(_ activation: KernelActivation) throws -> (InfiniteNetwork, FiniteNetwork) {
        let net = try InfiniteNetwork(layers: [
            .dense(wStd: 1.4, bStd: 0.2), .activation(activation), .dense(wStd: 1.4, bStd: 0.2),
            .activation(activation), .dense(wStd: 1.4, bStd: 0.2),
        ])
        return (net, try FiniteNetwork(net, widths: [4, 9, 7, 3], key: RandomKey(2)))
    }

    private func difference(_ a: Tensor, _ b: Tensor) -> Double {
        zip(a.toArray(Double.self), b.toArray(Double.self)).map { abs($0 - $1) }.max()!
    }

    @Test(arguments: [KernelActivation.relu, .erf, .gelu])
    func theThreeRoutesAgree(_ activation: KernelActivation) throws {
        let finite = try network(activation).1
        let structured = finite.tangentKernel(x, route: .structured)
        #expect(difference(finite.tangentKernel(x, route: .jacobian), structured) < 1e-10)
        #expect(difference(finite.tangentKernel(x, route: .vectorProducts), structured) < 1e-10)
    }

    private func direction(_ finite: FiniteNetwork, _ scale: Double) -> [(weight: Tensor, bias: Tensor)] {
        finite.layers.enumerated().map { l, layer in
            (
                weight: Random.normal(layer.weight.shape, dtype: .float64, key: RandomKey(UInt64(50 + l))) * scale,
                bias: Random.normal(layer.bias.shape, dtype: .float64, key: RandomKey(UInt64(60 + l))) * scale
            )
        }
    }

    @Test func theTaylorModelsErrFallsWithItsOrder() throws {
        let finite = try network(.erf).1
        func error(_ scale: Double, _ order: Int) -> Double {
            let step = direction(finite, scale)
            return difference(finite.taylor(x, moved: step, order: order), finite.moved(step)(x))
        }
        // Halving the step divides the error by 2^(order + 1).
        #expect(abs(log2(error(2e-3, 1) / error(1e-3, 1)) - 2) < 0.1)
        #expect(abs(log2(error(2e-2, 2) / error(1e-2, 2)) - 3) < 0.2)
    }

    @Test func standardWeightsComeBack() throws {
        let (net, finite) = try network(.relu)
        let other = try FiniteNetwork(net, tensors: finite.standardTensors, file: "x", isStandard: true)
        #expect(difference(other(x), finite(x)) < 1e-12)
    }

    @Test func smallStepsOfDescentFollowTheKernel() throws {
        let finite = try network(.erf).1
        let y = Random.normal([6, 3], dtype: .float64, key: RandomKey(4))
        var trained = finite
        trained.train(x, y, rate: 1e-4, steps: 1)
        let f = finite(x)
        let change = finite.kernelProduct(x, x, y - f) * (1e-4 / 18)
        #expect(difference(trained(x) - f, change) < 1e-7)
    }

    @Test func batchesOfPointsTrainTooAndAllPointsAreOneBatch() throws {
        let finite = try network(.erf).1
        let y = Random.normal([6, 3], dtype: .float64, key: RandomKey(4))
        var (whole, batch, again, parts) = (finite, finite, finite, finite)
        whole.train(x, y, rate: 0.1, steps: 3)
        batch.train(x, y, rate: 0.1, steps: 3, batch: 6)
        #expect(difference(whole(x), batch(x)) == 0)
        var rows: [Int] = []
        parts.train(x, y, rate: 0.3, steps: 200, batch: 2, key: RandomKey(5)) { _, outputs in
            rows.append(outputs.shape[0])
        }
        again.train(x, y, rate: 0.3, steps: 200, batch: 2, key: RandomKey(5))
        #expect(rows == [Int](repeating: 2, count: 200))
        #expect(difference(parts(x), again(x)) == 0)
        func loss(_ network: FiniteNetwork) -> Double { square(network(x) - y).mean().doubleValue }
        #expect(loss(parts) < 0.5 * loss(finite))
    }

    @Test func unknownNetworksAreRefused() throws {
        let net = try InfiniteNetwork(layers: [.dense(), .activation(.expNormalized(gamma: 1, shift: 0)), .dense()])
        #expect(throws: NetworkSpecError.self) { try FiniteNetwork(net, widths: [2, 3, 1], key: RandomKey(1)) }
        let normed = try InfiniteNetwork(layers: [.dense(), .layerNorm, .dense()])
        #expect(throws: NetworkSpecError.self) { try FiniteNetwork(normed, widths: [2, 3, 1], key: RandomKey(1)) }
    }
}
