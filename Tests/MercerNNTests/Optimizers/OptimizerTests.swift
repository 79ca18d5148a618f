import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct OptimizerTests {
    struct Recorded: Decodable {
        struct Case: Decodable {
            let name: String
            let options: FixtureOptions
            let trajectory: [[Double]]
        }
        let start: [Double]
        let gradients: [[Double]]
        let cases: [Case]
    }

    private func optimizer(_ given: Recorded.Case) throws -> Optimizer {
        let o = given.options
        let rate = o.number("lr")
        let decay = o.number("weight_decay", given.name == "AdamW" ? 0.01 : 0)
        let betas = o.numbers("betas", given.name == "Lion" ? [0.9, 0.99] : [0.9, 0.999])
        let pair = (betas[0], betas[1])
        switch given.name {
        case "SGD":
            return SGD(
                learningRate: rate, momentum: o.number("momentum"), dampening: o.number("dampening"),
                nesterov: o.flag("nesterov"), weightDecay: decay)
        case "Adam":
            return Adam(
                learningRate: rate, betas: pair, epsilon: o.number("eps", 1e-8), weightDecay: decay,
                amsgrad: o.flag("amsgrad"))
        case "AdamW":
            return AdamW(learningRate: rate, betas: pair, weightDecay: decay, amsgrad: o.flag("amsgrad"))
        case "RMSprop":
            return RMSprop(
                learningRate: rate, alpha: o.number("alpha", 0.99), momentum: o.number("momentum"),
                centered: o.flag("centered"), weightDecay: decay)
        case "Adagrad":
            return Adagrad(
                learningRate: rate, learningRateDecay: o.number("lr_decay"),
                initialAccumulator: o.number("initial_accumulator_value"), weightDecay: decay)
        case "Lion":
            return Lion(learningRate: rate, betas: pair, weightDecay: decay)
        case "Lamb":
            return LAMB(
                learningRate: rate, betas: pair, epsilon: o.number("eps"), weightDecay: decay,
                alwaysAdapts: o.flag("always_adapt"))
        default:
            Issue.record("no optimiser \(given.name)")
            throw CancellationError()
        }
    }

    @Test(arguments: [DType.float64, .float32])
    func trajectoriesAreThoseOfPyTorch(_ dtype: DType) throws {
        let recorded = try Fixture.read("optimizers.json", as: Recorded.self)
        for given in recorded.cases {
            let model = Vector(Tensor(recorded.start).asType(dtype))
            let optimizer = try optimizer(given)
            for (gradient, expected) in zip(recorded.gradients, given.trajectory) {
                optimizer.update(model, ["w": Tensor(gradient).asType(dtype)])
                let values = model.w.asType(.float64).toArray(Double.self)
                let worst = zip(values, expected).map { abs($0 - $1) }.max()!
                #expect(worst < (dtype == .float64 ? 1e-12 : 2e-5), "\(given.name) \(given.options)")
            }
        }
    }

    private func makeNet() -> Sequential {
        Sequential(Linear(300, 200), Linear(200, 130, bias: false), Linear(130, 1)).initialize(RandomKey(5))
    }

    private func trained(_ make: () -> Optimizer, threads: Int) -> [[Float]] {
        Parallel.withThreads(threads) {
            let (net, optimizer) = (makeNet(), make())
            for step in 0..<3 {
                let gradients = net.parameters().mapValues {
                    Random.normal($0.shape, key: RandomKey(9)[step])
                }
                let (some, _) = clipped(gradients, norm: 1)
                optimizer.update(net, some)
            }
            return net.parameters().values.map { $0.toArray(Float.self) }
        }
    }

    @Test func resultsAreTheSameForAnyNumberOfThreads() {
        let makers: [() -> Optimizer] = [
            { SGD(learningRate: 0.1, momentum: 0.9) }, { AdamW() }, { LAMB(alwaysAdapts: true) }, { Lion() },
            { RMSprop(momentum: 0.5, centered: true) }, { Adagrad() },
        ]
        for make in makers { #expect(trained(make, threads: 1) == trained(make, threads: 3)) }
    }

    @Test func updatesHappenInPlace() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let net = Sequential(Linear(300, 200), Linear(200, 130, bias: false)).initialize(RandomKey(5))
            let optimizer = AdamW()
            let gradients = net.parameters().mapValues { Tensor.ones(like: $0) }
            optimizer.update(net, gradients)
            Memory.resetPeak()
            let before = Memory.peak
            optimizer.update(net, gradients)
            #expect(Memory.peak - before < 4096)
        }
    }

    @Test func groupsScaleRatesAndMaskDecay() {
        let net = Sequential(Linear(2, 2)).initialize(RandomKey(1))
        let (weight, bias) = (net.parameters()["0.weight"]!, net.parameters()["0.bias"]!)
        let zeros = net.parameters().mapValues { Tensor.zeros(like: $0) }
        SGD(learningRate: 0.5, weightDecay: 0.1, groups: [.withoutDecay]).update(net, zeros)
        #expect(net.parameters()["0.bias"]!.toArray(Float.self) == bias.toArray(Float.self))
        #expect(allClose(net.parameters()["0.weight"]!, weight * 0.95, rtol: 1e-6, atol: 1e-7))
        let slow = ParameterGroup(learningRateScale: 0.5) { key, _ in key == "0.bias" }
        let ones = net.parameters().mapValues { Tensor.ones(like: $0) }
        SGD(learningRate: 0.5, groups: [slow]).update(net, ones)
        #expect(allClose(net.parameters()["0.bias"]!, bias - 0.25, rtol: 1e-6, atol: 1e-7))
    }

    @Test func frozenParametersHaveNoState() {
        let net = makeNet()
        net.freeze { $0.hasPrefix("0.") }
        let optimizer = Adam()
        let (_, gradients) = valueAndGrad(net) { $0(Tensor.ones([1, 300])).sum() }
        optimizer.update(net, gradients)
        #expect(optimizer.stateByteCount == 2 * 4 * (200 * 130 + 130 + 1))
        #expect(!optimizer.state.keys.contains { $0.contains("0.weight") })
    }

    @Test func stateGoesOnWhereItWasSaved() throws {
        let gradients = makeNet().parameters().mapValues { Random.normal($0.shape, key: RandomKey(3)) }
        let (whole, halves) = (makeNet(), makeNet())
        let optimizer = AdamW()
        for _ in 0..<4 { optimizer.update(whole, gradients) }
        let first = AdamW()
        for _ in 0..<2 { first.update(halves, gradients) }
        let second = AdamW()
        try second.restore(first.state)
        for _ in 0..<2 { second.update(halves, gradients) }
        #expect(second.stepCount == 4)
        #expect(
            halves.parameters().values.map { $0.toArray(Float.self) }
                == whole.parameters().values.map { $0.toArray(Float.self) })
        #expect(throws: OptimizerStateError.self) { try RMSprop().restore(first.state) }
    }

    @Test func halfWidthParametersKeepTheirType() {
        let model = Vector(Tensor.ones([4]).asType(.bfloat16))
        let optimizer = SGD(learningRate: 0.5)
        optimizer.update(model, ["w": Tensor.ones([4]).asType(.bfloat16)])
        #expect(model.w.dtype == .bfloat16)
        #expect(model.w.asType(.float32).toArray(Float.self) == [0.5, 0.5, 0.5, 0.5])
    }

    @Test func rulesCanBeWrittenWithTensors() {
        final class SignDescent: Optimizer {
            override func updateTensor(
                _ parameter: inout Tensor, gradient: Tensor, state: inout [Tensor], settings: UpdateSettings
            ) {
                parameter -= sign(gradient) * settings.learningRate
            }
        }
        let model = Vector(Tensor([1, 1] as [Float]))
        SignDescent(learningRate: 0.25).update(model, ["w": Tensor([3, -2] as [Float])])
        #expect(model.w.toArray(Float.self) == [0.75, 1.25])
    }

    @Test func clippingBoundsNormAndValues() {
        let gradients: ModuleParameters = ["a": Tensor([3] as [Float]), "b": Tensor([4] as [Float])]
        #expect(globalNorm(gradients) == 5)
        let (some, norm) = clipped(gradients, norm: 1)
        #expect(norm == 5)
        #expect(abs(globalNorm(some) - 1) < 1e-5)
        #expect(clipped(gradients, value: 3.5)["b"]!.item(Float.self) == 3.5)
        let model = Vector(Tensor([0] as [Float]))
        SGD(learningRate: 1).update(model, ["w": Tensor([8] as [Float])], gradientScale: 0.25)
        #expect(model.w.item(Float.self) == -2)
    }

    @Test func movingAverageFollowsParametersAndBuffers() {
        let model = TwoLayers()
        model.initialize(RandomKey(1))
        let average = ExponentialMovingAverage(of: model, decay: 0.75)
        model.scale = Tensor([5, 9] as [Float])
        model.seen = Tensor([4] as [Float])
        average.update(from: model)
        #expect(average.averages["gamma"]!.toArray(Float.self) == [2, 3])
        #expect(average.averages["seen"]!.toArray(Float.self) == [1])
        average.withAverages(in: model) { #expect(model.scale.toArray(Float.self) == [2, 3]) }
        #expect(model.scale.toArray(Float.self) == [5, 9])
    }
}
