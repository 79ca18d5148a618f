import Mercer
import MercerKernelMethods
import Testing

@Suite struct DistanceTests {
    private static func matrix(_ rows: Int, _ columns: Int, _ seed: UInt64, scale: Double = 1) -> Tensor {
        Random.normal([rows, columns], dtype: .float64, scale: scale, key: RandomKey(seed))
    }

    @Test(arguments: [(1, 1, 1), (7, 5, 3), (65, 1030, 4), (130, 2050, 17)])
    func tilesAgreeWithTheDefinition(_ n: Int, _ m: Int, _ d: Int) {
        let (x, y) = (PointSet<Double>(Self.matrix(n, d, 1)), PointSet<Double>(Self.matrix(m, d, 2)))
        let all = squaredDistances(x, y).toArray(Double.self)
        var worst = 0.0
        for i in 0..<n {
            for j in 0..<m { worst = max(worst, abs(all[i * m + j] - x.squaredDistance(i, to: y, j))) }
        }
        #expect(worst < 1e-12)
    }

    @Test func equalRowsFarFromTheOriginAreAtDistanceZero() {
        let x = Self.matrix(20, 6, 3) + 1000.0
        let all = squaredDistances(x, x).toArray(Double.self)
        for i in 0..<20 { #expect(all[i * 20 + i] == 0) }
    }

    @Test func nearRowsKeepTheirDigits() {
        let x = Self.matrix(1, 8, 4) + 10.0
        let y = x + 1e-6
        let distance = squaredDistances(x, y).toArray(Double.self)[0]
        #expect(abs(distance / 8e-12 - 1) < 1e-8)
    }

    @Test func resultsDontDependOnTheThreads() {
        let (x, y) = (Self.matrix(300, 9, 5), Self.matrix(2500, 9, 6))
        let one = Parallel.withThreads(1) { squaredDistances(x, y).toArray(Double.self) }
        let four = Parallel.withThreads(4) { squaredDistances(x, y).toArray(Double.self) }
        #expect(one == four)
    }
}

@Suite struct KernelFunctionTests {
    private let x = Random.normal([6, 3], dtype: .float64, key: RandomKey(1))
    private let z = Random.normal([4, 3], dtype: .float64, key: RandomKey(2))

    private static let kernels: [(String, any KernelFunction)] = [
        ("squared exponential", SquaredExponential(lengthScale: Tensor([0.5, 1.0, 2.0]))),
        ("laplace", LaplaceKernel(lengthScale: 1.3)),
        ("laplace l2", LaplaceKernel(lengthScale: 1.3, norm: .l2)),
        ("matern 1/2", MaternKernel(.half)), ("matern 3/2", MaternKernel(.threeHalves, lengthScale: 0.7)),
        ("matern 5/2", MaternKernel(.fiveHalves)),
        ("rational quadratic", RationalQuadratic(lengthScale: 1.0, mixture: 2.0)),
        ("linear", LinearKernel(variance: 2.0, bias: 0.5)), ("polynomial", PolynomialKernel(degree: 3)),
        ("sum and product", SquaredExponential() * 2.0 + LinearKernel() * MaternKernel(.threeHalves)),
    ]

    @Test(arguments: kernels.indices)
    func gramMatricesArePositiveDefiniteAndHaveTheirDiagonal(_ i: Int) throws {
        let (name, kernel) = Self.kernels[i]
        let gram = kernel(x)
        let values = try LinearAlgebra.eigvalsh(gram).toArray(Double.self)
        #expect(values.min()! > -1e-10, "\(name)")
        let rows = gram.toArray(Double.self)
        for (k, expected) in kernel.diagonal(x).toArray(Double.self).enumerated() {
            #expect(abs(rows[k * 6 + k] - expected) < 1e-12, "\(name)")
        }
    }

    @Test(arguments: kernels.indices)
    func gradientsAreThoseOfDifferences(_ i: Int) {
        let (name, kernel) = Self.kernels[i]
        let weights = Random.normal([6, 4], dtype: .float64, key: RandomKey(3))
        let z = z
        let loss: (Tensor) -> Tensor = { (kernel($0, z) * weights).sum() }
        let gradient = grad(loss)(x).toArray(Double.self)
        var values = x.toArray(Double.self)
        for k in [0, 7, 17] {
            let step = 1e-5
            values[k] += step
            let up = loss(Tensor(values, [6, 3])).item(Double.self)
            values[k] -= 2 * step
            let down = loss(Tensor(values, [6, 3])).item(Double.self)
            values[k] += step
            #expect(abs(gradient[k] - (up - down) / (2 * step)) < 1e-6, "\(name)")
        }
    }

    @Test func lengthScalesHaveGradients() {
        let (x, z) = (x, z)
        let loss: (Tensor) -> Tensor = { SquaredExponential(lengthScale: $0)(x, z).sum() }
        let scales = [0.5, 1.0, 2.0]
        let gradient = grad(loss)(Tensor(scales)).toArray(Double.self)
        for k in 0..<3 {
            var (up, down) = (scales, scales)
            up[k] += 1e-5
            down[k] -= 1e-5
            let slope = (loss(Tensor(up)).item(Double.self) - loss(Tensor(down)).item(Double.self)) / 2e-5
            #expect(abs(gradient[k] - slope) < 1e-6)
        }
    }
}
