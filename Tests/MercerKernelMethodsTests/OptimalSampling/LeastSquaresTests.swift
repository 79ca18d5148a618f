import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct LeastSquaresTests {
    @Test(arguments: [
        OrthonormalBasis.legendre, .chebyshev, .jacobi(0.5, -0.25), .hermite, .laguerre, .fourier,
    ])
    func functionsAreOrthonormalUnderTheirMeasure(_ basis: OrthonormalBasis) {
        let m = 12
        let (nodes, weights) = basis.quadrature(30)
        let values = nodes.map { basis.values($0, count: m) }
        for i in 0..<m {
            for j in 0...i {
                let product = nodes.indices.reduce(0) { $0 + weights[$1] * values[$1][i] * values[$1][j] }
                #expect(abs(product - (i == j ? 1 : 0)) < 1e-10, "\(basis.name) \(i) \(j)")
            }
        }
    }

    @Test func highDegreesKeepTheirDigits() {
        // |φⱼ(1)| = √(2j + 1).
        let values = OrthonormalBasis.legendre.values(1, count: 2001)
        #expect(abs(values[2000] / 4001.0.squareRoot() - 1) < 1e-10)
    }

    @Test func functionsOfTheSpaceAreReproduced() throws {
        let space = try PolynomialSpace(
            [.legendre, .hermite], index: .hyperbolicCross(5, dimension: 2))
        let f = { (x: [Double]) in 1 + x[0] * x[0] - 2 * x[1] + 0.5 * x[0] * x[1] }
        let design = try space.sample(.repeatedDPP(times: 2), key: RandomKey(2))
        let system = try WeightedLeastSquares(space, design)
        let fit = try system.fit(design.points.map(f))
        #expect(fit.residualSquared < 1e-20)
        let record = Surrogate.Record(system, fit)
        let surrogate = Surrogate(.polynomial(space), coefficients: fit.coefficients, record: record)
        let table = DataTable(name: "x", Tensor([0.3, -1.2, -0.9, 2.5] as [Double], [2, 2]))
        let values = try surrogate.values(table)
        #expect(abs(values[0] - f([0.3, -1.2])) < 1e-9)
        let gradients = try surrogate.gradients(table)
        #expect(abs(gradients[1][0] - (2 * -0.9 + 0.5 * 2.5)) < 1e-9)
        #expect(abs(gradients[1][1] - (-2 + 0.5 * -0.9)) < 1e-9)
    }

    @Test(arguments: [
        OrthonormalBasis.legendre, .chebyshev, .jacobi(1, 2), .hermite, .laguerre, .fourier,
    ])
    func derivativesAgreeWithDifferences(_ basis: OrthonormalBasis) throws {
        let space = try PolynomialSpace(basis, index: .totalDegree(7, dimension: 1))
        let (x, h) = (0.37, 1e-5)
        let slopes = space.gradients([x])[0]
        let (right, left) = (space.features([[x + h]]), space.features([[x - h]]))
        for j in 0..<8 {
            let difference = (right[j] - left[j]) / (2 * h)
            #expect(abs(slopes[j] - difference) < 1e-6 * max(1, abs(difference)), "\(basis.name) \(j)")
        }
    }

    @Test func leaveOneOutIsWhatRefittingGives() throws {
        let space = try PolynomialSpace(.legendre, index: .totalDegree(3, dimension: 1))
        let design = try space.sample(.volume(count: 9), key: RandomKey(4))
        let values = design.points.map { exp($0[0]) }
        let fit = try WeightedLeastSquares(space, design).fit(values)
        var sum = 0.0
        for out in 0..<9 {
            let kept = (0..<9).filter { $0 != out }
            let rest = space.design(kept.map { design.points[$0] }, weights: kept.map { design.weights[$0] })
            let c = try WeightedLeastSquares(space, rest).fit(kept.map { values[$0] }).coefficients
            let phi = space.features([design.points[out]])
            let error = values[out] - zip(phi, c).reduce(0) { $0 + $1.0 * $1.1 }
            sum += design.weights[out] * error * error / 9
        }
        #expect(abs(try #require(fit.leaveOneOutSquared) / sum - 1) < 1e-9)
    }

    @Test func thinningKeepsTheBound() throws {
        let space = try PolynomialSpace(.legendre, index: .totalDegree(5, dimension: 1))
        var design = try space.sample(.repeatedDPP(times: 6), condition: 0.5, key: RandomKey(1))
        let before = design.count
        try design.thin(floor: 0.5)
        #expect(design.count < before)
        #expect(try design.extremes().smallest >= 0.5)
    }

    @Test func weightsBelongToTheirReference() throws {
        let space = try PolynomialSpace(.legendre, index: .totalDegree(4, dimension: 1))
        // E over ν = w⁻¹μ of w g is ∫ g dμ: of w itself it is 1.
        for weight in SamplingWeight.allCases {
            var sum = 0.0
            let draws = 20_000
            let design = try space.sample(.iid(count: draws), weight: weight, key: RandomKey(3))
            for (x, w) in zip(design.points, design.weights) { sum += w * x[0] * x[0] }
            #expect(abs(sum / Double(draws) - 1 / 3.0) < 0.02, "\(weight)")
        }
    }

    @Test func rowsOfAnRDatabaseAreRefusedWhereTheyAreNot() {
        #expect(throws: TensorFileError.self) { try DataTable(frame: "nothing", ofRDatabase: "/nowhere/Rdata") }
    }
}
