import Foundation
import Mercer
import Testing

@Suite struct QuadratureTests {
    @Test func gaussLegendreIntegratesPolynomialsOfDegreeBelowTwiceTheNodes() {
        for n in [1, 2, 3, 5, 16, 64] {
            let (nodes, weights) = Quadrature.gaussLegendre(n)
            #expect(nodes == nodes.sorted())
            for degree in 0..<2 * n {
                let sum = zip(nodes, weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(degree)) }
                let exact = degree % 2 == 0 ? 2 / Double(degree + 1) : 0
                #expect(abs(sum - exact) < 1e-14, "degree \(degree) with \(n) nodes")
            }
        }
    }

    @Test func gaussHermiteIntegratesPolynomialsAgainstTheGaussian() {
        for n in [1, 2, 5, 20, 100] {
            let (nodes, weights) = Quadrature.gaussHermite(n)
            var moment = Double.pi.squareRoot()  // ∫ x^{2k} e^{-x²} = Γ(k + ½)
            for k in 0..<min(n, 20) {
                let sum = zip(nodes, weights).reduce(0) { $0 + $1.1 * pow($1.0, Double(2 * k)) }
                #expect(abs(sum / moment - 1) < 1e-12, "degree \(2 * k) with \(n) nodes")
                moment *= Double(k) + 0.5
            }
            #expect(zip(nodes, nodes.reversed()).allSatisfy { $0 == -$1 })
        }
    }

    @Test func smoothFunctionsConvergeFast() {
        let integral = Quadrature.integrate(0...2, nodes: 20) { exp($0) }
        let exact: Double = exp(2.0) - 1
        #expect(abs(integral - exact) < 3e-14)
    }
}

@Suite struct BrentTests {
    @Test func rootIsFoundToTheLastPlaces() throws {
        let rootOfTwo = try Brent.root(0, 2) { $0 * $0 - 2 }
        #expect(abs(rootOfTwo - 2.0.squareRoot()) < 1e-15)
        let fixedPoint = try Brent.root(0, 1) { cos($0) - $0 }
        #expect(abs(fixedPoint - 0.73908513321516064) < 1e-15)
        let flat = try Brent.root(-1, 1.5) { pow($0, 9) }
        #expect(abs(flat) < 1e-2)
        let steep = try Brent.root(0, 1) { atan(1e6 * ($0 - 0.3)) }
        #expect(abs(steep - 0.3) < 1e-14)
    }

    @Test func intervalWithoutSignChangeIsAnError() {
        #expect(
            throws: NumericsError.noSignChange(method: "Brent.root", low: 1, atLow: 2, high: 2, atHigh: 5)
        ) {
            try Brent.root(1, 2) { $0 * $0 + 1 }
        }
        #expect(throws: NumericsError.notFinite(method: "Brent.root", at: 0)) {
            try Brent.root(0, 2) { log($0) }
        }
    }

    @Test func minimumIsFound() {
        let (x, value) = Brent.minimum(0, 3) { ($0 - 1.234) * ($0 - 1.234) + 5 }
        #expect(abs(x - 1.234) < 1e-7)
        #expect(abs(value - 5) < 1e-14)
        let trough = Brent.minimum(2, 5) { cos($0) }.x
        #expect(abs(trough - Double.pi) < 1e-7)
    }
}

@Suite struct DormandPrinceTests {
    @Test func oscillatorIsFollowed() throws {
        let times = stride(from: 0.0, through: 20, by: 0.37).map { $0 }
        let states = try DormandPrince.solve(
            from: [1, 0], times: times, relativeTolerance: 1e-10, absoluteTolerance: 1e-12
        ) { _, y in [y[1], -y[0]] }
        for (t, y) in zip(times, states) {
            #expect(abs(y[0] - cos(t)) < 1e-8)
            #expect(abs(y[1] + sin(t)) < 1e-8)
        }
    }

    @Test func errorFollowsTheTolerance() throws {
        func error(_ tolerance: Double) throws -> Double {
            let end = try DormandPrince.solve(
                from: [1], times: [0, 3], relativeTolerance: tolerance, absoluteTolerance: tolerance
            ) { t, y in [-2 * t * y[0]] }
            return abs(end[1][0] - exp(-9))
        }
        #expect(try error(1e-4) < 1e-3)
        #expect(try error(1e-10) < 1e-9)
    }

    @Test func timeRunsBackwards() throws {
        let y = try DormandPrince.solve(from: [exp(1)], times: [1, 0.5, 0], relativeTolerance: 1e-10) {
            _, y in y
        }
        #expect(abs(y[1][0] - exp(0.5)) < 1e-8)
        #expect(abs(y[2][0] - 1) < 1e-8)
    }

    @Test func tooManyStepsAreAnError() {
        #expect(throws: NumericsError.self) {
            try DormandPrince.solve(from: [1], times: [0, 1000], maxSteps: 10) { t, _ in [cos(50 * t)] }
        }
    }
}

@Suite struct LBFGSTests {
    @Test func rosenbrockValleyIsDescended() {
        let result = LBFGS(gradientTolerance: 1e-9).minimize(from: [-1.2, 1, -1.2, 1]) { x in
            var (value, gradient) = (0.0, [Double](repeating: 0, count: x.count))
            for i in 0..<x.count - 1 {
                let (a, b) = (x[i + 1] - x[i] * x[i], 1 - x[i])
                value += 100 * a * a + b * b
                gradient[i] += -400 * a * x[i] - 2 * b
                gradient[i + 1] += 200 * a
            }
            return (value, gradient)
        }
        #expect(result.converged && result.iterations < 200)
        // The global minimum, or the local one near (-1, 1, 1, 1): both have a vanishing gradient.
        #expect(result.gradientSize <= 1e-9)
        #expect(result.value < 1e-15 || abs(result.value - 3.70142859) < 1e-4)
    }

    @Test func aMinimisationGoesOnFromAnyStateWithTheSameBits() throws {
        func f(_ x: [Double]) -> (value: Double, gradient: [Double]) {
            let (a, b) = (x[1] - x[0] * x[0], 1 - x[0])
            return (100 * a * a + b * b, [-400 * a * x[0] - 2 * b, 200 * a])
        }
        let lbfgs = LBFGS(memory: 3, gradientTolerance: 1e-9, valueTolerance: 1e-12)
        let whole = lbfgs.minimize(from: [-1.2, 1], f)
        var states: [LBFGS.State] = []
        _ = lbfgs.minimize(from: lbfgs.state(at: [-1.2, 1], f), afterIteration: { states.append($0) }, f)
        #expect(states.count >= whole.iterations - 1)
        for state in states {
            let rest = lbfgs.minimize(from: state, afterIteration: { _ in }, f)
            #expect(rest.point == whole.point && rest.value == whole.value)
            #expect(rest.iterations == whole.iterations && rest.evaluations == whole.evaluations)
        }
    }

    @Test func quadraticIsSolvedAsALinearSystem() throws {
        let b = samples([6, 6])
        let a = matmul(b, b.transposed()) + Tensor.eye(6, nil, .float64)
        let c = samples([6], seed: 3)
        let result = LBFGS(gradientTolerance: 1e-10).minimize(from: [Tensor.zeros([6], .float64)]) { x in
            (matmul(a, x[0].expandedDimensions(axis: 1)).squeezed(axis: 1) * x[0]).sum() * 0.5
                - (c * x[0]).sum()
        }
        let exact = try LinearAlgebra.solve(a, c).toArray(Double.self)
        #expect(result.converged)
        for (x, e) in zip(result.point[0].toArray(Double.self), exact) { #expect(abs(x - e) < 1e-8) }
    }
}
