import Foundation
import Mercer
import Testing

/// Expected values come from mpmath 1.3 with 40 digits; each table names the expression. For instance the
/// first: `python3 -c "import mpmath as mp; mp.mp.dps = 40; print(mp.exp(9) * mp.erfc(-3))"`.
@Suite struct SpecialTests {
    private func expectClose(
        _ actual: Double, _ expected: Double, relative: Double, _ what: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = abs(actual - expected) / max(abs(expected), .leastNormalMagnitude)
        #expect(
            error <= relative, "\(what): \(actual), expected \(expected), relative error \(error)",
            sourceLocation: sourceLocation)
    }

    // exp(x²)·erfc(x)
    @Test func scaledErfcAgrees() {
        let cases: [(Double, Double)] = [
            (-3.0, 16205.988853999586625),
            (-0.5, 1.9523604891825570933),
            (0.3, 0.73459933456765514992),
            (1.9, 0.26650937366167265995),
            (2.0, 0.25539567631050574387),
            (2.5, 0.21080636406114358065),
            (4.0, 0.13699945762506138989),
            (10.0, 0.056140992743822585858),
            (1000.0, 0.0005641893014533876542),
            (1000000000.0, 5.6418958354775628667e-10),
        ]
        for (a, expected) in cases {
            expectClose(Special.erfcScaled(a), expected, relative: 2e-15, "erfcScaled of \(a)")
        }
    }

    // erfinv(y)
    @Test func inverseErfAgrees() {
        let cases: [(Double, Double)] = [
            (1e-12, 8.8622692545275799582e-13),
            (0.1, 0.088855990494257691974),
            (0.5, 0.47693627620446987338),
            (-0.7, -0.73286907795921678488),
            (0.999, 2.3267537655135244939),
            (0.9999999999990905, 5.0512540852493899671),
        ]
        for (a, expected) in cases {
            expectClose(Special.erfInverse(a), expected, relative: 2e-15, "erfInverse of \(a)")
        }
    }

    // findroot(log(erfc(x)) - log(y))
    @Test func inverseErfcAgreesFarIntoTheTail() {
        let cases: [(Double, Double)] = [
            (1e-300, 26.209469960516123886),
            (1e-100, 15.065574702592645704),
            (1e-20, 6.6015806223551425656),
            (0.001, 2.3267537655135246664),
            (0.2, 0.9061938024368231977),
            (0.4, 0.59511608144999482198),
            (0.9, 0.088855990494257667182),
            (1.5, -0.47693627620446987338),
        ]
        for (a, expected) in cases {
            expectClose(Special.erfcInverse(a), expected, relative: 2e-15, "erfcInverse of \(a)")
        }
    }

    // log(erfc(-x/√2)/2)
    @Test func logOfTheNormalCDFAgreesFarIntoTheTail() {
        let cases: [(Double, Double)] = [
            (-10000.0, -50000010.129278915181),
            (-40.0, -804.60844201375378817),
            (-5.0, -15.064998393988725736),
            (-1.001, -1.8425471807560767678),
            (-0.5, -1.1759117615936186089),
            (0.0, -0.69314718055994530942),
            (2.0, -0.023012909328963488465),
            (8.0, -6.2209605742717860585e-16),
        ]
        for (a, expected) in cases {
            expectClose(Special.logNormalCDF(a), expected, relative: 1e-14, "logNormalCDF of \(a)")
        }
    }

    // ±√2 times the inverse of erfc
    @Test func normalQuantileAgrees() {
        let cases: [(Double, Double)] = [
            (1e-200, -30.205594179579643063),
            (1e-10, -6.3613409024040561991),
            (0.01, -2.3263478740408410931),
            (0.3, -0.52440051270804081597),
            (0.75, 0.6744897501960817432),
            (0.975, 1.9599639845400538556),
        ]
        for (a, expected) in cases {
            expectClose(Special.normalQuantile(a), expected, relative: 2e-15, "normalQuantile of \(a)")
        }
    }

    // log|gamma(x)|
    @Test func logGammaAgrees() {
        let cases: [(Double, Double)] = [
            (1e-05, 11.512919692895825626),
            (0.5, 0.57236494292470008707),
            (3.3, 0.98709857789473440406),
            (100.0, 359.13420536957539878),
            (-2.5, -0.056243716497674050673),
        ]
        for (a, expected) in cases {
            expectClose(Special.logGamma(a), expected, relative: 4e-15, "logGamma of \(a)")
        }
    }

    // digamma(x)
    @Test func digammaAgrees() {
        let cases: [(Double, Double)] = [
            (0.001, -1000.5755719318102797),
            (0.5, -1.9635100260214234794),
            (1.0, -0.57721566490153286061),
            (7.3, 1.9178203356379860723),
            (1000.0, 6.9072551956488120521),
            (-1.3, 2.8825405488661673038),
        ]
        for (a, expected) in cases {
            expectClose(Special.digamma(a), expected, relative: 4e-15, "digamma of \(a)")
        }
    }

    // polygamma(1, x)
    @Test func trigammaAgrees() {
        let cases: [(Double, Double)] = [
            (0.01, 10001.621213528312804),
            (0.5, 4.9348022005446793094),
            (1.0, 1.6449340668482264365),
            (5.5, 0.19934238698962765913),
            (200.0, 0.0050125208332291685267),
            (-0.7, 14.286180872638339627),
        ]
        for (a, expected) in cases {
            expectClose(Special.polygamma(1, a), expected, relative: 1e-14, "trigamma of \(a)")
        }
    }

    // polygamma(2, x)
    @Test func secondDerivativeOfDigammaAgrees() {
        let cases: [(Double, Double)] = [
            (0.1, -2001.8614573783436732),
            (1.0, -2.4041138063191885708),
            (8.0, -0.017699569195767773909),
        ]
        for (a, expected) in cases {
            expectClose(Special.polygamma(2, a), expected, relative: 1e-14, "tetragamma of \(a)")
        }
    }

    // polygamma(3, x)
    @Test func thirdDerivativeOfDigammaAgrees() {
        let cases: [(Double, Double)] = [
            (0.1, 60004.512876790253384),
            (1.0, 6.4939394022668291491),
            (8.0, 0.004699239795945103868),
        ]
        for (a, expected) in cases {
            expectClose(Special.polygamma(3, a), expected, relative: 1e-14, "psi3 of \(a)")
        }
    }

    // log(beta(a, b))
    @Test func logBetaAgrees() {
        let cases: [(Double, Double, Double)] = [
            (0.5, 0.5, 1.1447298858494001741),
            (2.0, 3.0, -2.4849066497880003102),
            (0.1, 1000000.0, 0.8711616409377844149),
            (30.0, 40.0, -48.301749095916125196),
            (100000.0, 200000.0, -190958.88527911684967),
        ]
        for (a, b, expected) in cases {
            expectClose(Special.logBeta(a, b), expected, relative: 1e-14, "logBeta of \(a) \(b)")
        }
    }

    // gammainc(a, 0, x, regularized=True)
    @Test func lowerIncompleteGammaAgrees() {
        let cases: [(Double, Double, Double)] = [
            (0.5, 0.1, 0.34527915398142297956),
            (2.0, 1.0, 0.26424111765711535681),
            (3.7, 5.0, 0.78218101865194048818),
            (50.0, 40.0, 0.070335066659394954437),
            (1000.0, 1010.0, 0.62767894473699472753),
            (0.01, 1e-08, 0.83651025468523335308),
        ]
        for (a, b, expected) in cases {
            expectClose(Special.regularizedGammaP(a, b), expected, relative: 1e-13, "gammaP of \(a) \(b)")
        }
    }

    // gammainc(a, x, inf, regularized=True)
    @Test func upperIncompleteGammaAgreesWithoutCancellation() {
        let cases: [(Double, Double, Double)] = [
            (0.5, 3.0, 0.014305878435429639526),
            (2.0, 30.0, 2.9008631203404541275e-12),
            (3.7, 5.0, 0.21781898134805951182),
            (50.0, 90.0, 1.6494985017178248339e-6),
            (1000.0, 1010.0, 0.37232105526300527247),
        ]
        for (a, b, expected) in cases {
            expectClose(Special.regularizedGammaQ(a, b), expected, relative: 1e-13, "gammaQ of \(a) \(b)")
        }
    }

    // betainc(a, b, 0, x, regularized=True)
    @Test func incompleteBetaAgrees() {
        let cases: [(Double, Double, Double, Double)] = [
            (0.3, 2.0, 3.0, 0.34829999999999998042),
            (0.9, 0.5, 0.5, 0.79516723530086657191),
            (0.01, 5.0, 0.2, 5.9533306328683874746e-12),
            (0.5, 100.0, 110.0, 0.75539588942536624855),
            (0.999, 20.0, 1.0, 0.98018886482953466518),
        ]
        for (a, b, c, expected) in cases {
            expectClose(
                Special.regularizedBeta(a, b, c), expected, relative: 1e-13, "betaI of \(a) \(b) \(c)")
        }
    }

    // exp(-|x|)·besseli(0, x)
    @Test func besselI0Agrees() {
        let cases: [(Double, Double)] = [
            (0.0, 1.0),
            (0.5, 0.64503527044915006811),
            (5.0, 0.18354081260932835307),
            (29.0, 0.074407468222225585054),
            (31.0, 0.071946496696983832763),
            (500.0, 0.017845706500153167237),
        ]
        for (a, expected) in cases {
            expectClose(Special.besselI0Scaled(a), expected, relative: 4e-15, "I0e of \(a)")
        }
    }

    // exp(-|x|)·besseli(1, x)
    @Test func besselI1Agrees() {
        let cases: [(Double, Double)] = [
            (0.5, 0.15642080318487169714),
            (-5.0, -0.16397226694454235693),
            (29.0, 0.073113117939388365104),
            (31.0, 0.070776392834385680169),
            (500.0, 0.017827851852898056461),
        ]
        for (a, expected) in cases {
            expectClose(Special.besselI1Scaled(a), expected, relative: 4e-15, "I1e of \(a)")
        }
    }

    @Test func argumentsOutsideTheDomainGiveNaN() {
        #expect(
            Special.erfInverse(1.5).isNaN && Special.erfcInverse(-0.1).isNaN
                && Special.normalQuantile(2).isNaN)
        #expect(Special.regularizedGammaP(-1, 2).isNaN && Special.regularizedBeta(1.5, 1, 1).isNaN)
        #expect(Special.erfInverse(1) == .infinity && Special.normalQuantile(0) == -.infinity)
    }
}

@Suite struct SpecialTensorTests {
    private let x = samples([7], -2.5, 2.5)

    @Test func gradientsOfTheNormalDistribution() {
        expectGradients(at: [x]) { normalCDF($0[0]) }
        expectGradients(at: [x]) { logNormalCDF($0[0]) }
        expectGradients(at: [Tensor([-30, -5, 3] as [Double])]) { logNormalCDF($0[0]) }
        expectGradients(at: [samples([7], 0.1, 0.9)]) { normalQuantile($0[0]) }
    }

    @Test func gradientsOfTheGammaFamily() {
        let positive = samples([7], 0.5, 6)
        expectGradients(at: [positive]) { digamma($0[0]) }
        expectGradients(at: [positive]) { polygamma(2, $0[0]) }
        expectGradients(at: [positive]) { regularizedGammaP(2.3, $0[0]) }
        expectGradients(at: [positive]) { regularizedGammaQ(0.7, $0[0]) }
    }

    @Test func gradientsOfBesselFunctions() {
        expectGradients(at: [x]) { besselI0Scaled($0[0]) }
        expectGradients(at: [x]) { besselI1Scaled($0[0]) }
        let atZero = grad { (x: Tensor) in besselI1Scaled(x).sum() }(Tensor([0] as [Double]))
        #expect(abs(atZero.item(Double.self) - 0.5) < 1e-12)
    }

    @Test func singlePrecisionIsRoundedFromDouble() {
        let single = normalCDF(x.asType(.float32))
        #expect(single.dtype == .float32)
        for (value, x) in zip(single.toArray(Float.self), x.asType(.float32).toArray(Float.self)) {
            #expect(value == Float(Special.normalCDF(Double(x))))
        }
    }
}
