import Foundation
import Mercer
import MercerImage
import Testing

@Suite struct BlurKernelTests {
    @Test func kernelsSumToOneAndHaveOddSides() throws {
        for text in ["disk:3.5", "motion:20,10", "motion:1,0", "gaussian:2", "disk:0.4"] {
            let kernel = try BlurShape(text).kernel()
            #expect(abs(kernel.values.sum().doubleValue - 1) < 1e-12, "\(text)")
            #expect(kernel.height % 2 == 1 && kernel.width % 2 == 1, "\(text)")
        }
    }

    @Test func motionIsSymmetricAboutItsMiddleAndTurnsCounterClockwise() {
        let kernel = BlurKernel.motion(length: 9, angle: 90)
        #expect(allClose(kernel.values, kernel.values.flipped(axes: [0, 1])))
        #expect(abs(kernel.values[0..., kernel.width / 2].sum().doubleValue - 1) < 1e-9)
        let up = BlurKernel.motion(length: 9, angle: 45).values
        #expect(up[up.dim(0) / 2 - 2, up.dim(1) / 2 + 2].doubleValue > 0.05)
    }

    @Test func evenSidesArePaddedAndSumsAreMadeOne() throws {
        let kernel = try BlurKernel(Tensor([1, 1, 1, 1] as [Double], [2, 2]), name: "k")
        #expect(kernel.height == 3 && kernel.width == 3)
        #expect(kernel.notes.count == 2)
        #expect(kernel.notes[0].contains("padded") && kernel.notes[1].contains("summed to 4"))
    }

    @Test func wrongKernelsAreErrors() {
        #expect(throws: DeblurError.kernelNegative("k", -1)) {
            try BlurKernel(Tensor([2, -1, 2] as [Double], [1, 3]), name: "k")
        }
        #expect(throws: DeblurError.kernelEmpty("k")) { try BlurKernel(Tensor.zeros([3, 3]), name: "k") }
        #expect(throws: DeblurError.kernelNotFinite("k")) {
            try BlurKernel(Tensor([1, .nan, 1] as [Double], [1, 3]), name: "k")
        }
        #expect(throws: DeblurError.kernelShape("k", [3])) { try BlurKernel(Tensor.ones([3]), name: "k") }
        for text in ["disk:-1", "disk:a", "motion:5", "gaussian:0", "motion:5,nan", "disk:1,2"] {
            #expect(throws: DeblurError.kernelSpelling(text)) { try BlurShape(text) }
        }
    }

    @Test func circularBlurEqualsTheSumByItsDefinition() {
        let x = Random.normal([1, 17, 22, 2], dtype: .float64, key: RandomKey(1))
        let kernel = BlurKernel.motion(length: 5, angle: 30)
        var expected = Tensor.zeros(x.shape, .float64)
        let (r, c) = kernel.reach
        for i in 0..<kernel.height {
            for j in 0..<kernel.width {
                expected = expected + x.rolled([i - r, j - c], axes: [1, 2]) * kernel.values[i, j].doubleValue
            }
        }
        let blur = CircularBlur(kernel, height: 17, width: 22, dtype: .float64)
        #expect(allClose(blur(x), expected, rtol: 0, atol: 1e-12))
    }

    @Test func blurAndAdjointAreTransposed() {
        let kernel = BlurKernel.motion(length: 6, angle: 20)
        let blur = CircularBlur(kernel, height: 19, width: 15, dtype: .float64)
        let x = Random.normal([1, 19, 15, 1], dtype: .float64, key: RandomKey(1))
        let y = Random.normal([1, 19, 15, 1], dtype: .float64, key: RandomKey(2))
        #expect(abs((blur(x) * y).sum().doubleValue - (x * blur.adjoint(y)).sum().doubleValue) < 1e-10)
        let gradient = grad { (x: Tensor) in (blur(x) * y).sum() }(x)
        #expect(allClose(gradient, blur.adjoint(y), rtol: 0, atol: 1e-12))
    }

    @Test func wienerUndoesABlurWithoutNoise() throws {
        let kernel = BlurKernel.gaussian(sigma: 0.7)
        let x = Random.uniform(0..<1, [1, 24, 24, 1], dtype: .float64, key: RandomKey(3))
        let blur = CircularBlur(kernel, height: 24, width: 24, dtype: .float64)
        #expect(allClose(blur.wiener(blur(x), noise: 1e-12), x, rtol: 0, atol: 1e-6))
        let before = square(blur(x) - x).mean().doubleValue
        let restored = try blur.richardsonLucy(blur(x), iterations: 30)
        #expect(square(restored - x).mean().doubleValue < 0.5 * before)
    }

    @Test func taperedMarginsAreCutOffAgain() {
        let kernel = BlurKernel.disk(radius: 3)
        let taper = EdgeTaper(kernel)
        let x = Random.uniform(0..<1, [1, 40, 36, 1], key: RandomKey(4))
        let large = taper.applied(to: x, kernel)
        #expect(large.shape == [1, 40 + 2 * taper.rows, 36 + 2 * taper.columns, 1])
        #expect(allClose(taper.cropped(large), x))
    }

    @Test func theNoisyKernelIsAKernel() {
        let kernel = BlurKernel.disk(radius: 4).noisy(level: 0.1, key: RandomKey(1))
        #expect(kernel.values.min().doubleValue >= 0)
        #expect(abs(kernel.values.sum().doubleValue - 1) < 1e-12)
    }
}
