import Foundation
import Mercer

/// The 2L numbers that MULLER learns: for each layer the scale α and the bias β of its residual.
///
/// They belong to pictures in [0, 1].
public struct MullerWeights: Sendable, Hashable {
    /// α, the weights of the residuals.
    public let scales: [Double]
    /// β, the biases.
    public let biases: [Double]

    public var layers: Int { scales.count }

    /// The published weights: two layers, trained with ResNet-50 on ImageNet.
    public static let resnet50 = MullerWeights(unchecked: [1.892, -0.014, -11.295, 0.003])

    /// All zero: then MULLER is its base resizer.
    public static func zeros(layers: Int) -> MullerWeights {
        MullerWeights(unchecked: [Double](repeating: 0, count: 2 * layers))
    }

    /// - Parameter list: α₁, β₁, α₂, β₂, …
    /// - Throws: ``MullerError``.
    public init(_ list: [Double]) throws {
        guard !list.isEmpty, list.count % 2 == 0 else { throw MullerError.oddList(count: list.count) }
        guard list.count <= 128 else { throw MullerError.layers(list.count / 2) }
        if let bad = list.first(where: { !$0.isFinite }) { throw MullerError.notANumber("\(bad)") }
        self.init(unchecked: list)
    }

    private init(unchecked list: [Double]) {
        scales = stride(from: 0, to: list.count, by: 2).map { list[$0] }
        biases = stride(from: 1, to: list.count, by: 2).map { list[$0] }
    }

    /// Weights as a command takes them: `resnet50`, a list `w1,b1,w2,b2,…`, or the path of a safetensors file.
    public init(_ text: String) throws {
        if text == "resnet50" {
            self = .resnet50
        } else if text.contains(","), !FileManager.default.fileExists(atPath: text) {
            try self.init(
                text.split(separator: ",", omittingEmptySubsequences: false).map { part in
                    let word = part.trimmingCharacters(in: .whitespaces)
                    guard let number = Double(word), number.isFinite else { throw MullerError.notANumber(word) }
                    return number
                })
        } else {
            try self.init(contentsOf: text)
        }
    }

    /// Weights of a safetensors file: `weight_1`, `bias_1`, `weight_2`, …, single numbers.
    ///
    /// - Throws: ``MullerError`` where the names or shapes are others, `TensorFileError` where the file is damaged.
    public init(contentsOf path: String) throws {
        let file = try Safetensors(contentsOf: path)
        let layers = max(1, file.names.count / 2)
        let expected = (1...layers).flatMap { ["weight_\($0)", "bias_\($0)"] }
        guard Set(file.names) == Set(expected) else {
            throw MullerError.names(path, found: file.names.sorted(), expected: expected)
        }
        try self.init(
            expected.map { name in
                let tensor = try file.tensor(name)
                guard tensor.count == 1 else {
                    throw MullerError.shape(path, name: name, found: tensor.shape)
                }
                return tensor.doubleValue
            })
    }

    /// The numbers under their names in a file.
    public var tensors: [(String, Tensor)] {
        (0..<layers).flatMap { l in
            [("weight_\(l + 1)", Tensor(Float(scales[l]))), ("bias_\(l + 1)", Tensor(Float(biases[l])))]
        }
    }

    /// α₁, β₁, α₂, β₂, …
    public var list: [Double] { (0..<layers).flatMap { [scales[$0], biases[$0]] } }

    /// What the layers add to a picture that is the same everywhere: Σ tanh β.
    public var shift: Double { biases.reduce(0) { $0 + tanh($1) } }

    /// The gain of small waves at scale 1: H(f) = 1 + Σ αₗ Gˡ⁻¹(G − 1), with G the blur's response.
    ///
    /// - Parameter frequency: in cycles per pixel, up to ½.
    public func response(at frequency: Double, blur taps: [Double]) -> Double {
        let g = Self.blurResponse(at: frequency, taps)
        var power = 1.0
        var gain = 1.0
        for scale in scales {
            gain += scale * power * (g - 1)
            power *= g
        }
        return gain
    }

    /// The gain of a symmetric blur.
    public static func blurResponse(at frequency: Double, _ taps: [Double]) -> Double {
        let radius = taps.count / 2
        return taps.enumerated().reduce(0) { $0 + $1.element * cos(2 * .pi * frequency * Double($1.offset - radius)) }
    }
}
