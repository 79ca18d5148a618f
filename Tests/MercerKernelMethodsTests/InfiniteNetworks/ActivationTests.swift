import Foundation
import Mercer
import MercerKernelMethods
import Testing

@Suite struct ActivationTests {
    private static let smooth: [KernelActivation] = [
        .erf, .sigmoidLike, .gelu, .sin, .cos, .rbf(gamma: 0.7), .gaussian, .gabor, .cubic, .tanh, .silu, .softplus,
        .identity,
    ]
    /// Those that have no closed form are as exact as 25 nodes a side are.
    private static func isClosed(_ activation: KernelActivation) -> Bool {
        ![.tanh, .silu, .softplus].contains(activation)
    }
    private static let points: [(Double, Double, Double)] = [(0.7, 1.3, 0.4), (1, 1, -0.6), (0.2, 2, 0.1)]

    @Test(arguments: smooth + [.relu, .leakyReLU(0.2), .abs])
    func theSlopeIsTheDerivativeOfTheValue(_ activation: KernelActivation) {
        for (a, b, c) in Self.points {
            let h = 1e-5
            let difference =
                (activation.expectations(a, b, c + h).value - activation.expectations(a, b, c - h).value) / (2 * h)
            let slope = activation.expectations(a, b, c).slope
            let tolerance = Self.isClosed(activation) ? 1e-6 : 1e-3
            #expect(abs(difference - slope) < tolerance * max(1, abs(slope)), "\(activation) \(a) \(b) \(c)")
        }
    }

    @Test(arguments: smooth) func closedFormsAgreeWithQuadrature(_ activation: KernelActivation) {
        let quadrature = GaussianPair(nodes: 140)
        for (a, b, c) in Self.points {
            let (value, slope) = activation.expectations(a, b, c)
            let numeric = quadrature.expectation(a, b, c) { activation.jet($0).value }
            let numericSlope = quadrature.expectation(a, b, c) { activation.jet($0).first }
            let tolerance = Self.isClosed(activation) ? 1e-5 : 1e-3
            #expect(abs(value - numeric) < tolerance * max(1, abs(value)), "\(activation)")
            #expect(abs(slope - numericSlope) < tolerance * max(1, abs(slope)), "\(activation)")
        }
    }

    @Test(arguments: smooth) func jetsAreDerivatives(_ activation: KernelActivation) {
        for x in [-1.7, -0.3, 0.4, 2.1] {
            let h = 1e-5
            let (left, right, jet) = (activation.jet(x - h), activation.jet(x + h), activation.jet(x))
            #expect(abs((right.value - left.value) / (2 * h) - jet.first) < 1e-7 * max(1, abs(jet.first)))
            #expect(abs((right.first - left.first) / (2 * h) - jet.second) < 1e-6 * max(1, abs(jet.second)))
        }
    }

    @Test func equalAndOppositePointsGiveNumbers() {
        for activation in [KernelActivation.relu, .abs, .erf, .gelu, .sign, .expNormalized(gamma: 1, shift: 0)] {
            for c in [1.0, -1.0, 1 + 1e-15] {
                let (value, slope) = activation.expectations(1, 1, c)
                #expect(value.isFinite && slope.isFinite, "\(activation) \(c)")
            }
        }
        #expect(KernelActivation.relu.expectations(0, 0, 0).value == 0)
    }
}
