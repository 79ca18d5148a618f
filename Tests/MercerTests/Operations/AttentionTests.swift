import Mercer
import Testing

@Suite struct AttentionTests {
    struct Setting: Sendable, CustomStringConvertible {
        var batch = 2
        var heads = 2
        var shared = 2
        var queries = 6
        var keys = 7
        var width = 8
        var valueWidth = 8
        var causal = false
        var mask: Mask = .none

        enum Mask: Sendable { case none, additive, boolean, row }

        var description: String {
            "\(batch)×\(heads)/\(shared) \(queries)×\(keys) \(width)/\(valueWidth) causal \(causal) mask \(mask)"
        }

        func inputs(_ type: DType) -> [Tensor] {
            [
                samples([batch, heads, queries, width]).asType(type),
                samples([batch, shared, keys, width], seed: 2).asType(type),
                samples([batch, shared, keys, valueWidth], seed: 3).asType(type),
            ]
        }

        var maskTensor: Tensor? {
            switch mask {
            case .none: nil
            case .additive: samples([heads, queries, keys], seed: 5)
            case .boolean: samples([batch, 1, queries, keys], seed: 6) .> 0
            case .row: samples([batch, 1, 1, keys], seed: 7)
            }
        }

        func callAsFunction(_ x: [Tensor]) -> Tensor {
            scaledDotProductAttention(
                queries: x[0], keys: x[1], values: x[2],
                mask: maskTensor.map { $0.dtype == .bool ? $0 : $0.asType(x[0].dtype) }, causal: causal)
        }
    }

    static let settings: [Setting] = [
        Setting(), Setting(causal: true), Setting(queries: 9, keys: 9, causal: true),
        Setting(heads: 6, shared: 2, queries: 5, keys: 5), Setting(mask: .additive), Setting(mask: .boolean),
        Setting(causal: true, mask: .boolean), Setting(mask: .row), Setting(queries: 1, keys: 1),
        Setting(width: 3, valueWidth: 37), Setting(width: 65, valueWidth: 5),
        Setting(batch: 1, heads: 1, shared: 1, queries: 130, keys: 600, width: 20, valueWidth: 33),
        Setting(
            batch: 1, heads: 2, shared: 1, queries: 600, keys: 600, width: 16, valueWidth: 16, causal: true),
        Setting(
            batch: 1, heads: 1, shared: 1, queries: 40, keys: 530, width: 16, valueWidth: 16, mask: .additive),
        Setting(batch: 0), Setting(queries: 0), Setting(keys: 0),
    ]

    /// softmax(q·kᵀ/√d + mask)·v by loops in double precision.
    private static func plain(_ s: Setting, _ x: [Tensor]) -> [Double] {
        let q = x[0].asType(.float64).toArray(Double.self)
        let k = x[1].asType(.float64).toArray(Double.self)
        let v = x[2].asType(.float64).toArray(Double.self)
        let mask = s.maskTensor.map {
            $0.asType(.float64).broadcast(to: [s.batch, s.heads, s.queries, s.keys]).toArray(Double.self)
        }
        var y: [Double] = []
        for b in 0..<s.batch {
            for h in 0..<s.heads {
                let head = b * s.shared + h / (s.heads / s.shared)
                for i in 0..<s.queries {
                    let row = ((b * s.heads + h) * s.queries + i)
                    let scores = (0..<s.keys).map { j -> Double in
                        if s.causal && j > i { return -.infinity }
                        var score = 0.0
                        for c in 0..<s.width {
                            score += q[row * s.width + c] * k[(head * s.keys + j) * s.width + c]
                        }
                        score /= Double(s.width).squareRoot()
                        guard let mask else { return score }
                        if s.mask == .boolean { return mask[row * s.keys + j] != 0 ? score : -.infinity }
                        return score + mask[row * s.keys + j]
                    }
                    let most = scores.max() ?? 0
                    let weights = scores.map { most == -.infinity ? 0 : exp($0 - most) }
                    let total = weights.reduce(0, +)
                    for c in 0..<s.valueWidth {
                        var sum = 0.0
                        for j in 0..<s.keys { sum += weights[j] * v[(head * s.keys + j) * s.valueWidth + c] }
                        y.append(total > 0 ? sum / total : 0)
                    }
                }
            }
        }
        return y
    }

    private static func exp(_ x: Double) -> Double { Mercer.exp(Tensor(x)).item(Double.self) }

    private static func difference(_ y: Tensor, _ expected: [Double]) -> Double {
        let given = y.asType(.float64).toArray(Double.self)
        guard given.count == expected.count else { return .infinity }
        return zip(given, expected).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    }

    @Test(arguments: settings) func attentionMatchesItsDefinition(_ setting: Setting) {
        for (type, tolerance) in [(DType.float32, 2e-5), (.float64, 1e-11)] {
            let x = setting.inputs(type)
            #expect(Self.difference(setting(x), Self.plain(setting, x)) < tolerance)
        }
    }

    private static func gradients(_ setting: Setting, _ type: DType) -> [Tensor] {
        let x = setting.inputs(type)
        let incoming = samples(setting(x).shape, -1, 1, seed: 4).asType(type)
        return vjp({ [setting($0)] }, primals: x, cotangents: [incoming]).gradients
    }

    @Test(arguments: settings) func fusedGradientsMatchThoseInDoublePrecision(_ setting: Setting) {
        for (fast, plain) in zip(Self.gradients(setting, .float32), Self.gradients(setting, .float64)) {
            #expect(Self.difference(fast, plain.toArray(Double.self)) < 1e-4)
        }
    }

    @Test(arguments: settings) func oneAndTwoThreadsGiveTheSameBits(_ setting: Setting) {
        let x = setting.inputs(.float32)
        let one = Parallel.withThreads(1) { [setting(x)] + Self.gradients(setting, .float32) }
        let two = Parallel.withThreads(2) { [setting(x)] + Self.gradients(setting, .float32) }
        for (p, q) in zip(one, two) { #expect(p.toArray(Float.self) == q.toArray(Float.self)) }
    }

    @Test func stridedHeadsAreReadWhereTheyLie() {
        let setting = Setting()
        let x = setting.inputs(.float32)
        let views = x.map { $0.transposed(0, 2, 1, 3).contiguous().transposed(0, 2, 1, 3) }
        #expect(setting(views).toArray(Float.self) == setting(x).toArray(Float.self))
    }

    @Test func gradientsMatchFiniteDifferences() {
        for setting in [
            Setting(batch: 1, heads: 2, shared: 1, queries: 3, keys: 4, width: 2, valueWidth: 3),
            Setting(
                batch: 1, heads: 1, shared: 1, queries: 4, keys: 4, width: 2, valueWidth: 2, causal: true),
            Setting(
                batch: 1, heads: 1, shared: 1, queries: 3, keys: 3, width: 2, valueWidth: 2, mask: .additive),
        ] {
            expectGradients(at: setting.inputs(.float64)) { setting($0) }
        }
    }

    @Test func secondOrderInSinglePrecisionGoesThroughTheComposition() {
        let setting = Setting(batch: 1, heads: 1, shared: 1, queries: 3, keys: 4, width: 2, valueWidth: 2)
        func curvature(_ type: DType) -> [Double] {
            let x = setting.inputs(type)
            let loss = { (x: [Tensor]) in setting(x).square().sum() }
            return hessianVectorProduct(loss, primals: x, vector: x).product
                .flatMap { $0.asType(.float64).toArray(Double.self) }
        }
        for (single, double) in zip(curvature(.float32), curvature(.float64)) {
            #expect(abs(single - double) < 1e-3)
        }
    }

    @Test func memoryIsLinearInTokens() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            func extraPeak(_ tokens: Int) -> Int {
                let x = (0..<3).map { samples([1, 1, tokens, 16], seed: UInt64($0 + 1)).asType(.float32) }
                Memory.resetPeak()
                let before = Memory.active
                let y = scaledDotProductAttention(queries: x[0], keys: x[1], values: x[2])
                return withExtendedLifetime(y) { Memory.peak - before }
            }
            // All scores of 8192 tokens would take 256 MiB, of 4096 a quarter of that.
            #expect(extraPeak(8192) < 16 << 20)
            #expect(extraPeak(8192) <= 2 * extraPeak(4096) + 1 << 20)
        }
    }
}
