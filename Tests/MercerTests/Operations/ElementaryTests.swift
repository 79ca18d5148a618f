import CKernels
import Foundation
import Mercer
import Testing

@Suite struct ElementaryTests {
    @Test func gradientsMatchDifferences() {
        let positive = samples([7], 0.3, 3)
        let inside = samples([7], -0.9, 0.9)
        let any = samples([7], -2.5, 2.5)
        for f in functions(
            exp, exp2, expm1, sin, cos, sinh, cosh, tanh, atan, asinh, erf, erfc, square, sigmoid)
        {
            expectGradients(at: [any]) { f($0[0]) }
        }
        for f in functions(sqrt, rsqrt, reciprocal, log, log2, log10, log1p, abs) {
            expectGradients(at: [positive]) { f($0[0]) }
        }
        for f in functions(asin, acos, atanh, erfInverse, tan) { expectGradients(at: [inside]) { f($0[0]) } }
        expectGradients(at: [positive + 1]) { acosh($0[0]) }
        expectGradients(at: [positive], secondOrder: false) { logGamma($0[0]) }
        expectGradients(at: [any]) { abs($0[0]) }
    }

    @Test func roundedNumbersHaveNoGradient() {
        let x = Tensor([0.5, 1.5, -2.5, 2.4, -0.6] as [Double])
        #expect(round(x).toArray(Double.self) == [0, 2, -2, 2, -1])
        #expect(floor(x).toArray(Double.self) == [0, 1, -3, 2, -1])
        #expect(ceil(x).toArray(Double.self) == [1, 2, -2, 3, 0])
        #expect(trunc(x).toArray(Double.self) == [0, 1, -2, 2, 0])
        #expect(sign(x).toArray(Double.self) == [1, 1, -1, 1, -1])
        let g = grad { (x: Tensor) in (round(x) + floor(x) * sign(x) + x).sum() }(x)
        #expect(g.toArray(Double.self) == [1, 1, 1, 1, 1])
    }

    @Test func gradientOfTheMagnitudeIsZeroAtZero() {
        let g = grad { (x: Tensor) in abs(x).sum() }(Tensor([-2, 0, 3] as [Double]))
        #expect(g.toArray(Double.self) == [-1, 0, 1])
    }

    @Test func halfTypesAreWorkedOutInFloat32() {
        let x = Tensor([0.5, 1, -2] as [Float]).asType(.bfloat16)
        let y = exp(x)
        #expect(y.dtype == .bfloat16)
        #expect(allClose(y.asType(.float32), exp(x.asType(.float32)), rtol: 0.004))
        #expect(exp(Tensor([1, 2] as [Int32])).dtype == .float32)
    }

    /// A vector function of one number beside the C library's in float64.
    private struct Case: Sendable {
        let name: String
        let operation: mercer_unary
        let low: Double
        let high: Double
        let reference: @Sendable (Double) -> Double
    }

    private static let cases: [Case] = [
        Case(name: "exp", operation: mercer_unary_exp, low: -103.9, high: 89) { Foundation.exp($0) },
        Case(name: "exp2", operation: mercer_unary_exp2, low: -149.9, high: 128.5) { Foundation.exp2($0) },
        Case(name: "expm1", operation: mercer_unary_expm1, low: -110, high: 89) { Foundation.expm1($0) },
        Case(name: "log", operation: mercer_unary_log, low: 0, high: .infinity) { Foundation.log($0) },
        Case(name: "log2", operation: mercer_unary_log2, low: 0, high: .infinity) { Foundation.log2($0) },
        Case(name: "log10", operation: mercer_unary_log10, low: 0, high: .infinity) { Foundation.log10($0) },
        Case(name: "log1p", operation: mercer_unary_log1p, low: -1, high: .infinity) { Foundation.log1p($0) },
        Case(name: "sin", operation: mercer_unary_sin, low: -.infinity, high: .infinity) {
            Foundation.sin($0)
        },
        Case(name: "cos", operation: mercer_unary_cos, low: -.infinity, high: .infinity) {
            Foundation.cos($0)
        },
        Case(name: "tanh", operation: mercer_unary_tanh, low: -30, high: 30) { Foundation.tanh($0) },
        Case(name: "erf", operation: mercer_unary_erf, low: -10, high: 10) { Foundation.erf($0) },
        Case(name: "sigmoid", operation: mercer_unary_sigmoid, low: -87, high: 100) {
            1 / (1 + Foundation.exp(-$0))
        },
        Case(name: "rsqrt", operation: mercer_unary_reciprocal_root, low: 0, high: .infinity) {
            1 / $0.squareRoot()
        },
        Case(name: "softplus", operation: mercer_unary_softplus, low: -80, high: 90) {
            max($0, 0) + Foundation.log1p(Foundation.exp(-Swift.abs($0)))
        },
    ]

    /// Numbers of every magnitude and sign, subnormal ones included, and the special ones.
    private static let arguments: [Float] = {
        var values: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
            .leastNormalMagnitude, .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0.5, 2, 20, 88.7,
            -88.7,
        ]
        var bits: UInt32 = 0x9E37
        for _ in 0..<200_000 {
            bits = bits &* 1_664_525 &+ 1_013_904_223
            values.append(Float(bitPattern: bits))
            values.append(Float(Int32(bitPattern: bits)) * 2.5e-8)
        }
        return values
    }()

    @Test func vectorFunctionsAgreeWithTheCLibraryOnEveryInstructionSet() {
        for isa in InstructionSet.allCases where isa.rawValue <= InstructionSet.supported.rawValue {
            for test in Self.cases {
                let loop = mercer_unary_function(Int32(isa.rawValue), 0, test.operation)
                var y = [Float](repeating: 0, count: Self.arguments.count)
                loop(Self.arguments, &y, y.count, 1, .infinity)
                var worst = 0.0
                var wrong: Float?
                for (x, y) in zip(Self.arguments, y) {
                    let expected = test.reference(Double(x))
                    if expected.isNaN || Float(expected).isInfinite || expected == 0 {
                        let same = expected.isNaN ? y.isNaN : y == Float(expected)
                        if !same { wrong = x }
                        continue
                    }
                    guard Double(x) >= test.low && Double(x) <= test.high else {
                        // Beyond the range the result has left the normal numbers.
                        if Swift.abs(Double(y) - expected) > 1e-37 && Swift.abs(expected) < 1 { wrong = x }
                        continue
                    }
                    let scale = max(Swift.abs(expected), Double(Float.leastNormalMagnitude))
                    worst = max(worst, Swift.abs(Double(y) - expected) / scale)
                }
                #expect(worst <= 3e-7, "\(test.name) on \(isa)")
                #expect(wrong == nil, "\(test.name) on \(isa)")
            }
        }
    }

    @Test func aValueDoesNotDependOnItsPlaceInAVector() {
        for isa in InstructionSet.allCases where isa.rawValue <= InstructionSet.supported.rawValue {
            for test in Self.cases {
                let loop = mercer_unary_function(Int32(isa.rawValue), 0, test.operation)
                let x = Array(Self.arguments[20..<63])
                var whole = x
                loop(x, &whole, x.count, 1, 20)
                for i in x.indices {
                    var one: Float = 0
                    loop([x[i]], &one, 1, 1, 20)
                    #expect(one.bitPattern == whole[i].bitPattern, "\(test.name) of \(x[i]) on \(isa)")
                }
            }
        }
    }

    @Test func float64ExponentialAgreesWithTheCLibraryOnEveryInstructionSet() {
        let x =
            stride(from: -745.0, through: 709.7, by: 0.0137).map { $0 } + [
                0, -0.0, .infinity, -.infinity, 800, -800,
            ]
        for isa in InstructionSet.allCases where isa.rawValue <= InstructionSet.supported.rawValue {
            var y = x
            mercer_unary_function(Int32(isa.rawValue), 1, mercer_unary_exp)(x, &y, x.count, 0, 0)
            for (x, y) in zip(x, y) {
                let expected = Foundation.exp(x)
                if expected.isInfinite || expected == 0 {
                    #expect(y == expected)
                } else {
                    #expect(Swift.abs(y - expected) <= max(4e-16 * expected, 5e-324), "e^\(x) on \(isa)")
                }
            }
            var nan = Double.nan
            mercer_unary_function(Int32(isa.rawValue), 1, mercer_unary_exp)([Double.nan], &nan, 1, 0, 0)
            #expect(nan.isNaN)
        }
    }

    @Test func specialFunctionsHaveKnownValues() {
        let x = Tensor([0.1, 0.5, 0.9, 0.99999] as [Double])
        #expect(allClose(erf(erfInverse(x)), x, rtol: 1e-13))
        #expect(allClose(erfInverse(-x), -erfInverse(x), rtol: 1e-15))
        #expect(
            allClose(
                logGamma(Tensor([1, 5, 0.5] as [Double])),
                Tensor([0, 3.1780538303479458, 0.5723649429247001])))
        #expect(
            allClose(
                digamma(Tensor([1, 0.5, 10.25, -1.5] as [Double])),
                Tensor([-0.5772156649015329, -1.9635100260214235, 2.2777047906867145, 0.7031566406452432]),
                rtol: 1e-12))
    }
}
