import Foundation
import Mercer
import Testing

/// The passes beside a plain reference, for every type, number of channels and awkward size.
@Suite struct ResamplePassTests {
    private func reference(_ x: [Double], _ h: Int, _ w: Int, _ c: Int, _ v: Resampler, _ u: Resampler)
        -> [Double]
    {
        var middle = [Double](repeating: 0, count: v.outputLength * w * c)
        for i in 0..<v.outputLength {
            for (k, weight) in v.row(i).enumerated() {
                for j in 0..<(w * c) { middle[i * w * c + j] += weight * x[(v.starts[i] + k) * w * c + j] }
            }
        }
        var y = [Double](repeating: 0, count: v.outputLength * u.outputLength * c)
        for i in 0..<v.outputLength {
            for j in 0..<u.outputLength {
                for (k, weight) in u.row(j).enumerated() {
                    for channel in 0..<c {
                        y[(i * u.outputLength + j) * c + channel] +=
                            weight * middle[(i * w + u.starts[j] + k) * c + channel]
                    }
                }
            }
        }
        return y
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 17])
    func everyTypeAgreesWithThePlainForm(_ channels: Int) {
        for (h, w, m, n) in [
            (1, 1, 3, 2), (13, 17, 5, 29), (31, 64, 12, 15), (9, 130, 40, 3), (67, 5, 7, 11),
        ] {
            let v = Resampler(input: h, output: m, rule: .mercer(.lanczos3))
            let u = Resampler(input: w, output: n, rule: .mercer(.bicubic))
            let numbers = Random.uniform(0..<255, [h, w, channels], key: RandomKey(7)).toArray(Float.self)
            for dtype in [DType.uint8, .uint16, .float16, .float32, .float64, .bfloat16, .int32] {
                let x = Tensor(numbers.map { $0.rounded() }, [h, w, channels]).asType(dtype)
                let expected = reference(x.asType(.float64).toArray(), h, w, channels, v, u)
                let y = Resample.apply(vertical: v, horizontal: u, to: x).asType(.float64).toArray(
                    Double.self)
                for (a, e) in zip(y, expected) {
                    let allowed: Double
                    let target: Double
                    switch dtype {
                    case .uint8: (allowed, target) = (0.501, min(max(e, 0), 255))
                    case .uint16: (allowed, target) = (0.501, max(e, 0))
                    case .int32: (allowed, target) = (1.01, e)
                    case .float16: (allowed, target) = (0.2, e)
                    case .bfloat16: (allowed, target) = (2, e)
                    case .float32: (allowed, target) = (2e-4, e)
                    default: (allowed, target) = (1e-10, e)
                    }
                    #expect(
                        abs(a - target) <= allowed, "\(dtype), \(channels) channels, \(h)x\(w) to \(m)x\(n)")
                }
            }
        }
    }

    /// Pillow's arithmetic, plainly: 22 bits after the point, rounded and clipped after each pass.
    private func fixed(_ x: [Int], _ h: Int, _ w: Int, _ c: Int, _ v: Resampler, _ u: Resampler) -> [Int] {
        func weights(_ map: Resampler, _ i: Int) -> [Int] {
            map.row(i).map { Int(($0 < 0 ? -0.5 : 0.5) + $0 * Double(1 << 22)) }
        }
        func clip(_ sum: Int) -> Int { min(max((sum + (1 << 21)) >> 22, 0), 255) }
        func across(_ x: [Int], _ h: Int, _ w: Int) -> [Int] {
            (0..<h).flatMap { y in
                (0..<u.outputLength).flatMap { j in
                    (0..<c).map { channel in
                        clip(
                            weights(u, j).enumerated().reduce(0) {
                                $0 + $1.element * x[(y * w + u.starts[j] + $1.offset) * c + channel]
                            })
                    }
                }
            }
        }
        func down(_ x: [Int], _ line: Int) -> [Int] {
            (0..<v.outputLength).flatMap { i in
                (0..<line).map { j in
                    clip(
                        weights(v, i).enumerated().reduce(0) {
                            $0 + $1.element * x[(v.starts[i] + $1.offset) * line + j]
                        })
                }
            }
        }
        let verticalFirst = v.outputLength < h && h - v.outputLength > 2 * (w - u.outputLength)
        if verticalFirst { return across(down(x, w * c), v.outputLength, w) }
        return down(across(x, h, w), u.outputLength * c)
    }

    @Test(arguments: [1, 2, 3, 4, 5])
    func bytesAgreeExactlyWithPillowsArithmetic(_ channels: Int) {
        for (h, w, m, n) in [
            (1, 1, 3, 2), (13, 17, 5, 29), (31, 64, 12, 15), (9, 130, 40, 3), (67, 5, 7, 11),
            (50, 50, 50, 20),
            (50, 20, 11, 20), (200, 37, 20, 30),
        ] {
            for method in [ResampleMethod.box, .bilinear, .hamming, .bicubic, .lanczos3] {
                let v = Resampler(input: h, output: m, rule: .pillow(method))
                let u = Resampler(input: w, output: n, rule: .pillow(method))
                let x = Random.randInt(0..<256, [h, w, channels], key: RandomKey(11)).asType(.uint8)
                let y = Resample.apply(vertical: v, horizontal: u, to: x, fixedPoint: true)
                let expected = fixed(x.toArray(UInt8.self).map(Int.init), h, w, channels, v, u)
                #expect(
                    y.toArray(UInt8.self).map(Int.init) == expected,
                    "\(method), \(channels) channels, \(h)x\(w) to \(m)x\(n)")
            }
        }
    }

    @Test func resultsAreTheSameForAnyNumberOfThreads() {
        let x = Random.randInt(0..<256, [301, 207, 3], key: RandomKey(1)).asType(.uint8)
        func results() -> [[UInt8]] {
            [ResampleConvention.pillow, .mercer, .torch].map {
                Resample.resize(x, to: (155, 99), .bicubic, convention: $0).toArray(UInt8.self)
            }
        }
        let one = Parallel.withThreads(1) { results() }
        for count in [2, 3, 8] { #expect(Parallel.withThreads(count) { results() } == one) }
    }

    @Test func aNumberThatIsNoneStaysWithinItsTaps() {
        var numbers = [Float](repeating: 1, count: 40 * 3)
        numbers[20 * 3 + 1] = .nan
        let y = Resample.resize(Tensor(numbers, [1, 40, 3]), to: (1, 40), .torch(.bicubic)).toArray(
            Float.self)
        #expect(y.indices.filter { y[$0].isNaN } == [20 * 3 + 1])
    }

    @Test func nearestCopiesEveryType() {
        for dtype in [DType.bool, .uint8, .int16, .int32, .int64, .float64, .complex64] {
            let x = Random.randInt(0..<2, [4, 6, 3], key: RandomKey(5)).asType(dtype)
            let y = Resample.resize(x, to: (8, 12), .nearest)
            #expect(y.shape == [8, 12, 3] && y.dtype == dtype)
            #expect(
                y[5, 7].asType(.float64).toArray(Double.self) == x[2, 3].asType(.float64).toArray(Double.self)
            )
        }
    }
}
