import Mercer
import MercerNN
import Testing

@Suite struct ModuleTests {
    @Test func keysFollowPropertiesInTheirOrder() {
        let model = TwoLayers()
        #expect(model.parameters().keys == ["in_proj.weight", "in_proj.bias", "second.weight", "gamma"])
        #expect(model.buffers().keys == ["seen"])
        #expect(Set(model.state().keys) == Set(model.parameters().keys + ["seen"]))
        #expect(model.numberOfParameters() == 4 * 3 + 3 + 3 * 2 + 2)
        #expect(model.namedModules().map(\.key) == ["", "in_proj", "second"])
    }

    @Test func collectionsOfModulesAreNumberedAndNamed() {
        let keys = Nested().parameters().keys
        #expect(
            keys == [
                "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "heads.a.weight",
                "heads.a.bias", "heads.b.weight", "heads.b.bias", "present.weight", "grid.0.0.weight",
                "grid.1.0.weight", "rows.0", "rows.1",
            ])
    }

    @Test func sequentialHasPyTorchsKeys() {
        let net = Sequential(Linear(2, 3), Identity(), Sequential(Linear(3, 1)))
        #expect(net.parameters().keys == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"])
    }

    @Test func sharedParametersAreCountedOnce() {
        let model = Tied()
        #expect(model.parameters().keys == ["embedding.weight", "output.bias"])
        #expect(model.numberOfParameters() == 15 + 5)
        model.output.weight = .zeros([5, 3])
        #expect(model.embedding.weight.toArray(Float.self) == [Float](repeating: 0, count: 15))
    }

    @Test func sharedParametersGetTheSumOfTheirGradients() {
        let model = Tied()
        model.initialize(RandomKey(1))
        let token = Tensor([2] as [Int64])
        let (_, gradients) = valueAndGrad(model) { m in m.output(m.embedding(token)).sum() }
        // d/dE of 1ᵀ(E e₂ + b): row 2 gets Σ rows, every row gets e₂.
        let table = model.embedding.weight
        var expected = table[2...2].broadcast(to: [5, 3]) + 0.0
        expected[2] = expected[2] + table.sum(axes: [0])
        #expect(gradients.keys == ["embedding.weight", "output.bias"])
        #expect(allClose(gradients["embedding.weight"]!, expected, rtol: 1e-5, atol: 1e-6))
    }

    @Test func initialisationDependsOnSeedAndKeyAlone() {
        let first = TwoLayers().initialize(RandomKey(3))
        _ = Linear(10, 10).weight
        let second = TwoLayers().initialize(RandomKey(3))
        let third = TwoLayers().initialize(RandomKey(4))
        for (key, value) in first.parameters() where key != "gamma" {
            #expect(second.parameters()[key]!.toArray(Float.self) == value.toArray(Float.self))
            #expect(third.parameters()[key]!.toArray(Float.self) != value.toArray(Float.self))
        }
    }

    @Test func parametersTakeNoMemoryBeforeTheyAreRead() async {
        // In a process of its own: the tensors of other tests would be counted too.
        await #expect(processExitsWith: .success) {
            let before = Memory.active
            let net = Sequential(Linear(2000, 2000), Linear(2000, 2000))
            #expect(net.numberOfParameters() == 2 * (2000 * 2000 + 2000))
            #expect(Memory.active - before < 1 << 16)
        }
    }

    @Test func frozenParametersGetNoGradient() {
        let model = TwoLayers()
        model.initialize(RandomKey(1))
        model.freeze { $0.hasPrefix("in_proj") }
        #expect(model.trainableParameters().keys == ["second.weight", "gamma"])
        #expect(model.numberOfParameters(trainableOnly: true) == 8)
        let x = Random.normal([5, 4], key: RandomKey(2))
        let (_, gradients) = valueAndGrad(model) { $0(x).sum() }
        #expect(gradients.keys == ["second.weight", "gamma"])
        model.unfreeze()
        #expect(model.trainableParameters().count == 4)
    }

    @Test func gradientsLeaveTheModelAsItWas() {
        let model = Vector(Tensor([1, 2] as [Float]))
        let (value, gradients) = valueAndGrad(model) { ($0.w * $0.w).sum() }
        #expect(value.item(Float.self) == 5)
        #expect(gradients["w"]!.toArray(Float.self) == [2, 4])
        #expect(!model.w.isTracked)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            _ = try valueAndGrad(model) { (_: Vector) throws -> Tensor in throw Stop() }
        }
        #expect(model.w.toArray(Float.self) == [1, 2])
    }

    @Test func gradientsOfAFunctionWithFurtherArguments() {
        let model = Vector(Tensor([1, 2] as [Float]))
        let one = valueAndGrad(model) { (model: Vector, x: Tensor) in (model.w * x).sum() }
        #expect(one(model, Tensor([3, 4] as [Float])).1["w"]!.toArray(Float.self) == [3, 4])
        let two = valueAndGrad(model) { (model: Vector, x: Tensor, scale: Double) in
            (model.w * x).sum() * scale
        }
        let (value, gradients) = two(model, Tensor([3, 4] as [Float]), 2)
        #expect(value.item(Float.self) == 22 && gradients["w"]!.toArray(Float.self) == [6, 8])
    }

    @Test func modesReachEveryModule() {
        let net = Sequential(Dropout(), Sequential(Dropout()))
        net.eval()
        #expect(net.modules().allSatisfy { !$0.isTraining })
        net.train()
        let inner = net.layers[1] as! Sequential
        inner.eval()
        net.evaluating { #expect(net.modules().allSatisfy { !$0.isTraining }) }
        #expect(net.isTraining && !inner.isTraining)
    }

    @Test func replacedModulesAreFound() {
        let model = TwoLayers()
        #expect(model.parameters()["in_proj.weight"]!.shape == [3, 4])
        model.first = Linear(6, 3)
        #expect(model.parameters()["in_proj.weight"]!.shape == [3, 6])
        #expect(model.numberOfParameters() == 6 * 3 + 3 + 6 + 2)
    }

    @Test func updateSetsByKey() {
        let model = TwoLayers()
        model.update(parameters: ["gamma": Tensor([3, 4] as [Float]), "seen": Tensor([9] as [Float])])
        #expect(model.scale.toArray(Float.self) == [3, 4])
        #expect(model.seen.toArray(Float.self) == [9])
        model.mapParameters { $0.asType(.float64) }
        #expect(model.parameters().values.allSatisfy { $0.dtype == .float64 })
    }

    @Test func moduleParametersAreATree() {
        var parameters: ModuleParameters = ["a": .ones([2]), "b": .zeros([3])]
        #expect(parameters.elementCount == 5)
        #expect(parameters.replacingTensors(parameters.tensors).keys == ["a", "b"])
        parameters["c"] = .ones([1])
        parameters["a"] = nil
        #expect(parameters.keys == ["b", "c"])
        #expect(parameters.filter { key, _ in key == "c" }.count == 1)
    }
}
