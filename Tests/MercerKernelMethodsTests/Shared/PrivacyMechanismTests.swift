import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct PrivacyMechanismTests {
    /// χ² of counts against probabilities, cells of expectation 5 and more; a tail cell takes the rest.
    private static func pValue(_ draws: [Int], _ probability: (Int) -> Double) -> Double {
        let n = Double(draws.count)
        var reach = 0
        while n * probability(reach + 1) > 5 { reach += 1 }
        var counts = [Int: Int]()
        for z in draws { counts[z, default: 0] += 1 }
        var (statistic, seen, mass) = (0.0, 0, 0.0)
        for z in -reach...reach {
            let expected = n * probability(z)
            let observed = counts[z] ?? 0
            statistic += (Double(observed) - expected) * (Double(observed) - expected) / expected
            seen += observed
            mass += probability(z)
        }
        let tail = n * (1 - mass)
        if tail > 1 {
            statistic += (Double(draws.count - seen) - tail) * (Double(draws.count - seen) - tail) / tail
        }
        return Special.regularizedGammaQ(Double(2 * reach + 1) / 2, statistic / 2)
    }

    /// At a significance of 10⁻⁴ each, with the system's generator.
    @Test(arguments: [0.3, 1, 3.7, 25.5])
    func discreteLaplaceHasItsLaw(_ scale: Double) {
        let law = DiscreteLaplace(scale: scale)
        var generator = NoiseSource.system.generator()
        let draws = (0..<100_000).map { _ in law.draw(using: &generator) }
        #expect(Self.pValue(draws) { DiscreteLaplace.probability($0, scale: law.scale) } > 1e-4)
    }

    @Test(arguments: [0.8, 4.2, 20])
    func discreteGaussianHasItsLaw(_ deviation: Double) {
        let law = DiscreteGaussian(deviation: deviation)
        var generator = NoiseSource.system.generator()
        let draws = (0..<100_000).map { _ in law.draw(using: &generator) }
        func weight(_ z: Int) -> Double { exp(-Double(z * z) / (2 * deviation * deviation)) }
        let total = (-400...400).reduce(0) { $0 + weight($1) }
        #expect(Self.pValue(draws) { weight($0) / total } > 1e-4)
    }

    @Test func scalesAreNeverRoundedDown() {
        for scale in [0.1, 1 / 3.0, 7.3, 1e5 / 3, 3e7 / 7] {
            #expect(DiscreteLaplace(scale: scale).scale >= scale)
        }
    }

    @Test(arguments: [0, -1, 1e-5, 101, Double.nan, .infinity])
    func uselessEpsilonsAreRefused(_ epsilon: Double) {
        #expect(throws: KernelMethodError.self) { try PrivacyBudget.pure(epsilon: epsilon) }
    }

    @Test func noiseLiesOnTheGridThatTheSensitivityIncludes() throws {
        let mechanism = PrivateMechanism.numbers(count: 100, l1: 3, l2: 1, budget: try .pure(epsilon: 0.5))
        #expect(mechanism.sensitivity > 3 && mechanism.sensitivity < 3.001)
        #expect(mechanism.scale == mechanism.sensitivity / 0.5)
        var generator = NoiseSource.system.generator()
        for value in mechanism.sanitise([Double](repeating: 0.1, count: 100), using: &generator) {
            #expect(value / mechanism.step == (value / mechanism.step).rounded())
        }
    }

    @Test func analyticGaussianNeedsLessThanTheClassicBelowOneAndMoreWhereThatIsInvalid() {
        #expect(
            GaussianMechanism.deviation(epsilon: 0.5, delta: 1e-5)
                < GaussianMechanism.classicDeviation(epsilon: 0.5, delta: 1e-5))
        let classic = GaussianMechanism.classicDeviation(epsilon: 10, delta: 1e-8)
        #expect(GaussianMechanism.deviation(epsilon: 10, delta: 1e-8) > classic)
        #expect(GaussianMechanism.delta(deviation: classic, epsilon: 10) > 1e-8)
    }

    @Test func accountantAddsAndConcentrates() throws {
        var accountant = PrivacyAccountant()
        for _ in 0..<4 { accountant.spend(try .pure(epsilon: 0.25)) }
        #expect(accountant.pure.epsilon == 1)
        #expect(accountant.epsilon(delta: 0) == 1)
        accountant.postProcess("answers")
        #expect(accountant.epsilon(delta: 0) == 1)
        #expect(accountant.entries.last?.cost == .postProcessing)
        accountant.spend(gaussianDeviation: 10)
        #expect(accountant.epsilon(delta: 0) == .infinity)
        #expect(accountant.epsilon(delta: 1e-6) == 1 + PrivacyAccountant.epsilon(rho: 1 / 200.0, delta: 1e-6))
        var many = PrivacyAccountant()
        for _ in 0..<100 { many.spend(try .pure(epsilon: 0.01)) }
        #expect(many.epsilon(delta: 1e-6) < 0.6)
        many.spend(try .approximate(epsilon: 0.1, delta: 1e-5))
        #expect(many.epsilon(delta: 1e-6) == .infinity)
        let rho = PrivacyAccountant.rho(epsilon: 2, delta: 1e-5)
        #expect(abs(PrivacyAccountant.epsilon(rho: rho, delta: 1e-5) - 2) < 1e-12)
    }

    @Test func seedsRepeatAndTheSystemDoesNot() throws {
        func draw(_ source: NoiseSource) -> [UInt64] {
            var generator = source.generator(stream: 3)
            return (0..<4).map { _ in generator.next() }
        }
        #expect(draw(.experiment(seed: 5)) == draw(.experiment(seed: 5)))
        #expect(draw(.experiment(seed: 5)) != draw(.experiment(seed: 6)))
        #expect(draw(.system) != draw(.system))
        #expect(NoiseSource.system.isPrivate && !NoiseSource.experiment(seed: 1).isPrivate)
    }

    /// Fewer releases than the experiment's 10⁵; the bound must hold all the same. It does with 95 % confidence, so that
    /// one audit of twenty is above: three in a row are so once in 8000 times.
    @Test(arguments: [0.5, 1, 2])
    func empiricalEpsilonStaysBelowTheStatedOne(_ epsilon: Double) throws {
        let bounds = try (0..<3).map { _ in
            try PrivacyAudit.epsilonOfCounts(epsilon: epsilon, trials: 20_000)
        }
        #expect(bounds.min()! <= epsilon)
        // An audit may choose an event that says little; three in a row don't.
        #expect(bounds.max()! > epsilon / 2)
    }
}
