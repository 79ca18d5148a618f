import Foundation
import Mercer
import Testing

@Suite struct InterpolationTests {
    @Test(arguments: InterpolationMode.allCases)
    func gradientIsTheTransposedMap(_ mode: InterpolationMode) {
        let x = Random.normal([2, 7, 9, 3], dtype: .float64, key: RandomKey(1))
        let g = Random.normal([2, 5, 12, 3], dtype: .float64, key: RandomKey(2))
        let f = grad { (x: Tensor) in (interpolate(x, size: [5, 12], mode: mode) * g).sum() }
        let z = Random.normal([2, 7, 9, 3], dtype: .float64, key: RandomKey(3))
        // The map is linear: <g, A z> = <Aᵀ g, z>.
        let left = (interpolate(z, size: [5, 12], mode: mode) * g).sum().doubleValue
        let right = (f(x) * z).sum().doubleValue
        #expect(abs(left - right) < 1e-10)
    }

    @Test func secondDerivativesPassThrough() {
        let x = Random.normal([1, 6, 5, 2], dtype: .float64, key: RandomKey(1))
        func loss(_ x: Tensor) -> Tensor {
            let y = interpolate(x, size: [3, 8], mode: .bicubic)
            return (y * y * y).sum()
        }
        let direction = Random.normal([1, 6, 5, 2], dtype: .float64, key: RandomKey(2))
        let product = grad { (x: Tensor) in (grad(loss)(x) * direction).sum() }(x)
        let step = 1e-5
        let difference = (grad(loss)(x + direction * step) - grad(loss)(x - direction * step)) / (2 * step)
        #expect((product - difference).abs().max().doubleValue < 1e-6)
    }

    @Test func alignedCornersStayInPlace() {
        let x = Tensor((0..<5).map(Float.init), [1, 1, 5, 1])
        let y = interpolate(x, size: [1, 9], mode: .bilinear, alignCorners: true)
        #expect(y.toArray(Float.self) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4])
    }

    @Test func aFactorGivesTheWeights() {
        // 5 · 1.5 = 7.5 is cut to 7 pixels, whose distance is 1 / 1.5, not 5 / 7.
        let x = Tensor((0..<5).map(Float.init), [1, 5, 1, 1])
        let y = interpolate(x, scaleFactor: 1.5, mode: .bilinear)
        #expect(y.shape == [1, 7, 1, 1])
        #expect(abs(y.toArray(Float.self)[3] - (3.5 / 1.5 - 0.5)) < 1e-6)
    }

    @Test func sequencesAreResizedToo() {
        let x = Tensor([1, 2, 3, 4] as [Float], [1, 4, 1])
        #expect(interpolate(x, size: [2], mode: .area).toArray(Float.self) == [1.5, 3.5])
    }
}
