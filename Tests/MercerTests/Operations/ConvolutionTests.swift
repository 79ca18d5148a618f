import Mercer
import Testing

@Suite struct ConvolutionTests {
    /// A convolution of images with its options.
    struct Setting: Sendable, CustomStringConvertible {
        var batch = 2
        var size = [11, 10]
        var channels = 8
        var outputs = 8
        var kernel = [3, 3]
        var stride = [1, 1]
        var before = [1, 1]
        var after = [1, 1]
        var dilation = [1, 1]
        var groups = 1

        var description: String {
            "\(batch)×\(size)×\(channels)→\(outputs) k\(kernel) s\(stride) p\(before)\(after) d\(dilation) g\(groups)"
        }

        var padding: ConvolutionPadding { .asymmetric(before: before, after: after) }

        func callAsFunction(_ x: Tensor, _ w: Tensor, bias: Tensor? = nil) -> Tensor {
            conv2d(
                x, w, bias: bias, stride: PerAxis(stride), padding: padding, dilation: PerAxis(dilation),
                groups: groups)
        }

        func inputs(_ type: DType = .float32) -> (x: Tensor, w: Tensor, b: Tensor) {
            (
                samples([batch] + size + [channels], -1, 1).asType(type),
                samples([outputs] + kernel + [channels / groups], -1, 1, seed: 2).asType(type),
                samples([outputs], -1, 1, seed: 3).asType(type)
            )
        }

        /// The definition, by seven loops in double precision.
        func plain(_ x: Tensor, _ w: Tensor, _ b: Tensor) -> [Double] {
            let (p, q, r) = (
                x.asType(.float64).toArray(Double.self), w.asType(.float64).toArray(Double.self),
                b.asType(.float64).toArray(Double.self)
            )
            let output = (0..<2).map { axis -> Int in
                let span = dilation[axis] * (kernel[axis] - 1) + 1
                let padded = size[axis] + before[axis] + after[axis]
                return (padded - span) / stride[axis] + 1
            }
            let (inputs, each) = (channels / groups, outputs / groups)
            var y: [Double] = []
            for n in 0..<batch {
                for i in 0..<output[0] {
                    for j in 0..<output[1] {
                        for o in 0..<outputs {
                            var sum = r[o]
                            for u in 0..<kernel[0] {
                                let row = i * stride[0] + u * dilation[0] - before[0]
                                if row < 0 || row >= size[0] { continue }
                                for v in 0..<kernel[1] {
                                    let column = j * stride[1] + v * dilation[1] - before[1]
                                    if column < 0 || column >= size[1] { continue }
                                    for c in 0..<inputs {
                                        let from = ((n * size[0] + row) * size[1] + column) * channels
                                        let weight = ((o * kernel[0] + u) * kernel[1] + v) * inputs + c
                                        sum += p[from + o / each * inputs + c] * q[weight]
                                    }
                                }
                            }
                            y.append(sum)
                        }
                    }
                }
            }
            return y
        }
    }

    static let settings: [Setting] = [
        Setting(outputs: 12), Setting(outputs: 12, stride: [2, 2]),
        Setting(outputs: 12, kernel: [1, 1], before: [0, 0], after: [0, 0]),
        Setting(outputs: 12, kernel: [1, 1], stride: [2, 3], before: [0, 0], after: [0, 0]),
        Setting(
            batch: 1, size: [13, 9], channels: 3, outputs: 5, kernel: [5, 4], stride: [2, 1], before: [2, 0],
            after: [1, 3]),
        Setting(channels: 20, outputs: 7, before: [2, 2], after: [2, 2], dilation: [2, 2]),
        Setting(outputs: 12, groups: 2), Setting(channels: 6, outputs: 9, groups: 3),
        Setting(batch: 1, size: [7, 7], channels: 512, outputs: 17),
        Setting(size: [9, 14], channels: 24, outputs: 37),
        Setting(size: [10, 7], channels: 37, outputs: 16, before: [0, 2], after: [2, 1]),
        Setting(batch: 1, size: [50, 61], channels: 16, outputs: 20),
        // Tiles enough for several sums of a weight gradient, and channels enough for one.
        Setting(size: [61, 66], channels: 21, outputs: 13, before: [2, 0], after: [1, 1]),
        Setting(batch: 1, size: [19, 22], channels: 130, outputs: 141),
        Setting(batch: 1, size: [1, 1], channels: 1, outputs: 1),
        Setting(batch: 0, channels: 4, outputs: 6),
        Setting(size: [17, 19], channels: 1, outputs: 33, kernel: [5, 5], before: [2, 2], after: [2, 2]),
        Setting(size: [5, 40], channels: 12, outputs: 4, kernel: [1, 11], before: [0, 5], after: [0, 5]),
        // Lines and channels for which weight gradients read pixels where they lie.
        Setting(size: [48, 50], channels: 20, outputs: 24),
        Setting(size: [33, 40], channels: 13, outputs: 5, stride: [2, 2]),
        Setting(size: [40, 30], channels: 20, outputs: 31, kernel: [1, 1], before: [0, 0], after: [0, 0]),
        Setting(size: [9, 24], channels: 26, outputs: 6, kernel: [3, 5], before: [2, 4], after: [0, 6], groups: 2),
        Setting(
            size: [20, 33], channels: 3, outputs: 17, kernel: [5, 5], stride: [1, 3], before: [2, 2], after: [2, 2]),
        Setting(size: [12, 21], channels: 16, outputs: 9, before: [6, 6], after: [6, 6], dilation: [5, 4]),
    ]

    static let depthwise: [Setting] =
        [1, 2, 3, 4, 5, 7, 9, 13, 31, 51].map { (k: Int) -> Setting in
            Setting(
                batch: k > 20 ? 1 : 2, channels: 19, outputs: 19, kernel: [k, k], before: [k / 2, k / 2],
                after: [(k - 1) / 2, k / 2], groups: 19)
        } + [
            Setting(
                size: [5, 33], channels: 17, outputs: 17, kernel: [1, 11], before: [0, 5], after: [0, 5],
                groups: 17),
            Setting(
                size: [33, 5], channels: 16, outputs: 16, kernel: [11, 1], before: [5, 0], after: [5, 0],
                groups: 16),
            Setting(channels: 5, outputs: 5, stride: [2, 2], groups: 5),
            Setting(
                channels: 16, outputs: 16, kernel: [7, 7], stride: [3, 2], before: [3, 2], after: [0, 3],
                groups: 16),
            Setting(
                channels: 8, outputs: 8, kernel: [5, 5], before: [8, 8], after: [8, 8], dilation: [4, 4],
                groups: 8),
            Setting(
                channels: 8, outputs: 8, stride: [3, 3], before: [2, 2], after: [2, 2], dilation: [2, 2],
                groups: 8),
            Setting(
                channels: 8, outputs: 8, stride: [2, 2], before: [2, 2], after: [2, 2], dilation: [2, 2],
                groups: 8),
            Setting(
                channels: 8, outputs: 8, kernel: [2, 2], stride: [3, 3], before: [0, 0], after: [0, 0],
                groups: 8),
            Setting(channels: 6, outputs: 18, groups: 6),
            Setting(batch: 0, channels: 4, outputs: 4, groups: 4),
            Setting(
                batch: 1, size: [3, 200], channels: 33, outputs: 33, kernel: [3, 29], before: [1, 14],
                after: [1, 14], groups: 33),
        ]

    private static func difference(_ y: Tensor, _ expected: [Double]) -> Double {
        let given = y.asType(.float64).toArray(Double.self)
        guard given.count == expected.count else { return .infinity }
        return zip(given, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    }

    /// Gradients of Σ c·y for uneven c.
    private static func gradients(_ setting: Setting, _ type: DType) -> [Tensor] {
        let (x, w, b) = setting.inputs(type)
        let y = setting(x, w, bias: b)
        let incoming = samples(y.shape, -1, 1, seed: 4).asType(type)
        return vjp({ [setting($0[0], $0[1], bias: $0[2])] }, primals: [x, w, b], cotangents: [incoming])
            .gradients
    }

    @Test(arguments: settings + depthwise) func convolutionsMatchTheirDefinition(_ setting: Setting) {
        let (x, w, b) = setting.inputs()
        let expected = setting.plain(x, w, b)
        // Rounding grows like the sum itself, with the square root of its terms.
        let terms = Double(w.count / w.shape[0])
        #expect(Self.difference(setting(x, w, bias: b), expected) < max(1e-4, 1e-5 * terms.squareRoot()))
        let wide = setting.inputs(.float64)
        #expect(
            Self.difference(setting(wide.x, wide.w, bias: wide.b), setting.plain(wide.x, wide.w, wide.b))
                < 1e-11)
    }

    @Test(arguments: settings + depthwise) func fastGradientsMatchThoseInDoublePrecision(_ setting: Setting) {
        for (fast, plain) in zip(Self.gradients(setting, .float32), Self.gradients(setting, .float64)) {
            #expect(Self.difference(fast, plain.toArray(Double.self)) < 2e-4)
        }
    }

    @Test(arguments: settings + depthwise) func oneAndTwoThreadsGiveTheSameBits(_ setting: Setting) {
        let (x, w, b) = setting.inputs()
        let one = Parallel.withThreads(1) { [setting(x, w, bias: b)] + Self.gradients(setting, .float32) }
        let two = Parallel.withThreads(2) { [setting(x, w, bias: b)] + Self.gradients(setting, .float32) }
        for (p, q) in zip(one, two) { #expect(p.toArray(Float.self) == q.toArray(Float.self)) }
    }

    @Test func gradientsMatchFiniteDifferences() {
        let small = [
            Setting(batch: 2, size: [4, 5], channels: 2, outputs: 2),
            Setting(
                batch: 1, size: [5, 5], channels: 2, outputs: 4, kernel: [2, 3], stride: [2, 1],
                before: [1, 0], after: [0, 2], groups: 2),
            Setting(batch: 1, size: [5, 4], channels: 2, outputs: 2, dilation: [2, 1], groups: 2),
        ]
        for setting in small {
            let (x, w, b) = setting.inputs(.float64)
            expectGradients(at: [x, w, b]) { setting($0[0], $0[1], bias: $0[2]) }
        }
        expectGradients(at: [samples([2, 7, 2]), samples([3, 3, 2], seed: 2)]) {
            conv1d($0[0], $0[1], stride: 2, padding: 1)
        }
        expectGradients(at: [samples([1, 3, 3, 4, 2]), samples([2, 2, 2, 2, 2], seed: 2)]) {
            conv3d($0[0], $0[1], padding: 1)
        }
        expectGradients(at: [samples([1, 3, 4, 2]), samples([3, 3, 2, 2], seed: 2), samples([3], seed: 3)]) {
            convTransposed2d($0[0], $0[1], bias: $0[2], stride: 2, padding: 1, outputPadding: 1)
        }
        expectGradients(at: [samples([1, 4, 4]), samples([2, 3, 2], seed: 2)]) {
            convTransposed1d($0[0], $0[1], stride: 2, dilation: 2, groups: 2)
        }
        expectGradients(at: [samples([1, 2, 2, 2, 1]), samples([2, 2, 1, 2, 1], seed: 2)]) {
            convTransposed3d($0[0], $0[1], stride: 2)
        }
    }

    @Test func transposedConvolutionIsTheTransposeOfTheConvolution() {
        let x = samples([2, 9, 7, 4])
        let w = samples([6, 3, 3, 2], seed: 2)
        let y = conv2d(x, w, stride: 2, padding: 1, groups: 2)
        let z = samples(y.shape, seed: 3)
        // The same weights with input and output channels of each group exchanged.
        let exchanged = concatenated(w.split(parts: 2).map { $0.swappedAxes(0, 3) })
        let back = convTransposed2d(z, exchanged, stride: 2, padding: 1, groups: 2)
        #expect(back.shape == x.shape)
        #expect(abs((y * z).sum().item(Double.self) - (x * back).sum().item(Double.self)) < 1e-9)
    }

    @Test func samePaddingKeepsTheSize() {
        let y = conv2d(samples([1, 6, 7, 2]), samples([3, 4, 3, 2], seed: 2), padding: .same)
        #expect(y.shape == [1, 6, 7, 3])
    }

    @Test(arguments: [
        Setting(batch: 4, channels: 4, outputs: 6), Setting(batch: 4, channels: 5, outputs: 5, groups: 5),
    ])
    func weightsHaveGradientsForEachExample(_ setting: Setting) {
        for type in [DType.float32, .float64] {
            let (x, w, b) = setting.inputs(type)
            let each = perExampleGradients { (p: [Tensor], x: Tensor) in
                setting(x, p[0], bias: p[1]).square().sum(axes: [1, 2, 3])
            }([w, b], x)
            for n in 0..<setting.batch {
                let single = grad { (p: [Tensor]) in
                    setting(x[n].expandedDimensions(axis: 0), p[0], bias: p[1]).square().sum()
                }([w, b])
                for (given, expected) in zip(each, single) {
                    let numbers = expected.asType(.float64).toArray(Double.self)
                    #expect(Self.difference(given[n], numbers) < 1e-3)
                }
            }
        }
    }
}
