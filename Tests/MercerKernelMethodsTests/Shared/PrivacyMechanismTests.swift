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
    @Test(arguments: [0.01, 0.3, 1, 3.7, 25.5, 300])
    func discreteLaplaceHasItsLaw(_ scale: Double) {
        let law = DiscreteLaplace(scale: scale)
        var generator = NoiseSource.system.generator()
        let draws = (0..<100_000).map { _ in law.draw(using: &generator) }
        #expect(Self.pValue(draws) { DiscreteLaplace.probability($0, scale: law.scale) } > 1e-4)
    }

    /// Scales whose magnitudes are drawn in two parts, by the distance of Kolmogorov and Smirnov at 10⁻⁴.
    @Test(arguments: [255.5, 257, 7e4, 3e9, 0x1p40])
    func discreteLaplaceOfAnyScaleHasItsLaw(_ scale: Double) {
        let law = DiscreteLaplace(scale: scale)
        var generator = NoiseSource.system.generator()
        let draws = (0..<50_000).map { _ in law.draw(using: &generator) }
        let q = exp(-1 / law.scale)
        // P(|z| ≤ m) = 1 − 2 q^(m + 1)/(1 + q).
        func share(_ m: Int) -> Double { 1 - 2 * exp(-Double(m + 1) / law.scale) / (1 + q) }
        let sorted = draws.map(abs).sorted()
        var distance = 0.0
        for (i, m) in sorted.enumerated() where i + 1 == sorted.count || sorted[i + 1] != m {
            distance = max(distance, abs(Double(i + 1) / Double(sorted.count) - share(m)))
        }
        #expect(distance * Double(sorted.count).squareRoot() < 2.23)
        let positive = Double(draws.count { $0 > 0 }), negative = Double(draws.count { $0 < 0 })
        #expect(abs(positive - negative) < 3.9 * (positive + negative).squareRoot())
    }

    /// Words that are given, then zeros.
    private struct Script: RandomNumberGenerator {
        var words: ArraySlice<UInt64>
        mutating func next() -> UInt64 { words.popFirst() ?? 0 }
    }

    /// At scale 1 the first threshold is e^(−1), whose binary digits these are: a uniform number that agrees with it in 63,
    /// 127 and 191 bits is compared further.
    @Test func drawsNearAThresholdAreDecidedByMoreDigits() {
        let digits: [UInt64] = [0x5e2d_58d8_b3bc_df1a, 0xbade_c782_9054_f90d, 0xda98_05aa_b56c_7733]
        let law = DiscreteLaplace(scale: 1)
        for common in 1...2 {
            for (change, expected) in [(5 as Int64, 0), (-5, 1)] {
                // The word after the first gives its 64th bit, which is 0.
                let last = digits[common] &+ UInt64(bitPattern: change)
                var script = Script(words: [digits[0], 0] + digits[1..<common] + [last])
                #expect(law.draw(using: &script) == expected)
                #expect(script.words.isEmpty)
            }
        }
    }

    /// RFC 8439, appendix A.1, vectors 1 to 3.
    @Test func blocksOfChaCha20AreThoseOfItsStandard() {
        func text(_ words: [UInt32]) -> String {
            words.map { String(format: "%08x", $0.byteSwapped) }.joined()
        }
        var key = [UInt32](repeating: 0, count: 8)
        #expect(
            text(ChaCha20.block(key: key, counter: 0))
                == "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
                + "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586")
        #expect(
            text(ChaCha20.block(key: key, counter: 1))
                == "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
                + "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f")
        key[7] = 0x0100_0000
        #expect(
            text(ChaCha20.block(key: key, counter: 1))
                == "3aeb5224ecf849929b9d828db1ced4dd832025e8018b8160b82284f3c949aa5a"
                + "8eca00bbb4a73bdad192b5c42f73f2fd4e273644c8b36125a64addeb006c13a0")
        #expect(ChaCha20.block(key: key, counter: 1 << 36 + 5) != ChaCha20.block(key: key, counter: 5))
    }

    /// A buffer is its key's stream from the fifth word on; the first four are the next buffer's key.
    @Test func generatorsOfChaCha20EraseTheirKeys() {
        let zeros = [UInt32](repeating: 0, count: 8)
        func pair(_ key: [UInt32], _ block: UInt64) -> UInt64 {
            UInt64(ChaCha20.block(key: key, counter: block + 1)[0]) << 32
                | UInt64(ChaCha20.block(key: key, counter: block)[0])
        }
        var generator = ChaCha20(key: [0, 0, 0, 0])
        #expect(generator.next() == pair(zeros, 8))
        for _ in 1..<508 { _ = generator.next() }
        let next = (0..<8).map { ChaCha20.block(key: zeros, counter: $0)[0] }
        #expect(generator.next() == pair(next, 8))
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
