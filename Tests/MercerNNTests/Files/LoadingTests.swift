import Foundation
import Mercer
import MercerNN
import Testing

@Suite struct LoadingTests {
    private func numbers(_ shape: [Int]) -> Tensor {
        Tensor((0..<shape.reduce(1, *)).map(Float.init), shape)
    }

    private func temporary(_ name: String) -> String {
        FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString)-\(name)").path
    }

    @Test func convolutionWeightsChangeTheirLayout() throws {
        let conv = Conv2d(2, 3, kernelSize: [2, 1], bias: false)
        // Official [output, input, height, width]: the value says its place, oihw in base ten.
        let places: [Int] = (0..<12).map { n in n / 4 * 1000 + n / 2 % 2 * 100 + n % 2 * 10 }
        let official = Tensor(places.map(Float.init), [3, 2, 2, 1])
        try conv.load(["weight": official])
        for o in 0..<3 {
            for i in 0..<2 {
                for h in 0..<2 {
                    #expect(conv.weight[o, h, 0, i].item(Float.self) == Float(o * 1000 + i * 100 + h * 10))
                }
            }
        }
        #expect(conv.tensors()["weight"]!.toArray(Float.self) == official.toArray(Float.self))
        #expect(conv.tensors(layout: .mercer)["weight"]!.shape == [3, 2, 1, 2])
    }

    @Test func transposedConvolutionWeightsChangeTheirLayout() throws {
        let layer = ConvTransposed2d(4, 6, kernelSize: [2, 3], groups: 2, bias: false)
        let official = numbers([4, 3, 2, 3])
        try layer.load(["weight": official])
        #expect(layer.weight.shape == [6, 2, 3, 2])
        // Output 3·g + o of group g from its input i.
        for (g, o, i, h, w) in [(0, 0, 0, 0, 0), (0, 2, 1, 1, 2), (1, 0, 0, 0, 1), (1, 1, 1, 1, 0)] {
            #expect(
                layer.weight[3 * g + o, h, w, i].item(Float.self)
                    == official[2 * g + i, o, h, w].item(Float.self))
        }
        #expect(layer.tensors()["weight"]!.toArray(Float.self) == official.toArray(Float.self))
    }

    @Test func layoutsOfOneAndThreeAxesChange() throws {
        let one = Conv1d(3, 2, kernelSize: 4, bias: false)
        try one.load(["weight": numbers([2, 3, 4])])
        #expect(one.weight[1, 2, 0].item(Float.self) == Float(1 * 12 + 0 * 4 + 2))
        let three = Conv3d(2, 2, kernelSize: [1, 2, 3], bias: false)
        try three.load(["weight": numbers([2, 2, 1, 2, 3])])
        #expect(three.weight[1, 0, 1, 2, 0].item(Float.self) == Float(12 + 0 + 0 + 3 + 2))
    }

    @Test func strictLoadsReportAndChangeNothing() {
        let model = TwoLayers()
        model.initialize(RandomKey(1))
        let before = model.first.weight.toArray(Float.self)
        let tensors: [String: Tensor] = [
            "in_proj.weight": .zeros([3, 4]), "in_proj.bias": .zeros([4]), "gamma": .zeros([2]),
            "extra": .zeros([1]), "table": .zeros([7]),
        ]
        do {
            try model.load(tensors, from: "some.safetensors")
            Issue.record("a strict load of other tensors succeeded")
        } catch {
            let text = "\(error)"
            #expect(text.contains("some.safetensors") && text.contains("[4] instead of [3]"))
        }
        #expect(model.first.weight.toArray(Float.self) == before)
    }

    @Test func lenientLoadsTakeWhatFits() throws {
        let model = TwoLayers()
        model.initialize(RandomKey(1))
        let report = try model.load(
            ["in_proj.weight": .ones([3, 4]), "in_proj.bias": .zeros([4]), "extra": .zeros([1])],
            strict: false)
        #expect(report.loaded == ["in_proj.weight"])
        #expect(report.missing == ["second.weight", "gamma", "seen"])
        #expect(report.unexpected == ["extra"])
        #expect(report.misshapen.map(\.key) == ["in_proj.bias"])
        #expect(report.misshapen.map(\.found) == [[4]] && report.misshapen.map(\.expected) == [[3]])
        #expect(model.first.weight.toArray(Float.self) == [Float](repeating: 1, count: 12))
    }

    @Test func keysCanBeRenamedAndLeftOut() throws {
        let layer = Linear(2, 1, bias: false)
        try layer.load(["module.weight": .ones([1, 2]), "head.weight": .zeros([9])]) { key in
            key.hasPrefix("module.") ? String(key.dropFirst(7)) : nil
        }
        #expect(layer.weight.toArray(Float.self) == [1, 1])
    }

    @Test func sharedParametersLoadUnderAnyOfTheirKeys() throws {
        let model = Tied()
        let table = numbers([5, 3])
        try model.load(["embedding.weight": table, "output.weight": table, "output.bias": .zeros([5])])
        #expect(model.output.weight.toArray(Float.self) == table.toArray(Float.self))
        try model.load(["output.weight": table * 2, "output.bias": .zeros([5])])
        #expect(model.embedding.weight.toArray(Float.self) == (table * 2).toArray(Float.self))
        #expect(Set(model.tensors().keys) == ["embedding.weight", "output.bias"])
    }

    @Test func filesRememberTheirLayout() throws {
        for layout in [TensorLayout.torch, .mercer] {
            let net = Sequential(Conv2d(2, 3, kernelSize: [1, 3]), Linear(3, 2)).initialize(RandomKey(1))
            let path = temporary("net.safetensors")
            defer { try? FileManager.default.removeItem(atPath: path) }
            try net.save(to: path, layout: layout, metadata: ["note": "a"])
            let file = try Safetensors(contentsOf: path)
            #expect(file.metadata["layout"] == layout.rawValue && file.metadata["note"] == "a")
            #expect(try file.shape(of: "0.weight") == (layout == .torch ? [3, 2, 1, 3] : [3, 1, 3, 2]))
            let other = Sequential(Conv2d(2, 3, kernelSize: [1, 3]), Linear(3, 2))
            let report = try other.load(contentsOf: path)
            #expect(report.isComplete && report.loaded.count == 4)
            for (key, value) in net.parameters() {
                #expect(other.parameters()[key]!.toArray(Float.self) == value.toArray(Float.self))
            }
        }
    }

    @Test func valuesTakeTheParametersType() throws {
        let layer = Linear(2, 1, bias: false)
        try layer.load(["weight": Tensor([0.5, 0.25] as [Double], [1, 2])])
        #expect(layer.weight.dtype == .float32)
    }
}
