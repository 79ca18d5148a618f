import Mercer
import MercerNN

/// λ-PNN (Ciotola, Poggi, Scarpa 2023, section III): a small residual network with two attention modules that adds
/// detail of the panchromatic band to the enlarged multispectral ones.
///
/// Parameter keys are the official ones (`conv_1.weight`, `CBAM_1.ChannelGate.mlp.1.weight`, …, 26 tensors): 198,442
/// parameters for four bands, 207,150 for eight.
public final class LambdaPNN: Module, UnaryLayer {
    public let bands: Int
    @ModuleInfo(key: "conv_1") var first: MirroredConv
    @ModuleInfo(key: "conv_2") var second: MirroredConv
    @ModuleInfo(key: "CBAM_1") var attention1: BlockAttention
    @ModuleInfo(key: "res_block_1") var block1: ResidualBlock
    @ModuleInfo(key: "res_block_2") var block2: ResidualBlock
    @ModuleInfo(key: "CBAM_2") var attention2: BlockAttention
    @ModuleInfo(key: "conv_3") var last: MirroredConv

    /// - Parameters:
    ///   - bands: of the multispectral picture.
    ///   - features: channels within.
    ///   - reduction: how many times fewer channels the attention's middle layer has.
    public init(bands: Int, features: Int = 64, reduction: Int = 4) {
        self.bands = bands
        _first = ModuleInfo(wrappedValue: MirroredConv(bands + 1, features, side: 3), key: "conv_1")
        _second = ModuleInfo(wrappedValue: MirroredConv(features, features, side: 3), key: "conv_2")
        _attention1 = ModuleInfo(wrappedValue: BlockAttention(features, features / reduction), key: "CBAM_1")
        _block1 = ModuleInfo(wrappedValue: ResidualBlock(features), key: "res_block_1")
        _block2 = ModuleInfo(wrappedValue: ResidualBlock(features), key: "res_block_2")
        _attention2 = ModuleInfo(wrappedValue: BlockAttention(features, features / reduction), key: "CBAM_2")
        _last = ModuleInfo(wrappedValue: MirroredConv(features, bands, side: 5), key: "conv_3")
    }

    /// A network whose parameters are given under official keys, in PyTorch's layout.
    ///
    /// - Throws: ``PansharpeningError/weights(_:reason:)``.
    public convenience init(parameters: [String: Tensor], from path: String) throws {
        guard let first = parameters["conv_1.weight"], first.rank == 4, first.dim(1) > 1,
            let gate = parameters["CBAM_1.ChannelGate.mlp.1.weight"], gate.rank == 2, gate.dim(0) > 0
        else {
            throw PansharpeningError.weights(
                path, reason: "conv_1.weight or CBAM_1.ChannelGate.mlp.1.weight is missing")
        }
        self.init(bands: first.dim(1) - 1, features: first.dim(0), reduction: first.dim(0) / gate.dim(0))
        do { try load(parameters, from: path) } catch let error as ModelFileError {
            throw PansharpeningError.weights(path, reason: "\(error)")
        }
    }

    /// The fused picture from `[N, H, W, bands + 1]`: enlarged bands and, last, the panchromatic one.
    public func callAsFunction(_ x: Tensor) -> Tensor { fused(x, gates: nil) }

    /// What the two channel gates multiply by, `[N, 1, 1, features]` each.
    struct Gates {
        var first: Tensor
        var second: Tensor
    }

    private func fused(_ x: Tensor, gates: Gates?) -> Tensor {
        precondition(
            x.rank == 4 && x.dim(3) == bands + 1, "LambdaPNN: a tensor of shape \(x.shape) for \(bands) bands and pan")
        let a = second.relu(first.relu(x))
        let b = block2(block1(attention1(a, gates?.first) + a))
        return last(attention2(b, gates?.second) + b) + x[0..., 0..., 0..., 0..<bands]
    }

    public func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        var y = second.trace(first.trace(shape, &cost), &cost)
        y = attention1.trace(y, &cost)
        y = attention2.trace(block2.trace(block1.trace(y, &cost), &cost), &cost)
        return last.trace(y, &cost)
    }
}

extension LambdaPNN {
    /// How far a pixel of the result looks, the channel gates aside.
    public static let reach = 1 + 1 + 3 + 4 + 3 + 2

    /// The fused picture of a large scene in bounded memory: the channel gates are computed over all tiles first, so
    /// that the result is the whole picture's.
    ///
    /// - Parameters:
    ///   - x: `[1, H, W, bands + 1]`.
    ///   - tile: the side of a tile in pixels.
    public func tiled(_ x: Tensor, tile: Int = 2048) throws -> Tensor {
        if x.dim(1) <= tile && x.dim(2) <= tile { return self(x) }
        let tiles = PictureTiles((x.dim(1), x.dim(2)), tile: tile, margin: Self.reach)
        let pixels = Double(x.dim(1) * x.dim(2))
        // Mean and maximum of what a gate sees, over the tiles' own pixels.
        func statistics(_ features: (Tensor) -> Tensor) throws -> (mean: Tensor, max: Tensor) {
            var sum: Tensor?
            var largest: Tensor?
            for part in tiles.tiles {
                try Task.checkCancellation()
                let seen = features(x[0..., part.rows, part.columns, 0...].contiguous())
                let own = seen[0..., part.innerRows, part.innerColumns, 0...].contiguous()
                let (s, m) = (
                    own.asType(.float64).sum(axes: [1, 2], keepDims: true), own.max(axes: [1, 2], keepDims: true)
                )
                sum = sum.map { $0 + s } ?? s
                largest = largest.map { maximum($0, m) } ?? m
            }
            return ((sum! / pixels).asType(.float32), largest!)
        }
        let one = try statistics { self.second.relu(self.first.relu($0)) }
        let firstGate = attention1.channels.gate(mean: one.mean, max: one.max)
        let two = try statistics { part in
            let a = self.second.relu(self.first.relu(part))
            return self.block2(self.block1(self.attention1(a, firstGate) + a))
        }
        let gates = Gates(first: firstGate, second: attention2.channels.gate(mean: two.mean, max: two.max))
        return try tiles.map(x[0]) { fused($0.expandedDimensions(axis: 0), gates: gates)[0].contiguous() }
            .expandedDimensions(axis: 0)
    }
}

/// A convolution of odd side with mirrored borders that keeps the size; its keys are the convolution's own.
final class MirroredConv: Module, UnaryLayer {
    @ModuleInfo(key: "") var convolution: Conv2d
    private let reach: Int

    init(_ inputs: Int, _ outputs: Int, side: Int) {
        reach = side / 2
        _convolution = ModuleInfo(
            wrappedValue: Conv2d(inputs, outputs, kernelSize: PerAxis(side)), key: "")
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        convolution(padded(x, [(0, 0), (reach, reach), (reach, reach), (0, 0)], mode: .reflect))
    }

    func relu(_ x: Tensor) -> Tensor { Mercer.relu(self(x)) }

    func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        convolution.trace([shape[0], shape[1] + 2 * reach, shape[2] + 2 * reach, shape[3]], &cost)
    }
}

/// x + conv(GELU(conv(x))).
final class ResidualBlock: Module, UnaryLayer {
    @ModuleInfo(key: "body.0") var first: MirroredConv
    @ModuleInfo(key: "body.2") var second: MirroredConv

    init(_ features: Int) {
        _first = ModuleInfo(wrappedValue: MirroredConv(features, features, side: 3), key: "body.0")
        _second = ModuleInfo(wrappedValue: MirroredConv(features, features, side: 3), key: "body.2")
    }

    func callAsFunction(_ x: Tensor) -> Tensor { x + second(gelu(first(x))) }

    func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        second.trace(first.trace(shape, &cost), &cost)
    }
}

/// CBAM (Woo et al. 2018): a gate for each channel of the whole picture, then one for each pixel.
final class BlockAttention: Module, UnaryLayer {
    @ModuleInfo(key: "ChannelGate") var channels: ChannelGate
    @ModuleInfo(key: "SpatialGate.spatial.conv_1") var spatial: MirroredConv

    init(_ features: Int, _ hidden: Int) {
        _channels = ModuleInfo(wrappedValue: ChannelGate(features, hidden), key: "ChannelGate")
        _spatial = ModuleInfo(wrappedValue: MirroredConv(2, 1, side: 7), key: "SpatialGate.spatial.conv_1")
    }

    func callAsFunction(_ x: Tensor) -> Tensor { self(x, nil) }

    /// - Parameter gate: the channels' gate where it is known already.
    func callAsFunction(_ x: Tensor, _ gate: Tensor?) -> Tensor {
        let known =
            gate
            ?? channels.gate(
                mean: x.mean(axes: [1, 2], keepDims: true), max: x.max(axes: [1, 2], keepDims: true))
        let y: Tensor = x * known
        let summary = concatenated([y.max(axes: [3], keepDims: true), y.mean(axes: [3], keepDims: true)], axis: 3)
        return y * sigmoid(spatial(summary))
    }

    func trace(_ shape: [Int], _ cost: inout ModelCost) -> [Int] {
        _ = spatial.trace([shape[0], shape[1], shape[2], 2], &cost)
        return shape
    }
}

/// σ(MLP(mean) + MLP(max)).
final class ChannelGate: Module {
    @ModuleInfo(key: "mlp.1") var first: Linear
    @ModuleInfo(key: "mlp.3") var second: Linear

    init(_ features: Int, _ hidden: Int) {
        _first = ModuleInfo(wrappedValue: Linear(features, hidden), key: "mlp.1")
        _second = ModuleInfo(wrappedValue: Linear(hidden, features), key: "mlp.3")
    }

    func gate(mean: Tensor, max: Tensor) -> Tensor {
        func answer(_ x: Tensor) -> Tensor { second(relu(first(x))) }
        return sigmoid(answer(mean) + answer(max))
    }
}
