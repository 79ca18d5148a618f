import Mercer
import Testing

@Suite struct NormalizationTests {
    private func largest(_ x: Tensor) -> Double { abs(x).max().doubleValue }

    /// The definition, by tensor operations, over given axes.
    private func plain(_ x: Tensor, axes: [Int], eps: Double, centered: Bool = true) -> Tensor {
        let center = centered ? x - x.mean(axes: axes, keepDims: true) : x
        return center / sqrt((center * center).mean(axes: axes, keepDims: true) + eps)
    }

    @Test(arguments: [1, 3, 16, 33, 200]) func rowNormsMatchTheirDefinition(_ n: Int) {
        let x = samples([3, 5, n]) + 0.7
        let (w, b) = (samples([n], seed: 2), samples([n], seed: 3))
        let layer = plain(x, axes: [-1], eps: 1e-3) * w + b
        #expect(largest(layerNorm(x, weight: w, bias: b, eps: 1e-3) - layer) < 1e-12)
        #expect(largest(layerNorm(x, eps: 1e-3) - plain(x, axes: [-1], eps: 1e-3)) < 1e-12)
        let rms = plain(x, axes: [-1], eps: 1e-3, centered: false) * w
        #expect(largest(rmsNorm(x, weight: w, eps: 1e-3) - rms) < 1e-12)
        let single = layerNorm(
            x.asType(.float32), weight: w.asType(.float32), bias: b.asType(.float32), eps: 1e-3)
        #expect(largest(single.asType(.float64) - layer) < 1e-4)
        let half = layerNorm(x.asType(.bfloat16), eps: 1e-3)
        #expect(half.dtype == .bfloat16)
    }

    @Test(arguments: [(3, 2), (8, 4), (6, 6), (40, 5), (64, 1)])
    func groupNormMatchesItsDefinition(_ channels: Int, _ factor: Int) {
        let groups = channels % factor == 0 ? factor : 1
        let x = samples([2, 4, 3, channels]) * 3 + 10
        let (w, b) = (samples([channels], seed: 2), samples([channels], seed: 3))
        let grouped = x.reshaped([2, 12, groups, channels / groups])
        let expected = plain(grouped, axes: [1, 3], eps: 1e-5).reshaped(x.shape) * w + b
        #expect(largest(groupNorm(x, groups: groups, weight: w, bias: b) - expected) < 1e-11)
        let instance = plain(x, axes: [1, 2], eps: 1e-5)
        #expect(largest(instanceNorm(x) - instance) < 1e-11)
        let single = instanceNorm(x.asType(.float32)).asType(.float64)
        #expect(largest(single - instance) < 1e-4)
    }

    @Test(arguments: [1, 3, 5, 64]) func batchNormFollowsTheBatch(_ channels: Int) {
        let x = samples([4, 5, 3, channels]) + 100
        let (w, b) = (samples([channels], seed: 2), samples([channels], seed: 3))
        let (mean, variance) = (samples([channels], seed: 4), samples([channels], 0.5, 2, seed: 5))
        let (old, new) = (0.7 as Double, 0.3 as Double)
        let (y, newMean, newVariance) = batchNorm(
            x, weight: w, bias: b, runningMean: mean, runningVariance: variance, training: true, momentum: new
        )
        #expect(largest(y - (plain(x, axes: [0, 1, 2], eps: 1e-5) * w + b)) < 1e-10)
        #expect(largest(newMean - (mean * old + x.mean(axes: [0, 1, 2]) * new)) < 1e-12)
        #expect(largest(newVariance - (variance * old + x.variance(axes: [0, 1, 2]) * new)) < 1e-12)
        let fixed = batchNorm(
            x, weight: w, bias: b, runningMean: mean, runningVariance: variance, training: false)
        #expect(largest(fixed.output - ((x - mean) / sqrt(variance + 1e-5) * w + b)) < 1e-10)
        #expect(fixed.runningMean.toArray(Double.self) == mean.toArray(Double.self))
    }

    @Test func aLargeMeanCostsNoAccuracy() {
        // Squares minus the square of the mean would leave nothing of a variance of 1/3 beside a mean of
        // 3000.
        let x = (samples([64, 32, 4], -1, 1) + 3000).asType(.float32)
        let wide = x.asType(.float64)
        let expected = plain(wide, axes: [0, 1], eps: 1e-5)
        let zeros = Tensor.zeros([4])
        let (y, _, variance) = batchNorm(
            x, runningMean: zeros, runningVariance: zeros, training: true, momentum: 1)
        #expect(largest(y.asType(.float64) - expected) < 1e-3)
        #expect(largest(variance.asType(.float64) / wide.variance(axes: [0, 1]) - 1) < 5e-5)
        let rows = x.reshaped([64, 128])
        let exact = plain(wide.reshaped([64, 128]), axes: [1], eps: 1e-5)
        #expect(largest(layerNorm(rows).asType(.float64) - exact) < 1e-3)
    }

    @Test func gradientsOfRowNorms() {
        let (w, b) = (samples([6], seed: 2), samples([6], seed: 3))
        let x = samples([4, 6])
        expectGradients(at: [x, w, b]) { layerNorm($0[0], weight: $0[1], bias: $0[2]) }
        expectGradients(at: [x, b]) { layerNorm($0[0], bias: $0[1]) }
        expectGradients(at: [x]) { layerNorm($0[0]) }
        expectGradients(at: [x, w]) { rmsNorm($0[0], weight: $0[1]) }
        expectGradients(at: [samples([2, 40])]) { rmsNorm($0[0]) }
    }

    @Test func gradientsOfColumnNorms() {
        let (w, b) = (samples([4], seed: 2), samples([4], seed: 3))
        let x = samples([2, 3, 2, 4])
        let (mean, variance) = (samples([4], seed: 4), samples([4], 0.5, 2, seed: 5))
        for training in [true, false] {
            expectGradients(at: [x, w, b]) {
                batchNorm(
                    $0[0], weight: $0[1], bias: $0[2], runningMean: mean, runningVariance: variance,
                    training: training
                ).output
            }
        }
        expectGradients(at: [x, w, b]) { groupNorm($0[0], groups: 2, weight: $0[1], bias: $0[2]) }
        expectGradients(at: [x, w]) { instanceNorm($0[0], weight: $0[1]) }
    }

    @Test func fusedSinglePrecisionGradientsMatchDoubleOnes() {
        for shape in [[300, 70], [3000, 5], [64, 16, 9, 24]] {
            let n = shape.last!
            let inputs = [samples(shape), samples([n], seed: 2), samples([n], seed: 3)]
            let cotangent = samples(shape, seed: 4)
            let zeros = Tensor.zeros([n])
            let functions: [([Tensor]) -> Tensor] = [
                { layerNorm($0[0], weight: $0[1], bias: $0[2]) },
                { rmsNorm($0[0], weight: $0[1]) + $0[2] * 0 },
                { groupNorm($0[0], groups: 1, weight: $0[1], bias: $0[2]) },
                {
                    batchNorm(
                        $0[0], weight: $0[1], bias: $0[2], runningMean: zeros, runningVariance: zeros,
                        training: true
                    ).output
                },
            ]
            for f in functions {
                let wide = vjp({ [f($0)] }, primals: inputs, cotangents: [cotangent]).gradients
                let single = vjp(
                    { [f($0)] }, primals: inputs.map { $0.asType(.float32) },
                    cotangents: [cotangent.asType(.float32)]
                ).gradients
                for (s, w) in zip(single, wide) {
                    #expect(largest(s.asType(.float64) - w) < 1e-4 * max(1, largest(w)))
                }
            }
        }
    }

    @Test func sameBitsForAnyNumberOfThreads() {
        let x = samples([16, 64, 48]).asType(.float32)
        let zeros = Tensor.zeros([48])
        func results() -> [[Float]] {
            let layer = valueAndGrad { (x: Tensor) in square(layerNorm(x)).sum() }(x)
            let batch = valueAndGrad { (x: Tensor) in
                exp(batchNorm(x, runningMean: zeros, runningVariance: zeros, training: true).output).sum()
            }(x)
            return [layer.1, batch.0, batch.1].map { $0.toArray(Float.self) }
        }
        #expect(Parallel.withThreads(1, results) == Parallel.withThreads(3, results))
    }
}
