import Foundation
import Mercer
import Testing

@Suite struct FourierTransformTests {
    private typealias C = Complex<Double>

    private func complexSamples(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
        complex(samples(shape, seed: seed), samples(shape, seed: seed + 100))
    }

    /// Σⱼ x[j] exp(∓2πi jk/n), term by term.
    private func plain(_ x: [C], inverse: Bool = false) -> [C] {
        let n = x.count
        return (0..<n).map { k in
            var sum = C(0)
            for (j, z) in x.enumerated() {
                let angle = (inverse ? 2 : -2) * Double.pi * Double(j * k % n) / Double(n)
                let (c, s) = (cos(angle), sin(angle))
                sum.real += z.real * c - z.imaginary * s
                sum.imaginary += z.real * s + z.imaginary * c
            }
            return sum
        }
    }

    private func distance(_ a: Tensor, _ b: Tensor) -> Double { abs(a - b).max().doubleValue }

    /// Every radix, products of them, primes, and lengths that go by convolution (67, 134, 1031).
    @Test(arguments: [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 21, 24, 31, 32, 35, 60, 61, 64, 67, 100, 128, 134,
        243, 256,
        343, 500, 512, 720, 1024, 1031,
    ]) func anyLengthMatchesTheSum(_ n: Int) {
        let x = complexSamples([3, n])
        let y = fft(x)
        let back = ifft(x, norm: .forward)
        for row in 0..<3 {
            let values = x[row].toArray(C.self)
            #expect(distance(y[row], Tensor(plain(values))) < 1e-12 * Double(n))
            #expect(distance(back[row], Tensor(plain(values, inverse: true))) < 1e-12 * Double(n))
        }
        #expect(distance(ifft(y), x) < 1e-13)
        let single = fft(x.asType(.complex64))
        #expect(distance(single.asType(.complex128), y) < 2e-6 * Double(n).squareRoot() * 4)
    }

    @Test(arguments: [1, 2, 3, 5, 8, 9, 30, 67, 96, 101, 256]) func realTransformsAreHalfOfTheComplexOnes(
        _ n: Int
    ) {
        for rows in [1, 3, 21] {
            let x = samples([rows, n])
            let half = rfft(x)
            #expect(half.shape == [rows, n / 2 + 1])
            #expect(distance(half, fft(x)[.ellipsis, 0...n / 2]) < 1e-12 * Double(n))
            #expect(distance(irfft(half, n: n), x) < 1e-13)
        }
    }

    @Test func longSequencesMatchShortTransforms() {
        // A tone and an impulse have known spectra; Parseval's identity ties the rest.
        for n in [1 << 15, 3 << 13, 10_000, 10_007, 4099] {
            let position = 1234
            let impulse = Tensor([n], of: C.self) { out in
                for i in 0..<n { out[i] = C(i == position ? 1 : 0) }
            }
            let y = fft(impulse).toArray(C.self)
            for k in [0, 1, 77, n / 2, n - 1] {
                let angle = -2 * Double.pi * Double(k * position % n) / Double(n)
                let error = hypot(y[k].real - cos(angle), y[k].imaginary - sin(angle))
                #expect(error < 1e-11)
            }
            let x = complexSamples([n])
            let z = fft(x, norm: .ortho)
            let energies = [x, z].map { square(abs($0)).sum().item(Double.self) }
            #expect(abs(energies[0] / energies[1] - 1) < 1e-12)
            #expect(distance(ifft(z, norm: .ortho), x) < 1e-12)
            #expect(distance(irfft(rfft(x.realPart()), n: n), x.realPart()) < 1e-12)
        }
    }

    @Test func severalAxesAreOneAfterTheOther() {
        let x = complexSamples([2, 6, 5, 4])
        let expected = fft(fft(fft(x, axis: 1), axis: 3), axis: 2)
        #expect(distance(fftn(x, axes: [1, 2, 3]), expected) < 1e-12)
        #expect(distance(ifftn(expected, axes: [1, 2, 3]), x) < 1e-13)
        #expect(distance(fft2(x, axes: [1, 2]), fft(fft(x, axis: 2), axis: 1)) < 1e-12)
        let real = samples([3, 8, 10])
        #expect(distance(rfft2(real), fft2(real)[.ellipsis, 0..<6]) < 1e-12)
        #expect(distance(irfft2(rfft2(real)), real) < 1e-13)
        #expect(distance(irfftn(rfftn(real, axes: [0, 2]), axes: [0, 2]), real) < 1e-13)
        let odd = samples([4, 7])
        #expect(distance(irfft2(rfft2(odd), s: [4, 7]), odd) < 1e-13)
    }

    @Test func stridedAndManyChannelOperandsAreRead() {
        let x = complexSamples([20, 9, 33])
        #expect(distance(fft(x.swappedAxes(0, 2), axis: 0), fft(x, axis: 2).swappedAxes(0, 2)) < 1e-12)
        let single = x.asType(.complex64)
        #expect(distance(fft(single, axis: 1).asType(.complex128), fft(x, axis: 1)) < 1e-5)
        #expect(distance(fft(single, axis: 0).asType(.complex128), fft(x, axis: 0)) < 1e-5)
    }

    @Test func lengthCutsOrExtendsWithZeros() {
        let x = complexSamples([2, 6])
        #expect(distance(fft(x, n: 4), fft(x[.ellipsis, 0..<4])) < 1e-13)
        #expect(distance(fft(x, n: 9), fft(padded(x, [(0, 3)]))) < 1e-13)
        let real = x.realPart()
        #expect(distance(irfft(rfft(real, n: 8), n: 8), padded(real, [(0, 2)])) < 1e-13)
    }

    @Test func normsScaleAsInPyTorch() {
        let x = complexSamples([8])
        let plain = fft(x)
        #expect(distance(fft(x, norm: .forward) * 8, plain) < 1e-13)
        #expect(distance(fft(x, norm: .ortho) * 8.0.squareRoot(), plain) < 1e-13)
        #expect(distance(ifft(x, norm: .forward), ifft(x) * 8) < 1e-13)
        #expect(distance(rfft(x.realPart(), norm: .forward) * 8, rfft(x.realPart())) < 1e-13)
    }

    @Test func sameBitsForAnyNumberOfThreads() {
        let x = complexSamples([64, 96]).asType(.complex64)
        let long = complexSamples([1 << 14])
        func results() -> [[UInt8]] {
            [fft2(x), rfft2(x.realPart()), fft(long), dct(x.realPart(), axis: 0)].map { y in
                y.withUnsafeBytes { Array($0) }
            }
        }
        #expect(Parallel.withThreads(1, results) == Parallel.withThreads(3, results))
    }

    @Test(arguments: [5, 6, 8]) func gradientsOfAnyOrder(_ n: Int) {
        let x = samples([2, n])
        let y = samples([2, n], seed: 5)
        expectGradients(at: [x]) { abs(rfft($0[0])) }
        expectGradients(at: [x]) { rfft($0[0], norm: .ortho).imaginaryPart() }
        expectGradients(at: [x, y]) { z in
            let spectrum = fft(complex(z[0], z[1]), norm: .forward)
            return spectrum.realPart() * spectrum.imaginaryPart()
        }
        expectGradients(at: [x, y]) { z in irfft(complex(z[0], z[1]) * complex(z[0], z[1]), n: n) }
        expectGradients(at: [x]) { abs(rfft2($0[0])) }
        expectGradients(at: [x, y]) { z in square(irfft2(complex(z[0], z[1]), s: [2, n], norm: .ortho)) }
        expectGradients(at: [x]) { abs(fft($0[0], n: n + 2)) }
    }

    @Test func shiftsMoveTheZeroFrequencyToTheMiddle() {
        let f = fftFrequencies(5, spacing: 0.5, .float64)
        #expect(f.toArray(Double.self) == [0, 0.4, 0.8, -0.8, -0.4])
        #expect(fftShift(f).toArray(Double.self) == [-0.8, -0.4, 0, 0.4, 0.8])
        #expect(ifftShift(fftShift(f)).toArray(Double.self) == f.toArray(Double.self))
        #expect(rfftFrequencies(4, .float64).toArray(Double.self) == [0, 0.25, 0.5])
    }
}

@Suite struct RealTransformTests {
    @Test(arguments: [1, 2, 3, 4, 7, 8, 16, 45, 67]) func cosineTransformMatchesTheSum(_ n: Int) {
        for rows in [1, 5, 20] {
            let x = samples([rows, n])
            let matrix = Tensor([n, n], of: Double.self) { out in
                for j in 0..<n {
                    for k in 0..<n {
                        let scale = ((k == 0 ? 1 : 2) / Double(n)).squareRoot()
                        out[j * n + k] = scale * cos(.pi * Double(k * (2 * j + 1)) / Double(2 * n))
                    }
                }
            }
            let y = dct(x)
            #expect(abs(y - matmul(x, matrix)).max().item(Double.self) < 1e-12)
            #expect(abs(idct(y) - x).max().item(Double.self) < 1e-13)
            #expect(abs(dct(x.transposed(), axis: 0) - y.transposed()).max().item(Double.self) < 1e-13)
            let single = dct(x.asType(.float32)).asType(.float64)
            #expect(abs(single - y).max().item(Double.self) < 1e-5)
        }
    }

    @Test(arguments: [1, 2, 4, 8, 16, 64, 256]) func walshHadamardMatchesItsMatrix(_ n: Int) {
        let x = samples([3, n])
        let matrix = Tensor([n, n], of: Double.self) { out in
            for j in 0..<n { for k in 0..<n { out[j * n + k] = (j & k).nonzeroBitCount % 2 == 0 ? 1 : -1 } }
        }
        let expected = matmul(x, matrix)
        #expect(abs(walshHadamard(x, orthonormal: false) - expected).max().item(Double.self) < 1e-12)
        #expect(abs(walshHadamard(walshHadamard(x)) - x).max().item(Double.self) < 1e-13)
        let single = walshHadamard(x.asType(.float32), orthonormal: false).asType(.float64)
        #expect(abs(single - expected).max().item(Double.self) < 1e-4)
    }

    @Test func gradientsOfAnyOrder() {
        for n in [4, 5] {
            expectGradients(at: [samples([3, n])]) { square(dct($0[0])) }
            expectGradients(at: [samples([3, n])]) { square(idct($0[0], axis: 0)) }
        }
        expectGradients(at: [samples([2, 8])]) { square(walshHadamard($0[0])) }
    }
}
