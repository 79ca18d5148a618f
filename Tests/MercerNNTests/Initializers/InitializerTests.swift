import Mercer
import MercerNN
import Testing

@Suite struct InitializerTests {
    private func values(_ initializer: Initializer, _ shape: [Int], fans: Fans? = nil) -> [Double] {
        initializer(shape, fans: fans ?? Fans(shape), key: RandomKey(11)).asType(.float64).toArray(
            Double.self)
    }

    private func spread(_ values: [Double]) -> (mean: Double, std: Double, low: Double, high: Double) {
        let mean = values.reduce(0, +) / Double(values.count)
        let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
        return (mean, square.squareRoot(), values.min()!, values.max()!)
    }

    @Test func fansCountInputsAndOutputsOfAConvolution() {
        #expect(Fans([64, 3, 3, 16]) == Fans(input: 144, output: 576))
        #expect(Fans([10, 20]) == Fans(input: 20, output: 10))
    }

    @Test func defaultsAreUniformInOneOverTheRootOfTheFanIn() {
        let linear = Linear(400, 300).initialize(RandomKey(1))
        let weight = spread(linear.weight.asType(.float64).toArray(Double.self))
        #expect(weight.high <= 0.05 && weight.high > 0.0499 && weight.low >= -0.05 && weight.low < -0.0499)
        #expect(abs(weight.std - 0.05 / 3.squareRoot()) < 2e-4)
        let bias = spread(linear.bias!.asType(.float64).toArray(Double.self))
        #expect(bias.high <= 0.05 && bias.high > 0.045 && abs(bias.mean) < 0.01)
        let conv = Conv2d(16, 64, kernelSize: 5, groups: 4).initialize(RandomKey(1))
        let kernel = spread(conv.weight.asType(.float64).toArray(Double.self))
        #expect(kernel.high <= 0.1 && kernel.high > 0.099)
    }

    @Test func scaledDistributionsHaveTheVarianceOfTheirFormula() {
        let shape = [200, 3, 3, 50]
        let cases: [(Initializer, Double)] = [
            (.xavierUniform(), (2.0 / (450 + 1800)).squareRoot()),
            (.xavierNormal(gain: 2), 2 * (2.0 / (450 + 1800)).squareRoot()),
            (.kaimingNormal(), (2.0 / 450).squareRoot()),
            (.kaimingNormal(.linear, mode: .output), (1.0 / 1800).squareRoot()),
            (.kaimingUniform(.relu), (2.0 / 450).squareRoot()),
            (.uniform(-1, 3), (16.0 / 12).squareRoot()),
            (.normal(mean: 1, std: 0.5), 0.5),
        ]
        for (initializer, std) in cases {
            #expect(abs(spread(values(initializer, shape)).std / std - 1) < 0.01)
        }
        #expect(abs(spread(values(.normal(mean: 1, std: 0.5), shape)).mean - 1) < 0.01)
    }

    @Test func truncatedNormalKeepsToItsBounds() {
        let wide = spread(values(.truncatedNormal(std: 0.02), [100, 1000]))
        #expect(abs(wide.std / 0.02 - 1) < 0.01 && wide.high < 2)
        let cut = spread(values(.truncatedNormal(std: 1, low: -1, high: 1), [100, 1000]))
        #expect(cut.high <= 1 && cut.low >= -1 && cut.high > 0.99)
        // Variance of a standard normal cut at ±1: 1 - 2 φ(1) / (2 Φ(1) - 1).
        #expect(abs(cut.std - 0.5396) < 0.005)
    }

    @Test func orthogonalRowsOrColumnsAreOrthonormal() {
        for shape in [[6, 4, 2], [12, 5], [5, 5]] {
            let matrix = Initializer.orthogonal(gain: 2)(shape, fans: Fans(shape), key: RandomKey(2))
                .reshaped([shape[0], -1]).asType(.float64)
            let (rows, columns) = (matrix.shape[0], matrix.shape[1])
            let wide = rows <= columns ? matrix : matrix.transposed()
            let gram = matmul(wide, wide.transposed())
            let identity = Tensor.eye(min(rows, columns)).asType(.float64) * 4
            #expect(allClose(gram, identity, rtol: 0, atol: 1e-5))
        }
    }

    @Test func identityKernelsPassTheirInputOn() {
        let conv = Conv2d(3, 3, kernelSize: 3, padding: 1, bias: false, weight: .identity)
        conv.initialize(RandomKey(1))
        let x = Random.normal([1, 5, 4, 3], key: RandomKey(2))
        #expect(allClose(conv(x), x))
    }
}
