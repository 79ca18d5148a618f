import Foundation
import Mercer
import MercerImage
import Testing

@Suite struct MullerWeightsTests {
    private func file(_ tensors: [String: Tensor]) throws -> String {
        let path = FileManager.default.temporaryDirectory.appending(
            path: "weights-\(UUID().uuidString).safetensors"
        ).path
        try saveTensors(tensors, to: path)
        return path
    }

    @Test func aFileIsReadBack() throws {
        let path = try file(Dictionary(uniqueKeysWithValues: MullerWeights.resnet50.tensors))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let read = try MullerWeights(path)
        for (a, b) in zip(read.list, MullerWeights.resnet50.list) { #expect(abs(a - b) < 1e-6) }
    }

    @Test func otherNamesAndShapesAreNamed() throws {
        let names = try file(["alpha": Tensor(Float(1)), "beta": Tensor(Float(0))])
        let shape = try file(["weight_1": Tensor([1, 2] as [Float]), "bias_1": Tensor(Float(0))])
        defer { for path in [names, shape] { try? FileManager.default.removeItem(atPath: path) } }
        #expect(
            throws: MullerError.names(names, found: ["alpha", "beta"], expected: ["weight_1", "bias_1"])
        ) {
            try MullerWeights(contentsOf: names)
        }
        #expect(throws: MullerError.shape(shape, name: "weight_1", found: [2])) {
            try MullerWeights(contentsOf: shape)
        }
    }

    @Test func theResponseIsThePublishedBandpass() throws {
        let taps = try MullerSettings().taps
        let weights = MullerWeights.resnet50
        #expect(abs(weights.response(at: 0, blur: taps) - 1) < 1e-12)
        #expect(abs(weights.response(at: 0.172, blur: taps) - 2.956) < 0.002)
        #expect(abs(weights.response(at: 0.5, blur: taps) + 0.592) < 0.002)
        let peak = MullerExplanation(try MullerSettings(), weights).peak()
        #expect(abs(peak.frequency - 0.172) < 0.005)
    }
}
