import Foundation
import Mercer
import Testing

@Suite struct ResamplerTests {
    static let rules: [ResampleRule] = ResampleConvention.allCases.flatMap { convention in
        convention.methods.flatMap { method in
            [true, false].compactMap { try? ResampleRule(method, convention, antialias: $0) }
        }
    }

    @Test(arguments: rules)
    func everyRuleKeepsConstantsAndStaysWithinTheLine(_ rule: ResampleRule) {
        for (n, m) in [(1, 1), (1, 5), (7, 3), (3, 7), (29, 12), (12, 29), (100, 1), (64, 64), (37, 36)] {
            let map = Resampler(input: n, output: m, rule: rule)
            #expect(map.outputLength == m && map.inputLength == n)
            for i in 0..<m {
                #expect(abs(map.row(i).reduce(0, +) - 1) < 1e-6, "\(rule): \(n) to \(m), row \(i)")
                #expect(map.starts[i] >= 0 && map.starts[i] + map.row(i).count <= n)
            }
        }
    }

    @Test(arguments: rules)
    func everyRuleKeepsTheMirrorSymmetryOfThePicture(_ rule: ResampleRule) {
        // PyTorch's and TensorFlow's nearest, MATLAB's and integer windows are one-sided by definition.
        if rule.method.isNearest || rule.method == .box { return }
        let (n, m) = (23, 9)
        let map = Resampler(input: n, output: m, rule: rule)
        for i in 0..<m {
            let row = dense(map, i)
            let mirrored = Array(dense(map, m - 1 - i).reversed())
            for (a, b) in zip(row, mirrored) { #expect(abs(a - b) < 2e-3, "\(rule), row \(i)") }
        }
    }

    private func dense(_ map: Resampler, _ i: Int) -> [Double] {
        var row = [Double](repeating: 0, count: map.inputLength)
        for (k, w) in map.row(i).enumerated() { row[map.starts[i] + k] = w }
        return row
    }

    @Test func transposingTwiceChangesNothingAndTransposesTheMatrix() {
        for rule in [
            ResampleRule.pillow(.lanczos3), .torch(.bicubic), .tensorflow(.bilinear), .matlab(.bicubic),
        ] {
            let map = Resampler(input: 19, output: 8, rule: rule)
            let transposed = map.transposed
            for i in 0..<8 { for j in 0..<19 { #expect(dense(map, i)[j] == dense(transposed, j)[i]) } }
            #expect(transposed.transposed == map)
        }
    }

    @Test func composingIsTheProductOfTheMatrices() {
        let blur = Resampler.gaussianBlur(length: 31, kernel: 7, sigma: 1.5, border: .reflect)
        let resize = Resampler(input: 31, output: 11, rule: .tensorflow(.bilinear))
        let both = resize.composed(after: blur)
        for i in 0..<11 {
            for j in 0..<31 {
                let product = (0..<31).reduce(0.0) { $0 + dense(resize, i)[$1] * dense(blur, $1)[j] }
                #expect(abs(dense(both, i)[j] - product) < 1e-15)
            }
        }
        #expect(both.taps <= resize.taps + 6)
    }

    @Test func tapsOfTheCollapsedLayerAreTwoSixTen() {
        let resize = Resampler(input: 512, output: 224, rule: .tensorflow(.bilinear))
        let blur = Resampler.gaussianBlur(length: 512, kernel: 5, sigma: 1, border: .zero)
        let once = resize.composed(after: blur)
        #expect(resize.taps == 2)
        #expect(once.taps == 6)
        #expect(once.composed(after: blur).taps == 10)
    }

    @Test func bordersOfABlurFollowTheirRule() {
        let x = [1.0, 2, 3, 4, 5]
        func first(_ border: BlurBorder) -> Double {
            let map = Resampler.gaussianBlur(length: 5, kernel: 3, sigma: 1, border: border)
            return map.row(0).enumerated().reduce(0) { $0 + $1.element * x[map.starts[0] + $1.offset] }
        }
        let taps = Resampler.gaussian(kernel: 3, sigma: 1)
        #expect(abs(first(.zero) - (taps[1] * 1 + taps[2] * 2)) < 1e-15)
        #expect(abs(first(.reflect) - (taps[0] * 2 + taps[1] * 1 + taps[2] * 2)) < 1e-15)
        #expect(abs(first(.replicate) - (taps[0] * 1 + taps[1] * 1 + taps[2] * 2)) < 1e-15)
    }

    @Test func poolingSharesItsPaddingAndDoesNotCountIt() {
        let map = Resampler.averagePool(length: 29, window: 3)
        #expect(map.outputLength == 10)
        // 30 places for 29 numbers: the one that is missing stands at the end.
        #expect(map.row(0).count == 3 && map.row(9).count == 2 && map.row(9).first == 0.5)
    }

    @Test func conventionsRefuseWhatTheyDoNotHave() {
        #expect(throws: ResampleError.noMethod(.hamming, .torch)) { try ResampleRule(.hamming, .torch) }
        #expect(throws: ResampleError.antialias(false, .bicubic, .pillow)) {
            try ResampleRule(.bicubic, .pillow, antialias: false)
        }
        let text = ResampleError.noMethod(.hamming, .torch).description
        #expect(text.contains("nearest-exact") && text.contains("bilinear") && !text.contains("mitchell"))
    }

    @Test func fractionalBoxesCutThePicture() {
        // A box of whole pixels is the same as cutting first.
        let x = Random.uniform(0..<1, [40, 50, 3], key: RandomKey(3))
        let box = ResampleBox(left: 7, top: 4, right: 31, bottom: 28)
        for method in [ResampleMethod.box, .bilinear, .area] {
            let cut = x[4..<28, 7..<31, 0...].contiguous()
            let direct = Resample.resize(cut, to: (6, 8), method)
            let boxed = Resample.resize(x, to: (6, 8), method, box: box)
            // Filters may read pixels beyond the box, as Pillow's do; these whole reductions don't, except linear.
            if method != .bilinear { #expect(((direct - boxed).abs().max()).doubleValue < 1e-6) }
            #expect(boxed.shape == [6, 8, 3])
        }
    }
}
